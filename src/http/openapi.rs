//! The description of the API, `openapi.json`, and the test that it describes what there is.

/// OpenAPI 3.1.
pub(super) const DOCUMENT: &str = include_str!("openapi.json");
