//! TLS by the broker itself.

use crate::client::ask;
use crate::harness::Project;
use crate::server::Server;

/// Writes the certificate of a server on the loopback, and its key.
fn certify(project: &Project, name: &str) -> [String; 2] {
    let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certified = rcgen::generate_simple_self_signed(hosts).expect("a certificate");
    let files = [
        (format!("{name}.pem"), certified.cert.pem()),
        (format!("{name}.key"), certified.signing_key.serialize_pem()),
    ];
    files.map(|(name, text)| {
        let path = project.root().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("text").to_owned()
    })
}

fn configured(project: &Project, certificate: &str, key: &str) -> String {
    let path = project.root().join("broker.toml");
    let text = format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n");
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("text").to_owned()
}

#[test]
fn i5_the_broker_speaks_tls_and_to_nobody_else() {
    let mut project = Project::empty();
    let [certificate, key] = certify(&project, "own");
    let config = configured(&project, &certificate, &key);
    let server = Server::start(&project, &["--config", &config, "--data", "data"]);
    let url = server.said["public_url"].as_str().expect("a URL").to_owned();
    assert_eq!(url.trim_end_matches('/'), format!("https://{}", server.host()));
    let first = server.first_key.clone().expect("a first key");
    project.env.push(("UNLAPSE_BROKER".to_owned(), url));
    project.env.push(("UNLAPSE_BROKER_KEY".to_owned(), first));
    let list = ["broker", "keys", "list"];
    // Nobody whom this client trusts has signed it.
    project.configure("", "");
    project.run(&list).failed(11, "broker_unreachable");
    project.configure(&format!("[http]\nca_file = \"{certificate}\"\n"), "");
    let keys = project.run(&list).ok();
    assert!(keys.stdout.contains("first"), "{keys}");
    let [another, _] = certify(&project, "another");
    project.configure(&format!("[http]\nca_file = \"{another}\"\n"), "");
    project.run(&list).failed(11, "broker_unreachable");
    // What is in clear is not answered.
    let host = server.host().to_owned();
    let clear = std::panic::catch_unwind(|| ask(&host, "GET", "/healthz", &[], ""));
    assert!(clear.is_err(), "{clear:?}");
    server.end().ok();
}

#[test]
fn a_certificate_that_is_none_is_said_by_its_name_and_nothing_is_made() {
    let project = Project::empty();
    let [certificate, key] = certify(&project, "own");
    let [_, another] = certify(&project, "another");
    let empty = project.root().join("empty.pem");
    std::fs::write(&empty, "").expect("written");
    let empty = empty.to_str().expect("text");
    for (certificate, key, file, words) in [
        (empty, key.as_str(), "empty.pem", "holds no certificate"),
        (&key, &key, "own.key", "holds no certificate"),
        (&certificate, &certificate, "own.pem", "holds no private key"),
        (&certificate, empty, "empty.pem", "holds no private key"),
        (&certificate, &another, "another.key", "is not the key of the certificate"),
    ] {
        let config = configured(&project, certificate, key);
        for check in [&["--check"][..], &[]] {
            let serve = ["serve", "--config", &config, "--data", "data", "--listen", "127.0.0.1:0"];
            let run = project.run(&[&serve[..], check].concat());
            let said = run.stderr.contains(file) && run.stderr.contains(words);
            assert!(said, "{file} {words}: {run}");
            assert!(!run.stderr.contains("PRIVATE KEY"), "{run}");
            run.failed(2, "broker_tls");
        }
        assert!(!project.root().join("work/data").exists(), "nothing is made");
    }
}
