//! The network, as the client is given it.

use unlapse::{Exchange, Request, Revoked};
use unlapse_core::{Answer, BoxFuture, Cause, Credentials, Door, Rungs, Token};

use crate::network::{Answered, Message, Missing};
use crate::process::Seat;

/// One process's way to the authorization server.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) seat: Seat,
    pub(crate) rungs: Rungs,
}

impl Exchange for Wire {
    fn endpoint(&self) -> String {
        "https://as.example/token".to_owned()
    }

    fn rungs(&self, _: Option<&Credentials>) -> Rungs {
        self.rungs
    }

    fn door(&self, request: &Request<'_>) -> Door {
        match request {
            Request::Refresh { .. } => Door::Token,
            Request::Login { .. } => Door::Login,
        }
    }

    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Answer> {
        let token = match request {
            Request::Refresh { refresh_token, .. } => Some(refresh_token.expose().to_owned()),
            Request::Login { .. } => None,
        };
        let door = self.door(&request);
        Box::pin(async move {
            let planted = self.seat.planted();
            let token = match planted {
                Some(planted) => planted.token(&mut self.seat.world.state(), token),
                None => token,
            };
            let answer = match self.seat.call(Message::Token(token)).await {
                Ok(Answered::Token(reply)) => Answer::Replied(*reply),
                Ok(_) | Err(Missing::Lost) => Answer::Lost(Cause::Broken),
                Err(Missing::Unsent) => Answer::Unsent(Cause::Connect),
            };
            self.seat.world.state().ledger.answered(&answer, door);
            match planted {
                Some(planted) => planted.answer(answer),
                None => answer,
            }
        })
    }

    fn revoke<'a>(
        &'a self,
        token: &'a Token,
        _: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Revoked> {
        Box::pin(async move {
            let secret = token.refresh_token.as_ref().unwrap_or(&token.access_token);
            match self.seat.call(Message::Revoke(secret.expose().to_owned())).await {
                Ok(Answered::Revoked(revoked)) => revoked,
                Err(Missing::Unsent) => Revoked::Failed(Cause::Connect),
                Ok(_) | Err(Missing::Lost) => Revoked::Failed(Cause::Broken),
            }
        })
    }
}
