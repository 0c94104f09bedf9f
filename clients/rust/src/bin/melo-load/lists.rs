//! What shows somebody's chats, asked for by people with few of them and with many.

use std::time::Duration;

use melo_client::rest::Api;
use melo_client::rest::calls::Call;
use melo_domain::Secret;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::accounts;
use crate::args::ListsArgs;
use crate::fail::Failure;
use crate::process;
use crate::report::{Latency, ListFigures, ListsReport, histogram};
use crate::run::nanos;
use crate::snapshot::Snapshot;

/// Calls before those that are measured.
const WARM_UP: u32 = 5;

/// Every path, for whoever is in the fewest chats and for whoever is in the most.
pub(crate) async fn measure(snapshot: &Snapshot, args: &ListsArgs) -> Result<ListsReport, Failure> {
    let api = snapshot.target.api()?;
    let mut figures = Vec::new();
    for (user, chats) in fewest_and_most(snapshot)? {
        let token = accounts::with_device_token(&api, snapshot.user(user)?).await?;
        for path in &args.path {
            figures.push(one(&api, &token, path, chats, args).await?);
        }
    }
    Ok(ListsReport { figures })
}

/// Two people's indices, and in how many chats each of them is.
fn fewest_and_most(snapshot: &Snapshot) -> Result<[(usize, usize); 2], Failure> {
    let in_chats = |user: usize| {
        let chats = snapshot.chats.iter();
        chats.filter(|chat| chat.range().contains(&user)).count()
    };
    let mut people: Vec<(usize, usize)> = (0..snapshot.users.len())
        .map(|user| (user, in_chats(user)))
        .filter(|(_, chats)| *chats > 0)
        .collect();
    people.sort_by_key(|(_, chats)| *chats);
    match (people.first(), people.last()) {
        (Some(fewest), Some(most)) => Ok([*fewest, *most]),
        _ => Err(Failure::TooFew {
            what: "people in chats",
            have: 0,
            asked: 2,
        }),
    }
}

async fn one(
    api: &Api,
    token: &Secret,
    path: &str,
    chats: usize,
    args: &ListsArgs,
) -> Result<ListFigures, Failure> {
    let call: Call<Box<RawValue>> = Call::get(path);
    let mut latency = histogram();
    let mut figures = ListFigures {
        path: path.to_owned(),
        chats,
        ..ListFigures::default()
    };
    for _ in 0..WARM_UP {
        match api.send(&call, Some(token)).await {
            Ok(answer) => figures.bytes = answer.get().len(),
            Err(error) => {
                figures.refused = Some(error.to_string());
                return Ok(figures);
            }
        }
    }
    let before = args.pid.and_then(process::cpu_time);
    for _ in 0..args.calls {
        let begun = Instant::now();
        api.send(&call, Some(token))
            .await
            .map_err(Failure::call("a list"))?;
        latency.saturating_record(nanos(begun.elapsed()) / 1000);
    }
    let used = |before: Duration| Some(process::cpu_time(args.pid?)?.saturating_sub(before));
    let used = before.and_then(used);
    figures.server_cpu_ms =
        used.map(|used| used.as_secs_f64() * 1000.0 / f64::from(args.calls.max(1)));
    figures.latency = Some(Latency::of(&latency));
    Ok(figures)
}
