//! Tests of P-Modes.
