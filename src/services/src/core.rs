//! What every use case stands on, put together once by the server.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use melo_crypto::{AuditChain, CsrfTokens, Jwk, JwtKeys, PasswordHasher, WorkChallenges};
use melo_domain::{Clock, PasswordPolicy, RegistrationMode, Timestamp, Uid};
use melo_ephemeral::Ephemeral;
use melo_realtime::{Bus, BusMessage, BusSubscriber, Hub, LiveEvent, Rate, Recent};
use melo_storage::{CommitSink, Committed, LogWriter, StorageError, Store, Target, devices};
use tokio::sync::{Notify, Semaphore};

use crate::account::MAX_EXPORTS;
use crate::activity::Activity;
use crate::avatar::Workshop;
use crate::bans::{BanMemory, BanWatch};
use crate::caches::Caches;
use crate::calls::{CallMeters, CallRules};
use crate::chats::{self, Rooms};
use crate::cursor_buffer::CursorBuffer;
use crate::live::{Pages, Trails};
use crate::outgoing::Channels;
use crate::password_pool::PasswordPool;
use crate::presence::Presence;
use crate::receipts::ReceiptBuffer;
use crate::typing::Writing;

/// So many attempts in such a time, and how long to wait after that.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Attempts.
    pub count: u64,
    /// In this time.
    pub per: Duration,
    /// Refused for this long once there were more.
    pub block: Duration,
}

/// Rules that operators set.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Life of an access token, and of the CSRF tokens beside it.
    pub access_token_life: Duration,
    /// Life of a device token.
    pub device_token_life: Duration,
    /// How long after its replacement a device token may be shown again without this meaning that somebody
    /// has a copy: answers get lost on bad networks, and tabs race each other.
    pub device_token_leeway: Duration,
    /// Calls of /register and /login from one address.
    pub open_calls: Window,
    /// Wrong passwords for one identifier from one address; `block` is the first delay.
    pub failed_logins: Window,
    /// Calls with a token that one account may make in a minute, and one device half of it. 0: no limit.
    pub account_calls: u64,
    /// Leading zero bits of the work that a registration must show. 0: none.
    pub registration_pow_bits: u8,
    /// Messages of one person over WebSocket.
    pub messages: Rate,
    /// How long after showing the password somebody may administer.
    pub admin_reauthentication: Duration,
    /// Whether those who administer must have a second factor.
    pub admin_second_factor: bool,
    /// Who may register.
    pub registration: RegistrationMode,
    /// What a password must be.
    pub passwords: PasswordPolicy,
    /// Which ways out there are.
    pub channels: Channels,
    /// How long events are kept.
    pub history: Duration,
    /// How large chats grow, and how many there are.
    pub chats: ChatLimits,
    /// For how long calls ring, and devices may be silent in them.
    pub calls: CallRules,
}

/// How large chats grow, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatLimits {
    /// People in one group.
    pub group_members: u64,
    /// People in one channel.
    pub channel_members: u64,
    /// Chats that one person is in.
    pub per_person: u64,
    /// Chats that one person owns.
    pub owned: u64,
    /// Invites that one chat has.
    pub invites: u64,
}

impl Default for ChatLimits {
    fn default() -> Self {
        Self {
            group_members: 1000,
            channel_members: 100_000,
            per_person: 500,
            owned: 100,
            invites: 50,
        }
    }
}

impl Default for Policy {
    /// The contract's defaults.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            access_token_life: seconds(120 * 60),
            device_token_life: seconds(30 * 24 * 3600),
            device_token_leeway: seconds(10),
            open_calls: Window {
                count: 20,
                per: seconds(120),
                block: seconds(60),
            },
            failed_logins: Window {
                count: 5,
                per: seconds(300),
                block: seconds(300),
            },
            account_calls: 1200,
            registration_pow_bits: 0,
            messages: Rate {
                count: 100,
                per: seconds(60),
            },
            admin_reauthentication: seconds(15 * 60),
            admin_second_factor: false,
            registration: RegistrationMode::default(),
            passwords: PasswordPolicy::default(),
            channels: Channels::default(),
            history: seconds(14 * 24 * 3600),
            chats: ChatLimits::default(),
            calls: CallRules::default(),
        }
    }
}

/// The parts that the server chooses.
pub struct Parts {
    /// Rows and keys.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Short-lived state.
    pub ephemeral: Ephemeral,
    /// Live connections of this node.
    pub hub: Arc<Hub>,
    /// The way to all nodes; the hub is subscribed to it already.
    pub bus: Arc<dyn Bus>,
    /// Password hashing.
    pub passwords: PasswordHasher,
    /// Access tokens.
    pub jwt: JwtKeys,
    /// CSRF tokens.
    pub csrf: CsrfTokens,
    /// Links of the audit log.
    pub audit: AuditChain,
    /// Work before registering.
    pub challenges: WorkChallenges,
    /// Rules.
    pub policy: Policy,
}

/// Everything a use case needs.
pub struct Core {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ephemeral: Ephemeral,
    pub(crate) hub: Arc<Hub>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) passwords: PasswordPool,
    pub(crate) jwt: ArcSwap<JwtKeys>,
    pub(crate) csrf: CsrfTokens,
    pub(crate) audit: AuditChain,
    pub(crate) challenges: WorkChallenges,
    pub(crate) bans: Arc<BanMemory>,
    pub(crate) policy: Policy,
    pub(crate) writer: LogWriter,
    pub(crate) caches: Caches,
    pub(crate) cursors: CursorBuffer,
    pub(crate) receipts: ReceiptBuffer,
    pub(crate) pages: Pages,
    pub(crate) trails: Trails,
    pub(crate) activity: Activity,
    pub(crate) presence: Presence,
    pub(crate) writing: Writing,
    pub(crate) calls: CallMeters,
    pub(crate) workshop: Workshop,
    pub(crate) exports: Arc<Semaphore>,
    echo: OnceLock<Uid>,
    jobs: Arc<Notify>,
    started: std::time::Instant,
}

impl Core {
    /// The contact that answers every call and sends the sound back, where there is one.
    pub fn echo(&self) -> Option<Uid> {
        self.echo.get().copied()
    }

    /// From now on, and until the server ends, this account is the echo.
    pub fn set_echo(&self, uid: Uid) {
        // There is one account of that number.
        let _ = self.echo.set(uid);
    }

    /// Puts the parts together and starts the log writer. The task ends, with everything written, once the
    /// core is dropped.
    pub fn start(parts: Parts) -> (Arc<Self>, tokio::task::JoinHandle<()>) {
        let pages = Pages::default();
        let recent: Arc<dyn BusSubscriber> = Arc::<Recent>::clone(pages.recent());
        parts.bus.subscribe(recent);
        let caches = Caches::default();
        let this: Arc<OnceLock<Weak<Self>>> = Arc::default();
        let sink = sink(&parts.bus, &caches.rooms, &this);
        parts.bus.subscribe(Arc::new(caches.watch_sessions()));
        parts.bus.subscribe(Arc::new(caches.watch_relations()));
        parts.bus.subscribe(Arc::new(caches.watch_rooms()));
        let bans = Arc::new(BanMemory::default());
        parts.bus.subscribe(Arc::new(BanWatch(Arc::clone(&bans))));
        let (writer, task) = LogWriter::start(parts.store.clone(), Arc::clone(&parts.clock), sink);
        let core = Self {
            passwords: PasswordPool::new(parts.passwords),
            writer,
            caches,
            cursors: CursorBuffer::default(),
            receipts: ReceiptBuffer::default(),
            pages,
            trails: Trails::default(),
            activity: Activity::default(),
            presence: Presence::default(),
            writing: Writing::default(),
            calls: CallMeters::default(),
            workshop: Workshop::default(),
            echo: OnceLock::new(),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            jobs: Arc::default(),
            started: std::time::Instant::now(),
            store: parts.store,
            clock: parts.clock,
            ephemeral: parts.ephemeral,
            hub: parts.hub,
            bus: parts.bus,
            jwt: ArcSwap::from_pointee(parts.jwt),
            csrf: parts.csrf,
            audit: parts.audit,
            challenges: parts.challenges,
            bans,
            policy: parts.policy,
        };
        let core = Arc::new(core);
        let _ = this.set(Arc::downgrade(&core));
        (core, task)
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Monotonic time since this core was started, for budgets.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Tells the worker of this process that a job was put into the queue. Called after the commit.
    pub(crate) fn wake_worker(&self) {
        self.jobs.notify_one();
    }

    /// Where the worker waits for jobs.
    pub fn jobs(&self) -> Arc<Notify> {
        Arc::clone(&self.jobs)
    }

    /// Live connections of this node.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Whether the database answers.
    pub async fn database_ok(&self) -> bool {
        self.store.db.ping().await.is_ok()
    }

    /// PEM of the key that verifies access tokens.
    pub fn public_key(&self) -> String {
        self.jwt.load().public_pem().to_owned()
    }

    /// All public keys that access tokens are checked with.
    pub fn jwks(&self) -> Vec<Jwk> {
        self.jwt.load().jwks()
    }

    /// Signs with another key from now on. Tokens of the old one stay good if the new keys know it.
    pub fn replace_jwt(&self, keys: JwtKeys) {
        self.jwt.store(Arc::new(keys));
    }

    /// How often a connection shows that its device is still in a call.
    pub fn call_beat(&self) -> Duration {
        self.policy.calls.beat()
    }

    /// How many messages a person may send over WebSocket.
    pub fn message_rate(&self) -> Rate {
        self.policy.messages
    }

    /// Forgets device tokens that were replaced so long ago that they have expired in any case.
    pub async fn forget_replaced_tokens(&self) -> Result<(), StorageError> {
        let life = i64::try_from(self.policy.device_token_life.as_millis()).unwrap_or(i64::MAX);
        let then = Timestamp::from_millis(self.now().millis().saturating_sub(life));
        devices::forget_spent_tokens(self.store.db.write(), then.day()).await?;
        Ok(())
    }

    /// Writes the positions that devices have acknowledged since the last call, which sessions were used, and who was
    /// last there when; forgets events that were remembered long enough.
    /// The server calls this every second and once more when it stops.
    pub async fn flush(&self) -> Result<(), StorageError> {
        self.pages.recent().sweep();
        self.cursors.flush(&self.store).await?;
        self.activity.flush(&self.store).await?;
        self.presence.flush(&self.store).await
    }
}

/// What happens to a committed event: it goes to the bus. When the members of its chat have changed since it was sent,
/// it goes to those who are in it now.
fn sink(bus: &Arc<dyn Bus>, rooms: &Arc<Rooms>, core: &Arc<OnceLock<Weak<Core>>>) -> CommitSink {
    let (bus, rooms, core) = (Arc::clone(bus), Arc::clone(rooms), Arc::clone(core));
    Arc::new(move |committed| {
        let Committed {
            event,
            target,
            audience,
        } = committed;
        if matches!(target, Some(Target::Erases(_))) {
            // At once, whenever the deletion itself is told.
            bus.publish(BusMessage::LogChanged { log: event.log });
        }
        let outdated =
            audience.kind.is_chat() && rooms.is_outdated(event.log, audience.members_seq);
        if outdated && let Some(core) = core.get().and_then(Weak::upgrade) {
            tokio::spawn(async move {
                let log = event.log;
                if let Err(error) = chats::publish(&core, log, event).await {
                    // Who missed it reads it from the log.
                    tracing::warn!(%error, "an event could not be told at once");
                }
            });
            return;
        }
        bus.publish(BusMessage::Event {
            event: Arc::new(LiveEvent::new(event, audience.kind)),
            audience: audience.members,
        });
    })
}
