//! The API server's log: uvicorn's requests, among them messages of the program itself.

use std::sync::Arc;

use crate::generate::words::REQUESTS;
use crate::generate::{Generator, Target};
use crate::record::Level;

const TRACEBACK: &str = "Traceback (most recent call last):
  File \"/usr/lib/python3.12/site-packages/uvicorn/protocols/http/h11_impl.py\", line 403, in run_asgi
    result = await app(self.scope, self.receive, self.send)
  File \"/srv/app/orchestrator_api.py\", line 212, in execute_workflow
    response = await client.post(url, json=payload, timeout=30)
asyncio.exceptions.TimeoutError: request timed out
";

/// One request, and what it makes the server say.
pub(super) fn request(generator: &mut Generator) {
    let file: Arc<str> = Arc::from("logs/api.log");
    let random = &mut generator.random;
    let (method, path, status, phrase, _) = REQUESTS[random.weighted(REQUESTS.iter().map(|request| request.4))];
    let (port, session) = (40_000 + random.below(20_000), 1_751_400_000 + generator.sessions);
    let path = path.replace("{id}", &format!("session_{session}"));
    let line = format!("127.0.0.1:{port} - \"{method} {path} HTTP/1.1\" {status} {phrase}");
    let to = Target { file: &file, logger: "orchestrator_api", workflow_id: None };
    generator.uvicorn(&to, Level::Info, &line, "");
    match status {
        500 => generator.uvicorn(&to, Level::Error, "Exception in ASGI application", TRACEBACK),
        422 => generator.basic(&to, Level::Warning, "Request rejected: field 'workflow_type' is missing"),
        404 => generator.text(&to, Level::Warning, &format!("🔍 No such session: session_{session}"), ""),
        _ if method == "POST" => {
            generator.basic(&to, Level::Info, &format!("Starting workflow execution for session session_{session}"));
        }
        _ => {}
    }
}
