//! What a command works with: the configuration, and how to talk to the person.

use std::sync::{Arc, OnceLock};

use unlapse::{Event, Observer, Persistence, TokenSource};
use unlapse_core::{Error, Key, LoginReason, Rejection};
use unlapse_store::custody::Custody;
use unlapse_store::{FileOutbox, Journal, MemoryStore};

use crate::args::Common;
use crate::breakers::FileBreakers;
use crate::config::{
    Client, ClientSecret, Config, ConfigError, Environment, Grant, Overrides, Profile, Storage,
    StoreConfig,
};
use crate::diagnosis::Diagnosis;
use crate::diary::{self, Diary};
use crate::exit::Exit;
use crate::terminal;
use crate::wiring::{self, Shelf};

/// One run of the command.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// Whether a person may be asked for the passphrase of the store.
    asks: bool,
    custody: OnceLock<Arc<dyn Custody>>,
    /// The journal of the store, where there is one.
    diary: Option<Arc<Diary>>,
}

/// Where records rest that are kept, and those that are not.
pub(crate) struct Shelves {
    persistence: Persistence,
    kept: Shelf,
    memory: Shelf,
}

impl Shelves {
    /// Where this profile's record rests.
    pub(crate) fn of(&self, profile: &Profile) -> &Shelf {
        if wiring::is_kept(profile, self.persistence) { &self.kept } else { &self.memory }
    }
}

impl App {
    /// `program` is who wants the tokens, when that is not whoever started this process.
    pub(crate) fn new(
        common: &Common,
        asks: bool,
        program: Option<String>,
    ) -> Result<Self, Diagnosis> {
        let environment = Environment::of_process();
        let overrides = Overrides {
            config: common.config.clone(),
            no_store: common.no_store,
            log: common.log.clone(),
            attempts: common.attempts.clone(),
            base_delay: common.base_delay.clone(),
            max_delay: common.max_delay.clone(),
            timeout: common.timeout.clone(),
            token_endpoint: common.token_endpoint.clone(),
        };
        let config =
            Config::load(&environment, &overrides).map_err(|error| Diagnosis::of_config(&error))?;
        if common.log.is_some() || environment.os("UNLAPSE_LOG").is_some() {
            terminal::log_to_stderr(&config.log)?;
        }
        let diary = journal(&config).map(|journal| {
            let program = program.unwrap_or_else(diary::parent);
            Arc::new(Diary::new(journal, program, common.quiet))
        });
        let (json, quiet, custody) = (common.json, common.quiet, OnceLock::new());
        Ok(Self { config, json, quiet, asks, custody, diary })
    }

    /// What was done with the tokens of this store, where that is written down.
    pub(crate) fn journal(&self) -> Option<Journal> {
        journal(&self.config)
    }

    /// Writes down that a token of the profile was handed out.
    pub(crate) fn served(&self, profile: &Profile) {
        if let Some(diary) = self.diary_of(profile) {
            diary.served(&profile.key());
        }
    }

    /// The journal, for a profile whose login is kept (A3).
    fn diary_of(&self, profile: &Profile) -> Option<&Arc<Diary>> {
        self.diary.as_ref().filter(|_| wiring::is_kept(profile, self.config.persistence))
    }

    /// Warns of what has become unusual by what this process did.
    pub(crate) fn warn_of_news(&self) {
        if let Some(diary) = &self.diary {
            diary.warn_of_news();
        }
    }

    /// The profile of that name, or the only one there is.
    pub(crate) fn profile(&self, name: Option<&str>) -> Result<&Profile, Diagnosis> {
        let known = || self.config.profiles.keys().cloned().collect();
        let nobody = || ConfigError::NoProfile { known: known() };
        let profile = match (name, self.config.profiles.len()) {
            (Some(name), _) => self.config.profile(name),
            (None, 1) => self.config.profiles.values().next().ok_or_else(nobody),
            (None, _) => Err(nobody()),
        };
        profile.map_err(|error| Diagnosis::of_config(&error))
    }

    /// Where records rest.
    pub(crate) fn shelf(&self) -> Shelf {
        match &self.config.storage {
            Storage::Memory => Shelf::Memory(MemoryStore::new()),
            Storage::Kept(store) => wiring::shelf(store, self.custody(store)),
        }
    }

    /// Where this profile's record rests: in memory, if it looks like a test's and such are not kept
    /// (A3).
    pub(crate) fn shelf_of(&self, profile: &Profile) -> Shelf {
        let Shelves { persistence, kept, memory } = self.shelves();
        if wiring::is_kept(profile, persistence) { kept } else { memory }
    }

    /// Where the records of many profiles rest: nobody is asked twice for a passphrase.
    pub(crate) fn shelves(&self) -> Shelves {
        let memory = Shelf::Memory(MemoryStore::new());
        Shelves { persistence: self.config.persistence, kept: self.shelf(), memory }
    }

    /// Where requests wait for the network; nowhere, where nothing is kept.
    pub(crate) fn outbox(&self) -> Option<FileOutbox> {
        match &self.config.storage {
            Storage::Memory => None,
            Storage::Kept(store) => {
                let outbox = wiring::outbox(store, self.custody(store));
                Some(outbox.limits(self.config.queue.limits))
            }
        }
    }

    /// What keeps the sealing key: one for a run, so that nobody is asked twice for a passphrase.
    fn custody(&self, store: &StoreConfig) -> Arc<dyn Custody> {
        let custody = || wiring::custody(&store.custody, self.asks);
        Arc::clone(self.custody.get_or_init(custody))
    }

    /// The breakers that every process of this user shares, or none where nothing is kept.
    pub(crate) fn breakers(&self) -> Option<FileBreakers> {
        match &self.config.storage {
            Storage::Kept(store) => Some(FileBreakers::new(store.state_dir.join("breakers"))),
            Storage::Memory => None,
        }
    }

    /// A source of the profile's tokens, for a process that lives for one of them.
    pub(crate) async fn source(
        &self,
        profile: &Profile,
        shelf: &Shelf,
    ) -> Result<TokenSource, Diagnosis> {
        let mut builder = wiring::builder(profile, &self.config.http, shelf)?
            .ahead_of_time(false)
            .observer(self.observer(self.diary_of(profile).cloned()));
        // Nor is anything else kept of what looks like a test.
        if let (Shelf::File(_), Some(breakers)) = (shelf, self.breakers()) {
            builder = builder.breakers(Arc::new(breakers));
        }
        Ok(builder.build().await)
    }

    /// Writes the journal, and tells a person what they should know although there is a token.
    fn observer(&self, diary: Option<Arc<Diary>>) -> Observer {
        let quiet = self.quiet;
        Arc::new(move |key: &Key, event: &Event| {
            if let Some(diary) = &diary {
                diary.happened(key, event);
            }
            let warning = match event {
                Event::Unsaved { error, set_aside: true } => format!(
                    "the new token of {key} is unsaved ({error}); a copy was set aside and is used \
                     until it can be saved"
                ),
                Event::Unsaved { error, set_aside: false } => {
                    format!("the new token of {key} is unsaved: {error}")
                }
                Event::StoreAway { error } => format!("the store of {key} cannot be used: {error}"),
                Event::ClockOff { millis } => format!(
                    "the clocks of this machine and of {key}'s server are {} s apart",
                    millis.unsigned_abs() / 1000
                ),
                _ => return,
            };
            if !quiet {
                terminal::warn(&warning);
            }
        })
    }
}

fn journal(config: &Config) -> Option<Journal> {
    match &config.storage {
        Storage::Kept(store) if config.journal.journal => {
            Some(Journal::of(&wiring::layout(store), config.journal.max_bytes))
        }
        _ => None,
    }
}

/// An error of a profile, for people.
pub(crate) fn failed(profile: &Profile) -> impl Fn(Error) -> Diagnosis + '_ {
    move |error| {
        let diagnosis = Diagnosis::of(&error, &profile.name);
        if let (Grant::Broker { .. }, Error::ClientRejected { rejection, .. }) =
            (&profile.grant, &error)
        {
            return refused_by_broker(&profile.name, *rejection, diagnosis);
        }
        match unset_variable(profile) {
            // Nobody logs in with these: they come from the environment.
            Some(variable) if lacks_means(&error) => {
                let message = format!("{} needs {variable}, which is not set", profile.name);
                let hint = if matches!(profile.grant, Grant::ApiKey(_)) {
                    format!("set {variable}")
                } else {
                    format!("set {variable}, or keep the secret: {}", diagnosis.hint)
                };
                Diagnosis { message, hint, ..diagnosis }
            }
            _ => diagnosis,
        }
    }
}

/// What a broker says no to: the connection itself, or whoever asks for it.
fn refused_by_broker(name: &str, rejection: Rejection, diagnosis: Diagnosis) -> Diagnosis {
    match rejection {
        Rejection::AccessDenied => Diagnosis {
            code: "broker_needs_user",
            message: format!("{name} has no live connection at its broker"),
            hint: "have its user connect the account again: `unlapse broker connections connect` \
                   prints where; nothing has to be done here"
                .to_owned(),
            exit: Exit::LoginNeeded,
            ..diagnosis
        },
        Rejection::InvalidClient | Rejection::UnauthorizedClient => Diagnosis {
            code: "broker_key_refused",
            message: format!("the broker of {name} refuses the API key"),
            hint: format!(
                "bring one with the verb `token`: `unlapse login {name} --broker-key-stdin`, or \
                 UNLAPSE_BROKER_KEY"
            ),
            exit: Exit::Denied,
            ..diagnosis
        },
        _ => diagnosis,
    }
}

/// Whether a login is needed because there is nothing to make one with, rather than rejected.
fn lacks_means(error: &Error) -> bool {
    use LoginReason::{NeverLoggedIn, NoRefreshToken, RefreshExpired};
    let reasons = [NeverLoggedIn, NoRefreshToken, RefreshExpired];
    matches!(error, Error::NeedsLogin { reason, .. } if reasons.contains(reason))
}

/// The variable without which the profile has no way to a token but a person.
fn unset_variable(profile: &Profile) -> Option<&str> {
    match &profile.grant {
        Grant::ApiKey(key) if key.key.is_none() => Some(&key.variable),
        Grant::Broker { key: ClientSecret::Unset { variable }, .. }
        | Grant::ClientCredentials {
            client: Client::Confidential { secret: ClientSecret::Unset { variable }, .. },
            ..
        } => Some(variable),
        _ => None,
    }
}
