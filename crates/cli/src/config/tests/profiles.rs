//! What a profile becomes: its grant, its client, its policy and the name of its record.

use core::time::Duration;

use unlapse_core::{Key, Reuse, Secret};

use super::super::*;
use super::{SERVER, World, profile};

#[test]
fn rfc9449_5_whoever_asks_for_bound_tokens_is_not_content_with_others() {
    for (text, dpop) in [("", false), ("dpop = false", false), ("dpop = true", true)] {
        let profile = profile(&format!("{SERVER}{text}\n"), |environment| environment);
        let profile = profile.expect("good");
        assert_eq!((profile.dpop, profile.policy.rules.sender_constrained), (dpop, dpop), "{text}");
    }
    let wrong = profile(&format!("{SERVER}dpop = 'yes'\n"), |environment| environment);
    let message = wrong.expect_err("no switch").to_string();
    assert!(message.ends_with("must be `true` or `false`"), "{message}");
}

#[test]
fn the_issues_profile_becomes_what_it_says() {
    let text = "[profile.a]\nissuer = 'https://login.example'\n\
        token_endpoint = 'http://127.0.0.1:9000/token'\n\
        revocation_endpoint = 'http://127.0.0.1:9000/revoke'\ngrant = 'refresh_token'\n\
        client_id = 'cid'\nclient_auth = 'none'\nscopes = ['api']\nreuse = 'grace:20s'\n\
        api_key_env = 'ACME_KEY'\naccount = 'work'\n\
        [profile.a.login_endpoint]\nurl = 'http://127.0.0.1:9000/api/auth/login'\nusername = 'u'\n\
        [profile.a.policy]\nmax_lifetime = '24h'\nalgorithms = ['RS256']\n";
    let profile = profile(text, |environment| environment.with("ACME_KEY", "k\n")).expect("good");
    assert_eq!(profile.key(), Key::new("a@login.example").account("work"));
    assert_eq!(profile.policy.reuse, Reuse::Grace(Duration::from_secs(20)));
    assert_eq!(profile.policy.rules.max_lifetime, Some(Duration::from_hours(24)));
    assert_eq!(profile.policy.rules.algorithms, ["RS256"]);
    let key = profile.api_key.expect("the last rung");
    assert_eq!((key.variable.as_str(), key.key), ("ACME_KEY", Some(Secret::new("k"))));
    let Grant::RefreshToken { server, client, login: Some(login) } = profile.grant else {
        panic!("{:?}", profile.grant);
    };
    assert_eq!(client, Client::Public { id: "cid".to_owned() });
    let Server::Named { token_endpoint, issuer: Some(_), revocation_endpoint: Some(_) } = server
    else {
        panic!("{server:?}");
    };
    assert!(token_endpoint.is_loopback());
    assert_eq!((login.username.as_str(), login.password_field.as_str()), ("u", "password"));
}

fn lacks(text: &str) -> &'static str {
    match profile(text, |environment| environment) {
        Err(ConfigError::MissingKey { key, .. }) => key,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn each_grant_says_what_it_lacks() {
    let with = |more: &str| format!("{SERVER}{more}");
    let rows = [
        ("[profile.a]\nclient_id = 'x'".to_owned(), "token_endpoint` or `issuer"),
        (with("grant = 'client_credentials'"), "client_id"),
        (with("client_auth = 'post'"), "client_id"),
        (with("client_secret_env = 'X'"), "client_id"),
        (with("grant = 'password'"), "username"),
        (with("grant = 'login_endpoint'"), "login_endpoint.url"),
        (with("[profile.a.login_endpoint]\nusername = 'u'"), "login_endpoint.url"),
        (with("[profile.a.login_endpoint]\nurl = 'https://h/'"), "login_endpoint.username"),
        (with("grant = 'api_key'"), "api_key_env"),
    ];
    for (text, key) in rows {
        assert_eq!(lacks(&text), key, "{text}");
    }
    let text = with("grant = 'client_credentials'\nclient_id = 'x'\nclient_auth = 'none'");
    let error = profile(&text, |environment| environment).expect_err("public");
    assert!(
        error.to_string().ends_with(
            "config.toml:5 must be `basic` or `post` for the grant `client_credentials`"
        )
    );
}

#[test]
fn each_grant_with_what_it_needs() {
    let with = |more: &str| profile(&format!("{SERVER}{more}"), |e| e.with("K", "v")).expect(more);
    let machine = with("grant = 'client_credentials'\nclient_id = 'x'").grant;
    let Grant::ClientCredentials { client: Client::Confidential { method, secret, .. }, .. } =
        machine
    else {
        panic!("{machine:?}");
    };
    assert_eq!((method, secret), (Method::Basic, ClientSecret::Stored));
    assert!(matches!(
        with("grant = 'password'\nusername = 'u'").grant,
        Grant::Password { client: Client::Anonymous, .. }
    ));
    let login =
        "grant = 'login_endpoint'\nusername = 'u'\n[profile.a.login_endpoint]\nurl = 'https://h/'";
    assert!(matches!(with(login).grant, Grant::LoginEndpoint { server: Some(_), .. }));
    let keyed = with("grant = 'api_key'\napi_key_env = 'K'");
    assert!(keyed.api_key.is_none(), "the grant has it");
    assert!(matches!(keyed.grant, Grant::ApiKey(profile::ApiKey { key: Some(_), .. })));
    let issuer = profile("[profile.a]\nissuer = 'https://h'", |e| e).expect("good").grant;
    assert!(matches!(issuer, Grant::RefreshToken { server: Server::Discovered { .. }, .. }));
}

#[test]
fn i3_a_broker_is_a_source_of_tokens() {
    const BROKER: &str = "[profile.a]\nbroker = 'https://b.example'\n";
    let with = |more: &str| profile(&format!("{BROKER}{more}"), |e| e.with("OWN", "own"));
    let Grant::Broker { connection, key } =
        with("connection = 'ada/google/main'").expect("good").grant
    else {
        panic!("no broker");
    };
    let url = "https://b.example/v1/connections/ada/google/main/token";
    assert_eq!(connection.token_url.url().as_str(), url);
    // The client renews 300 s ahead, and by its jitter 30 s before that.
    assert_eq!(connection.min_ttl, Duration::from_secs(330));
    assert_eq!(key, ClientSecret::Stored);
    let shared = |e: Environment| e.with("UNLAPSE_BROKER_KEY", "shared").with("OWN", "own");
    for (more, expected) in [("", "shared"), ("broker_key_env = 'OWN'", "own")] {
        let text = format!("{BROKER}connection = 'a/b/c'\n{more}");
        let Grant::Broker { key, .. } = profile(&text, shared).expect(more).grant else {
            panic!("no broker");
        };
        assert!(matches!(&key, ClientSecret::Given { secret, .. } if secret.expose() == expected));
    }
    for (more, code) in [
        ("", "config_missing_key"),
        ("connection = 'ada/google'", "config_bad_value"),
        ("connection = '../google/main'", "config_bad_value"),
        ("connection = 'a/b/c'\nbroker_key = 'ulk_canary'", "config_secret_in_file"),
    ] {
        let error = with(more).expect_err(more);
        assert_eq!(error.code(), code, "{more}: {error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert!(
        profile("[profile.a]\nbroker = 'http://b.example'\nconnection = 'a/b/c'", |e| e).is_err()
    );
}

#[test]
fn a_client_secret_comes_from_the_profiles_variable_or_from_the_shared_one() {
    let secret = |more: &str| {
        let text = format!("{SERVER}client_id = 'x'\n{more}");
        let shared = |e: Environment| e.with("UNLAPSE_CLIENT_SECRET", "shared").with("OWN", "own");
        match profile(&text, shared).expect(more).grant {
            Grant::RefreshToken { client: Client::Confidential { secret, .. }, .. } => secret,
            other => panic!("{other:?}"),
        }
    };
    let given = |secret: &str, variable: &str| ClientSecret::Given {
        secret: Secret::new(secret),
        variable: variable.to_owned(),
    };
    assert_eq!(secret(""), given("shared", "UNLAPSE_CLIENT_SECRET"));
    assert_eq!(secret("client_secret_env = 'OWN'"), given("own", "OWN"));
    let unset = ClientSecret::Unset { variable: "NOT".to_owned() };
    assert_eq!(secret("client_secret_env = 'NOT'"), unset);
    // A profile without a client is not given one by a variable that others share.
    let anonymous = profile(SERVER, |e| e.with("UNLAPSE_CLIENT_SECRET", "shared")).expect("good");
    assert!(matches!(anonymous.grant, Grant::RefreshToken { client: Client::Anonymous, .. }));
}

#[test]
fn an_unknown_profile_names_the_nearest() {
    let config = World::new().project("[profile.acme]\nissuer = 'https://h'").load().expect("good");
    assert!(config.profile("acme").is_ok());
    let error = config.profile("amce").expect_err("unknown");
    let ConfigError::UnknownProfile { nearest, .. } = &error else { panic!("{error}") };
    assert_eq!(nearest.as_deref(), Some("acme"));
}

#[test]
fn delays_that_contradict_each_other_are_an_error_only_when_both_were_written() {
    let text = format!("{SERVER}[profile.a.policy]\nbase_delay = '10s'\nmax_delay = '5s'");
    let error = profile(&text, |e| e).expect_err("contradiction").to_string();
    assert!(
        error.contains("`profile.a.policy.base_delay`") && error.contains("at most `max_delay`")
    );
    let text = format!("{SERVER}[profile.a.policy]\nbase_delay = '10s'");
    let shortened = profile(&text, |e| e.with("UNLAPSE_MAX_DELAY", "1s")).expect("capped");
    assert_eq!(shortened.policy.max_delay, Duration::from_secs(1));
}

#[test]
fn every_default_of_the_policy_is_the_cores() {
    let profile = profile(SERVER, |e| e).expect("good");
    assert_eq!(profile.policy, unlapse_core::Policy::default());
}

#[test]
fn r18_another_server_gets_a_record_of_its_own() {
    let key = |token: &str, more: &str| {
        let text = format!("[profile.a]\ntoken_endpoint = '{token}'\nclient_id = 'c'\n{more}");
        profile(&text, |environment| environment).expect("good").key().server
    };
    assert_eq!(key("https://login.example/token", ""), "a@login.example");
    assert_eq!(key("https://login.example/other", ""), "a@login.example");
    assert_eq!(key("https://evil.example/token", ""), "a@evil.example");
    let revocation = "revocation_endpoint = 'https://evil.example/revoke'\n";
    assert_eq!(key("https://login.example/token", revocation), "a@evil.example@login.example");
    // Local servers move between ports.
    assert_eq!(key("http://127.0.0.1:9000/token", ""), "a");
    assert_eq!(key("http://localhost:9001/token", ""), "a");
}
