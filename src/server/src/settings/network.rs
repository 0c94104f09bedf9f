//! Where the server listens and who may talk to it.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::Uri;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Network",
    specs: &[
        HTTP_PORT,
        WS_PORT,
        BIND_ADDRESS,
        PUBLIC_URL,
        ALLOWED_ORIGINS,
    ],
};

const HTTP_PORT: Spec = Spec {
    name: "HTTP_PORT",
    default: Some("8088"),
    example: "8088",
    secret: false,
    help: "TCP port for HTTPS (REST, and WebSocket at /ws).",
};
const WS_PORT: Spec = Spec {
    name: "WS_PORT",
    default: Some("8089"),
    example: "8089",
    secret: false,
    help: "TCP port for secure WebSocket alone. Must differ from HTTP_PORT.",
};
const BIND_ADDRESS: Spec = Spec {
    name: "BIND_ADDRESS",
    default: Some("0.0.0.0"),
    example: "0.0.0.0",
    secret: false,
    help: "IP address to listen on. 0.0.0.0: every IPv4 address; :: every IPv6 and IPv4 one; 127.0.0.1: this machine only.",
};
const PUBLIC_URL: Spec = Spec {
    name: "PUBLIC_URL",
    default: None,
    example: "https://chat.example.org",
    secret: false,
    help: "Where people reach this server, if that is not the machine's own name. Its web pages may connect,
           and a certificate that the server makes for itself names this host too.",
};
const ALLOWED_ORIGINS: Spec = Spec {
    name: "ALLOWED_ORIGINS",
    default: None,
    example: "https://chat.example.org,http://localhost:5173",
    secret: false,
    help: "Web origins, separated by commas, whose pages may call the API and open WebSockets (CORS, Origin).
           Apps that send no Origin are not concerned. Unset: only the server's own pages and PUBLIC_URL.",
};

/// Addresses and web origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// TCP port for HTTPS.
    pub http_port: u16,
    /// TCP port for secure WebSocket.
    pub ws_port: u16,
    /// Address to listen on.
    pub bind: IpAddr,
    /// `https://host[:port]`, without a slash at the end.
    pub public_url: Option<String>,
    /// Origins in the form that browsers send; [`Network::public_url`] is among them.
    pub allowed_origins: Vec<String>,
}

impl Network {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let http_port = reader.value(&HTTP_PORT, parse::port);
        let ws_port = reader.value(&WS_PORT, parse::port);
        if http_port.is_some() && http_port == ws_port {
            reader.conflict(&WS_PORT, "must differ from HTTP_PORT");
        }
        let bind = reader.value(&BIND_ADDRESS, parse::address);
        let public_url = reader.optional(&PUBLIC_URL, parse::public_url);
        let allowed_origins = reader.optional(&ALLOWED_ORIGINS, parse::origins);

        let public_url = public_url?;
        let mut allowed_origins = allowed_origins?.unwrap_or_default();
        if let Some(own) = &public_url
            && !allowed_origins.contains(own)
        {
            allowed_origins.push(own.clone());
        }
        Some(Self {
            http_port: http_port?,
            ws_port: ws_port?,
            bind: bind?,
            public_url,
            allowed_origins,
        })
    }

    /// Where HTTPS listens.
    pub fn http_address(&self) -> SocketAddr {
        SocketAddr::new(self.bind, self.http_port)
    }

    /// Where secure WebSocket listens.
    pub fn ws_address(&self) -> SocketAddr {
        SocketAddr::new(self.bind, self.ws_port)
    }

    /// The host of the public URL, without its port.
    pub fn public_host(&self) -> Option<String> {
        let uri: Uri = self.public_url.as_ref()?.parse().ok()?;
        Some(uri.host()?.trim_matches(['[', ']']).to_owned())
    }

    /// This machine only.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            http_port: 8088,
            ws_port: 8089,
            bind: IpAddr::from([127, 0, 0, 1]),
            public_url: None,
            allowed_origins: Vec::new(),
        }
    }
}
