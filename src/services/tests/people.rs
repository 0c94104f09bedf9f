//! What people see of each other, by how they stand to each other; and what becomes of one who leaves.

// Helpers stand outside of `#[test]` functions, where clippy's own exception does not reach.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use bytes::Bytes;
use common::{PASSWORD, World, origin};
use melo_domain::{Audience, Privacy, Secret, Uid};
use melo_services::access::{AccessError, Credentials};
use melo_services::account::{self, AccountError, AuthError};
use melo_services::avatar::{self, AvatarError};
use melo_services::contacts::{self, ContactError, SubscribeInput};
use melo_services::messages::{self, Destination, MessageError, SendInput};
use melo_services::people::{self, PeopleError, PrivacyUpdate};
use melo_services::{Caller, Core};
use melo_storage::accounts::{self, Standing};
use serde_json::value::RawValue;

/// How the one who looks stands to Anna.
#[derive(Debug, Clone, Copy)]
enum Viewer {
    Oneself,
    Contact,
    Stranger,
    BlockedByAnna,
    BlocksAnna,
}

fn picture() -> Bytes {
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(8, 8)
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    png.into_inner().into()
}

async fn set(core: &Core, caller: Caller, update: PrivacyUpdate) -> Privacy {
    people::set_privacy(core, caller, &origin(), update)
        .await
        .unwrap()
}

async fn send(core: &Core, from: Caller, to: Uid) -> Result<(), MessageError> {
    let payload = RawValue::from_string("\"text\"".to_owned()).unwrap();
    let input = SendInput {
        to: Destination::Person(to),
        payload: &payload,
        client_id: None,
    };
    let accepted = messages::send(core, from, input).await?;
    accepted.receipt.await?;
    Ok(())
}

async fn name(core: &Core, caller: Caller, username: &str) {
    let update = account::ProfileUpdate {
        username: Some(Some(username.parse().unwrap())),
        ..Default::default()
    };
    account::update_profile(core, caller, &origin(), update)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_switch_and_relation_is_as_the_table_says() {
    use Viewer::{BlockedByAnna, BlocksAnna, Contact, Oneself, Stranger};
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let stranger = world.person("+79990000003").await;
    let kept_away = world.person("+79990000004").await;
    let keeping_away = world.person("+79990000005").await;
    for other in [kept_away, keeping_away] {
        world.befriend(anna, other).await;
    }
    people::block(core, anna, &origin(), kept_away.uid)
        .await
        .unwrap();
    people::block(core, keeping_away, &origin(), anna.uid)
        .await
        .unwrap();
    name(core, anna, "Anna_K").await;
    avatar::upload(core, anna, &origin(), picture())
        .await
        .unwrap();
    let viewers = [
        (Oneself, anna),
        (Contact, boris),
        (Stranger, stranger),
        (BlockedByAnna, kept_away),
        (BlocksAnna, keeping_away),
    ];
    for (audience, shown) in [
        (Audience::Everyone, [true, true, true, false, false]),
        (Audience::Contacts, [true, true, false, false, false]),
        (Audience::Nobody, [true, false, false, false, false]),
    ] {
        let update = PrivacyUpdate {
            avatar: Some(audience),
            username_search: Some(audience),
            ..PrivacyUpdate::default()
        };
        set(core, anna, update).await;
        for ((standing, viewer), shown) in viewers.into_iter().zip(shown) {
            let seen = avatar::fetch(core, viewer, anna.uid).await;
            assert_eq!(seen.is_ok(), shown, "avatar {audience} {standing:?}");
            assert!(matches!(seen, Ok(_) | Err(AvatarError::None)));
            let username = "ANNA_k".parse().unwrap();
            let found = people::search(core, viewer, &username).await.unwrap();
            assert_eq!(found.is_some(), shown, "search {audience} {standing:?}");
            let nickname = found.and_then(|f| f.nickname).is_some();
            let known = matches!(standing, Oneself | Contact);
            assert_eq!(nickname, shown && known, "nickname {audience} {standing:?}");
        }
    }
    for ((standing, viewer), shown) in viewers.into_iter().zip([true, true, false, false, false]) {
        let seen = account::view_profile(core, viewer, Some(anna.uid)).await;
        assert_eq!(seen.is_ok(), shown, "profile {standing:?}");
        assert!(matches!(seen, Ok(_) | Err(AccountError::NotAContact)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_of_switches_at_once_do_not_undo_each_other() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let core = Arc::clone(&world.core);
        tasks.spawn(async move {
            let mut update = PrivacyUpdate::default();
            if n % 2 == 0 {
                update.read_receipts = Some(false);
            } else {
                update.online = Some(Audience::Nobody);
            }
            set(&core, anna, update).await;
        });
    }
    tasks.join_all().await;
    let after = people::view_privacy(&world.core, anna).await.unwrap();
    assert!(!after.read_receipts && after.online == Audience::Nobody);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_a_message_passes_after_a_block_in_either_direction() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    for _ in 0..20 {
        // Both ways are remembered from now on, and many senders keep asking while the block is made.
        send(core, anna, boris.uid).await.unwrap();
        send(core, boris, anna.uid).await.unwrap();
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let core = Arc::clone(core);
            asking.spawn(async move {
                let _ = send(&core, boris, anna.uid).await;
            });
        }
        people::block(core, anna, &origin(), boris.uid)
            .await
            .unwrap();
        let refused = send(core, boris, anna.uid).await;
        assert!(
            matches!(refused, Err(MessageError::NotAContact)),
            "{refused:?}"
        );
        asking.join_all().await;
        let refused = send(core, boris, anna.uid).await;
        assert!(
            matches!(refused, Err(MessageError::NotAContact)),
            "{refused:?}"
        );
        let refused = send(core, anna, boris.uid).await;
        assert!(matches!(refused, Err(MessageError::Blocked)), "{refused:?}");
        // What was written before stays readable to both.
        for (one, other) in [(anna, boris), (boris, anna)] {
            let page = messages::history(core, one, Destination::Person(other.uid), 1, 10)
                .await
                .unwrap();
            assert!(page.total >= 2);
        }
        people::unblock(core, anna, &origin(), boris.uid)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_who_was_blocked_waits_until_the_block_is_lifted() {
    let world = World::new().await;
    let core = &world.core;
    let anna = world.person("+79990000001").await;
    let boris = world.person("+79990000002").await;
    people::block(core, anna, &origin(), boris.uid)
        .await
        .unwrap();
    let ask = |from: Caller, to: Caller| SubscribeInput {
        target: to.uid,
        secret: false,
        csrf_token: account::issue_csrf(core, from),
    };
    contacts::subscribe(core, boris, &ask(boris, anna))
        .await
        .unwrap();
    let again = contacts::subscribe(core, boris, &ask(boris, anna)).await;
    assert!(matches!(again, Err(ContactError::AlreadySubscribed)));
    let csrf = account::issue_csrf(core, anna);
    let early = contacts::confirm(core, anna, boris.uid, &csrf).await;
    assert!(matches!(early, Err(ContactError::Blocked)));
    let own = contacts::subscribe(core, anna, &ask(anna, boris)).await;
    assert!(matches!(own, Err(ContactError::Blocked)));

    people::unblock(core, anna, &origin(), boris.uid)
        .await
        .unwrap();
    contacts::confirm(core, anna, boris.uid, &csrf)
        .await
        .unwrap();
    send(core, boris, anna.uid).await.unwrap();
    let twice = people::unblock(core, anna, &origin(), boris.uid).await;
    assert!(matches!(twice, Err(PeopleError::NotBlocked)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_gone_at_once_and_their_history_is_not() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    send(core, anna, boris.uid).await.unwrap();
    let begun = account::login(core, World::login_input(anna.uid, 1))
        .await
        .unwrap();
    let shown = |password: &str| Credentials {
        password: Secret::new(password.to_owned()),
        code: None,
    };
    let wrong = shown("not this one");
    let refused = account::delete(core, anna, &origin(), wrong).await;
    assert!(matches!(
        refused,
        Err(AccountError::Access(AccessError::WrongPassword))
    ));

    account::delete(core, anna, &origin(), shown(PASSWORD))
        .await
        .unwrap();
    let token = account::authenticate(core, begun.access_token.expose()).await;
    assert!(matches!(token, Err(AuthError::SessionRevoked)));
    let login = account::login(core, World::login_input(anna.uid, 1)).await;
    assert!(matches!(
        login.err(),
        Some(AccountError::InvalidCredentials)
    ));
    let refused = send(core, boris, anna.uid).await;
    assert!(
        matches!(refused, Err(MessageError::NotAContact)),
        "{refused:?}"
    );
    let page = messages::history(core, boris, Destination::Person(anna.uid), 1, 10)
        .await
        .unwrap();
    assert_eq!((page.total, page.messages[0].event.sender), (1, anna.uid));
    assert_eq!(contacts::list(core, boris, 1, 10).await.unwrap().total, 0);
    let profile = account::view_profile(core, boris, Some(anna.uid)).await;
    assert!(matches!(profile.err(), Some(AccountError::UserNotFound)));
    let twice = account::delete(core, anna, &origin(), shown(PASSWORD)).await;
    let gone = AccountError::Access(AccessError::NotFound("account"));
    assert_eq!(twice.unwrap_err().to_string(), gone.to_string());
    // The phone is free again, for another id.
    let again = world.person("+79990000001").await;
    assert_ne!(again.uid, anna.uid);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_leave_at_once_one_stays() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    for uid in [anna.uid, boris.uid] {
        let owner = Standing {
            role: Some(melo_domain::Role::Owner),
            ..Standing::default()
        };
        accounts::set_standing(world.store.db.write(), uid, owner)
            .await
            .unwrap();
    }
    let mut tasks = tokio::task::JoinSet::new();
    for owner in [anna, boris] {
        let core = Arc::clone(&world.core);
        let shown = Credentials {
            password: Secret::new(PASSWORD.to_owned()),
            code: None,
        };
        tasks.spawn(async move { account::delete(&core, owner, &origin(), shown).await });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    assert!(
        outcomes
            .iter()
            .any(|o| matches!(o, Err(AccountError::LastOwner))),
        "{outcomes:?}"
    );
}
