//! Rules where stock loses data.

use super::seen::Seen;
use super::{Kept, Rule, Why};

/// See the rule about `rotate 0` with copytruncate.
fn makes_no_copy(seen: &Seen<'_>) -> bool {
    seen.kept() == Some(0) && (seen.says("copytruncate") || seen.says("copy"))
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "copytruncate",
        why: Why::LosesInARace,
        reason: "stock loses what is written between the copy and the truncation; ours takes blocks out from under the \
                 writer where the file system can, after which the log may begin with a blank line",
        when: |seen| seen.says("copytruncate"),
        differs: &[
            "*.log, content: stock \"\", ours \" *\\n\"",
            "*.log, content: stock \"\", ours \" *…\" (#### bytes)",
            "*.log.#*, content: stock *, ours \" *\\n*\"",
        ],
        kept: Kept::All,
        needed_by: "strange logs: rotate 2 ; copytruncate | yes line | head -c 4100 > a.log",
    },
    Rule {
        name: "a name is taken",
        why: Why::Loses,
        reason: "stock renames over what appears in the place of the new generation or of a backup, or was generation of \
                 the same day; ours leaves both, and the log waits",
        when: |seen| {
            seen.config_has("echo early")
                || seen.tree_has(".backup")
                || seen.tree_has("gz-$(ago")
                || (seen.says("dateext") && seen.says("compress") && seen.tree_has("$TODAY"))
                || (seen.says("renamecopy") && seen.tree_has("mkdir a.log.tmp"))
                || (seen.says("shred") && seen.tree_has("ln a.log.2"))
        },
        differs: &[
            "exit code: stock \"0\", ours \"1\"",
            "message only in ours: \"error: destination * already exists, *",
            "message missing in ours: \"error: error renaming already existing output file *",
            "message missing in ours: \"error: failed to rename * to *: Is a directory\"",
            "message only in ours: \"error: error opening *: *",
            "*.log: only in ours",
            "*#*: missing in ours",
            "*#*: only in ours",
            "*#*, content: *",
            "*#*, mtime: *",
            "*#*, mode: *",
            "*#*, packed: *",
            "other, links: stock \"1\", ours \"2\"",
            "state, entry *: stock \"now\", ours *",
        ],
        kept: Kept::All,
        needed_by: "taken names: dateext with compress finds a plain generation of today",
    },
    Rule {
        name: "what `preremove` or a failed mail keeps",
        why: Why::Loses,
        reason: "stock renames over it with the next rotation; ours keeps it, and the log waits",
        when: |seen| seen.says("preremove") && seen.has_failing_script() && seen.says("mail"),
        differs: &[
            "message missing in ours: \"error: Failed to remove old log *",
            "*.log: only in ours",
            "*#*, content: *",
            "*#*, mtime: *",
            "mailed, *",
            "state, entry *: stock \"now\", ours *",
        ],
        kept: Kept::All,
        needed_by: "mail: rotate 1 ; mail a@b ; preremove ; exit 1 ; endscript",
    },
    Rule {
        name: "`LOG.tmp` of a renamecopy",
        why: Why::Loses,
        reason: "stock renames the log over it; ours makes a generation of what an interrupted run has left there",
        when: |seen| seen.says("renamecopy") && (seen.tree_has(".log.tmp") || seen.has_failing_script()),
        differs: &["*#: only in ours", "ran, content: *"],
        kept: Kept::All,
        needed_by: "numbered generations: rotate 2 ; renamecopy | gen a.log.tmp",
    },
    Rule {
        name: "plain generations with `compress`",
        why: Why::Loses,
        reason: "stock neither counts nor compresses nor removes them, and renames over them; ours does all of it",
        when: |seen| {
            let stays_plain = seen.has_plain_generation() || seen.config_has("gz-fails") || seen.has_failing_script();
            seen.says("compress") && stays_plain
        },
        differs: &[
            "*#*: missing in ours",
            "*#*: only in ours",
            "message only in ours: \"error: failed to compress log *#: exit status: #\"",
            "message only in ours: \"error: Compressing program wrote following message to stderr when compressing log *",
            "message only in ours: \"disk full\"",
            "message only in ours: \"really\"",
            "message missing in ours: \"error: failed to rename *.log to *.log.1: Permission denied\"",
            "message only in ours: \"error: error trying to compress to *.gz.tmp: Permission denied; *",
            "message only in ours: \"error: error renaming *.log.1 to *.log.2: Permission denied\"",
            "mailed, content: *",
        ],
        kept: Kept::Counted,
        needed_by: "taken names: compress finds a plain generation in its way",
    },
    Rule {
        name: "a failed script, or an error in a shared set",
        why: Why::Loses,
        reason: "in stock the generations have moved on, and do so again with every try, until all are gone; in ours they \
                 get their names back",
        when: |seen| {
            let is_stopped = seen.has_failing_script() || (seen.says("sharedscripts") && seen.stock_tells("stat of "));
            seen.stock_fails()
                && is_stopped
                && (seen.says("sharedscripts") || !makes_no_copy(seen))
                && !seen.stock_tells("duplicate log entry")
        },
        differs: &["*#*: missing in ours", "*#*: only in ours", "*#*, content: *", "*#*, mtime: *", "ran, content: *"],
        kept: Kept::All,
        needed_by: "debugging: -vf with rotate 1\nsharedscripts\nprerotate\necho x >> DIR/ran\nendscript\npostrotate\nexit 1\nendscript",
    },
    Rule {
        name: "a file that is no state file",
        why: Why::Loses,
        reason: "stock writes its state over it; ours refuses to, and rotates nothing",
        when: |seen| {
            seen.stock_tells("bad top line in state file")
                || seen.called_with('s') && seen.case.args.contains("-s DIR/conf")
        },
        differs: &[
            "exit code: stock \"0\", ours \"1\"",
            "message only in ours: \"error: bad top line in state file *; name another with -s, *",
            "message missing in ours: \"warning: state file *conf is world-readable *",
            "state, *",
            "conf, *",
            "*.log: only in ours",
            "*.log.1: missing in ours",
        ],
        kept: Kept::All,
        needed_by: "options: -s DIR/conf -f DIR/conf",
    },
    Rule {
        name: "`rotate -1` with `start 0`",
        why: Why::Loses,
        reason: "stock counts one too few and renames over the oldest generation; ours keeps all",
        when: |seen| seen.kept().is_none() && seen.values("start").any(|start| start == "0"),
        differs: &["*.log.#: only in ours"],
        kept: Kept::All,
        needed_by: "numbered generations: rotate -1 ; start 0 | gen a.log.0 a.log.1 a.log.2",
    },
];
