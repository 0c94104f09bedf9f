//! What handlers share.

use std::collections::HashSet;
use std::sync::Arc;

use melo_services::Core;
use melo_services::ice::{Ice, RelayGauge};
use melo_services::outgoing::WebhookGuard;

use crate::TrustedProxies;

/// The edge's own settings.
#[derive(Clone, Default)]
pub struct EdgeSettings {
    /// HTTPS port, as /status names it.
    pub http_port: u16,
    /// WSS port.
    pub ws_port: u16,
    /// Origins of pages that may call us, like `https://chat.example.org`. Lower case, no slash at the end.
    pub allowed_origins: HashSet<String>,
    /// Who may say whom they speak for.
    pub proxies: TrustedProxies,
    /// How reports of the provider of text messages are told from anybody's calls.
    pub sms_webhook: Option<WebhookGuard>,
}

/// Handed to every handler.
#[derive(Clone)]
pub struct State {
    /// The use cases.
    pub core: Arc<Core>,
    /// Settings.
    pub settings: Arc<EdgeSettings>,
    /// Servers for calls.
    pub ice: Arc<Ice>,
    /// The relay of this process, if it has one.
    pub relay: Option<Arc<dyn RelayGauge>>,
}

impl State {
    /// Whether a browser page of this origin may call us.
    pub(crate) fn origin_allowed(&self, origin: &str) -> bool {
        self.settings
            .allowed_origins
            .contains(&origin.to_ascii_lowercase())
    }
}
