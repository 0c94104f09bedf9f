//! The certificate that is shown, and the TLS configuration around it.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{CertificateFiles, CertificateInfo, TlsError};
use crate::keys::files;

/// Shows the current certificate to each new connection. Exchanging it does not concern those that last.
pub struct CertificateResolver {
    current: ArcSwap<CertifiedKey>,
}

impl CertificateResolver {
    /// Shows this one.
    pub fn new(first: CertifiedKey) -> Self {
        Self {
            current: ArcSwap::from_pointee(first),
        }
    }

    /// From now on shows this one.
    pub fn replace(&self, next: CertifiedKey) {
        self.current.store(Arc::new(next));
    }

    /// The one that is shown.
    pub fn current(&self) -> Arc<CertifiedKey> {
        self.current.load_full()
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl fmt::Debug for CertificateResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateResolver")
    }
}

/// Everything the listeners need.
pub struct Identity {
    /// Where the certificate comes from.
    pub files: CertificateFiles,
    /// Facts about the certificate that was loaded first.
    pub info: CertificateInfo,
    /// Shows the current certificate.
    pub resolver: Arc<CertificateResolver>,
    /// For both listeners. ALPN is left to the HTTP server, which offers `h2` and `http/1.1`.
    pub config: ServerConfig,
}

impl Identity {
    /// Reads the files and sets TLS 1.2 and 1.3 up.
    pub fn load(files: CertificateFiles) -> Result<Self, TlsError> {
        let certified = read(&files)?;
        let info = inspect(&files, &certified)?;
        let resolver = Arc::new(CertificateResolver::new(certified));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(TlsError::Setup)?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&resolver) as Arc<dyn ResolvesServerCert>);
        // Tickets (RFC 8446, section 4.6.1) keep a reconnect after a network change cheap for both sides and
        // take no memory here; their keys change every six hours.
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
        Ok(Self {
            files,
            info,
            resolver,
            config,
        })
    }
}

/// Reads chain and key and makes sure that they belong together.
pub(super) fn read(files: &CertificateFiles) -> Result<CertifiedKey, TlsError> {
    let bad_certificate = |problem: &str| TlsError::Certificate {
        file: files.certificate.clone(),
        problem: problem.to_owned(),
    };
    let text = files::read_public(&files.certificate)?;
    let chain = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| bad_certificate("it is not PEM"))?;
    if chain.is_empty() {
        return Err(bad_certificate("there is no CERTIFICATE block in it"));
    }
    let key = files::read_private(&files.key, files.strictness)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| TlsError::Key(files.key.clone()))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(
        |error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
            },
            rustls::Error::InvalidCertificate(_) => bad_certificate("it is damaged"),
            _ => TlsError::Key(files.key.clone()),
        },
    )
}

/// Facts about the server's own certificate, the first of the chain.
pub(super) fn inspect(
    files: &CertificateFiles,
    certified: &CertifiedKey,
) -> Result<CertificateInfo, TlsError> {
    certified
        .cert
        .first()
        .and_then(|der| CertificateInfo::of(der))
        .ok_or_else(|| TlsError::Certificate {
            file: files.certificate.clone(),
            problem: "it is damaged".to_owned(),
        })
}
