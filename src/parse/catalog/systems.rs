//! What systems write, devices and supercomputers; and behind them what people make up themselves.

use super::{Described, format};
use crate::parse::format::Joins::{All, Indented};

pub const SYSTEMS: &[Described] = &[
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
            // Android Studio's.
            r"{time} {pid:int}-{tid:int}/{package} {level:letter}/{logger:text}: {message}",
            r"{pid:int}-{tid:int}/{package} {level:letter}/{logger:text}: {message}",
            r"{time} {pid:int}-{tid:int} {logger:text} {package:name} {level:letter} {message}",
            // Eclipse's.
            r"{time:yearless}: {level:letter}/{logger:text}\({pid:int}\): {message}",
            r"{time:yearless} {pid:int} {tid:int} {level:letter} {logger:text}: {message}",
            r"{time:yearless} {level:letter}/{logger:text}\({pid:int}\): {message}",
            r"{time:yearless} {level:letter}/{logger:name}: {message}",
            // With the year or since the epoch, and with the user.
            r"{time} {pid:int} {tid:int} {level:letter} {logger:text}: {message}",
            r"{time:yearless} {uid} {pid:int} {tid:int} {level:letter} {logger:text}: {message}",
            r"{level:letter}/{logger:text}\({pid:int}\): {message}",
            r"{level:letter}/{logger:name}: {message}",
        ],
    ),
    format(
        "cisco",
        Indented,
        &[
            r"(<{level:priority}>)?({_:int}: )?(\*)?{time:syslog}: %{logger:name}-{level:severity}-{code:tag}: {message}",
            r"(<{level:priority}>)?(.)?{time}( {host:host})?( )?: %{logger:name}-{level:severity}-{code:tag}: {message}",
            r"(<{level:priority}>)?{time} {host:host}( {_:text}:)? %{logger:name}-{level:severity}-{code:tag}: {message}",
            r"{uptime:text}: %{logger:name}-{level:severity}-{code:tag}: {message}",
        ],
    ),
    format(
        "syslog",
        Indented,
        &[
            r"(<{level:priority}>)?{time:syslog} {host:host} {logger:tag}[{pid:int}]( \({_:name}\))?: {message}",
            r"(<{level:priority}>)?{time:syslog} {host:lone-host} {logger:tag}: {message}",
            // Those of Apple name their level, and so does BusyBox.
            r"{time:syslog} {logger:tag}[{pid:int}] <{level}>: {message}",
            r"{time:syslog} {host:host} {logger:text}[{pid:int}]( \({_:text}\))? <{level}>: {message}",
            r"{time:syslog} {host:host} {facility:facility}.{level} {logger:tag}[{pid:int}]: {message}",
            r"{time:syslog} {host:host} {facility:facility}.{level} {logger:tag}: {message}",
            r"{time} {facility:facility}.{level} {logger:tag}[{pid:int}]: {message}",
            r"{time} {facility:facility}.{level} {logger:tag}: {message}",
            // Kerberos.
            r"{time:syslog} {host:host} {logger:tag}[{pid:int}]\({level}\): {message}",
            // Dovecot's own file.
            r"{time:syslog} {logger:tag}: {level}: {message}",
            r"(<{level:priority}>)?{time:syslog} {host:host} {logger:tag}[{pid:int}] \({_:text}\): {message}",
            r"(<{level:priority}>)?{time:syslog} {host:host} {logger:tag} {_:float}: {message}",
            // Programs that write such a file themselves leave the host out, or send no host.
            r"(<{level:priority}>)?{time:syslog} {logger:tag}[{pid:int}]: {message}",
            r"(<{level:priority}>)?{time:syslog} {logger:tag}: {message}",
            // Programs of macOS have names of several words.
            r"{time:syslog} {host:host} {logger:text}[{pid:int}]( \([{_:int}]\))?: {message}",
            r"(<{level:priority}>)?{time:syslog} {host:lone-host} {message}",
            r"(<{level:priority}>)?{time} {host:host} {logger:tag}[{pid:int}]: {message}",
            r"{time} {host:host} kernel: {message} => kernel",
            r"<{level:priority}>{logger:tag}[{pid:int}]: {message}",
            r"{time:zoned} {logger:tag}[{process}]: {message}",
        ],
    ),
    format("mssql", All, &["{time} {column:23}{logger:tag}{column:35}{message}"]),
    format("xorg", Indented, &[r"[{uptime:float}] \({level:xorg}\) {message} => Xorg"]),
    format(
        "dmesg",
        Indented,
        &[
            // What the X server writes looks the same, and so does the journal with monotonic times.
            r"[{uptime:decimal}] \({level:xorg}\) {message} => Xorg",
            r"[{uptime:decimal}] {message:all}X.Org X Server {_:rest} => Xorg",
            r"[{uptime:decimal}] {host:host} {logger:tag}[{pid:int}]: {message}",
            r"[{uptime:decimal}] {host:host} kernel: {message} => kernel",
            r"{_:tag}( )?:{level}( )?: [{uptime:float}] {message} => kernel",
            r"{_:tag}( )?:{level}( )?: [{time}] {message} => kernel",
            r"(<{level:priority}>)?[{uptime:decimal}] {message} => kernel",
            r"{time:micros} {message} => kernel",
            r"[{uptime:decimal} <{_:decimal}>] {message} => kernel",
        ],
    ),
    // ESXi.
    format(
        "vmware",
        All,
        &[
            r"{time:zoned} {level:two}\({_:int}\) {logger:tag}[{pid:int}]: {message}",
            r"{time:zoned} {level:two}\({_:int}\) {logger:name} - {message}",
            r"{time:zoned} {level} {logger:tag}[{pid}] {message}",
            r"{time:zoned} {level} {logger:tag}[{pid}]{message}",
            r"{time:zoned} cpu{cpu:int}:{world:text}\){level:caps}: {logger:name}: {line:int}: {message}",
            r"{time:zoned} cpu{cpu:int}:{world:text}\){level:caps}: {message}",
            r"{time:zoned} cpu{cpu:int}:{world:text}\){logger:name}: {line:int}: {message}",
            r"{time:zoned} cpu{cpu:int}:{world:text}\){logger:name}: {message}",
        ],
    ),
    // What macOS shows of its unified log, and Xcode.
    format(
        "unified_log",
        Indented,
        &[
            r"{time} 0x{_:hex} Default 0x{_:hex} {pid:int} {_:int} {logger:text}: {message}",
            r"{time} 0x{_:hex} {level} 0x{_:hex} {pid:int} {_:int} {logger:text}: {message}",
            r"{time} {logger:name}[{pid:int}:{tid}] {message}",
        ],
    ),
    format(
        "asterisk",
        All,
        &[
            r"[{time}] {level:caps}[{pid:int}][{call}] {logger:name}: {message}",
            r"[{time}] {level:caps}[{pid:int}] {logger:name}: {message}",
            r"[{time:clock}] {level:caps}[{pid:int}][{call}]: {logger:name}:{line:int} {message}",
            r"[{time:clock}] {level:caps}[{pid:int}]: {logger:name}:{line:int} {message}",
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
            // With the address of the thread and a number that says how much is logged.
            r"{time} 7f{_:hex} {verbosity:int} {logger:tag}: {message}",
            r"{time} 7f{_:hex} {verbosity:int} {logger:dotted} {message}",
            r"{time} 7f{_:hex} {verbosity:int} {message}",
            r"debug {time} 7f{_:hex} {verbosity:int} {logger:dotted} {message}",
            r"debug {time} 7f{_:hex} {verbosity:int} {message}",
        ],
    ),
    format("cbs", All, &[r"{time}, {level} [{code}] {logger} {message}", r"{time}, {level} {logger} {message}"]),
    format(
        "windows_update",
        All,
        &[
            r"{time:ticks} {pid:int} {tid:int} {logger:name} {message}",
            r"{time}\t{pid:int}\t{tid:hex}\t{logger:name} {message}",
        ],
    ),
    format("pbs", All, &[r"{time};{_:hex4};{logger:name};{message}"]),
    format(
        "pacman",
        Indented,
        &[
            r"[{time}] [ALPM] {message} => ALPM",
            r"[{time}] [ALPM-SCRIPTLET] {message} => ALPM-SCRIPTLET",
            r"[{time}] [PACMAN] {message} => PACMAN",
        ],
    ),
    format(
        "suricata",
        All,
        &[
            r"{time} - <{level}> - {message}",
            r"[{tid:int}] {time} - \({logger:name}:{line:int}\) <{level}> \({_:text}\) -- {message}",
        ],
    ),
    format(
        "apt",
        All,
        &[r"{message:all}Start-Date: {time}", r"{message:all}Log started: {time}", r"{message:all}Log ended: {time}"],
    ),
    // The second of two queries in one second has no line for the time.
    format("mysql_slow", All, &[r"{message:all}\# Time: {time}{_:rest}", r"{message:all}\# User@Host: {_:rest}"]),
    format(
        "audit",
        Indented,
        &[
            r"(node={host} )?type={logger} msg=audit\({time:epoch}:{serial:int}\): {message}",
            r"(node={host} )?type={logger} msg=audit\({time}:{serial:int}\) : {message}",
        ],
    ),
    // Supercomputers.
    format(
        "ras",
        Indented,
        &[
            r"{alert} {time:epoch} {_} {node} {time:syslog} {host} {logger:tag}[{pid:int}]: {message}",
            r"{alert} {time:epoch} {_} {node} {time:syslog} {host} {logger:tag}: {message}",
            r"{alert} {time:epoch} {_} {node} {time:syslog} {host} {message}",
            "{alert} {time:epoch} {_} {node} {time} {_} {category} {logger} {level} {message}",
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
            // Of Kubernetes, with values behind the message.
            r"{time}\t{level}\t{logger:dotted}\t{message}",
            r"{time:zoned}\t{level:caps}\t{thread:name}\t{logger:name}\t{message}",
            // Istio.
            r"{time:zoned}\t{level}\t{logger:name}\t{message}",
            r"{time:zoned}\t{level}\tenvoy {logger:name}\t{message}",
            r"{time:zoned}\t{request_id}\t{level:caps}\t{message}",
            r"{time}\t{level}\t{logger:name}\t{message}",
            // What Windows exports of its events.
            r"{level}\t{time}\t{logger:text}\t{event_id:int}\t{_:text}\t{message}",
            r"{time}|{logger}|{pid:int}|{message}",
            // ActiveMQ.
            r"{time} | {level} | {message} | {logger:dotted} | {thread:text}",
            r"{time} | {level} | {logger:name} | {message}",
            r"{level} | {time} | {logger:name} | {message}",
        ],
    ),
    format(
        "chromium",
        All,
        &[
            r"[{pid:int}:{tid:int}:{time:klog}:{level:caps}:{logger:name}\({line:int}\)] {message}",
            r"[{pid:int}:{time:klog}:{level:caps}:{logger:name}\({line:int}\)] {message}",
            r"[{time:klog}:{level:caps}:{logger:name}\({line:int}\)] {message}",
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
    format(
        "tracing",
        All,
        &[
            r"{time} {level:caps} {_:text}\}: {logger:name}: {message}",
            r"{time} {level:caps} {_:text}\}:{_:name}: {logger:name}: {message}",
            r"{time} {level:caps} ThreadId\({thread}\) {logger:name}: {message}",
            // Linkerd's proxy.
            r"[{uptime:float}s] {level:caps} {_}: {logger:name}: {message}",
            r"[{uptime:float}s] {level:caps} {logger:name}: {message}",
            r"[{uptime:float}s] {level:caps} {message}",
        ],
    ),
    format(
        "log4j",
        All,
        &[
            r"{time:clock} {level} {logger:name}: {message}",
            r"{time:clock} {level} {logger:name}:{line:int} - {message}",
            r"{time:clock} {level} {logger:name} - {message}",
            r"{time} {thread} {level} [{logger:name}:{line:int}] {message}",
            r"{time}[{thread:text}] [{level}] [{logger:name} {line:int}] - {message}",
            r"{time} {level} {logger:dotted} Thread[{thread:text}]: {message}",
            r"{time} [{logger:dotted}] {level:caps}: {message}",
            r"{time} [{logger:dotted}] [{level}] {message}",
            r"{time} [{level}] {logger:dotted}: {message}",
            r"[{logger:dotted}] {level:caps}: {message}",
            r"{level:caps} [{logger:dotted}] {message}",
            r"{time:clock} {level:caps} [{logger:name}] {message}",
            r"{level} {time}: {message}",
            r"{level:letter} {time} {logger:name}: {message}",
            r"{time} {level} {logger:dotted} [{thread:text}] {message}",
            r"{time} {logger:dotted} {level}: {message}",
            // BIND.
            r"{time} {logger:tag}: {level}: {message}",
            r"{time} {logger:tag}: {level} {_:int}: {message}",
            r"{time} {level} [{logger:name}] {message}",
            r"{time} [{level}] {logger:dotted} - {message}",
            r"{time} [{level}] {logger:name} - {message}",
            r"{time} {logger:dotted} {level:caps} {message}",
            // Python's, in columns.
            r"{time} {logger:tag}{gap}{level:caps} {message}",
            r"{level} {time} [{logger:name}] {message}",
            r"{level} {time} {logger:dotted}: {message}",
            r"{level:caps} {time} {message}",
            r"{level:letter} {time} {message}",
        ],
    ),
    format("syslog_iso", Indented, &[r"(<{level:priority}>)?{time:zoned} {host:lone-host} {logger:tag}: {message}"]),
    format(
        "squid_cache",
        All,
        &[r"{time:slashed} kid{_:int}| {level:caps}: {message}", r"{time:slashed} kid{_:int}| {message}"],
    ),
];
