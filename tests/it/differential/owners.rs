//! `su`, the owners and modes of what is made, ACLs.

use super::case::{Case, case, inner, one};
use super::run;

/// A log of nobody's in nobody's folder.
const NOBODYS: &str = "mkdir d; cp a.log d/x.log; chown -R nobody:nogroup d";

fn as_nobody(body: &str) -> Case {
    inner(&format!("su nobody nogroup ; {body}")).setup(NOBODYS).rounds(3)
}

/// Scripts run as the one who started the program, whatever `su` says.
const WHO: &str = "prerotate ; id -u >> DIR/ran ; endscript ; postrotate ; id -u >> DIR/ran; id -g >> DIR/ran ; endscript ; \
                   firstaction ; id -u >> DIR/ran ; endscript ; lastaction ; id -u >> DIR/ran ; endscript ; \
                   preremove ; id -u >> DIR/ran ; endscript";

const AS_NOBODY: &[&str] = &[
    "rotate 2",
    "rotate 0",
    "rotate 2 ; create",
    "rotate 2 ; create 0600",
    "rotate 2 ; create 0640 nobody nogroup",
    "rotate 2 ; create 0640 root root",
    "rotate 2 ; create 0640 root adm",
    "rotate 2 ; create 0640 nobody adm",
    "rotate 2 ; compress",
    "rotate 2 ; compress ; delaycompress",
    "rotate 2 ; compress ; compressoptions -1",
    "rotate 2 ; compress ; compresscmd BIN/gz-fails-loudly",
    "rotate 2 ; copytruncate",
    "rotate 2 ; copytruncate ; compress",
    "rotate 2 ; copy",
    "rotate 2 ; renamecopy ; create",
    "rotate 2 ; olddir old ; createolddir 0750",
    "rotate 2 ; olddir old ; createolddir 0750 nobody nogroup",
    "rotate 2 ; olddir old ; createolddir 0750 root root",
    "olddir old ; createolddir 0750 ; rotate 2",
    "rotate 2 ; olddir DIR/mine ; createolddir",
    "rotate 1 ; shred",
    "rotate 1 ; mail a@b",
    "rotate 1 ; mail a@b ; compress",
    "rotate 2 ; extension .log",
    "rotate 2 ; sharedscripts ; missingok",
    "rotate 2 ; su root root",
    "rotate 2 ; allowhardlink",
];

/// Folders and logs that nobody may or may not touch.
const REFUSED: &[&str] = &[
    "chown root:root d",
    "chown root:root d; chmod 777 d",
    "chown root:nogroup d; chmod 775 d",
    "chown root:root d/x.log",
    "chown root:root d/x.log; chmod 644 d/x.log",
    "chown root:root d/x.log; chmod 600 d/x.log",
    "chmod 000 d",
    "chmod 500 d",
    "chmod 000 d/x.log",
    "chown root:root d; chmod 755 d; echo x > d/x.log.1; chown nobody d/x.log.1",
    "rm d/x.log",
    "rm d/x.log; ln -s ../b.log d/x.log",
    "ln d/x.log d/y.log",
    "chmod 700 .",
];

const CREATED: &[&str] = &[
    "create",
    "create 0600",
    "create 0",
    "create 07777",
    "create 0640 nobody",
    "create 0640 nobody nogroup",
    "create 0640 root adm",
    "create 640 nobody adm",
    "create nobody",
    "create nobody nogroup",
    "create nobody adm",
    "create 0 0",
    "create 0600 0 4",
    "create 0600 65534 4",
    "create 600 ; create",
    "create 0640 nobody nogroup ; create 0600",
    "create 0640 nobody nogroup ; nocreate",
    "create 0640 nobody nogroup ; renamecopy",
    "create 0640 nobody nogroup ; copytruncate",
    "create 0640 nobody nogroup ; copy",
    "create 0640 nobody nogroup ; compress",
    "olddir new ; createolddir",
    "olddir new ; createolddir 0700",
    "olddir new ; createolddir 07777",
    "olddir new ; createolddir 0700 nobody",
    "olddir new ; createolddir 0700 nobody nogroup",
    "olddir new/er ; createolddir 0700 nobody nogroup",
    "olddir new ; createolddir nobody nogroup",
    "olddir new ; createolddir 0700 root adm",
    "olddir DIR/new ; createolddir 0700 ; compress",
];

/// What the log is like before.
const BEFORE: &[&str] = &[
    "chmod 640 a.log",
    "chown nobody:nogroup a.log; chmod 2664 a.log",
    "setfacl -m u:nobody:rw a.log",
    "setfacl -m u:nobody:rw,g:adm:r a.log; chown nobody:adm a.log",
    "setfacl -d -m u:nobody:rw .",
];

fn created() -> Vec<Case> {
    let case = |body: &str, setup: &str| one(body).named(&format!("{body} | {setup}")).setup(setup);
    let with_body =
        |body: &&str| BEFORE.iter().map(|setup| case(&format!("{body} ; rotate 2"), setup).rounds(2)).collect();
    CREATED.iter().flat_map(|body| -> Vec<Case> { with_body(body) }).collect()
}

fn kept_acls() -> Vec<Case> {
    let ways = [
        "rotate 2",
        "compress",
        "compress ; delaycompress",
        "copy",
        "copytruncate",
        "copytruncate ; compress",
        "renamecopy",
    ];
    let case = |body: &str, setup: &str| one(body).named(&format!("{body} | {setup}")).setup(setup);
    let with_way =
        |way: &&str| BEFORE.iter().map(|setup| case(&format!("{way} ; rotate 2"), setup).rounds(2)).collect();
    ways.iter().flat_map(|way| -> Vec<Case> { with_way(way) }).collect()
}

fn refused() -> Vec<Case> {
    let ways = [
        "rotate 2",
        "rotate 2 ; create 0600 nobody nogroup",
        "rotate 2 ; compress",
        "rotate 2 ; copytruncate",
        "rotate 2 ; missingok",
    ];
    let case =
        |way: &str, setup: &str| as_nobody(way).named(&format!("su with {way} | {setup}")).setup(setup).rounds(1);
    ways.iter().flat_map(|way| REFUSED.iter().map(|setup| case(way, setup)).collect::<Vec<_>>()).collect()
}

#[test]
fn switched_user() {
    let mut cases: Vec<_> = AS_NOBODY.iter().map(|body| as_nobody(body).mailing()).collect();
    cases.extend(
        ["rotate 1", "rotate 1 ; compress", "rotate 0", "rotate 1 ; sharedscripts"]
            .map(|body| as_nobody(&format!("{body} ; {WHO}"))),
    );
    run("switched user", cases);
}

/// `su` for all sections, and who it is for.
#[test]
fn scopes_of_su() {
    let mine = "mkdir d; cp a.log d/x.log; cp a.log d/y.log; chown -R nobody:nogroup d";
    let rows = [
        "su nobody nogroup\nDIR/d/x.log {\nrotate 1\ncreate\n}\nDIR/a.log {\n}\n",
        "DIR/a.log {\nsu nobody nogroup\n}\nDIR/b.log {\nrotate 1\n}\n",
        "DIR/d/x.log {\nsu nobody nogroup\nrotate 1\n}\nDIR/d/y.log {\nrotate 1\n}\nDIR/b.log {\nrotate 1\n}\n",
        "su nobody nogroup\nDIR/d/x.log {\nsu root root\nrotate 1\n}\nDIR/d/y.log {\nrotate 1\n}\n",
        "create 0600 nobody adm\nDIR/a.log {\nrotate 1\n}\nDIR/b.log {\ncreate\nrotate 1\n}\nDIR/d/x.log {\nnocreate\n}\n",
        "su nobody nogroup\nolddir old\ncreateolddir 0700\nDIR/d/?.log {\nrotate 1\n}\n",
        "DIR/d/x.log DIR/a.log DIR/d/y.log {\nsu nobody nogroup\nrotate 1\n}\n",
    ];
    run("scopes of su", rows.into_iter().map(|config| case(config, config).setup(mine).rounds(2)).collect());
}

#[test]
fn refused_to_the_user() {
    run("refused to the user", refused());
}

#[test]
fn owners_of_what_is_made() {
    run("owners of what is made", created());
}

#[test]
fn acls() {
    run("ACLs", kept_acls());
}
