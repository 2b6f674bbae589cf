//! Where records rest, and whether they do.

use super::super::*;
use super::{SERVER, World, row};

#[test]
fn c1_the_projects_store_is_found_from_any_directory_of_it() {
    let world = World::new().project(SERVER);
    for cwd in ["project", "project/deep", "project/deep/er"] {
        let mut environment = world.environment();
        environment.cwd = Some(world.path(cwd));
        let config = Config::load(&environment, &Overrides::default()).expect("good");
        let Storage::Kept(store) = config.storage else { panic!("not kept") };
        assert_eq!(store.path, world.path("project/.unlapse"), "{cwd}");
        assert_eq!(store.project, world.path("project").display().to_string());
        assert_eq!(store.layout, Layout::Directory);
    }
}

#[test]
fn a_named_file_without_a_store_keeps_records_with_the_users_state() {
    let world = World::new().file("x.toml", SERVER).project("");
    let at = |file: &str| {
        let environment = world
            .environment()
            .with("UNLAPSE_CONFIG", world.path(file))
            .with("UNLAPSE_HOME", world.path("state"));
        match Config::load(&environment, &Overrides::default()).expect("good").storage {
            Storage::Kept(store) => store.path,
            Storage::Memory => panic!("not kept"),
        }
    };
    assert_eq!(at("x.toml"), world.path("state"));
    assert_eq!(at("project/.unlapse/config.toml"), world.path("project/.unlapse"));
}

#[test]
fn k6_no_store_keeps_nothing_and_needs_no_home() {
    let world = World::new().project(SERVER);
    let mut environment = world.environment().with("UNLAPSE_NO_STORE", "1");
    environment.home = None;
    let config = Config::load(&environment, &Overrides::default()).expect("good");
    assert_eq!(config.storage, Storage::Memory);
    assert_eq!(row(&config, "store.path").1, "environment variable UNLAPSE_NO_STORE");
}

#[test]
fn a3_whether_logins_are_kept_by_every_source() {
    let file = format!("{SERVER}\n[store]\npersist = 'auto'");
    let persist = ("UNLAPSE_PERSIST", "on");
    let rows = [
        (SERVER, vec![], false, Persistence::On, "default"),
        (&file, vec![], false, Persistence::Auto, ".unlapse/config.toml:"),
        (&file, vec![persist], false, Persistence::On, "UNLAPSE_PERSIST"),
        (&file, vec![("UNLAPSE_PERSIST", "off")], false, Persistence::Off, "UNLAPSE_PERSIST"),
        (
            &file,
            vec![persist, ("UNLAPSE_NO_STORE", "1")],
            false,
            Persistence::Off,
            "UNLAPSE_NO_STORE",
        ),
        (&file, vec![persist], true, Persistence::Off, "--no-store"),
    ];
    for (text, variables, no_store, expected, origin) in rows {
        let world = World::new().project(text);
        let environment = variables
            .iter()
            .fold(world.environment(), |environment, (name, value)| environment.with(name, value));
        let overrides = Overrides { no_store, ..Overrides::default() };
        let config = Config::load(&environment, &overrides).expect("good");
        assert_eq!(config.persistence, expected, "{variables:?}");
        assert_eq!(config.storage == Storage::Memory, expected == Persistence::Off);
        let key = if expected == Persistence::Off { "store.path" } else { "store.persist" };
        assert!(row(&config, key).1.contains(origin), "{:?}", row(&config, key));
    }
    let world = World::new().project(SERVER);
    let environment = world.environment().with("UNLAPSE_PERSIST", "canary");
    let error = Config::load(&environment, &Overrides::default()).expect_err("no word");
    assert_eq!(
        error.to_string(),
        "the environment variable `UNLAPSE_PERSIST` must be `on`, `off` or `auto`"
    );
}
