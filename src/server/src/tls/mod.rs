//! TLS 1.2 and 1.3: which certificate is shown, and how a new one is taken over while connections last.

mod identity;
mod inspect;
mod reload;
pub mod self_signed;

use std::path::PathBuf;

pub use identity::{CertificateResolver, Identity};
pub use inspect::CertificateInfo;
pub use reload::{Reload, Reloader};

use crate::keys::files::{FileProblem, Strictness};
use crate::keys::is_absent;

/// Where certificate chain and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own certificate first (PEM).
    pub certificate: PathBuf,
    /// The private key (PEM).
    pub key: PathBuf,
    /// Who may read the key. [`Strictness::OwnerOnly`] means that both files are ours to make.
    pub strictness: Strictness,
}

impl CertificateFiles {
    /// The files that are ours to make and not there yet.
    pub fn missing(&self) -> Vec<&PathBuf> {
        if self.strictness != Strictness::OwnerOnly {
            return Vec::new();
        }
        [&self.certificate, &self.key]
            .into_iter()
            .filter(|file| is_absent(file))
            .collect()
    }
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the files.
    #[error("the certificate: {0}")]
    File(#[from] FileProblem),
    /// The certificate file.
    #[error("{} holds no usable certificate: {problem}", file.display())]
    Certificate {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The key file; its content is never quoted.
    #[error("{} holds no usable private key (PEM)", .0.display())]
    Key(PathBuf),
    /// They do not belong together.
    #[error("the certificate {} does not belong to the key {}", certificate.display(), key.display())]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// Makes aws-lc the cryptography of all TLS in this process. To be called before anything else.
pub fn install_crypto_provider() {
    // An error means that one is installed already, by a test that ran before in this process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
