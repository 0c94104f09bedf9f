//! Work before a registration.

#![allow(clippy::unwrap_used, clippy::panic)] // a failed helper fails the test

mod common;

use common::{HERE, World};
use melo_services::account::{self, AccountError, CHALLENGE_LIFE, Work};
use melo_services::{Policy, Window};
use sha2::{Digest, Sha256};

const BITS: u8 = 8;

async fn world(bits: u8) -> World {
    let policy = Policy::default();
    World::with(Policy {
        registration_pow_bits: bits,
        open_calls: Window {
            count: 10_000,
            ..policy.open_calls
        },
        ..policy
    })
    .await
}

fn solved(challenge: &str, nonce: &str) -> bool {
    Sha256::digest(format!("{challenge}:{nonce}"))[0] == 0
}

async fn work(world: &World) -> Work {
    let issued = account::issue_challenge(&world.core, HERE).await.unwrap();
    assert_eq!(issued.bits, BITS);
    let mut nonces = (0..).map(|n: u64| n.to_string());
    Work {
        nonce: nonces.find(|nonce| solved(&issued.text, nonce)).unwrap(),
        challenge: issued.text,
    }
}

async fn register(world: &World, phone: &str, work: Option<Work>) -> Option<AccountError> {
    let mut new = world.registration(phone);
    new.work = work;
    account::register(&world.core, &new).await.err()
}

#[tokio::test]
async fn work_is_asked_for_and_good_once() {
    let world = world(BITS).await;
    let phone = "+79990000001";
    let missing = register(&world, phone, None).await;
    assert!(matches!(missing, Some(AccountError::WorkRequired)));

    let good = work(&world).await;
    let mut nonces = (0..).map(|n: u64| n.to_string());
    let wrong = Work {
        nonce: nonces.find(|n| !solved(&good.challenge, n)).unwrap(),
        ..good.clone()
    };
    let made_up = Work {
        challenge: "A".repeat(76),
        nonce: String::new(),
    };
    for bad in [wrong, made_up] {
        let refused = register(&world, phone, Some(bad)).await;
        assert!(matches!(refused, Some(AccountError::WorkInvalid)));
    }
    // A wrong solution does not use the challenge up; a right one does.
    assert!(register(&world, phone, Some(good.clone())).await.is_none());
    let replayed = register(&world, "+79990000002", Some(good)).await;
    assert!(matches!(replayed, Some(AccountError::WorkInvalid)));
    // Whether a phone is known costs work as well.
    let taken = register(&world, phone, None).await;
    assert!(matches!(taken, Some(AccountError::WorkRequired)));
    let taken = register(&world, phone, Some(work(&world).await)).await;
    assert!(matches!(taken, Some(AccountError::PhoneTaken)));
}

#[tokio::test]
async fn a_challenge_expires_and_stays_used_until_then() {
    let world = world(BITS).await;
    let late = work(&world).await;
    world.pass(CHALLENGE_LIFE);
    let refused = register(&world, "+79990000001", Some(late)).await;
    assert!(matches!(refused, Some(AccountError::WorkInvalid)));

    let used = work(&world).await;
    assert!(
        register(&world, "+79990000001", Some(used.clone()))
            .await
            .is_none()
    );
    world.pass(std::time::Duration::from_millis(599_999));
    let refused = register(&world, "+79990000002", Some(used)).await;
    assert!(matches!(refused, Some(AccountError::WorkInvalid)));
}

#[tokio::test]
async fn where_nothing_is_asked_nothing_is_checked() {
    let world = world(0).await;
    let issued = account::issue_challenge(&world.core, HERE).await.unwrap();
    assert_eq!(issued.bits, 0);
    let nonsense = Work {
        challenge: "x".to_owned(),
        nonce: "y".to_owned(),
    };
    assert!(
        register(&world, "+79990000001", Some(nonsense))
            .await
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_registrations_with_one_work_exactly_one_wins() {
    let world = world(BITS).await;
    let work = work(&world).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let core = world.core.clone();
        let mut new = world.registration(&format!("+7999000{n:04}"));
        new.work = Some(work.clone());
        tasks.spawn(async move { account::register(&core, &new).await.err() });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_none()).count(), 1);
    let refused = |o: &Option<AccountError>| matches!(o, None | Some(AccountError::WorkInvalid));
    assert!(outcomes.iter().all(refused));
}
