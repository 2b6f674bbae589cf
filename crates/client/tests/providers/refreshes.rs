//! The refresh of each provider: the request as it wants it, and its grant as it sends it.

use unlapse_core::Verdict;

use super::server::{BASIC, Expected, Kind, NO_AUTH, Server};
use super::stage::{Pairs, client, exchange, line, metadata, refresh, rehearsed};

struct Row {
    id: &'static str,
    variables: Pairs,
    metadata: Pairs,
    scope: Option<&'static str>,
    expected: Expected,
    /// See [`line`].
    grants: &'static str,
    /// What is then known of the connection.
    keeps: Pairs,
}

const STANDARD: &str = "grant_type=refresh_token&refresh_token=rt-1";
const POSTED: &str = "grant_type=refresh_token&refresh_token=rt-1&client_id=cid&client_secret=sec";

fn row(id: &'static str, url: &'static str, reply: &str, grants: &'static str) -> Row {
    Row {
        id,
        variables: &[],
        metadata: &[],
        scope: None,
        expected: Expected {
            method: "POST",
            url,
            kind: Kind::Form,
            params: POSTED,
            headers: vec![NO_AUTH],
            status: 200,
            content_type: "application/json",
            reply: reply.to_owned(),
        },
        grants,
        keeps: &[],
    }
}

impl Row {
    fn basic(mut self) -> Self {
        self.expected.headers = vec![BASIC];
        self.expected.params = STANDARD;
        self
    }

    fn kind(mut self, kind: Kind) -> Self {
        self.expected.kind = kind;
        self
    }

    fn get(mut self) -> Self {
        self.expected.method = "GET";
        self.kind(Kind::Query)
    }

    fn params(mut self, params: &'static str) -> Self {
        self.expected.params = params;
        self
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.expected.headers.retain(|(known, _)| *known != name);
        self.expected.headers.push((name, value));
        self
    }

    fn replied(mut self, status: u16, content_type: &'static str) -> Self {
        self.expected.status = status;
        self.expected.content_type = content_type;
        self
    }

    fn with(mut self, variables: Pairs) -> Self {
        self.variables = variables;
        self
    }

    fn known(mut self, metadata: Pairs) -> Self {
        self.metadata = metadata;
        self
    }

    fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    fn keeps(mut self, keeps: Pairs) -> Self {
        self.keeps = keeps;
        self
    }
}

/// As RFC 6749 §5.1 has it, with a new refresh token.
const ROTATED: &str = r#"{"access_token":"at-2","refresh_token":"rt-2","token_type":"bearer","expires_in":3600,"scope":"a b"}"#;
/// And without: the old one stays.
const KEPT: &str = r#"{"access_token":"at-2","token_type":"Bearer","expires_in":3600}"#;

fn rows() -> Vec<Row> {
    let mut rows = controls();
    rows.extend(quirks());
    rows.extend(renamed());
    rows
}

fn controls() -> Vec<Row> {
    vec![
        row("discord", "https://discord.com/api/oauth2/token", ROTATED, "at-2 rt-2 3600 -"),
        row("dropbox", "https://api.dropboxapi.com/oauth2/token", KEPT, "at-2 - 3600 -"),
        row("gitlab", "https://gitlab.com/oauth/token", ROTATED, "at-2 rt-2 3600 -"),
        row("gitlab", "https://git.acme.example/oauth/token", ROTATED, "at-2 rt-2 3600 -")
            .with(&[("host", "git.acme.example")]),
        row("asana", "https://app.asana.com/-/oauth_token", KEPT, "at-2 - 3600 -"),
        row("spotify", "https://accounts.spotify.com/api/token", KEPT, "at-2 - 3600 -").basic(),
        // Twitch lists its scopes in an array.
        row(
            "twitch",
            "https://id.twitch.tv/oauth2/token",
            r#"{"access_token":"at-2","refresh_token":"rt-2","scope":["a","b"],"token_type":"bearer","expires_in":14000}"#,
            "at-2 rt-2 14000 -",
        ),
        row("okta", "https://acme.okta.com/oauth2/v1/token", ROTATED, "at-2 rt-2 3600 -")
            .with(&[("domain", "acme.okta.com")]),
        row("auth0", "https://acme.eu.auth0.com/oauth/token", KEPT, "at-2 - 3600 -")
            .with(&[("domain", "acme.eu.auth0.com")]),
        row(
            "keycloak",
            "https://sso.example/realms/staff/protocol/openid-connect/token",
            r#"{"access_token":"at-2","refresh_token":"rt-2","expires_in":300,"refresh_expires_in":1800,"token_type":"Bearer","not-before-policy":0}"#,
            "at-2 rt-2 300 1800",
        )
        .with(&[("host", "https://sso.example/"), ("realm", "staff")]),
        row("google", "https://oauth2.googleapis.com/token", KEPT, "at-2 - 3600 -"),
        row("linkedin", "https://www.linkedin.com/oauth/v2/accessToken",
            r#"{"access_token":"at-2","expires_in":5184000,"refresh_token":"rt-1","refresh_token_expires_in":439200}"#,
            "at-2 rt-1 5184000 439200"),
        row("box", "https://api.box.com/oauth2/token",
            r#"{"access_token":"at-2","expires_in":4169,"restricted_to":[],"token_type":"bearer","refresh_token":"rt-2"}"#,
            "at-2 rt-2 4169 -"),
        row("hubspot", "https://api.hubapi.com/oauth/v3/token",
            r#"{"token_type":"bearer","refresh_token":"rt-1","access_token":"at-2","expires_in":1800,"hub_id":4711}"#,
            "at-2 rt-1 1800 -")
            .keeps(&[("hub_id", "4711")]),
    ]
}

fn quirks() -> Vec<Row> {
    vec![
        row("airtable", "https://airtable.com/oauth2/v1/token",
            r#"{"access_token":"at-2","refresh_token":"rt-2","token_type":"Bearer","scope":"a","expires_in":3600,"refresh_expires_in":5184000}"#,
            "at-2 rt-2 3600 5184000").basic(),
        row("atlassian", "https://auth.atlassian.com/oauth/token", ROTATED, "at-2 rt-2 3600 -")
            .kind(Kind::Json),
        row("reddit", "https://www.reddit.com/api/v1/access_token", KEPT, "at-2 - 3600 -")
            .basic()
            .header("user-agent", "web:acme:1 (by /u/acme)")
            .with(&[("user_agent", "web:acme:1 (by /u/acme)")]),
        row("microsoft", "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            r#"{"token_type":"Bearer","scope":"User.Read","expires_in":3599,"ext_expires_in":3599,"access_token":"at-2","refresh_token":"rt-2"}"#,
            "at-2 rt-2 3599 -")
            .scope("offline_access User.Read")
            .params("grant_type=refresh_token&refresh_token=rt-1&client_id=cid&client_secret=sec&scope=offline_access+User.Read"),
        row("microsoft", "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token", ROTATED, "at-2 rt-2 3600 -")
            .with(&[("tenant", "acme.example")]),
        // GitHub: a form, for a proxy that ate the Accept header.
        row("github", "https://github.com/login/oauth/access_token",
            "access_token=at-2&expires_in=28800&refresh_token=rt-2&refresh_token_expires_in=15897600&scope=&token_type=bearer",
            "at-2 rt-2 28800 15897600")
            .replied(200, "application/x-www-form-urlencoded"),
        row("shopify", "https://acme.myshopify.com/admin/oauth/access_token",
            r#"{"access_token":"at-2","expires_in":3600,"refresh_token":"rt-2","refresh_token_expires_in":7776000,"scope":"write_products"}"#,
            "at-2 rt-2 3600 7776000")
            .known(&[("shop", "acme")]),
        row("zoom", "https://zoom.us/oauth/token", ROTATED, "at-2 rt-2 3600 -").basic(),
        row("xero", "https://identity.xero.com/connect/token", ROTATED, "at-2 rt-2 3600 -").basic(),
        row("quickbooks", "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
            r#"{"token_type":"bearer","x_refresh_token_expires_in":8726400,"refresh_token":"rt-2","access_token":"at-2","expires_in":3600}"#,
            "at-2 rt-2 3600 8726400")
            .basic()
            .known(&[("realmId", "9130")])
            .keeps(&[("realmId", "9130")]),
        row("exact-online", "https://start.exactonline.co.uk/api/oauth2/token",
            r#"{"access_token":"at-2","token_type":"bearer","expires_in":"600","refresh_token":"rt-2"}"#,
            "at-2 rt-2 600 -")
            .with(&[("country", "co.uk")]),
        row("notion", "https://api.notion.com/v1/oauth/token",
            r#"{"access_token":"at-2","refresh_token":"rt-2","token_type":"bearer","bot_id":"b","workspace_id":"w"}"#,
            "at-2 rt-2 - -")
            .basic()
            .kind(Kind::Json)
            .keeps(&[("bot_id", "b"), ("workspace_id", "w")]),
        row("x", "https://api.x.com/2/oauth2/token", ROTATED, "at-2 rt-2 3600 -").basic(),
        row("zoho", "https://accounts.zoho.eu/oauth/v2/token",
            r#"{"access_token":"at-2","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#,
            "at-2 - 3600 -")
            .known(&[("accounts-server", "https://accounts.zoho.eu")])
            .keeps(&[("accounts-server", "https://accounts.zoho.eu"), ("api_domain", "https://www.zohoapis.eu")]),
        row("zendesk", "https://acme.zendesk.com/oauth/tokens",
            r#"{"access_token":"at-2","refresh_token":"rt-2","token_type":"bearer","scope":"read","expires_in":1800,"refresh_token_expires_in":2592000}"#,
            "at-2 rt-2 1800 2592000")
            .kind(Kind::Json)
            .params("grant_type=refresh_token&refresh_token=rt-1&client_id=cid&client_secret=sec&expires_in=%231800&refresh_token_expires_in=%232592000")
            .known(&[("subdomain", "acme")]),
        row("stripe", "https://api.stripe.com/v1/oauth/token",
            r#"{"access_token":"at-2","livemode":true,"refresh_token":"rt-2","scope":"stripe_apps","stripe_user_id":"acct_1","token_type":"bearer"}"#,
            "at-2 rt-2 3600 -")
            .basic()
            .header("authorization", "Basic c2VjOg==")
            .keeps(&[("stripe_user_id", "acct_1")]),
    ]
}

/// Those whose parameters or fields have names of their own.
fn renamed() -> Vec<Row> {
    vec![
        row("tiktok", "https://open.tiktokapis.com/v2/oauth/token/",
            r#"{"access_token":"at-2","expires_in":7200,"open_id":"o","refresh_expires_in":15552000,"refresh_token":"rt-2","scope":"user.info.basic,video.list","token_type":"Bearer"}"#,
            "at-2 rt-2 7200 15552000")
            .params("grant_type=refresh_token&refresh_token=rt-1&client_key=cid&client_secret=sec")
            .keeps(&[("open_id", "o")]),
        row("tiktok-business", "https://business-api.tiktok.com/open_api/v1.3/tt_user/oauth2/refresh_token/",
            r#"{"code":0,"message":"OK","request_id":"r","data":{"access_token":"at-2","token_type":"Bearer","scope":"a,b","expires_in":86400,"refresh_token":"rt-2","refresh_token_expires_in":31536000,"open_id":"o"}}"#,
            "at-2 rt-2 86400 31536000")
            .kind(Kind::Json)
            .keeps(&[("open_id", "o")]),
        row("instagram", "https://graph.instagram.com/refresh_access_token",
            r#"{"access_token":"at-2","token_type":"bearer","expires_in":5183944}"#,
            "at-2 at-2 5183944 -")
            .get()
            .params("grant_type=ig_refresh_token&access_token=rt-1"),
        row("threads", "https://graph.threads.net/refresh_access_token",
            r#"{"access_token":"at-2","token_type":"bearer","expires_in":5183944}"#,
            "at-2 at-2 5183944 -")
            .get()
            .params("grant_type=th_refresh_token&access_token=rt-1"),
        row("facebook", "https://graph.facebook.com/v22.0/oauth/access_token",
            r#"{"access_token":"at-2","token_type":"bearer","expires_in":5183944}"#,
            "at-2 at-2 5183944 -")
            .get()
            .params("grant_type=fb_exchange_token&fb_exchange_token=rt-1&client_id=cid&client_secret=sec"),
        row("basecamp", "https://launchpad.37signals.com/authorization/token",
            r#"{"access_token":"at-2","expires_in":1209600}"#, "at-2 - 1209600 -")
            .params("type=refresh&refresh_token=rt-1&client_id=cid&client_secret=sec")
            .header("user-agent", "Acme (ops@acme.example)")
            .with(&[("user_agent", "Acme (ops@acme.example)")]),
        row("figma", "https://api.figma.com/v1/oauth/refresh",
            r#"{"access_token":"at-2","token_type":"bearer","expires_in":7776000}"#, "at-2 - 7776000 -")
            .basic()
            .params("refresh_token=rt-1"),
        row(
            "sentry",
            "https://sentry.io/api/0/sentry-app-installations/7a48-x/authorizations/",
            r#"{"token":"at-2","refreshToken":"rt-2","expiresAt":"2001-01-01T08:00:00.000Z"}"#,
            "at-2 rt-2 0 -",
        )
        .kind(Kind::Json)
        .replied(201, "application/json")
        .known(&[("installation", "7a48-x")]),
        row("slack", "https://slack.com/api/oauth.v2.access",
            r#"{"ok":true,"access_token":"xoxe.xoxp-2","expires_in":43200,"refresh_token":"xoxe-2","token_type":"user","scope":"chat:write","team":{"id":"T1"}}"#,
            "xoxe.xoxp-2 xoxe-2 43200 -")
            .keeps(&[("team_id", "T1")]),
        // {"alg":"HS256"}, {"exp":1}: the JWT tells its own end, which is long past.
        row("jobber", "https://api.getjobber.com/api/oauth/token",
            r#"{"access_token":"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln","refresh_token":"rt-2","warning":"x"}"#,
            "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln rt-2 - -"),
    ]
}

#[tokio::test]
async fn x4_every_provider_is_asked_as_it_wants_and_its_grant_is_understood() {
    for row in rows() {
        let server = Server::start(vec![row.expected]).await;
        let client = client(row.variables, row.scope);
        let exchange = exchange(rehearsed(row.id, &server), client, metadata(row.metadata));
        let verdict = refresh(&exchange).await;
        server.check(row.id);
        let Verdict::Granted(grant) = verdict else { panic!("{}: {verdict:?}", row.id) };
        assert_eq!(line(&grant), row.grants, "{}", row.id);
        for (name, value) in row.keeps {
            assert_eq!(exchange.metadata().value(name), Some(*value), "{}: {name}", row.id);
        }
    }
}
