//! An issuer that listens, with a clock that tests set and a store that can be taken away; and the
//! smallest client that can ask it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use unlapse_core::{Secret, UnixTime};
use unlapse_issuer::{
    Client, Issuer, IssuerBuilder, MemoryClients, MemoryUsers, PasswordCost, PasswordHash, Pepper,
    Peppers, Scopes, Store, User,
};

use crate::shuttable::Shuttable;

pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");
const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).expect("valid scopes")
}

/// What every server here makes its refresh tokens under, unless told otherwise: a token of one
/// is known as genuine by another, which does not know its session.
pub(crate) fn peppers() -> Peppers {
    Peppers::new(Pepper::new("a", &[1; 32]).expect("valid"))
}

/// Stops listening when dropped.
pub(crate) struct Server {
    pub(crate) issuer: Issuer,
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Shuttable>,
    clock: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(|builder| builder).await
    }

    /// Knows the user `ada` (password `correct horse`), the public clients `app`, `other` and
    /// `api`, and the client `job` (secret `s3cret`).
    pub(crate) async fn start_with(configure: impl FnOnce(IssuerBuilder) -> IssuerBuilder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let clock = Arc::new(AtomicU64::new(1_700_000_000_500));
        let store = Arc::new(Shuttable::default());
        let users = MemoryUsers::new();
        let password = PasswordHash::new(&Secret::new("correct horse"), CHEAP).expect("hashed");
        users.add("ada", User { subject: "user-1".to_owned(), password });
        let clients = MemoryClients::new([
            Client::public("app")
                .with_scopes(scopes("read write"))
                .with_redirect_uris(["https://app.example/cb"])
                .with_first_party(),
            Client::public("other").with_scopes(scopes("read write")),
            Client::confidential("job", &Secret::new("s3cret")).with_scopes(scopes("jobs")),
        ]);
        let now = Arc::clone(&clock);
        let builder = Issuer::builder(format!("http://{address}"))
            .clock(Arc::new(move || UnixTime::from_millis(now.load(SeqCst))))
            .store(Arc::clone(&store) as Arc<dyn Store>)
            .users(Arc::new(users))
            .clients(Arc::new(clients))
            .peppers(peppers())
            .password_cost(CHEAP);
        let issuer = configure(builder).build().expect("a valid configuration");
        let router = issuer.router().into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves until it is aborted");
        });
        Self { issuer, address, store, clock, serving }
    }

    /// Time goes by.
    pub(crate) fn pass(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).expect("a test's time");
        self.clock.fetch_add(millis, SeqCst);
    }

    /// A session of `app` with the scopes `read write`: its first refresh token.
    pub(crate) async fn login(&self) -> String {
        let opened = self.issuer.open_session("user-1", "app", scopes("read write")).await;
        let token = opened.expect("opened").refresh_token.expect("a session has one");
        token.expose().to_owned()
    }

    /// A browser's cookie, once `ada` has logged in with it to go on to `to`; and the page there.
    async fn browse(&self, to: &str) -> (String, Reply) {
        let page = self.get(to).await;
        let (cookie, token) = (page.cookie(), page.token());
        let target = to.trim_start_matches('/').split('?').next().unwrap_or_default();
        let form = format!("token={token}&to={target}&username=ada&password=correct+horse");
        let headers = [FORM, ("cookie", cookie.as_str())];
        let page = ask(self.address, "POST", "/login", &headers, form.as_bytes()).await;
        let cookie = page.cookie();
        let page = ask(self.address, "GET", to, &[("cookie", &cookie)], b"").await;
        (cookie, page)
    }

    /// An authorization code of `app`, as `ada` gets one in a browser.
    pub(crate) async fn code(&self) -> String {
        let query = "response_type=code&client_id=app&code_challenge_method=S256\
                     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let (_, page) = self.browse(&format!("/authorize?{query}")).await;
        let code = page.header("location").and_then(|to| to.split("code=").nth(1));
        code.and_then(|code| code.split('&').next()).expect("a code").to_owned()
    }

    /// A device code of `app`, and its user code.
    pub(crate) async fn begin_device(&self) -> (String, String) {
        let begun = self.post("/device_authorization", FORM, "client_id=app").await;
        (begun.text("device_code"), begun.text("user_code"))
    }

    /// `ada` says yes (`allow`) or no (`deny`) to a device.
    pub(crate) async fn decide_device(&self, user_code: &str, decision: &str) {
        let (cookie, page) = self.browse("/device").await;
        let form = format!("token={}&user_code={user_code}&decision={decision}", page.token());
        let headers = [FORM, ("cookie", cookie.as_str())];
        let page = ask(self.address, "POST", "/device", &headers, form.as_bytes()).await;
        assert_eq!(page.status, 200, "{page:?}");
    }

    pub(crate) async fn post(&self, path: &str, header: (&str, &str), body: &str) -> Reply {
        ask(self.address, "POST", path, &[header], body.as_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        ask(self.address, "GET", path, &[], b"").await
    }

    /// Refreshes at `/token` as `app`.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Reply {
        self.post("/token", FORM, &refresh_form(refresh_token)).await
    }
}

pub(crate) fn refresh_form(refresh_token: &str) -> String {
    format!("grant_type=refresh_token&client_id=app&refresh_token={refresh_token}")
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {self:?}"))
    }

    pub(crate) fn text(&self, member: &str) -> String {
        let json = self.json();
        let text = json[member].as_str();
        text.unwrap_or_else(|| panic!("`{member}`: {self:?}")).to_owned()
    }

    /// The cookie that it sets.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").and_then(|cookie| cookie.split(';').next());
        cookie.unwrap_or_else(|| panic!("a cookie: {self:?}")).to_owned()
    }

    /// What the forms of a page carry.
    fn token(&self) -> String {
        let token = self.body.split("name=\"token\" value=\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next());
        token.unwrap_or_else(|| panic!("a form: {self:?}")).to_owned()
    }

    /// The refresh token of a grant.
    pub(crate) fn refresh_token(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.text("refresh_token")
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.text("code"))
    }
}

/// A refusal as [`Reply::refusal`] has it.
pub(crate) fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    ask_over(stream, method, path, headers, body).await
}

/// One request over a connection that is open already, which ends with the reply.
pub(crate) async fn ask_over(
    mut stream: TcpStream,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let headers: String =
        headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         content-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("sent");
    let mut reply = Vec::new();
    // A server that has not read all of a body resets the connection after its reply.
    if let Err(broken) = stream.read_to_end(&mut reply).await {
        assert_eq!(broken.kind(), std::io::ErrorKind::ConnectionReset);
    }
    let reply = String::from_utf8(reply).expect("UTF-8");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers = lines.filter_map(|line| line.split_once(": "));
    Reply {
        status: status.parse().expect("a status"),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}
