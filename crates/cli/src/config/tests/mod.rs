//! The whole way from files, variables and flags to a configuration.

use tempfile::TempDir;

use super::*;

mod files;
mod profiles;
mod sources;
mod stores;

/// A directory with a home, a project and a working directory below it.
struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().expect("a directory") };
        std::fs::create_dir_all(world.path("project/deep/er")).expect("made");
        world
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().canonicalize().expect("there").join(below)
    }

    fn file(self, below: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        #[expect(clippy::disallowed_methods, reason = "a test lays out its files")]
        std::fs::write(path, text).expect("written");
        self
    }

    fn user(self, text: &str) -> Self {
        self.file("home/.config/unlapse/config.toml", text)
    }

    fn project(self, text: &str) -> Self {
        self.file("project/.unlapse/config.toml", text)
    }

    fn environment(&self) -> Environment {
        let mut environment = Environment::at(&self.path("project/deep/er"));
        environment.home = Some(self.path("home"));
        environment
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.environment(), &Overrides::default())
    }
}

fn profile(
    text: &str,
    environment: impl FnOnce(Environment) -> Environment,
) -> Result<Profile, ConfigError> {
    let world = World::new().project(text);
    let config = Config::load(&environment(world.environment()), &Overrides::default())?;
    config.profile("a").cloned()
}

fn row<'a>(config: &'a Config, key: &str) -> (&'a str, String) {
    let row = config.rows.iter().find(|row| row.key == key).expect(key);
    (&row.value, row.origin.to_string())
}

const SERVER: &str = "[profile.a]\ntoken_endpoint = 'http://127.0.0.1:9/token'\n";
