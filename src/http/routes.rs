//! Every path there is, in one table. `openapi.json` describes the same paths; a test compares the two.

use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};

use crate::http::backend::Shared;
use crate::http::guard::guard;
use crate::http::problem::{Problem, in_one_shape};
use crate::http::{alerts, context, daemon, elastic, fields, rates, search, tail, workflows};

/// Longest body of a request, in bytes.
const MAX_BODY: usize = 1 << 20;

/// Where a path is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// At the address and on the control socket.
    Both,
    /// On the control socket in the data folder, where the file system says who may.
    Socket,
}

type Route = (&'static str, &'static str, Door, MethodRouter<Shared>);

/// Method, path, door and handler.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    use Door::{Both, Socket};
    vec![
        ("get", "/health", Both, get(daemon::ready)),
        ("get", "/health/live", Both, get(daemon::live)),
        ("get", "/health/ready", Both, get(daemon::ready)),
        ("get", "/status", Both, get(daemon::status)),
        ("get", "/metrics", Both, get(daemon::metrics)),
        ("get", "/api/v1/openapi.json", Both, get(daemon::openapi)),
        ("get", "/api/v1/search", Both, get(search::search)),
        ("get", "/api/v1/aggregate", Both, get(search::aggregate)),
        ("get", "/api/v1/rate", Both, get(rates::rates)),
        ("get", "/api/v1/histogram", Both, get(rates::histogram)),
        ("get", "/api/v1/fields", Both, get(fields::names)),
        ("get", "/api/v1/fields/{name}", Both, get(fields::values)),
        ("get", "/api/v1/context", Both, get(context::context)),
        ("get", "/api/v1/tail", Both, get(tail::tail)),
        ("get", "/api/v1/workflows", Both, get(workflows::list)),
        ("get", "/api/v1/workflows/{id}", Both, get(workflows::one)),
        ("get", "/api/v1/sources", Both, get(daemon::sources)),
        ("get", "/api/v1/partitions", Both, get(daemon::partitions)),
        ("get", "/api/v1/rotations", Both, get(daemon::rotations)),
        ("get", "/api/v1/alerts", Both, get(alerts::list)),
        ("get", "/elastic", Both, get(elastic::root)),
        ("get", "/elastic/", Both, get(elastic::root)),
        ("get", "/elastic/_search", Both, get(elastic::search)),
        ("post", "/elastic/_search", Both, post(elastic::search)),
        ("get", "/elastic/{index}/_search", Both, get(elastic::search)),
        ("post", "/elastic/{index}/_search", Both, post(elastic::search)),
        ("post", "/elastic/_msearch", Both, post(elastic::multi_search)),
        ("post", "/elastic/{index}/_msearch", Both, post(elastic::multi_search)),
        ("get", "/elastic/_count", Both, get(elastic::count)),
        ("post", "/elastic/_count", Both, post(elastic::count)),
        ("get", "/elastic/{index}/_count", Both, get(elastic::count)),
        ("post", "/elastic/{index}/_count", Both, post(elastic::count)),
        ("get", "/elastic/_field_caps", Both, get(elastic::field_caps)),
        ("post", "/elastic/_field_caps", Both, post(elastic::field_caps)),
        ("get", "/elastic/{index}/_field_caps", Both, get(elastic::field_caps)),
        ("post", "/elastic/{index}/_field_caps", Both, post(elastic::field_caps)),
        ("post", "/elastic/_search/scroll", Both, post(elastic::scroll)),
        ("delete", "/elastic/_search/scroll", Both, delete(elastic::close)),
        ("post", "/elastic/{index}/_pit", Both, post(elastic::open_point)),
        ("delete", "/elastic/_pit", Both, delete(elastic::close)),
        ("post", "/elastic/{index}/_search/point_in_time", Both, post(elastic::open_point)),
        ("delete", "/elastic/_search/point_in_time", Both, delete(elastic::close)),
        ("get", "/elastic/_mapping", Both, get(elastic::mapping)),
        ("get", "/elastic/{index}/_mapping", Both, get(elastic::mapping)),
        ("get", "/elastic/{index}", Both, get(elastic::mapping)),
        ("get", "/elastic/_cat/indices", Both, get(elastic::indices)),
        ("get", "/elastic/_cat/indices/{index}", Both, get(elastic::indices)),
        ("get", "/elastic/_cluster/health", Both, get(elastic::cluster_health)),
        ("get", "/elastic/_resolve/index/{index}", Both, get(elastic::resolve)),
        ("post", "/api/v1/reload", Socket, post(daemon::reload)),
        ("post", "/control", Socket, post(daemon::control)),
    ]
}

/// What everybody may ask at `address`.
pub fn router(backend: Shared, address: SocketAddr) -> Router {
    build(backend, Some(address), |door| door == Door::Both)
}

/// What the owner of the data folder may ask, over the control socket.
pub fn control_router(backend: Shared) -> Router {
    build(backend, None, |_| true)
}

fn build(backend: Shared, address: Option<SocketAddr>, is_open: impl Fn(Door) -> bool) -> Router {
    let open = table().into_iter().filter(|(_, _, door, _)| is_open(*door));
    open.fold(Router::new(), |router, (_, path, _, handler)| router.route(path, handler))
        .route_layer(from_fn_with_state(backend.clone(), timed))
        .fallback(async || Problem::missing("there is nothing at this path; /api/v1/openapi.json says what there is"))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(MAX_BODY, elastic::unpacked))
        .layer(from_fn_with_state(address, guard))
        .layer(from_fn(in_one_shape))
        .layer(from_fn(elastic::in_its_shape))
        .with_state(backend)
}

/// Tells how long a question took: until its answer began, of what it says at once.
async fn timed(State(backend): State<Shared>, path: MatchedPath, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    let kind = path.as_str().strip_prefix("/api/v1/").and_then(|path| path.split('/').next());
    if let Some(kind) = kind.filter(|kind| *kind != "tail") {
        backend.answered(kind, begun.elapsed().as_secs_f64());
    }
    response
}
