//! Several configurations: included files and folders, names that are passed over, folders and files as arguments,
//! and who may write to them.

use super::case::{Case, case};
use super::run;

/// Makes `inc/` with a section for each log and names that are taboo.
const INCLUDED: &str = "mkdir inc d
for name in x y z; do cp a.log d/$name.log; done
printf 'DIR/a.log {\\nrotate 1\\n}\\n' > inc/a
printf 'DIR/b.log {\\nrotate 1\\n}\\n' > inc/b
for name in a.bak a.dpkg-old a~ a.swp a,v a.rpmsave a.disabled a.cfsaved a.ucf-dist a.rhn-cfg-tmp-x .hidden; do
    printf 'DIR/empty.log {\\nrotate 1\\n}\\n' > inc/$name
done";

fn including(name: &str, config: &str, setup: &str) -> Case {
    case(name, config).setup(INCLUDED).setup(setup)
}

const INCLUDES: &[(&str, &str, &str)] = &[
    ("a folder", "include DIR/inc\n", ""),
    ("a folder with a slash", "include DIR/inc/\n", ""),
    ("a file", "include DIR/inc/a\n", ""),
    ("a file with =", "include=DIR/inc/a\n", ""),
    ("a taboo file by its name", "include DIR/inc/a.bak\n", ""),
    ("a quoted file", "include \"DIR/inc/a\"\n", ""),
    ("a home file", "include ~/inc/a\n", ""),
    ("a glob", "include DIR/inc/*\n", ""),
    ("a relative file", "include inc/a\n", ""),
    (
        "a relative file in a folder",
        "include DIR/inc\n",
        "echo 'include more' > inc/c; printf 'DIR/d/x.log {\\n}\\n' > inc/more",
    ),
    ("a missing file", "include DIR/none\nDIR/a.log {\n}\n", ""),
    ("a folder after defaults", "compress\nrotate 2\ninclude DIR/inc\n", ""),
    ("a folder before defaults", "include DIR/inc\ncompress\nDIR/d/x.log {\nrotate 1\n}\n", ""),
    ("defaults set in a folder", "include DIR/inc\nDIR/d/x.log {\nrotate 1\n}\n", "echo compress > inc/0first"),
    ("defaults set in a folder between files", "include DIR/inc\n", "echo compress > inc/ab"),
    (
        "defaults set in a failing file",
        "include DIR/inc\nDIR/d/x.log {\nrotate 1\n}\n",
        "printf 'compress\\n!!!\\n' > inc/0first",
    ),
    ("a failing file among others", "include DIR/inc\n", "echo '!!!' > inc/ab"),
    ("a failing section among others", "include DIR/inc\n", "printf 'DIR/d/x.log {\\nrotate x\\n}\\n' > inc/ab"),
    ("an unknown word among others", "include DIR/inc\n", "echo strange > inc/ab"),
    ("a folder in a folder", "include DIR/inc\n", "mkdir inc/deep; printf 'DIR/d/x.log {\\n}\\n' > inc/deep/x"),
    ("a link to a file in a folder", "include DIR/inc\n", "printf 'DIR/d/x.log {\\n}\\n' > x; ln -s ../x inc/l"),
    ("a link to nothing in a folder", "include DIR/inc\n", "ln -s nowhere inc/l"),
    ("a link to a folder", "include DIR/l\n", "ln -s inc l"),
    ("an empty folder", "include DIR/none\nDIR/a.log {\n}\n", "mkdir none"),
    ("an empty file in a folder", "include DIR/inc\n", ": > inc/0"),
    (
        "order of names",
        "include DIR/inc\n",
        "rm inc/*; for n in B a C _1 2 10; do echo \"prerotate\necho $n >> DIR/ran\nendscript\" > inc/$n; done; printf 'DIR/a.log {\\n}\\n' > inc/bb",
    ),
    ("the file itself", "include DIR/conf\nDIR/a.log {\n}\n", ""),
    ("the folder itself", "include DIR/inc\n", "echo 'include DIR/inc' > inc/c"),
    (
        "sixteen deep",
        "include DIR/c1\n",
        "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do echo \"include DIR/c$((n+1))\" > c$n; done; printf 'DIR/a.log {\\n}\\n' > c16",
    ),
    (
        "fifteen deep",
        "include DIR/c1\n",
        "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo \"include DIR/c$((n+1))\" > c$n; done; printf 'DIR/a.log {\\n}\\n' > c15",
    ),
    ("duplicate across files", "include DIR/inc\nDIR/a.log DIR/d/x.log {\n}\n", ""),
    ("in a section", "DIR/d/x.log {\ninclude DIR/inc\n}\n", ""),
    (
        "a file of directives in a section",
        "DIR/d/x.log {\ninclude DIR/dirs\n}\nDIR/d/y.log {\n}\n",
        "printf 'rotate 3\\ncompress\\n' > dirs",
    ),
    ("a writable file", "include DIR/inc\n", "chmod 664 inc/a"),
    ("a file writable for others", "include DIR/inc\n", "chmod 646 inc/a"),
    ("a file of nobody", "include DIR/inc\n", "chown nobody inc/a"),
    ("a file of a group", "include DIR/inc\n", "chgrp nogroup inc/a"),
    ("an unreadable file", "include DIR/inc\n", "chmod 000 inc/a"),
    ("an executable file", "include DIR/inc\n", "chmod 755 inc/a"),
    ("a writable folder", "include DIR/inc\n", "chmod 777 inc"),
    ("a too large file", "include DIR/inc\n", "head -c 16777217 /dev/zero | tr '\\0' '#' > inc/a"),
];

const TABOO: &[(&str, &str)] = &[
    ("tabooext more", "tabooext + a\ninclude DIR/inc\n"),
    ("tabooext more without a blank", "tabooext +a\ninclude DIR/inc\n"),
    ("tabooext anew", "tabooext a\ninclude DIR/inc\n"),
    ("tabooext of two", "tabooext + a b\ninclude DIR/inc\n"),
    ("tabooext of two with commas", "tabooext + a,b\ninclude DIR/inc\n"),
    ("tabooext with commas and blanks", "tabooext + a, b\ninclude DIR/inc\n"),
    ("tabooext with empty items", "tabooext + ,,b,\ninclude DIR/inc\n"),
    ("tabooext with a star", "tabooext + *\ninclude DIR/inc\n"),
    ("tabooext with nothing", "tabooext\ninclude DIR/inc\n"),
    ("tabooext with + alone", "tabooext +\ninclude DIR/inc\n"),
    ("tabooext with =", "tabooext = + b\ninclude DIR/inc\n"),
    ("tabooext after the include", "include DIR/inc\ntabooext + a\n"),
    ("tabooext twice", "tabooext + a\ntabooext + b\ninclude DIR/inc\n"),
    ("tabooext anew, then more", "tabooext x\ntabooext + b\ninclude DIR/inc\n"),
    ("taboopat more", "taboopat + a*\ninclude DIR/inc\n"),
    ("taboopat anew", "taboopat b*\ninclude DIR/inc\n"),
    ("taboopat with a class", "taboopat + [a-b]\ninclude DIR/inc\n"),
    ("taboopat of hidden files", "tabooext + x\ntaboopat .*\ninclude DIR/inc\n"),
    ("taboopat of two", "taboopat + a,b\ninclude DIR/inc\n"),
    ("taboopat of all", "taboopat *\ninclude DIR/inc\n"),
    ("taboopat with a quote", "taboopat + \"a*\"\ninclude DIR/inc\n"),
    ("taboopat and the hidden file", "taboopat ?*\ninclude DIR/inc\n"),
];

/// Arguments instead of includes. `DIR/conf` is there as well.
const ARGUMENTS: &[(&str, &str, &str)] = &[
    ("two files", "DIR/inc/a DIR/inc/b", ""),
    ("two files, the first missing", "DIR/none DIR/inc/b", ""),
    ("two files, the second missing", "DIR/inc/a DIR/none", ""),
    ("two files, the first in error", "DIR/bad DIR/inc/b", "echo '!!!' > bad"),
    ("two files, the second in error", "DIR/inc/a DIR/bad", "echo '!!!' > bad"),
    ("two files, defaults in the first", "DIR/defaults DIR/inc/b", "echo compress > defaults"),
    ("two files, defaults in the second", "DIR/inc/b DIR/defaults", "echo compress > defaults"),
    ("the same file twice", "DIR/inc/a DIR/inc/a", ""),
    ("a folder", "DIR/inc", ""),
    ("a folder and a file", "DIR/inc DIR/conf", "printf 'DIR/d/x.log {\\n}\\n' > conf"),
    ("a taboo file", "DIR/inc/a.bak", ""),
    ("a taboo file after tabooext", "DIR/conf DIR/inc/a.bak", "echo 'tabooext + x' > conf"),
    ("a relative file", "inc/a", ""),
    ("a relative folder", "inc", ""),
    ("a relative folder, then a relative file", "inc conf", "printf 'DIR/d/x.log {\\n}\\n' > conf"),
    ("an empty folder", "DIR/none", "mkdir none"),
    ("a link", "DIR/l", "ln -s inc/a l"),
    ("a link to nothing", "DIR/l", "ln -s nowhere l"),
    ("a device", "/dev/null", ""),
    ("a log as a configuration", "DIR/a.log", ""),
    ("a writable file", "DIR/inc/a", "chmod 664 inc/a"),
    ("a file writable for others, and another", "DIR/inc/a DIR/inc/b", "chmod 602 inc/a"),
    ("a file of nobody", "DIR/inc/a", "chown nobody inc/a"),
    ("an unreadable file", "DIR/inc/a", "chmod 000 inc/a"),
    ("an empty argument list after --", "--", ""),
    ("a file after --", "-- DIR/inc/a", ""),
];

#[test]
fn includes() {
    let rows = INCLUDES.iter().map(|(name, config, setup)| including(&format!("include {name}"), config, setup));
    run("includes", rows.collect());
}

#[test]
fn taboo_names() {
    let extra = "printf 'DIR/d/x.log {\\n}\\n' > inc/c";
    run("taboo names", TABOO.iter().map(|(name, config)| including(name, config, extra)).collect());
}

#[test]
fn files_as_arguments() {
    let rows = ARGUMENTS.iter().map(|(name, arguments, setup)| {
        let name = format!("as arguments: {name}");
        including(&name, "", setup).args(&format!("-f -s DIR/state {arguments}"))
    });
    run("files as arguments", rows.collect());
}
