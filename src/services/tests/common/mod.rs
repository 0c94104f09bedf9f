//! A core on a real database in a directory of its own, and people in it.

// Each test binary uses its own part; a failed set-up fails the test; rules are made once a test and given away.
#![allow(dead_code, clippy::unwrap_used, clippy::large_types_passed_by_value)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use melo_crypto::{
    AuditChain, CsrfTokens, JwtKeys, Keyring, PasswordCost, PasswordHasher, Purpose, RootKey,
    WorkChallenges, e2e::PublicKeyPem, keygen,
};
use melo_domain::{Clock, ManualClock, Role, Secret, Timestamp, Uid};
use melo_ephemeral::{Ephemeral, InProcess};
use melo_realtime::{Bus, BusSubscriber, Hub, InProcessBus};
use melo_services::account::{self, Identifier, LoginInput, Registration};
use melo_services::contacts::{self, SubscribeInput};
use melo_services::{Caller, Core, Origin, Parts, Policy};
use melo_storage::accounts::{self, Standing};
use melo_storage::audit::{self, AuditEntry, AuditFilter};
use melo_storage::{Database, Store, data_keys};
use tempfile::TempDir;

pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const PASSWORD: &str = "correct horse battery";

/// A server without its edge.
pub struct World {
    pub core: Arc<Core>,
    pub clock: Arc<ManualClock>,
    pub store: Store,
    /// The way to all nodes.
    pub bus: Arc<dyn Bus>,
    /// Statements that the database was given.
    pub statements: Arc<AtomicU64>,
    /// Short-lived state, shared by all nodes.
    ephemeral: Ephemeral,
    policy: Policy,
    private_pem: Secret,
    e2e_key: PublicKeyPem,
    _dir: Option<TempDir>,
}

impl World {
    pub async fn new() -> Self {
        let policy = Policy::default();
        let open_calls = melo_services::Window {
            count: 10_000,
            ..policy.open_calls
        };
        Self::with(Policy {
            open_calls,
            ..policy
        })
        .await
    }

    pub async fn with(policy: Policy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/melo.db", dir.path().display());
        let db = Database::connect(&url).await.unwrap();
        Self {
            _dir: Some(dir),
            ..Self::on(db, policy).await
        }
    }

    /// On an empty database of the caller's own.
    pub async fn on(mut db: Database, policy: Policy) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
        let statements = Arc::default();
        db.migrate().await.unwrap();
        db.count_statements(&statements);
        let root = RootKey::generate();
        let mut wrapped = Vec::new();
        for (id, purpose) in (1..).zip(Purpose::ALL) {
            let key = root.wrap_new(id, purpose, clock.now());
            data_keys::insert_current(db.write(), &key).await.unwrap();
            wrapped.push(key);
        }
        let keys = Arc::new(Keyring::open(&root, wrapped).unwrap());
        let store = Store {
            db,
            keys: Arc::clone(&keys),
        };
        let bus: Arc<dyn Bus> = Arc::new(InProcessBus::default());
        let private = keygen::rsa_private_pem(2048).unwrap();
        let e2e_key = PublicKeyPem::parse(&keygen::rsa_public_pem(&private).unwrap()).unwrap();
        let backend = Arc::new(InProcess::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let ephemeral = Ephemeral::new(backend, keys);
        let world_clock: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let core = node(&store, &world_clock, &ephemeral, &bus, &private, policy);
        Self {
            core,
            clock,
            store,
            bus,
            statements,
            ephemeral,
            policy,
            private_pem: private,
            e2e_key,
            _dir: None,
        }
    }

    /// Another node: joined to the first by the bus, the database and the short-lived store alone.
    pub fn another_node(&self) -> Arc<Core> {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let (store, pem) = (&self.store, &self.private_pem);
        node(store, &clock, &self.ephemeral, &self.bus, pem, self.policy)
    }

    pub fn registration(&self, phone: &str) -> Registration {
        Registration {
            phone: phone.parse().unwrap(),
            name: "Anna".parse().unwrap(),
            nickname: "anna".parse().unwrap(),
            password: Secret::new(PASSWORD.to_owned()),
            code: None,
            invite: None,
            device_id: device_id(1),
            e2e_key: PublicKeyPem::parse(self.e2e_key.as_str()).unwrap(),
            work: None,
            origin: origin(),
        }
    }

    pub fn login_input(uid: Uid, device: u8) -> LoginInput {
        LoginInput {
            identifier: Identifier::Uid(uid),
            password: Some(Secret::new(PASSWORD.to_owned())),
            device_id: device_id(device),
            device_token: None,
            e2e_key: None,
            code: None,
            origin: origin(),
        }
    }

    /// A new person with one device.
    pub async fn person(&self, phone: &str) -> Caller {
        let registered = account::register(&self.core, &self.registration(phone))
            .await
            .unwrap();
        self.login(registered.uid, 1).await
    }

    /// Another device of a person.
    pub async fn login(&self, uid: Uid, device: u8) -> Caller {
        let begun = account::login(&self.core, Self::login_input(uid, device))
            .await
            .unwrap();
        account::authenticate(&self.core, begun.access_token.expose())
            .await
            .unwrap()
    }

    /// Two people who are contacts.
    pub async fn pair(&self) -> (Caller, Caller) {
        let anna = self.person("+79990000001").await;
        let boris = self.person("+79990000002").await;
        self.befriend(anna, boris).await;
        (anna, boris)
    }

    pub async fn befriend(&self, one: Caller, other: Caller) {
        let csrf_token = account::issue_csrf(&self.core, one);
        let input = SubscribeInput {
            target: other.uid,
            secret: false,
            csrf_token,
        };
        contacts::subscribe(&self.core, one, &input).await.unwrap();
        let csrf = account::issue_csrf(&self.core, other);
        contacts::confirm(&self.core, other, one.uid, &csrf)
            .await
            .unwrap();
    }

    pub async fn promote(&self, uid: Uid, role: Role) {
        let change = Standing {
            role: Some(role),
            ..Standing::default()
        };
        accounts::set_standing(self.store.db.write(), uid, change)
            .await
            .unwrap();
    }

    /// What the audit log has of one action, newest first.
    pub async fn audited(&self, action: &str) -> Vec<AuditEntry> {
        let filter = AuditFilter {
            action: Some(action.to_owned()),
            ..AuditFilter::default()
        };
        audit::search(self.store.db.read(), &self.store.keys, &filter, None, 1000)
            .await
            .unwrap()
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

fn node(
    store: &Store,
    clock: &Arc<dyn Clock>,
    ephemeral: &Ephemeral,
    bus: &Arc<dyn Bus>,
    private_pem: &Secret,
    policy: Policy,
) -> Arc<Core> {
    let hub = Arc::new(Hub::new(1000));
    bus.subscribe(Arc::clone(&hub) as Arc<dyn BusSubscriber>);
    let secret = keygen::app_secret();
    let (core, _writer) = Core::start(Parts {
        store: store.clone(),
        clock: Arc::clone(clock),
        ephemeral: ephemeral.clone(),
        hub,
        bus: Arc::clone(bus),
        passwords: PasswordHasher::new(&secret, PasswordCost::for_testing()).unwrap(),
        jwt: JwtKeys::from_pem(private_pem, "melo", "melo-clients").unwrap(),
        csrf: CsrfTokens::new(&secret),
        audit: AuditChain::new(&secret),
        challenges: WorkChallenges::new(&secret),
        policy,
    });
    core
}

pub fn device_id(n: u8) -> melo_domain::ClientDeviceId {
    format!("{n:016x}").parse().unwrap()
}

pub fn origin() -> Origin {
    origin_at(HERE)
}

pub fn origin_at(address: IpAddr) -> Origin {
    Origin::new(address, "test", "0000000000000000".to_owned())
}
