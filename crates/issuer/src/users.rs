//! Who may log in.

use core::future::ready;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use unlapse_core::BoxFuture;

use crate::password::PasswordHash;
use crate::store::Unavailable;

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// `sub` of the tokens: stable, even when the user's name changes.
    pub subject: String,
    /// What the password is checked against.
    pub password: PasswordHash,
}

/// Where users are found.
pub trait Users: Send + Sync {
    /// The user who logs in with that name. It should take the same time for unknown names.
    fn find<'a>(&'a self, username: &'a str) -> BoxFuture<'a, Result<Option<User>, Unavailable>>;
}

/// Users of one process.
#[derive(Debug, Default)]
pub struct MemoryUsers {
    users: RwLock<HashMap<String, User>>,
}

impl MemoryUsers {
    /// No users yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a user, or replaces the one of that name.
    pub fn add(&self, username: impl Into<String>, user: User) {
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        users.insert(username.into(), user);
    }
}

impl Users for MemoryUsers {
    fn find<'a>(&'a self, username: &'a str) -> BoxFuture<'a, Result<Option<User>, Unavailable>> {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(Ok(users.get(username).cloned())))
    }
}
