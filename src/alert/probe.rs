//! Probes: whether something answers, how fast, and until when its certificate is good.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use x509_cert::der::Decode;

use crate::alert::measure::ProbeResult;
use crate::alert::rule::{Probe, ProbeTarget};
use crate::sys::clock::SECOND;
use crate::sys::web::{Call, Web, versions};

/// Asks once. It takes no longer than the probe's timeout.
pub async fn probe(probe: &Probe, web: &Web) -> ProbeResult {
    let begun = Instant::now();
    let work = async {
        match &probe.target {
            ProbeTarget::Http { url } => http(web, url, probe.timeout).await.map(|()| None),
            ProbeTarget::Tls { host, port } => tls(host, *port).await.map(Some),
        }
    };
    let result = match tokio::time::timeout(probe.timeout, work).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer in {:?}", probe.timeout)),
    };
    let seconds = begun.elapsed().as_secs_f64();
    match result {
        Ok(expires) => ProbeResult { ok: true, seconds, error: None, expires },
        Err(error) => ProbeResult { ok: false, seconds, error: Some(error), expires: None },
    }
}

/// Whether the answer is no error; a redirect is an answer.
async fn http(web: &Web, url: &str, timeout: Duration) -> Result<(), String> {
    let call = Call { url: url.to_owned(), timeout, ..Call::default() };
    let reply = web.send(call).await.map_err(|error| error.to_string())?;
    match reply.status {
        200..=399 => Ok(()),
        status => Err(format!("answers {status}")),
    }
}

/// When the certificate ends. Whether anybody should trust it is another question: one that is over must be seen, too.
async fn tls(host: &str, port: u16) -> Result<i64, String> {
    let at = format!("{host}:{port}");
    let failed = |error: &dyn std::fmt::Display| format!("{at}: {error}");
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let config = versions().dangerous().with_custom_certificate_verifier(Arc::new(Anyone)).with_no_client_auth();
    let stream = TcpStream::connect((host, port)).await.map_err(|error| failed(&error))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await.map_err(|error| failed(&error))?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let own = chain.first().ok_or_else(|| failed(&"it shows no certificate"))?;
    expiry(own).ok_or_else(|| failed(&"its certificate cannot be read"))
}

fn expiry(certificate: &[u8]) -> Option<i64> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let seconds = certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
    Some(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND))
}

/// Takes any certificate: only its dates are looked at, and nothing is sent.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
