//! Where tokens are born, succeed one another and end.
