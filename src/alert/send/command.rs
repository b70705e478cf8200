//! A command that is given the message: as JSON on its standard input, and in short in its environment. It has taken the
//! message when it ends with 0.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::alert::ledger::Failure;
use crate::alert::send::not_yet;
use crate::sys::process::kill_group_of;

/// Of what a command writes, so much is shown when it fails.
const MAX_SAID: u64 = 1_000;
/// Of a command that has ended, what it said is waited for so long.
const LAST_WORDS: Duration = Duration::from_millis(100);

pub(super) async fn run(argv: &[String], message: &Json, timeout: Duration) -> Result<(), Failure> {
    let Some((program, arguments)) = argv.split_first() else { return Ok(()) };
    let failed = |error: std::io::Error| not_yet(format!("{program}: {error}"));
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    for (name, value) in environment(message) {
        command.env(name, value);
    }
    // A group of its own, so that what it started ends with it.
    let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(failed)?;
    let mut group = Group(child.id());
    let (input, errors) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut input) = input {
            // A command need not read it.
            let _ = input.write_all(message.to_string().as_bytes()).await;
        }
    };
    let mut said = Vec::new();
    let read = async {
        if let Some(errors) = errors {
            let _ = errors.take(MAX_SAID).read_to_end(&mut said).await;
        }
    };
    let wait = async {
        tokio::pin!(read);
        let ended = async {
            tokio::select! {
                () = &mut read => child.wait().await,
                status = child.wait() => {
                    // What it said is there, but what it left running may hold its standard error open.
                    let _ = tokio::time::timeout(LAST_WORDS, &mut read).await;
                    status
                }
            }
        };
        tokio::join!(write, ended).1
    };
    let status = match tokio::time::timeout(timeout.mul_f64(0.95), wait).await {
        Ok(ended) => {
            // It was waited for: its number may be another's by now, and what it left running was meant to.
            group.0 = None;
            ended.map_err(failed)?
        }
        Err(_) => return Err(not_yet(format!("{program}: it took longer than {timeout:?} and was killed"))),
    };
    match status.success() {
        true => Ok(()),
        false => Err(not_yet(format!("{program}: {status}: {}", String::from_utf8_lossy(&said).trim()))),
    }
}

/// Kills the group when the work on it ends, however it ends.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            kill_group_of(pid);
        }
    }
}

/// `LOGMILL_ALERT_STATUS` and its like: of the message, and of its first alert.
fn environment(message: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let first = &message["alerts"][0];
    let of_message = ["status", "firing", "resolved"].map(|name| (name.to_owned(), text(&message[name])));
    let of_first =
        ["alert", "severity", "summary", "value", "started"].map(|name| (name.to_owned(), text(&first[name])));
    let labels =
        first["labels"].as_object().into_iter().flatten().map(|(key, value)| (format!("label_{key}"), text(value)));
    let name = |name: String| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        format!("LOGMILL_ALERT_{}", name.chars().map(plain).collect::<String>()).replace("ALERT_ALERT", "ALERT_NAME")
    };
    let all = of_message.into_iter().chain(of_first).chain(labels);
    // What no environment can hold is on standard input.
    all.map(|(key, value)| (name(key), value.replace('\0', "\u{fffd}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_end_or_are_ended() {
        let check = |script: &str, milliseconds: u64, want: Option<&str>| {
            let argv = ["sh", "-c", script].map(str::to_owned);
            let message =
                serde_json::json!({ "status": "firing", "alerts": [{"alert": "a\0b", "labels": {"x-y": 1}}] });
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let result = runtime.block_on(run(&argv, &message, Duration::from_millis(milliseconds)));
            match (result, want) {
                (Ok(()), None) => {}
                (Err(failure), Some(want)) => assert!(failure.error.contains(want), "{script}: {failure:?}"),
                (result, want) => panic!("{script}: {result:?}, not {want:?}"),
            }
        };
        check("test \"$LOGMILL_ALERT_STATUS$LOGMILL_ALERT_LABEL_X_Y\" = firing1 && grep -q '\"firing\"'", 10_000, None);
        check("exit 0", 10_000, None);
        check("echo broken >&2; exit 3", 10_000, Some("exit status: 3: broken"));
        check("echo broken >&2; sleep 3 & exit 3", 10_000, Some("exit status: 3: broken"));
        check("sleep 100 & sleep 100", 200, Some("was killed"));
        let argv = ["/no/such/program".to_owned()];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let failed = runtime.block_on(run(&argv, &Json::Null, Duration::from_secs(1))).unwrap_err();
        assert!(failed.error.contains("/no/such/program: No such file"), "{failed:?}");
    }
}
