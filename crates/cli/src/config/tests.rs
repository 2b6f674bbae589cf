//! The whole way from files, variables and flags to a configuration.

use core::time::Duration;
use std::path::Path;

use tempfile::TempDir;
use unlapse_core::{Key, Reuse, Secret};

use super::*;

/// A directory with a home, a project and a working directory below it.
struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().expect("a directory") };
        std::fs::create_dir_all(world.path("project/deep/er")).expect("made");
        world
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().canonicalize().expect("there").join(below)
    }

    fn file(self, below: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        #[expect(clippy::disallowed_methods, reason = "a test lays out its files")]
        std::fs::write(path, text).expect("written");
        self
    }

    fn user(self, text: &str) -> Self {
        self.file("home/.config/unlapse/config.toml", text)
    }

    fn project(self, text: &str) -> Self {
        self.file("project/.unlapse/config.toml", text)
    }

    fn environment(&self) -> Environment {
        let mut environment = Environment::at(&self.path("project/deep/er"));
        environment.home = Some(self.path("home"));
        environment
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.environment(), &Overrides::default())
    }
}

fn profile(
    text: &str,
    environment: impl FnOnce(Environment) -> Environment,
) -> Result<Profile, ConfigError> {
    let world = World::new().project(text);
    let config = Config::load(&environment(world.environment()), &Overrides::default())?;
    config.profile("a").cloned()
}

fn lacks(text: &str) -> &'static str {
    match profile(text, |environment| environment) {
        Err(ConfigError::MissingKey { key, .. }) => key,
        other => panic!("{text}: {other:?}"),
    }
}

fn row<'a>(config: &'a Config, key: &str) -> (&'a str, String) {
    let row = config.rows.iter().find(|row| row.key == key).expect(key);
    (&row.value, row.origin.to_string())
}

const SERVER: &str = "[profile.a]\ntoken_endpoint = 'http://127.0.0.1:9/token'\n";

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
fn c1_the_projects_store_is_found_from_any_directory_of_it() {
    let world = World::new().project(SERVER);
    for cwd in ["project", "project/deep", "project/deep/er"] {
        let mut environment = world.environment();
        environment.cwd = Some(world.path(cwd));
        let config = Config::load(&environment, &Overrides::default()).expect("good");
        let Storage::Kept(store) = config.storage else { panic!("not kept") };
        assert_eq!(store.path, world.path("project/.unlapse"), "{cwd}");
        assert_eq!(store.project, world.path("project").display().to_string());
        assert_eq!(store.layout, Layout::Directory);
    }
}

#[test]
fn the_nearest_project_counts() {
    let world = World::new()
        .project(SERVER)
        .file("project/deep/.unlapse/config.toml", "[profile.near]\nissuer = 'https://n'");
    let config = world.load().expect("good");
    assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["near"]);
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
fn a_named_file_without_a_store_keeps_records_with_the_users_state() {
    let world = World::new().file("x.toml", SERVER).project("");
    let at = |file: &str| {
        let environment = world
            .environment()
            .with("UNLAPSE_CONFIG", world.path(file))
            .with("UNLAPSE_HOME", world.path("state"));
        match Config::load(&environment, &Overrides::default()).expect("good").storage {
            Storage::Kept(store) => store.path,
            Storage::Memory => panic!("not kept"),
        }
    };
    assert_eq!(at("x.toml"), world.path("state"));
    assert_eq!(at("project/.unlapse/config.toml"), world.path("project/.unlapse"));
}

#[test]
fn k6_no_store_keeps_nothing_and_needs_no_home() {
    let world = World::new().project(SERVER);
    let mut environment = world.environment().with("UNLAPSE_NO_STORE", "1");
    environment.home = None;
    let config = Config::load(&environment, &Overrides::default()).expect("good");
    assert_eq!(config.storage, Storage::Memory);
    assert_eq!(row(&config, "store.path").1, "environment variable UNLAPSE_NO_STORE");
}

#[test]
fn a3_whether_logins_are_kept_by_every_source() {
    let file = format!("{SERVER}\n[store]\npersist = 'auto'");
    let persist = ("UNLAPSE_PERSIST", "on");
    let rows = [
        (SERVER, vec![], false, Persistence::On, "default"),
        (&file, vec![], false, Persistence::Auto, ".unlapse/config.toml:"),
        (&file, vec![persist], false, Persistence::On, "UNLAPSE_PERSIST"),
        (&file, vec![("UNLAPSE_PERSIST", "off")], false, Persistence::Off, "UNLAPSE_PERSIST"),
        (
            &file,
            vec![persist, ("UNLAPSE_NO_STORE", "1")],
            false,
            Persistence::Off,
            "UNLAPSE_NO_STORE",
        ),
        (&file, vec![persist], true, Persistence::Off, "--no-store"),
    ];
    for (text, variables, no_store, expected, origin) in rows {
        let world = World::new().project(text);
        let environment = variables
            .iter()
            .fold(world.environment(), |environment, (name, value)| environment.with(name, value));
        let overrides = Overrides { no_store, ..Overrides::default() };
        let config = Config::load(&environment, &overrides).expect("good");
        assert_eq!(config.persistence, expected, "{variables:?}");
        assert_eq!(config.storage == Storage::Memory, expected == Persistence::Off);
        let key = if expected == Persistence::Off { "store.path" } else { "store.persist" };
        assert!(row(&config, key).1.contains(origin), "{:?}", row(&config, key));
    }
    let world = World::new().project(SERVER);
    let environment = world.environment().with("UNLAPSE_PERSIST", "canary");
    let error = Config::load(&environment, &Overrides::default()).expect_err("no word");
    assert_eq!(
        error.to_string(),
        "the environment variable `UNLAPSE_PERSIST` must be `on`, `off` or `auto`"
    );
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
fn files_that_cannot_be_read_are_errors() {
    let problem = |world: World| match world.load() {
        Err(ConfigError::Unreadable { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let at = "project/.unlapse/config.toml";
    assert_eq!(problem(World::new().file(at, vec![b'#'; (1 << 20) + 1])), "is larger than 1 MiB");
    assert_eq!(problem(World::new().file(at, [0xff, 0xfe])), "is not UTF-8 text");
    assert_eq!(problem(World::new().file(&format!("{at}/x"), "")), "is a directory");
    assert!(World::new().file(at, vec![b'#'; 1 << 20]).load().is_ok(), "1 MiB is allowed");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_an_error() {
    let world = World::new().project("");
    let path = world.path("project/.unlapse/config.toml");
    #[expect(clippy::disallowed_methods, reason = "a test lays out its files")]
    std::fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink("nowhere", &path).expect("linked");
    assert!(matches!(world.load(), Err(ConfigError::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn a_projects_file_that_others_can_change_is_not_followed() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    for place in ["project/.unlapse/config.toml", "project/.unlapse"] {
        let world = World::new().project(SERVER);
        set_permissions(world.path(place), Permissions::from_mode(0o777)).expect("changed");
        assert!(matches!(world.load(), Err(ConfigError::Untrusted { .. })), "{place}");
        // Named on purpose, it is.
        let named =
            world.environment().with("UNLAPSE_CONFIG", world.path("project/.unlapse/config.toml"));
        assert!(Config::load(&named, &Overrides::default()).is_ok());
    }
    // Somebody else's. Root can give the file away; to anybody else, be somebody else.
    let world = World::new().project(SERVER);
    let mut environment = world.environment();
    if environment.uid == Some(0) {
        let file = world.path("project/.unlapse/config.toml");
        std::os::unix::fs::chown(file, Some(4711), None).expect("given away");
    } else {
        environment.uid = environment.uid.map(|uid| uid + 1);
    }
    let error = Config::load(&environment, &Overrides::default()).expect_err("not ours");
    assert!(error.to_string().ends_with("belongs to another user"), "{error}");
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
fn a_working_directory_that_is_gone_is_no_obstacle() {
    let world = World::new().user(SERVER);
    let mut environment = world.environment();
    environment.cwd = None;
    let config = Config::load(&environment, &Overrides::default()).expect("good");
    assert!(config.profile("a").is_ok());
    assert_eq!(config.files, [Path::new(&world.path("home/.config/unlapse/config.toml"))]);
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
