//! Configurations as packages ship them: the well-known shapes, with their paths in the tree and scripts that only
//! tell that they ran; and those of this machine.

use std::fs;

use super::case::{Case, case};
use super::run;

/// Logs and what rotates them. Every log is made, with what its name says in it.
struct Package {
    name: &'static str,
    /// `PATH [OWNER:GROUP] [MODE]`, folders are made.
    logs: &'static [&'static str],
    config: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "apt",
        logs: &["apt/term.log root:adm 640", "apt/history.log"],
        config: "DIR/apt/term.log {\n  rotate 12\n  monthly\n  compress\n  missingok\n  notifempty\n}\n\nDIR/apt/history.log {\n  rotate 12\n  monthly\n  compress\n  missingok\n  notifempty\n}\n",
    },
    Package {
        name: "dpkg",
        logs: &["dpkg.log", "alternatives.log"],
        config: "DIR/dpkg.log {\n\tmonthly\n\trotate 12\n\tcompress\n\tdelaycompress\n\tmissingok\n\tnotifempty\n\tcreate 644 root root\n}\nDIR/alternatives.log {\n\tmonthly\n\trotate 12\n\tcompress\n\tdelaycompress\n\tmissingok\n\tnotifempty\n\tcreate 644 root root\n}\n",
    },
    Package {
        name: "wtmp and btmp",
        logs: &["wtmp root:adm 664", "btmp root:adm 660"],
        config: "# no packages own wtmp -- we'll rotate it here\nDIR/wtmp {\n    missingok\n    monthly\n    create 0664 root adm\n    minsize 1M\n    rotate 1\n}\nDIR/btmp {\n    missingok\n    monthly\n    create 0660 root adm\n    rotate 1\n}\n",
    },
    Package {
        name: "rsyslog",
        logs: &[
            "syslog root:adm 640",
            "mail.log root:adm 640",
            "kern.log root:adm 640",
            "auth.log root:adm 640",
            "cron.log",
        ],
        config: "DIR/syslog\nDIR/mail.log\nDIR/kern.log\nDIR/auth.log\nDIR/user.log\nDIR/cron.log\n{\n\trotate 4\n\tweekly\n\tmissingok\n\tnotifempty\n\tcompress\n\tdelaycompress\n\tsharedscripts\n\tpostrotate\n\t\techo rsyslog-rotate \"$1\" \"$2\" >> DIR/ran\n\tendscript\n}\n",
    },
    Package {
        name: "nginx",
        logs: &["nginx/access.log nobody:adm 640", "nginx/error.log nobody:adm 640", "nginx/site.access.log"],
        config: "DIR/nginx/*.log {\n\tdaily\n\tmissingok\n\trotate 14\n\tcompress\n\tdelaycompress\n\tnotifempty\n\tcreate 0640 nobody adm\n\tsharedscripts\n\tprerotate\n\t\tif [ -d DIR/httpd-prerotate ]; then \\\n\t\t\techo parts >> DIR/ran; \\\n\t\tfi \\\n\tendscript\n\tpostrotate\n\t\techo rotate nginx >> DIR/ran\n\tendscript\n}\n",
    },
    Package {
        name: "apache2",
        logs: &[
            "apache2/access.log root:adm 640",
            "apache2/error.log root:adm 640",
            "apache2/other_vhosts_access.log root:adm 640",
        ],
        config: "DIR/apache2/*.log {\n\tdaily\n\tmissingok\n\trotate 14\n\tcompress\n\tdelaycompress\n\tnotifempty\n\tcreate 640 root adm\n\tsharedscripts\n\tprerotate\n\t\techo awstats >> DIR/ran\n\tendscript\n\tpostrotate\n\t\tif [ -n \"$1\" ]; then\n\t\t\techo reload \"$1\" >> DIR/ran\n\t\tfi\n\tendscript\n}\n",
    },
    Package {
        name: "mysql",
        logs: &["mysql/mysql.log nobody:adm 640", "mysql/slow.log nobody:adm 640"],
        config: "DIR/mysql.log DIR/mysql/mysql.log DIR/mysql/slow.log DIR/mysql/error.log {\n\tdaily\n\trotate 7\n\tmissingok\n\tcreate 640 nobody adm\n\tcompress\n\tsharedscripts\n\tpostrotate\n\t\ttest -x /usr/bin/true || exit 0\n\t\techo flush-logs >> DIR/ran\n\tendscript\n}\n",
    },
    Package {
        name: "mariadb",
        logs: &["mysql/mariadb.log nobody:nogroup 660", "mysql/error.log nobody:nogroup 660"],
        config: "DIR/mysql/*.log {\n  su nobody nogroup\n  missingok\n  create 660 nobody nogroup\n  notifempty\n  daily\n  minsize 1M\n  maxsize 500M\n  rotate 5\n  dateext\n  dateformat .%Y-%m-%d-%H-%M\n  compress\n  delaycompress\n  sharedscripts\n  olddir archive\n  createolddir 770 nobody nogroup\n  postrotate\n    echo refresh >> DIR/ran\n  endscript\n}\n",
    },
    Package {
        name: "postgresql-common",
        logs: &["postgresql/postgresql-15-main.log nobody:adm 640"],
        config: "DIR/postgresql/*.log {\n       weekly\n       rotate 10\n       copytruncate\n       delaycompress\n       compress\n       notifempty\n       missingok\n       su root root\n}\n",
    },
    Package {
        name: "cups",
        logs: &["cups/access_log root:adm 640", "cups/error_log root:adm 640", "cups/page_log root:adm 640"],
        config: "DIR/cups/*log {\n\tdaily\n\tmissingok\n\trotate 7\n\tsharedscripts\n\tpostrotate\n\t\techo restart >> DIR/ran\n\tendscript\n\tcompress\n\tnotifempty\n\tcreate 640 root adm\n}\n",
    },
    Package {
        name: "exim4",
        logs: &["exim4/mainlog nobody:adm 640", "exim4/rejectlog nobody:adm 640", "exim4/paniclog nobody:adm 640"],
        config: "DIR/exim4/mainlog DIR/exim4/rejectlog {\n\tdaily\n\tmissingok\n\trotate 10\n\tcompress\n\tdelaycompress\n\tnotifempty\n\tcreate 640 nobody adm\n}\nDIR/exim4/paniclog {\n\tsize 10M\n\tmissingok\n\trotate 10\n\tcompress\n\tdelaycompress\n\tnotifempty\n\tcreate 640 nobody adm\n}\n",
    },
    Package {
        name: "samba",
        logs: &["samba/log.smbd", "samba/log.nmbd", "samba/log.winbindd"],
        config: "DIR/samba/log.smbd {\n\tweekly\n\tmissingok\n\trotate 7\n\tpostrotate\n\t\t[ ! -f DIR/smbd.pid ] || kill -HUP 1\n\t\techo smbd >> DIR/ran\n\tendscript\n\tcompress\n\tdelaycompress\n\tnotifempty\n}\n\nDIR/samba/log.nmbd {\n\tweekly\n\tmissingok\n\trotate 7\n\tpostrotate\n\t\techo nmbd >> DIR/ran\n\tendscript\n\tcompress\n\tdelaycompress\n\tnotifempty\n}\n",
    },
    Package {
        name: "ufw",
        logs: &["ufw.log root:adm 640"],
        config: "DIR/ufw.log\n{\n\trotate 4\n\tweekly\n\tmissingok\n\tnotifempty\n\tcompress\n\tdelaycompress\n\tsharedscripts\n\tpostrotate\n\t\techo ufw >> DIR/ran || true\n\tendscript\n}\n",
    },
    Package {
        name: "unattended-upgrades",
        logs: &[
            "ua/unattended-upgrades.log",
            "ua/unattended-upgrades-dpkg.log root:adm 640",
            "ua/unattended-upgrades-shutdown.log",
        ],
        config: "DIR/ua/unattended-upgrades.log\nDIR/ua/unattended-upgrades-dpkg.log\nDIR/ua/unattended-upgrades-shutdown.log\n{\n  rotate 6\n  monthly\n  compress\n  missingok\n  notifempty\n}\n",
    },
    Package {
        name: "certbot",
        logs: &["letsencrypt/letsencrypt.log", "letsencrypt/renew.log"],
        config: "DIR/letsencrypt/*.log {\n    rotate 12\n    weekly\n    compress\n    missingok\n}\n",
    },
    Package {
        name: "docker",
        logs: &["docker/containers/0a/0a-json.log root:root 640", "docker/containers/1b/1b-json.log root:root 640"],
        config: "DIR/docker/containers/*/*.log {\n  rotate 7\n  daily\n  compress\n  size=1M\n  missingok\n  delaycompress\n  copytruncate\n}\n",
    },
    Package {
        name: "redis",
        logs: &["redis/redis-server.log nobody:adm 660"],
        config: "DIR/redis/redis-server*.log {\n        weekly\n        missingok\n        rotate 12\n        compress\n        notifempty\n}\n",
    },
    Package {
        name: "squid",
        logs: &["squid/access.log nobody:nogroup 640", "squid/cache.log nobody:nogroup 640"],
        config: "DIR/squid/*.log {\n\tdaily\n\tcompress\n\tdelaycompress\n\trotate 2\n\tmissingok\n\tnocreate\n\tsharedscripts\n\tprerotate\n\t\ttest ! -x DIR/sarg-reports || DIR/sarg-reports daily\n\tendscript\n\tpostrotate\n\t\techo rotate >> DIR/ran\n\tendscript\n}\n",
    },
    Package {
        name: "php-fpm",
        logs: &["php8.2-fpm.log"],
        config: "DIR/php8.2-fpm.log {\n\trotate 12\n\tweekly\n\tmissingok\n\tnotifempty\n\tcompress\n\tdelaycompress\n\tpostrotate\n\t\tif [ -x DIR/reopenlogs ]; then\n\t\t\tDIR/reopenlogs;\n\t\tfi\n\tendscript\n}\n",
    },
    Package {
        name: "fail2ban",
        logs: &["fail2ban.log root:adm 640"],
        config: "DIR/fail2ban.log {\n    weekly\n    rotate 4\n    compress\n    delaycompress\n    missingok\n    postrotate\n\techo flushlogs 1>>DIR/ran\n    endscript\n    # a comment in the middle\n    # create 640 fail2ban adm\n    create 640 root adm\n}\n",
    },
    Package {
        name: "rabbitmq",
        logs: &["rabbitmq/rabbit@host.log nobody:nogroup 644"],
        config: "DIR/rabbitmq/*.log {\n        weekly\n        missingok\n        rotate 20\n        compress\n        notifempty\n}\n",
    },
    Package {
        name: "tomcat",
        logs: &["tomcat10/catalina.out nobody:adm 640"],
        config: "DIR/tomcat10/catalina.out {\n  copytruncate\n  weekly\n  rotate 52\n  compress\n  missingok\n  create 640 nobody adm\n}\n",
    },
];

impl Package {
    fn setup(&self) -> String {
        let log = |spec: &&str| {
            let mut words = spec.split(' ');
            let (path, owner, mode) = (words.next().unwrap(), words.next(), words.next());
            let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
            let owner = owner.map(|owner| format!("chown {owner} {path}\n")).unwrap_or_default();
            format!("mkdir -p {folder}\necho {path} > {path}\nchmod {} {path}\n{owner}", mode.unwrap_or("644"))
        };
        self.logs.iter().map(log).collect()
    }

    /// Forced over four rounds, and by date: all due, and none.
    fn cases(&self) -> Vec<Case> {
        let paths = || self.logs.iter().map(|spec| spec.split(' ').next().unwrap());
        let states = |age: &str| paths().map(|path| format!("state {path} {age}\n")).collect::<String>();
        // The writer writes to `*.log`; the other names get their lines here.
        let writes = paths().filter(|path| !path.ends_with(".log")).map(|path| format!("echo again >> {path}\n"));
        let between: String = writes.collect();
        let case =
            |name: &str| case(format!("{}, {name}", self.name), self.config).setup(&self.setup()).between(&between);
        vec![
            case("forced").rounds(4),
            case("due").setup(&states("$((40*D))")).due().rounds(2),
            case("not due").setup(&states("0")).due(),
            case("large").setup(&paths().map(|path| format!("truncate -s 2M {path}\n")).collect::<String>()).due(),
            case("-d").args("-d -s DIR/state DIR/conf"),
            case("missing").setup(&paths().take(1).map(|path| format!("rm {path}\n")).collect::<String>()).rounds(2),
        ]
    }
}

/// What is installed here: each file, with `/var/log` in the tree.
fn installed() -> Vec<Case> {
    let Ok(folder) = fs::read_dir("/etc/logrotate.d") else { return Vec::new() };
    let mut cases = Vec::new();
    for path in folder.map(|item| item.unwrap().path()) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        // Scripts of real packages signal real services.
        if ["rotate", "action", "preremove"]
            .iter()
            .any(|kind| text.contains(&format!("{kind}\n")) && text.contains("endscript"))
        {
            continue;
        }
        let config = text.replace("/var/log/", "DIR/");
        let logs: Vec<_> = config.split_whitespace().filter(|word| word.starts_with("DIR/")).collect();
        let make = |log: &&str| {
            let log = log.replace('*', "some");
            format!("mkdir -p $(dirname {log}); echo line > {log}\n")
        };
        let setup: String = logs.iter().map(make).collect();
        let name = path.file_name().unwrap().display().to_string();
        let case = |how: &str| case(format!("installed {name}, {how}"), config.clone()).setup(&setup);
        cases.extend([case("forced").rounds(3), case("unforced").due().rounds(2)]);
    }
    cases
}

#[test]
fn shipped() {
    run("packages", PACKAGES.iter().flat_map(Package::cases).collect());
}

#[test]
fn on_this_machine() {
    run("installed packages", installed());
}

#[test]
fn all_at_once() {
    let files = PACKAGES.iter().map(|p| format!("cat > etc/{} <<'E'\n{}E\n", p.name.replace(' ', "-"), p.config));
    let setup: String = PACKAGES.iter().map(Package::setup).chain(["mkdir etc\n".into()]).chain(files).collect();
    let main = "# see \"man logrotate\" for details\nweekly\nrotate 4\ncreate\n#dateext\n#compress\ninclude DIR/etc\n";
    let all = |name: &str| case(name, main).setup(&setup).rounds(2);
    run(
        "all packages",
        vec![
            all("all packages, forced"),
            all("all packages, unforced").due(),
            all("all packages, -d").args("-df -s DIR/state DIR/conf"),
        ],
    );
}
