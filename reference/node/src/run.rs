//! The life of the process: configuration, store, servers, signals, shutdown.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
use carnet_https::{Reload, Server};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::api::{self, Api};
use crate::config::{ConfigError, Installed};
use crate::log::{self, Chain};
use crate::node::{Node, UnderWay};
use crate::pool::Pool;
use crate::process;
use crate::pull;
use crate::ready::Ready;
use crate::receive::Receiver;
use crate::send::{Outbox, Settled};
use crate::terms::Terms;
use crate::worker::{Library, Worker};

/// Runs a node: receives, keeps, acts on and sends messages until a signal stops it.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The node's configuration, see docs/node.md
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Read the configuration and everything it names, say what is wrong, and run nothing
    #[arg(long)]
    pub check: bool,
}

/// Why a node ended otherwise than by a signal.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log cannot be begun.
    #[error("got a log filter that cannot be read")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Identity or trust cannot be used.
    #[error(transparent)]
    Tls(#[from] carnet_https::TlsError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] carnet_store::OpenError),
    /// A port cannot be listened on.
    #[error(
        "failed to listen on {address}: {source}\nhelp: another process may use the port; port 0 takes any free one"
    )]
    Listen {
        address: std::net::SocketAddr,
        #[source]
        source: std::io::Error,
    },
    /// The system refuses something else.
    #[error("failed to {what}: {source}")]
    System {
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
}

impl Ended {
    fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Filter(_) | Self::Tls(_) => 2,
            Self::Store(_) | Self::Listen { .. } | Self::System { .. } => 1,
        }
    }
}

/// Runs a node until a signal stops it, or checks its configuration.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "a command consumes its arguments")]
pub fn run(args: Args) -> ExitCode {
    let ended = Installed::read(&args.config).map_err(Ended::from).and_then(|installed| {
        if args.check {
            return check(&installed);
        }
        log::start(&installed.file.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(available_parallelism().div_ceil(2))
            .max_blocking_threads(64)
            .thread_name("node")
            .build()
            .map_err(|source| Ended::System { what: "start its threads", source })?;
        runtime.block_on(serve(&args.config, installed))
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(ended) => {
            // The last thing a node can say; without a reader the exit code says it.
            let _ = writeln!(std::io::stderr(), "error: {}", Chain(&ended));
            ExitCode::from(ended.code())
        }
    }
}

/// Processors that this process may use. Half of them are enough to move bytes: what costs time is done by the pool's
/// threads, one for each, and with as many again the two kinds only take turns.
fn available_parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Builds everything that can be wrong without the network, and only looks at the store.
fn check(installed: &Installed) -> Result<(), Ended> {
    Server::check(&installed.server_tls())?;
    Terms::new(installed)?;
    carnet_store::check(&installed.store)?;
    let partners: Vec<&str> = installed.partners.keys().map(String::as_str).collect();
    let pmodes = installed.pmodes.iter().count();
    let _ = writeln!(
        std::io::stdout(),
        "configuration of {} is good: {} P-Modes with {}",
        installed.us.value(),
        pmodes,
        if partners.is_empty() { "nobody".to_owned() } else { partners.join(", ") }
    );
    Ok(())
}

async fn serve(config: &Path, mut installed: Installed) -> Result<(), Ended> {
    let system = |what| move |source| Ended::System { what, source };
    let mut signals = Signals::new().map_err(system("listen to signals"))?;
    let spool = carnet_store::SpoolConfig {
        reserve: installed.file.store.reserve_bytes,
        ..carnet_store::SpoolConfig::default()
    };
    let opened =
        carnet_store::open(&installed.store, carnet_store::Config { spool, ..carnet_store::Config::default() })?;
    if opened.swept > 0 {
        tracing::info!(files = opened.swept, "removed payload files that no message names");
    }
    let library = Library::new(installed.packs.take());
    let threads = match installed.file.workers.threads {
        0 => available_parallelism(),
        threads => threads,
    };
    let pool = Pool::start(threads, installed.file.workers.queue, move || Worker::new(Arc::clone(&library)));
    let node = Arc::new(Node {
        terms: ArcSwap::from_pointee(Terms::new(&installed)?),
        store: opened.store,
        spool: opened.spool,
        pool: pool.map_err(system("start its worker threads"))?,
        arrived: Notify::new(),
        outbox: Notify::new(),
        pull: Notify::new(),
        backlog: AtomicBool::new(false),
        under_way: UnderWay::default(),
        settled: Settled::default(),
        sends: installed.file.workers.sends,
        registry: installed.file.registry.enabled,
        country: installed.country.clone(),
    });
    let server = Server::bind(installed.listen, &installed.server_tls(), installed.server_limits());
    let server = server.map_err(|source| Ended::Listen { address: installed.listen, source })?;
    let api_listener = api::listen(installed.api).await;
    let api_listener = api_listener.map_err(|source| Ended::Listen { address: installed.api, source })?;
    let (as4, api) = (server.local_addr(), api_listener.local_addr());
    let (as4, api) = (as4.map_err(system("learn its port"))?, api.map_err(system("learn its port"))?);
    let (stop_server, reload) = (server.stop(), server.reload());
    let (stop, stopped) = watch::channel(false);
    let patience = installed.file.limits.shutdown_timeout;

    let outbox = Outbox::new(Arc::clone(&node));
    let sending = tokio::spawn(Arc::clone(&outbox).run(stopped.clone(), patience));
    let acting = tokio::spawn(process::run(Arc::clone(&node), Arc::clone(&outbox), stopped.clone()));
    let pulling = tokio::spawn(pull::run(Arc::clone(&node), stopped.clone(), patience));
    let token = carnet_wire::digest::sha256(installed.token.as_bytes());
    let api_state = Api { node: Arc::clone(&node), outbox, token };
    let asked = tokio::spawn(api::serve(api_listener, api_state, stopped));
    let receiver = Arc::new(Receiver { node: Arc::clone(&node), path: installed.path.clone() });
    let receiving = tokio::spawn(server.serve(receiver));

    let said = Ready {
        event: "ready",
        format: 1,
        party: installed.us.value(),
        pid: std::process::id(),
        as4,
        path: &installed.path,
        api,
    };
    let ready = said.say(installed.ready_file.as_deref()).map_err(system("write the ready file"))?;
    tracing::info!(party = installed.us.value(), %as4, %api, "serving");

    while signals.reload_or_stop().await {
        again(config, &installed, &node, &reload);
    }

    tracing::info!("stopping");
    drop(ready);
    stop_server.stop();
    stop.send_replace(true);
    node.settled.close();
    let ended = async {
        // What a task could not finish it has logged itself.
        let _ = tokio::join!(receiving, asked, acting, sending, pulling);
    };
    if tokio::time::timeout(patience * 2, ended).await.is_err() {
        tracing::warn!("left work unfinished; the store holds what was acknowledged");
    }
    let stopping = Arc::clone(&node);
    // Waits for the jobs under way, off the async workers.
    let _ = tokio::task::spawn_blocking(move || stopping.pool.stop()).await;
    tracing::info!("stopped");
    Ok(())
}

/// Reads the configuration again and puts in force what can change while the node runs.
fn again(config: &Path, started: &Installed, node: &Node, reload: &Reload) {
    let applied = Installed::read(config).map_err(Ended::from).and_then(|mut installed| {
        let fixed = keep_fixed(started, &mut installed);
        let terms = Terms::new(&installed)?;
        reload.apply(&installed.server_tls(), installed.server_limits())?;
        Ok((fixed, terms, installed.partners.len()))
    });
    match applied {
        Ok((fixed, terms, partners)) => {
            for table in fixed {
                tracing::warn!(table, "a change needs a restart and was left as it was");
            }
            node.terms.store(Arc::new(terms));
            node.pull.notify_one();
            tracing::info!(partners, "put the new configuration in force");
        }
        Err(error) => tracing::error!(error = %Chain(&error), "kept the old configuration: the new one cannot be used"),
    }
}

/// Puts back what a running node does not change; the names of what was another.
fn keep_fixed(started: &Installed, installed: &mut Installed) -> Vec<&'static str> {
    let (before, now) = (&started.file, &installed.file);
    let fixed = [
        ("[party]", installed.us != started.us),
        ("[listen]", (installed.listen, &installed.path) != (started.listen, &started.path)),
        ("[store]", (&installed.store, now.store.reserve_bytes) != (&started.store, before.store.reserve_bytes)),
        ("[api]", (installed.api, &installed.token) != (started.api, &started.token)),
        ("[workers]", now.workers != before.workers),
        ("[limits] connections", now.limits.connections != before.limits.connections),
        ("[limits] handshakes", now.limits.handshakes != before.limits.handshakes),
        (
            "[registry]",
            (now.registry.enabled, &installed.country, &installed.pack_folders)
                != (before.registry.enabled, &started.country, &started.pack_folders),
        ),
        ("[log]", (now.log.format, now.log.filter.get_ref()) != (before.log.format, before.log.filter.get_ref())),
        ("ready_file", installed.ready_file != started.ready_file),
    ];
    installed.us = started.us.clone();
    installed.file.workers = started.file.workers;
    fixed.into_iter().filter(|(_, changed)| *changed).map(|(table, _)| table).collect()
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// True for a reload, false for a stop.
    async fn reload_or_stop(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => false,
            _ = self.interrupt.recv() => false,
            reload = self.hangup.recv() => reload.is_some(),
        }
    }
}
