//! What each provider says when it says no: only a code that its row knows ends a login (R8, R9).

use std::collections::BTreeMap;

use unlapse::ProviderClient;
use unlapse::unlapse_oauth::provider::{Catalogue, Step, Variable};
use unlapse_core::{Cause, Rejection, Verdict};

use super::server::Server;
use super::stage::{client, exchange, metadata, refresh, rehearsed};

#[derive(Debug, PartialEq)]
enum Says {
    No(Rejection),
    Later(Cause),
}

const ENDED: Says = Says::No(Rejection::InvalidGrant);
const CLIENT: Says = Says::No(Rejection::InvalidClient);
const UNKNOWN: Says = Says::No(Rejection::Other);
const LIMITED: Says = Says::Later(Cause::Status(429));
const EARLY: Says = Says::Later(Cause::Status(425));

fn says(verdict: &Verdict) -> Option<Says> {
    match verdict {
        Verdict::Rejected(rejection) => Some(Says::No(*rejection)),
        Verdict::Transient { cause, .. } => Some(Says::Later(*cause)),
        _ => None,
    }
}

/// A value for every variable of a provider, as the descriptor allows it.
fn any_values(id: &str) -> BTreeMap<String, String> {
    let catalogue = Catalogue::built_in();
    let value = |variable: &Variable| {
        let host = || variable.hosts.first().map(|host| format!("a{host}").replace("aacc", "acc"));
        let given = variable.default.clone().or_else(|| variable.values.first().cloned());
        given.or_else(host).unwrap_or_else(|| "acme.example".to_owned())
    };
    let provider = catalogue.provider(id).unwrap();
    let label = |name: &str| matches!(name, "shop" | "subdomain" | "realm" | "installation");
    let variables = provider.variables().iter();
    variables
        .map(|(name, variable)| {
            let value = if label(name) { "acme".to_owned() } else { value(variable) };
            (name.clone(), value)
        })
        .collect()
}

async fn answered(id: &str, status: u16, content_type: &'static str, body: &str) -> Verdict {
    let server = Server::answering(status, content_type, body).await;
    let app = ProviderClient { params: any_values(id), ..client(&[], None) };
    refresh(&exchange(rehearsed(id, &server), app, metadata(&[]))).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn r8_a_row_for_each_providers_own_way_to_say_no() {
    let rows: Vec<(&str, u16, &str, Says)> = vec![
        ("slack", 200, r#"{"ok":false,"error":"invalid_refresh_token"}"#, ENDED),
        ("slack", 200, r#"{"ok":false,"error":"token_revoked"}"#, ENDED),
        ("slack", 200, r#"{"ok":false,"error":"bad_client_secret"}"#, CLIENT),
        ("slack", 200, r#"{"ok":false,"error":"ratelimited"}"#, LIMITED),
        ("slack", 200, r#"{"ok":false,"error":"fatal_error"}"#, Says::Later(Cause::Status(200))),
        ("slack", 200, r#"{"ok":false,"error":"brand_new"}"#, UNKNOWN),
        ("slack", 200, r#"{"ok":false,"access_token":"at"}"#, Says::Later(Cause::Unreadable(200))),
        (
            "github",
            200,
            r#"{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}"#,
            ENDED,
        ),
        ("github", 200, "error=bad_refresh_token&error_description=x", ENDED),
        ("github", 200, r#"{"error":"incorrect_client_credentials"}"#, CLIENT),
        (
            "hubspot",
            400,
            r#"{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token"}"#,
            ENDED,
        ),
        (
            "hubspot",
            400,
            r#"{"message":"missing or invalid refresh token","category":"VALIDATION_ERROR"}"#,
            ENDED,
        ),
        (
            "hubspot",
            400,
            r#"{"status":"BAD_CLIENT_ID","message":"missing or unknown client id"}"#,
            CLIENT,
        ),
        ("hubspot", 400, r#"{"status":"error","error":"invalid_grant"}"#, ENDED),
        ("hubspot", 400, r#"{"status":"error","message":"x"}"#, UNKNOWN),
        (
            "atlassian",
            403,
            r#"{"error":"unauthorized_client","error_description":"refresh_token is invalid"}"#,
            ENDED,
        ),
        (
            "atlassian",
            403,
            r#"{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}"#,
            ENDED,
        ),
        (
            "atlassian",
            403,
            r#"{"error":"unauthorized_client","error_description":"no"}"#,
            Says::No(Rejection::UnauthorizedClient),
        ),
        (
            "atlassian",
            401,
            r#"{"error":"access_denied","error_description":"Unauthorized"}"#,
            Says::No(Rejection::AccessDenied),
        ),
        (
            "instagram",
            400,
            r#"{"error":{"message":"Error validating access token","type":"OAuthException","code":190,"fbtrace_id":"x"}}"#,
            ENDED,
        ),
        (
            "instagram",
            403,
            r#"{"error":{"message":"x","type":"OAuthException","code":4}}"#,
            LIMITED,
        ),
        (
            "instagram",
            400,
            r#"{"error":{"message":"x","type":"OAuthException","code":2}}"#,
            Says::Later(Cause::Status(400)),
        ),
        (
            "instagram",
            400,
            r#"{"error":{"message":"x","code":4711}}"#,
            Says::Later(Cause::Unreadable(400)),
        ),
        ("threads", 400, r#"{"error":{"message":"x","type":"OAuthException","code":190}}"#, ENDED),
        (
            "facebook",
            400,
            r#"{"error":{"message":"x","type":"OAuthException","code":190,"error_subcode":463}}"#,
            ENDED,
        ),
        (
            "facebook",
            400,
            r#"{"error":{"message":"x","type":"OAuthException","code":101}}"#,
            CLIENT,
        ),
        (
            "facebook",
            400,
            r#"{"error":{"message":"x","type":"OAuthException","code":613}}"#,
            LIMITED,
        ),
        (
            "tiktok",
            400,
            r#"{"error":"invalid_grant","error_description":"Refresh token is invalid or expired.","log_id":"x"}"#,
            ENDED,
        ),
        (
            "tiktok",
            200,
            r#"{"error":"invalid_request","error_description":"Refresh token is invalid or expired."}"#,
            ENDED,
        ),
        (
            "tiktok",
            200,
            r#"{"error":"invalid_client","error_description":"Client key or secret is incorrect."}"#,
            CLIENT,
        ),
        ("tiktok-business", 200, r#"{"code":40105,"message":"x","data":{}}"#, ENDED),
        ("tiktok-business", 200, r#"{"code":40100,"message":"x"}"#, LIMITED),
        (
            "tiktok-business",
            200,
            r#"{"code":50000,"message":"x"}"#,
            Says::Later(Cause::Status(200)),
        ),
        (
            "tiktok-business",
            200,
            r#"{"code":12345,"message":"x","data":{"access_token":"at"}}"#,
            Says::Later(Cause::Unreadable(200)),
        ),
        ("zoom", 401, r#"{"reason":"Invalid Token!","error":"invalid_request"}"#, ENDED),
        ("zoom", 401, r#"{"code":4702,"reason":"Invalid client."}"#, CLIENT),
        ("zoom", 400, r#"{"code":4741,"reason":"The token has been revoked."}"#, ENDED),
        ("zoom", 400, r#"{"code":4700,"reason":"x"}"#, Says::Later(Cause::Unreadable(400))),
        (
            "exact-online",
            400,
            r#"{"error":"unauthorized_client","error_description":"Rate limit exceeded: access_token not expired"}"#,
            EARLY,
        ),
        (
            "exact-online",
            401,
            r#"{"error":"unauthorized_client","error_description":"Old refresh token used."}"#,
            Says::No(Rejection::RefreshTokenReused),
        ),
        (
            "exact-online",
            400,
            r#"{"error":"unauthorized_client","error_description":"x"}"#,
            Says::No(Rejection::UnauthorizedClient),
        ),
        ("box", 409, "", Says::Later(Cause::Unreadable(409))),
        (
            "box",
            400,
            r#"{"error":"invalid_grant","error_description":"Refresh token has expired"}"#,
            ENDED,
        ),
        (
            "microsoft",
            400,
            r#"{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired due to inactivity.","error_codes":[700082]}"#,
            ENDED,
        ),
        (
            "microsoft",
            400,
            r#"{"error":"interaction_required","error_description":"AADSTS50076: Due to a configuration change, you must use multi-factor authentication."}"#,
            ENDED,
        ),
        (
            "microsoft",
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}"#,
            CLIENT,
        ),
        (
            "microsoft",
            400,
            r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application not found."}"#,
            Says::No(Rejection::UnauthorizedClient),
        ),
        (
            "microsoft",
            400,
            r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033: x"}"#,
            Says::Later(Cause::Status(400)),
        ),
        (
            "x",
            400,
            r#"{"error":"invalid_request","error_description":"Value passed for the token was invalid."}"#,
            ENDED,
        ),
        (
            "x",
            400,
            r#"{"error":"invalid_request","error_description":"Missing required parameter [refresh_token]."}"#,
            Says::No(Rejection::InvalidRequest),
        ),
        ("zoho", 200, r#"{"error":"invalid_code"}"#, ENDED),
        (
            "zoho",
            400,
            r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#,
            LIMITED,
        ),
        ("twitch", 400, r#"{"status":400,"message":"Invalid refresh token"}"#, ENDED),
        ("twitch", 403, r#"{"status":403,"message":"invalid client secret"}"#, CLIENT),
        ("twitch", 400, r#"{"status":400,"message":"x"}"#, Says::Later(Cause::Unreadable(400))),
        (
            "salesforce",
            400,
            r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#,
            ENDED,
        ),
        (
            "salesforce",
            400,
            r#"{"error":"inactive_user","error_description":"user is inactive"}"#,
            ENDED,
        ),
        (
            "salesforce",
            400,
            r#"{"error":"rate_limit_exceeded","error_description":"exceeded"}"#,
            LIMITED,
        ),
        (
            "google",
            400,
            r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
            ENDED,
        ),
        ("google", 400, r#"{"error":"admin_policy_enforced"}"#, Says::No(Rejection::AccessDenied)),
        ("google", 401, r#"{"error":"deleted_client"}"#, CLIENT),
        (
            "reddit",
            400,
            r#"{"message":"Bad Request","error":400}"#,
            Says::Later(Cause::Unreadable(400)),
        ),
        (
            "sentry",
            403,
            r#"{"detail":"You do not have permission to perform this action."}"#,
            Says::Later(Cause::Unreadable(403)),
        ),
    ];
    for (id, status, body, expected) in rows {
        let content_type = if body.starts_with("error=") {
            "application/x-www-form-urlencoded"
        } else {
            "application/json"
        };
        let verdict = answered(id, status, content_type, body).await;
        assert_eq!(says(&verdict), Some(expected), "{id} {status} {body}: {verdict:?}");
    }
}

#[tokio::test]
async fn r8_no_provider_ends_a_login_for_what_it_does_not_know() {
    let catalogue = Catalogue::built_in();
    for provider in catalogue.iter().filter(|provider| provider.has(Step::Refresh)) {
        // One that signs is played in a test of its own.
        if provider.id() == "revolut" {
            continue;
        }
        let id = provider.id();
        for (status, content_type, body) in [
            (503, "text/html", "<html>maintenance</html>"),
            (403, "text/html", "<html>blocked</html>"),
            (429, "application/json", r#"{"error":"invalid_grant"}"#),
            (
                500,
                "application/json",
                r#"{"error":"invalid_grant","code":190,"status":"BAD_REFRESH_TOKEN"}"#,
            ),
            (
                400,
                "application/json",
                r#"{"error":"what_nobody_knows","code":"4242","status":"odd"}"#,
            ),
            (400, "application/json", r#"{"error":{"code":987654321}}"#),
            (200, "application/json", "{}"),
            (200, "text/plain", ""),
            (404, "text/plain", "Not found"),
        ] {
            let verdict = answered(id, status, content_type, body).await;
            let ends = matches!(verdict, Verdict::Rejected(rejection) if rejection.ends_login());
            assert!(!ends && says(&verdict).is_some(), "{id} {status} {body}: {verdict:?}");
        }
        // And every one of them knows the RFC's own word.
        let verdict = answered(id, 400, "application/json", r#"{"error":"invalid_grant"}"#).await;
        let own = !provider.descriptor().reply.error.is_empty();
        assert!(own || says(&verdict) == Some(ENDED), "{id}: {verdict:?}");
    }
}
