//! What holds for any text: no panic, nothing changes the second time, JSON stays JSON, and time is linear.

use proptest::prelude::*;

use super::*;

/// What texts are made of: pieces that matter to some recipe, and anything.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "password",
        "token",
        "api_key",
        "secret",
        "Pwd",
        "_pass",
        "=",
        ":",
        ": ",
        "\"",
        "'",
        "\\",
        "\\\"",
        "\\\\",
        "\\n",
        "\\u0026",
        " ",
        "\n",
        ",",
        ", ",
        ";",
        "&",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        "@",
        "a@b.io",
        "example.com",
        "://",
        "u:p@h",
        "http://",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "PRIVATE KEY-----",
        "-----",
        "4111111111111111",
        "4111 1111 1111 1111",
        "10.0.0.1",
        "1.2",
        ".",
        "-",
        "_",
        "%3D",
        "eyJ",
        "eyJhbGciOiJI.eyJzdWIiOiIx.x",
        "AKIAIOSFODNN7EXAMPLE",
        "Bearer ",
        "Basic ",
        "dXNlcjpwYXNz",
        "Authorization: ",
        "sk-",
        "ghp_",
        "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
        "[redacted:keys]",
        "[redacted:",
        "[keys:0123456789abcdef]",
        "[own:0123456789abcdef]",
        "keys]",
        "hunter2",
        "ü",
        "\u{3000}",
        "--",
        "*",
        "null",
        "true",
        "12",
        "/",
        "~",
        "\u{1b}[32m",
    ];
    prop_oneof![8 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => any::<String>(), 1 => "[a-z0-9]{1,9}"]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..14).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        6 => text().prop_map(serde_json::Value::from),
        1 => any::<i64>().prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::from(4_111_111_111_111_111_u64)),
        1 => Just(serde_json::Value::Null),
        1 => any::<bool>().prop_map(serde_json::Value::from),
        1 => any::<f64>().prop_map(serde_json::Value::from),
    ];
    // A string that is JSON itself is one of the harder things.
    let leaf = leaf.prop_recursive(2, 8, 4, |inner| inner.prop_map(|v| serde_json::Value::from(v.to_string())));
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(piece(), inner, 0..5)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

fn redactors() -> [Redactor; 3] {
    let own = |pattern: &str| vec![("own".to_owned(), compile(pattern).unwrap())];
    [
        Redactor::new(&Recipe::ALL, &[], None),
        Redactor::new(&Recipe::ALL, &own(r"h\w+2"), Some(HashKey::from_bytes([3; 16]))),
        Redactor::new(&Recipe::ALL, &own(r#"[a-z"\\]{2}[u:"]."#), None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn twice_is_once(text in text()) {
        // The last has a pattern that is made to hit marks' surroundings, for which rounds may not do.
        for redactor in &redactors()[..2] {
            let once = redactor.redact(&text).into_owned();
            prop_assert_eq!(&redactor.redact(&once), &once);
        }
    }

    #[test]
    fn json_stays_json(value in json()) {
        let text = value.to_string();
        for redactor in redactors() {
            let found = redactor.redact(&text).into_owned();
            let read = serde_json::from_str::<serde_json::Value>(&found);
            prop_assert!(read.is_ok() || !(value.is_object() || value.is_array()), "{}\n{}", text, found);
        }
    }

    #[test]
    fn what_is_kept_was_there(text in text()) {
        // Between the marks stands what stood there before, in its order. Numbers of JSON get quotes: no JSON here.
        let text = format!("x{text}");
        let redactor = Redactor::new(&Recipe::ALL, &[], None);
        let found = redactor.redact(&text).into_owned();
        let mut rest = text.as_str();
        for kept in found.split("[redacted:").flat_map(|p| p.split_inclusive(']')) {
            let kept = Recipe::ALL.iter().find_map(|r| kept.strip_prefix(r.name())?.strip_prefix(']')).unwrap_or(kept);
            let at = rest.find(kept);
            prop_assert!(at.is_some(), "{:?} of {:?} is not in {:?}", kept, found, text);
            rest = at.map_or(rest, |at| &rest[at + kept.len()..]);
        }
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|c| c.parse().ok()).unwrap_or(512)
}

/// Text that repeats what begins secrets, so that each place looks as far as it may: no place may look at all the
/// rest. A quadratic one takes minutes here, and the test would not end in time; nothing asserts on a clock.
#[test]
fn time_is_linear() {
    let redactor = Redactor::new(&Recipe::ALL, &[], None);
    for piece in [
        "token=",
        "token=/a/",
        "token={",
        "token='",
        "token=\"/",
        "token=\\\"/",
        "token=**",
        "password=*",
        "password:",
        "eyJ",
        "eyJ.",
        "eyJhbGciOiJIUzI1.",
        "AKIA",
        "AKI",
        "AIza",
        "AIz",
        "ghp_",
        "ghp",
        "glpat-",
        "xoxb-",
        "sk-",
        "sk_live_",
        "npm_",
        "Bearer ",
        "Basic a",
        "://",
        "://a:",
        "a@",
        "a@b.",
        "@",
        "4111 ",
        "4",
        "4111",
        "1.",
        "1.1",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\n",
        "-",
        "\\",
        "\\\\\"",
        "[",
        "[redacted:",
        "[redacted:keys]",
        "<token>",
        "--token ",
        "token=\\",
        "secret=,",
        "secret=a,",
        "api_key=)",
        "user_pass=ü",
        "{\"token\":\"",
        "[\"token=\\\"",
        "%3D",
        "\\n",
        "_pass=a]",
    ] {
        let text = piece.repeat((1 << 19) / piece.len());
        let once = redactor.redact(&text).into_owned();
        assert!(redactor.redact(&once) == once, "{piece}");
        redactor.redact(&format!("[\"{text}\"]"));
    }
    let named = [("token".to_owned(), compile("hunter2").unwrap())];
    let named = Redactor::new(&Recipe::ALL, &named, Some(HashKey::from_bytes([1; 16])));
    let marks = "[token:0123456789abcdef]".repeat(20_000);
    assert_eq!(named.redact(&marks), marks);
}
