//! TLS with roots and certificates of one's own.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::sys::web;

/// Files in PEM form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Who may sign the server's certificate; unset: the system's roots.
    pub ca: Option<PathBuf>,
    /// Who we are, certificate and key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// For a client; what is wrong names the file.
    pub fn config(&self) -> Result<ClientConfig, String> {
        if *self == Tls::default() {
            return Ok(web::trusting_the_system());
        }
        let builder = match &self.ca {
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                web::versions().with_root_certificates(roots)
            }
            None => web::versions()
                .with_platform_verifier()
                .map_err(|error| format!("the system's certificates cannot be used: {error}; name a file with `ca`"))?,
        };
        let Some((certificate, key)) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let chain = certificates(certificate)?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
        builder.with_client_auth_cert(chain, secret).map_err(|error| format!("{}: {error}", certificate.display()))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect();
    let found = found.map_err(wrong)?;
    if found.is_empty() { Err(format!("{}: has no certificate in PEM form", path.display())) } else { Ok(found) }
}
