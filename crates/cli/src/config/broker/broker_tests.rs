use super::*;

fn parse(text: &str) -> Result<BrokerFile, ConfigError> {
    BrokerFile::parse(text, Path::new("/etc/broker.toml"))
}

#[test]
fn every_table_is_read() {
    let file = parse(
        "listen = \"127.0.0.1:9\"\n\
         master_key = \"env:MASTER\"\n\
         private_hosts = [\"10.2.0.0/16\", \"IDP.internal\", \".corp.example\"]\n\
         [postgres]\n\
         connections = 32\n\
         [jwt]\n\
         issuer = \"https://id.example\"\n\
         [tls]\n\
         certificate = \"c.pem\"\n",
    );
    let file = file.expect("a configuration");
    assert_eq!(file.keys.master_key.map(|set| set.value.shown()).as_deref(), Some("env:MASTER"));
    let hosts = file.keys.private_hosts.map(|set| set.value.shown());
    assert_eq!(hosts.as_deref(), Some("10.2.0.0/16, idp.internal, .corp.example"));
    assert_eq!(file.postgres.connections.map(|set| set.value), Some(32));
    assert!(file.jwt.expect("a table").0.issuer.is_some());
    assert_eq!(file.tls.expect("a table").1.to_string(), "/etc/broker.toml:8");
}

#[test]
fn a_row_for_each_mistake_with_its_place() {
    for (text, code, message) in [
        ("listen = [", "config_syntax", ":1:"),
        ("\nlisen = \"x\"", "config_unknown_key", "`lisen` in /etc/broker.toml:2"),
        ("listen = \"8480\"", "config_bad_value", "`listen` in /etc/broker.toml:1"),
        ("metrics_listen = true", "config_bad_value", "`metrics_listen`"),
        ("public_url = \"http://broker.example\"", "config_bad_value", "`https` URL"),
        ("database = \"postgres://a:canary@db/x\"", "config_bad_value", "without a password"),
        ("master_key = \"env:\"", "config_bad_value", "`env:NAME`"),
        ("drain = \"11m\"", "config_bad_value", "from 1s to 10m"),
        ("log_format = \"xml\"", "config_bad_value", "`text` or `json`"),
        ("dashboard_open = \"yes\"", "config_bad_value", "`true` or `false`"),
        ("api_key = \"canary\"", "config_secret_in_file", "`api_key`"),
        ("private_hosts = \"10.2.0.0/16\"", "config_bad_value", "a list of names"),
        ("private_hosts = [\"10.2.0.0/33\"]", "config_bad_value", "`private_hosts`"),
        ("renewals = 1", "config_bad_value", "from 2 to 10000"),
        ("in_memory = 0", "config_bad_value", "`in_memory`"),
        ("[retention]\nevents = \"1m\"", "config_bad_value", "`retention.events`"),
        ("[postgres]\nconnections = 1", "config_bad_value", "from 2 to 500"),
        ("[jwt]\nissuer = \"http://id.example\"", "config_bad_value", "`jwt.issuer`"),
        ("[tls]\nkey_file = \"x\"", "config_unknown_key", "`tls.key_file` in /etc/broker.toml:2"),
        ("tls = true", "config_bad_value", "`tls`"),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_key_in_the_wrong_table_is_found() {
    let error = parse("connections = 4").expect_err("elsewhere");
    let meant = "postgres.connections";
    assert!(matches!(&error, ConfigError::UnknownKey { nearest: Some(it), .. } if it == meant));
}
