//! The store from outside: one contract for every implementation, concurrency, and being killed.

#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod full;
#[cfg(test)]
mod kill;
mod log;

#[cfg(test)]
mod opening;
#[cfg(test)]
mod support;
