//! Accounts under limits and races.

mod common;

use common::World;
use melo_domain::Secret;
use melo_services::account::{self, AccountError, AuthError};
use melo_services::{Caller, Grant, Policy, Window};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_registrations_of_one_phone_exactly_one_wins() {
    let world = World::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let core = world.core.clone();
        let new = world.registration("+79990000077");
        tasks.spawn(async move { account::register(&core, &new).await });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    assert!(
        outcomes
            .iter()
            .all(|o| matches!(o, Ok(_) | Err(AccountError::PhoneTaken)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_refused_for_a_while_and_then_not() {
    let minute = Duration::from_secs(60);
    let window = Window {
        count: 3,
        per: minute,
        block: minute,
    };
    let open_calls = Window {
        count: 1000,
        ..window
    };
    let world = World::with(Policy {
        failed_logins: window,
        open_calls,
        ..Policy::default()
    })
    .await;
    let uid = world.person("+79990000001").await.uid;
    let wrong = || {
        let mut input = World::login_input(uid, 1);
        input.password = Some(Secret::new("wrong password".to_owned()));
        input
    };
    for _ in 0..3 {
        let refused = account::login(&world.core, wrong()).await.err();
        assert!(matches!(refused, Some(AccountError::InvalidCredentials)));
    }
    let even_right = account::login(&world.core, World::login_input(uid, 1))
        .await
        .err();
    assert!(matches!(even_right, Some(AccountError::Limited(1..=60))));
    world.pass(minute);
    assert!(
        account::login(&world.core, World::login_input(uid, 1))
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_token_opens_its_own_device_until_it_expires() {
    let world = World::new().await;
    let uid = world.person("+79990000001").await.uid;
    let token = account::login(&world.core, World::login_input(uid, 1))
        .await
        .unwrap()
        .device_token;
    let with_token = |device: u8| {
        let mut input = World::login_input(uid, device);
        input.password = None;
        input.device_token = Some(token.clone());
        input
    };
    assert!(account::login(&world.core, with_token(1)).await.is_ok());
    assert!(
        account::login(&world.core, with_token(2)).await.is_err(),
        "of another device"
    );
    world.pass(Policy::default().device_token_life);
    assert!(
        account::login(&world.core, with_token(1)).await.is_err(),
        "expired"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_and_tickets_end() {
    let world = World::new().await;
    let caller = world.person("+79990000001").await;
    let begun = account::login(&world.core, World::login_input(caller.uid, 1))
        .await
        .unwrap();
    let ticket = account::issue_ticket(&world.core, caller).await.unwrap();
    assert!(
        account::authenticate_ticket(&world.core, ticket.expose())
            .await
            .is_ok()
    );
    let again = account::authenticate_ticket(&world.core, ticket.expose()).await;
    assert!(matches!(again, Err(AuthError::InvalidToken)));
    let late = account::issue_ticket(&world.core, caller).await.unwrap();
    world.pass(account::TICKET_LIFE);
    assert!(
        account::authenticate_ticket(&world.core, late.expose())
            .await
            .is_err()
    );
    world.pass(Policy::default().access_token_life);
    let expired = account::authenticate(&world.core, begun.access_token.expose()).await;
    assert!(matches!(expired, Err(AuthError::Expired)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_worth_what_its_maker_is() {
    let world = World::new().await;
    let login = world.person("+79990000001").await;
    let token = Caller {
        grant: Grant::Token("chat:write users:read".parse().unwrap()),
        ..login
    };
    for maker in [login, token] {
        let ticket = account::issue_ticket(&world.core, maker).await.unwrap();
        let caller = account::authenticate_ticket(&world.core, ticket.expose()).await;
        assert_eq!(caller.unwrap(), maker);
    }
}
