//! Secrets that one knows by their look, and what looks almost like them.

use super::{check, stays};

/// A token for a test, in pieces so that no scanner of sources takes it for one of ours.
fn made(prefix: &str, length: usize) -> String {
    let body = "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ".bytes().cycle();
    format!("{prefix}{}", body.take(length).map(char::from).collect::<String>())
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
        "sk_live_",
        "mask-",
        "eyJhbGciOiJIUzI1NiJ9",
        "data:application/json;base64,eyJhIjogMX0=",
    ] {
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

#[test]
fn addresses() {
    for (text, want) in [
        ("mail from alice@example.com.", "mail from ‹E›."),
        ("<Alice.B+tag@mail.example.co.uk>", "<‹E›>"),
        ("mailto:a@b.io?subject=x", "mailto:‹E›?subject=x"),
        ("a@example.com,b@example.org", "‹E›,‹E›"),
        ("alice@example.com:hunter2", "‹E›:hunter2"),
        ("user=alice@163.com", "user=‹E›"),
        ("from 192.0.2.1:8080", "from ‹I›:8080"),
        ("10.0.0.1 - - [x]", "‹I› - - [x]"),
        ("inet 10.0.0.1/24", "inet ‹I›/24"),
        ("http://10.0.0.1/x.", "http://‹I›/x."),
        ("10.0.0.1-10.0.0.9", "‹I›-‹I›"),
        ("ip 10.0.0.1.", "ip ‹I›."),
    ] {
        check(text, want);
    }
    for text in [
        "user@host:~$ ls",
        "root@web1:/etc# ls",
        "ssh deploy@web1.example.com uptime",
        "root@web1.example.com:~# ls",
        "getty@tty1.service",
        "user@1000.service",
        "icon@2x.png",
        "lodash@4.17.21",
        "npm i pkg@1.2.3-beta",
        "@decorator",
        "a@b",
        "a@",
        "@",
        "x@y.z1",
        "foo@-bar.com",
        "foo@bar..com",
        "version 1.2.3",
        "v1.2.3.4",
        "1.2.3.4.5",
        "1.2.3.4-beta",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4x",
        "1..2.3.4",
        "3.14159",
        "libfoo.so.1.2.3.4",
    ] {
        stays(text);
    }
}

#[test]
fn cards() {
    for (text, want) in [
        ("card 4111111111111111 ok", "card ‹C› ok"),
        ("4111 1111 1111 1111", "‹C›"),
        ("4111-1111-1111-1111.", "‹C›."),
        ("pan=5555555555554444;", "pan=‹C›;"),
        ("3782 822463 10005", "‹C›"),
        ("378282246310005", "‹C›"),
        ("3056 930902 5904", "‹C›"),
        ("6011111111111117,6011000990139424", "‹C›,‹C›"),
        ("2223003122003222", "‹C›"),
        ("4111 1111 1111 1111 123", "‹C› 123"),
        ("4111111111111111 12/27 123", "‹C› 12/27 123"),
        ("3530111333300000 4222222222222", "‹C› ‹C›"),
        ("\"4111111111111111\"", "\"‹C›\""),
    ] {
        check(text, want);
    }
    for text in [
        "4111111111111112",
        "1763892930123456",
        "1763892930123456789",
        "1763892930123",
        "2026112310153012",
        "0.4111111111111111",
        "x4111111111111111",
        "4111111111111111x",
        "4111111111111111-1",
        "14111111111111111",
        "41111111111111111",
        "-4111111111111111",
        "41111111-1111-1111-1111-111111111111",
        "4f3c2111-4111-4111-8111-111111111111",
        "4111111111111111.5",
        "sha1 4111111111111111aaaabbbbccccdddd11112222",
        "/users/4111111111111111/x",
        "DE89 3704 0044 0532 0130 00",
        "4111 1111-1111 1111",
        "411111 1111111111",
        "9999999999999995",
        "0000000000000000",
        "555-4444 5555",
        "4111  1111 1111 1111",
        "+4111111111111111",
        "2026-11-23 10:15:30.123456",
        "4111_1111_1111_1111",
    ] {
        stays(text);
    }
}
