//! Three providers with three ways: mail gives users tokens with strict rotation, files gives them to
//! us, and those of notes have no end.

use std::time::Duration;

use serde_json::{Value, json};
use unlapse_core::Secret;
use unlapse_example_stage::axum::{Json, Router, routing::get};
use unlapse_example_stage::issuer::{Client, Verified};
use unlapse_example_stage::{Stage, StageBuilder};

/// What we are called at mail and files.
pub(crate) const CLIENT: &str = "us";
/// What proves it.
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret";
/// The token of everybody at notes.
pub(crate) const NOTES_TOKEN: &str = "canary-notes-token";

/// The providers.
pub(crate) struct ThreeProviders {
    pub(crate) mail: Stage,
    pub(crate) files: Stage,
    pub(crate) notes: Stage,
}

fn provider() -> StageBuilder {
    let name = |who: Option<Verified>| async {
        Json(json!({ "name": who.map_or("somebody".to_owned(), |who| who.sub.clone()) }))
    };
    Stage::builder()
        .client(Client::confidential(CLIENT, &Secret::new(CLIENT_SECRET)))
        .api(Router::new().route("/profile", get(name)))
}

impl ThreeProviders {
    pub(crate) fn start() -> Self {
        Self {
            mail: provider().access_lifetime(Duration::from_secs(900)).start(),
            files: provider().start(),
            notes: provider().api_key(NOTES_TOKEN).start(),
        }
    }

    /// The file that names them.
    pub(crate) fn file(&self) -> String {
        let (mail, files) = (self.mail.url(), self.files.url());
        let file = json!({
            "mail": { "api": mail, "grant": "refresh_token", "reuse": "strict",
                "token_endpoint": format!("{mail}/token"),
                "client_id": CLIENT, "client_secret_env": "CLIENT_SECRET" },
            "mail-misconfigured": { "api": mail, "grant": "refresh_token", "reuse": "strict",
                "token_endpoint": format!("{mail}/token"),
                "client_id": CLIENT, "client_secret_env": "WRONG_SECRET" },
            "files": { "api": files, "grant": "client_credentials",
                "token_endpoint": format!("{files}/token"),
                "client_id": CLIENT, "client_secret_env": "CLIENT_SECRET" },
            "notes": { "api": self.notes.url(), "grant": "stable" },
        });
        file.to_string()
    }

    /// What the token endpoint of `provider` replies when `user` has come back from it.
    pub(crate) fn reply(&self, user: &str, provider: &str) -> Value {
        match provider {
            "notes" => json!({ "access_token": NOTES_TOKEN, "token_type": "Bearer" }),
            "files" => json!({}),
            _ => {
                let session = self.mail.open_session(user, CLIENT, "");
                json!({ "refresh_token": session.expose(), "token_type": "Bearer" })
            }
        }
    }
}
