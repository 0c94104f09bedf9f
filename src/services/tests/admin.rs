//! Administration under races, clocks and the eye of a counter.

#![allow(clippy::unwrap_used)] // a failed step fails the test

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{World, origin};
use melo_domain::{AccountState, AdminAction, Role, Scopes, Uid};
use melo_services::account::{self, AccountError};
use melo_services::admin::{self, AdminError, AuditQuery, RefusedCall, StateChange};
use melo_services::audit::{self, Verdict};
use melo_services::{Caller, Grant, Policy, Window};
use melo_storage::admin::people::PeopleFilter;

async fn with_role(world: &World, phone: &str, role: Role) -> Caller {
    let caller = world.person(phone).await;
    admin::promote(&world.core, &origin(), caller.uid, role)
        .await
        .unwrap();
    caller
}

fn token(caller: Caller, scopes: &str) -> Caller {
    let scopes: Scopes = scopes.parse().unwrap();
    Caller {
        grant: Grant::Token(scopes),
        ..caller
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shown_password_counts_for_a_quarter_of_an_hour() {
    let world = World::new().await;
    let anna = with_role(&world, "+79990000001", Role::Owner).await;
    let may = || admin::authorize(&world.core, anna, AdminAction::ReadAudit, None);
    assert!(may().await.is_ok());
    let lately = Policy::default().admin_reauthentication;
    world.pass(lately.saturating_sub(Duration::from_millis(1)));
    assert!(may().await.is_ok());
    world.pass(Duration::from_millis(1));
    assert!(matches!(
        may().await,
        Err(AdminError::ReauthenticationRequired)
    ));
    // A token was made for this, and nobody sits at its keyboard.
    let bot = token(anna, "admin:write");
    assert!(
        admin::authorize(&world.core, bot, AdminAction::ReadAudit, None)
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_needs_the_scope_and_the_person_behind_it_the_role() {
    let world = World::new().await;
    let anna = with_role(&world, "+79990000001", Role::Moderator).await;
    let boris = world.person("+79990000002").await.uid;
    let may = |scopes: &str, action| {
        let bot = token(anna, scopes);
        let core = world.core.clone();
        async move {
            admin::authorize(&core, bot, action, Some(boris))
                .await
                .err()
        }
    };
    let (view, lock, ban) = (AdminAction::ViewPeople, AdminAction::Lock, AdminAction::Ban);
    assert!(may("admin:read", view).await.is_none());
    assert!(may("admin:write", lock).await.is_none());
    for (scopes, action) in [("api:admin chat:write", view), ("admin:read", lock)] {
        let refused = may(scopes, action).await;
        assert!(
            matches!(refused, Some(AdminError::ScopeRequired(_))),
            "{scopes}"
        );
    }
    let refused = may("admin:admin", ban).await;
    assert!(matches!(
        refused,
        Some(AdminError::RoleRequired(Role::Admin))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_locked_does_not_administer_even_before_the_sessions_are_told() {
    let world = World::new().await;
    let owner = with_role(&world, "+79990000001", Role::Owner).await;
    let anna = with_role(&world, "+79990000002", Role::Admin).await;
    let lock = StateChange::Lock;
    admin::change_state(&world.core, owner, &origin(), anna.uid, lock, "gone rogue")
        .await
        .unwrap();
    let refused = admin::authorize(&world.core, anna, AdminAction::ViewPeople, None).await;
    assert!(matches!(refused, Err(AdminError::RoleRequired(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_step_down_at_once_one_stays() {
    let world = World::new().await;
    let anna = with_role(&world, "+79990000001", Role::Owner).await;
    let boris = with_role(&world, "+79990000002", Role::Owner).await;
    let origin = origin();
    let down = |who: Caller| admin::change_role(&world.core, who, &origin, who.uid, Role::User, "");
    let (one, other) = tokio::join!(down(anna), down(boris));
    let done = [&one, &other].into_iter().filter(|o| o.is_ok()).count();
    assert_eq!(done, 1);
    assert!(
        [one, other]
            .iter()
            .any(|o| matches!(o, Err(AdminError::LastOwner)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_slips_through_a_lock() {
    // Eight at once are more than the lockout would let try.
    let policy = Policy::default();
    let failed_logins = Window {
        count: 1000,
        ..policy.failed_logins
    };
    let open_calls = Window {
        count: 10_000,
        ..policy.open_calls
    };
    let world = World::with(Policy {
        failed_logins,
        open_calls,
        ..policy
    })
    .await;
    let owner = with_role(&world, "+79990000001", Role::Owner).await;
    let anna = world.person("+79990000002").await.uid;
    for round in 0..5 {
        let mut logins = tokio::task::JoinSet::new();
        for device in 1..=8 {
            let core = world.core.clone();
            logins.spawn(
                async move { account::login(&core, World::login_input(anna, device)).await },
            );
        }
        let change = |change| {
            let core = world.core.clone();
            async move { admin::change_state(&core, owner, &origin(), anna, change, "race").await }
        };
        change(StateChange::Lock).await.unwrap();
        for login in logins.join_all().await {
            match login {
                // Begun before the lock, and ended by it.
                Ok(begun) => {
                    let token = begun.access_token;
                    let caller = account::authenticate(&world.core, token.expose()).await;
                    assert!(caller.is_err(), "round {round}");
                }
                Err(AccountError::Locked) => {}
                Err(error) => panic!("{error}"),
            }
        }
        change(StateChange::Unlock).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_costs_as_many_statements_with_many_people_as_with_few() {
    let world = World::new().await;
    let owner = with_role(&world, "+79990000001", Role::Owner).await;
    let mut anna = world.person("+79990000002").await;
    let mut costs = Vec::new();
    for round in 0..2_u8 {
        costs.push(costs_of(&world, owner, anna.uid).await);
        for n in 0..12 {
            let phone = format!("+7999{round}0001{n:02}");
            world.person(&phone).await;
            anna = world.login(anna.uid, 20 + 20 * round + n).await;
        }
    }
    assert_eq!(costs[0], costs[1]);
    // The caller's standing and session, the target's standing, the rows, and the audit entry with its head.
    let most = costs[0].iter().max().unwrap();
    assert!(*most <= 14, "{costs:?}");
}

/// Statements of each call that lists or counts.
async fn costs_of(world: &World, owner: Caller, anna: Uid) -> Vec<u64> {
    let (core, origin) = (&world.core, &origin());
    let mut costs = Vec::new();
    let mut count = || {
        let so_far = world.statements.swap(0, Ordering::Relaxed);
        costs.push(so_far);
    };
    count();
    let filter = PeopleFilter::default();
    admin::list_people(core, owner, origin, filter, None, 100)
        .await
        .unwrap();
    count();
    admin::list_sessions(core, owner, origin, anna, None, 100)
        .await
        .unwrap();
    count();
    admin::list_devices(core, owner, origin, anna, None, 100)
        .await
        .unwrap();
    count();
    admin::view_person(core, owner, origin, anna).await.unwrap();
    count();
    admin::view_figures(core, owner, origin).await.unwrap();
    count();
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    admin::read_audit(core, owner, origin, &query)
        .await
        .unwrap();
    count();
    // What was counted before the first call is no matter.
    costs.split_off(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_many_at_once_is_whole_and_a_noted_head_stays_in_it() {
    let world = World::new().await;
    let owner = with_role(&world, "+79990000001", Role::Owner).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let core = world.core.clone();
        calls.spawn(async move { admin::view_figures(&core, owner, &origin()).await.map(drop) });
    }
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    let mut told = Vec::new();
    let verdict = audit::verify(&world.core, None, |id| told.push(id))
        .await
        .unwrap();
    let Verdict::Whole(head) = verdict else {
        panic!("{verdict:?}");
    };
    // The registration, the login, the promotion, the looks.
    assert_eq!((head.last_id, told), (103, vec![103]));

    admin::view_figures(&world.core, owner, &origin())
        .await
        .unwrap();
    let verify = |noted| audit::verify(&world.core, Some(noted), |_| ());
    let later = verify(head).await.unwrap();
    assert!(matches!(later, Verdict::Whole(later) if later.last_id == 104));
    let mut other = head;
    other.link[0] ^= 1;
    assert_eq!(verify(other).await.unwrap(), Verdict::NotAsNoted(103));
    other.last_id = 105;
    assert_eq!(verify(other).await.unwrap(), Verdict::NotAsNoted(105));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_not_a_ban_and_states_round_trip() {
    let world = World::new().await;
    let owner = with_role(&world, "+79990000001", Role::Owner).await;
    let anna = world.person("+79990000002").await.uid;
    for (change, state) in [
        (StateChange::Lock, AccountState::Locked),
        (StateChange::Ban, AccountState::Banned),
        (StateChange::Unban, AccountState::Active),
    ] {
        let after = admin::change_state(&world.core, owner, &origin(), anna, change, "test").await;
        assert_eq!(after.unwrap(), state);
    }
    let nobody = Uid::from_random(7);
    let unknown = admin::change_state(
        &world.core,
        owner,
        &origin(),
        nobody,
        StateChange::Ban,
        "test",
    )
    .await;
    assert!(matches!(unknown, Err(AdminError::UserNotFound)));
    let own = admin::change_state(
        &world.core,
        owner,
        &origin(),
        owner.uid,
        StateChange::Ban,
        "test",
    )
    .await;
    assert!(matches!(own, Err(AdminError::TargetRank)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_promoted_in_time_is_not_deleted() {
    let world = World::new().await;
    let owner = with_role(&world, "+79990000001", Role::Owner).await;
    let olga = with_role(&world, "+79990000002", Role::Admin).await;
    for round in 0..20 {
        let anna = world.person(&format!("+799900001{round:02}")).await.uid;
        let origin = origin();
        let (deleted, promoted) = tokio::join!(
            admin::delete_account(&world.core, olga, &origin, anna, "race"),
            admin::change_role(&world.core, owner, &origin, anna, Role::Admin, ""),
        );
        match (deleted, promoted) {
            (Ok(()), Err(AdminError::UserNotFound)) | (Err(AdminError::TargetRank), Ok(())) => {}
            other => panic!("round {round}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_is_noted_once_a_minute_for_each_person_and_call() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let boris = world.person("+79990000002").await;
    let note = async |who: Caller, call: &str| {
        let refused = RefusedCall {
            call,
            code: "forbidden",
            target: Some(boris.uid),
        };
        admin::note_refusal(&world.core, who, &origin(), refused)
            .await
            .unwrap();
        world.audited("admin.refused").await.len()
    };
    assert_eq!(note(anna, "GET /admin/users").await, 1);
    assert_eq!(note(anna, "GET /admin/users").await, 1);
    assert_eq!(note(anna, "GET /admin/audit").await, 2);
    assert_eq!(note(boris, "GET /admin/users").await, 3);
    world.pass(Duration::from_secs(59));
    assert_eq!(note(anna, "GET /admin/users").await, 3);
    world.pass(Duration::from_secs(1));
    assert_eq!(note(anna, "GET /admin/users").await, 4);
    assert_eq!(note(anna, "GET /admin/users").await, 4);
    let newest = &world.audited("admin.refused").await[0];
    assert_eq!(newest.actor, Some(anna.uid));
    assert_eq!(newest.object, format!("user:{}", boris.uid));
    assert_eq!(
        newest.details,
        r#"{"call":"GET /admin/users","code":"forbidden"}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_calls_of_all_together_are_noted_up_to_a_limit() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    for n in 0..2010 {
        let refused = RefusedCall {
            call: &format!("GET /admin/{n}"),
            code: "forbidden",
            target: None,
        };
        admin::note_refusal(&world.core, anna, &origin(), refused)
            .await
            .unwrap();
    }
    let Verdict::Whole(head) = audit::verify(&world.core, None, |_| ()).await.unwrap() else {
        panic!("a broken log");
    };
    // The registration and the login come first.
    assert_eq!(head.last_id, 2 + 2000);
}
