//! ebMS3 and AS4 as a push machine: headers, P-Modes, inbound and outbound.
