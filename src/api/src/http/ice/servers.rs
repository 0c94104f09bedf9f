//! GET /ice_servers.

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::http::uri::Authority;
use actix_web::web::{Data, Json};
use melo_protocol::rest::ice::{IceServer, IceServersAnswer};
use melo_services::ice;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

/// What a request without a usable host is told: the machine that it was sent from, or nobody.
const NOWHERE: &str = "localhost";

pub(crate) async fn handle(
    state: Data<State>,
    request: HttpRequest,
    Authenticated(caller): Authenticated,
) -> Result<Json<IceServersAnswer>, ApiError> {
    let called = called(&request);
    let called = called.as_deref().unwrap_or(NOWHERE);
    let issued = ice::issue(&state.core, &state.ice, caller, called).await?;
    let servers = issued.servers.into_iter().map(|server| {
        let (username, credential) = server.credentials.unzip();
        IceServer {
            urls: server.url,
            username,
            credential,
        }
    });
    Ok(Json(IceServersAnswer {
        ice_servers: servers.collect(),
        expires_at: issued.expires,
        echo: state.core.echo(),
    }))
}

/// The host that the client has called, without its port. What it made up, it is told itself and nobody else.
fn called(request: &HttpRequest) -> Option<String> {
    let authority: Authority = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => request
            .headers()
            .get(header::HOST)?
            .to_str()
            .ok()?
            .parse()
            .ok()?,
    };
    let host = authority.host();
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_called_host_has_no_port() {
        for (host, expected) in [
            ("chat.example.org:8088", Some("chat.example.org")),
            ("chat.example.org", Some("chat.example.org")),
            ("[2001:db8::1]:8088", Some("[2001:db8::1]")),
            ("", None),
            ("a b", None),
        ] {
            let request = TestRequest::get()
                .insert_header((header::HOST, host))
                .to_http_request();
            assert_eq!(called(&request).as_deref(), expected, "{host}");
        }
    }
}
