//! From a code to a connection: second exchanges and callbacks; and from a connection to its end.

use unlapse::unlapse_oauth::provider::{CodeExchange, Metadata};
use unlapse::{CodeError, ProviderExchange, Revoked, Secret};
use unlapse_core::{Grant, Rejection};

use super::server::{BASIC, Expected, Kind, NO_AUTH, Server};
use super::stage::{Pairs, client, exchange, expected, line, metadata, rehearsed};

async fn code(
    exchange: &ProviderExchange,
    callback: Pairs,
) -> Result<(Grant, Metadata), CodeError> {
    let (code, verifier) = (Secret::new("c-1"), Secret::new("v-1"));
    let code = CodeExchange {
        code: &code,
        redirect_uri: "https://app.example/callback",
        code_verifier: Some(&verifier),
    };
    exchange.code(code, callback.iter().copied()).await
}

struct Row {
    id: &'static str,
    variables: Pairs,
    callback: Pairs,
    expected: Vec<Expected>,
    grants: &'static str,
    keeps: Pairs,
}

/// `redirect_uri`, as a form writes it.
const POSTED: &str = "grant_type=authorization_code&code=c-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&code_verifier=v-1&client_id=cid&client_secret=sec";
const BARE: &str = "grant_type=authorization_code&code=c-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&client_id=cid&client_secret=sec";
const STANDARD: &str = "grant_type=authorization_code&code=c-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&code_verifier=v-1";

fn get(url: &'static str, params: &'static str, reply: &str) -> Expected {
    Expected { method: "GET", kind: Kind::Query, ..expected(url, params, reply) }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    let none = |id, expected, grants| Row {
        id,
        variables: &[],
        callback: &[],
        expected,
        grants,
        keeps: &[],
    };
    let long = r#"{"access_token":"long","token_type":"bearer","expires_in":5183944}"#;
    let meta = |id, first_url, first_reply, second_url, second_params| Row {
        keeps: &[("user_id", "17")],
        ..none(
            id,
            vec![expected(first_url, BARE, first_reply), get(second_url, second_params, long)],
            "long long 5183944 -",
        )
    };
    vec![
        none(
            "google",
            vec![expected(
                "https://oauth2.googleapis.com/token",
                POSTED,
                r#"{"access_token":"at","expires_in":3599,"refresh_token":"rt","refresh_token_expires_in":604799,"scope":"a","token_type":"Bearer"}"#,
            )],
            "at rt 3599 604799",
        ),
        meta(
            "instagram",
            "https://api.instagram.com/oauth/access_token",
            r#"{"data":[{"access_token":"short","user_id":"17","permissions":"a"}],"user_id":17}"#,
            "https://graph.instagram.com/access_token",
            "grant_type=ig_exchange_token&client_secret=sec&access_token=short",
        ),
        meta(
            "instagram",
            "https://api.instagram.com/oauth/access_token",
            r#"{"access_token":"short","user_id":17}"#,
            "https://graph.instagram.com/access_token",
            "grant_type=ig_exchange_token&client_secret=sec&access_token=short",
        ),
        meta(
            "threads",
            "https://graph.threads.net/oauth/access_token",
            r#"{"access_token":"short","user_id":17}"#,
            "https://graph.threads.net/access_token",
            "grant_type=th_exchange_token&client_secret=sec&access_token=short",
        ),
        none(
            "facebook",
            vec![
                expected(
                    "https://graph.facebook.com/v22.0/oauth/access_token",
                    POSTED,
                    r#"{"access_token":"short","token_type":"bearer","expires_in":5000}"#,
                ),
                get(
                    "https://graph.facebook.com/v22.0/oauth/access_token",
                    "grant_type=fb_exchange_token&fb_exchange_token=short&client_id=cid&client_secret=sec",
                    long,
                ),
            ],
            "long long 5183944 -",
        ),
        Row {
            keeps: &[("team_id", "T1"), ("user_id", "U1")],
            ..none(
                "slack",
                vec![expected(
                    "https://slack.com/api/oauth.v2.access",
                    BARE,
                    r#"{"ok":true,"app_id":"A","authed_user":{"id":"U1","scope":"chat:write","access_token":"xoxe.xoxp-1","token_type":"user","refresh_token":"xoxe-1","expires_in":43200},"team":{"id":"T1"},"enterprise":null}"#,
                )],
                "xoxe.xoxp-1 xoxe-1 43200 -",
            )
        },
        // A bot alone: the user's part has no token.
        none(
            "slack",
            vec![expected(
                "https://slack.com/api/oauth.v2.access",
                BARE,
                r#"{"ok":true,"access_token":"xoxe.xoxb-1","token_type":"bot","expires_in":43200,"refresh_token":"xoxe-1","authed_user":{"id":"U1"}}"#,
            )],
            "xoxe.xoxb-1 xoxe-1 43200 -",
        ),
        none(
            "tiktok",
            vec![expected(
                "https://open.tiktokapis.com/v2/oauth/token/",
                "grant_type=authorization_code&code=c-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&client_key=cid&client_secret=sec",
                r#"{"access_token":"at","expires_in":7200,"refresh_token":"rt","refresh_expires_in":15552000}"#,
            )],
            "at rt 7200 15552000",
        ),
        none(
            "tiktok-business",
            vec![Expected {
                kind: Kind::Json,
                ..expected(
                    "https://business-api.tiktok.com/open_api/v1.3/tt_user/oauth2/token/",
                    "grant_type=authorization_code&auth_code=c-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&client_id=cid&client_secret=sec",
                    r#"{"code":0,"message":"OK","data":{"access_token":"at","expires_in":86400,"refresh_token":"rt","refresh_token_expires_in":31536000}}"#,
                )
            }],
            "at rt 86400 31536000",
        ),
        Row {
            callback: &[("code", "c-1"), ("realmId", "9130")],
            keeps: &[("realmId", "9130")],
            ..none(
                "quickbooks",
                vec![Expected {
                    headers: vec![BASIC],
                    ..expected(
                        "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
                        STANDARD,
                        r#"{"access_token":"at","refresh_token":"rt","expires_in":3600,"x_refresh_token_expires_in":8726400}"#,
                    )
                }],
                "at rt 3600 8726400",
            )
        },
        Row {
            callback: &[("location", "eu"), ("accounts-server", "https://accounts.zoho.eu")],
            keeps: &[("location", "eu"), ("api_domain", "https://www.zohoapis.eu")],
            ..none(
                "zoho",
                vec![expected(
                    "https://accounts.zoho.eu/oauth/v2/token",
                    BARE,
                    r#"{"access_token":"at","refresh_token":"rt","api_domain":"https://www.zohoapis.eu","expires_in":3600}"#,
                )],
                "at rt 3600 -",
            )
        },
        Row {
            variables: &[("shop", "acme")],
            ..none(
                "shopify",
                vec![expected(
                    "https://acme.myshopify.com/admin/oauth/access_token",
                    "code=c-1&client_id=cid&client_secret=sec&expiring=1",
                    r#"{"access_token":"at","scope":"a","expires_in":3600,"refresh_token":"rt","refresh_token_expires_in":7776000}"#,
                )],
                "at rt 3600 7776000",
            )
        },
        Row {
            callback: &[("installationId", "7a48-x")],
            keeps: &[("installation", "7a48-x")],
            ..none(
                "sentry",
                vec![Expected {
                    kind: Kind::Json,
                    status: 201,
                    ..expected(
                        "https://sentry.io/api/0/sentry-app-installations/7a48-x/authorizations/",
                        "grant_type=authorization_code&code=c-1&client_id=cid&client_secret=sec",
                        r#"{"id":"38","token":"at","refreshToken":"rt","dateCreated":"2026-01-01T00:00:00Z","expiresAt":"2126-01-01T08:00:00.000Z","state":null,"application":null}"#,
                    )
                }],
                "at rt 3127680000 -",
            )
        },
        none(
            "notion",
            vec![Expected {
                kind: Kind::Json,
                headers: vec![BASIC],
                ..expected(
                    "https://api.notion.com/v1/oauth/token",
                    STANDARD,
                    r#"{"access_token":"at","token_type":"bearer","workspace_id":"w"}"#,
                )
            }],
            "at - - -",
        ),
    ]
}

#[tokio::test]
async fn x4_a_code_becomes_a_connection_with_every_providers_own_steps() {
    for row in rows() {
        let server = Server::start(row.expected).await;
        let exchange =
            exchange(rehearsed(row.id, &server), client(row.variables, None), metadata(&[]));
        let outcome = code(&exchange, row.callback).await;
        server.check(row.id);
        let (grant, known) = outcome.unwrap_or_else(|error| panic!("{}: {error}", row.id));
        let line = line(&grant);
        if row.id == "sentry" {
            // An end, not a lifetime: what is left of it is some hundred years.
            assert!(line.starts_with("at rt 31"), "{line}");
        } else {
            assert_eq!(line, row.grants, "{}", row.id);
        }
        for (name, value) in row.keeps {
            assert_eq!(known.value(name), Some(*value), "{}: {name}", row.id);
        }
    }
}

#[tokio::test]
async fn x4_a_code_that_is_no_good_is_told_apart_from_a_provider_that_is_away() {
    let rows = [
        ("github", 200, r#"{"error":"bad_verification_code"}"#, "code_rejected"),
        ("github", 200, r#"{"error":"incorrect_client_credentials"}"#, "app_config"),
        ("github", 503, "", "provider_down"),
        ("github", 429, "", "rate_limited"),
        ("google", 400, r#"{"error":"invalid_grant"}"#, "code_rejected"),
        ("google", 403, r#"{"error":"access_denied"}"#, "access_denied"),
    ];
    for (id, status, body, expected) in rows {
        let server = Server::answering(status, "application/json", body).await;
        let exchange = exchange(rehearsed(id, &server), client(&[], None), metadata(&[]));
        let error = code(&exchange, &[]).await.unwrap_err();
        assert_eq!(error.code(), expected, "{id} {status} {body}: {error}");
        assert!(!error.to_string().contains("c-1"), "{error}");
    }
    // What is missing is named, and nothing is sent.
    let server = Server::start(Vec::new()).await;
    let exchange = exchange(rehearsed("shopify", &server), client(&[], None), metadata(&[]));
    let error = code(&exchange, &[]).await.unwrap_err();
    assert!(error.to_string().contains("`shop` has no value: The shop's name"), "{error}");
    server.check("shopify");
}

#[tokio::test]
async fn x4_a_second_exchange_that_fails_for_a_moment_is_made_again() {
    let first = expected(
        "https://graph.threads.net/oauth/access_token",
        BARE,
        r#"{"access_token":"short","user_id":17}"#,
    );
    let second = |status, reply| Expected {
        status,
        ..get(
            "https://graph.threads.net/access_token",
            "grant_type=th_exchange_token&client_secret=sec&access_token=short",
            reply,
        )
    };
    let good = r#"{"access_token":"long","expires_in":5183944}"#;
    let script = vec![first.clone(), second(503, ""), second(200, good)];
    let server = Server::start(script).await;
    let once = exchange(rehearsed("threads", &server), client(&[], None), metadata(&[]));
    let (grant, _) = code(&once, &[]).await.unwrap();
    server.check("threads");
    assert_eq!(line(&grant), "long long 5183944 -");

    let no = r#"{"error":{"code":190}}"#;
    let server = Server::start(vec![first, second(400, no)]).await;
    let refused = exchange(rehearsed("threads", &server), client(&[], None), metadata(&[]));
    let error = code(&refused, &[]).await.unwrap_err();
    server.check("threads");
    assert_eq!(error, CodeError::Rejected(Rejection::InvalidGrant));
}

#[tokio::test]
async fn k9_a_connection_is_ended_as_its_provider_wants_it() {
    let rows = [
        (
            "google",
            "https://oauth2.googleapis.com/revoke",
            "token=rt&client_id=cid&client_secret=sec",
            NO_AUTH,
            200,
            "{}",
            Revoked::Done,
        ),
        (
            "tiktok",
            "https://open.tiktokapis.com/v2/oauth/revoke/",
            "token=at&client_key=cid&client_secret=sec",
            NO_AUTH,
            200,
            "{}",
            Revoked::Done,
        ),
        (
            "slack",
            "https://slack.com/api/auth.revoke",
            "",
            ("authorization", "Bearer at"),
            200,
            r#"{"ok":true,"revoked":true}"#,
            Revoked::Done,
        ),
        (
            "slack",
            "https://slack.com/api/auth.revoke",
            "",
            ("authorization", "Bearer at"),
            200,
            r#"{"ok":false,"error":"token_revoked"}"#,
            Revoked::Done,
        ),
        (
            "slack",
            "https://slack.com/api/auth.revoke",
            "",
            ("authorization", "Bearer at"),
            200,
            r#"{"ok":false,"error":"ratelimited"}"#,
            Revoked::Failed(unlapse_core::Cause::Status(429)),
        ),
        (
            "slack",
            "https://slack.com/api/auth.revoke",
            "",
            ("authorization", "Bearer at"),
            200,
            r#"{"ok":false}"#,
            Revoked::Failed(unlapse_core::Cause::Unreadable(200)),
        ),
    ];
    let (access, refresh) = (Secret::new("at"), Secret::new("rt"));
    for (id, url, params, header, status, reply, outcome) in rows {
        let server = Server::start(vec![Expected {
            headers: vec![header],
            status,
            ..expected(url, params, reply)
        }])
        .await;
        let exchange = exchange(rehearsed(id, &server), client(&[], None), metadata(&[]));
        assert_eq!(
            exchange.end(Some(&access), Some(&refresh), None).await,
            outcome,
            "{id} {reply}"
        );
        server.check(id);
    }
    // A refresh token alone is no access token, and is not sent as if it were.
    let server = Server::start(Vec::new()).await;
    for id in ["slack", "tiktok", "figma"] {
        let exchange = exchange(rehearsed(id, &server), client(&[], None), metadata(&[]));
        let ended = exchange.end(None, Some(&refresh), None).await;
        assert_eq!(ended, Revoked::Unsupported, "{id}");
    }
    server.check("none");
}
