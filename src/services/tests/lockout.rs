//! Wrong passwords, from one address and from many.

#![allow(clippy::unwrap_used, clippy::panic)] // a failed helper fails the test

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::{World, origin, origin_at};
use melo_domain::{Secret, Uid};
use melo_services::account::{self, AccountError, Identifier, LoginInput};
use melo_services::{Policy, Window};

const MINUTE: Duration = Duration::from_secs(60);

async fn world() -> World {
    let window = Window {
        count: 3,
        per: MINUTE,
        block: MINUTE,
    };
    let open_calls = Window {
        count: 100_000,
        ..window
    };
    World::with(Policy {
        failed_logins: window,
        open_calls,
        ..Policy::default()
    })
    .await
}

fn address(n: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, n])
}

fn wrong(identifier: Identifier, from: IpAddr) -> LoginInput {
    LoginInput {
        identifier,
        password: Some(Secret::new("wrong password".to_owned())),
        origin: origin_at(from),
        ..World::login_input(Uid::from_random(1), 1)
    }
}

fn right(uid: Uid, from: IpAddr) -> LoginInput {
    LoginInput {
        origin: origin_at(from),
        ..World::login_input(uid, 1)
    }
}

/// What a login ends in: `in`, `wrong`, or the seconds to wait.
async fn outcome(world: &World, input: LoginInput) -> String {
    match account::login(&world.core, input).await {
        Ok(_) => "in".to_owned(),
        Err(AccountError::InvalidCredentials) => "wrong".to_owned(),
        Err(AccountError::Limited(seconds)) => seconds.to_string(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delays_double_and_a_right_password_ends_them() {
    let world = world().await;
    let uid = world.person("+79990000001").await.uid;
    let here = address(1);
    let fail = async || outcome(&world, wrong(Identifier::Uid(uid), here)).await;
    for _ in 0..3 {
        assert_eq!(fail().await, "wrong");
    }
    let mut delay = MINUTE;
    for _ in 0..5 {
        assert_eq!(fail().await, delay.as_secs().to_string());
        assert_eq!(
            outcome(&world, right(uid, here)).await,
            delay.as_secs().to_string(),
            "a right one waits as well"
        );
        world.pass(delay);
        assert_eq!(fail().await, "wrong", "one more try, and twice the delay");
        delay *= 2;
    }
    world.pass(delay);
    assert_eq!(outcome(&world, right(uid, here)).await, "in");
    for _ in 0..3 {
        assert_eq!(fail().await, "wrong");
    }
    assert_eq!(fail().await, "60", "as at the beginning");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_elsewhere_locks_nobody_out() {
    let world = world().await;
    let uid = world.person("+79990000001").await.uid;
    for _ in 0..6 {
        outcome(&world, wrong(Identifier::Uid(uid), address(1))).await;
    }
    assert_eq!(outcome(&world, right(uid, address(1))).await, "60");
    assert_eq!(outcome(&world, right(uid, address(2))).await, "in");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_close_an_account_but_not_to_its_own_devices() {
    let world = world().await;
    let uid = world.person("+79990000001").await.uid;
    let boris = world.person("+79990000002").await.uid;
    let known = account::login(&world.core, World::login_input(uid, 1)).await;
    let token = known.unwrap().device_token;
    for n in 1..=15 {
        for _ in 0..2 {
            assert_eq!(
                outcome(&world, wrong(Identifier::Uid(uid), address(n))).await,
                "wrong"
            );
        }
    }
    assert_eq!(outcome(&world, right(uid, address(99))).await, "60");
    assert_eq!(outcome(&world, right(boris, address(99))).await, "in");
    let mut by_token = World::login_input(uid, 1);
    by_token.password = None;
    by_token.device_token = Some(token);
    by_token.origin = origin_at(address(1));
    assert_eq!(outcome(&world, by_token).await, "in");
    assert_eq!(
        outcome(&world, right(uid, address(99))).await,
        "60",
        "closed all the same"
    );
    // Being refused for others' doing is not held against anybody's address.
    for _ in 0..10 {
        outcome(&world, right(uid, address(99))).await;
    }
    world.pass(MINUTE);
    assert_eq!(outcome(&world, right(uid, address(99))).await, "in");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_password_tried_on_many_people_closes_the_address() {
    let world = world().await;
    let boris = world.person("+79990000002").await.uid;
    for n in 0..30 {
        let somebody = Identifier::Unrecognised(format!("person {n}"));
        assert_eq!(outcome(&world, wrong(somebody, address(1))).await, "wrong");
        // A right password of one's own pays for nothing.
        if n < 29 {
            assert_eq!(outcome(&world, right(boris, address(1))).await, "in");
        }
    }
    assert_eq!(outcome(&world, right(boris, address(1))).await, "60");
    assert_eq!(outcome(&world, right(boris, address(2))).await, "in");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_treated_like_somebody() {
    let world = world().await;
    let uid = world.person("+79990000001").await.uid;
    let mut histories = Vec::new();
    for (n, identifier) in [
        || Identifier::Unrecognised("nobody@example.org".to_owned()),
        || Identifier::Phone("+79990000009".parse().unwrap()),
        || Identifier::Phone("+79990000001".parse().unwrap()),
    ]
    .into_iter()
    .enumerate()
    {
        let from = address(u8::try_from(n).unwrap());
        let mut history = Vec::new();
        for _ in 0..12 {
            history.push(outcome(&world, wrong(identifier(), from)).await);
            world.pass(MINUTE / 2);
        }
        histories.push(history);
    }
    assert_eq!(histories[0], histories[1]);
    assert_eq!(histories[0], histories[2]);
    assert!(histories[0].contains(&"30".to_owned()), "{histories:?}");
    // The lock of a phone does not show whose it is.
    assert_eq!(
        outcome(&world, wrong(Identifier::Uid(uid), address(2))).await,
        "wrong"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_guesses_at_once_are_not_a_hundred_guesses() {
    let world = world().await;
    let uid = world.person("+79990000001").await.uid;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let core = world.core.clone();
        let input = wrong(Identifier::Uid(uid), address(1));
        tasks.spawn(async move { account::login(&core, input).await.err() });
    }
    let outcomes = tasks.join_all().await;
    let tried =
        |error: &Option<AccountError>| matches!(error, Some(AccountError::InvalidCredentials));
    assert_eq!(outcomes.iter().filter(|e| tried(e)).count(), 3);
    let limited = |error: &Option<AccountError>| matches!(error, Some(AccountError::Limited(_)));
    assert_eq!(outcomes.iter().filter(|e| limited(e)).count(), 97);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_audited_without_the_identifier_and_not_without_end() {
    let world = world().await;
    let uid = world.person("+79990000001").await.uid;
    for _ in 0..5 {
        outcome(&world, wrong(Identifier::Uid(uid), address(1))).await;
    }
    let noted = world.audited("login.refused").await;
    assert_eq!(noted.len(), 3, "not what came behind the closed door");
    assert_eq!(noted[0].details, r#"{"closed_seconds":60}"#);
    assert_eq!(noted[1].details, r#"{"closed_seconds":null}"#);
    assert!(
        noted
            .iter()
            .all(|e| e.object == format!("user:{uid}") && e.actor.is_none())
    );
    assert_eq!(noted[0].ip_address, address(1).to_string());

    let marker = "my password by mistake";
    for n in 0..60 {
        let nobody = Identifier::Unrecognised(format!("{marker} {n}"));
        outcome(&world, wrong(nobody, address(2))).await;
    }
    let noted = world.audited("login.refused").await;
    let of_nobody = noted.iter().filter(|e| e.object == "server");
    assert_eq!(of_nobody.count(), 20, "so many an hour from one address");
    assert!(noted.iter().all(|e| !e.details.contains(marker)));
    assert_eq!(origin().request_id, noted[0].request_id);
}
