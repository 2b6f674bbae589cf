//! `unlapse config show`

use serde_json::json;

use crate::app::App;
use crate::config::show;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(crate) fn run(app: &App) -> Result<Exit, Diagnosis> {
    let config = &app.config;
    if app.json {
        let mut value = show::json(&config.rows);
        value["files"] = json!(config.files);
        terminal::data(&format!("{value:#}\n"));
    } else {
        if !app.quiet {
            for file in &config.files {
                terminal::note(&format!("read {}", file.display()));
            }
        }
        terminal::data(&show::table(&config.rows));
    }
    Ok(Exit::Ok)
}
