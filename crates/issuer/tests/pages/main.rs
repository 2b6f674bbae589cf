//! What people meet in a browser, and what browsers can be made to do: the router in process, a
//! clock that tests set, and a browser that knows cookies and forms.
#![cfg(feature = "pages")]

mod attacks;
mod authorize;
mod browser;
mod code;
mod consent;
mod device;
mod host;
mod login;
mod openid;
mod sessions;
#[path = "../http/shuttable.rs"]
mod shuttable;
mod world;
