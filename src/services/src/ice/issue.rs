//! What somebody should use for a call that they make now.

use melo_domain::{Secret, Timestamp};
use melo_ephemeral::Kind;
use melo_stun::shared_secret_password;

use super::account::Holder;
use super::{Ice, IcePort, IceSource};
use crate::{Caller, Core, Fault};

/// One server, reached in one way.
#[derive(Debug, Clone)]
pub struct IceServer {
    /// Where (RFC 7064, RFC 7065).
    pub url: String,
    /// Name and password, for relays.
    pub credentials: Option<(String, Secret)>,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct IceServers {
    /// In the order in which they are to be tried.
    pub servers: Vec<IceServer>,
    /// Until when the credentials are good; none where there are none.
    pub expires: Option<Timestamp>,
}

/// Names the servers, with fresh credentials for this session. `called` is the host that the client has reached us by.
pub async fn issue(
    core: &Core,
    ice: &Ice,
    caller: Caller,
    called: &str,
) -> Result<IceServers, Fault> {
    let urls = match &ice.source {
        IceSource::Off => Vec::new(),
        IceSource::Embedded { host, ports } => {
            let host = host.as_deref().unwrap_or(called);
            ports.iter().map(|port| url(host, *port)).collect()
        }
        IceSource::External(urls) => urls.clone(),
    };
    let relays = urls.iter().any(|url| needs_credentials(url));
    if !relays {
        let servers = urls.into_iter().map(|url| IceServer {
            url,
            credentials: None,
        });
        return Ok(IceServers {
            servers: servers.collect(),
            expires: None,
        });
    }
    let pseudonym = ice.pseudonyms.of(caller.uid, caller.session);
    if matches!(ice.source, IceSource::Embedded { .. }) {
        remember(core, ice, caller, &pseudonym).await?;
    }
    // Whole seconds: what the name says is what counts.
    let expires = core.now().plus(ice.life).seconds();
    let username = format!("{expires}:{pseudonym}");
    let password = shared_secret_password(&ice.secret, &username);
    let servers = urls.into_iter().map(|url| IceServer {
        credentials: needs_credentials(&url).then(|| (username.clone(), password.clone())),
        url,
    });
    Ok(IceServers {
        servers: servers.collect(),
        expires: Some(Timestamp::from_millis(expires.saturating_mul(1000))),
    })
}

/// The relay asks whose a pseudonym is, and an HMAC does not say.
async fn remember(core: &Core, ice: &Ice, caller: Caller, pseudonym: &str) -> Result<(), Fault> {
    let holder = Holder {
        uid: caller.uid,
        session: caller.session,
    };
    let holder = serde_json::to_vec(&holder).map_err(|_| Fault::Task)?;
    let id = pseudonym.as_bytes();
    core.ephemeral
        .lease(Kind::Relay, id, b"", &holder, ice.life)
        .await?;
    Ok(())
}

fn url(host: &str, port: IcePort) -> String {
    let IcePort {
        scheme,
        port,
        transport,
    } = port;
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    match transport {
        Some(transport) => format!("{scheme}:{host}:{port}?transport={transport}"),
        None => format!("{scheme}:{host}:{port}"),
    }
}

fn needs_credentials(url: &str) -> bool {
    url.starts_with("turn:") || url.starts_with("turns:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_of_the_standard() {
        let port = |scheme, port, transport| IcePort {
            scheme,
            port,
            transport,
        };
        let udp = port("turn", 3478, Some("udp"));
        assert_eq!(
            url("chat.example.org", udp),
            "turn:chat.example.org:3478?transport=udp"
        );
        assert_eq!(
            url("2001:db8::1", port("turns", 5349, Some("tcp"))),
            "turns:[2001:db8::1]:5349?transport=tcp"
        );
        assert_eq!(
            url("192.0.2.1", port("stun", 3478, None)),
            "stun:192.0.2.1:3478"
        );
    }

    #[test]
    fn only_relays_want_credentials() {
        assert!(needs_credentials("turn:a:1") && needs_credentials("turns:a:1"));
        assert!(!needs_credentials("stun:a:1") && !needs_credentials("stuns:a:1"));
    }
}
