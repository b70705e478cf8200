//! What clients of Elasticsearch ask before anything else: who is there, and how it is.

use serde_json::{Value as Json, json};

use crate::elastic::serve::INDEX;

/// The version that is told to clients: of the API, not of Logmill. Clients of 8.x and Grafana take it.
pub const VERSION: &str = "8.17.0";

/// The answer at the root.
pub fn about() -> Json {
    let version = json!({
        "number": VERSION,
        "build_flavor": "default",
        "build_type": "logmill",
        "build_hash": env!("CARGO_PKG_VERSION"),
        "build_date": "1970-01-01T00:00:00.000Z",
        "build_snapshot": false,
        "lucene_version": "9.12.0",
        "minimum_wire_compatibility_version": "7.17.0",
        "minimum_index_compatibility_version": "7.0.0",
    });
    let tagline = "You Know, for Search";
    json!({ "name": INDEX, "cluster_name": INDEX, "cluster_uuid": INDEX, "version": version, "tagline": tagline })
}

pub fn cluster_health() -> Json {
    json!({
        "cluster_name": INDEX, "status": "green", "timed_out": false, "number_of_nodes": 1, "number_of_data_nodes": 1,
        "active_primary_shards": 1, "active_shards": 1, "relocating_shards": 0, "initializing_shards": 0,
        "unassigned_shards": 0, "delayed_unassigned_shards": 0, "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": 100.0,
    })
}

/// `_license`: without one that is active, Logstash and the Beats send nothing.
pub fn license() -> Json {
    json!({ "license": license_of("issue_date", "1970-01-01T00:00:00.000Z") })
}

/// `_xpack`, where older shippers look for the license, and whether they have to see to the lives of indices.
pub fn xpack() -> Json {
    let features = json!({ "ilm": { "available": false, "enabled": false } });
    json!({ "build": {}, "license": license_of("mode", "basic"), "features": features, "tagline": "You know, for X" })
}

fn license_of(name: &str, value: &str) -> Json {
    json!({ "status": "active", "type": "basic", "uid": INDEX, "issued_to": INDEX, "issuer": INDEX, name: value })
}
