//! From a descriptor to what is built of it, or what is wrong with it.

use std::collections::BTreeMap;

use core::time::Duration;

use http::HeaderName;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, TRANSFER_ENCODING};

use super::bad_provider::BadProvider;
use super::call::{Call, HeaderKey, Value};
use super::descriptor::{AssertionFields, Descriptor, Param, StepFields, Variable};
use super::slot::Slot;
use super::step::Step;
use super::template::Template;
use super::url_template::UrlTemplate;
use super::words::{Auth, Body, Pkce, Verb};

/// The most entries of any table.
pub(super) const MAX_ENTRIES: usize = 64;

/// The standard parameters that may have another name.
pub(super) const NAMES: &[&str] = &[
    "response_type",
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "redirect_uri",
    "scope",
    "state",
    "code",
    "code_verifier",
    "code_challenge",
    "code_challenge_method",
    "refresh_token",
    "device_code",
    "token",
    "token_type_hint",
];

pub(super) type Found<T> = Result<T, BadProvider>;

/// The calls of a descriptor.
pub(super) fn calls(descriptor: &Descriptor) -> Found<BTreeMap<Step, Call>> {
    let token = descriptor.token.as_ref();
    let mut calls = BTreeMap::new();
    for step in Step::ALL {
        let fields = match step {
            Step::Authorization => descriptor.authorization.as_ref(),
            Step::Token => token,
            Step::Exchange => descriptor.exchange.as_ref(),
            Step::Refresh => descriptor.refresh.as_ref(),
            Step::ClientCredentials => descriptor.client_credentials.as_ref(),
            Step::Device => descriptor.device.as_ref(),
            Step::DeviceToken => token.filter(|_| descriptor.device.is_some()),
            Step::Revocation => descriptor.revocation.as_ref(),
            Step::Introspection => descriptor.introspection.as_ref(),
        };
        // What a descriptor says of the code's exchange is not about a device's question.
        let asking = StepFields { params: BTreeMap::new(), ..fields.cloned().unwrap_or_default() };
        // A provider with a token endpoint refreshes there, if it says nothing of it (RFC 6749 §6).
        let plain = StepFields::default();
        let fields = match (step, fields) {
            (Step::Refresh, None) if token.is_some() => &plain,
            (Step::DeviceToken, Some(_)) => &asking,
            (_, Some(fields)) => fields,
            (_, None) => continue,
        };
        calls.insert(*step, call(descriptor, *step, fields)?);
    }
    for step in [Step::Refresh, Step::ClientCredentials] {
        if calls.contains_key(&step) {
            return Ok(calls);
        }
    }
    Err(BadProvider::of(
        "token",
        "there is nothing here that brings a token; say at least its `url`",
    ))
}

fn call(descriptor: &Descriptor, step: Step, fields: &StepFields) -> Found<Call> {
    let at = |field: &str| format!("{step}.{field}");
    let variables = &descriptor.variables;
    let fallback = match step {
        Step::Refresh | Step::ClientCredentials => {
            descriptor.token.as_ref().and_then(|token| token.url.as_deref())
        }
        _ => None,
    };
    let url = fields.url.as_deref().or(fallback);
    let url = url.ok_or_else(|| BadProvider::of(&at("url"), "it is missing"))?;
    let is_outside = |name: &str| {
        descriptor.callback.contains_key(name) || descriptor.metadata.contains_key(name)
    };
    let url = UrlTemplate::parse(url, variables, is_outside)
        .map_err(|bad| BadProvider::of(&at("url"), bad))?;
    let method = fields.method.unwrap_or(Verb::Post);
    let browser = step == Step::Authorization;
    if browser && (fields.method.is_some() || fields.body.is_some() || fields.auth.is_some()) {
        let problem = "a browser makes this request: it has no `method`, `body` or `auth`";
        return Err(BadProvider::of("authorization", problem));
    }
    if browser && !fields.headers.is_empty() {
        let problem = "a browser makes this request: it has no headers";
        return Err(BadProvider::of(&at("headers"), problem));
    }
    let default = if browser || method == Verb::Get { Body::Query } else { Body::Form };
    let body = fields.body.unwrap_or(default);
    if method == Verb::Get && body != Body::Query {
        return Err(BadProvider::of(
            &at("body"),
            "a `GET` has none; write `query` or leave it out",
        ));
    }
    let auth = fields.auth.or(descriptor.auth).unwrap_or(Auth::Post);
    let params = params(descriptor, step, fields, auth)?;
    let mut headers = BTreeMap::new();
    let own = fields.headers.iter().map(|header| (at("headers"), header));
    let common = descriptor.headers.iter().map(|header| ("headers".to_owned(), header));
    if !browser {
        for (place, (name, value)) in common.chain(own) {
            let (name, template) = header(&place, name, value, step, auth, variables)?;
            headers.insert(HeaderKey(name), template);
        }
    }
    Ok(Call { url, method, body, auth, params, headers })
}

fn params(
    descriptor: &Descriptor,
    step: Step,
    fields: &StepFields,
    auth: Auth,
) -> Found<Vec<(String, Value)>> {
    let at = |name: &str| format!("{step}.params.{name}");
    let mut params: Vec<(String, Value)> = Vec::new();
    let renamed =
        |name: &str| descriptor.names.get(name).map_or_else(|| name.to_owned(), Clone::clone);
    for (name, text) in step.params() {
        let pkce = ["code_verifier", "code_challenge", "code_challenge_method"];
        if descriptor.pkce == Some(Pkce::Unsupported) && pkce.contains(name) {
            continue;
        }
        let template = Template::parse(text, Some(step), &descriptor.variables)
            .map_err(|bad| BadProvider::of(&at(name), bad))?;
        params.push((renamed(name), Value::Text(template)));
    }
    if step != Step::Authorization {
        params.extend(
            identity(auth).into_iter().map(|(name, value)| (renamed(name), Value::Text(value))),
        );
    }
    if fields.params.len() > MAX_ENTRIES {
        return Err(BadProvider::of(&format!("{step}.params"), "more than 64 entries"));
    }
    for (name, param) in &fields.params {
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "a parameter's name is 1 to 64 visible ASCII characters";
            return Err(BadProvider::of(&format!("{step}.params"), problem));
        }
        let value = match param {
            Param::Text(text) => Some(Value::Text(
                Template::parse(text, Some(step), &descriptor.variables)
                    .map_err(|bad| BadProvider::of(&at(name), bad))?,
            )),
            Param::Number(number) => Some(Value::Number(*number)),
            Param::Kept(false) => None,
            Param::Kept(true) => {
                return Err(BadProvider::of(&at(name), "write `false`, a text, or a whole number"));
            }
        };
        let before = params.iter().position(|(known, _)| known == name);
        match (before, value) {
            (Some(index), Some(value)) => params[index].1 = value,
            (Some(index), None) => drop(params.remove(index)),
            (None, Some(value)) => params.push((name.clone(), value)),
            (None, None) => {
                let problem = "there is no standard parameter of that name to leave out";
                return Err(BadProvider::of(&at(name), problem));
            }
        }
    }
    let mut names: Vec<_> = params.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|two| two[0] == two[1]) {
        return Err(BadProvider::of("names", "two parameters of a request have the same name"));
    }
    Ok(params)
}

/// The parameters that say who the client is.
fn identity(auth: Auth) -> Vec<(&'static str, Template)> {
    let id = ("client_id", Template::of(Slot::ClientId));
    match auth {
        Auth::Post => vec![id, ("client_secret", Template::of(Slot::ClientSecretIfAny))],
        Auth::Basic | Auth::BasicUnencoded | Auth::BasicSecret => {
            vec![("client_id", Template::of(Slot::ClientIdWithoutSecret))]
        }
        Auth::PrivateKeyJwt => {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let kind = Template::parse(kind, None, &BTreeMap::new());
            vec![
                id,
                ("client_assertion_type", kind.expect("a text without braces")),
                ("client_assertion", Template::of(Slot::Assertion)),
            ]
        }
        Auth::Public => vec![id],
        Auth::Nothing => Vec::new(),
    }
}

fn header(
    place: &str,
    name: &str,
    value: &str,
    step: Step,
    auth: Auth,
    variables: &BTreeMap<String, Variable>,
) -> Found<(HeaderName, Template)> {
    let Ok(header) = name.parse::<HeaderName>() else {
        return Err(BadProvider::of(place, "a header's name is letters, digits and `-`"));
    };
    let ours = [HOST, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, CONNECTION, COOKIE];
    let place = format!("{place}.{header}");
    if ours.contains(&header) {
        return Err(BadProvider::of(&place, "this header is not for a descriptor to set"));
    }
    if header == http::header::AUTHORIZATION
        && matches!(auth, Auth::Basic | Auth::BasicUnencoded | Auth::BasicSecret)
    {
        return Err(BadProvider::of(&place, "it is taken by `auth`; set that to `nothing`"));
    }
    let template = Template::parse(value, Some(step), variables)
        .map_err(|bad| BadProvider::of(&place, bad))?;
    Ok((header, template))
}

/// What `iss` of an authorization response is held against (RFC 9207 §2.4).
pub(super) fn issuer(descriptor: &Descriptor) -> Found<Option<UrlTemplate>> {
    let Some(text) = &descriptor.issuer else {
        if descriptor.authorization_response_iss_parameter_supported {
            let field = "authorization_response_iss_parameter_supported";
            return Err(BadProvider::of(field, "it needs `issuer`, to hold `iss` against"));
        }
        return Ok(None);
    };
    let bad = |problem: &dyn core::fmt::Display| Err(BadProvider::of("issuer", problem));
    if text.contains(['?', '#']) {
        return bad(&"it has neither a query nor a fragment (RFC 8414 §2)");
    }
    let url = match UrlTemplate::parse(text, &descriptor.variables, |_| false) {
        Ok(url) => url,
        Err(problem) => return bad(&problem),
    };
    let mut told = descriptor.callback.keys().chain(descriptor.metadata.keys());
    match told.find(|name| url.has(name)) {
        // Whoever answers would say by themselves who they have to be.
        Some(name) => bad(&format_args!("`{{{name}}}` is told by a callback or a reply")),
        None => Ok(Some(url)),
    }
}

/// The claims of the client's JWT.
#[derive(Clone)]
pub(super) struct Assertion {
    pub(super) issuer: Template,
    pub(super) subject: Template,
    pub(super) audience: Option<Template>,
    pub(super) lifetime: Duration,
}

/// The claims of a descriptor's `assertion`.
pub(super) fn assertion(descriptor: &Descriptor) -> Found<Assertion> {
    let plain = AssertionFields::default();
    let fields = descriptor.assertion.as_ref().unwrap_or(&plain);
    let claim = |field: &str, text: &str| {
        // Of the slots that every request has.
        let template = Template::parse(text, Some(Step::Exchange), &descriptor.variables)
            .map_err(|bad| BadProvider::of(&format!("assertion.{field}"), bad))?;
        if template.is_secret() {
            let problem = "a secret has no place in a claim";
            return Err(BadProvider::of(&format!("assertion.{field}"), problem));
        }
        Ok(template)
    };
    let lifetime = fields.lifetime.map_or(Duration::from_secs(60), |span| span.0);
    if !(Duration::from_secs(10)..=Duration::from_secs(3600)).contains(&lifetime) {
        return Err(BadProvider::of("assertion.lifetime", "it is 10s to 1h"));
    }
    Ok(Assertion {
        issuer: claim("issuer", fields.issuer.as_deref().unwrap_or("{client_id}"))?,
        subject: claim("subject", fields.subject.as_deref().unwrap_or("{client_id}"))?,
        audience: fields.audience.as_deref().map(|text| claim("audience", text)).transpose()?,
        lifetime,
    })
}
