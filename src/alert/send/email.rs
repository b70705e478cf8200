//! A message by SMTP, to one server that passes it on.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde_json::Value as Json;

use crate::alert::ledger::Failure;
use crate::alert::rule::{Email, Security};
use crate::alert::send::not_yet;

/// A longer subject is cut.
const MAX_SUBJECT: usize = 200;

pub(super) async fn send(email: &Email, message: &Json, timeout: Duration) -> Result<(), Failure> {
    let mail = mail(email, message).map_err(|error| not_yet(format!("the e-mail cannot be written: {error}")))?;
    let server = transport(email, timeout).map_err(not_yet)?;
    let at = format!("{}:{}", email.host, email.port);
    match server.send(mail).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let mut text = format!("{at}: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                text.push_str(&format!(": {inner}"));
                cause = inner.source();
            }
            Err(Failure { error: text, wait: None, refused: error.is_permanent() })
        }
    }
}

fn mail(email: &Email, message: &Json) -> Result<Message, lettre::error::Error> {
    let subject: String =
        email.subject.fill(message).chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_SUBJECT).collect();
    let mut builder =
        Message::builder().from(email.from.clone()).subject(subject.trim()).header(ContentType::TEXT_PLAIN);
    for to in &email.to {
        builder = builder.to(to.clone());
    }
    builder.body(email.body.fill(message))
}

fn transport(email: &Email, timeout: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let parameters = || TlsParameters::new(email.host.clone()).map_err(|error| error.to_string());
    let tls = match email.security {
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::StartTls => Tls::Required(parameters()?),
        Security::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&email.host);
    builder = builder.port(email.port).tls(tls).timeout(Some(timeout));
    if let Some((user, password)) = &email.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.read()?));
    }
    Ok(builder.build())
}
