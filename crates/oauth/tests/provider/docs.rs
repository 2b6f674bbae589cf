//! The page about providers says what is true.

use std::fmt::Write as _;
use std::path::Path;

use unlapse_oauth::provider::{AccessTtl, Catalogue, Lifetime, Provider, Step};

const BEGIN: &str = "<!-- providers -->\n";
const END: &str = "<!-- /providers -->";

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/providers.md")
}

#[expect(clippy::disallowed_methods, reason = "a test reads the page that it is about")]
fn page() -> String {
    std::fs::read_to_string(path()).unwrap()
}

fn row(provider: &Provider) -> String {
    let descriptor = provider.descriptor();
    let timing = &descriptor.timing;
    let span =
        |span: Option<unlapse_oauth::provider::Span>| span.map_or_else(String::new, String::from);
    let access = match (provider.lifetime(), provider.timing().access_ttl) {
        (Lifetime::Jwt, _) => "the JWT's".to_owned(),
        (Lifetime::Introspection, _) => "by introspection".to_owned(),
        (_, AccessTtl::Usually(_)) => span(timing.access_ttl),
        (_, AccessTtl::Unknown) => String::new(),
        (_, AccessTtl::Endless) => "no end".to_owned(),
    };
    let step = if provider.has(Step::Refresh) { Step::Refresh } else { Step::ClientCredentials };
    let auth = provider.auth(step).map_or("", unlapse_oauth::provider::Auth::as_str);
    let mut sources = String::new();
    for (number, source) in descriptor.sources.iter().enumerate() {
        let _ = write!(sources, "{}[{}]({source})", if number == 0 { "" } else { " " }, number + 1);
    }
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        provider.id(),
        provider.display_name(),
        provider.reuse(),
        access,
        span(timing.refresh_idle),
        span(timing.refresh_absolute),
        auth,
        descriptor.note.as_deref().unwrap_or_default(),
        format_args!("{} {sources}", descriptor.date),
    )
}

fn table() -> String {
    let mut table = String::from(
        "| id | provider | reuse | access token | idle | at most | auth | beside | from |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for provider in &Catalogue::built_in() {
        table.push_str(&row(provider));
    }
    table
}

#[test]
fn docs_have_the_table_of_the_catalogue() {
    let page = page();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("UNLAPSE_WRITE_DOCS").is_some() {
        #[expect(clippy::disallowed_methods, reason = "asked to write the page")]
        std::fs::write(path(), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert!(written == table, "docs/providers.md is old: UNLAPSE_WRITE_DOCS=1 writes it anew");
}

/// The fields that a table may have, in the parser's own words.
fn fields(text: &str) -> Vec<String> {
    let good = "name = \"A\"\nsources = [\"https://a.example\"]\ndate = \"2026-11-21\"\n";
    let said = Catalogue::parse(&format!("[acme]\n{good}{text}")).unwrap_err().to_string();
    let (_, known) = said.split_once("expected one of ").unwrap_or_else(|| panic!("{said}"));
    known.split(", ").map(|field| field.trim_matches('`').to_owned()).collect()
}

#[test]
fn docs_name_every_field() {
    let page = page();
    for table in [
        "nobody_knows = 1",
        "token = { nobody_knows = 1 }",
        "variables = { a = { nobody_knows = 1 } }",
        "reply = { nobody_knows = 1 }",
        "timing = { nobody_knows = 1 }",
        "assertion = { nobody_knows = 1 }",
    ] {
        let fields = fields(table);
        assert!(fields.len() > 3, "{fields:?}");
        for field in fields {
            assert!(page.contains(&format!("`{field}`")), "`{field}` is not in docs/providers.md");
        }
    }
}

#[test]
fn docs_have_an_example_that_is_read() {
    let page = page();
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let catalogue = Catalogue::parse(example).unwrap();
    assert!(catalogue.provider("acme").unwrap().has(Step::Revocation));
}
