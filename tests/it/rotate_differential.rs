//! The stock logrotate and ours, several forced rotations on copies of the same tree: names, contents, modes and
//! what postrotate did must be the same.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use chrono::Local;
use logmill::rotate::{NoReader, Options, Policy, Rotator};

const ROUNDS: usize = 4;

fn stock_is_there() -> bool {
    if Command::new("logrotate").arg("--version").output().is_ok() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "CI must have the program logrotate: apt-get install logrotate");
    eprintln!("SKIPPED: the program logrotate is not installed, nothing was compared");
    false
}

/// Name → mode and content, decompressed.
fn tree(folder: &Path) -> BTreeMap<String, (u32, String)> {
    let mut found = BTreeMap::new();
    for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = item.file_name().into_string().unwrap();
        if item.path().is_dir() {
            found.extend(tree(&item.path()).into_iter().map(|(inner, file)| (format!("{name}/{inner}"), file)));
            continue;
        }
        let bytes = fs::read(item.path()).unwrap();
        let mut text = String::new();
        if name.ends_with(".gz") {
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        // The folder's own name stands in what scripts wrote.
        let text = text.replace(&folder.display().to_string(), "");
        found.insert(name, (item.metadata().unwrap().permissions().mode() & 0o7777, text));
    }
    found
}

/// A round of the writer: it appends, or makes its log anew.
fn write_logs(folder: &Path, round: usize) {
    for name in ["a.log", "b.log"] {
        let path = folder.join(name);
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
        writeln!(file, "{name} in round {round}").unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o640)).unwrap();
    }
    let empty = folder.join("empty.log");
    fs::OpenOptions::new().append(true).create(true).open(empty).unwrap();
}

fn run_stock(folder: &Path, conf: &str) {
    let (path, state) = (folder.join("conf"), folder.join("state"));
    fs::write(&path, conf).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    // Errors are part of some cases; the tree tells what happened.
    Command::new("logrotate").arg("-f").arg("-s").arg(&state).arg(&path).output().unwrap();
    let _ = (fs::remove_file(path), fs::remove_file(state));
}

fn run_ours(folder: &Path, conf: &str) {
    let state = folder.join("state");
    let (policy, _) = Policy::parse(conf, Path::new("conf")).unwrap();
    let (mut rotator, _) = Rotator::new(policy, state.clone(), Options { force: true }).unwrap();
    rotator.tick(Local::now().fixed_offset(), &NoReader);
    let _ = fs::remove_file(state);
}

fn check(body: &str) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        fs::create_dir(folder.path().join("old")).unwrap();
    }
    for round in 0..ROUNDS {
        for (folder, run) in folders.iter().zip([run_stock as fn(&Path, &str), run_ours]) {
            let path = folder.path();
            write_logs(path, round);
            let body = body.replace("DIR", &path.display().to_string());
            run(path, &format!("{0}/?.log {0}/empty.log {{\n{body}\n}}\n", path.display()));
        }
        let [stock, ours] = [tree(folders[0].path()), tree(folders[1].path())];
        assert_eq!(ours, stock, "round {round} of:\n{body}\n(left: ours, right: stock)");
    }
}

#[test]
fn same_as_stock() {
    if !stock_is_there() {
        return;
    }
    check("rotate 2");
    check("rotate 0");
    check("rotate 9\nstart 0");
    check("rotate -1\nsize 1");
    check("rotate 2\ncompress");
    check("rotate 3\ncompress\ndelaycompress");
    check("rotate 2\ncopytruncate");
    check("rotate 0\ncopytruncate");
    check("rotate 2\ncopytruncate\ncompress\nnotifempty");
    check("rotate 2\ncopy");
    check("rotate 2\ncreate 0600");
    check("rotate 2\ncreate\nnotifempty");
    check("rotate 2\nextension .log\ncompress");
    check("rotate 2\nolddir DIR/old");
    check("rotate 2\nolddir old\ncompress");
    check("rotate 3\ndateext");
    check("rotate 3\ndateext\ncompress");
    check("rotate 3\ndateext\ndateformat .%d-%m-%Y\nextension .log\ndateyesterday");
    check("rotate 2\npostrotate\necho post $1 $2 >> DIR/ran\nendscript");
    check(
        "rotate 2\nnotifempty\nprerotate\necho pre $1 >> DIR/ran\nendscript\npostrotate\necho post $1 >> DIR/ran\nendscript",
    );
    check(
        "rotate 2\nsharedscripts\nfirstaction\necho first >> DIR/ran\nendscript\npostrotate\necho post >> DIR/ran\nendscript\nlastaction\necho last >> DIR/ran\nendscript",
    );
    check("rotate 2\nprerotate\nexit 1\nendscript");
}

#[test]
fn a_missing_log_keeps_a_shared_set_as_it_is() {
    if !stock_is_there() {
        return;
    }
    check("rotate 2\nsharedscripts\n}\nDIR/?.log DIR/none {\nrotate 2\nsharedscripts");
    check("rotate 2\nmissingok\n}\nDIR/none {\nmissingok\nrotate 2");
}
