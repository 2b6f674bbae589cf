//! A device is let in by a person at another one (RFC 8628).

use core::time::Duration;
use std::net::IpAddr;

use unlapse_core::{Secret, UnixTime};

use super::id_token::LoggedIn;
use super::{About, Issued, Issuer, Parts};
use crate::audit::Event;
use crate::caller::Caller;
use crate::clients::GrantType;
use crate::denied::{Code, Denied};
use crate::device_code::{Asking, Decision, DeviceCode, KIND, LIFETIME, REMEMBERED, USER_CODE};
use crate::login::Login;
use crate::random;
use crate::scopes::Scopes;
use crate::store::Unavailable;
use crate::tickets::TicketId;
use crate::user_code::UserCode;

/// What a device is told when it begins (§3.2).
pub(crate) struct DeviceBegun {
    pub(crate) device_code: Secret,
    pub(crate) user_code: UserCode,
}

/// A device that a person may let in.
#[derive(Clone, Debug)]
pub(crate) struct WaitingDevice {
    /// Where it is kept.
    id: TicketId,
    /// The client on it.
    pub(crate) client: String,
    /// What it asks for.
    pub(crate) scopes: Scopes,
}

/// Who types a user code, as far as guesses are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Typing<'a> {
    pub(crate) login: &'a Login,
    pub(crate) peer: Option<IpAddr>,
}

/// So often a change is tried anew when somebody else's was faster.
const TRIES: usize = 8;

impl Issuer {
    /// A device begins (§3.1).
    pub(crate) async fn begin_device(
        &self,
        caller: &Caller,
        scopes: Option<&Scopes>,
    ) -> Result<DeviceBegun, Denied> {
        let about = About::caller(caller);
        let away = |away| self.unavailable(away, about);
        self.check_grant(caller, GrantType::DeviceCode)?;
        let scopes = self.grant_scopes(caller, scopes)?;
        let now = self.now();
        let device_code = random::secret();
        let id = device_id(&device_code);
        let device = DeviceCode::begin(&caller.client.id, scopes.to_string(), now);
        let until = device.expires_at.plus(REMEMBERED);
        let Parts { store, .. } = &*self.parts;
        // 256 random bits are not there already; 34 may be.
        store.insert(id, &document(&device), until, now).await.map_err(away)?;
        for _ in 0..TRIES {
            let user_code = UserCode::random();
            let until = now.plus(LIFETIME);
            let kept = store.insert(user_code_id(user_code), id.as_bytes(), until, now).await;
            if kept.map_err(away)? {
                return Ok(DeviceBegun { device_code, user_code });
            }
        }
        Err(away(BUSY))
    }

    /// A device asks whether it has been let in (§3.4), and has its session once.
    pub(crate) async fn redeem_device_code(
        &self,
        device_code: &Secret,
        caller: &Caller,
    ) -> Result<Issued, Denied> {
        let about = About::caller(caller);
        self.check_grant(caller, GrantType::DeviceCode)?;
        let id = device_id(device_code);
        for _ in 0..TRIES {
            let now = self.now();
            let Some((version, device)) = self.find_device(id, now).await? else {
                return Err(self.refuse(Code::DeviceCodeUnknown, about));
            };
            let (told, next, issued) = match device.ask(&caller.client.id, now) {
                Asking::Refused(code) => return Err(self.refuse(code, about)),
                Asking::Wait(code, next) => (code, next, None),
                Asking::Spend { subject, auth_time, confirmed_at } => {
                    let scopes = Scopes::parse(&device.scope).unwrap_or_default();
                    let client = &device.client;
                    let login = LoggedIn {
                        subject,
                        client,
                        scopes: &scopes,
                        auth_time,
                        nonce: None,
                        alg: caller.client.id_token_alg,
                    };
                    let further = self.id_claims(&login).await?;
                    // Opened before the code is spent: a store that goes away between the two
                    // costs the person nothing.
                    let mut issued = self.open_for(subject, scopes.clone(), caller).await?;
                    let unknown = Code::DeviceCodeUnknown;
                    self.check_login(subject, confirmed_at, &issued, unknown, about).await?;
                    issued.id_token =
                        further.map(|further| self.id_token(&login, further, &issued));
                    let spent = DeviceCode { decision: Decision::Spent, ..device.clone() };
                    (Code::DeviceCodeUnknown, spent, Some(issued))
                }
            };
            let until = device.expires_at.plus(REMEMBERED);
            let replaced = self.parts.store.replace(id, version, &document(&next), until).await;
            match (replaced, issued) {
                (Ok(true), Some(issued)) => return Ok(issued.for_client(&caller.client)),
                (Ok(true), None) => return Err(self.refuse(told, about)),
                (Ok(false), issued) => {
                    self.end_unused(issued.and_then(|issued| issued.session)).await;
                }
                (Err(away), issued) => {
                    self.end_unused(issued.and_then(|issued| issued.session)).await;
                    return Err(self.unavailable(away, about));
                }
            }
        }
        // Whoever asks so often at once asks too often.
        Err(self.refuse(Code::SlowDown, about))
    }

    /// The device that waits with the code somebody typed. Guesses are limited: of one person, of
    /// one address, and in sum (§5.1).
    pub(crate) async fn waiting_device(
        &self,
        typed: &str,
        by: Typing<'_>,
    ) -> Result<(UserCode, WaitingDevice), Denied> {
        let about = About { subject: Some(&by.login.subject), peer: by.peer, ..About::default() };
        let now = self.now();
        if let Some(wait) = self.parts.pages.user_code_guesses.wait(by, now) {
            return Err(self.refuse_for_now(Code::RateLimited, wait, about));
        }
        if let Some(user_code) = UserCode::parse(typed)
            && let Some(device) = self.find_waiting(user_code, now).await?
        {
            return Ok((user_code, device));
        }
        self.parts.pages.user_code_guesses.failed(by, now);
        Err(self.refuse(Code::DeviceCodeUnknown, about))
    }

    /// A person has decided: whether it was still to be decided.
    pub(crate) async fn decide_device(
        &self,
        waiting: &WaitingDevice,
        login: &Login,
        approved: bool,
    ) -> Result<bool, Denied> {
        let about = About {
            subject: Some(&login.subject),
            client: Some(&waiting.client),
            ..About::default()
        };
        for _ in 0..TRIES {
            let now = self.now();
            let found = self.find_device(waiting.id, now).await?;
            let Some((version, device)) = found.filter(|(_, device)| device.is_open(now)) else {
                return Ok(false);
            };
            let decision = if approved {
                let subject = login.subject.clone();
                let confirmed_at = self.confirmed_at(login);
                Decision::Approved { subject, auth_time: login.auth_time, confirmed_at }
            } else {
                Decision::Refused
            };
            let until = device.expires_at.plus(REMEMBERED);
            let decided = document(&DeviceCode { decision, ..device });
            let replaced = self.parts.store.replace(waiting.id, version, &decided, until).await;
            if replaced.map_err(|away| self.unavailable(away, about))? {
                let event = if approved { Event::DeviceApproved } else { Event::DeviceRefused };
                self.note(event, about);
                return Ok(true);
            }
        }
        Err(self.unavailable(BUSY, about))
    }

    async fn find_waiting(
        &self,
        user_code: UserCode,
        now: UnixTime,
    ) -> Result<Option<WaitingDevice>, Denied> {
        let found = self.parts.store.ticket(user_code_id(user_code), now).await;
        let found = found.map_err(|away| self.unavailable(away, About::default()))?;
        let Some(id) = found.and_then(|ticket| ticket.value.try_into().ok()) else {
            return Ok(None);
        };
        let id = TicketId::from_bytes(id);
        let device = self.find_device(id, now).await?;
        Ok(device.filter(|(_, device)| device.is_open(now)).map(|(_, device)| {
            let scopes = Scopes::parse(&device.scope).unwrap_or_default();
            WaitingDevice { id, client: device.client, scopes }
        }))
    }

    async fn find_device(
        &self,
        id: TicketId,
        now: UnixTime,
    ) -> Result<Option<(u64, DeviceCode)>, Denied> {
        let found = self.parts.store.ticket(id, now).await;
        let found = found.map_err(|away| self.unavailable(away, About::default()))?;
        Ok(found.and_then(|ticket| {
            let device = serde_json::from_slice(&ticket.value).ok()?;
            Some((ticket.version, device))
        }))
    }
}

const BUSY: Unavailable = Unavailable { retry_after: Duration::from_secs(1) };

fn device_id(device_code: &Secret) -> TicketId {
    TicketId::of(KIND, device_code.expose())
}

fn user_code_id(user_code: UserCode) -> TicketId {
    TicketId::of(USER_CODE, user_code.letters())
}

fn document(device: &DeviceCode) -> Vec<u8> {
    serde_json::to_vec(device).expect("strings and numbers always make JSON")
}
