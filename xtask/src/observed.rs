//! The runs that `docs/observability.md` shows, made anew: what the tests of the example and of the
//! command have seen.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::metadata::{self, Metadata};
use crate::{page, process};

/// Names the folder that those tests leave what they saw in.
const VARIABLE: &str = "UNLAPSE_OBSERVED";

/// The page.
const PAGE: &str = "docs/observability.md";

/// What is shown there.
const SHOWN: [&str; 3] = ["metrics", "spans", "stats"];

pub(crate) fn run() -> Result<()> {
    let folder = Path::new(&Metadata::of(metadata::MAIN)?.target_directory).join("observed");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for arguments in [
        ["-p", "unlapse-example-observability", "--test", "seen", "c17"],
        ["-p", "unlapse-cli", "--test", "commands", "k11_stats"],
    ] {
        process::show(process::cargo().arg("test").args(arguments).env(VARIABLE, &folder))?;
    }
    for name in SHOWN {
        let seen = folder.join(name);
        let text = fs::read_to_string(&seen).with_context(|| format!("reading {name}"))?;
        page::fill(PAGE, name, &format!("```text\n{}\n```", text.trim_end()))?;
        fs::remove_file(&seen).with_context(|| format!("removing {name}"))?;
    }
    println!("{PAGE}");
    Ok(())
}
