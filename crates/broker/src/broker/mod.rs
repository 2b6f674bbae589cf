//! The service: everything that the API, the dashboard and the command ask for.

mod asked;

pub use asked::{
    Actor, Brought, Callback, Connected, Filter, HandedOut, Page, Retries, TokenWanted, Wanted,
};
