//! What Python and Java, web servers and load balancers write.

use super::{Described, format};
use crate::parse::format::Joins::{All, Indented};

pub const APPLICATIONS: &[Described] = &[
    // Python.
    format(
        "python",
        All,
        &[
            "{time} - {logger:text} - {level} - {message}",
            "{time} - {logger:text} - {level} -",
            // Tautulli.
            "{time} - {level} :: {thread:text} : {message}",
            // cloud-init.
            "{time} - {logger:name}[{level}]: {message}",
        ],
    ),
    format(
        "uvicorn",
        All,
        &[
            r#"{level:caps}:{column:10}{message:all}{client} - "{method} {path} HTTP/{http_version}" {status:int}{_:rest} => uvicorn.access"#,
            "{level:caps}:{column:10}{message} => uvicorn",
        ],
    ),
    format("basic_config", All, &["{level:caps}:{logger:name}:{message}"]),
    format("loguru", All, &[r"{time} | {level} | {logger}:{function}:{line:int} - {message}"]),
    format("flask", All, &[r"[{time}] {level} in {logger:name}: {message}"]),
    format(
        "airflow",
        All,
        &[
            r"[{time}] \{{logger:name}:{line:int}\} {level} - {message}",
            r"[{time}] \{\{{logger:name}:{line:int}\}\} {level} - {message}",
        ],
    ),
    format(
        "salt",
        All,
        &[
            r"{time} [{logger:text}:{line:int}( )?][{level}]([{pid:int}])? {message}",
            r"{time} [{logger:name}][{level}]([{pid:int}])? {message}",
        ],
    ),
    format(
        "tornado",
        All,
        &[
            "[{level:letter} {time:clock} {logger:name}:{line:int}] {message}",
            "[{level:letter} {time:clock} {logger:name} {module:name}:{line:int}] {message}",
            "[{level:letter} {time:clock} {logger:name}] {message}",
        ],
    ),
    // Also Jetty's own.
    format(
        "colons",
        All,
        &[
            "{time}:{level:caps}:{logger:name}:{message}",
            "{time}:{level:caps}::{message}",
            "{time}:{level:caps}:{message}",
            "{time}::{level:caps}::[{logger:name}:{line:int}] {message}",
        ],
    ),
    format(
        "home_assistant",
        All,
        &[
            r"{time} {level} \({thread:text}\) [{logger:name}] {message}",
            r"{time:clock} {level} \({thread:text}\) [{logger:name}] <{_:text}> {message}",
        ],
    ),
    format("twisted", All, &["{time} [{logger:text}#{level}] {message}"]),
    format(
        "supervisord",
        All,
        &[
            "{time} {level:caps} {message:all}spawned: {_:rest}",
            "{time} {level:caps} {message:all}exited: {_:rest}",
            "{time} {level:caps} {message:all}success: {_:rest}",
            "{time} {level:caps} {message:all}stopped: {_:rest}",
        ],
    ),
    format(
        "virt_manager",
        All,
        &[r"[{time} {program:name} {pid:int}] {level:caps} \({logger:name}:{line:int}\) {message}"],
    ),
    format("fail2ban", All, &[r"{time} {logger:dotted} [{pid:int}]: {level} {message}"]),
    format("celery", All, &[r"[{time}: {level}/{process}] {message}"]),
    format("gunicorn", All, &[r"[{time}] [{pid:int}] [{level}] {message} => gunicorn"]),
    format("django", All, &["{level:caps} {time} {logger:name} {pid:int} {thread:int} {message}"]),
    // Web servers.
    format(
        "access",
        Indented,
        &[
            r#"({vhost:name} )?{client:peer} {_} {user} [{time}] {message:all}"{method} {path:text} HTTP/{http_version}" {status:int} {bytes:int}( "{referer:quoted}" "{user_agent:quoted}")?( {_:text})?"#,
            r#"{client:peer} {_} {user:text} [{time}] {message:all}"{method} {path:text} HTTP/{http_version}" {status:int} {bytes:int}( "{referer:quoted}" "{user_agent:quoted}")?( {_:text})?"#,
            r#"({vhost:name} )?{client:peer} {_} {user} [{time}] {message:all}"{request:quoted}" {status:int} {bytes:int}( "{referer:quoted}" "{user_agent:quoted}")?( {_:text})?"#,
            r"[pid: {pid:int}|app: {_}|req: {_}] {client} {_:text} [{time}] {message:all}{method} {path:text} =\> {_:rest}",
            // Envoy.
            r#"[{time}] {message:all}"{method} {path:text} HTTP/{http_version}" {status:int} {_:text}"#,
        ],
    ),
    format("nginx", All, &[r"{time} [{level}] {pid:int}#{tid:int}: {message:all}(*{connection:int} )?{_:rest}"]),
    format(
        "apache",
        All,
        &[
            r"[{time}] [{logger:tag}:{level}] [pid {pid:int}(:tid {tid:int})?] {message:all}([client {client}] )?{_:rest}",
            r"[{time}] [:{level}] [pid {pid:int}(:tid {tid:int})?] {message:all}([client {client}] )?{_:rest}",
        ],
    ),
    format(
        "squid",
        Indented,
        &[r"{time:epoch} {duration_ms:int} {client} {message:all}{result}/{status:int} {bytes:int} {method} {_:rest}"],
    ),
    // A load balancer's and S3's.
    format(
        "aws",
        Indented,
        &[
            r"{type} {time:zoned} app/{balancer} {client} {target} {message}",
            r"{owner:hex} {bucket} [{time}] {client} {requester} {request_id} {message}",
        ],
    ),
    format(
        "gin",
        Indented,
        &[
            r#"[GIN] {time} | {status:int} | {latency:text} | {client} | {message:all}{method} "{path:quoted}"{_:rest} => gin"#,
            r"[GIN-debug] {message} => gin",
        ],
    ),
    format("lighttpd", All, &[r"{time}: \({logger:name}.{line:int}\) {message}"]),
    // Java.
    format(
        "spring",
        All,
        &[
            r"{time} {level} {pid:int} --- [{application:name}] [{thread:text}] {logger} : {message}",
            r"{time} {level} {pid:int} --- [{thread:text}] {logger} : {message}",
            // Sleuth adds the ids of traces.
            r"{time} {level} [{_:text}] {pid:int} --- [{thread:text}] {logger} : {message}",
        ],
    ),
    format(
        "zookeeper",
        All,
        &[
            r"{time} [myid:{myid:text}] - {level} [{thread:text}:{logger:name}@{line:int}] - {message}",
            r"{time} - {level} [{thread:text}:{logger:name}@{line:int}] - {message}",
        ],
    ),
    format("hdfs", All, &["{time} {pid:int} {level} {logger:name}: {message}"]),
    format(
        "logback",
        All,
        &[
            r"{time:clock} [{thread:text}] {level} {logger:name} - {message}",
            r"{time:clock} {level} [{thread:text}] {logger:name} - {message}",
            r"{time:clock} [{thread:text}] {level} {logger:name} -",
            r"{time:clock} [{thread:text}] {level} {logger:name} -- {message}",
            // What it says of itself.
            r"{time:clock} |-{level} in {logger:tag}[{_:text}] - {message}",
            r"{time:clock} |-{level} in {logger:name}@{_} - {message}",
            r"{time:clock} |-{level} in {logger:name} - {message}",
        ],
    ),
    format(
        "hadoop",
        All,
        &[
            // With the place in the source, as their tests and Flume write it.
            r"{time} {level} [{thread:text}] \({logger:name}:{line:int}\) - {message}",
            r"{time} [{thread:text}] {level} {logger:name} \({file:tag}:{function:text}\({line:int}\)\) - {message}",
            r"{time} {level} [{thread:text}] {logger:name} \({file:tag}:{function:text}\({line:int}\)\) - {message}",
            r"{time} {level} {logger:name} \({file:tag}:{function:text}\({line:int}\)\) - {message}",
            r"{time} {level} [{thread:text}] {logger:name}\({line:int}\): {message}",
            r"{time} {level} [{thread:text}] [{logger:dotted}] {message}",
            // Hive.
            r"{time} [{thread:text}]: {level} {logger:name}: {message}",
            r"{time} {level} [{thread:text}] {logger:dotted}: {message}",
            // WildFly and Artemis, whose messages begin with a code.
            r"{time} {level} [{logger:dotted}] \({thread:text}\) {message}",
            r"{time} {level:caps} [{logger:dotted}] {message}",
            r"{time} {level} [{thread:text}] {logger:name}: {message}",
            r"{time} [{thread:text}] {level} {logger:dotted}: {message}",
            r"{time:clock} {level} [{logger:dotted}] \({thread:text}\) {message}",
            // Solr.
            r"{time} {level} \({thread:text}\) [{_:text}] {logger:dotted} {message}",
            r"{level} - {time}; {logger:dotted}; {message}",
            // Flink.
            r"{time} {level} {logger:dotted} [{thread:text}] - {message}",
            r"{time} {level} [{thread:text}] {logger:dotted} {message}",
        ],
    ),
    format("cassandra", All, &[r"{level} [{thread:text}] {time} {logger:name}:{line:int} - {message}"]),
    format(
        "kafka",
        All,
        &[r"[{time}] {level} {message} \({logger:dotted}\)", r"[{time}] {level} {message} \({logger:name}\)"],
    ),
    format(
        "elasticsearch",
        All,
        &[
            r"[{time}][{level}][{logger:name}] {message:all}[{node}] {_:rest}",
            // Logstash names its pipelines.
            r"[{time}][{level}][{logger:name}][{pipeline}] {message}",
            r"[{time}][{level}][{logger:name}] {message}",
            // What the Java machine says of itself.
            r"[{time}][{level}][{logger}] {message}",
            r"[{uptime:float}s][{level}][{logger}] {message}",
        ],
    ),
    format(
        "weblogic",
        All,
        &[
            r"\#\#\#\#<{time}> <{level}> <{logger:text}> {message}",
            r"<{time}> <{level}> <{logger:text}> <{code}> {message}",
        ],
    ),
    format(
        "glassfish",
        All,
        &[
            r"[{time}] [{_:text}] [{level}] [{code}] [{logger:text}] [tid: {thread:text}] [timeMillis: {_}] [levelValue: {_}] {message}",
            r"[{time}] [{_:text}] [{level}] [{code}] [{logger:text}] {message}",
            r"[\#|{time}|{level}|{product:text}|{logger}|{_:text}|{message}",
        ],
    ),
    // Those that WebSphere calls audit, configuration and output have no level.
    format(
        "websphere",
        All,
        &[
            r"[{time}] {thread:hex8} {logger:name} A {message}",
            r"[{time}] {thread:hex8} {logger:name} C {message}",
            r"[{time}] {thread:hex8} {logger:name} O {message}",
            r"[{time}] {thread:hex8} {logger:name} R {message}",
            r"[{time}] {thread:hex8} {logger:name} {level:letter} {message}",
        ],
    ),
    format("storm", All, &[r"{time} {logger:dotted} {thread} [{level}] {message}"]),
    // Without a time: slf4j's simple logger and log4j's TTCC.
    format(
        "slf4j_simple",
        All,
        &[
            r"[{thread:text}] {level:caps} {logger:dotted} - {message}",
            r"{uptime:int} [{thread:text}] {level:caps} {logger:dotted} - {message}",
        ],
    ),
    format(
        "bitnami",
        Indented,
        &["{logger:tag} {time:clock} {level:caps} ==> {message}", "{logger:tag} {time:clock} ==> {message}"],
    ),
    format("jenkins", All, &[r"{time} [id={thread:int}] {level} {logger:name}: {message}"]),
    format(
        "jul",
        All,
        &["{time:twelve} {logger:dotted} {method}{message:all}", "{time:named} {logger} {method}{message:all}"],
    ),
    format("jul_level", All, &["{time:twelve} {level:caps} {logger:dotted} {method}{message:all}"]),
];
