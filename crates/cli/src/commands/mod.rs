//! One file a command.

pub(crate) mod broker;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod curl;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod drill;
pub(crate) mod embedded;
pub(crate) mod exec;
pub(crate) mod issuer;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod queue;
pub(crate) mod refresh;
pub(crate) mod running;
pub(crate) mod serve;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod token;
