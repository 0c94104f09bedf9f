//! `melo serve`: from settings to a running server, and to its end.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use melo_api::Listeners;
use melo_crypto::EchoSecrets;
use melo_domain::{Clock, SystemClock};
use melo_jobs::{Timetable, Worker};
use melo_protocol::CloseCode;
use melo_realtime::Close;
use tokio::sync::watch;

use crate::banner::{self, Language};
use crate::data_dir::{self, DataDirError, DataDirLock};
use crate::echo::Echo;
use crate::gateways;
use crate::housekeeping::Housekeeping;
use crate::keys::{self, JwtWatch, Keys, KeysError};
use crate::open_files;
use crate::settings::Settings;
use crate::shutdown::StopSignals;
use crate::tls::Reloader;
use crate::wiring::{self, Assembly, WiringError};

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Key material.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Database, keys, services.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// A port.
    #[error("{0}; is another server running there? Set HTTP_PORT or WS_PORT, or stop it")]
    Listen(#[from] melo_api::ServerError),
}

/// What clients are told to wait, in seconds, when the server stops.
const COME_BACK_AFTER: &str = "2";
/// How long the log writer may take for what is queued.
const WRITER_WITHIN: Duration = Duration::from_secs(5);

/// Everything up to having keys; then [`serve`].
pub async fn run(settings: Settings) -> Result<(), ServeError> {
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let open_files = open_files::raise_limit();
    tracing::debug!(open_files, "limit of open files");
    data_dir::prepare(&settings.storage.data_dir)?;
    let _held = DataDirLock::acquire(&settings.storage.data_dir).await?;

    let clock = Arc::new(SystemClock);
    for file in keys::make_missing(&settings, clock.now())? {
        tracing::info!(file = %file.display(), "made");
    }
    let keys = keys::load(&settings)?;
    tokio::spawn(Reloader::of(&keys.tls).run());
    // Boxed: its state is large, and it is held once.
    Box::pin(serve(settings, keys)).await
}

/// Connects storage, services and the HTTP and WebSocket edge, listens, and returns after a graceful
/// shutdown.
async fn serve(settings: Settings, keys: Keys) -> Result<(), ServeError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tls = keys.tls.config.clone();
    let certificate = keys.tls.info.clone();
    let resolver = Arc::clone(&keys.tls.resolver);
    let echo_secrets = EchoSecrets::new(&keys.app_secret);
    let jwt = JwtWatch::of(&settings);
    let Assembly {
        state,
        writer,
        store,
        root,
        ephemeral,
        relay,
        calls,
    } = wiring::assemble(&settings, keys, &settings.turn.mode, Arc::clone(&clock)).await?;

    let hub = Arc::clone(state.core.hub());
    let worker = Worker {
        core: Arc::clone(&state.core),
        gateways: Arc::new(gateways::assemble(&settings).map_err(WiringError::from)?),
    };
    let echo = Echo::of(&settings, &state.core, echo_secrets, resolver, relay);
    let (stop, stopped) = watch::channel(false);
    let core = Arc::clone(&state.core);
    let housekeeping = Housekeeping {
        core,
        store: store.clone(),
        root,
        ephemeral,
        clock,
        jwt,
    };
    let timetable = Timetable::start(&state.core)
        .await
        .map_err(WiringError::from)?;
    let worker = tokio::spawn(worker.run(stopped.clone()));
    let housekeeping = tokio::spawn(housekeeping.run(stopped));
    let (part, parted) = watch::channel(false);

    let listeners = Listeners {
        https: settings.network.http_address(),
        wss: settings.network.ws_address(),
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let server = melo_api::start(state, listeners, &tls, workers)?;
    let handle = server.handle();
    let serving = tokio::spawn(server);
    let echo = tokio::spawn(async move {
        if let Some(echo) = echo {
            echo.run(parted).await;
        }
    });
    // Before it is told to be ready: from then on it may be told to stop.
    let signals = StopSignals::listen();
    let ready = banner::ready(&settings, &certificate, &calls, Language::of_terminal());
    // Nobody may be reading any more; that is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{ready}");

    let signal = signals.received().await;
    tracing::info!(signal, connections = hub.connections(), "stopping");
    // First of all: it is a client, and would only try to come back.
    let _ = part.send(true);
    let _ = echo.await;
    hub.stop(&Close {
        code: CloseCode::GoingAway,
        reason: COME_BACK_AFTER.to_owned(),
    });
    // Stops accepting at once and returns when the accepted calls are answered, or after its own limit.
    handle.stop(true).await;
    let _ = serving.await;
    // A receiver that is gone has ended already.
    let _ = stop.send(true);
    timetable.stop().await;
    let _ = worker.await;
    let _ = housekeeping.await;
    // The last handles to the core are gone with the server and the housekeeping: the log writer ends when
    // its queue is written.
    let _ = tokio::time::timeout(WRITER_WITHIN, writer).await;
    store.db.close().await.map_err(WiringError::from)?;
    tracing::info!("stopped");
    Ok(())
}
