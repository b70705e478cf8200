//! Tables of personal data, of what is none, and of marks.

use super::tests::{all, check, stays};
use super::*;

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
