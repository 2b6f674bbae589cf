use std::collections::BTreeMap;
use std::sync::Arc;

use unlapse_core::{Reuse, Secret};
use unlapse_oauth::provider::{Caller, Catalogue, Metadata, Step, Unbuildable};

#[test]
fn x4_the_built_in_catalogue_has_every_provider_of_the_plan() {
    let catalogue = Catalogue::built_in();
    let names: Vec<_> = catalogue.iter().map(|provider| provider.id()).collect();
    for wanted in [
        "airtable",
        "asana",
        "atlassian",
        "auth0",
        "basecamp",
        "box",
        "discord",
        "dropbox",
        "exact-online",
        "facebook",
        "figma",
        "fiserv",
        "github",
        "gitlab",
        "google",
        "hubspot",
        "instagram",
        "jobber",
        "keycloak",
        "linkedin",
        "microsoft",
        "notion",
        "okta",
        "quickbooks",
        "reddit",
        "revolut",
        "salesforce",
        "sentry",
        "shopify",
        "slack",
        "spotify",
        "stripe",
        "threads",
        "tiktok",
        "tiktok-business",
        "twitch",
        "x",
        "xero",
        "zendesk",
        "zoho",
        "zoom",
    ] {
        assert!(names.contains(&wanted), "{wanted}");
    }
    for provider in &catalogue {
        let renews = provider.has(Step::Refresh) || provider.has(Step::ClientCredentials);
        assert!(renews, "{provider:?}");
        let descriptor = provider.descriptor();
        assert!(!descriptor.sources.is_empty() && !descriptor.date.is_empty(), "{provider:?}");
    }
    assert_eq!(catalogue.provider("shopify").unwrap().reuse(), Reuse::UntilUsed);
}

#[test]
fn x4_what_is_printed_reads_back_as_the_same() {
    let catalogue = Catalogue::built_in();
    let printed = catalogue.to_toml();
    let again = Catalogue::parse(&printed).unwrap();
    assert_eq!(again.len(), catalogue.len());
    for provider in &catalogue {
        let same = again.provider(provider.id()).unwrap();
        assert_eq!(same.descriptor(), provider.descriptor(), "{provider:?}");
    }
    assert_eq!(again.to_toml(), printed);
}

#[test]
fn rfc6749_2_3_1_a_row_for_each_way_to_prove_who_the_client_is() {
    let own = |auth: &str| {
        let text = format!(
            "[acme]\nname = \"Acme\"\nsources = [\"https://acme.example\"]\ndate = \"2026-11-21\"\n\
             auth = \"{auth}\"\ntoken = {{ url = \"https://acme.example/t\" }}"
        );
        Arc::clone(Catalogue::parse(&text).unwrap().provider("acme").unwrap())
    };
    let (params, metadata, secret) = (BTreeMap::new(), Metadata::new(), Secret::new("s/~"));
    let caller = Caller {
        client_id: "c:d",
        client_secret: Some(&secret),
        signer: None,
        params: &params,
        metadata: &metadata,
        scope: None,
    };
    let grant = "grant_type=refresh_token&refresh_token=rt";
    for (auth, header, rest) in [
        ("post", None, "&client_id=c%3Ad&client_secret=s%2F%7E"),
        // c%3Ad:s%2F%7E
        ("basic", Some("Basic YyUzQWQ6cyUyRiU3RQ=="), ""),
        // c:d:s/~
        ("basic_unencoded", Some("Basic YzpkOnMvfg=="), ""),
        // s%2F%7E:
        ("basic_secret", Some("Basic cyUyRiU3RTo="), ""),
        ("public", None, "&client_id=c%3Ad"),
        ("nothing", None, ""),
    ] {
        let request = own(auth).refresh(&caller, &Secret::new("rt")).unwrap();
        let found = request.headers().get("authorization");
        assert_eq!(found.map(|value| value.to_str().unwrap()), header, "{auth}");
        assert!(found.is_none_or(http::HeaderValue::is_sensitive));
        assert_eq!(String::from_utf8_lossy(request.body()), format!("{grant}{rest}"), "{auth}");
    }
    // Without a secret, a public client says at least who it is.
    let public = Caller { client_secret: None, ..caller };
    for auth in ["post", "basic", "basic_unencoded", "public"] {
        let request = own(auth).refresh(&public, &Secret::new("rt")).unwrap();
        assert!(request.headers().get("authorization").is_none());
        let body = String::from_utf8_lossy(request.body()).into_owned();
        assert_eq!(body, format!("{grant}&client_id=c%3Ad"), "{auth}");
    }
    let refused = own("private_key_jwt").refresh(&caller, &Secret::new("rt")).unwrap_err();
    assert_eq!(refused, Unbuildable::NotGiven("the client's key"));
}
