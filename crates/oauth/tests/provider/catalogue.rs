use unlapse_core::Reuse;
use unlapse_oauth::provider::{Catalogue, Step};

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
