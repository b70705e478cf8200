//! `logmill run`: everything started, signals obeyed, everything stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Loaded, load};
use crate::daemon::engine::{Engine, guarded, spawn};
use crate::daemon::face::Face;
use crate::daemon::partitions::keep_sealing;
use crate::daemon::rotation::{Rotating, keep_house};
use crate::daemon::shipping::Shipping;
use crate::http::{Backend, bind_control, control_router, router};
use crate::sys::process::raise_file_limit;

/// How the command line changes the configuration; a reload applies it again.
pub type Adjust = Arc<dyn Fn(&mut Config) + Send + Sync>;

/// Runs until SIGTERM or SIGINT. `path` is the main file, for reloads.
pub fn run(loaded: Loaded, path: Option<PathBuf>, adjust: Adjust) -> anyhow::Result<()> {
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let engine = Engine::start(loaded.clone(), true)?;
    let (commands, waker) = engine.teller();
    let rotating = Rotating::new(&engine, commands.clone(), waker.clone());
    let house_stops = Arc::new(AtomicBool::new(false));
    let shipping = Shipping::new(&engine);
    let house = {
        let (rotating, sinks, stops) = (rotating.clone(), shipping.sinks.clone(), house_stops.clone());
        spawn("house", move || keep_house(&rotating, &sinks, &stops))?
    };
    let sealer = {
        let (shared, current, board) = (engine.shared.clone(), engine.current.clone(), engine.board.clone());
        let (sinks, stops) = (shipping.sinks.clone(), house_stops.clone());
        spawn("seal", move || keep_sealing(&shared, &current, &sinks, &board, &stops))?
    };
    let ship = {
        let (shipping, stops) = (shipping.clone(), house_stops.clone());
        spawn("ship", guarded("ship", &engine.board, &house_stops, move || shipping.run(&stops)))?
    };
    let face = Arc::new(Face {
        board: engine.board.clone(),
        shared: engine.shared.clone(),
        current: engine.current.clone(),
        rotating,
        shipping,
        commands,
        waker,
        started: Instant::now(),
    });
    let served = runtime.block_on(serve(&engine, &loaded, face, path, &adjust));
    house_stops.store(true, Ordering::Release);
    let socket = loaded.config.control_socket();
    let deadline = loaded.config.shutdown.deadline.0;
    let begun = Instant::now();
    let clean = engine.stop(deadline);
    // A script may take its time; what it was started for is done by the next run.
    for thread in [house, sealer, ship] {
        join_until(thread, begun + deadline);
    }
    let _ = std::fs::remove_file(&socket);
    tracing::info!(seconds = begun.elapsed().as_secs_f64(), "stopped");
    served?;
    anyhow::ensure!(clean, "not everything could be committed; it is read again at the next start");
    Ok(())
}

/// Waits for a thread to end, but not for ever.
fn join_until(thread: JoinHandle<()>, deadline: Instant) {
    while !thread.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    if thread.is_finished() {
        let _ = thread.join();
    }
}

/// Serves until a signal ends it.
async fn serve(
    engine: &Engine,
    loaded: &Loaded,
    face: Arc<dyn Backend>,
    path: Option<PathBuf>,
    adjust: &Adjust,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let socket = loaded.config.control_socket();
    let control = bind_control(&socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    let control = axum::serve(control, control_router(face.clone()));
    let control = tokio::spawn(async move { control.await });
    let mut servers = vec![control];
    if let Some(address) = loaded.http {
        let listener = tokio::net::TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {address}; name another address with --http, or none with --http off")
        })?;
        let address = listener.local_addr()?;
        tracing::info!(%address, "http");
        std::fs::write(loaded.config.data_dir.join("http.addr"), address.to_string())?;
        let server = axum::serve(listener, router(face));
        servers.push(tokio::spawn(async move { server.await }));
    }
    tracing::info!(data = %loaded.config.data_dir.display(), pipelines = loaded.pipelines.len(), "running");
    let mut pulse = tokio::time::interval(Duration::from_millis(500));
    let mut dead = None;
    while dead.is_none() {
        tokio::select! {
            _ = pulse.tick() => dead = engine.board.lock().dead,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload(engine, path.clone(), adjust),
        }
    }
    servers.iter().for_each(|s| s.abort());
    match dead {
        // Whoever started us can start us again; what was not committed is read again.
        Some(name) => anyhow::bail!("the {name} thread has died"),
        None => Ok(()),
    }
}

/// Checks the new configuration as a whole; uses it, or keeps the old one and says why.
fn reload(engine: &Engine, path: Option<PathBuf>, adjust: &Adjust) {
    match load(path.as_deref(), |config| adjust(config)) {
        Ok(loaded) => {
            let fixed = changed_in_vain(&crate::daemon::index::lock(&engine.current).config, &loaded.config);
            if !fixed.is_empty() {
                let names = fixed.join(", ");
                tracing::warn!("{names}: used from the next start on; the rest of the configuration is used now");
            }
            engine.reload(loaded);
            tracing::info!("configuration reloaded");
        }
        Err(problems) => engine.board.error(
            crate::sys::clock::now(),
            format!("configuration not reloaded, the old one stays in use:\n{problems}"),
        ),
    }
}

/// Settings that differ and that a running daemon cannot change.
fn changed_in_vain(old: &Config, new: &Config) -> Vec<&'static str> {
    let settings = [
        ("data_dir", old.data_dir != new.data_dir),
        ("http", old.http != new.http),
        ("follow", old.follow != new.follow),
        ("store.partition_bytes", old.store.partition_bytes != new.store.partition_bytes),
        ("rotation.state", old.rotation_state() != new.rotation_state()),
    ];
    settings.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect()
}
