//! TLS with roots and certificates of one's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
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
            Some(path) => web::versions().with_root_certificates(authorities(path)?),
            None => web::versions()
                .with_platform_verifier()
                .map_err(|error| format!("the system's certificates cannot be used: {error}; name a file with `ca`"))?,
        };
        let Some((certificate, key)) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let (chain, secret) = (certificates(certificate)?, private_key(key)?);
        builder.with_client_auth_cert(chain, secret).map_err(|error| format!("{}: {error}", certificate.display()))
    }
}

/// What a server shows, and whom it lets in. Files in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Who must have signed the client's certificate; unset: none is asked for.
    pub client_ca: Option<PathBuf>,
}

impl ServerTls {
    /// What is wrong names the file.
    pub fn config(&self) -> Result<ServerConfig, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let builder = match &self.client_ca {
            Some(path) => {
                let roots = Arc::new(authorities(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| format!("{}: {error}", path.display()))?)
            }
            None => builder.with_no_client_auth(),
        };
        let (chain, secret) = (certificates(&self.certificate)?, private_key(&self.key)?);
        builder.with_single_cert(chain, secret).map_err(|error| format!("{}: {error}", self.certificate.display()))
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(roots)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect();
    let found = found.map_err(wrong)?;
    if found.is_empty() { Err(format!("{}: has no certificate in PEM form", path.display())) } else { Ok(found) }
}
