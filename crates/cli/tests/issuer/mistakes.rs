//! Configurations that do not hold, each with its code and place.

use crate::harness::Project;

#[test]
fn j6_a_row_for_each_mistake() {
    let project = Project::empty();
    let path = project.root().join("issuer.toml");
    let config = path.to_str().expect("text");
    let secret = "[client.job]\nsecret_env = \"NOT_SET\"\n";
    let rows = [
        ("url = \"https://id.example", 2, "config_syntax", ":2:"),
        ("port = 1", 2, "config_unknown_key", "issuer.toml:2"),
        ("listen = \"all\"", 2, "config_bad_value", "`listen`"),
        ("listen = \"0.0.0.0:0\"", 2, "issuer_no_url", "no URL"),
        (
            "idle_lifetime = \"2d\"\nabsolute_lifetime = \"1d\"",
            2,
            "issuer_configuration",
            "absolute",
        ),
        (secret, 2, "config_bad_value", "`client.job.secret_env`"),
        ("[client.a]\njwks_file = \"no.json\"", 2, "config_unreadable", "no.json"),
        ("[client.a]\njwks_file = \"/dev/null\"", 2, "config_bad_value", "`client.a.jwks_file`"),
        ("[user.ada]\n", 2, "config_bad_value", "`user.ada`"),
        ("login_client = \"app\"", 2, "config_bad_value", "`login_client`"),
        ("[proxies]\nnetworks = [\"10.0.0.0/33\"]", 2, "config_bad_value", "`proxies.networks`"),
        ("[tls]\nkey = \"k\"", 2, "config_bad_value", "`certificate` and `key`"),
        ("[tls]\ncertificate = \"c\"\nkey = \"k\"", 2, "issuer_tls", "/c "),
        ("database = \"postgres://a:canary@db/x\"", 2, "config_bad_value", "`database`"),
    ];
    for (text, code, error, words) in rows {
        // At a free port, where the row has none: some mistakes are found only behind it.
        let anywhere = if text.contains("listen") { "" } else { "listen = \"127.0.0.1:0\"\n" };
        let text = format!("{anywhere}{text}");
        std::fs::write(&path, &text).expect("written");
        for command in [&["check"][..], &[]] {
            let words_of = ["issuer", "--config", config, "--data", "data", "--json"];
            let text_of = ["issuer", "--config", config, "--data", "data"];
            let run = project.run(&[&text_of, command].concat());
            assert!(run.stderr.contains(words), "{text}: {run}");
            assert!(!run.stderr.contains("canary"), "{run}");
            run.failed(code, error);
            let run = project.run(&[&words_of[..], command].concat());
            assert_eq!(run.code, Some(code), "{run}");
        }
        assert!(!project.root().join("work/data").exists(), "nothing is made: {text}");
    }
    project.run(&["issuer", "--config", "/nowhere.toml"]).failed(2, "config_unreadable");
}

#[test]
fn a_good_configuration_is_said_to_be_good_and_nothing_is_made() {
    let project = Project::empty();
    let path = project.root().join("issuer.toml");
    std::fs::write(&path, "url = \"https://id.example\"\n[client.app]\n").expect("written");
    let config = path.to_str().expect("text");
    let run = project.run(&["issuer", "--config", config, "--data", "data", "check", "--json"]);
    let json = run.ok().json();
    assert_eq!((&json["issuer"], &json["clients"]), (&"https://id.example".into(), &1.into()));
    assert!(!project.root().join("work/data").exists());
}

#[test]
fn a_database_that_is_none_is_left_as_it_is() {
    let project = Project::empty();
    let data = project.root().join("work/data");
    std::fs::create_dir(&data).expect("made");
    let file = data.join("issuer.db");
    std::fs::write(&file, "no database").expect("written");
    project.run(&["issuer", "--data", "data"]).failed(13, "pepper_file_missing");
    project.run(&["issuer", "--data", "data", "pepper", "add"]).ok();
    let run = project.run(&["issuer", "--data", "data", "--listen", "127.0.0.1:0"]);
    assert!(run.stderr.contains("unlapse::issuer_database_unusable"), "{run}");
    assert_eq!(std::fs::read_to_string(&file).expect("there"), "no database");
}

#[test]
fn an_address_that_is_taken_is_said() {
    let project = Project::empty();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = taken.local_addr().expect("bound").to_string();
    project.run(&["issuer", "--dev", "--listen", &at]).failed(11, "issuer_cannot_listen");
}

/// Nobody answers at that port: said at once, without the password.
#[test]
fn j5_a_server_that_is_away_is_said_without_its_password() {
    let mut project = Project::empty();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let url = format!("postgres://issuer:canary@127.0.0.1:{port}/issuer?sslmode=disable");
    project.env.push(("UNLAPSE_ISSUER_DATABASE".to_owned(), url));
    project.run(&["issuer", "--data", "data", "pepper", "add"]).ok();
    let run = project.run(&["issuer", "--data", "data", "keys", "list"]);
    assert!(!run.to_string().contains("canary"), "{run}");
    run.failed(11, "issuer_server_unusable");
}
