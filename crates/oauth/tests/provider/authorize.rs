//! Where a browser is sent.

use std::collections::BTreeMap;

use unlapse_core::Secret;
use unlapse_oauth::provider::{Authorization, Caller, Catalogue, Metadata, Pkce, Unbuildable};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn url(id: &str, params: &[(&str, &str)], challenge: Option<&str>) -> Result<String, Unbuildable> {
    let catalogue = Catalogue::built_in();
    let provider = catalogue.provider(id).unwrap();
    let secret = Secret::new("canary4711");
    let params: BTreeMap<_, _> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let caller = Caller {
        client_id: "cid",
        client_secret: Some(&secret),
        signer: None,
        params: &params,
        metadata: &Metadata::new(),
        scope: Some(&provider.join_scopes(["a", "b"])),
    };
    let authorization = Authorization {
        redirect_uri: "https://app.example/cb",
        state: "s-1",
        code_challenge: challenge,
    };
    let url = provider.authorize_url(&caller, authorization)?;
    assert!(!url.as_str().contains("canary"), "{url}");
    Ok(url.into())
}

#[test]
fn x4_a_row_for_each_way_to_ask_for_consent() {
    let pkce = format!("code_challenge={CHALLENGE}&code_challenge_method=S256");
    let redirect = "redirect_uri=https%3A%2F%2Fapp.example%2Fcb";
    for (id, params, expected) in [
        (
            "google",
            &[][..],
            format!(
                "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=cid&{redirect}&scope=a+b&state=s-1&{pkce}&access_type=offline&include_granted_scopes=true&prompt=consent"
            ),
        ),
        (
            "reddit",
            &[],
            format!(
                "https://www.reddit.com/api/v1/authorize?response_type=code&client_id=cid&{redirect}&scope=a+b&state=s-1&duration=permanent"
            ),
        ),
        (
            "notion",
            &[],
            format!(
                "https://api.notion.com/v1/oauth/authorize?response_type=code&client_id=cid&{redirect}&scope=a+b&state=s-1&{pkce}&owner=user"
            ),
        ),
        (
            "tiktok",
            &[],
            format!(
                "https://www.tiktok.com/v2/auth/authorize/?response_type=code&client_key=cid&{redirect}&scope=a%2Cb&state=s-1"
            ),
        ),
        (
            "slack",
            &[],
            format!(
                "https://slack.com/oauth/v2/authorize?client_id=cid&{redirect}&user_scope=a%2Cb&state=s-1"
            ),
        ),
        (
            "slack",
            &[("bot_scope", "chat:write,team:read")],
            format!(
                "https://slack.com/oauth/v2/authorize?client_id=cid&{redirect}&user_scope=a%2Cb&state=s-1&scope=chat%3Awrite%2Cteam%3Aread"
            ),
        ),
        (
            "basecamp",
            &[],
            format!(
                "https://launchpad.37signals.com/authorization/new?client_id=cid&{redirect}&scope=a+b&state=s-1&type=web_server"
            ),
        ),
        (
            "sentry",
            &[("slug", "acme")],
            "https://sentry.io/sentry-apps/acme/external-install/?state=s-1".to_owned(),
        ),
        (
            "shopify",
            &[("shop", "acme")],
            format!(
                "https://acme.myshopify.com/admin/oauth/authorize?client_id=cid&{redirect}&scope=a%2Cb&state=s-1"
            ),
        ),
        (
            "microsoft",
            &[("tenant", "acme.example")],
            format!(
                "https://login.microsoftonline.com/acme.example/oauth2/v2.0/authorize?response_type=code&client_id=cid&{redirect}&scope=a+b&state=s-1&{pkce}&response_mode=query"
            ),
        ),
        (
            "keycloak",
            &[("host", "http://127.0.0.1:8080"), ("realm", "staff")],
            format!(
                "http://127.0.0.1:8080/realms/staff/protocol/openid-connect/auth?response_type=code&client_id=cid&{redirect}&scope=a+b&state=s-1&{pkce}"
            ),
        ),
    ] {
        assert_eq!(url(id, params, Some(CHALLENGE)).unwrap(), expected, "{id}");
    }
}

#[test]
fn rfc7636_4_2_a_challenge_is_given_where_it_must_be_and_is_one() {
    assert_eq!(url("x", &[], None), Err(Unbuildable::NotGiven("code_challenge")));
    for bad in ["", "verifier", &CHALLENGE[1..], &format!("{}!", &CHALLENGE[1..])] {
        assert_eq!(url("google", &[], Some(bad)), Err(Unbuildable::Challenge), "{bad}");
    }
    let without = url("google", &[], None).unwrap();
    assert!(!without.contains("code_challenge"), "{without}");
    let catalogue = Catalogue::built_in();
    assert_eq!(catalogue.provider("airtable").unwrap().pkce(), Pkce::Required);
}

#[test]
fn x4_a_variable_that_leads_elsewhere_is_refused() {
    for (id, name, bad) in [
        ("shopify", "shop", "evil.example/"),
        ("shopify", "shop", "acme.evil"),
        ("shopify", "shop", "acme#"),
        ("microsoft", "tenant", "../common"),
        ("microsoft", "tenant", "a%2fb"),
        ("okta", "domain", "evil.example/x?"),
        ("okta", "domain", "user:pass@evil.example"),
        ("okta", "domain", "http://evil.example"),
        ("exact-online", "country", "evil"),
        ("salesforce", "login_host", "evil.example"),
    ] {
        let error = url(id, &[(name, bad)], Some(CHALLENGE)).unwrap_err();
        let told = matches!(error, Unbuildable::Variable { .. } | Unbuildable::Endpoint(_));
        assert!(told, "{id} {bad}: {error}");
        assert!(!error.to_string().contains(bad), "{error}");
    }
    let error = url("okta", &[], None).unwrap_err();
    assert_eq!(error.to_string(), "`domain` has no value: The org's domain, such as acme.okta.com");
}
