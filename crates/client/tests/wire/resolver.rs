//! A resolver of one's own, and what becomes of a request when it refuses.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::{Http as _, NoReply};
use unlapse_core::Cause;

use super::{reply, serve};

/// What a name means, or why it means nothing.
struct Meaning(Result<SocketAddr, Option<Cause>>);

impl Resolve for Meaning {
    fn resolve(&self, _: Name) -> Resolving {
        let meaning = self.0;
        Box::pin(async move {
            match meaning {
                Ok(address) => Ok(Box::new([address].into_iter()) as Addrs),
                Err(Some(cause)) => Err(cause.into()),
                Err(None) => Err("nobody knows it".into()),
            }
        })
    }
}

#[tokio::test]
async fn what_a_resolver_refuses_is_unsent_for_its_own_reason() {
    let (origin, served) = serve(vec![reply("200 OK", "", "{}")]).await;
    let at: SocketAddr = origin.trim_start_matches("http://").parse().unwrap();
    let call = async |meaning| {
        let http = ReqwestHttp::new(HttpSettings::default()).resolver(Arc::new(Meaning(meaning)));
        // Plain http is for this machine alone, by whichever of its names.
        let url = format!("http://localhost:{}/token", at.port());
        http.call(http::Request::post(url).body(Bytes::new()).unwrap()).await
    };
    let refused = call(Err(Some(Cause::Host))).await.unwrap_err();
    assert_eq!(refused, NoReply::Unsent(Cause::Host));
    assert_eq!(call(Err(None)).await.unwrap_err(), NoReply::Unsent(Cause::Connect));
    // Nothing has come until now: the only connection is this one.
    assert_eq!(call(Ok(at)).await.unwrap().status, 200);
    assert_eq!(served.await.unwrap().len(), 1);
}
