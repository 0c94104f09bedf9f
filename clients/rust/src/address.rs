//! Where a server is.

use reqwest::Url;

/// What is used when nothing else is said.
pub const DEFAULT_SERVER: &str = "https://localhost:8088";

/// The HTTPS port whose WebSocket listener has a port of its own.
const HTTPS_PORT: u16 = 8088;
/// That port.
const WSS_PORT: u16 = 8089;

/// An address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not `https://host[:port]`.
    #[error("the server's address must look like https://example.org:8088")]
    Server,
    /// Not `wss://host[:port][/path]`.
    #[error("the WebSocket address must look like wss://example.org:8089/")]
    WebSocket,
}

/// The two addresses of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    https: Url,
    wss: Url,
}

impl ServerAddress {
    /// Reads `server`; without a `ws` of its own, the WebSocket is port 8089 beside 8088, and `/ws` on any
    /// other port.
    pub fn parse(server: &str, ws: Option<&str>) -> Result<Self, AddressError> {
        let https = Url::parse(server.trim()).map_err(|_| AddressError::Server)?;
        let plain =
            https.username().is_empty() && https.password().is_none() && https.query().is_none();
        if https.scheme() != "https" || https.host_str().is_none() || !plain {
            return Err(AddressError::Server);
        }
        let wss = match ws {
            Some(ws) => Url::parse(ws.trim()).map_err(|_| AddressError::WebSocket)?,
            None => beside(&https).ok_or(AddressError::WebSocket)?,
        };
        if wss.scheme() != "wss" || wss.host_str().is_none() {
            return Err(AddressError::WebSocket);
        }
        Ok(Self { https, wss })
    }

    /// The base of all REST calls.
    pub fn https(&self) -> &Url {
        &self.https
    }

    /// The WebSocket.
    pub fn wss(&self) -> &Url {
        &self.wss
    }
}

fn beside(https: &Url) -> Option<Url> {
    let mut wss = Url::parse(&https.as_str().replacen("https", "wss", 1)).ok()?;
    if https.port() == Some(HTTPS_PORT) {
        wss.set_port(Some(WSS_PORT)).ok()?;
        wss.set_path("/");
    } else {
        wss.set_path("/ws");
    }
    Some(wss)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wss(server: &str, ws: Option<&str>) -> Result<String, AddressError> {
        ServerAddress::parse(server, ws).map(|a| a.wss().to_string())
    }

    #[test]
    fn the_socket_is_found_beside_the_server() {
        assert_eq!(
            wss("https://localhost:8088", None).as_deref(),
            Ok("wss://localhost:8089/")
        );
        assert_eq!(
            wss("https://example.org", None).as_deref(),
            Ok("wss://example.org/ws")
        );
        assert_eq!(
            wss("https://[::1]:9000/", None).as_deref(),
            Ok("wss://[::1]:9000/ws")
        );
        assert_eq!(
            wss("https://a", Some("wss://b:1/x")).as_deref(),
            Ok("wss://b:1/x")
        );
    }

    #[test]
    fn only_encrypted_addresses_are_taken() {
        for bad in [
            "http://localhost:8088",
            "localhost:8088",
            "",
            "https://",
            "https://me:pw@host",
            "ftp://x",
        ] {
            assert_eq!(wss(bad, None), Err(AddressError::Server), "{bad}");
        }
        assert_eq!(
            wss("https://a", Some("ws://a")),
            Err(AddressError::WebSocket)
        );
    }
}
