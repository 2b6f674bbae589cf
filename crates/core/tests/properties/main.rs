//! What holds for every record, situation and answer, and not only for the rows of a table (I10). 256 cases
//! each; `PROPTEST_CASES=100000` in the environment tries more.
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

mod any;
mod assess;
mod backoff;
mod breaker;
mod classify;
mod plan;
mod record;
mod stored;
