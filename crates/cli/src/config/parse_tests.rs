use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::origin::Valued;
use unlapse_core::Reuse;

fn read(text: &str) -> Result<Layer, ConfigError> {
    parse(text, Path::new("/p/config.toml"))
}

fn error(text: &str) -> ConfigError {
    read(text).expect_err(text)
}

fn line(line: usize) -> Origin {
    Origin::File { path: Arc::from(Path::new("/p/config.toml")), line }
}

#[test]
fn the_configuration_of_the_issue_is_accepted() {
    let layer = read(
        r#"
[profile.acme]
issuer = "https://login.example"          # discovery; or the endpoints themselves:
token_endpoint = "http://127.0.0.1:9000/token"
revocation_endpoint = "http://127.0.0.1:9000/revoke"
grant = "refresh_token"                   # client_credentials | password | login_endpoint | api_key
client_id = "cid"
client_auth = "none"                      # basic | post
scopes = ["api"]
reuse = "unknown"                         # stable | until_used | grace:30s | strict
api_key_env = "ACME_KEY"                  # the last rung, optional
[profile.acme.login_endpoint]
url = "http://127.0.0.1:9000/api/auth/login"
username = "u"
[profile.acme.policy]
refresh_ahead = "300s"
skew = "30s"
max_lifetime = "24h"                      # optional rules of C8
algorithms = ["RS256"]
[store]
path = ".unlapse"                         # or any file path of its own
custody = "keyfile"                       # passphrase | machine
"#,
    )
    .expect("accepted");
    let acme = &layer.profiles["acme"];
    assert_eq!(acme.origin, line(2));
    assert_eq!(acme.keys.reuse, Some(Valued { value: Reuse::Unknown, origin: line(10) }));
    assert_eq!(
        acme.login.as_ref().and_then(|login| login.username.clone()).map(|u| u.value),
        Some("u".to_owned())
    );
    assert_eq!(acme.policy.algorithms.as_ref().map(|set| &set.origin), Some(&line(19)));
    assert_eq!(layer.store.path.as_ref().map(|set| &set.origin), Some(&line(21)));
}

#[test]
fn an_unknown_key_names_itself_its_line_and_the_nearest_right_key() {
    let rows = [
        (
            "[profile.a.policy]\nrefreshahead = '1s'",
            "profile.a.policy.refreshahead",
            2,
            Some("refresh_ahead"),
        ),
        ("[profile.a.policy]\n\nskwe = '1s'", "profile.a.policy.skwe", 3, Some("skew")),
        ("[profile.a]\nscope = ['x']", "profile.a.scope", 2, Some("scopes")),
        ("[profile.a]\npolcy = 1", "profile.a.polcy", 2, Some("policy")),
        (
            "[profile.a.login_endpoint]\nuser_name = 'x'",
            "profile.a.login_endpoint.user_name",
            2,
            Some("username"),
        ),
        ("[store]\ncustdy = 'x'", "store.custdy", 2, Some("custody")),
        ("[http]\ncafile = 'x'", "http.cafile", 2, Some("ca_file")),
        ("[profiles.a]\ngrant = 'x'", "profiles", 1, Some("profile")),
        ("stores = 1", "stores", 1, Some("store")),
        // A right key in the wrong table is sent to the right one.
        (
            "[profile.a]\nrefresh_ahead = '1s'",
            "profile.a.refresh_ahead",
            2,
            Some("profile.a.policy.refresh_ahead"),
        ),
        ("client_id = 'x'", "client_id", 1, Some("profile.NAME.client_id")),
        ("[profile.a]\ncolour = 'x'", "profile.a.colour", 2, None),
        ("[profile.a]\n\"x\\u001b[2J\" = 1", "profile.a.x [2J", 2, None),
    ];
    for (text, key, at, nearest) in rows {
        let expected = ConfigError::UnknownKey {
            key: key.to_owned(),
            at: line(at),
            nearest: nearest.map(str::to_owned),
        };
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn a_bad_value_names_its_key_its_line_and_what_is_allowed() {
    let rows = [
        (
            "[profile.a.policy]\nskew = '11m'",
            "`profile.a.policy.skew` in /p/config.toml:2 must be a duration from 0s to 10m, like `\"30s\"`",
        ),
        (
            "[profile.a.policy]\nskew = 30",
            "`profile.a.policy.skew` in /p/config.toml:2 must be a duration from 0s to 10m, like `\"30s\"`",
        ),
        (
            "[profile.a.policy]\nattempts = 11",
            "`profile.a.policy.attempts` in /p/config.toml:2 must be a whole number from 1 to 10",
        ),
        (
            "[profile.a.policy]\nattempts = 99999999999999999999",
            "`profile.a.policy.attempts` in /p/config.toml:2 must be a whole number from 1 to 10",
        ),
        (
            "[profile.a]\napi_key_while_away = 'yes'",
            "`profile.a.api_key_while_away` in /p/config.toml:2 must be `true` or `false`",
        ),
        (
            "[store]\ncustody = 'keyring'",
            "`store.custody` in /p/config.toml:2 must be `keyfile`, `passphrase` or `machine`",
        ),
        ("store = 1", "`store` in /p/config.toml:1 must be a table"),
        ("profile = 'x'", "`profile` in /p/config.toml:1 must be a table of profiles"),
        ("[profile]\na = 'x'", "`profile.a` in /p/config.toml:2 must be a table"),
        ("[profile.a]\npolicy = 'x'", "`profile.a.policy` in /p/config.toml:2 must be a table"),
        ("[[profile.a]]\ngrant = 'x'", "`profile.a` in /p/config.toml:1 must be a table"),
        (
            "[profile.a]\nscopes = [1]",
            "`profile.a.scopes` in /p/config.toml:2 must be a list of scopes without spaces, like `[\"api\", \"offline_access\"]`",
        ),
    ];
    for (text, message) in rows {
        assert_eq!(error(text).to_string(), message, "{text}");
    }
    let ConfigError::BadValue { nearest, .. } = error("[profile.a]\ngrant = 'refreshtoken'") else {
        panic!("another error");
    };
    assert_eq!(nearest.as_deref(), Some("refresh_token"));
}

#[test]
fn no_toml_names_line_and_column_and_quotes_nothing() {
    let rows = [
        ("[store]\npath = canary", 2, 8),
        ("[store\npath = 'x'", 1, 7),
        ("a = 1\na = 2", 2, 1),
        ("[profile.a]\n  é = 'x'", 2, 3),
    ];
    for (text, line, column) in rows {
        let error = error(text);
        assert!(
            matches!(&error, ConfigError::Syntax { line: l, column: c, .. } if (*l, *c) == (line, column)),
            "{text}: {error}"
        );
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn r18_a_secret_in_the_file_is_refused_and_not_repeated() {
    for key in ["client_secret", "password", "api_key", "refresh_token", "access_token", "token"] {
        let error = error(&format!("[profile.acme]\n{key} = 'canary-4711'"));
        assert!(matches!(&error, ConfigError::SecretInFile { .. }), "{error}");
        assert!(error.to_string().contains("/p/config.toml:2"), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    let store = error("[store]\npassphrase = 'canary-4711'");
    assert!(matches!(store, ConfigError::SecretInFile { instead: "set UNLAPSE_PASSPHRASE", .. }));
}

#[test]
fn r18_no_error_repeats_a_value() {
    for text in [
        "[profile.a]\nclient_secret_env = 'canary 4711'",
        "[profile.a]\ntoken_endpoint = 'https://u:canary@h/'",
        "[profile.a]\nreuse = 'canary'",
        "[store]\nrounds = 'canary'",
    ] {
        assert!(!format!("{:?}", error(text)).contains("canary"), "{text}");
    }
}

#[test]
fn the_first_mistake_of_the_file_is_the_one_reported() {
    let ConfigError::UnknownKey { at, .. } =
        error("[profile.z]\nxxxxx = 1\n[profile.a]\nyyyyy = 1")
    else {
        panic!("another error");
    };
    assert_eq!(at, line(2));
}

#[test]
fn names_of_profiles_are_fit_for_files_and_commands() {
    for good in ["acme", "work@acme", "a.b-c_d+1", &"x".repeat(64)] {
        assert!(read(&format!("[profile.\"{good}\"]")).is_ok(), "{good}");
    }
    for bad in ["", "-x", "a b", "a/b", "ä", "a\\n", &"x".repeat(65)] {
        let error = error(&format!("[profile.\"{bad}\"]"));
        assert!(matches!(error, ConfigError::BadValue { .. }), "{bad}: {error}");
    }
}

#[test]
fn odd_but_right_files_are_read() {
    assert_eq!(read(""), Ok(Layer::default()));
    assert_eq!(read("# nothing\n"), Ok(Layer::default()));
    assert!(read("\u{feff}[store]\r\npath = 'x'\r\n").is_ok());
    let dotted = read("profile.a.policy.attempts = 0x3").expect("dotted keys and other radixes");
    assert_eq!(dotted.profiles["a"].policy.attempts.as_ref().map(|set| set.value), Some(3));
}

#[test]
fn hostile_text_is_an_error_and_no_crash() {
    for text in [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{b=".repeat(100_000)),
        format!("{} = 1", "a.".repeat(50_000) + "a"),
        "\u{0}".to_owned(),
        "a = \"\\ud800\"".to_owned(),
    ] {
        assert!(read(&text).is_err(), "{text:.20}");
    }
}

#[test]
fn a_file_full_of_keys_is_read_in_no_time() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..20_000 {
        let _ = writeln!(text, "[profile.p{number}]\nclient_id = 'x'");
    }
    let layer = read(&text).expect("large, and right");
    assert_eq!(layer.profiles["p19999"].origin, line(39_999));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = read(&text);
    }

    #[test]
    fn nothing_like_a_configuration_makes_the_parser_panic_or_repeat_a_value(
        words in proptest::collection::vec(
            prop_oneof![
                Just("[profile.a]\n"), Just("[profile.a.policy]\n"), Just("[store]\n"),
                Just("[[store]]\n"), Just("skew = "), Just("path = "), Just("scopes = "),
                Just("grant."), Just("= "), Just("'canary'\n"), Just("\"canary\n"),
                Just("['canary', 1]\n"), Just("{ a = 'canary' }\n"), Just("1979-05-27\n"),
                Just("0x_\n"), Just("true\n"), Just("\u{e9}\n"), Just("\r"), Just("#"),
            ],
            0..12,
        )
    ) {
        if let Err(error) = read(&words.concat()) {
            prop_assert!(!error.to_string().contains("canary"), "{}", error);
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }
}
