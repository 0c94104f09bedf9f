//! Limits of calls, on a clock of the test's own.

#![allow(clippy::unwrap_used, clippy::panic)] // a failed helper fails the test

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::{HERE, World, origin_at};
use melo_domain::Uid;
use melo_services::account::{self, AccountError};
use melo_services::contacts::{self, ContactError, SubscribeInput};
use melo_services::keys::{self, KeyError};
use melo_services::once::{self, Attempt, KEPT_FOR, OnceError};
use melo_services::{LimitError, Policy, Window, spend_call, watch};

const MINUTE: Duration = Duration::from_secs(60);

/// How many of so many challenges an address gets.
async fn challenges(world: &World, address: &str, tries: usize) -> usize {
    let address: IpAddr = address.parse().unwrap();
    let mut got = 0;
    for _ in 0..tries {
        match account::issue_challenge(&world.core, address).await {
            Ok(_) => got += 1,
            Err(AccountError::Limited(1..)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    got
}

#[tokio::test]
async fn a_window_slides_and_has_no_edge_to_wait_for() {
    let world = World::new().await;
    assert_eq!(challenges(&world, "203.0.113.7", 1).await, 1);
    world.pass(Duration::from_secs(59));
    assert_eq!(challenges(&world, "203.0.113.7", 100).await, 59);
    // A second later a new fixed window would give sixty more.
    world.pass(Duration::from_secs(1));
    assert_eq!(challenges(&world, "203.0.113.7", 100).await, 0);
    world.pass(MINUTE / 2);
    assert_eq!(challenges(&world, "203.0.113.7", 100).await, 30);
    world.pass(2 * MINUTE);
    assert_eq!(challenges(&world, "203.0.113.7", 100).await, 60);
}

#[tokio::test]
async fn an_ipv6_customer_is_one_address() {
    let world = World::new().await;
    assert_eq!(challenges(&world, "2001:db8:1:2::1", 40).await, 40);
    assert_eq!(challenges(&world, "2001:db8:1:2:ffff::2", 40).await, 20);
    assert_eq!(challenges(&world, "2001:db8:1:3::1", 40).await, 40);
    assert_eq!(challenges(&world, "203.0.113.7", 40).await, 40);
    assert_eq!(challenges(&world, "203.0.113.8", 40).await, 40);
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_blocked_for_a_while() {
    let open_calls = Window {
        count: 3,
        per: MINUTE,
        block: 10 * MINUTE,
    };
    let world = World::with(Policy {
        open_calls,
        ..Policy::default()
    })
    .await;
    let login = async || {
        let input = World::login_input(Uid::from_random(7), 1);
        account::login(&world.core, input).await.err()
    };
    for _ in 0..3 {
        let refused = login().await;
        assert!(matches!(refused, Some(AccountError::InvalidCredentials)));
    }
    assert!(matches!(login().await, Some(AccountError::Limited(600))));
    // Registrations count together with logins, and asking again does not make it longer.
    world.pass(5 * MINUTE);
    let new = world.registration("+79990000001");
    let refused = account::register(&world.core, &new).await;
    assert!(matches!(refused, Err(AccountError::Limited(300))));
    let mut elsewhere = world.registration("+79990000001");
    elsewhere.origin = origin_at("203.0.113.7".parse().unwrap());
    assert!(account::register(&world.core, &elsewhere).await.is_ok());
    world.pass(5 * MINUTE);
    assert!(!matches!(login().await, Some(AccountError::Limited(_))));
}

#[tokio::test]
async fn contact_requests_are_limited_by_person() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let ask = async |caller| {
        let input = SubscribeInput {
            target: Uid::from_random(7),
            secret: false,
            csrf_token: account::issue_csrf(&world.core, caller),
        };
        contacts::subscribe(&world.core, caller, &input).await.err()
    };
    // One was to Boris.
    for _ in 0..59 {
        assert!(matches!(ask(anna).await, Some(ContactError::UserNotFound)));
    }
    assert!(matches!(
        ask(anna).await,
        Some(ContactError::Limited(3600..=7200))
    ));
    assert!(matches!(ask(boris).await, Some(ContactError::UserNotFound)));
    world.pass(90 * MINUTE);
    assert!(matches!(ask(anna).await, Some(ContactError::UserNotFound)));
}

#[tokio::test]
async fn trying_out_user_ids_comes_to_an_end_and_says_no_more() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let clara = world.person("+79990000003").await;
    let look = async |uid| {
        account::view_profile(&world.core, anna, Some(uid))
            .await
            .err()
    };
    for n in 0..30 {
        let nobody = Uid::from_random(n + 77);
        assert!(matches!(
            look(nobody).await,
            Some(AccountError::UserNotFound)
        ));
        let keys = keys::fetch(&world.core, anna, clara.uid).await.err();
        assert!(matches!(keys, Some(KeyError::NotAContact)));
    }
    // Whether there is such a person is not told any more.
    for uid in [clara.uid, Uid::from_random(77)] {
        assert!(matches!(look(uid).await, Some(AccountError::Limited(1..))));
        let keys = keys::fetch(&world.core, anna, uid).await.err();
        assert!(matches!(keys, Some(KeyError::Limited(1..))));
    }
    // Contacts, oneself, and other people's looks are not concerned.
    for _ in 0..100 {
        assert!(look(boris.uid).await.is_none());
    }
    assert!(look(anna.uid).await.is_none());
    assert!(keys::fetch(&world.core, anna, boris.uid).await.is_ok());
    let others = account::view_profile(&world.core, clara, Some(anna.uid)).await;
    assert!(matches!(others.err(), Some(AccountError::NotAContact)));
}

#[tokio::test]
async fn an_account_has_a_budget_and_a_device_half_of_it() {
    let world = World::with(Policy {
        account_calls: 10,
        ..Policy::default()
    })
    .await;
    let phone = world.person("+79990000001").await;
    let laptop = world.login(phone.uid, 2).await;
    let tablet = world.login(phone.uid, 3).await;
    let other = world.person("+79990000002").await;
    let calls = async |caller, tries: usize| {
        let mut done = 0;
        for _ in 0..tries {
            match spend_call(&world.core, caller).await {
                Ok(()) => done += 1,
                Err(LimitError::Exceeded(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        done
    };
    assert_eq!(calls(phone, 20).await, 5, "one device");
    assert_eq!(calls(laptop, 20).await, 5, "another");
    assert_eq!(
        calls(tablet, 20).await,
        0,
        "the account has used up its own"
    );
    assert_eq!(calls(other, 20).await, 5);
}

#[tokio::test]
async fn no_limit_is_no_limit() {
    let world = World::with(Policy {
        account_calls: 0,
        ..Policy::default()
    })
    .await;
    let anna = world.person("+79990000001").await;
    for _ in 0..5000 {
        assert!(spend_call(&world.core, anna).await.is_ok());
    }
}

#[tokio::test]
async fn a_call_knows_what_it_has_left() {
    let world = World::new().await;
    let (_, before) = watch(account::issue_challenge(&world.core, HERE)).await;
    let before = before.unwrap();
    assert_eq!((before.limit, before.remaining), (60, 59));
    assert_eq!((before.reset, before.refused), (MINUTE, false));
    challenges(&world, &HERE.to_string(), 59).await;
    world.pass(MINUTE / 2);
    let (outcome, after) = watch(account::issue_challenge(&world.core, HERE)).await;
    let after = after.unwrap();
    let Err(AccountError::Limited(wait)) = outcome else {
        panic!("there were sixty")
    };
    assert_eq!((after.remaining, after.refused), (0, true));
    assert_eq!(after.reset, Duration::from_secs(wait));
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_a_call_that_never_ended_for_minutes() {
    let world = World::new().await;
    let core = &world.core;
    let anna = world.person("+79990000001").await;
    let key = melo_crypto::random::uuid();
    let begin = async |request: &[u8]| once::begin(core, anna, key, request).await;
    let Ok(Attempt::Make(lost)) = begin(b"one").await else {
        panic!("the first one");
    };
    assert!(matches!(begin(b"one").await, Err(OnceError::UnderWay)));
    assert!(matches!(begin(b"two").await, Err(OnceError::KeyReused)));
    drop(lost);
    world.pass(5 * MINUTE);
    let Ok(Attempt::Make(call)) = begin(b"one").await else {
        panic!("nobody waits for ever");
    };
    call.finish(core, b"answer").await.unwrap();
    world.pass(KEPT_FOR.saturating_sub(Duration::from_millis(1)));
    let Ok(Attempt::Repeat(answer)) = begin(b"one").await else {
        panic!("still there");
    };
    assert_eq!(answer, b"answer");
    assert!(matches!(begin(b"two").await, Err(OnceError::KeyReused)));
    world.pass(Duration::from_millis(1));
    assert!(matches!(begin(b"two").await, Ok(Attempt::Make(_))));
}

#[tokio::test]
async fn keys_are_limited_and_sending_again_is_not() {
    let world = World::new().await;
    let core = &world.core;
    let anna = world.person("+79990000001").await;
    let mut last = melo_crypto::random::uuid();
    for _ in 0..600 {
        last = melo_crypto::random::uuid();
        let Ok(Attempt::Make(call)) = once::begin(core, anna, last, b"").await else {
            panic!("a new call");
        };
        call.finish(core, b"").await.unwrap();
    }
    let more = melo_crypto::random::uuid();
    for _ in 0..2 {
        let refused = once::begin(core, anna, more, b"").await;
        assert!(matches!(refused, Err(OnceError::Limited(1..))));
        let again = once::begin(core, anna, last, b"").await;
        assert!(matches!(again, Ok(Attempt::Repeat(_))));
    }
}
