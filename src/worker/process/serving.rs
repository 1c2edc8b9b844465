//! The worker's own process: requests from stdin, events to stdout. It ends when it is asked to, and saves what runs where
//! the other end is closed or the system asks it to end.

use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Stdout, Write};
use std::sync::Arc;
use std::thread::Builder;

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, select};

use super::super::protocol::{Event, Request};
use super::super::start;
use super::hand_over::{Exchange, Offer};
use super::wire::{self, FromWorker, ToWorker};

/// The start of this program's own log targets.
const OWN_TARGET: &str = "hydra_studio";

/// Serves the window whose process started this one; returns when there is nothing more to do.
///
/// # Errors
/// When no window is on the other end, or the system refuses a thread.
pub fn serve() -> anyhow::Result<()> {
    if io::stdin().is_terminal() {
        anyhow::bail!("this is what the window starts as its engine: start `hydra-studio` without a command");
    }
    let mut input = BufReader::new(io::stdin());
    let (paths, hand_over) = match wire::read(&mut input).context("the window's first message cannot be read")? {
        Some(ToWorker::Begin { paths, hand_over }) => (paths, hand_over),
        Some(_) => anyhow::bail!("the window did not say where to begin: start `hydra-studio` without a command"),
        // The window was closed before there was anything to do.
        None => return Ok(()),
    };
    let log = install_log();
    let (exchange, offers) = Exchange::new();
    let worker = start(&paths, Arc::new(|| {}), Some(exchange.clone()), hand_over.map(|hand_over| *hand_over))?;
    save_at_signals(worker.requests.clone());
    // This end is kept: without it the channel would be closed, and every wait for a release over, once the input ends.
    let (release, released) = crossbeam_channel::bounded(1);
    let to_release = release.clone();
    Builder::new()
        .name("hydra-input".into())
        .spawn(move || take_messages(&mut input, &worker.requests, &exchange, &to_release))?;
    Outlet { out: BufWriter::new(io::stdout()), is_open: true }.run(&worker.events, &offers, &log, &released);
    drop(release);
    Ok(())
}

/// Has what runs saved where the system asks this process to end, as it does at the end of a user's session, and where
/// Ctrl-C in a terminal reaches it beside the window.
fn save_at_signals(requests: Sender<Request>) {
    let installed = ctrlc::set_handler(move || {
        // Without its receiver the end is on its way.
        let _ = requests.send(Request::Shutdown);
    });
    if let Err(error) = installed {
        log::warn!("a run is not saved when the system asks the engine to end: {error}");
    }
}

/// Passes on what comes in until nothing more can. The window's end, asked for or not, is that of the worker.
fn take_messages(input: &mut impl Read, requests: &Sender<Request>, exchange: &Exchange, release: &Sender<()>) {
    loop {
        let request = match wire::read(input) {
            Ok(Some(ToWorker::Request(request))) => *request,
            Ok(Some(ToWorker::Keep)) => {
                exchange.refuse();
                continue;
            }
            Ok(Some(ToWorker::Release)) => {
                // There is room for the one there is.
                let _ = release.send(());
                return;
            }
            Ok(Some(ToWorker::Begin { .. }) | None) => Request::Shutdown,
            Err(error) => {
                log::error!("the window said something that cannot be read: {error}");
                Request::Shutdown
            }
        };
        let is_last = request == Request::Shutdown;
        if requests.send(request).is_err() || is_last {
            return;
        }
    }
}

/// What leaves this process.
struct Outlet {
    out: BufWriter<Stdout>,
    /// Whether anybody reads it.
    is_open: bool,
}

impl Outlet {
    /// Writes events, offers and what is logged, until the worker has ended or was told to leave everything as it is.
    fn run(
        mut self,
        events: &Receiver<Event>,
        offers: &Receiver<Offer>,
        log: &Receiver<FromWorker>,
        released: &Receiver<()>,
    ) {
        loop {
            select! {
                recv(events) -> event => match event {
                    Ok(event) => {
                        if self.tell(event) {
                            break;
                        }
                    }
                    Err(_) => break,
                },
                recv(offers) -> offer => {
                    // What was told before comes first.
                    let is_over = events.try_iter().any(|event| self.tell(event));
                    if let (Ok(Offer { taken, hand_over }), false) = (offer, is_over) {
                        self.write(&FromWorker::Offer { taken, hand_over });
                    }
                },
                recv(log) -> line => {
                    line.iter().for_each(|line| self.write(line));
                },
                recv(released) -> _ => return,
            }
            if events.is_empty() {
                self.flush();
            }
        }
        log.try_iter().for_each(|line| self.write(&line));
        self.flush();
    }

    /// Writes an event; gives back whether it is the last.
    fn tell(&mut self, event: Event) -> bool {
        let is_last = event == Event::ShutDown;
        self.write(&FromWorker::Event(Box::new(event)));
        is_last
    }

    fn write(&mut self, message: &FromWorker) {
        let frame = match wire::frame(message) {
            Ok(frame) => frame,
            Err(error) => {
                let message = format!("the engine has something to say that cannot be written: {error}");
                return self.write(&FromWorker::Event(Box::new(Event::Warning { message })));
            }
        };
        self.is_open = self.is_open && self.out.write_all(&frame).is_ok();
        if let (false, FromWorker::Log { text, .. }) = (self.is_open, message) {
            // Nobody is left to be told should stderr be closed too.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    fn flush(&mut self) {
        self.is_open = self.is_open && self.out.flush().is_ok();
    }
}

/// Hands what is logged to the window: errors, and this program's own warnings.
struct WireLog {
    lines: Sender<FromWorker>,
}

impl log::Log for WireLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let is_own = metadata.target().starts_with(OWN_TARGET);
        metadata.level() <= if is_own { log::Level::Warn } else { log::Level::Error }
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let is_error = record.level() == log::Level::Error;
            // The receiver lives as long as the process serves.
            let _ = self.lines.send(FromWorker::Log { is_error, text: record.args().to_string() });
        }
    }

    fn flush(&self) {}
}

fn install_log() -> Receiver<FromWorker> {
    let (lines, receiver) = crossbeam_channel::unbounded();
    if log::set_boxed_logger(Box::new(WireLog { lines })).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
    receiver
}
