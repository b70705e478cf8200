//! Tables of texts and what is left of them.

mod looks;

use super::*;

fn all() -> Redactor {
    Redactor::new(&Recipe::ALL, &[], None)
}

/// In `want`, `‹K›` stands for the mark of keys, and so on by the first letter.
fn spelled(want: &str) -> String {
    Recipe::ALL
        .iter()
        .zip(["‹K›", "‹T›", "‹E›", "‹C›", "‹I›"])
        .fold(want.to_owned(), |text, (recipe, short)| text.replace(short, &format!("[redacted:{}]", recipe.name())))
}

fn check(text: &str, want: &str) {
    let redactor = all();
    let found = redactor.redact(text);
    assert_eq!(found, spelled(want), "\n{text}");
    assert_eq!(redactor.redact(&found), found, "twice: {text}");
    if serde_json::from_str::<serde_json::Value>(text).is_ok_and(|v| v.is_object() || v.is_array()) {
        serde_json::from_str::<serde_json::Value>(&found).unwrap();
    }
}

/// Texts without a secret stay, and are lent back.
fn stays(text: &str) {
    check(text, text);
    assert!(matches!(all().redact(text), Cow::Borrowed(_)), "{text}");
}

#[test]
fn names() {
    for recipe in Recipe::ALL {
        assert_eq!(Recipe::from_name(recipe.name()), Some(recipe));
    }
    assert_eq!(Recipe::from_name("nothing"), None);
}

#[test]
fn assignments() {
    for (text, want) in [
        ("password=hunter2", "password=‹K›"),
        ("password: hunter2", "password: ‹K›"),
        ("Password = hunter2 for bob", "Password = ‹K› for bob"),
        ("PASSWORD:hunter2", "PASSWORD:‹K›"),
        ("passwd=x user=y", "passwd=‹K› user=y"),
        ("passphrase='open sesame' ok", "passphrase='‹K›' ok"),
        ("DB_PASS=hunter2", "DB_PASS=‹K›"),
        ("Server=db;Uid=sa;Pwd=s3cret;Timeout=3", "Server=db;Uid=sa;Pwd=‹K›;Timeout=3"),
        ("password=a,b)c, user=d", "password=‹K›, user=d"),
        ("login(user=x, password=hunter2)", "login(user=x, password=‹K›)"),
        ("--password hunter2 --user x", "--password ‹K› --user x"),
        ("--token=abcdef1 x", "--token=‹K› x"),
        ("export OPENAI_API_KEY=abc123def456", "export OPENAI_API_KEY=‹K›"),
        ("api_key=abc123def456&page=2", "api_key=‹K›&page=2"),
        ("GET /x?token=abc123def&y=1 HTTP/1.1", "GET /x?token=‹K›&y=1 HTTP/1.1"),
        ("u=x%26token%3Dabc123def%26y", "u=x%26token%3D‹K›%26y"),
        ("apikey: 0123456789abcdef", "apikey: ‹K›"),
        ("X-Api-Key: abc-def-012", "X-Api-Key: ‹K›"),
        ("API key: abc-def-012", "API key: ‹K›"),
        ("api_key_2=abcdefgh", "api_key_2=‹K›"),
        ("client_secret=abcdefgh", "client_secret=‹K›"),
        ("secret => abcdefgh", "secret => ‹K›"),
        ("refresh_token: 1//0abcdef", "refresh_token: ‹K›"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = ‹K›"),
        ("aws_secret_access_key=/JalrXUtnFEMIaK7MDENGabPxRfiCYEXAMPLEKEY", "aws_secret_access_key=‹K›"),
        ("AccountKey=abcdef0123456789==;EndpointSuffix=x", "AccountKey=‹K›;EndpointSuffix=x"),
        ("{'password': 'it\\'s', 'user': 'x'}", "{'password': '‹K›', 'user': 'x'}"),
        ("{'token': b'abcdef', 'n': 1}", "{'token': b'‹K›', 'n': 1}"),
        ("token: Some(\"abcdef1\"), x", "token: Some(\"‹K›\"), x"),
        ("user[password]=hunter2&x", "user[password]=‹K›&x"),
        ("<Password>hunter2</Password>", "<Password>‹K›</Password>"),
        ("password=[hunter2]", "password=[‹K›]"),
        ("password: пароль конец", "password: ‹K› конец"),
        ("пароль password=пароль", "пароль password=‹K›"),
        ("password='not closed", "password='‹K›"),
        ("token=token=token=abcdef", "token=‹K›"),
        ("a password=x\nb password=y", "a password=‹K›\nb password=‹K›"),
    ] {
        check(text, want);
    }
}

#[test]
fn json() {
    for (text, want) in [
        (r#"{"password":"hunter2","a":1}"#, r#"{"password":"‹K›","a":1}"#),
        (r#"{"apiKey": "abcdef0", "a": 1}"#, r#"{"apiKey": "‹K›", "a": 1}"#),
        (r#"{"secretAccessKey":"abc\"def\\"}"#, r#"{"secretAccessKey":"‹K›"}"#),
        (r#"{"password": "a\\", "b": "c"}"#, r#"{"password": "‹K›", "b": "c"}"#),
        (r#"{"x-api-key":["abcdef1"],"a":"b"}"#, r#"{"x-api-key":["‹K›"],"a":"b"}"#),
        (r#"{"password": 12345}"#, r#"{"password": "‹K›"}"#),
        (r#"{"token": -1.5e300, "a": [1]}"#, r#"{"token": "‹K›", "a": [1]}"#),
        (r#"{"msg": "password: hunter2\nnext", "a": 1}"#, r#"{"msg": "password: ‹K›\nnext", "a": 1}"#),
        (r#"{"msg": "password='hunter2", "a": "b"}"#, r#"{"msg": "password='‹K›", "a": "b"}"#),
        (r#"{"body": "{\"password\":\"hunter2\",\"a\":1}"}"#, r#"{"body": "{\"password\":\"‹K›\",\"a\":1}"}"#),
        (r#"{"b": "{\"password\":\"a\\\\\",\"a\":\"x\"}"}"#, r#"{"b": "{\"password\":\"‹K›\",\"a\":\"x\"}"}"#),
        (
            r#"{"b": "{\"p\":\"{\\\"password\\\":\\\"x\\\"}\"}"}"#,
            r#"{"b": "{\"p\":\"{\\\"password\\\":\\\"‹K›\\\"}\"}"}"#,
        ),
        (r#"{"u": "/x?token=abcdef1\u0026y=1"}"#, r#"{"u": "/x?token=‹K›\u0026y=1"}"#),
        (r#"{"card": 4111111111111111, "n": 1}"#, r#"{"card": "‹C›", "n": 1}"#),
        (r#"[4111111111111111, "a@example.com"]"#, r#"["‹C›", "‹E›"]"#),
        (r#"{"a@example.com": 1}"#, r#"{"‹E›": 1}"#),
        (r#"{"m": "\nalice@example.com"}"#, r#"{"m": "\n‹E›"}"#),
        (r#"{"m": "see postgres:\/\/u:pw@db\/x"}"#, r#"{"m": "see postgres:\/\/u:‹T›@db\/x"}"#),
        (r#"{"headers": {"Authorization": "Bearer abc"}}"#, r#"{"headers": {"Authorization": "Bearer ‹T›"}}"#),
        (r#"INFO {"password": "hunter2", "a": 1} done"#, r#"INFO {"password": "‹K›", "a": 1} done"#),
        (r#"{"password": "cut off in the mid"#, r#"{"password": "‹K›"#),
    ] {
        check(text, want);
    }
}

#[test]
fn names_without_a_secret() {
    for text in [
        "password: ",
        "password:",
        "password=",
        "password=\nnext",
        "password= &user=x",
        "\"password\": \"\"",
        "password=&user=x",
        "{\"password\": null, \"token\": true}",
        "token expired",
        "token: expired",
        "Token: invalid.",
        "the password is wrong",
        "password: incorrect",
        "password: ********",
        "password: '***'",
        "access_token: none",
        "secret: [",
        "secret: {",
        "tokens=12345678",
        "token_type=bearer",
        "max_tokens: 100000",
        "token: 512",
        "token=17",
        "token: word",
        "Unexpected token: 'something'",
        "unexpected token: identifier",
        "SyntaxError: Unexpected token < in JSON at position 0",
        "key=abcdef123456",
        "primary_key=abcdefgh",
        "cache_key=user:12345678",
        "public_key=abcdefgh",
        "monkey=abcdefghij",
        "keyboard=qwertyuiop",
        "KeyError: 'something'",
        "PWD=/home/user/project",
        "pwd: ~/src",
        "pwd",
        "private_key: /etc/ssl/private/host.pem",
        "token=./tokens/abc",
        "secret=/run/secrets/db_key",
        "secretary=abcdefgh",
        "tokenizer=abcdefgh",
        "token::Parser::new",
        "passwords=5",
        "pass: 12 fail: 3",
        "pass=12",
        "class=abcdefgh",
        "compass=north12",
        "api_key",
        "api key",
        "reset-password/abc",
        "--password",
        "--password --user x",
        "secret sauce",
        "if token != 3",
        "\"apiKey\": {\"a\": 1}",
        "token: {",
        "password: ",
        "<password></password>",
        "has_password=true",
        "password=false",
    ] {
        stays(text);
    }
}

#[test]
fn what_logs_are_full_of() {
    for text in [
        "",
        " ",
        "\n",
        "ü",
        "[",
        "]",
        "\\",
        "\"",
        "a",
        "=",
        "password",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "at 1763892930.123456 done",
        "img data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "File \"/usr/lib/python3/site-packages/sk_learn/x.py\", line 4, in token",
        "2026-11-23T10:15:30.123456789+01:00 INFO ok",
        "[redacted:keys]",
        "password=[redacted:keys]",
        "password=[keys:1f2e3d4c5b6a7988] x",
        "\"password\":\"[redacted:keys]\"",
        "http://u:[redacted:tokens]@h",
    ] {
        stays(text);
    }
}

#[test]
fn hashes() {
    let with = |key: u8| Redactor::new(&Recipe::ALL, &[], Some(HashKey::from_bytes([key; 16])));
    let one = with(1).redact("password=hunter2 x").into_owned();
    assert!(
        one.starts_with("password=[keys:")
            && one.ends_with("] x")
            && one.len() == "password=[keys:0123456789abcdef] x".len(),
        "{one}"
    );
    let mark = |text: &str, key: u8| with(key).redact(text).rsplit(':').next().map(str::to_owned);
    assert_eq!(mark("password=hunter2", 1), mark("\"passwd\": hunter2", 1), "the same secret has the same mark");
    assert_ne!(mark("password=hunter2", 1), mark("password=hunter3", 1));
    assert_ne!(mark("password=hunter2", 1), mark("password=hunter2", 2));
    assert_eq!(mark("4111 1111 1111 1111", 1), mark("4111111111111111", 1));
    assert_eq!(with(1).redact(&one), one);
    assert!(format!("{:?}", with(1)).contains("HashKey(…)"), "a key is never shown");
}

#[test]
fn patterns() {
    let with =
        |pattern: &str| Redactor::new(&[Recipe::Keys], &[("my \"own\"".into(), compile(pattern).unwrap())], None);
    for (pattern, text, want) in [
        ("emp-[0-9]+", "x emp-12 emp-13", "x [redacted:my__own_] [redacted:my__own_]"),
        ("user (\\w+)", "user bob, user eve", "user [redacted:my__own_], user [redacted:my__own_]"),
        ("(?:a|(b))c", "ac bc", "ac [redacted:my__own_]c"),
        ("redacted", "redacted [redacted:keys]", "[redacted:my__own_] [redacted:keys]"),
        ("hunter", "password=hunter2", "password=[redacted:keys]"),
        ("password=h", "password=hunter2", "[redacted:my__own_]"),
        (".b", "ab\u{e9}b", "[redacted:my__own_][redacted:my__own_]"),
        (r#""user": "\w+""#, r#"{"user": "bob", "a": 1}"#, r#"{"[redacted:my__own_]": "[redacted:my__own_]", "a": 1}"#),
        (
            "n|true|1",
            r#"{"a": 12, "b": true, "c": "\n\u0031"}"#,
            r#"{"a": "[redacted:my__own_]", "b": "[redacted:my__own_]", "c": "[redacted:my__own_][redacted:my__own_]"}"#,
        ),
        ("ude00", r#"["x\ud83d\ude00y"]"#, r#"["x[redacted:my__own_]y"]"#),
    ] {
        let redactor = with(pattern);
        let found = redactor.redact(text);
        assert_eq!(found, want, "{pattern} on {text}");
        assert_eq!(redactor.redact(&found), found, "twice: {pattern} on {text}");
    }
    for (pattern, good) in
        [("a", true), ("a|(b)", true), ("(a)(b)", false), ("a*", false), ("(", false), ("(?:a{1000}){1000}", false)]
    {
        assert_eq!(compile(pattern).is_ok(), good, "{pattern}");
    }
}

#[test]
fn counts() {
    let redactor = all();
    redactor.redact("password=x token=abcdef for a@example.com");
    redactor.redact("nothing");
    redactor.redact("b@example.com");
    assert_eq!(redactor.counts().collect::<Vec<_>>(), [("keys", 2), ("email", 2)]);
}
