//! The text formats that are known by themselves: what loggers, servers and systems write when nobody configures them.
//! In the order in which they are tried; a format that takes nearly anything stands behind those that know better.

use super::format::Joins::{self, All, Indented};

/// A format made of layouts, which are tried in their order. Behind ` => ` stands the logger of all lines of a layout.
pub struct Described {
    pub name: &'static str,
    pub joins: Joins,
    pub layouts: &'static [&'static str],
}

const fn format(name: &'static str, joins: Joins, layouts: &'static [&'static str]) -> Described {
    Described { name, joins, layouts }
}

pub const CATALOG: &[Described] = &[
    // Python.
    format("python", All, &["{time} - {logger:text} - {level} - {message}", "{time} - {logger:text} - {level} -"]),
    format(
        "uvicorn",
        All,
        &[
            r#"{level:caps}:{column:10}{message:all}{client} - "{method} {path:text} HTTP/{http_version}" {status:int}( {_:text})? => uvicorn.access"#,
            "{level:caps}:{column:10}{message} => uvicorn",
        ],
    ),
    format("basic_config", All, &["{level:caps}:{logger:name}:{message}"]),
    format("loguru", All, &[r"{time} | {level} | {logger}:{function}:{line:int} - {message}"]),
    format("flask", All, &[r"[{time}] {level} in {logger:name}: {message}"]),
    format("airflow", All, &[r"[{time}] \{{logger:name}:{line:int}\} {level} - {message}"]),
    format("salt", All, &[r"{time} [{logger:text}:{line:int}( )?][{level}]([{pid:int}])? {message}"]),
    format("fail2ban", All, &[r"{time} {logger:dotted} [{pid:int}]: {level} {message}"]),
    format("celery", All, &[r"[{time}: {level}/{process}] {message}"]),
    format("gunicorn", All, &[r"[{time}] [{pid:int}] [{level}] {message} => gunicorn"]),
    format("django", All, &["{level:caps} {time} {logger:name} {pid:int} {thread:int} {message}"]),
    // Web servers.
    format(
        "access",
        Indented,
        &[
            r#"({vhost:name} )?{client} {_} {user} [{time}] {message:all}"{method} {path:text} HTTP/{http_version}" {status:int} {bytes:int}( "{referer:quoted}" "{user_agent:quoted}")?( {_:text})?"#,
            r#"{client} {_} {user:text} [{time}] {message:all}"{method} {path:text} HTTP/{http_version}" {status:int} {bytes:int}( "{referer:quoted}" "{user_agent:quoted}")?( {_:text})?"#,
            r#"({vhost:name} )?{client} {_} {user} [{time}] {message:all}"{request:quoted}" {status:int} {bytes:int}( "{referer:quoted}" "{user_agent:quoted}")?( {_:text})?"#,
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
        ],
    ),
    format(
        "squid",
        Indented,
        &[r"{time:epoch} {duration_ms:int} {client} {message:all}{result}/{status:int} {bytes:int} {method} {_:rest}"],
    ),
    format("lighttpd", All, &[r"{time}: \({logger:name}.{line:int}\) {message}"]),
    // Java.
    format(
        "spring",
        All,
        &[
            r"{time} {level} {pid:int} --- [{thread:text}] {logger:name} : {message}",
            r"{time} {level} {pid:int} --- [{application}] [{thread:text}] {logger:name} : {message}",
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
        ],
    ),
    format(
        "hadoop",
        All,
        &[
            r"{time} {level} [{thread:text}] {logger:dotted}: {message}",
            r"{time} {level} [{thread:text}] {logger:name}: {message}",
            r"{time} [{thread:text}] {level} {logger:dotted}: {message}",
            r"{time:clock} {level} [{logger:dotted}] \({thread:text}\) {message}",
            r"{time} {level} [{thread:text}] [{logger:dotted}] {message}",
            // Solr.
            r"{time} {level} \({thread:text}\) [{_:text}] {logger:name} {message}",
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
    format("glassfish", All, &[r"[{time}] [{_:text}] [{level}] [{code}] [{logger:text}] {message}"]),
    format("jenkins", All, &[r"{time} [id={thread:int}] {level} {logger:name}: {message}"]),
    format("jul", All, &["{time:twelve} {logger} {method}"]),
    // Databases.
    format(
        "postgres",
        All,
        &[
            r"{time} [{pid:int}] {message:all}{level:postgres-part}: {_:rest}",
            r"{time} [{pid:int}] {user}@{database} {message:all}{level:postgres-part}: {_:rest}",
            r"{time} [{pid:int}] {level:postgres}: {message}",
            r"{time} [{pid:int}] {user}@{database} {level:postgres}: {message}",
            r"{time} [{pid:int}] {_:text} {level:postgres}: {message}",
            r"{time} [{pid:int}]: [{_}] {_:text} {message:all}{level:postgres-part}: {_:rest}",
            r"{time} [{pid:int}]: [{_}] {_:text} {level:postgres}: {message}",
        ],
    ),
    format(
        "redis",
        Indented,
        &["{pid:int}:{role} {time} {level:redis} {message}", "[{pid:int}] {time} {level:redis} {message}"],
    ),
    format(
        "mysql",
        All,
        &[r"{time} {thread:int} [{level}] [{code}] [{logger}] {message}", r"{time} {thread:int} [{level}] {message}"],
    ),
    format("clickhouse", All, &[r"{time} [ {tid:int} ] \{{query_id}\} <{level}> {logger:name}: {message}"]),
    format("scylla", All, &[r"{level:caps} {time} [shard {shard:text}] {logger:name} - {message}"]),
    format("mssql", All, &["{time} {column:23}{logger:tag}{column:35}{message}"]),
    format("db2", All, &["{time}{_:int} {record} LEVEL: {level}{message}"]),
    format("mongodb", Indented, &[r"{time} {level:letter} {logger} {message:all}[{thread}] {_:rest}"]),
    format("rabbitmq", All, &[r"{time} [{level}] {message:all}<{pid}> {_:rest}"]),
    // Go, C++, Rust, Ruby, PHP, .NET.
    format(
        "glog",
        All,
        &[
            r"{level:letter}{time:klog} {tid:int} {logger:name}:{line:int}] {message}",
            // CockroachDB.
            r"{level:letter}{time:klog} {goroutine:int} ({channel:int}@)?{logger:name}:{line:int} {message}",
            // TensorFlow.
            r"{time}: {level:letter} {logger:name}:{line:int}] {message}",
        ],
    ),
    format("hclog", All, &[r"{time:zoned} [{level:caps}] {logger:name}: {message}"]),
    format(
        "zap",
        All,
        &[
            r"{time} {level} {logger:name} {file:name}.go:{line:int} {message}",
            r"{time} {level} {file:name}.go:{line:int} {message}",
        ],
    ),
    format("nats", All, &["[{pid:int}] {time:slashed} [{level}] {message}"]),
    format("logrus", All, &[r"{level}[{time}] {message}", r"{level}[{seconds:int}] {message}"]),
    format("env_logger", All, &[r"[{time} {level} {logger:name}] {message}"]),
    format("envoy", All, &[r"[{time}][{tid:int}][{level}][{logger}] {message:all}([{file}] )?{_:rest}"]),
    format(
        "brackets",
        All,
        &[
            r"[{time}] [{level}] [{logger:name}] {message}",
            r"[{time}] [{level}] {logger:name} - {message}",
            r"[{time}] [{logger:name}] [{level}] {message}",
            r"[{time}] [{level}] {message:all}([client {client}] )?{_:rest}",
            // Minecraft.
            r"[{time:clock}] [{thread:text}/{level}] [{logger:text}]: {message}",
            r"[{time:clock}] [{thread:text}/{level}]: {message}",
            r"[{time:clock} {level}]: {message}",
        ],
    ),
    format(
        "ruby",
        All,
        &[
            r"{_}, [{time} #{pid:int}] {level} -- {logger:text}: {message}",
            r"{_}, [{time} #{pid:int}] {level} -- : {message}",
        ],
    ),
    format("php", All, &[r"[{time}] PHP {level:php}: {message}", r"[{time}] {level:caps}: {message}"]),
    format("monolog", All, &[r"[{time}] {logger}.{level:caps}: {message}"]),
    format(
        "dotnet",
        All,
        &[
            r"({time} )?{level:dotnet}: {logger:name}[{event_id:int}] {message}",
            r"({time} )?{level:dotnet}: {logger:name}[{event_id:int}]{message}",
            r"<{level:priority}>{logger:dotted}[{event_id:int}] {message}",
        ],
    ),
    format("serilog", All, &[r"[{time:clock} {level}] {message}", r"{time} [{level:three}] {message}"]),
    format("winston", All, &[r"{time:zoned} [{logger:text}] {level}: {message}"]),
    format("nest", All, &[r"[Nest] {pid:int} - {time} {level} [{logger:text}] {message}"]),
    format(
        "sidekiq",
        All,
        &[
            "{time:zoned} pid={pid:int} tid={tid} {level:caps}: {message}",
            "{time:zoned} pid={pid:int} tid={tid} {_:text} {level:caps}: {message}",
        ],
    ),
    format("erlang", All, &["={level:caps} REPORT==== {time} ==={message}"]),
    format("esp", Indented, &[r"{level:letter} \({uptime:int}\) {logger:name}: {message}"]),
    // OpenStack.
    format(
        "oslo",
        All,
        &[
            r"{time} {pid:int} {level} {logger:name} {message:all}[{request_id} {_:text}] {_:rest}",
            r"{time} {pid:int} {level} {logger:name} {message:all}[{request_id}] {_:rest}",
            r"{time} {pid:int} {level} {logger:dotted} {message}",
            r"{file} {time} {pid:int} {level} {logger:name} {message:all}[{request_id} {_:text}] {_:rest}",
            r"{file} {time} {pid:int} {level} {logger:name} {message:all}[{request_id}] {_:rest}",
            r"{file} {time} {pid:int} {level} {logger:dotted} {message}",
        ],
    ),
    // Systems.
    format(
        "syslog5424",
        Indented,
        &[
            "<{level:priority}>{version:int} {time:maybe} {host} {logger} {pid} {message_id} {data:data} {message}",
            "<{level:priority}>{version:int} {time:maybe} {host} {logger} {pid} {message_id} {data:data}",
        ],
    ),
    format(
        "logcat",
        Indented,
        &[
            r"{time:yearless} {pid:int} {tid:int} {level:letter} {logger:text}: {message}",
            r"{time:yearless} {level:letter}/{logger:text}\({pid:int}\): {message}",
            r"{time:yearless} {level:letter}/{logger:name}: {message}",
            r"{level:letter}/{logger:text}\({pid:int}\): {message}",
            r"{level:letter}/{logger:name}: {message}",
        ],
    ),
    format(
        "cisco",
        Indented,
        &[
            r"(<{level:priority}>)?({_:int}: )?(\*)?{time:syslog}: %{logger:name}-{level:severity}-{code:tag}: {message}",
            r"(<{level:priority}>)?{time:syslog} {host} {message:all}%{logger:name}-{level:severity}-{code:tag}: {_:rest}",
            r"(<{level:priority}>)?{time:syslog} {host} {message:all}{_:text}: %{logger:name}-{level:severity}-{code:tag}: {_:rest}",
        ],
    ),
    format(
        "syslog",
        Indented,
        &[
            r"(<{level:priority}>)?{time:syslog} {host:host} {logger:tag}[{pid:int}]( \({_:text}\))?: {message}",
            r"(<{level:priority}>)?{time:syslog} {host:host} {logger:tag}: {message}",
            r"(<{level:priority}>)?{time:syslog} {host:host} {logger:tag} {_:float}: {message}",
            // Programs that write such a file themselves leave the host out.
            r"{time:syslog} {logger:tag}[{pid:int}]: {message}",
            r"{time:syslog} {logger:tag}: {message}",
            r"(<{level:priority}>)?{time:syslog} {host} {message}",
            r"(<{level:priority}>)?{time} {host:name} {logger:tag}[{pid:int}]: {message}",
            r"{time} {host:name} kernel: {message} => kernel",
            r"<{level:priority}>{logger:tag}[{pid:int}]: {message}",
            r"{time:zoned} {logger:tag}[{process}]: {message}",
        ],
    ),
    format("xorg", Indented, &[r"[{uptime:float}] \({level:xorg}\) {message} => Xorg"]),
    format(
        "dmesg",
        Indented,
        &[
            r"{_:tag}( )?:{level}( )?: [{uptime:float}] {message} => kernel",
            r"(<{level:priority}>)?[{uptime:decimal}] {message} => kernel",
        ],
    ),
    // ESXi.
    format("vmware", All, &[r"{time:zoned} {level} {logger:tag}[{pid}] {message}"]),
    format(
        "asterisk",
        All,
        &[
            r"[{time}] {level:caps}[{pid:int}][{call}] {logger:name}: {message}",
            r"[{time}] {level:caps}[{pid:int}] {logger:name}: {message}",
        ],
    ),
    format("samba", All, &[r"[{time}, {debug:int}(, {_:text})?] {logger:name}:{line:int}\({function}\){message}"]),
    format("cups", All, &["{level:letter} [{time}] {message}"]),
    format("zabbix", All, &["{pid:int}:{time} {message}"]),
    format("puppet", All, &[r"{time} {logger:text} \({level}\): {message}"]),
    format(
        "ceph",
        All,
        &[
            r"{time} {logger:name} \({_:text}\) {_:int} : {_} [{level}] {message}",
            r"{time} {logger:dotted} [{level}] {message}",
        ],
    ),
    format("cbs", All, &[r"{time}, {level} {logger} {message}"]),
    format("audit", Indented, &[r"(node={host} )?type={logger} msg=audit\({time:epoch}:{serial:int}\): {message}"]),
    // Supercomputers.
    format(
        "ras",
        Indented,
        &[
            "{alert} {time:epoch} {_} {node} {time} {_} {category} {logger} {level} {message}",
            r"{alert} {time:epoch} {_} {node} {time:syslog} {host} {logger:tag}[{pid:int}]: {message}",
            r"{alert} {time:epoch} {_} {node} {time:syslog} {host} {logger:tag}: {message}",
            r"{alert} {time:epoch} {_} {node} {time:syslog} {host} {message}",
            "{id:int} {node} {logger} {state} {time:epoch} {flag:int} {message}",
        ],
    ),
    // Columns between bars or tabs.
    format(
        "bars",
        All,
        &[
            r"{time}|{level}|{logger}|{message}",
            // Trino, and functions of AWS.
            r"{time}\t{level}\t{thread:text}\t{logger:dotted}\t{message}",
            r"{time:zoned}\t{request_id}\t{level:caps}\t{message}",
            r"{time}\t{level}\t{logger:name}\t{message}",
            r"{time}|{logger}|{pid:int}|{message}",
            // ActiveMQ.
            r"{time} | {level} | {message} | {logger:dotted} | {thread:text}",
            r"{time} | {level} | {logger:name} | {message}",
            r"{level} | {time} | {logger:name} | {message}",
        ],
    ),
    format("proxifier", Indented, &[r"[{time:yearless}] {logger:text} - {message}"]),
    format(
        "golang",
        All,
        &[
            r"{time:slashed} {logger:name}:{line:int}: {message}",
            r"{logger:tag}: {time:slashed} {message:all}({file:name}:{line:int}: )?{_:rest}",
            r"[{logger:tag}] {time:slashed} {message:all}({file:name}:{line:int}: )?{_:rest}",
        ],
    ),
    // The message stands in the next line, and then the frames.
    format("rust_panic", Indented, &[r"{message:all}thread '{thread:text}'( \({tid:int}\))? panicked at {_:rest}"]),
    // A level, a logger and a colon, in one of the orders in which people put them.
    format("tracing", All, &[r"{time} {level:caps} {_:text}\}: {logger:dotted}: {message}"]),
    format(
        "log4j",
        All,
        &[
            r"{time:clock} {level} {logger:name}: {message}",
            r"{time:clock} {level} {logger:name} - {message}",
            r"{level:letter} {time} {logger:name}: {message}",
            r"{time} {level} {logger:dotted} [{thread:text}] {message}",
            r"{time} {logger:dotted} {level}: {message}",
            // BIND.
            r"{time} {logger:tag}: {level}: {message}",
            r"{time} {level} [{logger:name}] {message}",
            r"{time} [{level}] {logger:dotted} - {message}",
            r"{time} [{level}] {logger:name} - {message}",
            r"{time} {logger:dotted} {level:caps} {message}",
            r"{level} {time} [{logger:name}] {message}",
            r"{level} {time} {logger:dotted}: {message}",
            r"{level:caps} {time} {message}",
        ],
    ),
    format("syslog_iso", Indented, &[r"(<{level:priority}>)?{time:zoned} {host} {logger:tag}: {message}"]),
    format(
        "squid_cache",
        All,
        &[r"{time:slashed} kid{_:int}| {level:caps}: {message}", r"{time:slashed} kid{_:int}| {message}"],
    ),
];
