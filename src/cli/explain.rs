//! `logmill explain`: how a question is answered, and what that costs.

use serde_json::{Value, json};

use crate::cli::output::{Format, outln};
use crate::cli::{Common, Usage, search};
use crate::query::Query;

pub fn run(common: &Common, arguments: &search::Arguments) -> anyhow::Result<()> {
    let query = Query::parse(arguments.query()).map_err(Usage::error)?;
    let need = query.need().to_string();
    let answer = search::answer(common, arguments, false)?;
    let effort = &answer["effort"];
    let found = answer["entries"].as_array().or(answer["table"]["rows"].as_array()).map_or(0, Vec::len);
    if matches!(common.format, Some(Format::Json | Format::Ndjson)) {
        outln!(
            "{}",
            json!({
                "query": query.to_string(), "need": need, "effort": effort, "found": found, "partial": answer["partial"],
            })
        );
        return Ok(());
    }
    let number = |key: &str| effort[key].as_u64().unwrap_or(0);
    let milliseconds = |key: &str| number(key) as f64 / 1000.0;
    outln!("query       {query}");
    outln!("needs       {need}");
    outln!("partitions  {} of {} looked into", number("partitions_opened"), number("partitions"));
    outln!("terms       {} compared one by one", number("terms_scanned"));
    outln!(
        "blocks      {} of {} might have hits, {} were decoded",
        number("candidates"),
        number("blocks"),
        number("decoded")
    );
    outln!("decoded     {}", crate::sys::units::Bytes(number("decoded_bytes")));
    outln!(
        "time        {:.1} ms to choose blocks, {:.1} ms in all",
        milliseconds("prune_us"),
        milliseconds("total_us")
    );
    outln!(
        "found       {found}{}",
        answer["partial"].as_str().map_or_else(String::new, |why| format!(", not all: {why}"))
    );
    let damaged = effort["damaged"].as_array().map_or(&[][..], Vec::as_slice);
    damaged.iter().for_each(|damage: &Value| outln!("damaged     {}", damage.as_str().unwrap_or("")));
    Ok(())
}
