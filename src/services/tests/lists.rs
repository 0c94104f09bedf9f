//! Lists cost the database the same whatever they hold.

#![allow(clippy::unwrap_used)] // a failed helper fails the test

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{World, origin};
use melo_domain::{BanKind, Banned, Role};
use melo_services::Caller;
use melo_services::bans::{self, NewBan};
use melo_services::invites::{self, NewInvite};
use melo_services::{contacts, people};

/// Entries that are added to each list between two looks.
const MORE: usize = 12;
/// Entries of a page: all there are.
const PAGE: u32 = 100;

/// Statements of each list, and how many entries it had.
async fn costs_of(world: &World, olga: Caller) -> Vec<(&'static str, u64, usize)> {
    let core = &world.core;
    let mut costs = Vec::new();
    let mut note = |list, entries| {
        let statements = world.statements.swap(0, Ordering::Relaxed);
        costs.push((list, statements, entries));
    };
    world.statements.store(0, Ordering::Relaxed);
    let blocks = people::list_blocks(core, olga, 1, PAGE).await.unwrap();
    note("blocks", blocks.blocks.len());
    let known = contacts::list(core, olga, 1, PAGE).await.unwrap();
    note("contacts", known.contacts.len());
    let invites = invites::list(core, olga, None, PAGE.into()).await.unwrap();
    note("invites", invites.len());
    let bans = bans::list(core, olga, 1, PAGE).await.unwrap();
    note("bans", bans.bans.len());
    costs
}

/// One more entry in each list.
async fn add(world: &World, olga: Caller, n: usize) {
    let (core, origin) = (&world.core, &origin());
    let friend = world.person(&format!("+799911100{n:02}")).await;
    world.befriend(olga, friend).await;
    let stranger = world.person(&format!("+799922200{n:02}")).await;
    people::block(core, olga, origin, stranger.uid)
        .await
        .unwrap();
    let invite = NewInvite {
        uses: 1,
        life: Duration::from_secs(3600),
        note: Some("for the choir".to_owned()),
    };
    invites::create(core, olga, origin, invite).await.unwrap();
    let ban = NewBan {
        banned: Banned::parse(BanKind::Address, &format!("203.0.113.{n}")).unwrap(),
        reason: "spam".to_owned(),
        expires: None,
    };
    bans::add(core, olga, origin, &ban).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_contacts_invites_and_bans_cost_the_same_with_many_as_with_one() {
    let world = World::new().await;
    let olga = world.person("+79990000001").await;
    world.promote(olga.uid, Role::Admin).await;
    add(&world, olga, 0).await;
    let few = costs_of(&world, olga).await;
    for n in 1..=MORE {
        add(&world, olga, n).await;
    }
    let many = costs_of(&world, olga).await;
    for (few, many) in few.iter().zip(&many) {
        assert_eq!((few.2, many.2), (1, 1 + MORE), "{}: entries", few.0);
        assert_eq!(few.1, many.1, "{}: statements", few.0);
        // The count, the rows and what belongs to them; for admins their standing before.
        assert!((1..=4).contains(&few.1), "{few:?}");
    }
}
