use core::time::Duration;

use unlapse::unlapse_core::Secret;
use unlapse_broker::{Code, Retention, Verbs};

use crate::world::{name, worlds};

fn verbs(text: &str) -> Verbs {
    text.parse().expect("verbs")
}

#[tokio::test]
async fn an_api_key_is_known_by_its_secret_until_it_is_revoked() {
    for world in worlds() {
        let tables = world.tables().await;
        let tenant = Some(name("acme"));
        let made = tables.make_api_key(tenant.clone(), "ci", verbs("read token"), None).await;
        let (key, secret) = made.expect("made");
        assert!(secret.expose().starts_with("ulk_"));
        assert_eq!(tables.api_key(&secret).await, Ok(Some(key.clone())), "{}", world.name);
        let (operator, theirs) =
            tables.make_api_key(None, "ops", verbs("admin"), None).await.expect("made");
        assert_eq!(operator.tenant, None);
        assert_eq!(tables.api_keys(tenant.as_ref()).await, Ok(vec![key.clone()]));
        assert_eq!(tables.api_keys(None).await.expect("listed").len(), 2);
        // Another tenant cannot revoke it.
        assert_eq!(tables.revoke_api_key(&key.id, Some(&name("globex"))).await, Ok(false));
        let before = tables.versions().await.expect("read").api_keys();
        let (session, other) = ([7; 32], [8; 32]);
        assert_eq!(tables.api_key_of_session(&key.id, &session).await, Ok(Some(key.clone())));
        assert_eq!(tables.api_key_of_session("no such key", &session).await, Ok(None));
        // Whoever signs out ends one session, on every node, and twice is once.
        let ends_at = tables.database().now().await.expect("told").plus(Duration::from_secs(600));
        let another = world.tables().await;
        for _ in 0..2 {
            another.sign_out(&session, ends_at).await.expect("signed out");
            tables.sweep(&Retention::default()).await.expect("swept");
            assert_eq!(tables.api_key_of_session(&key.id, &session).await, Ok(None));
        }
        assert_eq!(tables.api_key_of_session(&key.id, &other).await, Ok(Some(key.clone())));
        // What has ended by itself need not be known any more.
        another.sign_out(&other, ends_at.minus(Duration::from_secs(7200))).await.expect("out");
        assert_eq!(tables.api_key_of_session(&key.id, &other).await, Ok(None));
        tables.sweep(&Retention::default()).await.expect("swept");
        assert_eq!(tables.api_key_of_session(&key.id, &other).await, Ok(Some(key.clone())));
        assert_eq!(tables.revoke_api_key(&key.id, tenant.as_ref()).await, Ok(true));
        assert_eq!(tables.api_key_of_session(&key.id, &[9; 32]).await, Ok(None));
        assert_eq!(tables.revoke_api_key(&key.id, tenant.as_ref()).await, Ok(false));
        assert!(tables.versions().await.expect("read").api_keys() > before);
        assert_eq!(tables.api_key(&secret).await, Ok(None));
        assert!(tables.api_key(&theirs).await.expect("asked").is_some());
        assert!(tables.api_keys(tenant.as_ref()).await.expect("listed")[0].revoked_at.is_some());
    }
}

#[tokio::test]
async fn an_api_key_ends_when_it_says_so_and_is_in_no_table() {
    for world in worlds() {
        let tables = world.tables().await;
        let now = tables.database().now().await.expect("told");
        let over = Some(now.minus(Duration::from_secs(1)));
        let (_, ended) = tables.make_api_key(None, "old", verbs("read"), over).await.expect("made");
        assert_eq!(tables.api_key(&ended).await, Ok(None), "{}", world.name);
        let later = Some(now.plus(Duration::from_secs(600)));
        let (key, lives) =
            tables.make_api_key(None, "new", verbs("read"), later).await.expect("made");
        assert_eq!(tables.api_key(&lives).await, Ok(Some(key.clone())));
        // Right as far as the id, and another secret.
        let (_, other) = tables.make_api_key(None, "x", verbs("read"), None).await.expect("made");
        let forged = [&lives.expose()[..16], &other.expose()[16..]].concat();
        assert_eq!(tables.api_key(&Secret::from(forged)).await, Ok(None));
        for text in ["", "ulk_", "Bearer x", &"ulk_\0".repeat(13)] {
            assert_eq!(tables.api_key(&Secret::new(text)).await, Ok(None));
        }
        let dump = world.dump();
        let random = &lives.expose().as_bytes()[16..59];
        assert!(!dump.windows(random.len()).any(|part| part == random), "{}", world.name);
        let refused = tables.make_api_key(None, "a\0b", verbs("read"), None).await;
        assert_eq!(refused.map_err(|problem| problem.code).err(), Some(Code::BadRequest));
    }
}
