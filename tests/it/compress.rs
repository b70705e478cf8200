//! Compressing generations: what every tool reads, what a crash leaves, commands, and many files at once.

use std::fs::{self, File, FileTimes, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use logmill::rotate::{Compressor, RotateError, compress, compress_all};
use rustix::process::{Gid, Uid};

const MEMBER: usize = 512 * 1024;

/// Text of so many bytes that compresses about as logs do.
fn text(bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 100);
    let mut number = 1u64;
    while text.len() < bytes {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.extend(format!("INFO request {number:x} took {} ms\n", number >> 54).bytes());
    }
    text.truncate(bytes);
    text
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn sh(script: &str) -> Compressor {
    Compressor::Command { program: "sh".to_owned(), options: vec!["-c".to_owned(), script.to_owned()], run_as: None }
}

/// What `program` makes of `file` on its stdin; None if it is not installed.
fn through(program: &[&str], file: &Path) -> Option<Vec<u8>> {
    let command = Command::new(program[0]).args(&program[1..]).stdin(File::open(file).unwrap()).output();
    let Ok(output) = command else {
        assert!(std::env::var_os("CI").is_none(), "CI must have the program {}", program[0]);
        eprintln!("SKIPPED: the program {} is not installed", program[0]);
        return None;
    };
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

#[test]
fn every_tool_reads_it() {
    const PYTHON: &str = "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
    let (zcat, python, zstd): (&[&str], &[&str], &[&str]) = (&["zcat"], &["python3", "-c", PYTHON], &["zstd", "-dc"]);
    let check = |plain: &[u8], how: Compressor, tools: &[&[&str]]| {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("a.z"));
        fs::write(&from, plain).unwrap();
        let done = compress(&from, &to, &how).unwrap();
        assert_eq!((done.before, done.after), (plain.len() as u64, fs::metadata(&to).unwrap().len()));
        assert_eq!(fs::read(&from).unwrap(), plain, "the plain file stays");
        for tool in tools {
            let Some(got) = through(tool, &to) else { continue };
            assert!(got == plain, "{tool:?} on {} bytes by {how:?}: {} bytes", plain.len(), got.len());
        }
        // Again, as after a crash: it is known to be the same.
        assert_eq!(compress(&from, &to, &how).unwrap().after, done.after);
    };
    for size in [0, 1, 2_000, MEMBER - 1, MEMBER, MEMBER + 1, 2 * MEMBER, 7 * MEMBER + 5] {
        check(&text(size), Compressor::Gzip(6), &[zcat, python]);
        check(&text(size), Compressor::Zstd(3), &[zstd]);
    }
    for level in [1, 5, 9] {
        check(&text(3 * MEMBER), Compressor::Gzip(level), &[zcat]);
    }
    for level in [1, 9, 19] {
        check(&text(3 * MEMBER), Compressor::Zstd(level), &[zstd]);
    }
    // What does not compress, and nothing but zeros.
    let noise: Vec<u8> = zstd::bulk::compress(&text(12 * MEMBER), 1).unwrap();
    check(&noise, Compressor::Gzip(6), &[zcat, python]);
    check(&noise, Compressor::Zstd(3), &[zstd]);
    check(&vec![0; 9 * MEMBER], Compressor::Gzip(6), &[zcat, python]);
    check(&text(2_000), sh("gzip -9"), &[zcat, python]);
}

#[test]
fn the_same_file_gives_the_same_bytes_whoever_takes_which_piece() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("a");
    fs::write(&from, text(9 * MEMBER)).unwrap();
    for how in [Compressor::Gzip(6), Compressor::Gzip(1), Compressor::Zstd(3)] {
        let made: Vec<Vec<u8>> = (0..4)
            .map(|run| {
                let to = folder.path().join(format!("a.{run}"));
                compress(&from, &to, &how).unwrap();
                let bytes = fs::read(&to).unwrap();
                fs::remove_file(&to).unwrap();
                bytes
            })
            .collect();
        assert!(made.iter().all(|bytes| *bytes == made[0]), "{how:?}");
    }
}

#[test]
fn owner_mode_and_times_are_those_of_the_plain_file() {
    let is_root = rustix::process::geteuid().is_root();
    for (how, mode) in [(Compressor::Gzip(6), 0o640), (Compressor::Zstd(3), 0o600), (sh("gzip"), 0o4750)] {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("a.gz"));
        fs::write(&from, "text").unwrap();
        if is_root {
            chown(&from, Some(12), Some(34)).unwrap();
        }
        fs::set_permissions(&from, Permissions::from_mode(mode)).unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let times = FileTimes::new().set_modified(at(1_000_000_000)).set_accessed(at(1_700_000_000));
        File::options().write(true).open(&from).unwrap().set_times(times).unwrap();
        compress(&from, &to, &how).unwrap();
        // But for the bits that give rights to whoever runs it.
        let of = |path: &Path| fs::metadata(path).map(|m| (m.uid(), m.gid(), m.mode() & 0o777, m.mtime())).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().mode() & 0o7000, 0);
        assert_eq!(of(&to), of(&from));
        assert_eq!(fs::metadata(&to).unwrap().atime(), 1_700_000_000);
        if how == Compressor::Gzip(6) {
            let header = flate2::read::GzDecoder::new(File::open(&to).unwrap()).header().unwrap().clone();
            assert_eq!(header.mtime(), 1_000_000_000);
        }
    }
}

#[test]
fn what_is_there_already_is_compared() {
    let check = |plain: &str, there: &[u8], how: Compressor, is_same: bool| {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("a.z"));
        fs::write(&from, plain).unwrap();
        fs::write(&to, there).unwrap();
        match compress(&from, &to, &how) {
            Ok(_) => assert!(is_same, "{plain:?} {how:?}"),
            Err(RotateError::Differs { .. }) => assert!(!is_same, "{plain:?} {how:?}"),
            Err(other) => panic!("{plain:?} {how:?}: {other}"),
        }
        assert_eq!(names(folder.path()), ["a", "a.z"]);
        assert_eq!((fs::read(&from).unwrap(), fs::read(&to).unwrap()), (plain.into(), there.to_vec()));
    };
    let gzip = |text: &str| {
        let mut bytes = Vec::new();
        flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::best()).read_to_end(&mut bytes).unwrap();
        bytes
    };
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 5).unwrap();
    for how in [Compressor::Gzip(6), Compressor::Zstd(3), sh("gzip")] {
        check("abc", &gzip("abc"), how.clone(), true);
        check("abc", &zstd("abc"), how.clone(), true);
        check("abc", &[gzip("a"), gzip("bc")].concat(), how.clone(), true);
        check("abc", &gzip("abd"), how.clone(), false);
        check("abc", &gzip("abcd"), how.clone(), false);
        check("abc", &gzip("ab"), how.clone(), false);
        check("abc", &gzip("abc")[..15], how.clone(), false);
        check("abc", &zstd("ab"), how.clone(), false);
        check("abc", b"abc", how.clone(), false);
        check("abc", b"", how, false);
    }
    // What only the command knows is made again.
    check("abc", b"bcd", sh("tr a-c b-d"), true);
    check("abc", b"bce", sh("tr a-c b-d"), false);
}

#[test]
fn an_interrupted_compression_is_made_again() {
    for how in [Compressor::Gzip(6), sh("gzip")] {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.log.1"), folder.path().join("a.log.1.gz"));
        fs::write(&from, "text").unwrap();
        fs::write(folder.path().join(".a.log.1.gz.tmp"), "half of an earlier run, and longer than the new one")
            .unwrap();
        compress(&from, &to, &how).unwrap();
        assert_eq!(names(folder.path()), ["a.log.1", "a.log.1.gz"]);
        compress(&from, &to, &how).unwrap();
    }
}

#[test]
fn commands() {
    let check = |script: &str, want: Result<&str, &str>| {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("a.z"));
        fs::write(&from, "text").unwrap();
        let how = match script.strip_prefix("program ") {
            Some(program) => Compressor::of(program, &[], None),
            None => sh(script),
        };
        match (compress(&from, &to, &how), want) {
            (Ok(done), Ok(stderr)) => assert_eq!(done.stderr.replace(folder.path().to_str().unwrap(), ""), stderr),
            (Err(error), Err(end)) => {
                let begin = format!("failed to compress log {}: ", from.display());
                let said = error.to_string();
                let rest = said.strip_prefix(&begin).unwrap_or_else(|| panic!("{said}"));
                assert!(rest.starts_with(end), "{script}: {said}");
                assert_eq!(names(folder.path()), ["a"], "{script}");
            }
            (got, _) => panic!("{script}: {got:?}"),
        }
    };
    check("gzip", Ok(""));
    check("cat; echo $LOGROTATE_COMPRESSED_FILENAME >&2", Ok("/a\n"));
    check("gzip; exit 3", Err("exit status: 3"));
    check("gzip; echo no good >&2; exit 3", Err("exit status: 3"));
    check("kill -9 $$", Err("signal: 9"));
    check("true", Err("sh wrote nothing"));
    check("program /does/not/exist", Err("it could not be started"));
    // More than is kept; the command must not wait for us.
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a"), folder.path().join("a.z"));
    fs::write(&from, "text").unwrap();
    let done = compress(&from, &to, &sh("cat; yes | head -c 1000000 >&2")).unwrap();
    assert_eq!(done.stderr.len(), 64 * 1024);
}

#[test]
fn a_file_that_changes_meanwhile_is_kept_and_nothing_is_left_behind() {
    for change in ["echo more >>", "rm", "touch"] {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("a.z"));
        fs::write(&from, "text").unwrap();
        let error = compress(&from, &to, &sh(&format!("cat; {change} $LOGROTATE_COMPRESSED_FILENAME"))).unwrap_err();
        assert!(matches!(error, RotateError::Changed { .. }) || change == "rm", "{change}: {error}");
        assert_eq!(names(folder.path()), if change == "rm" { &[][..] } else { &["a"] }, "{change}");
    }
}

#[test]
fn a_command_becomes_the_user_it_shall_run_as() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can become somebody else");
        return;
    }
    let who = |switched: bool| {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("a.z"));
        fs::write(&from, "text").unwrap();
        [folder.path(), &from].into_iter().for_each(|path| chown(path, Some(1234), Some(2345)).unwrap());
        let script = "id -u >&2; id -g >&2; id -G >&2; gzip";
        let options = vec!["-c".to_owned(), script.to_owned()];
        let how = Compressor::Command { program: "sh".to_owned(), options, run_as: Some((1234, 2345)) };
        // In a thread of its own: the switch is the thread's.
        let run = || {
            if switched {
                let (uid, gid) = (Uid::from_raw(1234), Gid::from_raw(2345));
                rustix::thread::set_thread_res_gid(None, gid, None).unwrap();
                rustix::thread::set_thread_res_uid(None, uid, None).unwrap();
            }
            compress(&from, &to, &how).unwrap().stderr
        };
        std::thread::scope(|scope| scope.spawn(run).join().unwrap())
    };
    assert_eq!([who(false), who(true)], ["1234\n2345\n2345\n"; 2]);
}

#[test]
fn many_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let jobs: Vec<(PathBuf, PathBuf)> = (0..100)
        .map(|n| {
            let to = if n % 3 == 0 { other.path() } else { folder.path() };
            (folder.path().join(format!("{n}.log.1")), to.join(format!("{n}.log.1.gz")))
        })
        .collect();
    let plain = |n: usize| text(if n == 50 { 5 * MEMBER } else { n * 10 });
    jobs.iter().enumerate().for_each(|(n, (from, _))| fs::write(from, plain(n)).unwrap());
    fs::remove_file(&jobs[7].0).unwrap();
    fs::write(&jobs[8].1, "something else").unwrap();
    let results = compress_all(&jobs, &Compressor::Gzip(6));
    assert_eq!(results.len(), jobs.len());
    for (n, (result, (from, to))) in results.into_iter().zip(&jobs).enumerate() {
        match (n, result) {
            (7, Err(RotateError::OpenPlain { path, .. })) => assert_eq!(&path, from),
            (8, Err(RotateError::Differs { path, .. })) => assert_eq!(&path, from),
            (_, Ok(done)) => {
                assert_eq!(done.before, plain(n).len() as u64);
                let mut got = Vec::new();
                flate2::read::MultiGzDecoder::new(File::open(to).unwrap()).read_to_end(&mut got).unwrap();
                assert!(got == plain(n), "{n}");
            }
            (n, result) => panic!("{n}: {result:?}"),
        }
    }
    assert!(names(folder.path()).iter().all(|name| !name.starts_with('.')));
    assert!(compress_all(&[], &Compressor::Gzip(6)).is_empty());
}

#[test]
fn a_hole_is_so_many_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a"), folder.path().join("a.gz"));
    std::os::unix::fs::FileExt::write_all_at(&File::create(&from).unwrap(), b"line\n", 20 << 20).unwrap();
    compress(&from, &to, &Compressor::Gzip(6)).unwrap();
    let script = "zcat < \"$1\" | cmp - \"$2\"";
    let status = Command::new("sh").args(["-c", script, "sh"]).args([&to, &from]).stdout(Stdio::null()).status();
    assert!(status.unwrap().success());
}
