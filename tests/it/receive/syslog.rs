//! Syslog, which has no passwords: who may send, how many at once, and for how long nothing may come.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use crate::home::{Daemon, PATIENCE, wait_until};
use crate::receive::{arrived, home};
use crate::ship::lines::free_port;

/// Whether the other side ended the connection, as far as one look tells.
fn is_over(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0; 16]);
    stream.set_nonblocking(false).unwrap();
    !matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

fn count(daemon: &Daemon<'_>, protocol: &str, outcome: &str) -> u64 {
    daemon.status()["received"]["entries"][protocol][outcome].as_u64().unwrap_or(0)
}

#[test]
fn only_networks_that_are_named_may_send() {
    let port = free_port();
    let home = home(&format!(
        "syslog = [\"udp://127.0.0.1:{port}\", \"tcp://127.0.0.1:{port}\"]\nsyslog_from = [\"10.0.0.0/8\", \"127.0.0.2\"]\n"
    ));
    let daemon = home.run();
    let send = |from: &str, message: &str| {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.send_to(message.as_bytes(), ("127.0.0.1", port)).unwrap();
    };
    send("127.0.0.1", "<13>Nov 24 06:00:00 h app: from elsewhere");
    send("127.0.0.2", "<13>Nov 24 06:00:00 h app: from a friend");
    arrived(&home, "\"from a friend\"", 1);
    wait_until("the datagram is refused", || count(&daemon, "syslog_udp", "refused") == 1);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    wait_until("the connection is ended", || is_over(&mut stream));
    assert_eq!(count(&daemon, "syslog_tcp", "refused"), 1);
    // A reload lets others in.
    let config = std::fs::read_to_string(home.path("config/logmill.toml")).unwrap();
    home.write("config/logmill.toml", &config.replace("127.0.0.2", "127.0.0.0/8"));
    daemon.signal("HUP");
    wait_until("it is let in", || {
        send("127.0.0.1", "<13>Nov 24 06:00:00 h app: from here");
        !home.search("\"from here\"").is_empty()
    });
    assert!(home.search("\"from elsewhere\"").is_empty());
}

#[test]
fn no_more_connections_than_are_allowed() {
    let check = |setting: &str, outcome: &str| {
        let port = free_port();
        let home = home(&format!("syslog = [\"tcp://127.0.0.1:{port}\"]\n{setting}\n"));
        let daemon = home.run();
        let send = |stream: &mut TcpStream, message: &str| {
            let _ = stream.write_all(format!("<13>Nov 24 06:00:00 h app: {message}\n").as_bytes());
        };
        let mut streams: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
        streams.iter_mut().enumerate().for_each(|(n, stream)| send(stream, &format!("among {n} the first")));
        arrived(&home, "\"the first\"", 2);
        let mut third = TcpStream::connect(("127.0.0.1", port)).unwrap();
        wait_until("the third is ended", || is_over(&mut third));
        assert_eq!(count(&daemon, "syslog_tcp", outcome), 1, "{setting}");
        // The others go on, and where one has left there is room.
        send(&mut streams[1], "still here");
        arrived(&home, "\"still here\"", 1);
        streams.remove(0);
        wait_until("there is room", || {
            let mut next = TcpStream::connect(("127.0.0.1", port)).unwrap();
            send(&mut next, "in its place");
            drop(next);
            !home.search("\"in its place\"").is_empty()
        });
    };
    check("syslog_connections = 2", "refused");
    check("client_requests = 2", "slowed_down");
}

#[test]
fn who_says_nothing_or_never_ends_is_cut_off() {
    let port = free_port();
    let home = home(&format!("syslog = [\"tcp://127.0.0.1:{port}\"]\nsyslog_idle = \"2s\"\n"));
    let daemon = home.run();
    let connect = || TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut silent = connect();
    wait_until("the silent one is ended", || is_over(&mut silent));
    // Bytes come all the time, and the message never is whole.
    let check = |head: &str| {
        let mut trickle = connect();
        trickle.set_write_timeout(Some(PATIENCE)).unwrap();
        trickle.write_all(head.as_bytes()).unwrap();
        wait_until("the trickle is ended", || {
            std::thread::sleep(Duration::from_millis(20));
            trickle.write_all(b"x").is_err() || is_over(&mut trickle)
        });
    };
    check("<13>Nov 24 06:00:00 h app: begun and ");
    check("99999 <13>Nov 24 06:00:00 h app: counted and ");
    // What is there of a line is a message; of one that says its length nothing is.
    arrived(&home, "\"begun and\"", 1);
    assert!(home.search("\"counted and\"").is_empty());
    // Who sends whole messages stays, however slowly they come.
    let mut steady = connect();
    for n in 0..8 {
        steady.write_all(format!("<13>Nov 24 06:00:00 h app: steady {n}\n").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    arrived(&home, "steady", 8);
    drop((silent, steady, daemon));
}
