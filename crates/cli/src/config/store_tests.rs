use std::sync::Arc;

use super::*;

fn set(text: &str, file: &Path) -> Valued<String> {
    let origin = Origin::File { path: Arc::from(file), line: 1 };
    Valued { value: text.to_owned(), origin }
}

fn at(path: &str, file: &Path, environment: &Environment) -> StoreConfig {
    let keys = StoreKeys { path: Some(set(path, file)), ..StoreKeys::default() };
    store(&keys, None, environment).expect("good").0
}

#[test]
fn c1_a_relative_path_belongs_to_the_project_never_to_the_working_directory() {
    let file = Path::new("/p/.unlapse/config.toml");
    let own = Path::new("/p/etc/login.toml");
    let environment = Environment::at(Path::new("/w"));
    let rows = [
        (".unlapse", file, "/p/.unlapse"),
        (".code-indexer/.token", file, "/p/.code-indexer/.token"),
        ("./a//b", file, "/p/a/b"),
        ("tokens", own, "/p/etc/tokens"),
        ("/abs/t.token", file, "/abs/t.token"),
        ("~/t", file, "/w/home/t"),
    ];
    for (path, file, expected) in rows {
        assert_eq!(at(path, file, &environment).path, Path::new(expected), "{path}");
    }
    let elsewhere = environment.with("UNLAPSE_HOME", "/state");
    assert_eq!(at(".unlapse", file, &elsewhere).path, Path::new("/state/.unlapse"));
    assert_eq!(at("/abs", file, &elsewhere).path, Path::new("/abs"));
}

#[test]
fn c1_the_default_place_is_the_projects_or_the_users() {
    let environment = Environment::at(Path::new("/w"));
    let keys = StoreKeys::default();
    let project = Path::new("/p");
    let (projects, _) = store(&keys, Some(project), &environment).expect("good");
    assert_eq!(projects.path, Path::new("/p/.unlapse"));
    assert_eq!((projects.layout, projects.project.as_str()), (Layout::Directory, "/p"));
    let (users, _) = store(&keys, None, &environment).expect("good");
    assert_eq!(users.path, Path::new("/w/home/.local/state/unlapse"));
    assert_eq!(
        (users.layout, users.project.as_str()),
        (Layout::Directory, "/w/home/.local/state/unlapse")
    );
    let keyfile = PathBuf::from("/w/home/.local/state/unlapse/unlapse.key");
    assert_eq!(users.custody, Custody::KeyFile { path: keyfile.clone() });
    assert_eq!(projects.custody, Custody::KeyFile { path: keyfile });
}

#[test]
fn c1_a_row_for_each_layout() {
    let rows = [
        (At::File, "tokens/", Layout::File),
        (At::Directory, "login.token", Layout::Directory),
        (At::Nothing, "login.token/", Layout::Directory),
        (At::Nothing, "login.token", Layout::File),
        (At::Nothing, ".code-indexer/.token", Layout::File),
        (At::Nothing, "x/token", Layout::File),
        (At::Nothing, ".unlapse", Layout::Directory),
        (At::Nothing, "a.b/tokens", Layout::Directory),
        (At::Nothing, "/", Layout::Directory),
    ];
    for (found, written, expected) in rows {
        assert_eq!(layout(found, written), expected, "{found:?} {written}");
    }
}

#[test]
fn c2_the_identity_follows_from_the_place_alone() {
    let rows = [
        ("/p/.unlapse", Layout::Directory, "/p"),
        ("/p/.unlapse/acme.token", Layout::File, "/p"),
        ("/p/.code-indexer/.token", Layout::File, "/p/.code-indexer"),
        ("/p/tokens", Layout::Directory, "/p/tokens"),
    ];
    for (path, layout, expected) in rows {
        assert_eq!(identity(Path::new(path), layout), expected, "{path}");
    }
    let file = Path::new("/p/.unlapse/config.toml");
    let keys = StoreKeys { project: Some(set("mine", file)), ..StoreKeys::default() };
    let (config, _) = store(&keys, None, &Environment::at(Path::new("/w"))).expect("good");
    assert_eq!(config.project, "mine");
}

#[test]
fn c2_rounds_have_a_range_for_each_derivation() {
    let origin = || Origin::File { path: Arc::from(Path::new("/c")), line: 1 };
    let with = |word: Option<DerivationWord>, rounds: Option<u32>| StoreKeys {
        derivation: word.map(|value| Valued { value, origin: origin() }),
        rounds: rounds.map(|value| Valued { value, origin: origin() }),
        ..StoreKeys::default()
    };
    let of = |keys: StoreKeys| derivation(&keys).map(|(derivation, ..)| derivation);
    assert_eq!(of(with(None, None)), Ok(Derivation::Pbkdf2 { rounds: 600_000 }));
    assert_eq!(of(with(None, Some(100_000))), Ok(Derivation::Pbkdf2 { rounds: 100_000 }));
    let argon2id = Some(DerivationWord::Argon2id);
    assert_eq!(of(with(argon2id, None)), Ok(Derivation::Argon2id { rounds: 2 }));
    assert_eq!(of(with(argon2id, Some(16))), Ok(Derivation::Argon2id { rounds: 16 }));
    for bad in [with(None, Some(99_999)), with(argon2id, Some(17))] {
        let error = of(bad).expect_err("out of range").to_string();
        assert!(error.starts_with("`store.rounds` in /c:1 must be a whole number from"), "{error}");
    }
}

#[test]
fn the_passphrase_comes_from_the_environment_and_is_never_shown() {
    let origin = Origin::Default;
    let keys = StoreKeys {
        custody: Some(Valued { value: CustodyWord::Passphrase, origin }),
        ..StoreKeys::default()
    };
    let environment = Environment::at(Path::new("/w"));
    let (without, _) = store(&keys, None, &environment).expect("good");
    let Custody::Passphrase { passphrase: None, .. } = without.custody else {
        panic!("{without:?}");
    };
    let (with, shown) =
        store(&keys, None, &environment.with("UNLAPSE_PASSPHRASE", "canary\n")).expect("good");
    assert!(!format!("{with:?}{shown:?}").contains("canary"));
    let Custody::Passphrase { passphrase: Some(passphrase), .. } = with.custody else {
        panic!("none");
    };
    assert_eq!(passphrase, Secret::new("canary"));
}

#[test]
fn r5_what_cannot_be_saved_has_other_places_to_go() {
    let mut environment = Environment::at(Path::new("/w")).with("XDG_RUNTIME_DIR", "/run/user/7");
    environment.uid = Some(7);
    let places = aside(&environment, Path::new("/s"));
    let expected = ["/s/aside", "/run/user/7/unlapse", "/dev/shm/unlapse-7", "/tmp/unlapse-7"]
        .map(PathBuf::from);
    assert_eq!(places, expected);
}

#[test]
fn without_a_home_there_is_no_place_for_state() {
    let mut environment = Environment::at(Path::new("/w"));
    environment.home = None;
    let keys = StoreKeys::default();
    assert_eq!(store(&keys, None, &environment).map(|_| ()), Err(ConfigError::NoHome));
    let named = environment.with("UNLAPSE_HOME", "/u");
    assert_eq!(store(&keys, None, &named).expect("good").0.path, Path::new("/u"));
}
