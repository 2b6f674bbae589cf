//! What is no catalogue: each is told with its place and what to do, and repeats no value (R18).

use std::collections::BTreeMap;

use unlapse_core::Secret;
use unlapse_oauth::provider::{BadCatalogue, Caller, Catalogue, HostFrom, Metadata, Step};

const GOOD: &str = r#"
name = "Acme"
sources = ["https://acme.example/docs"]
date = "2026-11-21"
"#;

fn told(table: &str) -> String {
    let text = format!("[acme]{GOOD}{table}");
    match Catalogue::parse(&text) {
        Ok(_) => panic!("good: {table}"),
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains("canary"), "{said}");
            assert!(!said.contains(char::is_control), "{said:?}");
            said
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn x4_a_row_for_each_descriptor_that_makes_no_sense() {
    let token = r#"token = { url = "https://acme.example/t" }"#;
    for (table, expected) in [
        ("", "provider `acme`: `token`: there is nothing here that brings a token"),
        (r"token = {}", "`token.url`: it is missing"),
        (
            r#"token = { url = "http://acme.example/canary" }"#,
            "`token.url`: it is no endpoint: http is allowed",
        ),
        (
            r#"token = { url = "https://u:canary@acme.example/" }"#,
            "`token.url`: it is no endpoint: it has a user name",
        ),
        (
            r#"token = { url = "canary" }"#,
            "`token.url`: it is no endpoint: it is not an absolute URL",
        ),
        (
            r#"token = { url = "{host}/canary" }"#,
            "`token.url`: `{host}` is no variable of this provider",
        ),
        (
            r#"token = { url = "https://a.example/{client_secret}" }"#,
            "`token.url`: `{client_secret}` has no value in this request",
        ),
        (r#"token = { url = "https://a.example/{" }"#, "`token.url`: a `{` without its `}`"),
        (r#"token = { url = "https://a.example/}" }"#, "`token.url`: a `{` without its `}`"),
        (
            r#"token = { url = "https://a.example/{a b}" }"#,
            "`token.url`: what stands in braces is no name",
        ),
        (
            r#"token = { url = "https://a.example/", oops = "canary" }"#,
            "`token`: line 5: unknown field `oops`",
        ),
        (r"token = { url = 4711 }", "`token.url`: line 5: invalid type: integer"),
        (
            r#"token = { url = "https://a.example/", body = "canary" }"#,
            "`body` is one of `form` `json` `query`",
        ),
        (r#"token = { url = "https://a.example/", method = "PUT" }"#, "`method` is one of `POST`"),
        (
            r#"token = { url = "https://a.example/", method = "GET", body = "json" }"#,
            "`token.body`: a `GET` has none",
        ),
        (
            r#"token = { url = "https://a.example/", params = { a = true } }"#,
            "`token.params.a`: write `false`, a text, or a whole number",
        ),
        (
            r#"token = { url = "https://a.example/", params = { a = false } }"#,
            "`token.params.a`: there is no standard parameter of that name to leave out",
        ),
        (
            r#"token = { url = "https://a.example/", params = { a = 1.5 } }"#,
            "a parameter is a text, a whole number, or `false`",
        ),
        (
            r#"token = { url = "https://a.example/", params = { a = "{refresh_token}" } }"#,
            "`token.params.a`: `{refresh_token}` has no value in this request",
        ),
        (
            r#"token = { url = "https://a.example/", headers = { Host = "canary" } }"#,
            "`token.headers.host`: this header is not for a descriptor to set",
        ),
        (
            r#"token = { url = "https://a.example/", headers = { "a b" = "canary" } }"#,
            "`token.headers`: a header's name",
        ),
        (
            r#"token = { url = "https://a.example/", auth = "basic", headers = { Authorization = "canary" } }"#,
            "`token.headers.authorization`: it is taken by `auth`",
        ),
        (&format!("auth = \"canary\"\n{token}"), "`auth` is one of `post`"),
        (&format!("reuse = \"canary\"\n{token}"), "a reuse class is"),
        (
            &format!("lifetime = \"fixed\"\n{token}"),
            "`lifetime`: `fixed` needs `timing.access_ttl`",
        ),
        (
            &format!("lifetime = \"introspection\"\n{token}"),
            "`lifetime`: `introspection` needs `introspection.url`",
        ),
        (
            &format!("timing = {{ access_ttl = \"canary\" }}\n{token}"),
            "a duration is a whole number and",
        ),
        (
            &format!("timing = {{ access_ttl = \"0s\" }}\n{token}"),
            "`timing.access_ttl`: it is longer than nothing",
        ),
        (
            &format!("timing = {{ access_ttl = \"10m\", min_age = \"10m\" }}\n{token}"),
            "`timing.min_age`: a token would end before",
        ),
        (&format!("scope_separator = \"canary\"\n{token}"), "`scope_separator`: it is one of"),
        (
            &format!("names = {{ odd = \"a\" }}\n{token}"),
            "`names`: a key there is a standard parameter's name",
        ),
        (
            &format!("names = {{ client_id = \"code\" }}\n{token}"),
            "`names`: two parameters of a request have the same name",
        ),
        (
            &format!("errors = {{ odd = \"canary\" }}\n{token}"),
            "a code means one of `invalid_grant`",
        ),
        (
            &format!("errors = {{ \"\" = \"invalid_grant\" }}\n{token}"),
            "`errors`: at most 64 codes, none of them empty",
        ),
        (&format!("metadata = {{ \"a b\" = \"c\" }}\n{token}"), "`metadata`: at most 32 names"),
        (
            &format!("reply = {{ envelope = [\"a..b\"] }}\n{token}"),
            "`reply.envelope`: at most 8 paths",
        ),
        (
            &format!("reply = {{ success = {{ field = \"ok\", is = [] }} }}\n{token}"),
            "`reply.success`: a path in `field`",
        ),
        (
            &format!("variables = {{ client_id = {{ about = \"a\" }} }}\n{token}"),
            "`variables`: a name is",
        ),
        (
            &format!("variables = {{ a = {{ about = \"\" }} }}\n{token}"),
            "`variables.a`: say in `about`",
        ),
        (
            &format!(
                "variables = {{ a = {{ about = \"a\", values = [\"b\"], default = \"canary\" }} }}\n{token}"
            ),
            "`variables.a`: `default` is none of `values`",
        ),
        (
            &format!("variables = {{ a = {{ about = \"a\", hosts = [\"CANARY\"] }} }}\n{token}"),
            "`variables.a`: each of `hosts` is a host",
        ),
        (
            "variables = { a = { about = \"a\", default = \"b/canary\" } }\ntoken = { url = \"https://{a}/\" }",
            "`token.url`: the `default` of `{a}` cannot stand here: it is no host",
        ),
        (
            "variables = { a = { about = \"a\", hosts = [\".b.example\"] } }\ntoken = { url = \"https://a.example/{a}\" }",
            "`token.url`: `{a}` is not the whole host: `hosts` cannot limit it",
        ),
        (
            &format!("assertion = {{ lifetime = \"1d\" }}\n{token}"),
            "`assertion.lifetime`: it is 10s to 1h",
        ),
        (
            &format!("assertion = {{ issuer = \"{{client_secret}}\" }}\n{token}"),
            "`assertion.issuer`: a secret has no place in a claim",
        ),
        (
            &format!(
                "authorization = {{ url = \"https://a.example/\", params = {{ a = \"{{client_secret}}\" }} }}\n{token}"
            ),
            "`authorization.params.a`: `{client_secret}` has no value in this request",
        ),
        (
            &format!(
                "authorization = {{ url = \"https://a.example/\", body = \"json\" }}\n{token}"
            ),
            "`authorization`: a browser makes this request",
        ),
        (
            &format!(
                "authorization = {{ url = \"https://a.example/\", headers = {{ a = \"b\" }} }}\n{token}"
            ),
            "`authorization.headers`: a browser makes this request",
        ),
    ] {
        let said = told(table);
        assert!(said.contains(expected), "{table}\n{said}");
    }
}

#[test]
fn rfc9207_2_4_a_row_for_each_issuer_that_nothing_can_be_held_against() {
    let told_by = |table: &str| {
        format!(
            "{table} = {{ x = \"x\" }}\nvariables = {{ x = {{ about = \"a\" }} }}\n\
             issuer = \"https://a.example/{{x}}\""
        )
    };
    for (table, expected) in [
        (
            "authorization_response_iss_parameter_supported = true",
            "`authorization_response_iss_parameter_supported`: it needs `issuer`",
        ),
        (r#"issuer = "https://acme.example/?canary""#, "`issuer`: it has neither a query nor"),
        (r#"issuer = "https://acme.example/#canary""#, "`issuer`: it has neither a query nor"),
        (r#"issuer = "http://acme.example/canary""#, "`issuer`: it is no endpoint: http"),
        (r#"issuer = "canary""#, "`issuer`: it is no endpoint"),
        (r#"issuer = "https://{nobody}/""#, "`issuer`: `{nobody}` is no variable"),
        (&told_by("callback"), "`issuer`: `{x}` is told by a callback or a reply"),
        (&told_by("metadata"), "`issuer`: `{x}` is told by a callback or a reply"),
    ] {
        let said = told(&format!("{table}\ntoken = {{ url = \"https://acme.example/t\" }}"));
        assert!(said.contains(expected), "{table}\n{said}");
    }
}

#[test]
fn x4_a_host_from_outside_is_one_of_a_list() {
    let table = r#"
callback = { dc = "dc" }
variables = { dc = { about = "Where" } }
token = { url = "https://{dc}/t" }
"#;
    assert!(
        told(table).contains("`token.url`: `{dc}` is the whole host and can come from outside")
    );
    // As a part of a host, it leads nowhere else.
    let label = table.replace("https://{dc}/t", "https://{dc}.acme.example/t");
    assert!(Catalogue::parse(&format!("[acme]{GOOD}{label}")).is_ok());
    let listed =
        table.replace("about = \"Where\"", "about = \"Where\", hosts = [\".acme.example\"]");
    assert!(Catalogue::parse(&format!("[acme]{GOOD}{listed}")).is_ok());
}

#[test]
fn x4_what_is_no_catalogue_at_all() {
    let long = format!("# {}\n", "a".repeat(1024 * 1024));
    let many = (0..1001).map(|number| format!("[a{number}]")).collect::<Vec<_>>().join("\n");
    for (text, expected) in [
        ("[acme", "line 1: "),
        ("a = 1\nb = \"canary\nc = 2", "line 2: "),
        ("canary = 1", "provider `canary`: `table`: line 1: invalid type: integer"),
        ("[Acme]", "line 1: a provider's name is 1 to 64 lower-case letters"),
        ("\n[\"a b\"]", "line 2: a provider's name"),
        ("[acme]\n[acme]", "line 2: "),
        ("[acme]\nname = 1", "provider `acme`: `name`: line 2: invalid type"),
        ("[acme]", "missing field `name`"),
        (&long, "larger than 1 MiB"),
        (&many, "more than 1000 providers"),
    ] {
        let said = Catalogue::parse(text).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
    for deep in [
        format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("a = {}{}", "{ a = ".repeat(100_000), "}".repeat(100_000)),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]\na = 1", "a.".repeat(100_000)),
    ] {
        assert!(matches!(Catalogue::parse(&deep), Err(BadCatalogue::Syntax { .. })));
    }
    assert!(Catalogue::parse("").unwrap().is_empty());
}

#[test]
fn x4_a_file_of_ones_own_replaces_whole_tables() {
    let own = format!(
        "[google]{GOOD}token = {{ url = \"https://acme.example/t\" }}\n[acme]{GOOD}token = {{ url = \"https://acme.example/t\" }}"
    );
    let built_in = Catalogue::built_in();
    let both = built_in.clone().with(Catalogue::parse(&own).unwrap());
    assert_eq!(both.len(), built_in.len() + 1);
    assert_eq!(both.provider("google").unwrap().display_name(), "Acme");
    assert!(both.provider("google").unwrap().descriptor().authorization.is_none());
    assert_eq!(both.provider("slack").unwrap().display_name(), "Slack");
}

#[test]
fn x4_only_the_operator_names_a_host_that_nothing_limits() {
    let catalogue = Catalogue::built_in();
    for (provider, variable, operators) in [
        ("auth0", "domain", true),
        ("okta", "domain", true),
        ("github", "host", true),
        ("gitlab", "host", true),
        ("keycloak", "host", true),
        ("keycloak", "realm", false),
        ("shopify", "shop", false),
        ("zendesk", "subdomain", false),
        ("microsoft", "tenant", false),
        // With `hosts`, and with `values`.
        ("zoho", "accounts-server", false),
        ("revolut", "host", false),
        ("gitlab", "nothing of it", false),
    ] {
        let found = catalogue.provider(provider).expect(provider);
        assert_eq!(found.is_operators(variable), operators, "{provider} {variable}");
    }
    let gitlab = catalogue.provider("gitlab").expect("a provider");
    let mut metadata = Metadata::new();
    metadata.set("host", "evil.example").expect("good");
    let secret = Secret::new("canary");
    let params = |host: Option<&str>| -> BTreeMap<String, String> {
        host.map(|host| ("host".to_owned(), host.to_owned())).into_iter().collect()
    };
    for (host, expected) in [(None, "gitlab.com"), (Some("git.acme.example"), "git.acme.example")] {
        let params = params(host);
        let caller = Caller {
            client_id: "cid",
            client_secret: Some(&secret),
            signer: None,
            params: &params,
            metadata: &metadata,
            scope: None,
        };
        let request = gitlab.refresh(&caller, &Secret::new("rt")).expect("a request");
        assert_eq!(request.uri().host(), Some(expected));
    }
}

#[test]
fn x4_every_request_says_who_has_named_its_host() {
    use HostFrom::{Descriptor, Metadata as Kept, Params};
    let catalogue = Catalogue::built_in();
    let secret = Secret::new("canary");
    for (id, params, kept, expected) in [
        ("google", &[][..], &[][..], Descriptor),
        ("google", &[("host", "evil.example")], &[("host", "evil.example")], Descriptor),
        // A default is the descriptor's own, and what only the operator names comes from nowhere else.
        ("gitlab", &[], &[], Descriptor),
        ("gitlab", &[], &[("host", "evil.example")], Descriptor),
        ("gitlab", &[("host", "git.acme.example")], &[("host", "evil.example")], Params),
        ("gitlab", &[("host", "http://127.0.0.1:1")], &[], Params),
        // A part of a host is one as well.
        ("shopify", &[("shop", "acme")], &[], Params),
        ("shopify", &[("shop", "acme")], &[("shop", "other")], Kept),
        // One of a list, and a part of the path.
        ("revolut", &[("host", "sandbox-b2b.revolut.com")], &[], Descriptor),
        ("microsoft", &[("tenant", "acme")], &[], Descriptor),
    ] {
        let provider = catalogue.provider(id).expect(id);
        let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (params, metadata) = (pairs(params), Metadata::try_from(pairs(kept)).expect("good"));
        let caller = Caller {
            client_id: "cid",
            client_secret: Some(&secret),
            signer: None,
            params: &params,
            metadata: &metadata,
            scope: None,
        };
        assert_eq!(provider.host_from(Step::Refresh, &caller), Some(expected), "{id} {params:?}");
        if let Ok(request) = provider.refresh(&caller, &secret) {
            assert_eq!(request.extensions().get(), Some(&expected), "{id} {params:?}");
            let endpoint = provider.endpoint_of(Step::Refresh, &caller).expect("it can be built");
            assert_eq!(endpoint.url().host_str(), request.uri().host(), "{id}");
        }
        // Whoever rehearses has named the stand-in.
        let stand_in = "http://127.0.0.1:9".parse().expect("an endpoint");
        let rehearsed = provider.rehearsed_at(stand_in).expect("local");
        assert_eq!(rehearsed.host_from(Step::Refresh, &caller), Some(Descriptor), "{id}");
    }
}
