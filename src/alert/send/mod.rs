//! Telling a notifier, in its own way. A message has gone out when this says so, and not before.

mod alertmanager;
mod command;
mod email;
mod webhook;

use serde_json::{Value as Json, json};

use crate::alert::ledger::{Failure, Message, Notice};
use crate::alert::rule::{Kind, Notifier, Secret};
use crate::record::timestamp;
use crate::sys::process::host_name;
use crate::sys::web::{Call, Reply, Web, WebError};

/// Sends one message; `now` is the wall clock. It takes no longer than the notifier's timeout.
pub async fn send(notifier: &Notifier, web: &Web, message: &Message, now: i64) -> Result<(), Failure> {
    let work = async {
        match &notifier.kind {
            Kind::Alertmanager { url, headers } => {
                let calls = alertmanager::call(url, headers, message, notifier.repeat, now).map_err(not_yet)?;
                ask(web, calls, notifier).await
            }
            Kind::Webhook { url, headers, body } => {
                let call = webhook::call(url, headers, body, &describe(notifier, message)).map_err(not_yet)?;
                ask(web, call, notifier).await
            }
            Kind::Email(email) => email::send(email, &describe(notifier, message), notifier.timeout).await,
            Kind::Command { argv } => command::run(argv, &describe(notifier, message), notifier.timeout).await,
        }
    };
    match tokio::time::timeout(notifier.timeout, work).await {
        Ok(result) => result,
        Err(_) => Err(not_yet(format!("it took longer than {:?}", notifier.timeout))),
    }
}

/// A failure that has nothing to do with what was to be said.
fn not_yet(error: String) -> Failure {
    Failure { error, wait: None, refused: false }
}

async fn ask(web: &Web, call: Call, notifier: &Notifier) -> Result<(), Failure> {
    let call = Call { timeout: notifier.timeout, ..call };
    let url = call.url.clone();
    judge(&url, web.send(call).await)
}

/// Whether an answer means that the message was taken.
fn judge(url: &str, reply: Result<Reply, WebError>) -> Result<(), Failure> {
    let reply = reply.map_err(|error| not_yet(error.to_string()))?;
    if (200..300).contains(&reply.status) {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&reply.body).chars().take(200).collect();
    let hint = match reply.status {
        300..=399 => " (redirects are not followed: name the address itself)",
        401 | 403 => " (look at the headers of the notifier)",
        404 | 405 => " (look at the url of the notifier)",
        _ => "",
    };
    Err(Failure {
        error: format!("{}: answers {}{hint}: {}", crate::sys::web::without_password(url), reply.status, said.trim()),
        wait: reply.retry_after.map(|wait| i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)),
        // These are about what was said, and will be answered the same again.
        refused: matches!(reply.status, 400 | 413 | 422),
    })
}

fn headers(headers: &[(String, Secret)]) -> Result<Vec<(String, String)>, String> {
    let read = |(name, secret): &(String, Secret)| Ok((name.clone(), secret.read()?));
    headers.iter().map(read).collect()
}

/// The message for webhooks, commands and templates.
fn describe(notifier: &Notifier, message: &Message) -> Json {
    let firing = message.notices.iter().filter(|notice| notice.ended.is_none()).count();
    json!({
        "status": if firing > 0 { "firing" } else { "resolved" },
        "firing": firing,
        "resolved": message.notices.len() - firing,
        "notifier": notifier.name,
        "host": host_name(),
        "group": message.group,
        "alerts": message.notices.iter().map(alert).collect::<Vec<_>>(),
    })
}

/// One alert, as it is told everywhere.
pub fn alert(notice: &Notice) -> Json {
    json!({
        "status": if notice.ended.is_none() { "firing" } else { "resolved" },
        "alert": notice.alert,
        "severity": notice.severity,
        "labels": notice.labels,
        "summary": notice.summary,
        "value": notice.value,
        "started": timestamp(notice.fired),
        "ended": notice.ended.map(timestamp),
        "reason": notice.reason,
    })
}
