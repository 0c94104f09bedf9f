//! Who is kept out, and until when.

#![allow(clippy::unwrap_used, clippy::panic)] // a failed helper fails the test

mod common;

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{HERE, World, device_id, origin, origin_at};
use melo_domain::{BanKind, Banned, Role, Secret};
use melo_realtime::BusMessage;
use melo_services::account::{self, AccountError, Identifier, LoginInput, Registration};
use melo_services::admin::AdminError;
use melo_services::bans::{self, BanError, NewBan};
use melo_services::{Caller, Policy, Window, sessions};
use melo_storage::bans as rows;
use tokio::task::JoinSet;

const MINUTE: Duration = Duration::from_secs(60);

async fn admin(world: &World) -> Caller {
    let admin = world.person("+79990000099").await;
    world.promote(admin.uid, Role::Admin).await;
    admin
}

fn of(kind: BanKind, value: &str) -> Banned {
    Banned::parse(kind, value).unwrap()
}

async fn ban(world: &World, admin: Caller, banned: Banned, life: Option<Duration>) -> i64 {
    let new = NewBan {
        banned,
        reason: "spam".to_owned(),
        expires: life.map(|life| world.core.now().plus(life)),
    };
    let ban = bans::add(&world.core, admin, &origin(), &new).await;
    ban.unwrap().id
}

fn there(address: &str) -> IpAddr {
    address.parse().unwrap()
}

async fn registers(world: &World, change: impl FnOnce(&mut Registration)) -> bool {
    let mut new = world.registration("+79990000001");
    new.device_id = device_id(7);
    change(&mut new);
    match account::register(&world.core, &new).await {
        Ok(_) | Err(AccountError::PhoneTaken) => true,
        Err(AccountError::KeptOut) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn enters(world: &World, input: LoginInput) -> bool {
    match account::login(&world.core, input).await {
        Ok(_) => true,
        Err(AccountError::KeptOut) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn addresses_devices_and_phones_are_kept_out_until_the_ban_ends() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let anna = world.person("+79990000002").await.uid;
    assert!(registers(&world, |_| {}).await);

    ban(
        &world,
        admin,
        of(BanKind::Address, "203.0.113.7"),
        Some(MINUTE),
    )
    .await;
    ban(
        &world,
        admin,
        of(BanKind::Device, "00000000000000FF"),
        Some(2 * MINUTE),
    )
    .await;
    let phone = of(BanKind::Phone, "89990000002");
    ban(&world, admin, phone, None).await;

    let from = origin_at(there("203.0.113.7"));
    assert!(!registers(&world, |new| new.origin = from.clone()).await);
    assert!(!registers(&world, |new| new.device_id = device_id(255)).await);
    assert!(!registers(&world, |new| new.phone = "+79990000002".parse().unwrap()).await);
    assert!(registers(&world, |_| {}).await, "anybody else");

    let clara = world.person("+79990000003").await.uid;
    let mut input = World::login_input(clara, 1);
    input.origin = from.clone();
    assert!(!enters(&world, input).await);
    assert!(!enters(&world, World::login_input(clara, 255)).await);
    assert!(enters(&world, World::login_input(clara, 1)).await);
    assert!(
        !enters(&world, World::login_input(anna, 1)).await,
        "by the phone of the account"
    );

    world.pass(MINUTE);
    assert!(registers(&world, |new| new.origin = from).await, "over");
    assert!(!registers(&world, |new| new.device_id = device_id(255)).await);
    world.pass(MINUTE);
    assert!(registers(&world, |new| new.device_id = device_id(255)).await);
    assert!(
        !enters(&world, World::login_input(anna, 1)).await,
        "for good"
    );
}

#[tokio::test]
async fn a_ban_of_an_ipv6_address_is_of_its_network() {
    let world = World::new().await;
    let admin = admin(&world).await;
    ban(&world, admin, of(BanKind::Address, "2001:db8:1:2::1"), None).await;
    let at = async |address| registers(&world, |new| new.origin = origin_at(there(address))).await;
    assert!(!at("2001:db8:1:2:ffff::9").await);
    assert!(at("2001:db8:1:3::1").await);
}

#[tokio::test]
async fn a_range_is_banned_until_its_end_whatever_else_is() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let at = async |address| registers(&world, |new| new.origin = origin_at(there(address))).await;
    let life = Some(MINUTE);
    ban(&world, admin, of(BanKind::Address, "203.0.113.0/24"), life).await;
    let wider = ban(&world, admin, of(BanKind::Address, "203.0.0.0/16"), None).await;
    ban(&world, admin, of(BanKind::Address, "203.0.113.7"), life).await;
    assert!(!at("203.0.113.7").await);
    assert!(!at("203.0.200.7").await);
    assert!(at("203.1.113.7").await);
    world.pass(MINUTE);
    assert!(!at("203.0.113.7").await, "still within the wider one");
    bans::lift(&world.core, admin, &origin(), wider)
        .await
        .unwrap();
    assert!(at("203.0.113.7").await);
    let all = bans::list(&world.core, admin, 1, 100).await.unwrap();
    let values: Vec<&str> = all.bans.iter().map(|ban| ban.value.as_str()).collect();
    assert!(values.contains(&"203.0.113.0/24"), "{values:?}");
}

#[tokio::test]
async fn a_login_asks_the_database_no_more_for_many_ranges_than_for_none() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let anna = world.person("+79990000002").await.uid;
    let login = async || {
        // The first one after a change reads the bans.
        assert!(enters(&world, World::login_input(anna, 1)).await);
        world.statements.store(0, Ordering::Relaxed);
        assert!(enters(&world, World::login_input(anna, 1)).await);
        world.statements.load(Ordering::Relaxed)
    };
    let without = login().await;
    for n in 0..50 {
        let range = format!("10.{n}.0.0/{}", 16 + n % 8);
        ban(&world, admin, of(BanKind::Address, &range), None).await;
    }
    assert_eq!(login().await, without);
}

#[tokio::test]
async fn what_another_node_has_banned_is_known_once_the_bus_tells() {
    let world = World::new().await;
    let keys = &world.store.keys;
    let at = async || {
        let there = origin_at(there("203.0.113.7"));
        registers(&world, |new| new.origin = there).await
    };
    assert!(at().await);
    let banned = of(BanKind::Address, "203.0.113.0/24");
    let row = rows::NewBan {
        banned: &banned,
        reason: "",
        created_by: None,
        created: world.core.now(),
        expires: None,
    };
    let id = rows::insert(world.store.db.write(), keys, &row)
        .await
        .unwrap();
    assert!(at().await, "remembered as it was");
    world.bus.publish(BusMessage::BansChanged);
    assert!(!at().await);
    rows::remove(world.store.db.write(), id).await.unwrap();
    world.bus.publish(BusMessage::BansChanged);
    assert!(at().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_slips_through_a_ban() {
    let policy = Policy::default();
    let often = |window: Window| Window {
        count: 10_000,
        ..window
    };
    let world = World::with(Policy {
        open_calls: often(policy.open_calls),
        failed_logins: often(policy.failed_logins),
        ..policy
    })
    .await;
    let admin = admin(&world).await;
    let anna = world.person("+79990000002").await.uid;
    for round in 0..10_u8 {
        let (banned, on) = if round % 2 == 0 {
            (of(BanKind::Phone, "+79990000002"), 10 + round)
        } else {
            let device = format!("{:016x}", 10 + round);
            (of(BanKind::Device, &device), 10 + round)
        };
        let mut logins = JoinSet::new();
        for _ in 0..8 {
            let core = world.core.clone();
            let input = World::login_input(anna, on);
            logins.spawn(async move { account::login(&core, input).await });
        }
        let id = ban(&world, admin, banned, None).await;
        for login in logins.join_all().await {
            match login {
                // Begun before the ban, and ended by it.
                Ok(begun) => {
                    let token = begun.access_token;
                    let caller = account::authenticate(&world.core, token.expose()).await;
                    assert!(caller.is_err(), "round {round}");
                }
                Err(AccountError::KeptOut) => {}
                Err(error) => panic!("{error}"),
            }
        }
        bans::lift(&world.core, admin, &origin(), id).await.unwrap();
    }
}

#[tokio::test]
async fn who_has_left_a_device_does_not_keep_it_from_being_banned() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let owner = world.person("+79990000003").await;
    world.promote(owner.uid, Role::Owner).await;
    let shared = of(BanKind::Device, "00000000000000aa");
    let new = || NewBan {
        banned: shared.clone(),
        reason: String::new(),
        expires: None,
    };
    let there = world.login(owner.uid, 0xaa).await;
    let add = async || bans::add(&world.core, admin, &origin(), &new()).await;
    let above = BanError::Admin(AdminError::TargetRank).to_string();
    assert_eq!(add().await.err().map(|e| e.to_string()), Some(above));
    assert!(
        account::still_signed_in(&world.core, there).await.unwrap(),
        "and nothing was done"
    );
    sessions::log_out(&world.core, there, &origin())
        .await
        .unwrap();
    add().await.unwrap();
}

#[tokio::test]
async fn whose_phone_is_banned_is_told_only_to_who_knows_the_password() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let anna = world.person("+79990000002").await.uid;
    ban(&world, admin, of(BanKind::Phone, "+79990000002"), None).await;
    let mut wrong = World::login_input(anna, 1);
    wrong.password = Some(Secret::new("wrong password".to_owned()));
    let refused = account::login(&world.core, wrong).await.err();
    assert!(matches!(refused, Some(AccountError::InvalidCredentials)));
    // Who names the number knows it already.
    let mut named = World::login_input(anna, 1);
    named.identifier = Identifier::Phone("+79990000002".parse().unwrap());
    assert!(!enters(&world, named).await);
}

#[tokio::test]
async fn a_lifted_ban_keeps_nobody_out_and_a_second_one_replaces_the_first() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let phone = || of(BanKind::Phone, "+79990000001");
    let first = ban(&world, admin, phone(), Some(MINUTE)).await;
    let second = ban(&world, admin, phone(), None).await;
    assert_ne!(first, second);
    let all = bans::list(&world.core, admin, 1, 100).await.unwrap();
    assert_eq!((all.total, all.bans.len()), (1, 1));
    let shown = &all.bans[0];
    assert_eq!((shown.id, shown.kind), (second, BanKind::Phone));
    assert_eq!(
        (shown.value.as_str(), shown.reason.as_str()),
        ("+79990000001", "spam")
    );
    assert_eq!((shown.created_by, shown.expires), (Some(admin.uid), None));
    world.pass(2 * MINUTE);
    assert!(!registers(&world, |_| {}).await);

    let gone = bans::lift(&world.core, admin, &origin(), first).await;
    assert!(matches!(gone, Err(BanError::NotFound)));
    bans::lift(&world.core, admin, &origin(), second)
        .await
        .unwrap();
    assert!(registers(&world, |_| {}).await, "at once");
    let again = bans::lift(&world.core, admin, &origin(), second).await;
    assert!(matches!(again, Err(BanError::NotFound)));

    let banned = world.audited("admin.ban").await;
    assert_eq!(banned.len(), 2);
    assert_eq!(banned[0].object, format!("ban:{second:016x}"));
    assert_eq!(banned[0].actor, Some(admin.uid));
    assert!(
        banned[0].details.contains(r#""replaced":true"#),
        "{}",
        banned[0].details
    );
    assert!(
        !banned[0].details.contains("+7999"),
        "{}",
        banned[0].details
    );
    assert_eq!(world.audited("admin.unban").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_who_ban_the_same_at_once_leave_one_ban() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let core = world.core.clone();
        tasks.spawn(async move {
            let new = NewBan {
                banned: Banned::address(there("203.0.113.7")),
                reason: String::new(),
                expires: None,
            };
            bans::add(&core, admin, &origin(), &new).await
        });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(
        bans::list(&world.core, admin, 1, 100).await.unwrap().total,
        1
    );
}

#[tokio::test]
async fn only_admins_ban() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    for role in [Role::User, Role::Moderator] {
        world.promote(anna.uid, role).await;
        let new = NewBan {
            banned: Banned::address(HERE),
            reason: String::new(),
            expires: None,
        };
        let refused = [
            bans::add(&world.core, anna, &origin(), &new).await.err(),
            bans::lift(&world.core, anna, &origin(), 1).await.err(),
            bans::list(&world.core, anna, 1, 10).await.err(),
        ];
        for error in refused {
            let role = BanError::Admin(AdminError::RoleRequired(Role::Admin));
            assert_eq!(error.map(|e| e.to_string()), Some(role.to_string()));
        }
    }
    assert!(world.audited("admin.ban").await.is_empty());
}
