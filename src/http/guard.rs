//! Who may ask at an address of the loopback: programs of this host that name it so. A web page elsewhere that has its
//! own name lead here (DNS rebinding) does not. There is no CORS either, so pages cannot read what they ask for.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::problem::Problem;

/// Longest path with its parameters, in bytes: a query is 8 KiB, and encoding makes three of one.
const MAX_TARGET: usize = 32 * 1024;

/// Refuses other names where `address` is of the loopback, and targets that are too long.
pub(super) async fn guard(State(address): State<Option<SocketAddr>>, request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET {
        let message = format!("the path and its parameters are longer than {MAX_TARGET} bytes");
        return Problem::new(StatusCode::URI_TOO_LONG, message).into_response();
    }
    let hosts: Vec<&str> =
        request.headers().get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default()).collect();
    match (address, &hosts[..]) {
        (Some(address), [host]) if address.ip().is_loopback() && !is_here(host) => {
            let message = format!(
                "{host:?} is no name of this host's loopback; ask {address}, or have the proxy set `Host` to it"
            );
            Problem::new(StatusCode::MISDIRECTED_REQUEST, message).into_response()
        }
        (_, [_]) => next.run(request).await,
        (_, []) => Problem::bad("the header `Host` is missing").into_response(),
        _ => Problem::bad("there is more than one header `Host`").into_response(),
    }
}

/// Whether a `Host` names the loopback.
fn is_here(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name =
        authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let has_user = host.contains('@');
    let is_address = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    !has_user && (is_address || name == "localhost" || name.ends_with(".localhost"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_the_loopback() {
        let check = |host: &str, want: bool| assert_eq!(super::is_here(host), want, "{host}");
        check("127.0.0.1:7600", true);
        check("127.1.2.3", true);
        check("localhost:1", true);
        check("LOCALHOST.", true);
        check("[::1]:7600", true);
        check("grafana.localhost", true);
        check("example.org", false);
        check("127.0.0.1.example.org", false);
        check("localhost.example.org:7600", false);
        check("localhost@example.org", false);
        check("10.0.0.1", false);
        check("", false);
        check("a b", false);
    }
}
