//! Killed, expired, alone and back; and one provider that hangs (R17).

use std::time::{Duration, Instant};

use unlapse_example_stage::Issuing;

use crate::service::Service;

const PROVIDERS: [&str; 3] = ["mail", "files", "notes"];
const USERS: [&str; 5] = ["ada", "bob", "cleo", "dan", "eve"];

/// Every user's profile at every provider.
fn assert_all(service: &Service) {
    for user in USERS {
        for provider in PROVIDERS {
            let (status, profile) = service.profile(user, provider);
            assert_eq!(status, 200, "{user} {provider}: {profile}");
            let name = match provider {
                "mail" => user,
                "files" => "us",
                _ => "somebody",
            };
            assert_eq!(profile["name"], name, "{provider}");
        }
    }
}

#[test]
fn i1_i4_every_connection_survives_whatever_happens_to_the_service_and_its_providers() {
    let mut service = Service::start();
    for user in USERS {
        for provider in PROVIDERS {
            service.connect(user, provider);
        }
    }
    assert_all(&service);
    service.kill();
    service.start_again();
    assert_all(&service);
    let before = service.providers.mail.tally();
    assert!(before.refreshes <= 5, "one for each user: {before:?}");

    service.providers.mail.expire();
    service.providers.files.expire();
    assert_all(&service);
    let since = service.providers.mail.tally() - before;
    assert_eq!((since.refreshes, since.unauthorized), (5, 5), "each was renewed once");

    service.providers.mail.expire();
    service.providers.mail.down();
    service.kill();
    service.start_again();
    assert_eq!(service.profile("ada", "mail").0, 502);
    assert_eq!(service.profile("ada", "files").0, 200);
    assert_eq!(service.refresh("ada", "mail").1["why"], "PROVIDER_DOWN");
    service.providers.mail.up();
    assert_all(&service);
    let tally = service.providers.mail.tally();
    assert_eq!((tally.reuses, tally.ended), (0, 0), "{tally:?}");
}

#[test]
fn i10_fifty_calls_with_an_expired_token_cost_one_renewal() {
    let service = Service::start();
    service.connect("ada", "mail");
    assert_eq!(service.profile("ada", "mail").0, 200);
    service.providers.mail.expire();
    let before = service.providers.mail.tally();
    std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..50).map(|_| scope.spawn(|| service.profile("ada", "mail").0)).collect();
        for call in calls {
            assert_eq!(call.join().expect("no panic"), 200);
        }
    });
    let since = service.providers.mail.tally() - before;
    assert_eq!((since.refreshes, since.reuses), (1, 0), "{since:?}");
}

#[test]
fn r17_a_provider_that_hangs_slows_nobody_else() {
    let hang = Duration::from_secs(8);
    let service = Service::start();
    for user in USERS {
        for provider in PROVIDERS {
            service.connect(user, provider);
        }
    }
    assert_all(&service);
    service.providers.mail.expire();
    service.providers.files.expire();
    service.providers.mail.issuing(Issuing::Slow(hang));
    std::thread::scope(|scope| {
        let started = Instant::now();
        let service = &service;
        let hanging: Vec<_> =
            USERS.map(|user| scope.spawn(move || service.profile(user, "mail").0)).into();
        for user in USERS {
            assert_eq!(service.profile(user, "files").0, 200, "renewed meanwhile");
            assert_eq!(service.profile(user, "notes").0, 200);
        }
        let others = started.elapsed();
        assert!(hanging.iter().all(|call| !call.is_finished()), "all of them wait for mail");
        assert!(others < hang, "{others:?}");
        for call in hanging {
            assert_eq!(call.join().expect("no panic"), 200, "late, and not lost");
        }
        assert!(started.elapsed() >= hang);
    });
    assert_eq!(service.providers.mail.tally().reuses, 0);
}
