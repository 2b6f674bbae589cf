//! A user connects an account: `/connect`, where they are asked, and `/callback/{tenant}/{app}`, where
//! the provider sends them back to.
//!
//! Somebody may send another person an address of this flow, so that the other one's account is
//! connected to theirs (RFC 9700 §4.7). Against that:
//! - the page names whose connection it will be, and a person goes on by a button, which no address
//!   can press;
//! - whoever comes back from the provider has to be in the browser that was sent there: it shows a
//!   cookie that belongs to the `state`. The address of the provider's page is worth nothing elsewhere;
//! - each app has a redirect URI of its own, so that no provider answers for another (RFC 9700 §4.4);
//! - ticket and `state` are good once, and for ten minutes;
//! - the product is told, when its user returns, whose connection it is, and compares.

mod cookies;
mod page;
mod ticket;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use subtle::ConstantTimeEq as _;
use unlapse::unlapse_core::Secret;
use url::{Url, form_urlencoded};

use super::api::{Answer, Api};
use super::params::Params;
use super::path::Path;
use super::refusal::Refusal;
use crate::broker::{Callback, Connected};
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::problem::Problem;
use crate::random;
use crate::redirect_uri::below;
use cookies::Browser;
pub(super) use page::STYLE;
use page::{Form, Page};
pub(super) use ticket::issue;

/// Most parameters that a provider sends along.
const MOST: usize = 64;
/// Longest query of a provider, in bytes.
const LONGEST: usize = 16 * 1024;

/// `GET /connect?ticket=…`: whose connection it will be, and a button. Changes nothing: whatever looks
/// an address up before a person does uses up no ticket.
pub(super) async fn ask(State(api): State<Api>, request: Parts) -> Response {
    match asked(&api, &request).await {
        Ok(response) => response,
        Err(refusal) => page::refused(refusal.problem()),
    }
}

async fn asked(api: &Api, request: &Parts) -> Answer {
    api.hear(request)?;
    let params = Params::parse(request.uri.query(), &["ticket"])?;
    let ticket = params.value("ticket").unwrap_or_default();
    let ticket = Secret::new(ticket);
    let wanted = ticket::look(api, &ticket).await?.ok_or_else(stale)?;
    let app = api.broker.tables().app(&wanted.id.tenant, &wanted.id.provider).await?;
    let to = app.map_or_else(|| wanted.id.provider.to_string(), |app| api.display_name(&app));
    let browser = Browser::of(api, &request.headers);
    let secret = browser.secret().unwrap_or_else(random::token);
    let ConnectionId { tenant, user, account, .. } = &wanted.id;
    let page = Page {
        title: &format!("Connect {to}"),
        lines: &[
            format!("{tenant} wants to connect an account of yours at {to}."),
            format!("It will belong to its user “{user}”, under the name “{account}”."),
            format!(
                "Go on only if you are that user and have just begun this at {tenant} yourself."
            ),
        ],
        form: Some(Form {
            action: below(&api.options.public_url, "connect").path().to_owned(),
            ticket: ticket.expose(),
            token: cookies::token(&secret),
            to: &to,
        }),
        code: None,
    };
    let mut response = page.reply(StatusCode::OK);
    browser.keep_secret(response.headers_mut(), &secret);
    Ok(response)
}

/// `POST /connect`: the button was pressed. On to the provider.
pub(super) async fn go_on(State(api): State<Api>, request: Parts, sent: Body) -> Response {
    match gone_on(&api, &request, sent).await {
        Ok(response) => response,
        Err(refusal) => page::refused(refusal.problem()),
    }
}

async fn gone_on(api: &Api, request: &Parts, sent: Body) -> Answer {
    api.hear(request)?;
    let sent = api.form(request, sent).await?;
    let text =
        core::str::from_utf8(&sent).map_err(|_| Refusal::bad_request("the form is no text"))?;
    let form = Params::parse(Some(text), &["ticket", "token"])?;
    let browser = Browser::of(api, &request.headers);
    let shown = form.value("token").unwrap_or_default();
    let is_ours = browser.secret().is_some_and(|secret| {
        let expected = cookies::token(&secret);
        expected.as_bytes().ct_eq(shown.as_bytes()).into()
    });
    if !is_ours || browser.is_cross_site() {
        let detail = "the button was pressed on another page, or the browser keeps no cookies";
        return Err(Problem::new(Code::Forbidden, detail).into());
    }
    // First: a ticket is good once.
    api.lengthen(request)?;
    let ticket = Secret::new(form.value("ticket").unwrap_or_default());
    let wanted = ticket::take(api, &ticket).await?.ok_or_else(stale)?;
    let return_to = wanted.return_to.clone();
    let actor = wanted.actor();
    let to = api.broker.connect(wanted.wanted(), &api.options.public_url, &actor).await?;
    let state = to.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state);
    let state = state.map(|state| Secret::new(state.as_ref()));
    let state =
        state.ok_or_else(|| Problem::new(Code::AppConfig, "the provider takes no `state`"))?;
    let mut response = page::see_other(&to);
    browser.keep_state(response.headers_mut(), &state, return_to.as_deref());
    Ok(response)
}

/// `GET /callback/{tenant}/{app}`: the provider has sent the user back (RFC 6749 §4.1.2).
pub(super) async fn come_back(
    State(api): State<Api>,
    path: Result<Path<(String, String)>, Refusal>,
    request: Parts,
) -> Response {
    let browser = Browser::of(&api, &request.headers);
    let read = path.and_then(|Path((tenant, app))| {
        Ok(Callback { tenant, app, params: said(request.uri.query())? })
    });
    let callback = match read {
        Ok(callback) => callback,
        Err(refusal) => return page::refused(refusal.problem()),
    };
    let state = callback.params.get("state").map(String::as_str).unwrap_or_default();
    let state = Secret::new(state);
    // Before anything is looked up: in another browser, the state is not used up either.
    let Some(begun) = browser.state(&state) else {
        let detail = "this browser has not begun it, or keeps no cookies, or it took too long";
        return page::refused(&Problem::new(Code::Forbidden, detail));
    };
    // Before its `state` is taken: whoever finds no room can load the page again.
    if let Err(refusal) = api.hear(&request).and_then(|()| api.lengthen(&request)) {
        return page::refused(refusal.problem());
    }
    let mut response = match api.broker.connected(callback).await {
        Ok(Connected { connection, return_to }) => match return_to.and_then(|to| to.parse().ok()) {
            Some(to) => page::see_other(&with_connection(to, &connection.id)),
            None => page::done(&connection.id),
        },
        Err(problem) => failed(&api, &problem, begun.return_to.as_deref()).await,
    };
    browser.forget_state(response.headers_mut(), &state);
    response
}

/// Back to the product with the problem's code, if the app says that its users go there.
async fn failed(api: &Api, problem: &Problem, return_to: Option<&str>) -> Response {
    if let (Some(place), Some(id)) = (return_to, &problem.account)
        && let Ok(Some(app)) = api.broker.tables().app(&id.tenant, &id.provider).await
        && app.return_to.iter().any(|known| known == place)
        && let Ok(mut to) = place.parse::<Url>()
    {
        to.query_pairs_mut().append_pair("error", problem.code.as_str());
        return page::see_other(&with_connection(to, id));
    }
    page::refused(problem)
}

/// Names the connection to the product, which compares its user with the one who is logged in there.
fn with_connection(mut to: Url, id: &ConnectionId) -> Url {
    let names = [id.user.as_str(), id.provider.as_str(), id.account.as_str()];
    let encode = |name: &str| form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>();
    to.query_pairs_mut().append_pair("connection", &names.map(encode).join("/"));
    to
}

/// What a provider says: any names, each once.
fn said(query: Option<&str>) -> Result<BTreeMap<String, String>, Refusal> {
    let query = query.unwrap_or_default();
    if query.len() > LONGEST {
        return Err(Refusal::bad_request("the provider says too much"));
    }
    let mut params = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let before = params.insert(name.into_owned(), value.into_owned());
        if before.is_some() || params.len() > MOST {
            return Err(Refusal::bad_request("the provider says something twice, or too much"));
        }
    }
    Ok(params)
}

fn stale() -> Refusal {
    Refusal::bad_request("this address was used already, or is older than ten minutes")
}

impl Api {
    /// What people call the provider of an app.
    fn display_name(&self, app: &crate::app::App) -> String {
        let provider = self.broker.catalogue().provider(app.provider.as_str());
        provider
            .map_or_else(|| app.provider.to_string(), |provider| provider.display_name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_4_1_2_what_a_provider_says_twice_is_refused() {
        assert_eq!(said(Some("state=a&code=b&x=")).expect("fine").len(), 3);
        assert!(said(Some("state=a&state=b")).is_err());
        let many: Vec<_> = (0..65).map(|name| format!("{name}=")).collect();
        assert!(said(Some(&many.join("&"))).is_err());
        assert!(said(Some(&"x".repeat(LONGEST + 1))).is_err());
        assert!(said(None).expect("nothing").is_empty());
    }

    #[test]
    fn the_product_is_told_whose_connection_it_is() {
        let name = |text: &str| text.parse().expect("a name");
        let id = ConnectionId::new(name("acme"), "a/d&a", name("google"), "ä").expect("valid");
        let to = with_connection("https://a.example/?x=1".parse().expect("a URL"), &id);
        let told: Vec<_> = to.query_pairs().collect();
        assert_eq!(told[0], ("x".into(), "1".into()));
        assert_eq!(told[1], ("connection".into(), "a%2Fd%26a/google/%C3%A4".into()));
    }
}
