//! People and their contacts.

use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use melo_crypto::{BearerToken, Keyring, random};
use melo_domain::{
    ContactStatus, DeviceHandle, DisplayName, LogId, LogKind, Phone, Timestamp, Uid,
};
use melo_storage::accounts::{self, NewAccount};
use melo_storage::contacts::{self, Contact};
use melo_storage::{ConnectionTrait, devices, logs};

use crate::{Pair, User, inert};

/// Nobody's hash: no password fits it.
const NO_PASSWORD: &str = "!";
/// About as long as a public key in PEM; nobody reads what these people are sent.
const KEY_CHARACTERS: usize = 450;
/// Phone numbers begin with the code of satellite phones: there is room for 10^12.
const PHONE_PREFIX: &str = "+870";
const PHONE_RANGE: u64 = 1_000_000_000_000;
/// Of device tokens; the server's own.
const TOKEN_LIFE: Duration = Duration::from_hours(30 * 24);

/// Makes `count` people, each with a device whose token is good.
pub(crate) async fn make(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    count: usize,
    now: Timestamp,
) -> Result<Vec<User>, Box<dyn Error>> {
    let name: DisplayName = "Load".parse()?;
    let e2e_key = "k".repeat(KEY_CHARACTERS);
    // The ids are not many: of ten thousand, two may well be the same.
    let mut taken = HashSet::with_capacity(count);
    let first_phone = random::u64() % (PHONE_RANGE / 2);
    let mut users = Vec::with_capacity(count);
    for phone in (first_phone..).take(count) {
        let uid = loop {
            let uid = Uid::from_random(random::u64());
            if !inert::is_theirs(uid) && taken.insert(uid) {
                break uid;
            }
        };
        let phone: Phone = format!("{PHONE_PREFIX}{phone:012}").parse()?;
        let private_log = LogId::from_random(random::u64());
        let account = NewAccount {
            uid,
            phone: &phone,
            name: &name,
            nickname: &name,
            password_hash: NO_PASSWORD,
            e2e_key: &e2e_key,
            created: now,
            private_log,
        };
        accounts::insert(tx, keys, &account).await?;
        logs::create(tx, keys, private_log, LogKind::Private, &[uid], now).await?;
        users.push(add_device(tx, keys, uid, now).await?);
    }
    Ok(users)
}

async fn add_device(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    now: Timestamp,
) -> Result<User, Box<dyn Error>> {
    let device = DeviceHandle::from_random(random::u64());
    let device_id = hex::encode(random::bytes::<8>());
    devices::insert(tx, keys, device, uid, &device_id.parse()?, now).await?;
    let (device_token, hash) = BearerToken::generate();
    devices::set_token(tx, keys, device, &hash, now.plus(TOKEN_LIFE)).await?;
    Ok(User {
        uid,
        device_id,
        device_token,
    })
}

/// Makes contacts of the first `count` pairs.
pub(crate) async fn befriend(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    users: &[User],
    count: usize,
    now: Timestamp,
) -> Result<Vec<Pair>, Box<dyn Error>> {
    let mut pairs = Vec::with_capacity(count);
    for (index, two) in users.chunks_exact(2).take(count).enumerate() {
        let [one, other] = two else { continue };
        let log = LogId::from_random(random::u64());
        let both = [one.uid, other.uid];
        logs::create(tx, keys, log, LogKind::Direct, &both, now).await?;
        for (uid, peer) in [(one.uid, other.uid), (other.uid, one.uid)] {
            let contact = Contact {
                uid,
                peer,
                status: ContactStatus::Accepted,
                secret: false,
                log: Some(log),
            };
            contacts::insert(tx, keys, &contact, now).await?;
        }
        pairs.push(Pair {
            first: index * 2,
            second: index * 2 + 1,
            log,
        });
    }
    Ok(pairs)
}
