//! Nodes broken on purpose: the null nodes.
