//! DPoP at the provider (RFC 9449): every token bound to a key, every proof with a nonce of its own.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use rustix::process::Signal;
use serde_json::Value;
use unlapse::dpop::{self, Algorithm, DPOP, Dpop, Prover as _, SystemRandom};
use unlapse::tokio::TokioClock;
use unlapse_core::Secret;

use crate::harness::{Project, Running, eventually};
use crate::provider::{BASIC, Client, PUBLIC, Provider, http, reply};

const LINES: &str = "dpop = true\nreuse = \"strict\"";

fn provider(flags: &[&str]) -> Option<Provider> {
    Provider::start_with(60, &[&["--dpop"], flags].concat())
}

/// A key as another program has it, and its thumbprint.
fn key(algorithm: Algorithm) -> (Secret, String) {
    let clock = Arc::new(TokioClock::new());
    let prover = Dpop::new(algorithm, clock, Arc::new(SystemRandom));
    let key = prover.draw().expect("a key");
    let jkt = prover.thumbprint(&key).expect("its name");
    (key, jkt)
}

/// Logs in with a refresh token that is bound to `key`, and the key.
fn log_in(project: &Project, refresh_token: &str, key: &Secret) -> crate::harness::Run {
    let arguments = ["login", "acme", "--refresh-token-stdin", "--sender-key-stdin"];
    project.run_with(&arguments, &format!("{refresh_token}\n{}", key.expose()))
}

/// A project with a login that is bound, as a login in a browser leaves it.
fn bound(provider: &Provider, client: Client) -> (Project, String) {
    let project = provider.project(client, LINES, "");
    let (key, jkt) = key(Algorithm::Es256);
    log_in(&project, &provider.bound_grant(client, &jkt), &key).ok();
    (project, jkt)
}

/// What the provider's own resource, the userinfo endpoint, says to a request with these headers.
fn userinfo(provider: &Provider, headers: HeaderMap) -> (u16, HeaderMap, Value) {
    reply(http().get(format!("{}/me", provider.issuer())).headers(headers))
}

/// The headers that the command prints for a request.
fn headers(project: &Project, url: &str, nonce: Option<&str>) -> HeaderMap {
    let mut arguments = vec!["token", "acme", "--dpop-proof", "GET", url];
    arguments.extend(nonce.into_iter().flat_map(|nonce| ["--dpop-nonce", nonce]));
    let run = project.run(&arguments).ok();
    let pairs = run.stdout.lines().map(|line| line.split_once(": ").expect("a header"));
    pairs
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        })
        .collect()
}

/// The provider takes the token with its proof, once it has given a nonce, and takes no half of it.
#[track_caller]
fn accepts(provider: &Provider, project: &Project) {
    let url = format!("{}/me", provider.issuer());
    let (status, refused, _) = userinfo(provider, headers(project, &url, None));
    let status_code = reqwest::StatusCode::from_u16(status).expect("a status");
    let nonce = dpop::wanted_nonce(status_code, &refused).expect("a nonce");
    let proven = headers(project, &url, Some(nonce));
    assert!(proven[AUTHORIZATION].to_str().expect("ASCII").starts_with("DPoP "));
    let (status, _, claims) = userinfo(provider, proven.clone());
    assert_eq!((status, &claims["sub"]), (200, &"alice".into()));
    // A thief has the token, and no key: neither without a proof, nor with one that was seen.
    let mut stolen = proven.clone();
    stolen.remove(DPOP);
    assert_eq!(userinfo(provider, stolen).0, 400, "without a proof");
    assert_eq!(userinfo(provider, proven).0, 401, "RFC 9449 §11.1: a proof is good for once");
}

#[test]
fn rfc9449_5_a_bound_login_and_twenty_renewals_in_a_row() {
    let Some(provider) = provider(&[]) else { return };
    let (project, jkt) = bound(&provider, PUBLIC);
    accepts(&provider, &project);
    for _ in 0..20 {
        project.run(&["refresh", "--force"]).ok();
    }
    accepts(&provider, &project);
    let status = project.status();
    assert_eq!(status["jkt"], jkt.as_str(), "of one login one key");
    let text = project.run(&["status"]).ok();
    assert!(text.stdout.contains(&format!("bound to the DPoP key {jkt}")), "{text}");
    assert_eq!(provider.count("refreshes"), 21);
    // Every process begins without a nonce: it is refused once, and spends nothing by that.
    assert_eq!(provider.errors("use_dpop_nonce"), 21);
    assert_eq!(provider.errors("invalid_grant"), 0);
    provider.assert_all_alive();
}

#[test]
fn rfc9449_5_a_key_is_drawn_where_none_is_brought_and_kept_from_then_on() {
    let Some(provider) = provider(&[]) else { return };
    for client in [PUBLIC, BASIC] {
        let project = provider.project(client, LINES, "");
        let login = ["login", "acme", "--refresh-token-stdin"];
        project.run_with(&login, &provider.grant(client)).ok();
        let jkt = project.status()["jkt"].as_str().expect("a key").to_owned();
        for _ in 0..3 {
            project.expire();
            accepts(&provider, &project);
            assert_eq!(project.status()["jkt"], jkt.as_str(), "{client:?}");
        }
        // Another login is another key.
        project.run_with(&login, &provider.grant(client)).ok();
        assert_ne!(project.status()["jkt"], jkt.as_str(), "{client:?}");
    }
    provider.assert_all_alive();
}

#[test]
fn rfc9449_5_client_credentials_are_bound_to_the_key_that_is_kept() {
    let Some(provider) = provider(&[]) else { return };
    let project = provider.project(BASIC, "dpop = true\ngrant = \"client_credentials\"", "");
    for _ in 0..3 {
        let token = project.run(&["token", "--json"]).ok().json();
        assert_eq!(token["token_type"], "DPoP");
        let access_token = token["access_token"].as_str().expect("a token");
        let request = http()
            .post(format!("{}/token/introspection", provider.issuer()))
            .basic_auth(BASIC.id, BASIC.secret)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={access_token}"));
        let (_, _, found) = reply(request);
        assert_eq!(found["active"], true, "{found}");
        assert_eq!(found["cnf"]["jkt"], project.status()["jkt"], "{found}");
        project.expire();
    }
    assert_eq!(provider.count("client_credentials"), 3);
}

#[test]
fn x1_thirty_processes_with_an_expired_bound_token_make_one_refresh() {
    let Some(provider) = provider(&["--store-latency-ms", "5"]) else { return };
    let (project, jkt) = bound(&provider, PUBLIC);
    for round in 0..3 {
        let before = provider.count("refreshes");
        project.expire();
        let runs = project.storm(30, &["token", "acme"]);
        let first = runs[0].clone().ok();
        assert!(runs.iter().all(|run| run.stdout == first.stdout), "round {round}");
        assert_eq!(provider.count("refreshes"), before + 1, "round {round}");
    }
    accepts(&provider, &project);
    assert_eq!(project.status()["jkt"], jkt.as_str());
    provider.assert_all_alive();
}

#[test]
fn r6_r20_processes_killed_around_a_bound_renewal_cost_nothing() {
    let Some(provider) = provider(&["--store-latency-ms", "40"]) else { return };
    let (project, jkt) = bound(&provider, PUBLIC);
    for round in 0..3 {
        let before = provider.count("refreshes");
        project.expire();
        let running: Vec<_> = (0..4).map(|_| project.spawn(&["token", "acme"])).collect();
        let mut holder = None;
        eventually("somebody renews", || {
            holder = project.status()["lease_holder"]["pid"].as_u64();
            holder.is_some() || provider.count("refreshes") > before
        });
        // Whoever has sent the refresh token is spared: a strict server's reply is in no other place.
        let is_spared = |run: &Running| holder.is_none_or(|pid| pid == u64::from(run.pid()));
        let (spared, killed): (Vec<_>, Vec<_>) = running.into_iter().partition(is_spared);
        for run in &killed {
            run.signal(Signal::KILL);
        }
        for run in spared.into_iter().map(Running::wait) {
            assert_eq!(run.code, Some(0), "round {round}: {run}");
        }
        drop(killed);
        accepts(&provider, &project);
        assert_eq!(provider.count("refreshes"), before + 1, "round {round}");
        assert_eq!(project.status()["jkt"], jkt.as_str(), "round {round}");
    }
    provider.assert_all_alive();
}

#[test]
fn rfc9449_5_a_wrong_key_is_told_and_ends_no_family() {
    let Some(provider) = provider(&[]) else { return };
    let (project, jkt) = bound(&provider, PUBLIC);
    let (other, _) = key(Algorithm::EdDsa);
    // Over a login that is alive: nothing changes, and the hint says what may be wrong.
    let (mine, bound_to) = key(Algorithm::EdDsa);
    let refresh_token = provider.bound_grant(PUBLIC, &bound_to);
    let run = log_in(&project, &refresh_token, &other).failed(10, "login_needed");
    assert!(run.stderr.contains("bound to no other key (--sender-key-stdin"), "{run}");
    assert_eq!(project.status()["jkt"], jkt.as_str());
    accepts(&provider, &project);
    // What is no key is not tried at all: the refresh token stays unspent.
    let refused = provider.errors("invalid_grant");
    log_in(&project, &refresh_token, &Secret::new("AAAA")).failed(13, "sender_key");
    assert_eq!(provider.errors("invalid_grant"), refused);
    log_in(&project, &refresh_token, &mine).ok();
    assert_eq!(project.status()["jkt"], bound_to.as_str());
    accepts(&provider, &project);

    // A record whose key was exchanged: the server says no, and its token is still served (R10).
    project.edit(|record| record.next(|_| ()).bound_to(Some(other)));
    project.run(&["refresh"]).failed(10, "login_needed");
    project.run(&["token"]).ok();
    provider.assert_all_alive();
}

#[test]
fn k5_r13_fifty_tasks_with_proofs_of_their_own_make_one_refresh() {
    let Some(provider) = provider(&["--store-latency-ms", "5"]) else { return };
    let (before, url) = (provider.count("refreshes"), format!("{}/me", provider.issuer()));
    let refresh_token = provider.grant(PUBLIC);
    let statuses = crate::library::run(async {
        let source = crate::library::bound_source(&provider, PUBLIC, refresh_token).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (source, url) = (source.clone(), url.clone());
            tasks.spawn(async move { get(&source, &url).await });
        }
        tasks.join_all().await
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(provider.count("refreshes"), before + 1);
    provider.assert_all_alive();
}

/// The documented pattern: a nonce that is asked for is no 401 of the token.
async fn get(source: &unlapse::TokenSource, url: &str) -> u16 {
    let (mut nonce, mut status) = (None::<String>, 0);
    for _ in 0..3 {
        let proven = source.proven(&Method::GET, url, nonce.as_deref()).await.expect("proven");
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, proven.bearer().header().clone());
        headers.extend(proven.proof().map(|proof| (DPOP, proof.clone())));
        let answer = http().get(url).headers(headers).send().await.expect("a reply");
        status = answer.status().as_u16();
        let wanted = dpop::wanted_nonce(answer.status(), answer.headers()).map(str::to_owned);
        if wanted.is_some() {
            nonce = wanted;
        } else if status == 401 {
            source.reject(proven.bearer().generation()).await.expect("renewed");
        } else {
            break;
        }
    }
    status
}

#[test]
fn r12_bound_tokens_of_a_few_seconds_are_renewed_as_they_end() {
    let Some(provider) = Provider::start_with(4, &["--dpop"]) else { return };
    let (project, _) = bound(&provider, PUBLIC);
    for _ in 0..6 {
        accepts(&provider, &project);
        std::thread::sleep(Duration::from_millis(800));
    }
    assert!(provider.count("refreshes") >= 3, "of five seconds and tokens that are due after two");
    provider.assert_all_alive();
}
