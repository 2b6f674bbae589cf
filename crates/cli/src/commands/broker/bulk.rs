//! `unlapse broker import` and `unlapse broker export`

use std::io::{Read as _, Write as _};
use std::path::Path;

use serde_json::json;
use unlapse_broker::{Export, Name, Problem};
use zeroize::Zeroizing;

use super::offline::{beside, operator};
use super::shown::done;
use super::{Run, failure};
use crate::args::{ExportArguments, ImportArguments};
use crate::commands::running::block_on_threads;
use crate::commands::serve;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::{one_line, rfc3339};
use crate::terminal;

/// So much of a file is read at a time.
const CHUNK: usize = 256 * 1024;
/// Connections of an export that are read at a time.
const PART: usize = 500;
/// Faults that are told.
const FAULTS: usize = 20;

fn tenant(run: &Run<'_>) -> Result<Name, Diagnosis> {
    let tenant = run.arguments.tenant.as_deref().unwrap_or("default");
    tenant.parse().map_err(|bad| failure::bad_tenant(&bad))
}

/// Brings every connection of a file. Broken off, the same command goes on behind what is done.
pub(super) fn import(run: &Run<'_>, arguments: &ImportArguments) -> Result<Exit, Diagnosis> {
    let tenant = tenant(run)?;
    let failed = |problem: Problem| serve::failure::problem(&problem);
    let path = run.environment.absolute(&arguments.file);
    let id = match &arguments.id {
        Some(id) => id.parse(),
        None => named(&path).parse(),
    };
    let id: Name = id.map_err(|bad| failure::bad_import(&bad))?;
    let unreadable = |error: std::io::Error| serve::failure::file(&path, &error);
    let mut file = std::fs::File::open(&path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    block_on_threads(async {
        let broker = beside(run, &arguments.place).await?;
        let mut import = broker.import(&tenant, &id, &operator()).await.map_err(failed)?;
        let bar = terminal::progress(length, run.common.quiet);
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        loop {
            let read = file.read(&mut chunk).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            import.feed(&chunk[..read]).await.map_err(failed)?;
            bar.inc(read as u64);
        }
        let progress = import.finish().await.map_err(failed)?;
        bar.finish_and_clear();
        let faults =
            broker.tables().import_faults(&tenant, &id, 0, FAULTS).await.map_err(failed)?;
        if !run.common.json {
            for fault in &faults {
                terminal::warn(&format!("line {}: {}", fault.line, one_line(&fault.reason)));
            }
        }
        let value = json!({
            "id": id.as_str(),
            "tenant": tenant.as_str(),
            "lines": progress.lines,
            "brought": progress.brought,
            "left_alone": progress.left_alone,
            "refused": progress.refused,
            "finished_at": progress.finished_at.map(rfc3339),
            "faults": faults,
        });
        let told = format!(
            "{} lines: {} connections were brought, {} are there already, {} lines were refused",
            progress.lines, progress.brought, progress.left_alone, progress.refused
        );
        done(run, &value, &told);
        Ok(if progress.refused == 0 { Exit::Ok } else { Exit::Denied })
    })
}

/// An import is called as its file is, as far as a name can be.
fn named(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(Name::MAX).collect();
    name.trim_start_matches(['.', '_', '-']).to_owned()
}

/// Every connection of the tenant, a line each.
pub(super) fn export(run: &Run<'_>, arguments: &ExportArguments) -> Result<Exit, Diagnosis> {
    let tenant = tenant(run)?;
    let failed = |problem: Problem| serve::failure::problem(&problem);
    let what = Export { with_secrets: arguments.with_secrets };
    block_on_threads(async {
        let broker = beside(run, &arguments.place).await?;
        let (mut after, mut unread) = (None, 0);
        loop {
            let page = broker.export(&tenant, what, after.as_ref(), PART, &operator()).await;
            let page = page.map_err(failed)?;
            terminal::data(&page.lines);
            unread += page.unread;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        // Whoever reads it has all of it.
        let _ = std::io::stdout().flush();
        if unread > 0 {
            terminal::warn(&format!("the tokens of {unread} connections could not be read"));
        }
        Ok(Exit::Ok)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_named_as_its_file() {
        for (path, name) in [
            ("/a/Users 2026.ndjson", "users-2026"),
            ("connections.ndjson", "connections"),
            ("_x.json", "x"),
        ] {
            assert_eq!(named(Path::new(path)), name);
        }
    }
}
