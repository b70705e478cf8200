//! Less of what there is too much of: sampling by key, and a rate limit for each key.
//!
//! A key is any text that says what belongs together: a request id, a logger, a message's template.

use std::borrow::Cow;
use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

/// Longer keys are kept as their head and a hash, so that memory is bounded.
const KEY_BYTES_MAX: usize = 256;
const NANOSECONDS: f64 = 1e9;

/// Keeps a share of all keys: a key is always kept or never, in every run, on every machine and in every version,
/// and who is kept at a small share is kept at any larger.
///
/// By XXH3 (64 bits, no seed), whose results its author has fixed. It is no secret: who chooses keys can choose them
/// so that they are kept or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    keep: f64,
}

impl Sampler {
    /// `keep` is a share, 0 for nothing to 1 for everything; what is outside counts as the nearer of the two. What is
    /// no number keeps everything: lines that are lost by a mistake do not come back.
    pub fn new(keep: f64) -> Sampler {
        Sampler { keep: if keep.is_nan() { 1.0 } else { keep.clamp(0.0, 1.0) } }
    }

    pub fn keep(&self, key: &str) -> bool {
        // The upper 53 bits are a number from 0 to below 1 that f64 holds exactly.
        let place = (xxh3_64(key.as_bytes()) >> 11) as f64 / (1u64 << 53) as f64;
        place < self.keep
    }
}

/// What a key may still have.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    /// When `tokens` was right, nanoseconds.
    since: i64,
}

impl Bucket {
    /// Fills up to `now_ns`, and takes one token if there is one.
    fn take(&mut self, now_ns: i64, per_nanosecond: f64, burst: f64) -> bool {
        let elapsed = now_ns.saturating_sub(self.since);
        if elapsed > 0 {
            self.tokens = (self.tokens + elapsed as f64 * per_nanosecond).min(burst);
        }
        self.since = now_ns;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

type Buckets = HashMap<Box<str>, Bucket, foldhash::fast::RandomState>;

/// A token bucket for each key.
///
/// Memory is bounded by two generations, as caches have them: buckets live in the young one, and when that has half
/// of all keys it becomes the old one, whose buckets are dropped unless they were asked for again. So at least the
/// half of the keys that was used last is known, and forgetting costs O(1) for each call on average. A dropped bucket
/// begins full again, which it would be by then anyway when there are not very many keys: who can invent keys without
/// end can get around a limit for each.
#[derive(Debug)]
pub struct RateLimit {
    per_nanosecond: f64,
    burst: f64,
    half: usize,
    young: Buckets,
    old: Buckets,
}

impl RateLimit {
    /// On average `per_second` are let through for each key, and `burst` at once. With a burst of 0 nothing is, and
    /// with a rate of 0, a negative one or one that is no number nothing after the first burst. At most `max_keys`
    /// keys are known, and no less than two.
    pub fn new(per_second: f64, burst: u32, max_keys: usize) -> RateLimit {
        let per_second = if per_second.is_nan() { 0.0 } else { per_second.max(0.0) };
        RateLimit {
            per_nanosecond: per_second / NANOSECONDS,
            burst: f64::from(burst),
            half: (max_keys / 2).max(1),
            young: Buckets::default(),
            old: Buckets::default(),
        }
    }

    /// Whether one more of `key` is let through at `now_ns`, nanoseconds of any clock. A clock that steps back stops
    /// the refilling for no longer than until the next call; one that leaps ahead fills the bucket.
    pub fn allow(&mut self, key: &str, now_ns: i64) -> bool {
        let key = &*shortened(key);
        let (per_nanosecond, burst) = (self.per_nanosecond, self.burst);
        if let Some(bucket) = self.young.get_mut(key) {
            return bucket.take(now_ns, per_nanosecond, burst);
        }
        // Taken out first: the change of generations must not drop it.
        let known = self.old.remove_entry(key);
        if self.young.len() >= self.half {
            self.change_generations();
        }
        let fresh = Bucket { tokens: burst, since: now_ns };
        let (key, mut bucket) = known.unwrap_or_else(|| (key.into(), fresh));
        let allowed = bucket.take(now_ns, per_nanosecond, burst);
        self.young.insert(key, bucket);
        allowed
    }

    /// How many keys are known.
    #[cfg(test)]
    fn keys(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn change_generations(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }
}

/// `key`, or what stands for one that is very long.
fn shortened(key: &str) -> Cow<'_, str> {
    if key.len() <= KEY_BYTES_MAX {
        return Cow::Borrowed(key);
    }
    let head = key.get(..key.floor_char_boundary(KEY_BYTES_MAX - 17)).unwrap_or_default();
    Cow::Owned(format!("{head}#{:016x}", xxh3_64(key.as_bytes())))
}

#[cfg(test)]
mod tests;
