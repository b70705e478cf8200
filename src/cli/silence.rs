//! `logmill silence`.

use serde_json::{Value, json};

use crate::alert::Matcher;
use crate::cli::alerts::{list, silence};
use crate::cli::ask::control;
use crate::cli::output::{Format, cell, outln, table};
use crate::cli::{Common, Usage};
use crate::config::load_main;
use crate::http::Client;
use crate::sys::units::Span;

#[derive(clap::Args)]
#[command(after_help = "\
A condition is a label, `alert` or `severity`, with a value in which * is any text. What ends while it is silenced is told
to those who heard that it began, and to nobody else.

Examples:
  logmill silence add --match alert=disk_free --match 'path=/srv*' --for 2h --reason 'moving archives'
  logmill silence list
  logmill silence end 3")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Tell nobody of alerts that match, for a while
    Add {
        /// What must match; all of several
        #[arg(long = "match", value_name = "LABEL=VALUE", required = true)]
        matchers: Vec<String>,
        /// How long
        #[arg(long = "for", value_name = "DURATION", default_value = "1h")]
        length: String,
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Show the silences there are
    List,
    /// End one before its time
    End { id: u64 },
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let config = load_main(common.config.as_deref(), |config| common.adjust(config))?;
    let client = Client::of_data_dir(&config.control_socket());
    let client =
        client.ok_or_else(|| anyhow::anyhow!("no daemon runs here; start `logmill run`, which keeps silences"))?;
    match &arguments.action {
        Action::Add { matchers, length, reason } => {
            matchers.iter().try_for_each(|text| Matcher::parse(text).map(drop)).map_err(Usage::error)?;
            let length: Span = length.parse().map_err(Usage::error)?;
            let body = json!({
                "do": "silence", "matchers": matchers, "seconds": length.0.as_secs_f64(), "reason": reason,
            });
            let answer = control(&client, &body)?;
            show(common, &answer, &format!("silence {} until {}", answer["id"], cell(&answer["until"])));
        }
        Action::End { id } => {
            let answer = control(&client, &json!({ "do": "end_silence", "id": id }))?;
            show(common, &answer, &format!("silence {id} is over"));
        }
        Action::List => {
            let alerts = client.ask("/api/v1/alerts", None)?.body;
            let silences = list(&alerts, "silences");
            match common.format_or(Format::Table) {
                Format::Json => outln!("{}", Value::from(silences.to_vec())),
                Format::Ndjson => silences.iter().for_each(|one| outln!("{one}")),
                _ => table(
                    &["silence", "until", "condition", "reason"],
                    &silences.iter().map(silence).collect::<Vec<_>>(),
                )?,
            }
        }
    }
    Ok(())
}

fn show(common: &Common, answer: &Value, text: &str) {
    match common.format_or(Format::Table) {
        Format::Json | Format::Ndjson => outln!("{answer}"),
        _ => outln!("{text}"),
    }
}
