//! The life of a message, and the traits Store, Spool, Clock and Transport.
