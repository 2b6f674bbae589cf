//! TLS by the issuer itself.

use crate::harness::{Project, Running, eventually};

#[test]
fn c12_a_login_over_tls_with_a_private_authority() {
    let project = Project::empty();
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let certified = certified.expect("a certificate");
    let root = project.root();
    std::fs::write(root.join("chain.pem"), certified.cert.pem()).expect("written");
    std::fs::write(root.join("key.pem"), certified.signing_key.serialize_pem()).expect("written");
    let hash = project.run_with(&["issuer", "user", "hash"], "correct horse").ok();
    let text = format!(
        "[tls]\ncertificate = \"{0}/chain.pem\"\nkey = \"{0}/key.pem\"\n[client.app]\n\
         [user.ada]\npassword = \"{1}\"\n",
        root.display(),
        hash.line()
    );
    let config = root.join("issuer.toml");
    std::fs::write(&config, text).expect("written");
    let config = config.to_str().expect("text");
    let arguments =
        ["issuer", "--json", "--listen", "127.0.0.1:0", "--config", config, "--data", "data"];
    let running: Running = project.spawn(&arguments);
    eventually("it listens", || running.stdout().ends_with('\n'));
    let said: serde_json::Value = serde_json::from_str(&running.stdout()).expect("JSON");
    let url = said["issuer"].as_str().expect("text");
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    project.configure(
        &format!(
            "[profile.acme]\nissuer = \"{url}\"\ngrant = \"password\"\nclient_id = \"app\"\n\
             username = \"ada\"\n[http]\nca_file = \"{}/chain.pem\"\n",
            root.display()
        ),
        "",
    );
    project.run_with(&["login", "acme", "--password-stdin"], "correct horse").ok();
    assert_eq!(project.run(&["token", "acme"]).ok().line().split('.').count(), 3);
    running.signal(rustix::process::Signal::TERM);
    running.wait().ok();
}
