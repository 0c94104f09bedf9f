//! Sessions, devices, tokens and second factors under clocks and races.

#![allow(clippy::unwrap_used)] // a failed helper fails the test

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{PASSWORD, World, device_id, origin};
use melo_domain::{Secret, Uid};
use melo_protocol::CloseCode;
use melo_realtime::{Member, Outbox};
use melo_services::access::{AccessError, Credentials};
use melo_services::account::{self, AccountError, AuthError, LoginInput};
use melo_services::tokens::{self, NewToken};
use melo_services::{Caller, Policy, Window, devices, second_factor, sessions};
use std::sync::Arc;
use tokio::task::JoinSet;
use totp_rs::Totp;

fn password() -> Credentials {
    Credentials {
        password: Secret::new(PASSWORD.to_owned()),
        code: None,
    }
}

fn with_code(code: &str) -> Credentials {
    Credentials {
        code: Some(Secret::new(code.to_owned())),
        ..password()
    }
}

/// The authenticator app.
struct App(Totp);

impl App {
    /// Sets a second factor up for that person, and returns the recovery codes beside the app.
    async fn set_up(world: &World, caller: Caller) -> (Self, Vec<String>) {
        let begun = second_factor::enrol(&world.core, caller, &origin(), password())
            .await
            .unwrap();
        let base32 = begun.secret.expose().to_owned();
        let app = Self::typed(&base32);
        let code = app.code(world);
        let codes = second_factor::confirm(&world.core, caller, &origin(), &code)
            .await
            .unwrap();
        let codes = codes.iter().map(|c| c.expose().to_owned()).collect();
        (app, codes)
    }

    /// As people do without a camera.
    fn typed(base32: &str) -> Self {
        let secret = totp_rs::Secret::try_from_base32(base32).unwrap();
        Self(totp_rs::Builder::new().with_secret(secret).build().unwrap())
    }

    /// What it shows now.
    fn code(&self, world: &World) -> Secret {
        let seconds = world.core.now().seconds().unsigned_abs();
        Secret::new(self.0.generate(seconds).to_string())
    }
}

fn login_with(uid: Uid, code: Option<&str>) -> LoginInput {
    LoginInput {
        code: code.map(|code| Secret::new(code.to_owned())),
        ..World::login_input(uid, 1)
    }
}

/// A server that is patient with wrong codes.
async fn patient() -> World {
    let policy = Policy::default();
    let often = |window: Window| Window {
        count: 10_000,
        ..window
    };
    World::with(Policy {
        open_calls: often(policy.open_calls),
        failed_logins: often(policy.failed_logins),
        ..policy
    })
    .await
}

const STEP: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_and_each_code_is_good_once() {
    let world = patient().await;
    let anna = world.person("+79990000001").await;
    let (app, _) = App::set_up(&world, anna).await;
    let login = |code: Option<String>| {
        let core = world.core.clone();
        async move { account::login(&core, login_with(anna.uid, code.as_deref())).await }
    };
    let refused = login(None).await.err();
    assert!(matches!(refused, Some(AccountError::SecondFactorRequired)));
    // The code that confirmed it is spent.
    let spent = app.code(&world).expose().to_owned();
    let refused = login(Some(spent)).await.err();
    assert!(matches!(refused, Some(AccountError::SecondFactorInvalid)));
    world.pass(STEP);
    let code = app.code(&world).expose().to_owned();
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        tasks.spawn(login(Some(code.clone())));
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);

    world.pass(STEP);
    // Existing clients have no field for it.
    let behind = format!("{PASSWORD} {}", app.code(&world).expose());
    let mut input = World::login_input(anna.uid, 1);
    input.password = Some(Secret::new(behind));
    assert!(account::login(&world.core, input).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_behind_a_password_are_no_part_of_it_without_a_second_factor() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let mut input = World::login_input(anna.uid, 1);
    input.password = Some(Secret::new(format!("{PASSWORD}123456")));
    let refused = account::login(&world.core, input).await.err();
    assert!(matches!(refused, Some(AccountError::InvalidCredentials)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_of_a_recovery_code_exactly_one_wins() {
    let world = patient().await;
    let anna = world.person("+79990000001").await;
    let (_, codes) = App::set_up(&world, anna).await;
    assert_eq!(codes.len(), 10);
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let (core, code) = (world.core.clone(), codes[3].to_uppercase());
        tasks.spawn(async move { account::login(&core, login_with(anna.uid, Some(&code))).await });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    let view = second_factor::view(&world.core, anna).await.unwrap();
    assert_eq!((view.enabled, view.recovery_codes_left), (true, 9));
    let renewed = second_factor::renew_codes(&world.core, anna, &origin(), with_code(&codes[4]))
        .await
        .unwrap();
    assert_eq!(renewed.len(), 10);
    let old = account::login(&world.core, login_with(anna.uid, Some(&codes[5]))).await;
    assert!(matches!(old.err(), Some(AccountError::SecondFactorInvalid)));
    let new = renewed[0].expose();
    assert!(
        account::login(&world.core, login_with(anna.uid, Some(new)))
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_the_second_factor_away_needs_all_of_it() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let (app, _) = App::set_up(&world, anna).await;
    let disable = |shown| {
        let core = world.core.clone();
        async move { second_factor::disable(&core, anna, &origin(), shown).await }
    };
    let refused = disable(password()).await.err();
    assert!(matches!(refused, Some(AccessError::SecondFactorRequired)));
    let refused = disable(with_code("000000")).await.err();
    assert!(matches!(refused, Some(AccessError::SecondFactorInvalid)));
    let again = second_factor::enrol(&world.core, anna, &origin(), password()).await;
    assert!(matches!(
        again.err(),
        Some(AccessError::SecondFactorRequired)
    ));
    world.pass(STEP);
    let code = app.code(&world);
    disable(with_code(code.expose())).await.unwrap();
    assert!(
        account::login(&world.core, login_with(anna.uid, None))
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_refreshes_with_one_token_exactly_one_wins_and_nobody_is_signed_out() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let (_, token) = devices::register(&world.core, anna, &origin(), &device_id(1))
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let (core, token) = (world.core.clone(), token.clone());
        tasks.spawn(async move {
            devices::refresh(&core, anna, &origin(), &device_id(1), &token).await
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    let lost = |o: &Result<_, AccessError>| {
        matches!(
            o,
            Ok(_) | Err(AccessError::InvalidDeviceToken | AccessError::Limited(_))
        )
    };
    assert!(outcomes.iter().all(lost));
    assert!(account::still_signed_in(&world.core, anna).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_token_that_comes_back_later_signs_the_device_out() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = world.login(anna.uid, 2).await;
    let (_, old) = devices::register(&world.core, anna, &origin(), &device_id(1))
        .await
        .unwrap();
    let refresh = |token: Secret| {
        let core = world.core.clone();
        async move { devices::refresh(&core, anna, &origin(), &device_id(1), &token).await }
    };
    let next = refresh(old.clone()).await.unwrap();
    world.pass(Duration::from_secs(60));
    assert!(matches!(
        refresh(old).await.err(),
        Some(AccessError::TokenReused)
    ));
    assert!(!account::still_signed_in(&world.core, anna).await.unwrap());
    assert!(account::still_signed_in(&world.core, other).await.unwrap());
    let mut input = World::login_input(anna.uid, 1);
    (input.password, input.device_token) = (None, Some(next));
    let refused = account::login(&world.core, input).await.err();
    assert!(matches!(refused, Some(AccountError::InvalidCredentials)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_is_closed_and_refused_at_once() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let begun = account::login(&world.core, World::login_input(anna.uid, 2))
        .await
        .unwrap();
    let token = begun.access_token.expose();
    let phone = account::authenticate(&world.core, token).await.unwrap();
    let outbox = Arc::new(Outbox::default());
    let member = Member {
        uid: phone.uid,
        device: phone.device,
        session: phone.session,
    };
    let _kept = world
        .core
        .hub()
        .register(member, common::HERE, Arc::clone(&outbox))
        .unwrap();
    let foreign = world.person("+79990000002").await;
    let refused = sessions::revoke(&world.core, foreign, &origin(), phone.session).await;
    assert!(matches!(refused, Err(AccessError::NotFound(_))));
    sessions::revoke(&world.core, anna, &origin(), phone.session)
        .await
        .unwrap();
    let close = outbox.drain(&mut Vec::new()).unwrap();
    assert_eq!(close.code, CloseCode::SessionRevoked);
    let refused = account::authenticate(&world.core, token).await;
    assert!(matches!(refused, Err(AuthError::SessionRevoked)));
    // Nor does the device's token open the door again.
    let mut input = World::login_input(anna.uid, 2);
    (input.password, input.device_token) = (None, Some(begun.device_token));
    assert!(account::login(&world.core, input).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_tokens_end_with_their_time_and_with_their_session() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let make = || NewToken {
        name: "bot".to_owned(),
        scopes: "chat:read".parse().unwrap(),
        life: Duration::from_secs(3600),
    };
    let made = tokens::create(&world.core, anna, &origin(), make())
        .await
        .unwrap();
    let caller = account::authenticate(&world.core, made.token.expose())
        .await
        .unwrap();
    assert_eq!(caller.uid, anna.uid);
    assert!(!caller.grant.allows("chat:write".parse().unwrap()));
    let begets = tokens::create(&world.core, caller, &origin(), make()).await;
    assert!(matches!(begets.err(), Some(AccessError::LoginRequired)));
    // Signing out elsewhere is not meant for bots.
    sessions::revoke_others(&world.core, anna, &origin())
        .await
        .unwrap();
    assert!(
        account::authenticate(&world.core, made.token.expose())
            .await
            .is_ok()
    );
    world.pass(Duration::from_secs(3600));
    let late = account::authenticate(&world.core, made.token.expose()).await;
    assert!(matches!(late, Err(AuthError::Expired)));

    let made = tokens::create(&world.core, anna, &origin(), make())
        .await
        .unwrap();
    account::authenticate(&world.core, made.token.expose())
        .await
        .unwrap();
    let listed = tokens::list(&world.core, anna).await.unwrap();
    assert!(listed.iter().any(|view| view.token.session == made.id));
    tokens::revoke(&world.core, anna, &origin(), made.id)
        .await
        .unwrap();
    let ended = account::authenticate(&world.core, made.token.expose()).await;
    assert!(matches!(ended, Err(AuthError::SessionRevoked)));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_use_the_admin_api_makes_tokens_for_it_and_only_lately_shown() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let make = || NewToken {
        name: "backup".to_owned(),
        scopes: "admin:read".parse().unwrap(),
        life: Duration::from_secs(3600),
    };
    let refused = tokens::create(&world.core, anna, &origin(), make())
        .await
        .err();
    assert!(matches!(refused, Some(AccessError::AdminScope)));
    world.promote(anna.uid, melo_domain::Role::Admin).await;
    world.pass(Duration::from_secs(3600));
    let refused = tokens::create(&world.core, anna, &origin(), make())
        .await
        .err();
    assert!(matches!(
        refused,
        Some(AccessError::ReauthenticationRequired)
    ));
    let wrong = Credentials {
        password: Secret::new("something else".to_owned()),
        code: None,
    };
    let refused = sessions::reauthenticate(&world.core, anna, &origin(), wrong)
        .await
        .err();
    assert!(matches!(refused, Some(AccessError::WrongPassword)));
    sessions::reauthenticate(&world.core, anna, &origin(), password())
        .await
        .unwrap();
    assert!(
        tokens::create(&world.core, anna, &origin(), make())
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn own_lists_cost_as_many_statements_with_many_entries_as_with_few() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let mut costs = Vec::new();
    for round in 0..2_u8 {
        let before = world.statements.load(Ordering::SeqCst);
        sessions::list(&world.core, anna).await.unwrap();
        let after_sessions = world.statements.load(Ordering::SeqCst);
        devices::list(&world.core, anna).await.unwrap();
        let after_devices = world.statements.load(Ordering::SeqCst);
        tokens::list(&world.core, anna).await.unwrap();
        let after_tokens = world.statements.load(Ordering::SeqCst);
        costs.push([
            after_sessions - before,
            after_devices - after_sessions,
            after_tokens - after_devices,
        ]);
        for n in 0..10 {
            world.login(anna.uid, 20 + 20 * round + n).await;
            let new = NewToken {
                name: "bot".to_owned(),
                scopes: "chat:read".parse().unwrap(),
                life: Duration::from_secs(3600),
            };
            tokens::create(&world.core, anna, &origin(), new)
                .await
                .unwrap();
        }
    }
    assert_eq!(costs[0], costs[1]);
    assert!(
        costs[0].iter().all(|cost| (1..=4).contains(cost)),
        "{costs:?}"
    );
}
