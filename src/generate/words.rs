//! The vocabulary of the generated logs.

/// A kind of workflow: its name, how often it is started, how many in a hundred fail, and its phases' agents.
pub(super) struct WorkflowType {
    pub name: &'static str,
    pub weight: u32,
    pub failures: f64,
    pub agents: &'static [&'static str],
}

const fn kind(name: &'static str, weight: u32, failures: f64, agents: &'static [&'static str]) -> WorkflowType {
    WorkflowType { name, weight, failures, agents }
}

pub(super) const WORKFLOW_TYPES: [WorkflowType; 10] = [
    kind("tdd", 30, 5.0, &["planner", "designer", "test_writer", "coder", "executor", "reviewer"]),
    kind("full", 20, 8.0, &["planner", "designer", "coder", "reviewer"]),
    kind("mvp_incremental", 14, 12.0, &["planner", "designer", "feature_coder", "validator", "reviewer"]),
    kind("mvp_incremental_tdd", 9, 15.0, &["planner", "test_writer", "feature_coder", "validator", "executor"]),
    kind("individual", 7, 2.0, &["coder"]),
    kind("planning", 6, 1.0, &["planner"]),
    kind("implementation", 5, 9.0, &["coder", "executor"]),
    kind("design", 4, 2.0, &["designer"]),
    kind("test_writing", 3, 4.0, &["test_writer"]),
    kind("review", 2, 3.0, &["reviewer"]),
];

pub(super) const AGENTS: [&str; 8] =
    ["planner", "designer", "test_writer", "coder", "executor", "reviewer", "validator", "feature_coder"];

pub(super) const LOGGERS: [&str; 16] = [
    "orchestrator.workflow",
    "orchestrator.scheduler",
    "orchestrator.state",
    "workflow_manager",
    "agents.planner",
    "agents.coder",
    "agents.test_writer",
    "agents.reviewer",
    "llm.client",
    "llm.cache",
    "tools.git",
    "tools.shell",
    "storage.postgres",
    "storage.redis",
    "api.http",
    "queue.worker",
];

pub(super) const WORDS: [&str; 80] = [
    "agent",
    "task",
    "workflow",
    "plan",
    "step",
    "context",
    "token",
    "budget",
    "model",
    "prompt",
    "response",
    "cache",
    "hit",
    "miss",
    "retry",
    "attempt",
    "lease",
    "lock",
    "queue",
    "depth",
    "worker",
    "pool",
    "session",
    "commit",
    "branch",
    "merge",
    "conflict",
    "diff",
    "patch",
    "file",
    "test",
    "suite",
    "passed",
    "failed",
    "skipped",
    "coverage",
    "fixture",
    "sandbox",
    "container",
    "image",
    "volume",
    "network",
    "timeout",
    "latency",
    "chunk",
    "stream",
    "socket",
    "client",
    "server",
    "request",
    "handler",
    "route",
    "payload",
    "schema",
    "field",
    "validation",
    "migration",
    "table",
    "row",
    "index",
    "query",
    "buffer",
    "checkpoint",
    "snapshot",
    "replica",
    "leader",
    "shard",
    "partition",
    "offset",
    "consumer",
    "producer",
    "topic",
    "deadline",
    "priority",
    "quota",
    "window",
    "metric",
    "artifact",
    "checksum",
    "signature",
];

pub(super) const STEMS: [&str; 16] = [
    "workflow",
    "planner",
    "state_machine",
    "retry",
    "client",
    "cache",
    "session",
    "models",
    "router",
    "handlers",
    "executor",
    "sandbox",
    "tokenizer",
    "budget",
    "schema",
    "serializer",
];

pub(super) const FOLDERS: [&str; 8] =
    ["src", "src/api", "src/core", "src/agents", "src/storage", "tests/unit", "tests/integration", "workflows"];

pub(super) const MODELS: [&str; 5] = ["large-v4", "mini-2", "base-3", "local-7b", "coder-33b"];

/// Exceptions with what they say.
pub(super) const EXCEPTIONS: [(&str, &str); 10] = [
    ("asyncio.exceptions.TimeoutError", "request timed out"),
    ("ConnectionResetError", "[Errno 104] Connection reset by peer"),
    ("KeyError", "'choices'"),
    ("ValueError", "invalid literal for int() with base 10: 'none'"),
    ("RuntimeError", "maximum retry count exceeded"),
    ("AssertionError", "expected status passed but got failed"),
    ("json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)"),
    ("RateLimitError", "rate limit exceeded, retry after 20 s"),
    ("psycopg.OperationalError", "connection timeout expired"),
    ("BrokenPipeError", "[Errno 32] Broken pipe"),
];

/// Requests with their status, its phrase, and how often they come.
pub(super) const REQUESTS: [(&str, &str, u16, &str, u32); 8] = [
    ("GET", "/health", 200, "OK", 40),
    ("GET", "/workflow-status/{id}", 200, "OK", 30),
    ("POST", "/execute-workflow", 200, "OK", 12),
    ("GET", "/workflow-types", 200, "OK", 6),
    ("GET", "/", 200, "OK", 4),
    ("GET", "/workflow-status/{id}", 404, "Not Found", 4),
    ("POST", "/execute-workflow", 422, "Unprocessable Entity", 2),
    ("POST", "/execute-workflow", 500, "Internal Server Error", 1),
];
