//! Whole runs of the suite against the double and nodes made of it. In one program, since most of their time is waiting.

#![cfg(test)]

mod pulled;
mod sanity;
mod seed;
mod selftest;
