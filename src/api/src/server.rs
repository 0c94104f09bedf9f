//! Listeners, TLS and the application in front of the handlers.

use std::net::SocketAddr;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::Server;
use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use crate::{State, cookie, http, middleware, refusals, sse, ws};

/// Where to listen.
#[derive(Debug, Clone, Copy)]
pub struct Listeners {
    /// HTTPS, with WebSockets at `/ws`.
    pub https: SocketAddr,
    /// WSS at `/`.
    pub wss: SocketAddr,
}

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ServerError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

/// How long a TLS handshake, and then a request's head, may take on a bad network.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(15);
/// How long calls that were accepted may take when the server stops.
const SHUTDOWN_SECONDS: u64 = 8;

/// Opens the listeners and starts serving. The returned server runs until it is stopped through its handle;
/// signals are the caller's.
pub fn start(
    state: State,
    listeners: Listeners,
    tls: &rustls::ServerConfig,
    workers: usize,
) -> Result<Server, ServerError> {
    let app_state = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(app_state.clone()))
            .wrap(from_fn(refusals::note))
            .wrap(from_fn(cookie::guard))
            .wrap(cors(&app_state))
            .wrap(from_fn(middleware::around))
            .configure(ws::routes)
            .configure(sse::routes)
            .configure(http::routes)
    })
    .workers(workers)
    .shutdown_timeout(SHUTDOWN_SECONDS)
    // Small frames go out at once: Nagle waits for acknowledgements that the other side delays.
    .tcp_nodelay(true)
    .keep_alive(Duration::from_secs(75))
    .client_request_timeout(HANDSHAKE_WITHIN)
    .tls_handshake_timeout(HANDSHAKE_WITHIN)
    .disable_signals();
    let bind = |server: HttpServer<_, _, _, _>, address: SocketAddr| {
        server
            .bind_rustls_0_23(address, tls.clone())
            .map_err(|source| ServerError { address, source })
    };
    let server = bind(server, listeners.https)?;
    Ok(bind(server, listeners.wss)?.run())
}

fn cors(state: &State) -> Cors {
    let state = state.clone();
    Cors::default()
        .allowed_origin_fn(move |origin, _| origin.to_str().is_ok_and(|o| state.origin_allowed(o)))
        .allowed_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .allowed_header("idempotency-key")
        .allowed_header("x-csrf-token")
        .allowed_header("last-event-id")
        .expose_headers([header::RETRY_AFTER])
        .expose_headers(middleware::RATE_LIMIT)
        .supports_credentials()
        .block_on_origin_mismatch(false)
        .max_age(3600)
}
