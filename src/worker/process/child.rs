//! A worker's process as the window's process holds it: threads that write what it is sent and read what it tells.

use std::io::{BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::super::ENGINE_VARIABLES;
use super::wire::{self, FromWorker, ToWorker};
use super::{COMMAND, HandOver};
use crate::project::AppPaths;

/// How long a process that has nothing to do any more may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What comes from a process.
pub(super) enum Told {
    Message(FromWorker),
    /// It has closed its end, and says no more.
    Gone,
}

/// A process of the worker.
pub(super) struct WorkerChild {
    /// Tells it apart from those before it.
    pub number: u64,
    /// Requests that it was sent.
    pub sent: u64,
    /// Whether it has said anything.
    pub has_spoken: bool,
    process: Child,
    frames: Option<Sender<Vec<u8>>>,
}

impl WorkerChild {
    /// Starts a process, which waits for its first message. What it tells goes to `told`, with its number.
    pub fn start(program: &Path, number: u64, told: &Sender<(u64, Told)>) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command.envs(ENGINE_VARIABLES.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
        let mut process = command.spawn()?;
        let (frames, waiting) = crossbeam_channel::unbounded();
        let threads = match (process.stdin.take(), process.stdout.take()) {
            (Some(input), Some(output)) => start_threads(number, input, output, waiting, told.clone()),
            _ => Err(std::io::Error::other("the process has no pipes")),
        };
        if let Err(error) = threads {
            // It was sent nothing; its pipes are closed, and it ends.
            let _ = process.kill().and_then(|()| process.wait());
            return Err(error);
        }
        Ok(Self { number, sent: 0, has_spoken: false, process, frames: Some(frames) })
    }

    /// Lets it begin.
    pub fn begin(&self, paths: &AppPaths, hand_over: Option<Box<HandOver>>) {
        if let Err(error) = self.send(&ToWorker::Begin { paths: paths.clone(), hand_over }) {
            log::error!("the engine could not begin: {error}");
        }
    }

    /// Sends a message. One for a process that is gone is lost with it.
    ///
    /// # Errors
    /// When the message cannot be written at all.
    pub fn send(&self, message: &ToWorker) -> std::io::Result<()> {
        let frame = wire::frame(message)?;
        if let Some(frames) = &self.frames {
            // Without its writer the process is gone, and that is told elsewhere.
            let _ = frames.send(frame);
        }
        Ok(())
    }

    /// Closes its input once all is written: it saves what runs, and ends.
    pub fn close_input(&mut self) {
        self.frames = None;
    }

    /// Waits until it has ended; it is about to. One that does not end is ended: what it had to save is saved.
    pub fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.close_input();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            sleep(Duration::from_millis(2));
        }
        self.process.kill()?;
        self.process.wait()
    }
}

fn start_threads(
    number: u64,
    input: ChildStdin,
    output: ChildStdout,
    frames: Receiver<Vec<u8>>,
    told: Sender<(u64, Told)>,
) -> std::io::Result<()> {
    Builder::new().name("hydra-to-worker".into()).spawn(move || write_frames(input, &frames))?;
    Builder::new().name("hydra-from-worker".into()).spawn(move || read_messages(number, output, &told))?;
    Ok(())
}

/// Writes what comes until nothing more can, or the process is gone.
fn write_frames(mut input: ChildStdin, frames: &Receiver<Vec<u8>>) {
    for frame in frames {
        if let Err(error) = input.write_all(&frame) {
            return log::debug!("the engine takes no more: {error}");
        }
    }
}

fn read_messages(number: u64, output: ChildStdout, told: &Sender<(u64, Told)>) {
    let mut output = BufReader::new(output);
    loop {
        let message = wire::read(&mut output).unwrap_or_else(|error| {
            log::error!("the engine said something that cannot be read: {error}");
            None
        });
        let is_last = message.is_none();
        let is_heard = told.send((number, message.map_or(Told::Gone, Told::Message))).is_ok();
        if is_last || !is_heard {
            return;
        }
    }
}
