//! Searches.

use serde::Deserialize;

use crate::api::Api;
use crate::failure::Failure;

/// A line that was found.
#[derive(Debug, Deserialize)]
pub(crate) struct Hit {
    /// In which file of the project.
    pub(crate) file: String,
    /// In which line of it, from one.
    pub(crate) line: u64,
    /// The line.
    pub(crate) text: String,
}

/// Where `words` stand.
pub(crate) async fn search(api: &Api, words: &str) -> Result<Vec<Hit>, Failure> {
    api.get("search", &[("q", words)]).await
}
