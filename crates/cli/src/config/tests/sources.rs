//! Where a value comes from: files, variables and flags, and which of them wins.

use core::time::Duration;
use std::path::Path;

use super::super::*;
use super::{SERVER, World, profile, row};

#[test]
fn nothing_configured_is_no_error() {
    let config = World::new().load().expect("defaults");
    assert!(config.profiles.is_empty() && config.files.is_empty());
    assert_eq!(config.log, "warn");
    assert_eq!(config.http.connect_timeout, Duration::from_secs(10));
    let Err(ConfigError::UnknownProfile { nearest: None, known, .. }) = config.profile("a") else {
        panic!("found");
    };
    assert!(known.is_empty());
}

#[test]
fn later_sources_win_key_by_key_and_each_value_knows_its_own() {
    let world = World::new()
        .user(
            "[profile.a]\nissuer = 'https://user.example'\nclient_id = 'user'\n\
             [profile.a.policy]\nattempts = 2\nskew = '10s'\n[profile.b]\nissuer = 'https://b.example'\n",
        )
        .project("[profile.a]\nclient_id = 'project'\n[profile.a.policy]\nattempts = 4\nround = '1m'\n");
    let environment =
        world.environment().with("UNLAPSE_ATTEMPTS", "6").with("UNLAPSE_TIMEOUT", "9s");
    let overrides = Overrides { timeout: Some("8s".to_owned()), ..Overrides::default() };
    let config = Config::load(&environment, &overrides).expect("good");

    assert_eq!(config.profiles.len(), 2);
    let policy = &config.profiles["a"].policy;
    assert_eq!(policy.attempts, 6);
    assert_eq!(policy.exchange_deadline, Duration::from_secs(8));
    assert_eq!(config.profiles["b"].policy.attempts, 6);

    let user = world.path("home/.config/unlapse/config.toml").display().to_string();
    let project = world.path("project/.unlapse/config.toml").display().to_string();
    let rows = [
        ("profile.a.issuer", "https://user.example", format!("{user}:2")),
        ("profile.a.client_id", "project", format!("{project}:2")),
        ("profile.a.grant", "refresh_token", "default".to_owned()),
        ("profile.a.client_auth", "none", "default".to_owned()),
        ("profile.a.policy.attempts", "6", "environment variable UNLAPSE_ATTEMPTS".to_owned()),
        ("profile.a.policy.timeout", "8s", "--timeout".to_owned()),
        ("profile.a.policy.skew", "10s", format!("{user}:6")),
        ("profile.a.policy.round", "1m", format!("{project}:5")),
        ("profile.a.policy.lease_wait", "5s", "default".to_owned()),
        ("http.read_timeout", "30s", "default".to_owned()),
        ("log", "warn", "default".to_owned()),
    ];
    for (key, value, origin) in rows {
        assert_eq!(row(&config, key), (value, origin), "{key}");
    }
    assert_eq!(config.files, [PathBuf::from(user), PathBuf::from(project)]);
}

#[test]
fn a_named_file_replaces_the_others_and_must_exist() {
    let world = World::new()
        .user("[profile.user]\nissuer = 'https://u'")
        .project("not toml")
        .file("other/x.toml", "[profile.other]\nissuer = 'https://o'\n[store]\npath = 'here'");
    let named = world.environment().with("UNLAPSE_CONFIG", world.path("other/x.toml"));
    let config = Config::load(&named, &Overrides::default()).expect("good");
    assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["other"]);
    let Storage::Kept(store) = config.storage else { panic!("not kept") };
    assert_eq!(store.path, world.path("other/here"));
    // The flag goes before the variable, and a relative path is the caller's.
    let overrides = Overrides { config: Some("none.toml".into()), ..Overrides::default() };
    let missing = Config::load(&named, &overrides).expect_err("missing");
    assert_eq!(
        missing.to_string(),
        format!(
            "the configuration file {} does not exist",
            world.path("project/deep/er/none.toml").display()
        )
    );
}

#[test]
fn the_nearest_project_counts() {
    let world = World::new()
        .project(SERVER)
        .file("project/deep/.unlapse/config.toml", "[profile.near]\nissuer = 'https://n'");
    let config = world.load().expect("good");
    assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["near"]);
}

fn row_of(config: &Config, key: &str) -> Option<String> {
    config.rows.iter().find(|row| row.key == key).map(|row| row.value.clone())
}

#[test]
fn a6_the_library_reads_the_same_variables_to_the_same_effect() {
    let words = [
        "",
        "0",
        "1",
        "3",
        "10",
        "11",
        "x",
        "1ms",
        "99ms",
        "30s",
        "2m",
        "90m",
        "on",
        "auto",
        "http://127.0.0.1:7/t",
        "http://as.example/t",
    ];
    for variable in [
        "UNLAPSE_ATTEMPTS",
        "UNLAPSE_BASE_DELAY",
        "UNLAPSE_MAX_DELAY",
        "UNLAPSE_TIMEOUT",
        "UNLAPSE_TOKEN_ENDPOINT",
        "UNLAPSE_PERSIST",
        "UNLAPSE_NO_STORE",
    ] {
        for word in words {
            let world = World::new().project("[profile.a]\nissuer = 'https://h'");
            let environment = world.environment().with(variable, word);
            let ours = Config::load(&environment, &Overrides::default());
            let theirs = unlapse::Environment::read(|name| (name == variable).then(|| word.into()));
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    let policy = theirs.policy(unlapse::Policy::default());
                    assert_eq!(ours.profiles["a"].policy, policy, "{variable}={word}");
                    let persistence = theirs.persistence().unwrap_or_default();
                    assert_eq!(ours.persistence, persistence, "{variable}={word}");
                    let token = row_of(&ours, "profile.a.token_endpoint");
                    let endpoint = theirs.endpoint().map(ToString::to_string);
                    assert_eq!(token, endpoint, "{variable}={word}");
                }
                (Err(ours), Err(theirs)) => {
                    assert_eq!(ours.to_string(), theirs.to_string());
                    assert_eq!(ours.code(), theirs.code());
                }
                (ours, theirs) => panic!("{variable}={word}: {ours:?} {theirs:?}"),
            }
        }
    }
}

#[test]
fn k6_an_endpoint_override_is_every_profiles() {
    let environment = |e: Environment| e.with("UNLAPSE_TOKEN_ENDPOINT", "http://127.0.0.1:7/t");
    let profile = profile("[profile.a]\nissuer = 'https://h'", environment).expect("good");
    let Grant::RefreshToken { server: Server::Named { token_endpoint, .. }, .. } = profile.grant
    else {
        panic!("{:?}", profile.grant);
    };
    assert_eq!(token_endpoint.to_string(), "http://127.0.0.1:7/t");
}

#[test]
fn c13_neither_the_configuration_nor_its_rows_show_a_secret() {
    let text = format!(
        "{SERVER}client_id = 'x'\nclient_secret_env = 'S'\napi_key_env = 'K'\n\
        [store]\ncustody = 'passphrase'\n"
    );
    let world = World::new().project(&text);
    let environment = world
        .environment()
        .with("S", "canary-1")
        .with("K", "canary-2")
        .with("UNLAPSE_PASSPHRASE", "canary-3");
    let config = Config::load(&environment, &Overrides::default()).expect("good");
    assert!(!format!("{config:?}").contains("canary"));
    assert!(!show::table(&config.rows).contains("canary"));
    assert!(!show::json(&config.rows).to_string().contains("canary"));
    for key in ["profile.a.client_secret", "profile.a.api_key", "store.passphrase"] {
        assert_eq!(row(&config, key).0, "set (not shown)", "{key}");
    }
}

#[test]
fn a_working_directory_that_is_gone_is_no_obstacle() {
    let world = World::new().user(SERVER);
    let mut environment = world.environment();
    environment.cwd = None;
    let config = Config::load(&environment, &Overrides::default()).expect("good");
    assert!(config.profile("a").is_ok());
    assert_eq!(config.files, [Path::new(&world.path("home/.config/unlapse/config.toml"))]);
}
