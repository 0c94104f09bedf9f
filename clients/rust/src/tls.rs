//! TLS towards the server: rustls with aws-lc-rs, versions 1.2 and 1.3. There is no way to switch
//! verification off; a program that knows the server's certificate by itself may do it in its own way.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Why there is no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The PEM text holds no certificate.
    #[error("the file holds no certificate in PEM form")]
    NoCertificate,
    /// A certificate in it cannot be used as a trust anchor.
    #[error("the certificate cannot be trusted: {0}")]
    Certificate(rustls::Error),
    /// The operating system has no list of trusted roots.
    #[error("this system has no list of trusted certificates; name the server's with --ca")]
    NoSystemRoots,
    /// rustls refused its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// A configuration that trusts the certificates in `ca_pem` and no others, or, without one, what the
/// operating system trusts. A self-signed server certificate may stand for its own root.
pub fn client_config(ca_pem: Option<&str>) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = match ca_pem {
        Some(pem) => roots_from_pem(pem)?,
        None => system_roots()?,
    };
    let config = builder()?.with_root_certificates(roots);
    Ok(Arc::new(config.with_no_client_auth()))
}

/// A configuration that leaves it to `certificate` whom to trust.
pub fn config_verified_by(
    certificate: Arc<dyn ServerCertVerifier>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let config = builder()?
        .dangerous()
        .with_custom_certificate_verifier(certificate);
    Ok(Arc::new(config.with_no_client_auth()))
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)
}

fn roots_from_pem(pem: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| TlsError::NoCertificate)?;
        roots.add(certificate).map_err(TlsError::Certificate)?;
    }
    if roots.is_empty() {
        Err(TlsError::NoCertificate)
    } else {
        Ok(roots)
    }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // A broken certificate among the system's is passed over, as other programs do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        Err(TlsError::NoSystemRoots)
    } else {
        Ok(roots)
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{PrivateKeyDer, ServerName};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    fn self_signed() -> (String, rustls::ServerConfig) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        (made.cert.pem(), server)
    }

    async fn handshake(
        server: rustls::ServerConfig,
        ca_pem: &str,
        name: &'static str,
    ) -> std::io::Result<()> {
        let (near, far) = tokio::io::duplex(16 * 1024);
        let server = tokio::spawn(TlsAcceptor::from(Arc::new(server)).accept(far));
        let connector = TlsConnector::from(client_config(Some(ca_pem)).unwrap());
        let result = connector
            .connect(ServerName::try_from(name).unwrap(), near)
            .await;
        drop(server);
        result.map(drop)
    }

    #[tokio::test]
    async fn a_self_signed_leaf_is_its_own_trust_anchor() {
        let (pem, server) = self_signed();
        handshake(server, &pem, "localhost").await.unwrap();
    }

    #[tokio::test]
    async fn other_certificates_and_other_names_are_refused() {
        let (pem, server) = self_signed();
        let (other, _) = self_signed();
        assert!(
            handshake(server.clone(), &other, "localhost")
                .await
                .is_err()
        );
        assert!(handshake(server, &pem, "example.org").await.is_err());
    }

    #[test]
    fn text_without_a_certificate_is_refused() {
        assert!(matches!(
            client_config(Some("")),
            Err(TlsError::NoCertificate)
        ));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(client_config(Some(broken)).is_err());
    }
}
