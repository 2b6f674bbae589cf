//! Many connections at once, in and out: a line of JSON each (NDJSON).
//!
//! ```text
//! {"user":"ada","provider":"google","account":"main","refresh_token":"…","access_token":"…","expires_in":3599}
//! ```
//!
//! An import has an id. Broken off, by whatever, the same upload is sent again under the same id: what
//! was done is passed over, and it goes on behind it. A line that cannot be used is counted, and its
//! number and a reason are kept; it hinders no other. Memory is bounded, however long the upload is.

mod batch;
mod export;
mod line;
mod lines;
mod rows;
mod upload;

pub use export::{Export, ExportPage};
pub use upload::Import;
