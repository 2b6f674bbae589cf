//! Sends a project to the server, many files at once.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::api::Api;
use crate::failure::Failure;
use crate::project::File;

/// Files on their way at once.
const AT_ONCE: usize = 50;

/// Sends `files`; `sent` is told of each. The first failure ends it.
pub(crate) async fn index(
    api: &Arc<Api>,
    files: Vec<File>,
    mut sent: impl FnMut(&str),
) -> Result<usize, Failure> {
    let mut under_way = JoinSet::new();
    let mut files = files.into_iter();
    let mut count = 0;
    loop {
        while under_way.len() < AT_ONCE
            && let Some(file) = files.next()
        {
            let api = Arc::clone(api);
            under_way.spawn(async move {
                api.put("files", &[("path", &file.path)], file.text.into_bytes()).await?;
                Ok::<_, Failure>(file.path)
            });
        }
        let Some(done) = under_way.join_next().await else { return Ok(count) };
        sent(&done.map_err(std::io::Error::other)??);
        count += 1;
    }
}
