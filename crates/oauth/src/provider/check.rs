//! What holds for a descriptor beside its calls.

use core::time::Duration;

use super::bad_provider::BadProvider;
use super::compile::{Found, MAX_ENTRIES, NAMES};
use super::descriptor::Descriptor;
use super::metadata;
use super::slot::Slot;
use super::words::Lifetime;

/// Looks at every field that no call is built of.
pub(super) fn check(descriptor: &Descriptor) -> Found<()> {
    let text = |field: &str, text: &str, longest: usize| {
        let good =
            !text.trim().is_empty() && text.len() <= longest && !text.contains(char::is_control);
        let problem = format!("a text of 1 to {longest} bytes is needed, in one line");
        if good { Ok(()) } else { Err(BadProvider::of(field, problem)) }
    };
    text("name", &descriptor.name, 80)?;
    if let Some(note) = &descriptor.note {
        text("note", note, 1000)?;
    }
    if descriptor.sources.is_empty() || descriptor.sources.len() > MAX_ENTRIES {
        return Err(BadProvider::of("sources", "name 1 to 64 pages that the facts are from"));
    }
    for source in &descriptor.sources {
        if crate::Endpoint::parse(source).is_err() {
            return Err(BadProvider::of("sources", "each is the `https` URL of a page"));
        }
    }
    if !is_date(&descriptor.date) {
        return Err(BadProvider::of("date", "write it like `2026-11-21`"));
    }
    let separator = descriptor.scope_separator.as_deref().unwrap_or(" ");
    if !matches!(separator, " " | "," | ", " | ":" | ";" | "+" | "|") {
        let problem = "it is one of ` `, `,`, `, `, `:`, `;`, `+` and `|`";
        return Err(BadProvider::of("scope_separator", problem));
    }
    for (name, wire) in &descriptor.names {
        if !NAMES.contains(&name.as_str()) {
            return Err(BadProvider::of("names", "a key there is a standard parameter's name"));
        }
        if wire.is_empty() || wire.len() > 64 || !wire.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "a parameter's name is 1 to 64 visible ASCII characters";
            return Err(BadProvider::of(&format!("names.{name}"), problem));
        }
    }
    for (field, entries) in [("callback", &descriptor.callback), ("metadata", &descriptor.metadata)]
    {
        let good = entries.len() <= metadata::Metadata::MAX
            && entries.iter().all(|(name, path)| metadata::is_name(name) && is_path(path));
        if !good {
            let problem =
                "at most 32 names, each of letters, digits, `_`, `-` and `.`, with a path";
            return Err(BadProvider::of(field, problem));
        }
    }
    for (field, codes) in [("errors", &descriptor.errors), ("details", &descriptor.details)] {
        if codes.len() > MAX_ENTRIES || codes.keys().any(|code| code.trim().is_empty()) {
            return Err(BadProvider::of(field, "at most 64 codes, none of them empty"));
        }
    }
    variables(descriptor)?;
    reply(descriptor)?;
    timing(descriptor)
}

fn variables(descriptor: &Descriptor) -> Found<()> {
    if descriptor.variables.len() > MAX_ENTRIES {
        return Err(BadProvider::of("variables", "more than 64 entries"));
    }
    for (name, variable) in &descriptor.variables {
        if !metadata::is_name(name) || Slot::is_standard(name) {
            let problem =
                "a name is letters, digits, `_`, `-`, `.`, and none that every provider has";
            return Err(BadProvider::of("variables", problem));
        }
        let field = format!("variables.{name}");
        let bad = |problem: &'static str| Err(BadProvider::of(&field, problem));
        if variable.about.trim().is_empty() || variable.about.len() > 200 {
            return bad("say in `about` what it is, in at most 200 bytes");
        }
        if !variable.values.is_empty() && !variable.hosts.is_empty() {
            return bad("`values` or `hosts`, not both");
        }
        if variable.values.len() > MAX_ENTRIES || variable.hosts.len() > MAX_ENTRIES {
            return bad("more than 64 `values` or `hosts`");
        }
        let host = |host: &String| {
            let bare = host.strip_prefix('.').unwrap_or(host);
            bare.contains('.')
                && bare.split('.').all(|label| {
                    !label.is_empty()
                        && label
                            .bytes()
                            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                })
        };
        if !variable.hosts.iter().all(host) {
            return bad(
                "each of `hosts` is a host in lower case, like `a.example` or `.a.example`",
            );
        }
        let known = |value: &String| variable.values.is_empty() || variable.values.contains(value);
        if variable.default.as_ref().is_some_and(|default| !known(default)) {
            return bad("`default` is none of `values`");
        }
    }
    Ok(())
}

fn reply(descriptor: &Descriptor) -> Found<()> {
    let paths = &descriptor.reply;
    for (field, list) in [
        ("reply.envelope", &paths.envelope),
        ("reply.access_token", &paths.access_token),
        ("reply.refresh_token", &paths.refresh_token),
        ("reply.expires_in", &paths.expires_in),
        ("reply.expires_at", &paths.expires_at),
        ("reply.refresh_expires_in", &paths.refresh_expires_in),
        ("reply.error", &paths.error),
        ("reply.detail", &paths.detail),
    ] {
        let whole = |path: &String| field == "reply.envelope" && path == ".";
        if list.len() > 8 || !list.iter().all(|path| whole(path) || is_path(path)) {
            return Err(BadProvider::of(
                field,
                "at most 8 paths, like `data.token` or `data.0.token`",
            ));
        }
    }
    if let Some(success) = &paths.success
        && (!is_path(&success.field) || success.is.is_empty() || success.is.len() > 8)
    {
        return Err(BadProvider::of(
            "reply.success",
            "a path in `field`, and 1 to 8 values in `is`",
        ));
    }
    Ok(())
}

fn timing(descriptor: &Descriptor) -> Found<()> {
    const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);
    let timing = &descriptor.timing;
    for (field, span) in [
        ("timing.access_ttl", timing.access_ttl),
        ("timing.refresh_idle", timing.refresh_idle),
        ("timing.refresh_absolute", timing.refresh_absolute),
        ("timing.min_age", timing.min_age),
    ] {
        if span.is_some_and(|span| span.0.is_zero() || span.0 > LONGEST) {
            return Err(BadProvider::of(field, "it is longer than nothing, and at most 36500d"));
        }
    }
    if let (Some(young), Some(ttl)) = (timing.min_age, timing.access_ttl)
        && young.0 >= ttl.0
    {
        let problem = "a token would end before it may be refreshed; `access_ttl` is longer";
        return Err(BadProvider::of("timing.min_age", problem));
    }
    let lifetime = descriptor.lifetime.unwrap_or(Lifetime::Reply);
    if lifetime == Lifetime::Fixed && timing.access_ttl.is_none() {
        return Err(BadProvider::of("lifetime", "`fixed` needs `timing.access_ttl`"));
    }
    if lifetime == Lifetime::Introspection && descriptor.introspection.is_none() {
        return Err(BadProvider::of("lifetime", "`introspection` needs `introspection.url`"));
    }
    Ok(())
}

fn is_path(path: &str) -> bool {
    (1..=128).contains(&path.len())
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && path.split('.').all(|name| !name.is_empty())
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut next = |length: usize, range: core::ops::RangeInclusive<u32>| {
        parts.next().is_some_and(|part| {
            part.len() == length
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && part.parse().is_ok_and(|number| range.contains(&number))
        })
    };
    next(4, 2000..=2999) && next(2, 1..=12) && next(2, 1..=31) && parts.next().is_none()
}
