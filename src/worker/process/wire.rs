//! What passes between the two processes: messages in CBOR, each behind its length. CBOR names its fields, as serde's
//! attributes on them need, and keeps numbers that are not finite, which JSON does not.

use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::protocol::{Event, Request};
use super::hand_over::HandOver;
use crate::project::AppPaths;

/// From the window's process to the worker's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// The first message: where files lie, and what an earlier process held.
    Begin {
        paths: AppPaths,
        hand_over: Option<Box<HandOver>>,
    },
    Request(Box<Request>),
    /// What was offered is taken over: the process ends, and leaves everything as it is.
    Release,
    /// Nobody takes over what was offered: the process keeps it.
    Keep,
}

/// From the worker's process to the window's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromWorker {
    Event(Box<Event>),
    /// A warning or an error that was logged.
    Log {
        is_error: bool,
        text: String,
    },
    /// Nothing is under way after this many requests were taken, and another process may take over what is held.
    Offer {
        taken: u64,
        hand_over: Box<HandOver>,
    },
}

/// A message as it is sent.
///
/// # Errors
/// When serde cannot write it: a path that is no Unicode, say.
pub(super) fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size_of::<u32>()];
    ciborium::into_writer(message, &mut bytes).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - size_of::<u32>()).map_err(io::Error::other)?;
    for (byte, value) in bytes.iter_mut().zip(length.to_le_bytes()) {
        *byte = value;
    }
    Ok(bytes)
}

/// Reads the next message; `None` where the other process closed its end.
///
/// # Errors
/// When the message is cut off, or is none.
pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; size_of::<u32>()];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    let mut bytes = Vec::new();
    // Grows with what comes, not with what a damaged length promises.
    let came = input.take(length.into()).read_to_end(&mut bytes)?;
    if came as u64 != u64::from(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    ciborium::from_reader(bytes.as_slice()).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
