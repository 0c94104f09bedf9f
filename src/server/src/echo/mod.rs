//! The echo contact: takes every request, answers every call, sends the sound back. It is a client of this server like
//! any other, with a device, keys and a connection of its own, so whatever it does goes the way that everybody's does;
//! on each node there is one device of it, and of those that ring the first one answers.

mod account;
mod certificate;
mod conversation;
mod reach;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use melo_client::client::{CallEvent, ChatEvent, ChatNews, Event, Events, Live};
use melo_client::phone::{Admits, Phone, PhoneOptions, Transport};
use melo_client::{Client, ClientError};
use melo_crypto::EchoSecrets;
use melo_domain::{CallId, LogId};
use melo_gateways::turn::TurnServer;
use melo_services::Core;
use melo_services::echo::EchoError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::settings::Settings;
use crate::tls::CertificateResolver;
use conversation::Conversation;

pub use account::Door;

/// How long to wait before beginning anew; it grows up to the second one.
const RETRY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// Why the echo does not work at this moment.
#[derive(Debug, thiserror::Error)]
pub enum EchoFailure {
    /// Its account.
    #[error("its account cannot be had: {0}")]
    Account(#[from] EchoError),
    /// Its client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Its connection has ended.
    #[error("its connection has ended: {0}")]
    Ended(String),
}

/// What the echo needs of the server.
pub struct Echo {
    core: Arc<Core>,
    secrets: EchoSecrets,
    door: Door,
    /// Where packets may be sent to.
    admits: Admits,
    /// Calls at once.
    most: usize,
}

impl Echo {
    /// The echo of this server, if it is to have one.
    pub fn of(
        settings: &Settings,
        core: &Arc<Core>,
        secrets: EchoSecrets,
        certificate: Arc<CertificateResolver>,
        relay: Option<Arc<TurnServer>>,
    ) -> Option<Self> {
        Some(Self {
            admits: reach::admits(settings, relay),
            most: settings.calls.echo?,
            core: Arc::clone(core),
            secrets,
            door: Door::of(settings, certificate),
        })
    }

    /// Is there until the server stops. Whatever fails is tried again: nothing else waits for it.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut wait = RETRY.0;
        loop {
            let ended = tokio::select! {
                ended = self.attend(&mut wait) => ended,
                _ = stopped.changed() => return,
            };
            if let Err(failure) = ended {
                tracing::warn!(%failure, retry_in = wait.as_secs(), "the echo does not answer");
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(RETRY.1),
                _ = stopped.changed() => return,
            }
        }
    }

    async fn attend(&self, wait: &mut Duration) -> Result<(), EchoFailure> {
        let uid = melo_services::echo::ensure(&self.core, self.secrets.password.clone()).await?;
        let client = account::open(&self.door, &self.secrets, uid).await?;
        let (live, events) = client.live();
        let desk = Desk {
            phone: Phone::new(client.clone(), live.call_line(), self.options()),
            core: &self.core,
            client,
            live,
            most: self.most,
            calls: HashMap::new(),
            tasks: JoinSet::new(),
        };
        *wait = RETRY.0;
        desk.attend(events).await
    }

    fn options(&self) -> PhoneOptions {
        PhoneOptions {
            // Existing clients are to hear themselves, too.
            answers_plain: true,
            // The relay is in this machine: it needs no other transport, and one place in it for each call is enough.
            relay_transport: Some(Transport::Udp),
            admits: Some(Arc::clone(&self.admits)),
            ..PhoneOptions::default()
        }
    }
}

/// Where everything arrives.
struct Desk<'a> {
    core: &'a Core,
    client: Client,
    phone: Phone,
    live: Live,
    most: usize,
    calls: HashMap<CallId, mpsc::Sender<CallEvent>>,
    /// They end with the desk.
    tasks: JoinSet<()>,
}

impl Desk<'_> {
    async fn attend(mut self, mut events: Events) -> Result<(), EchoFailure> {
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::Ended(ended)) => return Err(EchoFailure::Ended(ended.to_string())),
                    None => return Err(EchoFailure::Ended("it was closed".to_owned())),
                    Some(Event::Synced) => {
                        // From now on it can be called: clients are told of it.
                        self.core.set_echo(self.client.uid());
                        tracing::info!("the echo answers calls");
                    }
                    Some(Event::ContactRequest { from, .. }) => {
                        if let Err(error) = self.client.accept_contact(from).await {
                            // Nothing of the error but its code: it may say whose request it was.
                            let code = error.code().map(melo_protocol::ErrorCode::as_str);
                            tracing::warn!(code, "the echo could not take a request");
                        }
                    }
                    Some(Event::Chat(ChatEvent { chat, news: ChatNews::Added { .. }, .. })) => self.leave(chat).await,
                    Some(Event::Call(event)) => self.call(event),
                    Some(_) => {}
                },
                // However a call has ended, it makes room.
                Some(_) = self.tasks.join_next() => self.calls.retain(|_, call| !call.is_closed()),
            }
        }
    }

    /// It has nothing to say in groups and channels, and would only have to read what others write there.
    async fn leave(&self, chat: LogId) {
        if let Err(error) = self.client.leave_chat(chat).await {
            let code = error.code().map(melo_protocol::ErrorCode::as_str);
            tracing::warn!(code, "the echo could not leave a chat");
        }
    }

    fn call(&mut self, event: CallEvent) {
        let Some(id) = conversation::call_of(&event) else {
            return;
        };
        if let Some(call) = self.calls.get(&id) {
            // A call that is over, or takes nothing in, has lost something; it has a time limit.
            let _ = call.try_send(event);
            return;
        }
        let CallEvent::Heard(offer) = event else {
            return;
        };
        if offer.kind != "offer" || offer.chat.is_some() {
            return;
        }
        if self.calls.len() >= self.most {
            conversation::decline(&self.live, id, &offer);
            return;
        }
        let (sender, receiver) = mpsc::channel(conversation::WAITING);
        self.calls.insert(id, sender);
        let conversation = Conversation {
            phone: self.phone.clone(),
            events: receiver,
        };
        self.tasks.spawn(conversation.hold(offer));
    }
}
