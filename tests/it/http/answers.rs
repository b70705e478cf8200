//! What is asked is answered as `openapi.json` says; pages are stable, streams are whole.

use std::io::{BufRead, BufReader, Read, Write};

use logmill::generate::Generator;
use logmill::sys::clock::{self, SECOND};
use serde_json::Value;

use super::client::{connect, encode, get, get_with};
use crate::home::{Home, QUICK, wait_until};

/// A request as the parameters' examples say; `all` or only what is required.
fn target(path: &str, operation: &Value, all: bool, (entry, workflow): (&str, &str)) -> String {
    let (mut path, mut parameters) = (path.to_owned(), Vec::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let example = match (&parameter["example"], operation["operationId"].as_str().unwrap(), name) {
            (_, "context", "id") => entry.to_owned(),
            (_, "workflow", "id") => workflow.to_owned(),
            (Value::Null, ..) => continue,
            (Value::String(text), ..) => text.clone(),
            (value, ..) => value.to_string(),
        };
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), &encode(&example));
        } else if all || parameter["required"] == true {
            parameters.push(format!("{name}={}", encode(&example)));
        }
    }
    if parameters.is_empty() { path } else { format!("{path}?{}", parameters.join("&")) }
}

/// What of a description speaks of this status.
fn response<'d>(document: &'d Value, operation: &'d Value, status: u16) -> Option<&'d Value> {
    let responses = operation["responses"].as_object()?;
    let response = responses.get(&status.to_string()).or_else(|| responses.get(&format!("{}XX", status / 100)))?;
    match response["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')),
        None => Some(response),
    }
}

#[test]
fn requests_are_answered_as_the_description_says() {
    let home = Home::new(QUICK);
    let mut generator = Generator::new(7, clock::now() - 600 * SECOND);
    for line in (0..3_000).map(|_| generator.next()) {
        home.append(&line.file, &line.text);
    }
    let daemon = home.run();
    daemon.settle();
    let document = get(&home, "/api/v1/openapi.json").json();
    let entry = get(&home, "/api/v1/search?limit=1").json()["entries"][0]["id"].as_str().unwrap().to_owned();
    let with_workflow = get(&home, "/api/v1/search?query=workflow_id:*&limit=1").json();
    let workflow = with_workflow["entries"][0]["workflow_id"].as_str().unwrap().to_owned();
    let mut asked = 0;
    let mut check = |path: &str, operation: &Value, target: &str, want: u16| {
        let reply = get(&home, target);
        assert_eq!(reply.status, want, "{target}: {}", reply.text());
        let described = response(&document, operation, reply.status);
        let described = described.unwrap_or_else(|| panic!("{path} does not describe {want}"));
        let kind = reply.header("content-type").unwrap().split(';').next().unwrap();
        let mut schema = described["content"][kind]["schema"].clone();
        assert!(schema.is_object(), "{target}: {kind} is not described");
        if kind.ends_with("json") && !kind.contains("ndjson") {
            schema["components"] = document["components"].clone();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let body = reply.json();
            let errors: Vec<String> =
                validator.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{target}: {errors:#?}\n{body:#}");
        }
        asked += 1;
    };
    for (path, methods) in document["paths"].as_object().unwrap() {
        // What streams for ever, and what is on the socket, have tests of their own.
        let Some(operation) = methods.get("get").filter(|_| path != "/api/v1/tail") else { continue };
        for all in [true, false] {
            check(path, operation, &target(path, operation, all, (&entry, &workflow)), 200);
        }
        let missing = target(path, operation, true, ("1.1", "nobody"));
        let is_found = !["/api/v1/context", "/api/v1/workflows/{id}"].contains(&path.as_str());
        check(path, operation, &missing, if is_found { 200 } else { 404 });
        if operation["responses"].get("400").is_some() {
            check(path, operation, &format!("{}?nonsense=1", missing.split('?').next().unwrap()), 400);
        }
    }
    assert!(asked > 50, "{asked}");
    daemon.stop();
}

fn ids(page: &Value) -> Vec<String> {
    page["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn pages_are_the_same_whatever_arrives_meanwhile() {
    let home = Home::new(QUICK);
    let lines = |from: usize, to: usize| -> String { (from..to).map(|n| format!("INFO:     line {n}\n")).collect() };
    home.append("logs/api.log", lines(0, 50));
    let daemon = home.run();
    daemon.settle();
    let before = ids(&get(&home, "/api/v1/search?limit=1000").json());
    assert_eq!(before.len(), 50);
    let (mut pages, mut after) = (Vec::new(), String::new());
    for round in 0..20 {
        let page = get(&home, &format!("/api/v1/search?limit=7{after}")).json();
        pages.extend(ids(&page));
        home.append("logs/api.log", lines(50 + round, 51 + round));
        wait_until("the new line is there", || home.messages("*").len() == 51 + round);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(pages, before);
    // An entry is found again by its id, with its neighbours.
    let around = get(&home, &format!("/api/v1/context?id={}&before=1&after=2", before[10])).json();
    assert_eq!(ids(&around), before[8..12]);
    daemon.stop();
}

#[test]
fn a_stream_has_everything_and_an_end() {
    let home = Home::new(QUICK);
    home.append("logs/api.log", (0..5_000).map(|n| format!("INFO:     line {n}\n")).collect::<String>());
    let daemon = home.run();
    daemon.settle();
    let check = |target: &str, headers: &str, count: usize, next: bool| {
        let reply = get_with(&home, target, headers);
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")), "{target}");
        let mut text = String::new();
        match reply.header("content-encoding") {
            Some("gzip") => drop(flate2::read::GzDecoder::new(&reply.body[..]).read_to_string(&mut text).unwrap()),
            _ => text = reply.text(),
        }
        assert_eq!(reply.header("content-encoding").is_some(), headers.contains("gzip"), "{target}");
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let end = lines.pop().unwrap();
        assert_eq!((end["end"]["count"].as_u64(), end["end"]["next"].is_string()), (Some(count as u64), next), "{end}");
        let messages: std::collections::BTreeSet<String> = lines.iter().map(Value::to_string).collect();
        assert_eq!(messages.len(), count, "{target}");
    };
    check("/api/v1/search?limit=1000000", "accept: application/x-ndjson\r\n", 5_000, false);
    check("/api/v1/search?limit=4500&format=ndjson", "accept-encoding: gzip\r\n", 4_500, true);
    check("/api/v1/search?limit=0&format=ndjson", "", 0, false);
    check("/api/v1/search?format=ndjson&limit=4000&query=*%7Csort%20message", "", 4_000, false);
    check(
        "/api/v1/aggregate?format=ndjson&query=*%7Cstats%20count()%20by%20message",
        "accept-encoding: gzip\r\n",
        5_000,
        false,
    );
    let packed = get_with(&home, "/api/v1/search?limit=1000", "accept-encoding: gzip\r\n");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["entries"].as_array().unwrap().len(), 1000);
    daemon.stop();
}

#[test]
fn counts_agree_with_each_other() {
    let home = Home::new(QUICK);
    let mut generator = Generator::new(3, clock::now() - 1200 * SECOND);
    for line in (0..2_000).map(|_| generator.next()) {
        home.append(&line.file, &line.text);
    }
    let daemon = home.run();
    daemon.settle();
    let since = "since=1d&until=2100-01-01";
    let table = get(&home, &format!("/api/v1/aggregate?query=*%7Cstats%20count()%20by%20level&{since}")).json();
    let of_table: Vec<(String, u64)> = table["table"]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_u64().unwrap()))
        .collect();
    let histogram = get(&home, &format!("/api/v1/histogram?steps=7&since=1d&until={}", encode("now-0s"))).json();
    let values = get(&home, &format!("/api/v1/fields/level?{since}")).json();
    for (level, count) in of_table {
        let steps = histogram["steps"].as_array().unwrap().iter();
        assert_eq!(steps.filter_map(|step| step["levels"][&level].as_u64()).sum::<u64>(), count, "{level}");
        let of_values = values["values"].as_array().unwrap().iter().find(|value| value["value"] == *level);
        assert_eq!(of_values.unwrap()["count"], count, "{level}");
    }
    let names = get(&home, "/api/v1/fields?sample=10000").json();
    let count =
        |name: &str| names["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).map(|f| f["count"].clone());
    assert_eq!((count("level"), &names["all"]), (Some(names["sampled"].clone()), &Value::Bool(true)));
    daemon.stop();
}

#[test]
fn new_entries_come_to_those_who_follow() {
    let home = Home::new(QUICK);
    home.append("logs/api.log", "INFO:     old red\n");
    let daemon = home.run();
    daemon.settle();
    let mut stream = connect(&home);
    stream.write_all(b"GET /api/v1/tail?query=red HTTP/1.0\r\nhost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert_eq!(lines.by_ref().find(|line| line.starts_with("retry")).unwrap(), "retry: 2000");
    assert_eq!(daemon.status()["tails"], 1);
    home.append("logs/api.log", "INFO:     new blue\nINFO:     new red\nINFO:     newer red\n");
    let mut event = || {
        let data = lines.by_ref().find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).unwrap();
        serde_json::from_str::<Value>(&data).unwrap()
    };
    let first = event();
    assert_eq!((&first["message"], &event()["message"]), (&"new red".into(), &"newer red".into()));
    assert_eq!(get(&home, &format!("/api/v1/context?id={}", first["id"].as_str().unwrap())).status, 200);
    drop(lines);
    wait_until("it is gone", || daemon.status()["tails"] == 0);
    daemon.stop();
}
