//! The token methods that the users of such a crate know (A1), each over one of `unlapse`.

use std::path::Path;
use std::sync::Arc;

use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{
    AccessToken, Builder, Endpoints, Info, Key, LoggedIn, Login, LoginRung, Persistence, Secret,
    Server, ServerExchange, Source, TokenSource,
};
use unlapse_core::{Credentials, State, Store};
use unlapse_oauth::grant::LoginEndpoint;
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout, MemoryStore};

use crate::api::Api;
use crate::client::Acme;
use crate::error::AcmeError;
use crate::import::{self, Afterwards, Imported};
use crate::settings::{Account, SettingError, Settings};

/// The login that requests are made with.
#[derive(Clone)]
pub(crate) struct Tokens {
    source: TokenSource,
    account: Option<Account>,
    /// Whether the login outlives the process.
    is_kept: bool,
}

impl Acme {
    /// A client with these settings, and with the token that was stored before (A4). Asks nobody.
    ///
    /// An error when tokens are to be kept and there is no home to keep them in.
    pub async fn new(settings: Settings) -> Result<Self, AcmeError> {
        let Settings { url, account, home, persistence, policy, requests } = settings;
        let server = server(&url)?;
        let credentials = account.as_ref().map(Account::credentials);
        if home.is_none() && persistence == Persistence::On {
            return Err(SettingError::Missing("ACME_HOME").into());
        }
        let home = home.filter(|_| persistence.is_on(&server, credentials.as_ref()));
        let is_kept = home.is_some();
        let store: Arc<dyn Store> = match home {
            Some(home) => {
                let custody = Arc::new(KeyFile::new(home.join("acme.key")));
                Arc::new(FileStore::new(Layout::Directory(home), "acme-client", custody))
            }
            None => Arc::new(MemoryStore::new()),
        };
        let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
        let exchange = ServerExchange::new(server, http, Arc::new(TokioClock::new()));
        let username = account.as_ref().map_or("", |account| &account.username);
        let key = Key::new(url.to_string()).account(username);
        let source = Builder::new(key, store, Arc::new(exchange)).policy(policy).build().await;
        let tokens = Tokens { source: source.clone(), account, is_kept };
        tokens.prepare().await?;
        Ok(Self { api: Api::new(url, source, requests)?, tokens })
    }

    /// A token that is valid now; renewed, or bought by a login, where there is none.
    pub async fn get_token(&self) -> Result<Secret, AcmeError> {
        Ok(self.tokens.source.token().await?.secret)
    }

    /// A token of a new login, whatever token there is.
    pub async fn obtain_token(&self) -> Result<Secret, AcmeError> {
        Ok(self.tokens.log_in().await?.secret)
    }

    /// Renews now, unless somebody else has since this process last looked.
    pub async fn refresh_token(&self) -> Result<Secret, AcmeError> {
        Ok(self.tokens.source.refresh().await?.secret)
    }

    /// Renews now, whoever else has just done so.
    pub async fn force_refresh(&self) -> Result<Secret, AcmeError> {
        Ok(self.tokens.source.force_refresh().await?.secret)
    }

    /// What is known of the token; no secret.
    pub async fn token_info(&self) -> Result<Info, AcmeError> {
        Ok(self.tokens.source.info().await?)
    }

    /// Forgets the token here and in every process that shares its place.
    pub async fn clear_token(&self) -> Result<(), AcmeError> {
        self.tokens.source.clear().await?;
        // The account is still the one that logs in.
        self.tokens.prepare().await
    }

    /// Takes the login of a plain `token.json` over, unless there is one: `access_token`,
    /// `refresh_token`, `token_type`, and `expires_at` or `expires_in`. The file is put away when its
    /// login is durable in its new place; a client that keeps nothing leaves it as it is.
    pub async fn import_token(
        &self,
        path: &Path,
        afterwards: Afterwards,
    ) -> Result<Imported, AcmeError> {
        if !self.tokens.is_kept {
            return Err(AcmeError::NotKept);
        }
        import::import(&self.tokens.source, path, afterwards).await
    }

    /// To be called before the program ends: a renewal under way is finished.
    pub async fn close(&self) -> Result<(), AcmeError> {
        Ok(self.tokens.source.settle().await?)
    }
}

impl Tokens {
    /// Keeps the account's name and password with the login, where there is none yet or they are what
    /// has to log in again. A login that is alive is left alone: each write is one too many. So is one
    /// that has this account already: what its server has refused is not sent again at every start.
    async fn prepare(&self) -> Result<(), AcmeError> {
        let Some(account) = &self.account else { return Ok(()) };
        let info = self.source.info().await?;
        if info.source == Source::Nothing || info.state != State::Active {
            let login = account.login();
            self.source
                .edit(|record, now| match &record.credentials {
                    Some(kept) if *kept == login.credentials => record,
                    _ => login.brought_to(&record, now),
                })
                .await?;
        }
        Ok(())
    }

    async fn log_in(&self) -> Result<AccessToken, AcmeError> {
        let account = self.account.as_ref().ok_or(SettingError::Missing("ACME_USERNAME"))?;
        match self.source.log_in(account.login()).await? {
            LoggedIn::Granted(token) => Ok(token),
            LoggedIn::Kept(error) => Err(error.into()),
        }
    }
}

impl Account {
    fn credentials(&self) -> Credentials {
        Credentials {
            username: Some(self.username.clone()),
            password: Some(self.password.clone()),
            client_secret: None,
        }
    }

    fn login(&self) -> Login {
        Login { credentials: self.credentials(), ..Login::default() }
    }
}

/// Acme as an authorization server: the JSON pair of login and refresh (C9).
fn server(url: &unlapse_oauth::Endpoint) -> Result<Server, SettingError> {
    let refresh = url.join_path(LoginEndpoint::REFRESH_PATH)?;
    let login = LoginEndpoint::at(url)?.with_refresh(refresh);
    let server = Server::public("", Endpoints::default());
    Ok(Server { login: LoginRung::Endpoint(Box::new(login)), ..server })
}
