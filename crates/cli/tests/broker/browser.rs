//! A user's browser: it follows where it is sent, keeps cookies, and presses the one button.

use url::Url;

use crate::client::{Reply, ask};

#[derive(Default)]
pub(crate) struct Browser {
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// Opens `address`, presses the button that asks for the user's consent, and follows: the last
    /// page, and every address on the way there.
    pub(crate) fn consent(&mut self, address: &str) -> (Reply, Vec<Url>) {
        let start: Url = address.parse().expect("an address");
        let page = self.ask("GET", &start, "");
        assert_eq!(page.status, 200, "{page:?}");
        let form = format!("ticket={}&token={}", field(&page, "ticket"), field(&page, "token"));
        let mut way = vec![start.join("/connect").expect("a path")];
        let mut reply = self.ask("POST", &way[0], &form);
        while let Some(location) = reply.headers("location").first() {
            let next = way[way.len() - 1].join(location).expect("an address");
            assert!(way.len() < 9, "it goes round: {way:?}");
            reply = self.ask("GET", &next, "");
            way.push(next);
        }
        (reply, way)
    }

    fn ask(&mut self, method: &str, url: &Url, body: &str) -> Reply {
        let host = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
        let path = &url[url::Position::BeforePath..];
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers = [
            ("cookie", cookies.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let reply = ask(&host, method, path, &headers, body);
        for line in reply.headers("set-cookie") {
            let pair = line.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a pair");
            self.cookies.retain(|(known, _)| known != name);
            if !line.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        reply
    }
}

/// What a form sends along.
fn field(page: &Reply, name: &str) -> String {
    let (_, rest) = page.body.split_once(&format!("name=\"{name}\" value=\"")).expect("a field");
    rest.split('"').next().expect("a value").to_owned()
}
