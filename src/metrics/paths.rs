//! Paths of requests without what is different in each of them, so that there are as many as a server has routes.

/// Segments that are looked at; a longer path ends in `…`.
const MAX_SEGMENTS: usize = 8;

/// `/workflow-status/{id}` for `/workflow-status/7d0c41f2?x=1`: a segment is an id when it has a digit and is longer than
/// a version, or is nothing but digits.
pub fn template(path: &str, into: &mut String) {
    into.clear();
    let path = path.split(['?', '#', ';']).next().unwrap_or("");
    // What is asked of a proxy has a scheme and a host.
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    for (index, segment) in path.strip_prefix('/').unwrap_or(path).split('/').enumerate() {
        into.push('/');
        if index == MAX_SEGMENTS {
            into.push('…');
            return;
        }
        into.push_str(if is_id(segment) { "{id}" } else { segment });
    }
}

fn is_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_version = segment.len() <= 3 && segment.starts_with(['v', 'V']);
    let is_hex = segment.len() >= 4 && segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    // Names of files have a digit at times, and an extension.
    let is_file = segment.rsplit_once('.').is_some_and(|(_, end)| (1..=5).contains(&end.len()));
    digits == segment.len() && digits > 0
        || digits > 0 && !is_version && (is_hex || digits >= 4 && !is_file)
        || segment.len() > 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_becomes_an_id() {
        let check = |path: &str, want: &str| {
            let mut got = String::new();
            template(path, &mut got);
            assert_eq!(got, want, "{path}");
        };
        check("/", "/");
        check("", "/");
        check("/health", "/health");
        check("/api/v1/search?query=a/b", "/api/v1/search");
        check("/workflow-status/7d0c", "/workflow-status/{id}");
        check("/workflow-status/session_1751400000", "/workflow-status/{id}");
        check("/users/42/orders/7", "/users/{id}/orders/{id}");
        check("/a/123e4567-e89b-12d3-a456-426614174000/", "/a/{id}/");
        check("/static/app2.js", "/static/app2.js");
        check("/static/app.12345678.js", "/static/app.12345678.js");
        check("/feed/cafe", "/feed/cafe");
        check("http://host:80/a/1", "/a/{id}");
        check("http://host", "/");
        check("/1/2/3/4/5/6/7/8/9/10", "/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/…");
        check(&format!("/{}", "x".repeat(65)), "/{id}");
        check("*", "/*");
    }
}
