//! How a [`Stage`] is set.

use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use unlapse_issuer::{
    Client, Issuer, IssuerBuilder, MemoryClients, MemoryStore, MemoryUsers, PasswordCost, Policy,
    RateLimits, Scopes, Store,
};

use crate::api::Api;
use crate::handed::{self, Handed};
use crate::port::Port;
use crate::stage::{Parts, Stage};

/// As cheap as a hash can be: a stage has no secrets to guess.
pub(crate) const COST: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

/// Sets a [`Stage`].
pub struct StageBuilder {
    users: Vec<(String, String)>,
    clients: Vec<Client>,
    scopes: String,
    access_lifetime: Duration,
    policy: Policy,
    api_key: Option<String>,
    api: Router,
    configure: Vec<Box<dyn FnOnce(IssuerBuilder) -> IssuerBuilder>>,
}

impl StageBuilder {
    pub(crate) fn new() -> Self {
        Self {
            users: vec![(Stage::USER.to_owned(), Stage::PASSWORD.to_owned())],
            clients: Vec::new(),
            scopes: String::new(),
            access_lifetime: Duration::from_secs(900),
            policy: Policy { grace: Duration::ZERO, ..Policy::default() },
            api_key: None,
            api: Router::new(),
            configure: Vec::new(),
        }
    }

    /// Another user, besides [`Stage::USER`]. The name is the `sub` of the tokens.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// Another client, besides [`Stage::CLIENT`].
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.clients.push(client);
        self
    }

    /// The scopes of [`Stage::CLIENT`], apart by spaces. None when not said.
    #[must_use]
    pub fn scopes(mut self, scopes: &str) -> Self {
        scopes.clone_into(&mut self.scopes);
        self
    }

    /// How long access tokens live: 15 min; 1 s to 60 min.
    #[must_use]
    pub fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_lifetime = lifetime;
        self
    }

    /// For so long a refresh token may be used again. Zero when not said: every second use ends the
    /// session.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.policy.grace = grace;
        self
    }

    /// A key that the API takes in place of a token, as `Authorization: Bearer`. None when not said.
    #[must_use]
    pub fn api_key(mut self, key: &str) -> Self {
        self.api_key = Some(key.to_owned());
        self
    }

    /// What the API has, beside the endpoints of the issuer. A handler may ask for
    /// [`Verified`](unlapse_issuer::Verified); for `Option<Verified>`, where there is an API key,
    /// which comes with none.
    #[must_use]
    pub fn api(mut self, routes: Router) -> Self {
        self.api = routes;
        self
    }

    /// Whatever else is to be said to the issuer; may be said several times.
    #[must_use]
    pub fn configure(
        mut self,
        configure: impl FnOnce(IssuerBuilder) -> IssuerBuilder + 'static,
    ) -> Self {
        self.configure.push(Box::new(configure));
        self
    }

    /// The stage, which listens.
    pub fn start(self) -> Stage {
        let mut port = Port::reserve();
        let url = format!("http://127.0.0.1:{}", port.number());
        let scopes = Scopes::parse(&self.scopes).expect("the test names good scopes");
        let (users, store) = (Arc::new(MemoryUsers::new()), Arc::new(MemoryStore::new()));
        let builder = Issuer::builder(&url)
            .access_lifetime(self.access_lifetime)
            .policy(self.policy)
            .users(Arc::clone(&users) as Arc<_>)
            .clients(Arc::new(MemoryClients::new(self.clients)))
            .login_client(Client::public(Stage::CLIENT).with_scopes(scopes))
            .store(Arc::clone(&store) as Arc<dyn Store>)
            .password_cost(COST)
            .rate_limits(RateLimits::off());
        let builder =
            self.configure.into_iter().fold(builder, |builder, configure| configure(builder));
        let issuer = builder.build().expect("the test asks for a good issuer");
        let handed = Arc::new(Handed::default());
        let api = Api::new(self.api, self.api_key.as_deref());
        let counts = Arc::clone(&api.counts);
        let watched = middleware::from_fn_with_state(Arc::clone(&handed), handed::watch);
        let routes = issuer.router().layer(watched);
        let routes = routes.merge(api.protected(&issuer, Arc::clone(&handed.refused)));
        port.serve(routes.clone());
        let parts = Parts { url, issuer, users, store, handed, counts, routes, port };
        let stage = Stage::new(parts);
        for (name, password) in &self.users {
            stage.user(name, password);
        }
        stage
    }
}
