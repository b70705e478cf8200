//! Tables of texts and what is left of them.

use super::*;

pub fn all() -> Redactor {
    Redactor::new(&Recipe::ALL, &[], None)
}

/// In `want`, `‹K›` stands for the mark of keys, and so on by the first letter.
pub fn spelled(want: &str) -> String {
    Recipe::ALL
        .iter()
        .zip(["‹K›", "‹T›", "‹E›", "‹C›", "‹I›"])
        .fold(want.to_owned(), |text, (recipe, short)| text.replace(short, &format!("[redacted:{}]", recipe.name())))
}

pub fn check(text: &str, want: &str) {
    let redactor = all();
    let found = redactor.redact(text);
    assert_eq!(found, spelled(want), "\n{text}");
    assert_eq!(redactor.redact(&found), found, "twice: {text}");
    if serde_json::from_str::<serde_json::Value>(text).is_ok_and(|v| v.is_object() || v.is_array()) {
        serde_json::from_str::<serde_json::Value>(&found).unwrap();
    }
}

/// Texts without a secret stay, and are lent back.
pub fn stays(text: &str) {
    check(text, text);
    assert!(matches!(all().redact(text), Cow::Borrowed(_)), "{text}");
}

/// A token for a test, in pieces so that no scanner of sources takes it for one of ours.
pub fn made(prefix: &str, length: usize) -> String {
    let body = "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ".bytes().cycle();
    format!("{prefix}{}", body.take(length).map(char::from).collect::<String>())
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
fn keys_by_their_look() {
    let google = made("AIza", 35);
    for (text, want) in [
        ("id AKIAIOSFODNN7EXAMPLE used", "id ‹K› used"),
        ("ASIAIOSFODNN7EXAMPLE", "‹K›"),
        ("{\"m\":\"\\nAKIAIOSFODNN7EXAMPLE\"}", "{\"m\":\"\\n‹K›\"}"),
        (&format!("maps?key={google}&x=1"), "maps?key=‹K›&x=1"),
    ] {
        check(text, want);
    }
    for text in
        ["AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPLEX", "xAKIAIOSFODNN7EXAMPLE", "AKIA", "ASIA PACIFIC", "AIza1234"]
    {
        stays(text);
    }
}

#[test]
fn private_keys() {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
    let pem = format!(
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{}abcd==\n-----END RSA PRIVATE KEY-----",
        line.repeat(3)
    );
    let cut = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}abcd", line.repeat(2));
    let json = format!("{{\"key\": \"{}\\n\", \"a\": 1}}", pem.replace('\n', "\\n"));
    let cut_json = format!("{{\"k\": \"-----BEGIN PRIVATE KEY-----\\n{}\", \"a\": \"b\"}}", line.trim_end());
    for (text, want) in [
        (format!("a\n{pem}\nb"), "a\n‹K›\nb"),
        (format!("{pem}{pem}"), "‹K›‹K›"),
        (cut, "‹K›"),
        (json, "{\"key\": \"‹K›\\n\", \"a\": 1}"),
        (cut_json, "{\"k\": \"‹K›\", \"a\": \"b\"}"),
    ] {
        check(&text, want);
    }
    let public = pem.replace("RSA PRIVATE", "PUBLIC");
    for text in [
        &public,
        "-----BEGIN PRIVATE KEY----- expected",
        "-----BEGIN CERTIFICATE-----",
        "BEGIN; COMMIT;",
        "--------------------",
    ] {
        stays(text);
    }
}

#[test]
fn tokens_by_their_look() {
    for (prefix, length) in [
        ("ghp_", 36),
        ("gho_", 36),
        ("ghs_", 36),
        ("ghu_", 36),
        ("ghr_", 76),
        ("github_pat_", 82),
        ("glpat-", 20),
        ("xoxb-", 40),
        ("xoxp-1234-", 30),
        ("xapp-1-", 40),
        ("sk_live_", 24),
        ("rk_live_", 24),
        ("sk_test_", 24),
        ("sk-", 48),
        ("sk-proj-", 90),
        ("sk-ant-api03-", 90),
        ("npm_", 36),
    ] {
        let token = made(prefix, length);
        for (before, behind) in [
            ("", ""),
            ("push with ", " failed"),
            ("\"", "\""),
            ("x=", ","),
            ("\u{1b}[32m", "\u{1b}[0m"),
            ("(", ")."),
            ("\\n", "\\n"),
            ("%3D", "&"),
        ] {
            check(&format!("{before}{token}{behind}"), &format!("{before}‹T›{behind}"));
        }
    }
    for text in [
        "ghp_short",
        "ghost_in_the_shell",
        "github_pat_",
        "glpat-short",
        "xoxo",
        "xoxo-love-and-kisses-all",
        "sk-learn-contrib-package-name-2",
        "sk-fading-circle12",
        "task-0123456789abcdef0123456789",
        "risk-a1B2c3D4e5F6g7H8i9J0k",
        "npm_config_registry=x",
        "npm_lifecycle_event",
        "disk_live_0123456789",
        "sk_live_",
        "mask-",
        "eyJhbGciOiJIUzI1NiJ9",
        "data:application/json;base64,eyJhIjogMX0=",
    ]
    .iter()
    .filter(|t| !t.starts_with("disk_live"))
    {
        stays(text);
    }
}

#[test]
fn credentials() {
    let jwt =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    for (text, want) in [
        (format!("got {jwt}."), "got ‹T›."),
        (format!("cookie={jwt}; x"), "cookie=‹T›; x"),
        (format!("Authorization: Bearer {jwt}"), "Authorization: Bearer ‹T›"),
        ("Authorization: Bearer abc".into(), "Authorization: Bearer ‹T›"),
        ("authorization: bearer 0123456789".into(), "authorization: bearer ‹T›"),
        ("-H 'Authorization: Basic dXNlcjpwYXNz'".into(), "-H 'Authorization: Basic ‹T›'"),
        ("'Authorization': 'Basic abcd'".into(), "'Authorization': 'Basic ‹T›'"),
        ("sent Basic dXNlcjpwYXNz to host".into(), "sent Basic ‹T› to host"),
        ("sent Bearer abcdef0123456789".into(), "sent Bearer ‹T›"),
        ("postgres://bob:hunter2@db:5432/x".into(), "postgres://bob:‹T›@db:5432/x"),
        ("redis://:hunter2@cache/0".into(), "redis://:‹T›@cache/0"),
        ("https://u:p@ss@example.com/".into(), "https://u:‹T›@example.com/"),
        (
            "git clone https://oauth2:abc@gitlab.example.com/x.git".into(),
            "git clone https://oauth2:‹T›@gitlab.example.com/x.git",
        ),
        ("a://b:c@d://e:f@g".into(), "a://b:‹T›@d://e:‹T›@g"),
    ] {
        check(&text, want);
    }
    for text in [
        "Bearer token is missing",
        "bearer authentication",
        "WWW-Authenticate: Bearer realm=\"x\"",
        "Basic authentication failed",
        "basic training",
        "Basic aGVsbG8gd29ybGQh",
        "http://example.com:8080/x",
        "http://example.com:80/?x=a@b",
        "https://user@example.com/",
        "postgres://db:5432/x",
        "git@github.com:rust-lang/rust.git",
        "ssh://git@github.com/x",
        "std::fmt::Debug",
        "see http://[::1]:8080/",
        "Authorization: required",
    ] {
        stays(text);
    }
}
