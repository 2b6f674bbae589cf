//! Endpoints with variables in them, of which none leads anywhere else.

use std::collections::BTreeMap;

use crate::endpoint::{Endpoint, EndpointError};

use super::Unbuildable;
use super::descriptor::Variable;
use super::host_from::HostFrom;
use super::slot::Slot;
use super::template::{BadTemplate, Part, Template};
use super::values::Values;

/// The URL of an endpoint. Its slots are variables alone, so that no secret ever is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UrlTemplate(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String, Place),
}

/// Where in a URL a variable stands, which decides what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// All of the host, with its port.
    Host,
    /// A part of the host.
    Label,
    /// In the path or the query.
    Segment,
}

/// Why a text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadUrl {
    #[error(transparent)]
    Template(#[from] BadTemplate),
    #[error("it is no endpoint: {0}")]
    Endpoint(#[from] EndpointError),
    #[error("it begins with neither `https://` nor a host of this machine")]
    Scheme,
    #[error("`{{{0}}}` is the whole host and can come from outside: list its `hosts` or `values`")]
    AnyHost(String),
    #[error("`{{{0}}}` is not the whole host: `hosts` cannot limit it")]
    HostsOfPart(String),
    #[error("the `default` of `{{{0}}}` cannot stand here: {1}")]
    OwnValue(String, &'static str),
}

impl UrlTemplate {
    /// Reads a URL. `is_outside` says which variables others than the operator can fill in.
    pub(super) fn parse(
        text: &str,
        variables: &BTreeMap<String, Variable>,
        is_outside: impl Fn(&str) -> bool,
    ) -> Result<Self, BadUrl> {
        let template = Template::parse(text, None, variables)?;
        let mut pieces = Vec::new();
        let mut so_far = String::new();
        for (index, part) in template.parts().iter().enumerate() {
            match part {
                Part::Text(text) => {
                    so_far.push_str(text);
                    pieces.push(Piece::Text(text.clone()));
                }
                Part::Slot(Slot::Variable(name)) => {
                    let place = place(&so_far, template.parts().get(index + 1))?;
                    let variable = variables.get(name);
                    let hosts = variable.is_some_and(|variable| !variable.hosts.is_empty());
                    if is_outside(name) && leads_anywhere(place, variable) {
                        return Err(BadUrl::AnyHost(name.clone()));
                    }
                    if place != Place::Host && hosts {
                        return Err(BadUrl::HostsOfPart(name.clone()));
                    }
                    let own = variable.into_iter().flat_map(|own| own.default.iter());
                    for own in own.filter(|own| !own.is_empty()) {
                        check(own, place, variable)
                            .map_err(|why| BadUrl::OwnValue(name.clone(), why))?;
                    }
                    // Stands for any value while the rest is looked at.
                    so_far.push('x');
                    pieces.push(Piece::Variable(name.clone(), place));
                }
                // Without a step, a template has no other slots.
                Part::Slot(_) => return Err(BadTemplate::Name.into()),
            }
        }
        Endpoint::parse(&so_far)?;
        Ok(Self(pieces))
    }

    /// Whether `name` is a host here that nothing but the operator limits.
    pub(super) fn is_any_host(&self, name: &str, variable: Option<&Variable>) -> bool {
        let is_here = |piece: &Piece| match piece {
            Piece::Variable(known, place) => known == name && leads_anywhere(*place, variable),
            Piece::Text(_) => false,
        };
        self.0.iter().any(is_here)
    }

    /// Whether `name` stands anywhere in it.
    pub(super) fn has(&self, name: &str) -> bool {
        let is_it = |piece: &Piece| matches!(piece, Piece::Variable(known, _) if known == name);
        self.0.iter().any(is_it)
    }

    /// Who has named the host, with these values.
    pub(super) fn host_from(&self, values: &Values<'_>) -> HostFrom {
        let named_by = |piece: &Piece| match piece {
            Piece::Variable(name, place @ (Place::Host | Place::Label)) => {
                let variable = values.declared(name);
                // Whoever chooses one of a list names nothing.
                let is_listed = variable.is_some_and(|variable| !variable.values.is_empty());
                let is_operators = leads_anywhere(*place, variable);
                if is_listed { HostFrom::Descriptor } else { values.given_by(name, is_operators) }
            }
            Piece::Variable(_, Place::Segment) | Piece::Text(_) => HostFrom::Descriptor,
        };
        self.0.iter().map(named_by).max().unwrap_or(HostFrom::Descriptor)
    }

    /// The endpoint, with every variable in its place.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<Endpoint, Unbuildable> {
        Ok(Endpoint::parse(&self.text(values)?)?)
    }

    /// The same as it is written, for what is compared and not asked.
    pub(super) fn text(&self, values: &Values<'_>) -> Result<String, Unbuildable> {
        let mut url = String::with_capacity(128);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Variable(name, place) => {
                    let variable = values.declared(name);
                    let value = if leads_anywhere(*place, variable) {
                        values.operators(name)?
                    } else {
                        values.variable(name)?
                    };
                    let bad = |problem| Unbuildable::Variable { name: name.clone(), problem };
                    let value = check(value, *place, variable).map_err(bad)?;
                    if let Some(local) = value.strip_prefix("http://") {
                        // The endpoint itself sees to it that this is this machine.
                        url.clear();
                        url.push_str("http://");
                        url.push_str(local);
                    } else {
                        url.push_str(value);
                    }
                }
            }
        }
        Ok(url)
    }
}

/// Whether what stands there says alone where a request goes, its secrets with it. Only the operator
/// fills that in: whoever brings a connection must not have the app's secret sent to them.
fn leads_anywhere(place: Place, variable: Option<&Variable>) -> bool {
    let is_limited = |own: &Variable| !own.hosts.is_empty() || !own.values.is_empty();
    place == Place::Host && !variable.is_some_and(is_limited)
}

/// Where what follows `so_far` stands.
fn place(so_far: &str, next: Option<&Part>) -> Result<Place, BadUrl> {
    let after = so_far.strip_prefix("https://").or_else(|| so_far.strip_prefix("http://"));
    let after = after.ok_or(BadUrl::Scheme)?;
    if after.contains(['/', '?']) {
        return Ok(Place::Segment);
    }
    let ends = match next {
        None => true,
        Some(Part::Text(text)) => text.starts_with(['/', '?']),
        Some(Part::Slot(_)) => false,
    };
    Ok(if after.is_empty() && ends { Place::Host } else { Place::Label })
}

/// The part of `value` that may stand in a place.
fn check<'a>(
    value: &'a str,
    place: Place,
    variable: Option<&Variable>,
) -> Result<&'a str, &'static str> {
    let (values, hosts) = variable.map_or((&[][..], &[][..]), |variable| {
        (variable.values.as_slice(), variable.hosts.as_slice())
    });
    let value = if place == Place::Host {
        value.strip_prefix("https://").unwrap_or(value).trim_end_matches('/')
    } else {
        value
    };
    if !values.is_empty() {
        let known = values.iter().any(|known| known == value);
        return if known { Ok(value) } else { Err("it is none of the values that it may have") };
    }
    match place {
        Place::Label if is_label(value) => Ok(value),
        Place::Label => Err("it is no part of a host's name: letters, digits and `-`"),
        Place::Segment if is_segment(value) => Ok(value),
        Place::Segment => Err("it is no part of a path: letters, digits, `-`, `.`, `_` and `~`"),
        Place::Host if hosts.is_empty() => {
            let bare = value.strip_prefix("http://").unwrap_or(value);
            let (host, port) = bare.split_once(':').unwrap_or((bare, "443"));
            let port = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
            if is_host(host) && port { Ok(value) } else { Err("it is no host") }
        }
        Place::Host => {
            let matches = |host: &String| {
                if host.starts_with('.') {
                    value.to_ascii_lowercase().ends_with(host.as_str())
                } else {
                    value.eq_ignore_ascii_case(host)
                }
            };
            let known = is_host(value) && hosts.iter().any(matches);
            if known { Ok(value) } else { Err("it is none of the hosts that it may be") }
        }
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_host(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_segment(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        && !text.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_what_its_place_allows() {
        let hosts = Variable { hosts: vec![".sf.example".to_owned()], ..Variable::default() };
        let values = Variable { values: vec!["co.uk".to_owned()], ..Variable::default() };
        for (value, place, variable, good) in [
            ("acme", Place::Label, None, true),
            ("acme-2", Place::Label, None, true),
            ("acme.evil", Place::Label, None, false),
            ("a/b", Place::Label, None, false),
            ("evil.example/", Place::Label, None, false),
            ("evil.example#", Place::Label, None, false),
            ("-a", Place::Label, None, false),
            ("", Place::Label, None, false),
            ("co.uk", Place::Label, Some(&values), true),
            ("com", Place::Label, Some(&values), false),
            ("tenant-1.x_y~z", Place::Segment, None, true),
            ("..", Place::Segment, None, false),
            ("a/b", Place::Segment, None, false),
            ("a%2fb", Place::Segment, None, false),
            ("a?b", Place::Segment, None, false),
            ("sso.acme.example", Place::Host, None, true),
            ("https://sso.acme.example:8443/", Place::Host, None, true),
            ("http://127.0.0.1:8080", Place::Host, None, true),
            ("user@acme.example", Place::Host, None, false),
            ("acme.example/path", Place::Host, None, false),
            ("acme.example:", Place::Host, None, false),
            ("na1.sf.example", Place::Host, Some(&hosts), true),
            ("https://NA1.sf.example", Place::Host, Some(&hosts), true),
            ("evilsf.example", Place::Host, Some(&hosts), false),
            ("na1.sf.example:8443", Place::Host, Some(&hosts), false),
            ("http://na1.sf.example", Place::Host, Some(&hosts), false),
            ("169.254.169.254", Place::Host, Some(&hosts), false),
        ] {
            assert_eq!(check(value, place, variable).is_ok(), good, "{value} {place:?}");
        }
    }
}
