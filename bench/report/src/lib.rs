//! How measurements are summed up and printed: medians, Markdown tables that also read well on a
//! terminal, and the machine that they were made on.

mod machine;
mod samples;
mod table;

pub use machine::machine;
pub use samples::Samples;
pub use table::Table;
