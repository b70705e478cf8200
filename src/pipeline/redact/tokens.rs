//! Tokens that tell by their look whose they are, credentials of HTTP, and passwords in URLs.

use super::bytes::{begins, ends_with, from, has_digit, is_base64url, is_word, run, starts_with, until};
use super::trigger::Trigger;

/// Of `Bearer x` without `Authorization`, from this length without a digit.
const BEARER_MIN: usize = 20;
/// A scheme stands at most this many bytes behind the beginning of `Authorization`.
const HEADER_MAX: usize = 26;
/// Further parts of a JWT than the head have at least this many bytes.
const JWT_PART_MIN: usize = 10;

type Span = Option<(usize, usize)>;

/// The bytes of the secret that belongs to the window whose middle byte is at `middle`.
pub fn find(bytes: &[u8], middle: usize, trigger: Trigger) -> Span {
    let head = middle.saturating_sub(1);
    match trigger {
        Trigger::Github => github(bytes, head),
        Trigger::GithubPat => prefixed(bytes, head.checked_sub("githu".len())?, b"github_pat_", 40, is_word),
        Trigger::Gitlab => {
            let (start, end) = prefixed(bytes, head, b"glpat-", 20, |b| is_word(b) || b == b'.')?;
            Some((start, trimmed(bytes, start, end)))
        }
        Trigger::Slack => slack(bytes, head),
        Trigger::StripeOrOpenAi => stripe(bytes, head).or_else(|| openai(bytes, head)),
        Trigger::Npm => prefixed(bytes, head.checked_sub(1)?, b"npm_", 30, |b| b.is_ascii_alphanumeric()),
        Trigger::Jwt => jwt(bytes, head),
        Trigger::Scheme => scheme(bytes, head),
        Trigger::Url => password_of_url(bytes, head),
        _ => None,
    }
}

/// `prefix` at `start` and at least `min` bytes that `good` takes.
fn prefixed(bytes: &[u8], start: usize, prefix: &[u8], min: usize, good: impl Fn(u8) -> bool) -> Span {
    if !from(bytes, start).starts_with(prefix) {
        return None;
    }
    let end = run(bytes, start + prefix.len(), good);
    (end - start >= prefix.len() + min).then_some((start, end))
}

/// Without the end of a sentence.
fn trimmed(bytes: &[u8], start: usize, end: usize) -> usize {
    let text = bytes.get(start..end).unwrap_or_default();
    end - text.iter().rev().take_while(|b| **b == b'.' || **b == b'-').count()
}

fn github(bytes: &[u8], head: usize) -> Span {
    if bytes.get(head + 3) != Some(&b'_') {
        return None;
    }
    let end = run(bytes, head + 4, |b| b.is_ascii_alphanumeric());
    (end >= head + 4 + 30).then_some((head, end))
}

fn slack(bytes: &[u8], head: usize) -> Span {
    let rest = from(bytes, head);
    let length = match rest {
        [b'x', b'o', b'x', b'a' | b'b' | b'e' | b'o' | b'p' | b'r' | b's', b'-', ..] => 5,
        [b'x', b'a', b'p', b'p', b'-', ..] => 5,
        _ => return None,
    };
    // Asked first: so a run is walked once.
    if !begins(bytes, head) {
        return None;
    }
    let end = run(bytes, head + length, |b| b.is_ascii_alphanumeric() || b == b'-');
    let body = bytes.get(head + length..end)?;
    (body.len() >= 10 && has_digit(until(body, 64))).then_some((head, end))
}

/// `sk_live_…`, `rk_test_…`.
fn stripe(bytes: &[u8], head: usize) -> Span {
    let rest = from(bytes, head).get(3..8)?;
    let known = bytes.get(head + 2) == Some(&b'_') && matches!(rest, b"live_" | b"test_");
    let end = run(bytes, head + 8, |b| b.is_ascii_alphanumeric());
    (known && end >= head + 8 + 10).then_some((head, end))
}

/// `sk-…` of OpenAI, Anthropic and those who do as they do. A word with dashes is none: `sk-learn-contrib`.
fn openai(bytes: &[u8], head: usize) -> Span {
    if !from(bytes, head).starts_with(b"sk-") || !begins(bytes, head) {
        return None;
    }
    let end = run(bytes, head + 3, is_word);
    let body = bytes.get(head + 3..end)?;
    let known = [&b"ant-"[..], b"proj-", b"svcacct-", b"admin-", b"or-", b"lf-"].iter().any(|p| body.starts_with(p));
    let first = body.split(|b| *b == b'-' || *b == b'_').next().unwrap_or_default();
    let random = if known { body.len() >= 20 } else { first.len() >= 20 };
    let letters = body.iter().any(u8::is_ascii_alphabetic);
    (random && letters && has_digit(body)).then_some((head, end))
}

/// Head, body and what else follows, between dots; the body is there, the rest may be cut off.
fn jwt(bytes: &[u8], head: usize) -> Span {
    if !begins(bytes, head) {
        return None;
    }
    let dot = run(bytes, head, is_base64url);
    let body = run(bytes, dot + 1, is_base64url);
    let long = dot - head >= JWT_PART_MIN && body.saturating_sub(dot + 1) >= JWT_PART_MIN;
    if !long || bytes.get(dot) != Some(&b'.') {
        return None;
    }
    let end = run(bytes, body, |b| is_base64url(b) || b == b'.');
    Some((head, trimmed(bytes, body, end)))
}

/// `Bearer …` and `Basic …`.
fn scheme(bytes: &[u8], head: usize) -> Span {
    let here = from(bytes, head);
    let length = [&b"bearer"[..], b"basic"].iter().find(|s| starts_with(here, s))?.len();
    let start = run(bytes, head + length, |b| b == b' ').min(head + length + 4);
    if start == head + length || !begins(bytes, head) {
        return None;
    }
    let end = run(bytes, start, |b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    let text = bytes.get(start..end)?;
    let sure = is_header(until(bytes, head));
    let good = match length {
        _ if text.is_empty()
            || (text.ends_with(b"=") && matches!(bytes.get(end), Some(b'"' | b'\\'))) && !has_digit(text) =>
        {
            false
        }
        6 => sure || text.len() >= BEARER_MIN || text.len() >= 8 && has_digit(text),
        _ => sure && text.len() >= 4 || is_user_and_password(text),
    };
    // The stop of a sentence stays; one in front of it cannot be left alone.
    good.then(|| (start, trimmed(bytes, start, end))).filter(|(start, end)| start < end)
}

/// Whether `before` ends with the name of the header, its delimiter and quotes.
fn is_header(before: &[u8]) -> bool {
    let near = from(before, before.len().saturating_sub(HEADER_MAX));
    let name = near.iter().rev().take_while(|b| b" \t:=\"'\\>[({".contains(b)).count();
    name > 0 && ends_with(until(near, near.len() - name), b"authorization")
}

/// Whether base64 holds a colon in plain text.
fn is_user_and_password(text: &[u8]) -> bool {
    let digits = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    if digits.len() < 6 || !text.len().is_multiple_of(4) {
        return false;
    }
    let (mut bits, mut count, mut colon) = (0u32, 0, false);
    for digit in until(digits, 256) {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return false,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            let byte = (bits >> count & 0xff) as u8;
            if byte < b' ' {
                return false;
            }
            colon |= byte == b':';
        }
    }
    colon
}

/// The password of `scheme://user:password@host`; slashes may be escaped.
fn password_of_url(bytes: &[u8], colon: usize) -> Span {
    let slashes = match from(bytes, colon) {
        [b':', b'/', b'/', ..] => 3,
        [b':', b'\\', b'/', b'\\', b'/', ..] => 5,
        _ => return None,
    };
    let start = colon + slashes;
    let ends = |b: u8| b.is_ascii_whitespace() || b.is_ascii_control() || b"/?#\"'`<>\\".contains(&b);
    let authority = bytes.get(start..run(bytes, start, |b| !ends(b)))?;
    let at = memchr::memrchr(b'@', authority)?;
    let user = memchr::memchr(b':', until(authority, at))?;
    let named = until(bytes, colon).last().is_some_and(u8::is_ascii_alphanumeric);
    (named && user + 1 < at).then_some((start + user + 1, start + at))
}
