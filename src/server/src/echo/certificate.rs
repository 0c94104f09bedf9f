//! The server's own certificate, as the echo sees it: it comes from this very process, so it is to be the one that is
//! shown, whatever names stand in it.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::tls::CertificateResolver;

/// Takes the certificate that this process shows, and no other. That the other side has its key is verified as always.
pub struct OwnCertificate {
    shown: Arc<CertificateResolver>,
    provider: CryptoProvider,
}

impl OwnCertificate {
    /// What is shown now, and later.
    pub fn new(shown: Arc<CertificateResolver>) -> Self {
        Self {
            shown,
            provider: aws_lc_rs::default_provider(),
        }
    }
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnCertificate")
    }
}

impl ServerCertVerifier for OwnCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.shown.current().cert.first() {
            Some(shown) if shown == end_entity => Ok(ServerCertVerified::assertion()),
            _ => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::sign::CertifiedKey;
    use rustls::{ClientConfig, ServerConfig};
    use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    /// For a name by which nobody calls it.
    fn made() -> CertifiedKey {
        let made = rcgen::generate_simple_self_signed(["chat.example.org".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = aws_lc_rs::default_provider();
        let chain = vec![made.cert.der().clone()];
        CertifiedKey::from_der(chain, PrivateKeyDer::from(key), &provider).unwrap()
    }

    async fn connects(own: &Arc<CertificateResolver>, shown: &Arc<CertificateResolver>) -> bool {
        let provider = || Arc::new(aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(shown) as Arc<_>);
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OwnCertificate::new(Arc::clone(own))))
            .with_no_client_auth();
        let (near, far) = tokio::io::duplex(16 * 1024);
        let accepting = TlsAcceptor::from(Arc::new(server)).accept(far);
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connecting = TlsConnector::from(Arc::new(client)).connect(name, near);
        tokio::join!(accepting, connecting).1.is_ok()
    }

    #[tokio::test]
    async fn only_the_certificate_that_is_shown_now_is_taken() {
        let own = Arc::new(CertificateResolver::new(made()));
        let other = Arc::new(CertificateResolver::new(made()));
        assert!(connects(&own, &own).await, "whatever its names");
        assert!(!connects(&own, &other).await);
        let (before, after) = (made(), made());
        let earlier = Arc::new(CertificateResolver::new(before));
        own.replace(after);
        assert!(connects(&own, &own).await, "the new one");
        assert!(!connects(&own, &earlier).await);
    }
}
