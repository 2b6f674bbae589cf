//! How a tool is configured and logged in for the drill.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// A description of a tool, as docs/drill.md has it. Texts may have [`Placeholders`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    /// What it is called in the report.
    pub(super) name: String,
    /// The client has a secret.
    #[serde(default)]
    pub(super) confidential: bool,
    /// The tool takes `https` only: every row's server speaks TLS.
    #[serde(default)]
    pub(super) tls: bool,
    /// Life of an access token.
    #[serde(default = "two_seconds", deserialize_with = "duration")]
    pub(super) lifetime: Duration,
    /// Longest that the command may take.
    #[serde(default = "a_minute", deserialize_with = "duration")]
    pub(super) deadline: Duration,
    /// Longest until it prints a token again once a fault is over.
    #[serde(default = "half_a_minute", deserialize_with = "duration")]
    pub(super) recovery: Duration,
    /// Variables that are passed on from the drill's own environment.
    #[serde(default)]
    pub(super) inherit: Vec<String>,
    /// More variables.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// Files that are written before the login.
    #[serde(default)]
    pub(super) file: Vec<File>,
    /// A process that the tool needs beside it.
    pub(super) daemon: Option<Daemon>,
    /// What logs the tool in, in order.
    #[serde(default)]
    pub(super) login: Vec<Step>,
}

/// A file below the home directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

/// A process in the foreground, for as long as the row runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Daemon {
    pub(super) command: Vec<String>,
    /// It is ready once this path is there.
    pub(super) ready: String,
    /// What it is told after it was killed and started again.
    #[serde(default)]
    pub(super) load: Vec<Step>,
}

/// A command that must end with 0.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) stdin: String,
}

fn two_seconds() -> Duration {
    Duration::from_secs(2)
}

fn a_minute() -> Duration {
    Duration::from_secs(60)
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    unlapse_core::duration::parse(&text).map_err(serde::de::Error::custom)
}

/// The templates that come with the command.
const BUILT_IN: [(&str, &str); 2] = [
    ("unlapse", include_str!("templates/unlapse.toml")),
    ("oidc-agent", include_str!("templates/oidc-agent.toml")),
];

impl Template {
    /// The one that was asked for, by name or as a file; else the one that fits the program.
    pub(super) fn find(asked: Option<&str>, program: &Path) -> Result<Self, Diagnosis> {
        let name = match (asked, program.file_name().and_then(|name| name.to_str())) {
            (Some(asked), _) => asked,
            (None, Some("unlapse")) => "unlapse",
            (None, Some("oidc-token")) => "oidc-agent",
            (None, _) => return Err(no_template()),
        };
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(text).map_err(|error| bad(name, &error));
        }
        #[expect(clippy::disallowed_methods, reason = "the user's own file, read once")]
        let text = std::fs::read_to_string(name).map_err(|error| bad(name, &error.to_string()))?;
        Self::parse(&text).map_err(|error| bad(name, &error))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let template: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            format!("line {line}: {}", error.message())
        })?;
        let second = Duration::from_secs(1);
        if !(second..=60 * second).contains(&template.lifetime) {
            return Err("`lifetime` is from 1s to 60s".to_owned());
        }
        let steps = template.login.iter().chain(template.daemon.iter().flat_map(|it| &it.load));
        let mut commands = steps.map(|step| &step.command);
        if commands.any(Vec::is_empty)
            || template.daemon.as_ref().is_some_and(|daemon| daemon.command.is_empty())
        {
            return Err("a `command` names a program".to_owned());
        }
        Ok(template)
    }
}

fn no_template() -> Diagnosis {
    Diagnosis {
        code: "drill_template",
        message: "no built-in template fits this command".to_owned(),
        hint:
            "name one with --template: unlapse, oidc-agent, or a file as docs/drill.md describes it"
                .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

fn bad(name: &str, error: &str) -> Diagnosis {
    Diagnosis {
        code: "drill_template",
        message: format!("the template {name} cannot be used: {error}"),
        hint: "docs/drill.md describes templates; the built-in ones are unlapse and oidc-agent"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// What stands for the values of a row: `{home}`, `{token_endpoint}` and the like.
#[derive(Clone, Debug, Default)]
pub(super) struct Placeholders(Vec<(&'static str, String)>);

impl Placeholders {
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    /// `text` with every placeholder that is known replaced; other braces stay.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            filled.push_str(&rest[..start]);
            rest = &rest[start..];
            let known = self.0.iter().find_map(|(name, value)| {
                let behind = rest.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')?;
                Some((value, behind))
            });
            if let Some((value, behind)) = known {
                filled.push_str(value);
                rest = behind;
            } else {
                filled.push('{');
                rest = &rest[1..];
            }
        }
        filled + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(asked: Option<&str>, program: &str) -> Result<String, String> {
        let found = Template::find(asked, Path::new(program));
        found.map(|template| template.name).map_err(|diagnosis| diagnosis.message)
    }

    #[test]
    fn the_built_in_ones_read_and_fit_their_programs() {
        for (name, _) in BUILT_IN {
            assert_eq!(find(Some(name), "whatever").as_deref(), Ok(name));
        }
        assert_eq!(find(None, "/usr/bin/unlapse").as_deref(), Ok("unlapse"));
        assert_eq!(find(None, "oidc-token").as_deref(), Ok("oidc-agent"));
        assert!(find(None, "curl").is_err_and(|message| message.contains("no built-in")));
        assert!(find(Some("/nonexistent"), "x").is_err_and(|message| message.contains("No such")));
    }

    #[test]
    fn a_template_that_does_not_read_says_where() {
        let rows = [
            ("name = \"x\"\nlogout = []\n", "line 2: unknown field `logout`"),
            ("", "line 1: missing field `name`"),
            ("name = \"x\"\nlifetime = \"3\"", "line 2: a duration is a whole number"),
            ("name = \"x\"\nlifetime = \"2m\"", "`lifetime` is from 1s to 60s"),
            ("name = \"x\"\n[[login]]\ncommand = []", "a `command` names a program"),
        ];
        for (text, said) in rows {
            let error = Template::parse(text).expect_err(text);
            assert!(error.starts_with(said), "{text}: {error}");
        }
    }

    #[test]
    fn the_example_of_the_documentation_reads_and_says_the_defaults() {
        const PAGE: &str = include_str!("../../../../../docs/drill.md");
        let example = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
        let template = Template::parse(example.expect("an example")).expect("it reads");
        assert!(template.daemon.is_some_and(|daemon| !daemon.load.is_empty()));
        assert_eq!((template.login.len(), template.file.len()), (1, 1));
        let bare = Template::parse("name = \"x\"").expect("it reads");
        assert_eq!((template.deadline, template.recovery), (bare.deadline, bare.recovery));
        assert_eq!(bare.lifetime, Duration::from_secs(2));
    }

    #[test]
    fn placeholders_are_replaced_once_and_other_braces_stay() {
        let mut known = Placeholders::default();
        known.set("home", "/h/{dir}");
        known.set("dir", "/d");
        assert_eq!(known.fill(r#"{"a": "{home}", {b} {dir}{"#), r#"{"a": "/h/{dir}", {b} /d{"#);
    }
}
