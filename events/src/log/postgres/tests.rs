//! What is PostgreSQL's own: connections that are cut, nodes that hang, and an acknowledgement that is true nevertheless.
