//! Tests of the inbound machine.
