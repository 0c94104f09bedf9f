//! Many people, signed in and connected.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use melo_domain::{LogId, Secret, Seq};
use melo_protocol::frame::Synced;

use crate::accounts;
use crate::fail::Failure;
use crate::progress::Progress;
use crate::run::message;
use crate::scan::{self, Event};
use crate::snapshot::Snapshot;
use crate::wire::{Dialer, Frame, Socket};

/// Calls, and connections that are being made, at a time.
const PARALLEL: usize = 16;
/// How long a server may take to send what was missed.
const SYNC_WITHIN: Duration = Duration::from_mins(1);

/// How long a server may take to close.
const PART_WITHIN: Duration = Duration::from_secs(5);

/// Somebody who is signed in: by index, with the access token.
pub(crate) struct Present {
    pub user: usize,
    pub token: Secret,
}

impl AsRef<Self> for Present {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// An open connection that was sent what it had missed.
pub(crate) struct Connected {
    pub user: usize,
    pub socket: Socket,
    /// Where each log stands.
    pub cursors: BTreeMap<LogId, Seq>,
    /// Messages of others that came before `synced`.
    pub missed: u64,
}

/// Signs people in with their device tokens.
pub(crate) async fn sign_in(
    snapshot: &Snapshot,
    users: impl IntoIterator<Item = usize>,
) -> Result<Vec<Present>, Failure> {
    let api = &snapshot.target.api()?;
    let users: Vec<usize> = users.into_iter().collect();
    let mut progress = Progress::new("signed in", users.len());
    let mut calls = stream::iter(users)
        .map(|user| async move {
            let token = accounts::with_device_token(api, snapshot.user(user)?).await?;
            Ok::<_, Failure>(Present { user, token })
        })
        .buffer_unordered(PARALLEL);
    let mut present = Vec::new();
    while let Some(one) = calls.next().await {
        present.push(one?);
        progress.step();
    }
    Ok(present)
}

/// Connects them, a few at a time, and hands each over.
pub(crate) async fn connect(
    dialer: &Dialer,
    people: &[impl AsRef<Present>],
    mut take: impl FnMut(Connected) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut progress = Progress::new("connected", people.len());
    let mut connections = stream::iter(people)
        .map(|person| async move {
            let person = person.as_ref();
            let mut socket = dialer.connect(&person.token).await?;
            let (cursors, missed) = until_synced(&mut socket).await?;
            Ok::<_, Failure>(Connected {
                user: person.user,
                socket,
                cursors,
                missed,
            })
        })
        .buffer_unordered(PARALLEL);
    while let Some(one) = connections.next().await {
        take(one?)?;
        progress.step();
    }
    Ok(())
}

/// Reads until `synced`: where the logs stand then, and how many messages of others came before.
pub(crate) async fn until_synced(
    socket: &mut Socket,
) -> Result<(BTreeMap<LogId, Seq>, u64), Failure> {
    tokio::time::timeout(SYNC_WITHIN, read_until_synced(socket))
        .await
        .map_err(|_| Failure::Server("sends no `synced`".to_owned()))?
}

async fn read_until_synced(socket: &mut Socket) -> Result<(BTreeMap<LogId, Seq>, u64), Failure> {
    let mut missed = 0;
    loop {
        while let Some(frame) = socket.incoming.next()? {
            match frame {
                Frame::Text(text) => match scan::event(text, 0) {
                    Event::Synced => {
                        let synced: Synced = serde_json::from_slice(text)
                            .map_err(|_| Failure::Protocol("a `synced` of another form"))?;
                        return Ok((synced.cursors, missed));
                    }
                    Event::Delivery { .. } => missed += 1,
                    _ => {}
                },
                Frame::Ping(payload) => socket.outgoing.pong(payload),
                Frame::Close { code, reason } => return Err(Failure::Closed { code, reason }),
                Frame::Other => {}
            }
        }
        socket.exchange().await?;
    }
}

/// Acknowledges everything up to where the logs stand, and closes.
pub(crate) async fn leave(mut connected: Connected) -> Result<(), Failure> {
    for (log, seq) in &connected.cursors {
        if *seq > 0 {
            connected.socket.outgoing.text(&message::ack(log, *seq));
        }
    }
    part(&mut connected.socket).await
}

/// Closes, and waits for the other side to: what it has sent meanwhile and nobody reads would make the system reset the
/// connection, and throw away what it has not read yet, acknowledgements too.
pub(crate) async fn part(socket: &mut Socket) -> Result<(), Failure> {
    socket.outgoing.close();
    socket.flush().await?;
    let ended = async {
        loop {
            match socket.incoming.next() {
                Ok(None) => {}
                Ok(Some(Frame::Close { .. })) | Err(_) => return,
                Ok(Some(_)) => continue,
            }
            if socket.exchange().await.is_err() {
                return;
            }
        }
    };
    // One that does not come to an end is cut off.
    let _ = tokio::time::timeout(PART_WITHIN, ended).await;
    Ok(())
}
