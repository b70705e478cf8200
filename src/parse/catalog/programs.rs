//! What databases write, programs in other languages, and single programs.

use super::{Described, format};
use crate::parse::format::Joins::{All, Indented};

pub const PROGRAMS: &[Described] = &[
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
            // Debian's of old.
            r"{time} [{pid:int}-{_:int}] {user}@{database} {message:all}{level:postgres-part}: {_:rest}",
            r"{time} [{pid:int}-{_:int}] {user}@{database} {level:postgres}: {message}",
            r"{time} [{pid:int}-{_:int}] {level:postgres}: {message}",
            r"{time} [{pid:int}]: [{_}] {_:text} {message:all}{level:postgres-part}: {_:rest}",
            r"{time} [{pid:int}]: [{_}] {_:text} {level:postgres}: {message}",
            // Amazon's, Red Hat's, and the form in columns.
            r"{time}:{client:text}:{user}@{database}:[{pid:int}]:{message:all}{level:postgres-part}: {_:rest}",
            r"{time}:{client:text}:{user}@{database}:[{pid:int}]:{level:postgres}: {message}",
            r"\< {time} >{message:all}{level:postgres-part}: {_:rest}",
            r"\< {time} >{level:postgres}: {message}",
            r"{time},{user},{database},{pid:int},{client},{session},{_:int},{command:text},{_:text},{_:text},{_:text},{level:postgres},{code},{message}",
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
    format("etcd", All, &["{time} {level:letter} | {logger:tag}: {message}"]),
    // Those of Consul and Nomad begin with blanks.
    format(
        "hclog",
        All,
        &[
            r"{time:zoned} [{level:caps}] {logger:name}: {message}",
            r" {time:zoned} [{level:caps}] {logger:name}: {message}",
            r" {time:slashed} [{level:caps}] {logger:name}: {message}",
        ],
    ),
    format(
        "telegraf",
        All,
        &[r"{time:zoned} {level:letter}! [{logger:name}] {message}", r"{time:zoned} {level:letter}! {message}"],
    ),
    format("geth", All, &[r"{level:caps} [{_}|{time:clock}] {message}", r"{level:caps}[{_}|{time:clock}] {message}"]),
    format("gitea", All, &[r"{time:slashed} {logger:name}:{line:int}:{function}\(\) [{level:letter}] {message}"]),
    format(
        "zap",
        All,
        &[
            r"{time} {level} {logger:name} {file:name}.go:{line:int} {message}",
            // zerolog, as Traefik uses it.
            r"{time} {level} {file:name}.go:{line:int} \> {message}",
            r"{time} {level} {file:name}.go:{line:int} {message}",
        ],
    ),
    format("nats", All, &["[{pid:int}] {time:slashed} [{level}] {message}"]),
    format("logrus", All, &[r"{level}[{time}] {message}", r"{level}[{seconds:int}] {message}"]),
    format(
        "env_logger",
        All,
        &[r"[{time} {level} {logger:name}] {message}", r" {level:caps} {logger:name} \> {message}"],
    ),
    format("bepinex", All, &["[{level}: {time}] {message}", "[{level}( )?:( )?{logger:text}] {message}"]),
    format("actions", Indented, &[r"({time:zoned} )?\#\#[{level}]{message}"]),
    format("kamailio", All, &[r"{_:int}\({pid:int}\) {level:caps}: {logger} [{_:text}]: {message}"]),
    format(
        "envoy",
        All,
        &[
            r"[{time}][{tid:int}][{level}][{logger}] {message:all}([{file}] )?{_:rest}",
            r"[Envoy \(Epoch {_:int}\)] [{time}][{tid:int}][{level}][{logger}] {message}",
        ],
    ),
    format("fluent_bit", All, &[r"[{time}] [ {level}] [{logger:name}] {message}", r"[{time}] [ {level}] {message}"]),
    format(
        "unbound",
        All,
        &[
            r"[{time:epoch}] {logger:tag}[{_}] {level}: {message}",
            r"{time:syslog} {logger:tag}[{pid:int}:{_:int}] {level}: {message}",
        ],
    ),
    format("icinga", All, &[r"[{time}] {level}/{logger:name}: {message}"]),
    format("unifi", All, &[r"[{time}] <{thread:text}> {level} {logger:name} - {message}"]),
    format(
        "gluster",
        All,
        &[
            r"[{time}] {level:letter} [{_:text}] [{logger:name}:{line:int}:{function}] {message}",
            r"[{time}] {level:letter} [{logger:name}:{line:int}:{function}] {message}",
        ],
    ),
    format("pihole", All, &[r"[{time} {pid:int}{_}] {level:caps}: {message}", r"[{time} {pid:int}{_}] {message}"]),
    format("docker_desktop", All, &[r"[{time:clock}][{logger:text}][{level}] {message}"]),
    format(
        "brackets",
        All,
        &[
            r"[{level:caps}|{logger:name}:{line:int}] {time} \>\> {message}",
            r"[{time}] [{level}] [{logger:name}] {message}",
            r"[{time}] [{level}] {logger:name} - {message}",
            r"[{time}] [{logger:name}] [{level}] {message}",
            r"[{time}] {level} {logger:dotted}: {message}",
            r"[{time}] {logger:dotted} {level} : {message}",
            r"{logger:tag}:{level} {time}: {message}",
            r"[{time}] {level} {logger:dotted} - {message}",
            r"[{time}] {level} [{logger:name}] {message}",
            r"[{time}] [{logger:dotted}] {level}: {message}",
            r"{time:zoned} [{level:caps}] [{logger:name}] {message}",
            r"[{time}] [{level}] {message:all}([client {client}] )?{_:rest}",
            // Unreal.
            r"[{time}][{frame:int}]{logger:tag}: {level}: {message}",
            r"[{time}][{frame:int}]{logger:tag}: {message}",
            // Minecraft, and with Forge.
            r"[{time}] [{thread:text}/{level}] [{logger:text}]: {message}",
            r"[{time}] [{thread:text}/{level}]: {message}",
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
            r"({time} )?{level:dotnet}: {logger:tag}[{event_id:int}] {message}",
            r"({time} )?{level:dotnet}: {logger:tag}[{event_id:int}]{message}",
            r"<{level:priority}>{logger:dotted}[{event_id:int}] {message}",
        ],
    ),
    format("serilog", All, &[r"[{time:clock} {level}] {message}", r"{time} [{level:three}] {message}"]),
    format("winston", All, &[r"{time:zoned} [{logger}] {level}: {message}"]),
    format("nest", All, &[r"[Nest] {pid:int} - {time} {level} [{logger:text}] {message}"]),
    format(
        "sidekiq",
        All,
        &[
            "{time:zoned} pid={pid:int} tid={tid} {level:caps}: {message}",
            "{time:zoned} pid={pid:int} tid={tid} {_:text} {level:caps}: {message}",
            "{time:zoned} {pid:int} TID-{tid} {_:text} {level:caps}: {message}",
            "{time:zoned} {pid:int} TID-{tid} {level:caps}: {message}",
        ],
    ),
    format("erlang", All, &["={level:erlang} REPORT==== {time} ==={message}"]),
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
    format("odoo", All, &["{time} {pid:int} {level:caps} {database} {logger:name}: {message}"]),
    format(
        "libvirt",
        All,
        &[
            "{time}: {tid:int}: {level} : {logger:name}:{line:int} : {message}",
            "{time}: {tid:int}: {level} : {message}",
        ],
    ),
    format(
        "kodi",
        All,
        &[r"{time} T:{tid:int} {level:caps} <{logger:text}>: {message}", r"{time} T:{tid:int} {level:caps}: {message}"],
    ),
    format(
        "freeswitch",
        All,
        &[
            "{time} {_:float}% [{level:caps}] {logger:dotted}:{line:int} {message}",
            "{time} [{level:caps}] {logger:dotted}:{line:int} {message}",
            "{call} {time} {_:float}% [{level:caps}] {logger:dotted}:{line:int} {message}",
            "{call} {time} [{level:caps}] {logger:dotted}:{line:int} {message}",
        ],
    ),
    format("freeradius", All, &["{time} : {level}: {message}"]),
    format(
        "glib",
        Indented,
        &[
            r"\({program:name}:{pid:int}\): {logger:name}-{level:glib} **: {time:clock}: {message}",
            r"\({program:name}:{pid:int}\): {logger:name}-{level:glib} **: {message}",
            r"\({program:name}:{pid:int}\): {logger:name}-{level:glib}: {time:clock}: {message}",
            // Without a domain, and without a prefix.
            r"** \({program:name}:{pid:int}\): {level:glib} **: {time:clock}: {message}",
            r"** \({program:name}:{pid:int}\): {level:glib} **: {message}",
            r"** {level:glib}: {time:clock}: {message}",
            r"{logger:name}-{level:glib}: {time:clock}: {message}",
        ],
    ),
    // What servers say before they have opened their logs.
    format("bracketed", Indented, &["{logger:tag}: [{level}] {message}"]),
    format("plex", All, &[r"{time} \({thread:hex}\) : {level:caps} \({logger:name}:{line:int}\) - {message}"]),
    format("source_engine", Indented, &["L {time}: {message}"]),
    format("rails", All, &[r#"{message:all}Started {method} "{path:quoted}" for {client} at {time}"#]),
    format("mikrotik", Indented, &["{time:clock} {level:topics} {message}"]),
    // Elixir's Phoenix.
    format("phoenix", All, &["{time:clock} request_id={request_id} [{level}] {message}"]),
    // Functions of AWS.
    format(
        "lambda",
        Indented,
        &[
            "{message:all}START RequestId: {request_id}( {_:rest})?",
            "{message:all}END RequestId: {request_id}",
            "{message:all}REPORT RequestId: {request_id} {_:rest}",
        ],
    ),
    format("nlog", All, &["{time}|{_:int}|{level}|{logger}|{message}"]),
    format("npm", Indented, &["npm {level}! {message} => npm", "npm {level} {message} => npm"]),
];
