//! `logmill run`: everything started, signals obeyed, everything stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::config::{Config, Loaded};
use crate::daemon::alerting::{self, keep_watch};
use crate::daemon::archiving::{Archiving, archive_of};
use crate::daemon::engine::{Engine, guarded, spawn};
use crate::daemon::face::Face;
use crate::daemon::health::Doctor;
use crate::daemon::metrics::keep_looking;
use crate::daemon::partitions::{Needs, keep_sealing};
use crate::daemon::receiving::Receiving;
use crate::daemon::reload::Reloading;
use crate::daemon::rotation::{Rotating, keep_house};
use crate::daemon::serving::{self, keep_following};
use crate::daemon::shipping::Shipping;
use crate::http::{Tails, bind_control, control_router, router};
use crate::sys::notify::Supervisor;
use crate::sys::process::raise_file_limit;

/// How the command line changes the configuration; a reload applies it again.
pub type Adjust = Arc<dyn Fn(&mut Config) + Send + Sync>;

/// Runs until SIGTERM or SIGINT. `path` is the main file, for reloads.
pub fn run(loaded: Loaded, path: Option<PathBuf>, adjust: Adjust) -> anyhow::Result<()> {
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anybody reads the journal.
    let (receiving, work) = Receiving::new(&loaded)?.unzip();
    let engine = Engine::start(loaded.clone(), true)?;
    let (commands, waker) = engine.teller();
    let house_stops = Arc::new(AtomicBool::new(false));
    let shipping = Shipping::new(&engine);
    let archive = archive_of(&engine);
    let rotating = Rotating::new(&engine, archive.clone(), commands.clone(), waker.clone());
    let archiving = Archiving::new(&engine, archive, rotating.clone());
    let needs = Needs { sinks: shipping.sinks.clone(), archive: archiving.archive.clone() };
    let house = {
        let (rotating, needs, stops) = (rotating.clone(), needs.clone(), house_stops.clone());
        spawn("house", move || keep_house(&rotating, &needs, &stops))?
    };
    let sealer = {
        let (shared, current, board) = (engine.shared.clone(), engine.current.clone(), engine.board.clone());
        let (needs, stops) = (needs.clone(), house_stops.clone());
        spawn("seal", move || keep_sealing(&shared, &current, &needs, &board, &stops))?
    };
    let ship = {
        let (shipping, stops) = (shipping.clone(), house_stops.clone());
        spawn("ship", guarded("ship", &engine.board, &house_stops, move || shipping.run(&stops)))?
    };
    let receiver = match (&receiving, work) {
        (Some(receiving), Some(work)) => {
            let (receiving, board, stops) = (receiving.clone(), engine.board.clone(), house_stops.clone());
            let run = move || receiving.run(work, &board, &stops);
            Some(spawn("receive", guarded("receive", &engine.board, &house_stops, run))?)
        }
        _ => None,
    };
    let archiver = {
        let (archiving, stops) = (archiving.clone(), house_stops.clone());
        spawn("archive", guarded("archive", &engine.board, &house_stops, move || archiving.run(&stops)))?
    };
    let looker = {
        let (numbers, current, board) = (engine.numbers.clone(), engine.current.clone(), engine.board.clone());
        let stops = house_stops.clone();
        spawn("host", move || keep_looking(&numbers, &current, &board, &stops))?
    };
    let supervisor = Arc::new(Supervisor::find().unwrap_or_else(|error| {
        tracing::warn!("systemd will not hear of us: NOTIFY_SOCKET: {error}");
        Supervisor::default()
    }));
    let reloading = Reloading {
        current: engine.current.clone(),
        board: engine.board.clone(),
        commands: commands.clone(),
        waker: waker.clone(),
        path,
        adjust,
        supervisor: supervisor.clone(),
    };
    let desk = alerting::desk(&engine);
    let watch = {
        let (desk, stops) = (desk.clone(), house_stops.clone());
        spawn("alert", move || keep_watch(&desk, &stops))?
    };
    let face = Arc::new(Face {
        desk,
        board: engine.board.clone(),
        shared: engine.shared.clone(),
        current: engine.current.clone(),
        rotating,
        shipping,
        receiving,
        archiving: archiving.clone(),
        needs,
        commands,
        waker,
        numbers: engine.numbers.clone(),
        tails: Tails::new(engine.shared.clone()),
        doctor: Doctor::new(engine.board.clone(), engine.shared.clone(), engine.current.clone(), archiving.archive),
        reloading,
        started: Instant::now(),
    });
    let follower = {
        let (face, stops) = (face.clone(), house_stops.clone());
        spawn("follow", move || keep_following(&face.tails, &face.board, &stops))?
    };
    let served = runtime.block_on(serve(&engine, &loaded, &face, &supervisor));
    supervisor.stopping();
    house_stops.store(true, Ordering::Release);
    let socket = loaded.config.control_socket();
    let deadline = loaded.config.shutdown.deadline.0;
    let begun = Instant::now();
    let clean = engine.stop(deadline);
    // A script may take its time; what it was started for is done by the next run.
    let threads = [house, sealer, looker, follower, watch, ship, archiver];
    for thread in threads.into_iter().chain(receiver) {
        join_until(thread, begun + deadline);
    }
    let _ = std::fs::remove_file(&socket);
    tracing::info!(seconds = begun.elapsed().as_secs_f64(), "stopped");
    served?;
    anyhow::ensure!(clean, "not everything could be committed; it is read again at the next start");
    Ok(())
}

/// Waits for a thread to end, but not for ever.
fn join_until(thread: thread::JoinHandle<()>, deadline: Instant) {
    while !thread.is_finished() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    if thread.is_finished() {
        let _ = thread.join();
    }
}

/// Serves until a signal ends it.
async fn serve(engine: &Engine, loaded: &Loaded, face: &Arc<Face>, supervisor: &Supervisor) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let servers = listen(loaded, face.clone()).await?;
    supervisor.ready();
    tracing::info!(data = %loaded.config.data_dir.display(), pipelines = loaded.pipelines.len(), "running");
    let mut pulse = tokio::time::interval(Duration::from_millis(500));
    let mut dead = None;
    let mut look: Option<JoinHandle<()>> = None;
    while dead.is_none() {
        tokio::select! {
            _ = pulse.tick() => {
                dead = engine.board.lock().dead;
                // The disk may take its time; then the last look counts, and says how old it is.
                if look.as_ref().is_none_or(JoinHandle::is_finished) {
                    let doctor = face.doctor.clone();
                    look = Some(tokio::task::spawn_blocking(move || doctor.look()));
                }
                report(&face.doctor, supervisor);
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                let reloading = face.reloading.clone();
                // What is wrong is on the board, and in the log.
                let _ = tokio::task::spawn_blocking(move || reloading.reload()).await;
            }
        }
    }
    servers.iter().for_each(JoinHandle::abort);
    match dead {
        // Whoever started us can start us again; what was not committed is read again.
        Some(name) => anyhow::bail!("the {name} thread has died"),
        None => Ok(()),
    }
}

/// Opens the doors.
async fn listen(loaded: &Loaded, face: Arc<Face>) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let socket = loaded.config.control_socket();
    let control = bind_control(&socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    let mut servers = Vec::new();
    if let Some(address) = loaded.http {
        let listener = tokio::net::TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {address}; name another address with --http, or none with --http off")
        })?;
        let address = listener.local_addr()?;
        tracing::info!(%address, "http");
        std::fs::write(loaded.config.data_dir.join("http.addr"), address.to_string())?;
        let router = router(face.clone(), address);
        servers.push(tokio::spawn(serving::serve(listener, move |_: &_| router.clone(), serving::plain)));
    }
    if let Some(receiving) = &face.receiving {
        servers.extend(receiving.listen(loaded, &face.current).await?);
    }
    // Whoever gets an answer here finds all the other doors open.
    let router = control_router(face);
    let open = |stream| std::future::ready(Ok(stream));
    servers.push(tokio::spawn(serving::serve(control, move |_: &_| router.clone(), open)));
    Ok(servers)
}

/// Tells the supervisor how we are.
fn report(doctor: &Doctor, supervisor: &Supervisor) {
    if supervisor.watchdog().is_some() && doctor.health().live {
        supervisor.alive();
    }
}
