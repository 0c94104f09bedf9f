//! Users and contacts, made over REST like anybody's. Slow on purpose of the server: each account costs two
//! password hashes.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use melo_client::crypto::rsa_keys::DecryptionKey;

use crate::accounts::{self, SignedIn};
use crate::fail::Failure;
use crate::progress::Progress;
use crate::snapshot::{Pair, Snapshot, Target};

/// Calls at a time.
const PARALLEL: usize = 4;

/// Registers `users` users and makes contacts of the first `pairs` pairs of them.
pub(crate) async fn prepare(
    target: &Target,
    users: usize,
    pairs: usize,
) -> Result<Snapshot, Failure> {
    if users < pairs * 2 {
        return Err(Failure::TooFew {
            what: "users",
            have: users,
            asked: pairs * 2,
        });
    }
    let api = target.api()?;
    // One key for all: nobody reads what is sent.
    let public_key = DecryptionKey::generate()?.public().to_pem()?;
    let mut progress = Progress::new("users", users);
    let mut signed_in: Vec<SignedIn> = Vec::with_capacity(users);
    let mut registrations = stream::iter(0..users)
        .map(|_| accounts::register(&api, &public_key))
        .buffer_unordered(PARALLEL);
    while let Some(user) = registrations.try_next().await? {
        signed_in.push(user);
        progress.step();
    }
    drop(registrations);

    let mut progress = Progress::new("pairs", pairs);
    let mut made = Vec::with_capacity(pairs);
    for (index, two) in signed_in.chunks_exact(2).take(pairs).enumerate() {
        let [first, second] = two else { continue };
        made.push(Pair {
            first: index * 2,
            second: index * 2 + 1,
            log: accounts::befriend(&api, first, second).await?,
        });
        progress.step();
    }
    Ok(Snapshot {
        target: target.clone(),
        users: signed_in.into_iter().map(|s| s.user).collect(),
        pairs: made,
        chats: Vec::new(),
    })
}
