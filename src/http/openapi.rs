//! The description of the API, `openapi.json`, and the test that it describes every path there is.

/// OpenAPI 3.1.
pub(super) const DOCUMENT: &str = include_str!("openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::http::routes::{Door, table};

    #[test]
    fn every_path_is_described_and_every_description_has_a_path() {
        let document: Value = serde_json::from_str(super::DOCUMENT).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let is_control = operation["tags"][0] == "control";
                described.insert((method.clone(), path.clone(), is_control));
            }
        }
        let there = table().into_iter();
        let there = there.map(|(method, path, door, _)| (method.to_owned(), path.to_owned(), door == Door::Socket));
        assert_eq!(described, there.collect());
    }

    /// What waits for its turn is a question, and a question may be one for the cluster.
    #[test]
    fn a_question_may_find_no_cluster() {
        let document: Value = serde_json::from_str(super::DOCUMENT).unwrap();
        let mut questions = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            let responses = &methods["get"]["responses"];
            // A live tail is of this host.
            if responses["503"]["$ref"] == "#/components/responses/Busy" && path != "/api/v1/tail" {
                questions += 1;
                assert_eq!(responses["502"]["$ref"], "#/components/responses/Cluster", "{path}");
            }
        }
        assert!(questions > 5 && document["components"]["responses"]["Cluster"].is_object());
    }
}
