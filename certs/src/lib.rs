//! Test certificates and the zoo of broken ones.
