//! TLS to PostgreSQL: whoever asks for it talks to the right server or to nobody.

use std::fmt::Write as _;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use unlapse_issuer::{BadServer, PostgresStore};
use unlapse_parts::Postgres;

use crate::every_store::patient;

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key")
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut about = CertificateParams::new(Vec::new()).expect("parameters");
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    about.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(about, key()).expect("an authority")
}

/// Writes a file beside the server's data, as the server's user and for nobody else.
fn write(postgres: &Postgres, name: &str, text: &str) {
    let lines = text.lines().fold(String::new(), |mut lines, line| {
        let comma = if lines.is_empty() { "" } else { "," };
        write!(lines, "{comma}('{line}')").expect("a string takes it");
        lines
    });
    let copy = format!("COPY (VALUES {lines}) TO PROGRAM 'umask 077 && cat > {name}'");
    postgres.sql("postgres", &copy);
}

#[tokio::test]
async fn c12_who_asks_for_tls_talks_to_the_right_server_or_to_nobody() {
    let Some(postgres) = Postgres::own() else { return };
    let authority = authority();
    let own = key();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let leaf = leaf.signed_by(&own, &authority).expect("signed");
    write(&postgres, "server.crt", &leaf.pem());
    write(&postgres, "server.key", &own.serialize_pem());
    postgres.sql("postgres", "ALTER SYSTEM SET ssl = on");
    postgres.restart();

    let folder = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let right = file("right.pem", &authority.pem());
    let wrong = file("wrong.pem", &self::authority().pem());
    let empty = file("empty.pem", "");
    let url = postgres.fresh_database();
    let named = url.replace("127.0.0.1", "localhost");
    assert_ne!(named, url);

    let connect = async |url: &str, more: String| {
        PostgresStore::connect(&format!("{url}?{more}"), patient()).await
    };
    for mode in ["require", "verify-ca", "verify-full", "prefer"] {
        let store = connect(&url, format!("sslmode={mode}&sslrootcert={right}")).await;
        let store = store.expect("the right server");
        let secure = "SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_ssl \
             JOIN pg_stat_activity USING (pid) WHERE application_name = 'unlapse-issuer'";
        // The connection that listens is made in the background.
        let began = std::time::Instant::now();
        while postgres.sql("postgres", secure) != "t" {
            assert!(began.elapsed() < std::time::Duration::from_secs(30), "{mode}: no TLS");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        drop(store);
        for (url, roots, expected) in [
            (&url, &wrong, BadServer::Unreachable),
            (&named, &right, BadServer::Unreachable),
            (&url, &empty, BadServer::Certificates),
        ] {
            let refused = connect(url, format!("sslmode={mode}&sslrootcert={roots}")).await.err();
            assert_eq!(refused, Some(expected), "{mode}, {roots}");
        }
        // Nor by those that the system trusts.
        let refused = connect(&url, format!("sslmode={mode}")).await.err();
        assert_eq!(refused, Some(BadServer::Unreachable), "{mode}");
    }
    drop(connect(&url, "sslmode=disable".to_owned()).await.expect("in clear, when asked for"));
}
