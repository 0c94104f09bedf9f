//! TLS connections that trust one certificate only.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection to a server under test.
pub type Stream = TlsStream<TcpStream>;

/// How to connect.
#[derive(Debug, Clone)]
pub struct Tls {
    trusted: CertificateDer<'static>,
    versions: &'static [&'static SupportedProtocolVersion],
    receive_buffer: Option<u32>,
}

impl Tls {
    /// Trusts the one certificate of this PEM text.
    pub fn trusting(pem: &str) -> Self {
        install_provider();
        Self {
            trusted: CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"),
            versions: rustls::ALL_VERSIONS,
            receive_buffer: None,
        }
    }

    /// Offers this version only.
    #[must_use]
    pub fn only(mut self, version: &'static [&'static SupportedProtocolVersion]) -> Self {
        self.versions = version;
        self
    }

    /// Takes in only so many bytes that nobody reads.
    #[must_use]
    pub fn with_receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Connects to a port of this machine.
    pub async fn connect(&self, port: u16) -> std::io::Result<Stream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).expect("a trust anchor");
        let config = ClientConfig::builder_with_protocol_versions(self.versions)
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let tcp = socket.connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
    }
}

/// The version that was agreed on.
pub fn version(stream: &Stream) -> ProtocolVersion {
    stream.get_ref().1.protocol_version().expect("a handshake")
}

/// The certificate that the server showed.
pub fn certificate(stream: &Stream) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates().expect("a handshake");
    chain.first().expect("a certificate").clone().into_owned()
}

/// Chooses the cryptography for the whole process; further calls change nothing.
pub fn install_provider() {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // Somebody else of this process was first: it is the same one.
    let _ = provider.install_default();
}
