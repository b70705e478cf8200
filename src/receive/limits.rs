//! What one client may do: so many requests at once, and so many bytes a second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Clients remembered at once. More than so many at the same time share the last place.
const MAX_CLIENTS: usize = 10_000;
/// Where those beyond are counted.
const OTHERS: IpAddr = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);

/// See the module. Clones share it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes a second, after decoding; a burst of a second's worth is free.
    rate: f64,
    requests: usize,
    clients: Arc<Mutex<HashMap<IpAddr, Client>>>,
}

#[derive(Debug)]
struct Client {
    /// Bytes beyond what time has paid for.
    debt: f64,
    at: Instant,
    requests: usize,
}

/// A request of a client, until it is dropped.
#[derive(Debug)]
pub struct Visit {
    limits: Limits,
    client: IpAddr,
}

/// Too much at once, or too fast: when to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch(pub Duration);

impl Limits {
    pub fn new(rate: u64, requests: usize) -> Limits {
        Limits { rate: rate.max(1) as f64, requests: requests.max(1), clients: Arc::default() }
    }

    /// A request begins.
    pub fn enter(&self, client: IpAddr) -> Result<Visit, TooMuch> {
        self.enter_at(client, Instant::now())
    }

    fn enter_at(&self, client: IpAddr, now: Instant) -> Result<Visit, TooMuch> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, known| known.requests > 0 || known.debt_at(now, self.rate) > 0.0);
        }
        let client = if clients.len() < MAX_CLIENTS || clients.contains_key(&client) { client } else { OTHERS };
        let known = clients.entry(client).or_insert(Client { debt: 0.0, at: now, requests: 0 });
        known.debt = known.debt_at(now, self.rate);
        known.at = now;
        let over = known.debt - self.rate;
        if over > 0.0 {
            return Err(TooMuch(Duration::from_secs_f64((over / self.rate).clamp(1.0, 60.0))));
        }
        if known.requests >= self.requests {
            return Err(TooMuch(Duration::from_secs(1)));
        }
        known.requests += 1;
        Ok(Visit { limits: self.clone(), client })
    }
}

impl Visit {
    /// It brought so many bytes. How long it would have to wait for the next.
    pub fn charge(&self, bytes: usize) -> Duration {
        let mut clients = self.limits.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, rate) = (Instant::now(), self.limits.rate);
        let Some(known) = clients.get_mut(&self.client) else { return Duration::ZERO };
        known.debt = known.debt_at(now, rate) + bytes as f64;
        known.at = now;
        Duration::from_secs_f64(((known.debt - rate) / rate).clamp(0.0, 60.0))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut clients = self.limits.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get_mut(&self.client) {
            known.requests = known.requests.saturating_sub(1);
        }
    }
}

impl Client {
    fn debt_at(&self, now: Instant, rate: f64) -> f64 {
        (self.debt - now.saturating_duration_since(self.at).as_secs_f64() * rate).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_too_fast_waits_and_others_do_not() {
        let limits = Limits::new(100, 2);
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        // Later than what `charge` looks at.
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let first = limits.enter_at(one, at(0.0)).unwrap();
        first.charge(450);
        assert_eq!(limits.enter_at(one, at(0.0)).unwrap_err(), TooMuch(Duration::from_secs_f64(3.5)));
        assert_eq!(limits.enter_at(one, at(1.0)).unwrap_err(), TooMuch(Duration::from_secs_f64(2.5)));
        let _others = limits.enter_at(other, at(1.0)).unwrap();
        let second = limits.enter_at(one, at(3.6)).unwrap();
        assert_eq!(limits.enter_at(one, at(3.6)).unwrap_err(), TooMuch(Duration::from_secs(1)), "two at once");
        drop(first);
        drop(second);
        assert!(limits.enter_at(one, at(3.6)).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let limits = Limits::new(100, 1);
        let visits: Vec<_> = (0..MAX_CLIENTS as u32 + 1).map(|n| limits.enter(IpAddr::from(n.to_be_bytes()))).collect();
        assert!(visits.iter().all(Result::is_ok));
        assert!(limits.enter(IpAddr::from([200, 0, 0, 1])).is_err(), "the others share a place");
        drop(visits);
        assert!(limits.enter(IpAddr::from([200, 0, 0, 1])).is_ok());
        assert!(limits.clients.lock().unwrap().len() <= MAX_CLIENTS + 1);
    }
}
