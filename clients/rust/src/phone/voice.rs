//! What is said and heard in a call.

use std::sync::Arc;
use std::time::Duration;

use melo_media::{
    Echo, FRAME, MediaError, Peer, Playout, Recording, SAMPLE_RATE, SoundEncoder, SoundPacket, Tape,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

/// How often a piece of sound is sent.
const PIECE: Duration = Duration::from_millis(20);
/// Twenty milliseconds in the time of sound packets, whatever the rate of the file.
const STEP: u32 = SAMPLE_RATE / 50;

/// What is said, and what becomes of what is heard.
pub enum Voice {
    /// Plays a file, then silence; records what is heard.
    Files {
        /// To be played once.
        play: Option<Box<Tape>>,
        /// To be written.
        record: Option<Box<Recording>>,
    },
    /// Says what it hears, a moment later.
    Echo,
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VoiceCounts {
    /// Packets of 20 ms.
    pub heard: u64,
    /// Packets that were missing.
    pub lost: u64,
}

/// What a voice is given.
pub(super) struct Ends {
    pub(super) peer: Arc<Peer>,
    pub(super) sound: mpsc::Receiver<SoundPacket>,
    /// True once the two are connected; closed when the call is over.
    pub(super) connected: watch::Receiver<bool>,
    /// Told when everything was played.
    pub(super) played: oneshot::Sender<()>,
}

impl Voice {
    /// Talks and listens until the call is over.
    pub(super) async fn run(self, ends: Ends) -> Result<VoiceCounts, MediaError> {
        match self {
            Self::Files { play, record } => files(play, record, ends).await,
            Self::Echo => echo(ends).await,
        }
    }
}

/// What is played, and how far it is.
struct Player {
    tape: Option<Box<Tape>>,
    encoder: SoundEncoder,
    sequence: u16,
    timestamp: u32,
    played: Option<oneshot::Sender<()>>,
}

impl Player {
    fn new(tape: Option<Box<Tape>>, played: oneshot::Sender<()>) -> Result<Self, MediaError> {
        let rate = tape.as_ref().map_or(SAMPLE_RATE, |tape| tape.rate());
        // Without anything to play there is no end of it to wait for.
        let played = tape.as_ref().map(|_| played);
        Ok(Self {
            encoder: SoundEncoder::new(rate)?,
            tape,
            sequence: 0,
            timestamp: 0,
            played,
        })
    }

    /// The next 20 ms.
    fn next(&mut self) -> Result<SoundPacket, MediaError> {
        let samples = match &mut self.tape {
            Some(tape) => tape.next_frame()?,
            None => vec![0; FRAME],
        };
        if self.tape.as_ref().is_some_and(|tape| tape.is_over())
            && let Some(played) = self.played.take()
        {
            // Nobody waits for it any more: the call is over.
            let _ = played.send(());
        }
        let packet = SoundPacket {
            sequence: self.sequence,
            timestamp: self.timestamp,
            payload: self.encoder.encode(&samples)?.into(),
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(STEP);
        Ok(packet)
    }
}

async fn files(
    play: Option<Box<Tape>>,
    mut record: Option<Box<Recording>>,
    ends: Ends,
) -> Result<VoiceCounts, MediaError> {
    let Ends {
        peer,
        mut sound,
        mut connected,
        played,
    } = ends;
    let mut player = Player::new(play, played)?;
    let mut playout = Playout::new()?;
    let mut clock = tokio::time::interval(PIECE);
    // A program that was held up says all it has to say.
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut talking = false;
    loop {
        tokio::select! {
            changed = connected.changed() => {
                if changed.is_err() {
                    break;
                }
                if *connected.borrow_and_update() && !talking {
                    talking = true;
                    clock.reset_immediately();
                }
            }
            packet = sound.recv() => {
                let Some(packet) = packet else { break };
                let heard = playout.put(packet, Instant::now().into_std());
                if let Some(record) = &mut record {
                    record.write(&heard)?;
                }
            }
            _ = clock.tick(), if talking => {
                let packet = player.next()?;
                if peer.send(packet).await.is_err() {
                    tracing::debug!("sound was not sent: the connection is over");
                }
            }
        }
    }
    let rest = playout.finish();
    if let Some(mut record) = record {
        record.write(&rest)?;
        record.finish()?;
    }
    let (heard, lost) = playout.counts();
    Ok(VoiceCounts { heard, lost })
}

async fn echo(ends: Ends) -> Result<VoiceCounts, MediaError> {
    let Ends {
        peer,
        mut sound,
        mut connected,
        ..
    } = ends;
    let mut echo = Echo::default();
    let mut counts = VoiceCounts::default();
    loop {
        let due = echo.due();
        tokio::select! {
            changed = connected.changed() => if changed.is_err() { break },
            packet = sound.recv() => {
                let Some(packet) = packet else { break };
                counts.heard += 1;
                echo.hear(packet, Instant::now());
            }
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                while let Some(packet) = echo.say(Instant::now()) {
                    if peer.send(packet).await.is_err() {
                        tracing::debug!("sound was not sent: the connection is over");
                    }
                }
            }
        }
    }
    Ok(counts)
}
