//! Tokens that never lapse: one durable, cancel-safe renewal across tasks, processes and hosts.
