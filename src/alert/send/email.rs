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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::alert::rule::Secret;
    use crate::alert::template::Template;

    /// A server that takes one mail and gives back everything that was said; `answer` is what it says of the mail.
    fn server(answer: &'static str) -> (u16, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = move || {
            let (stream, _) = listener.accept().unwrap();
            let (mut reader, mut writer) = (BufReader::new(stream.try_clone().unwrap()), stream);
            let mut said = String::new();
            writer.write_all(b"220 test\r\n").unwrap();
            let mut in_data = false;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return said;
                }
                said.push_str(&line);
                let reply = match line.trim_end() {
                    "." => answer,
                    _ if in_data => continue,
                    "DATA" => "354 go on",
                    "QUIT" => "221 bye",
                    hello if hello.starts_with("EHLO") => "250-test\r\n250 AUTH PLAIN",
                    login if login.starts_with("AUTH PLAIN") => "235 welcome",
                    _ => "250 ok",
                };
                in_data = line.trim_end() == "DATA";
                writer.write_all(format!("{reply}\r\n").as_bytes()).unwrap();
            }
        };
        (port, std::thread::Builder::new().spawn(serve).unwrap())
    }

    fn email(port: u16, password: &std::path::Path) -> Email {
        let template = |text: &str| Template::new(text, &["alerts"]).unwrap();
        Email {
            host: "127.0.0.1".to_owned(),
            port,
            security: Security::None,
            from: "Logmill <logmill@example.org>".parse().unwrap(),
            to: vec!["a@example.org".parse().unwrap(), "b@example.org".parse().unwrap()],
            login: Some(("user".to_owned(), Secret::File { path: password.to_owned(), prefix: String::new() })),
            subject: template("{{ alerts[0].summary }}"),
            body: template("{% for a in alerts %}- {{ a.summary }}\n{% endfor %}"),
        }
    }

    fn sent(answer: &'static str) -> (Result<(), Failure>, String) {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "secret\n").unwrap();
        let (port, server) = server(answer);
        let message = serde_json::json!({ "alerts": [{"summary": "full\r\nBcc: x@example.org"}, {"summary": "two"}] });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result = runtime.block_on(send(&email(port, &password), &message, Duration::from_secs(10)));
        (result, server.join().unwrap())
    }

    #[test]
    fn a_mail_goes_to_the_server() {
        let (result, said) = sent("250 taken");
        assert_eq!(result, Ok(()), "{said}");
        // user and secret, as AUTH PLAIN has them.
        assert!(said.contains("AUTH PLAIN AHVzZXIAc2VjcmV0\r\n"), "{said}");
        assert!(said.contains("RCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"), "{said}");
        // A value is no header of its own.
        let (head, _) = said.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Subject: full  Bcc: x@example.org\r\n") && !head.contains("\r\nBcc:"), "{said}");
        assert!(said.contains("- two\r\n"), "{said}");
    }

    #[test]
    fn a_mail_that_is_not_taken_has_not_gone_out() {
        let (result, _) = sent("451 later");
        assert!(!result.unwrap_err().refused);
        let (result, _) = sent("550 never");
        let failure = result.unwrap_err();
        assert!(failure.refused && failure.error.contains("never"), "{failure:?}");
    }
}
