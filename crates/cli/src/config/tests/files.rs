//! Files that cannot be read, and files that are not trusted.

use super::super::*;
use super::{SERVER, World};

#[test]
fn files_that_cannot_be_read_are_errors() {
    let problem = |world: World| match world.load() {
        Err(ConfigError::Unreadable { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let at = "project/.unlapse/config.toml";
    assert_eq!(problem(World::new().file(at, vec![b'#'; (1 << 20) + 1])), "is larger than 1 MiB");
    assert_eq!(problem(World::new().file(at, [0xff, 0xfe])), "is not UTF-8 text");
    assert_eq!(problem(World::new().file(&format!("{at}/x"), "")), "is a directory");
    assert!(World::new().file(at, vec![b'#'; 1 << 20]).load().is_ok(), "1 MiB is allowed");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_an_error() {
    let world = World::new().project("");
    let path = world.path("project/.unlapse/config.toml");
    #[expect(clippy::disallowed_methods, reason = "a test lays out its files")]
    std::fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink("nowhere", &path).expect("linked");
    assert!(matches!(world.load(), Err(ConfigError::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn a_projects_file_that_others_can_change_is_not_followed() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    for place in ["project/.unlapse/config.toml", "project/.unlapse"] {
        let world = World::new().project(SERVER);
        set_permissions(world.path(place), Permissions::from_mode(0o777)).expect("changed");
        assert!(matches!(world.load(), Err(ConfigError::Untrusted { .. })), "{place}");
        // Named on purpose, it is.
        let named =
            world.environment().with("UNLAPSE_CONFIG", world.path("project/.unlapse/config.toml"));
        assert!(Config::load(&named, &Overrides::default()).is_ok());
    }
    // Somebody else's. Root can give the file away; to anybody else, be somebody else.
    let world = World::new().project(SERVER);
    let mut environment = world.environment();
    if environment.uid == Some(0) {
        let file = world.path("project/.unlapse/config.toml");
        std::os::unix::fs::chown(file, Some(4711), None).expect("given away");
    } else {
        environment.uid = environment.uid.map(|uid| uid + 1);
    }
    let error = Config::load(&environment, &Overrides::default()).expect_err("not ours");
    assert!(error.to_string().ends_with("belongs to another user"), "{error}");
}
