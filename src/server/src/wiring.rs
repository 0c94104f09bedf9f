//! Joins the layers: database, keys, short-lived state, hub, use cases.

use std::sync::Arc;

use melo_api::{EdgeSettings, State};
use melo_crypto::{
    AuditChain, CsrfTokens, Keyring, KeyringError, PasswordCost, PasswordError, PasswordHasher,
    Purpose, RelayPseudonyms, RootKey, WorkChallenges,
};
use melo_domain::Clock;
use melo_ephemeral::{Ephemeral, InProcess};
use melo_gateways::turn::TurnServer;
use melo_jobs::JobSchedulerError;
use melo_realtime::{Bus, BusSubscriber, Hub, InProcessBus, Rate};
use melo_services::calls::CallRules;
use melo_services::ice::{Ice, RelayGauge};
use melo_services::{ChatLimits, Core, Parts, Policy, Window};
use melo_storage::{Database, StorageError, Store, data_keys};

use crate::gateways::{self, GatewaysError};
use crate::keys::Keys;
use crate::relay::{self, Asked, Gauge, RelayWatch};
use crate::settings::{Chats, Settings, TurnMode};

/// Life of a device token: the contract's 30 days.
const DEVICE_TOKEN_LIFE: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// Why the parts do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The data keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Password hashing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Text messages, mail.
    #[error(transparent)]
    Gateways(#[from] GatewaysError),
    /// What happens at certain times.
    #[error("the timetable does not start: {0}")]
    Timetable(#[from] JobSchedulerError),
}

/// The joined parts.
pub struct Assembly {
    /// What handlers share.
    pub state: State,
    /// Ends when everything accepted is written, after the core is dropped.
    pub writer: tokio::task::JoinHandle<()>,
    /// Rows and keys, for the housekeeping.
    pub store: Store,
    /// Wraps new data keys.
    pub root: RootKey,
    /// Short-lived entries, to be swept.
    pub ephemeral: Arc<InProcess>,
    /// The relay for calls, if this server has one.
    pub relay: Option<Arc<TurnServer>>,
    /// How calls find their way, for the operator: in English and Russian.
    pub calls: [String; 2],
}

/// Connects, migrates and joins everything. Only what serves relays calls: a command that looks into the database
/// leaves the ports alone.
pub async fn assemble(
    settings: &Settings,
    keys: Keys,
    relay: &TurnMode,
    clock: Arc<dyn Clock>,
) -> Result<Assembly, WiringError> {
    let db = Database::connect(settings.storage.database.connect_url().expose()).await?;
    db.migrate().await?;
    let store = Store {
        keys: Arc::new(open_keyring(&db, &keys.root, clock.as_ref()).await?),
        db,
    };

    let backend = Arc::new(InProcess::new(Arc::clone(&clock)));
    let ephemeral = Ephemeral::new(Arc::clone(&backend) as Arc<_>, Arc::clone(&store.keys));
    let per_address = settings
        .limits
        .ws_connections_per_ip
        .map_or(usize::MAX, |n| n as usize);
    let hub = Arc::new(Hub::new(per_address));
    let bus: Arc<dyn Bus> = Arc::new(InProcessBus::default());
    bus.subscribe(Arc::clone(&hub) as Arc<dyn BusSubscriber>);

    let pseudonyms = RelayPseudonyms::new(&keys.app_secret);
    let (core, writer) = Core::start(Parts {
        store: store.clone(),
        clock: Arc::clone(&clock),
        ephemeral,
        hub,
        bus: Arc::clone(&bus),
        passwords: PasswordHasher::new(&keys.app_secret, PasswordCost::default())?,
        jwt: keys.jwt,
        csrf: CsrfTokens::new(&keys.app_secret),
        audit: AuditChain::new(&keys.app_secret),
        challenges: WorkChallenges::new(&keys.app_secret),
        policy: policy(settings),
    });
    let edge = EdgeSettings {
        http_port: settings.network.http_port,
        ws_port: settings.network.ws_port,
        allowed_origins: settings.network.allowed_origins.iter().cloned().collect(),
        proxies: settings.protection.proxies.clone(),
        sms_webhook: gateways::webhook(settings),
    };
    let tls = &keys.tls.config;
    let asked = Asked {
        core: Arc::downgrade(&core),
        operator: pseudonyms.operator(),
    };
    let started = relay::start(settings, relay, &keys.turn_secret, tls, asked, clock).await;
    let ice = Arc::new(Ice {
        pseudonyms,
        secret: keys.turn_secret,
        life: settings.turn.credential_life,
        source: started.source,
    });
    if let Some(server) = &started.server {
        // Behind the memory of sessions, which thus knows of their end when the relay asks again.
        bus.subscribe(Arc::new(RelayWatch {
            server: Arc::clone(server),
            ice: Arc::clone(&ice),
        }));
    }
    let gauge = started
        .server
        .clone()
        .map(|server| Arc::new(Gauge(server)) as Arc<dyn RelayGauge>);
    let state = State {
        core,
        settings: Arc::new(edge),
        ice,
        relay: gauge,
    };
    Ok(Assembly {
        state,
        writer,
        store,
        root: keys.root,
        ephemeral: backend,
        relay: started.server,
        calls: started.said,
    })
}

fn policy(settings: &Settings) -> Policy {
    let limits = &settings.limits;
    Policy {
        access_token_life: settings.tokens.life,
        device_token_life: DEVICE_TOKEN_LIFE,
        device_token_leeway: settings.tokens.reuse_leeway,
        open_calls: Window {
            count: limits.calls.count.into(),
            per: limits.calls.per,
            block: limits.block,
        },
        failed_logins: Window {
            count: limits.failed_logins.into(),
            per: limits.failed_login_block,
            block: limits.failed_login_block,
        },
        account_calls: settings.protection.account_calls.into(),
        registration_pow_bits: settings.protection.pow_bits,
        messages: Rate {
            count: limits.ws_messages.count,
            per: limits.ws_messages.per,
        },
        registration: settings.accounts.registration,
        passwords: settings.accounts.passwords,
        channels: gateways::channels(settings),
        history: settings.retention.history,
        chats: chat_limits(&settings.chats),
        calls: CallRules {
            ring: settings.calls.ring,
            lost: settings.calls.lost,
        },
        admin_reauthentication: settings.admin.reauthentication,
        admin_second_factor: settings.admin.second_factor,
    }
}

fn chat_limits(chats: &Chats) -> ChatLimits {
    ChatLimits {
        group_members: chats.group_members.into(),
        channel_members: chats.channel_members.into(),
        per_person: chats.per_person.into(),
        owned: chats.owned.into(),
        invites: chats.invites.into(),
    }
}

/// Opens the data keys with the root key; on an empty database makes one for each purpose.
async fn open_keyring(
    db: &Database,
    root: &RootKey,
    clock: &dyn Clock,
) -> Result<Keyring, WiringError> {
    let tx = db.begin().await?;
    let mut stored = data_keys::all(&tx).await?;
    for purpose in Purpose::ALL {
        if stored.iter().any(|key| key.purpose == purpose) {
            continue;
        }
        let id = stored.iter().map(|key| key.id).max().unwrap_or(0) + 1;
        let key = root.wrap_new(id, purpose, clock.now());
        data_keys::insert_current(&tx, &key).await?;
        stored.push(key);
    }
    // Before the commit: a wrong root key must not leave keys of its own behind.
    let keyring = Keyring::open(root, stored)?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(keyring)
}
