//! Whose an authorization response is.

use std::collections::BTreeMap;

use unlapse_oauth::provider::{Caller, Catalogue, Metadata, NotItsIssuer, Provider, Unbuildable};

fn provider(more: &str) -> Provider {
    let text = format!(
        "[acme]\nname = \"Acme\"\nsources = [\"https://acme.example/docs\"]\ndate = \"2026-11-21\"\n\
         variables = {{ host = {{ about = \"Where it is\" }}, realm = {{ about = \"Which\" }} }}\n\
         token = {{ url = \"https://{{host}}/token\" }}\n{more}"
    );
    Catalogue::parse(&text).unwrap().provider("acme").unwrap().as_ref().clone()
}

fn check(
    provider: &Provider,
    params: &[(&str, &str)],
    iss: Option<&str>,
) -> Result<(), NotItsIssuer> {
    let params: BTreeMap<_, _> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let caller = Caller {
        client_id: "cid",
        client_secret: None,
        signer: None,
        params: &params,
        metadata: &Metadata::new(),
        scope: None,
    };
    provider.check_issuer(&caller, iss)
}

#[test]
fn rfc9207_2_4_a_row_for_each_iss() {
    let silent = provider("");
    let named = provider("issuer = \"https://as.example/a\"");
    let stating = provider(
        "issuer = \"https://as.example/a\"\nauthorization_response_iss_parameter_supported = true",
    );
    let (another, missing) = (Err(NotItsIssuer::Another), Err(NotItsIssuer::Missing));
    for (provider, iss, expected) in [
        (&silent, None, Ok(())),
        (&silent, Some("https://evil.example"), Ok(())),
        (&named, None, Ok(())),
        (&named, Some("https://as.example/a"), Ok(())),
        (&named, Some("https://evil.example"), another.clone()),
        (&stating, Some("https://as.example/a"), Ok(())),
        (&stating, None, missing),
        (&stating, Some("https://evil.example"), another.clone()),
        // Simple comparison of strings (RFC 3986 §6.2.1): no two writings are the same.
        (&stating, Some(""), another.clone()),
        (&stating, Some("https://as.example/a/"), another.clone()),
        (&stating, Some("https://AS.example/a"), another.clone()),
        (&stating, Some("https://as.example:443/a"), another.clone()),
        (&stating, Some("https://as.example/%61"), another.clone()),
        (&stating, Some(" https://as.example/a"), another),
    ] {
        assert_eq!(check(provider, &[], iss), expected, "{iss:?}");
    }
}

#[test]
fn rfc9207_2_4_an_issuer_is_of_its_own_tenant() {
    let keycloak = Catalogue::built_in();
    let keycloak = keycloak.provider("keycloak").unwrap();
    let iss = Some("https://sso.acme.example/realms/staff");
    let of = |host, realm| [("host", host), ("realm", realm)];
    assert_eq!(check(keycloak, &of("sso.acme.example", "staff"), iss), Ok(()));
    assert_eq!(check(keycloak, &of("https://sso.acme.example/", "staff"), iss), Ok(()));
    let another = Err(NotItsIssuer::Another);
    assert_eq!(check(keycloak, &of("sso.acme.example", "guests"), iss), another);
    assert_eq!(check(keycloak, &of("evil.example", "staff"), iss), another);
    // What is not known cannot be right.
    let unknown = check(keycloak, &[("host", "sso.acme.example")], iss);
    assert!(
        matches!(&unknown, Err(NotItsIssuer::Unbuildable(Unbuildable::NoValue { name, .. })) if name == "realm"),
        "{unknown:?}"
    );
    let google = Catalogue::built_in();
    let google = google.provider("google").unwrap();
    assert_eq!(check(google, &[], Some("https://accounts.google.com")), Ok(()));
    assert_eq!(check(google, &[], iss), Err(NotItsIssuer::Another));
}
