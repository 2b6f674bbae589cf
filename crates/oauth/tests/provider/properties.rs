//! What holds for every descriptor that is accepted, whatever it says.

use std::collections::BTreeMap;

use http::{HeaderMap, Request, StatusCode};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use unlapse_core::{Body as Held, ErrorCode, Secret, UnixTime};
use unlapse_oauth::provider::{
    Auth, Authorization, Body, Caller, Catalogue, Claims, CodeExchange, Descriptor, Lifetime,
    Meaning, Metadata, NotSigned, Param, Pkce, Provider, ReplyPaths, Signer, Step, StepFields,
    Success, Unbuildable, Unit, Variable, Verb,
};

const CANARY: &str = "canary4711";

struct Key;

impl Signer for Key {
    fn sign(&self, _: Claims<'_>) -> Result<Secret, NotSigned> {
        Ok(Secret::new(format!("{CANARY}.jwt")))
    }
}

fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    select(all)
}

fn url() -> BoxedStrategy<String> {
    prop_oneof![
        60 => select(vec![
            "https://a.example/t".to_owned(),
            "https://{whole}/t".to_owned(),
            "https://{label}.a.example/{segment}".to_owned(),
            "https://a.example/{segment}?x={segment}".to_owned(),
            "https://{whole}".to_owned(),
        ]),
        1 => "(https://)?[a-z{}/.:@#?]{0,20}",
    ]
    .boxed()
}

fn template() -> BoxedStrategy<String> {
    prop_oneof![
        40 => select(vec![
            "{client_id}", "{client_secret}", "{segment}", "Bearer {client_secret}", "a", "",
        ]).prop_map(str::to_owned),
        2 => select(vec![
            "{refresh_token}", "{access_token}", "{token}", "{code}", "{code_verifier}", "{scope}",
        ]).prop_map(str::to_owned),
        1 => "[a-z{} ]{0,12}",
    ]
    .boxed()
}

fn name() -> BoxedStrategy<String> {
    prop_oneof![
        40 => select(vec![
            "client_id", "client_secret", "grant_type", "code", "refresh_token", "scope", "a", "b",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,5}",
    ]
    .boxed()
}

fn param() -> BoxedStrategy<(String, Param)> {
    prop_oneof![
        30 => (name(), template().prop_map(Param::Text)),
        4 => (name(), any::<i64>().prop_map(Param::Number)),
        1 => (name(), any::<bool>().prop_map(Param::Kept)),
    ]
    .boxed()
}

fn header() -> BoxedStrategy<String> {
    prop_oneof![
        30 => select(vec!["X-A", "X-B", "User-Agent"]).prop_map(str::to_owned),
        1 => Just("Authorization".to_owned()),
        1 => "[a-zA-Z -]{0,6}",
    ]
    .boxed()
}

prop_compose! {
    fn step()(
        url in prop_oneof![20 => url().prop_map(Some), 1 => Just(None)],
        (method, body) in prop_oneof![
            20 => (select(vec![None, Some(Verb::Post), Some(Verb::Delete)]), of(word(Body::ALL))),
            10 => Just((Some(Verb::Get), None)),
            1 => (of(word(Verb::ALL)), of(word(Body::ALL))),
        ],
        auth in of(word(Auth::ALL)),
        params in vec(param(), 0..3),
        headers in btree_map(header(), template(), 0..2),
    ) -> StepFields {
        StepFields { url, method, body, auth, params: params.into_iter().collect(), headers }
    }
}

fn path() -> BoxedStrategy<String> {
    prop_oneof![
        60 => select(vec!["access_token", "token", "data", "data.0", "error", "error.code", "ok"])
            .prop_map(str::to_owned),
        1 => "[a-z0-9.]{0,10}",
    ]
    .boxed()
}

prop_compose! {
    fn reply()(
        envelope in vec(path(), 0..3),
        success in of((path(), vec(select(vec!["true".to_owned(), "0".to_owned()]), 1..3))),
        access_token in vec(path(), 0..2),
        refresh_token in vec(path(), 0..2),
        expires_in in vec(path(), 0..2),
        unit in of(word(Unit::ALL)),
        error in vec(path(), 0..2),
        detail in vec(path(), 0..2),
    ) -> ReplyPaths {
        ReplyPaths {
            envelope,
            success: success.map(|(field, is)| Success { field, is }),
            access_token,
            refresh_token,
            expires_in,
            unit,
            error,
            detail,
            ..ReplyPaths::default()
        }
    }
}

fn variables() -> BTreeMap<String, Variable> {
    let variable = |default: &str| Variable {
        about: "Something".to_owned(),
        default: Some(default.to_owned()),
        ..Variable::default()
    };
    BTreeMap::from([
        ("whole".to_owned(), variable("b.example")),
        ("label".to_owned(), variable("acme")),
        ("segment".to_owned(), variable("one")),
    ])
}

prop_compose! {
    fn descriptor()(
        (auth, pkce, lifetime) in (of(word(Auth::ALL)), of(word(Pkce::ALL)), of(select(vec![Lifetime::Reply, Lifetime::Jwt, Lifetime::Endless]))),
        names in prop_oneof![20 => Just(BTreeMap::new()), 1 => btree_map(name(), name(), 0..2)],
        errors in btree_map("[a-z]{1,6}", word(Meaning::ALL), 0..3),
        headers in btree_map(header(), template(), 0..2),
        callback in prop_oneof![
            20 => btree_map(Just("x".to_owned()), path(), 0..2),
            1 => btree_map(Just("whole".to_owned()), path(), 0..2),
        ],
        reply in reply().boxed(),
        authorization in of(step()).boxed(),
        token in of(step()).boxed(),
        exchange in of(step()).boxed(),
        refresh in of(step()).boxed(),
        revocation in of(step()).boxed(),
        introspection in of(step()).boxed(),
        device in of(step()).boxed(),
    ) -> Descriptor {
        Descriptor {
            name: "Acme".to_owned(),
            sources: vec!["https://acme.example/docs".to_owned()],
            date: "2026-11-21".to_owned(),
            auth, pkce, lifetime, names, errors, headers, callback, reply,
            variables: variables(),
            authorization: authorization.map(|step| StepFields {
                method: None, body: None, auth: None, headers: BTreeMap::new(), ..step
            }),
            token, exchange, refresh, revocation, introspection, device,
            ..Descriptor::default()
        }
    }
}

/// Secrets are where the descriptor has them, and nowhere else: R18.
fn check<T: AsRef<[u8]>>(
    step: Step,
    provider: &Provider,
    built: Result<Request<T>, Unbuildable>,
) -> Result<(), TestCaseError> {
    let request = match built {
        Ok(request) => request,
        Err(error) => {
            prop_assert!(!error.to_string().contains(CANARY), "{error}");
            return Ok(());
        }
    };
    let descriptor = provider.descriptor();
    let fields = match step {
        Step::Token | Step::DeviceToken => &descriptor.token,
        Step::Exchange => &descriptor.exchange,
        Step::Refresh => &descriptor.refresh,
        Step::Revocation => &descriptor.revocation,
        Step::Introspection => &descriptor.introspection,
        _ => &descriptor.device,
    };
    let fields = fields.clone().unwrap_or_default();
    let query = fields.body == Some(Body::Query) || fields.method == Some(Verb::Get);
    let url = request.uri().to_string();
    prop_assert!(query || !url.contains(CANARY), "{step}: {url}");
    prop_assert!(url.starts_with("https://"), "{url}");
    let host = request.uri().host().unwrap_or_default().to_owned();
    prop_assert!(
        ["a.example", "b.example", "acme.a.example"].contains(&host.as_str())
            || fields.url.is_some_and(|url| url.contains(&host))
            || descriptor
                .token
                .as_ref()
                .and_then(|token| token.url.as_ref())
                .is_some_and(|url| url.contains(&host)),
        "{host}"
    );
    for (name, value) in request.headers() {
        let seen = String::from_utf8_lossy(value.as_bytes()).contains(CANARY);
        prop_assert!(!seen || value.is_sensitive(), "{name}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn r18_whatever_a_descriptor_says_a_secret_is_seen_only_where_it_says_query(
        descriptor in descriptor(),
    ) {
        let Ok(provider) = Provider::new("acme", descriptor) else { return Ok(()) };
        let secret = Secret::new(CANARY);
        let (params, metadata) = (BTreeMap::new(), Metadata::new());
        let caller = Caller {
            client_id: "cid",
            client_secret: Some(&secret),
            signer: Some(&Key),
            params: &params,
            metadata: &metadata,
            scope: Some("a b"),
        };
        let authorization =
            Authorization { redirect_uri: "https://app.example/", state: "s", code_challenge: None };
        if let Ok(url) = provider.authorize_url(&caller, authorization) {
            prop_assert!(!url.as_str().contains(CANARY), "{url}");
        }
        let code =
            CodeExchange { code: &secret, redirect_uri: "https://a/", code_verifier: Some(&secret) };
        check(Step::Token, &provider, provider.exchange_code(&caller, code))?;
        check(Step::Exchange, &provider, provider.exchange(&caller, &secret))?;
        check(Step::Refresh, &provider, provider.refresh(&caller, &secret))?;
        check(Step::Device, &provider, provider.device(&caller))?;
        check(Step::DeviceToken, &provider, provider.device_token(&caller, &secret))?;
        let revoked = provider.revoke(&caller, Some(&secret), Some(&secret));
        check(Step::Revocation, &provider, revoked)?;
        check(Step::Introspection, &provider, provider.introspect(&caller, &secret))?;
        let shown = format!("{provider:?}");
        prop_assert!(!shown.contains(CANARY));
    }

    #[test]
    fn x4_what_is_accepted_is_printed_and_read_as_the_same(descriptor in descriptor()) {
        let Ok(provider) = Provider::new("acme", descriptor.clone()) else { return Ok(()) };
        let tables = BTreeMap::from([("acme", provider.descriptor())]);
        let text = toml::to_string(&tables).unwrap();
        let again = Catalogue::parse(&text).unwrap();
        prop_assert_eq!(again.provider("acme").unwrap().descriptor(), &descriptor);
        prop_assert_eq!(again.to_toml(), text);
    }

    #[test]
    fn r8_whatever_a_reply_says_only_a_known_code_ends_a_login(
        descriptor in descriptor(),
        status in select(vec![200_u16, 201, 302, 400, 401, 403, 409, 429, 500, 503]),
        body in prop_oneof![
            r#"\{("(access_token|token|error|data|ok)":("[a-z]{0,5}"|[0-9]{1,3}|true|null|\{\}|\[\]),?){0,3}"x":1\}"#,
            r#"\{"data":\[?\{"access_token":"at","expires_in":[0-9]{1,20}\}\]?\}"#,
            "\\PC{0,40}",
        ],
    ) {
        let Ok(provider) = Provider::new("acme", descriptor) else { return Ok(()) };
        let status = StatusCode::from_u16(status).unwrap();
        let headers = HeaderMap::new();
        for step in Step::ALL {
            let (reply, metadata) = provider.read(*step, status, &headers, body.as_bytes(), UnixTime::from_secs(1000));
            let granted = matches!(reply.body, Held::Grant(_));
            prop_assert!(!granted || *step != Step::Revocation);
            prop_assert!(metadata.is_empty() || granted);
            if let Held::Error(ErrorCode::Rejection(rejection)) = reply.body && rejection.ends_login() {
                // The word stands there: the RFC's, or one that the table maps.
                let table = &provider.descriptor().errors;
                let known = body.contains("invalid_grant") || body.contains("expired")
                    || table.iter().any(|(code, meaning)| {
                        let ends = [Meaning::InvalidGrant, Meaning::RefreshTokenReused];
                        ends.contains(meaning) && body.contains(code.as_str())
                    });
                prop_assert!(known, "{body}");
            }
        }
        let _ = provider.introspected(status, &headers, body.as_bytes(), UnixTime::from_secs(1000));
        let _ = provider.revoked(status, &headers, body.as_bytes(), UnixTime::from_secs(1000));
    }

    #[test]
    fn x4_no_text_makes_the_catalogue_panic_or_repeat_a_value(
        text in "(\\[[a-z.]{1,8}\\]\n|[a-z._]{1,10} = (\"canary\"|1|true|\\[\\]|\\{ [a-z]{1,6} = \"canary\" \\})\n|\\PC{0,20}){0,8}"
    ) {
        if let Err(error) = Catalogue::parse(&text) {
            let said = error.to_string();
            prop_assert!(!said.contains("\"canary\""), "{said}");
            prop_assert!(!said.contains(char::is_control), "{said:?}");
            prop_assert!(said.len() < 1000, "{said}");
        }
    }
}

#[test]
fn x4_the_generator_makes_descriptors_that_are_accepted() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let accepted = (0..500)
        .filter(|_| {
            let tree = descriptor().new_tree(&mut runner).unwrap();
            Provider::new("acme", proptest::strategy::ValueTree::current(&tree)).is_ok()
        })
        .count();
    // Otherwise the properties above would be proven of nothing.
    assert!(accepted > 100, "{accepted} of 500");
}
