use super::*;
use crate::config::section::Shown as _;

fn parse(text: &str) -> Result<IssuerFile, ConfigError> {
    IssuerFile::parse(text, Path::new("/etc/issuer.toml"))
}

#[test]
fn every_table_is_read() {
    let file = parse(
        "url = \"https://id.example\"\n\
         database = \"postgres://issuer@db.example/issuer\"\n\
         [keys]\n\
         rotate_every = \"never\"\n\
         [limits]\n\
         peer = \"off\"\n\
         [client.app]\n\
         redirect_uris = [\"http://127.0.0.1/callback\"]\n\
         [user.ada]\n\
         password = \"$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc$Oo1mFRlkpJzNoY/+0f8BjA\"\n",
    );
    let file = file.expect("a configuration");
    assert_eq!(file.keys.url.map(|url| url.value.shown()).as_deref(), Some("https://id.example"));
    assert_eq!(file.signing.rotate_every.map(|set| set.value), Some(None));
    assert_eq!(file.limits.peer.map(|set| set.value), Some(None));
    assert_eq!(file.clients["app"].1.to_string(), "/etc/issuer.toml:7");
    assert!(file.users["ada"].0.password.is_some());
}

#[test]
fn j6_a_row_for_each_mistake_with_its_place() {
    let rows = [
        ("url = [", "config_syntax", ":1:"),
        ("\nurll = \"x\"", "config_unknown_key", "`urll` in /etc/issuer.toml:2"),
        (
            "url = \"http://id.example\"",
            "config_bad_value",
            "`url` in /etc/issuer.toml:1 must be an `https` URL",
        ),
        ("listen = \"8080\"", "config_bad_value", "`listen` in /etc/issuer.toml:1"),
        ("database = \"postgres://a:canary@db/x\"", "config_bad_value", "without a password"),
        ("access_lifetime = \"2h\"", "config_bad_value", "from 1s to 60m"),
        ("algorithm = \"HS256\"", "config_bad_value", "`EdDSA`, `ES256` or `RS256`"),
        (
            "[keys]\nrotate_every = \"1m\"",
            "config_bad_value",
            "`keys.rotate_every` in /etc/issuer.toml:2",
        ),
        ("[limits]\npeer = 600", "config_bad_value", "`limits.peer`"),
        (
            "[client.app]\nsecret = \"canary\"",
            "config_secret_in_file",
            "`client.app.secret` in /etc/issuer.toml:2",
        ),
        ("[client.app]\ngrants = [\"implicit\"]", "config_bad_value", "`client.app.grants`"),
        ("[client.\"a b\"]", "config_bad_value", "`client.a b`"),
        ("client = 1", "config_bad_value", "a table of clients"),
        ("[user.ada]\npassword = \"canary\"", "config_bad_value", "an Argon2id hash"),
        ("tls = true", "config_bad_value", "`tls`"),
        ("[tls]\nkey_file = \"x\"", "config_unknown_key", "`tls.key_file` in /etc/issuer.toml:2"),
    ];
    for (text, code, message) in rows {
        let error = parse(text).expect_err(text);
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_key_in_the_wrong_table_is_found() {
    let error = parse("[tls]\ngrace = \"10s\"").expect_err("elsewhere");
    assert!(matches!(&error, ConfigError::UnknownKey { nearest: Some(it), .. } if it == "grace"));
    let error = parse("rotate_every = \"90d\"").expect_err("elsewhere");
    let meant = "keys.rotate_every";
    assert!(matches!(&error, ConfigError::UnknownKey { nearest: Some(it), .. } if it == meant));
}
