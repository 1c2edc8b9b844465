//! Logits and gates of given tokens, written to a safetensors file row by row.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use candle_core::Tensor;
use serde_json::{Map, json};

use crate::adapter::{Adapter, GateCapture, Module, Pass};
use crate::disk::write_atomic_with;
use crate::figures::count;
use crate::job::Job;
use crate::model::{Decoder, Sequences};
use crate::text::TokenizedExample;
use crate::train::TrainError;

/// Tokens whose logits are computed at once: with a vocabulary of 150,000 they take 80 MB.
const SLICE: usize = 128;

/// Computes every row, each by itself from its first token, and writes `logits` [rows, tokens, vocab] and, with an
/// adapter, `gates.<module>` [rows, tokens, heads], all f32, to the safetensors file `out`, in place of one that may be
/// there. Rows must be of one length. Only the gates of all rows are held in memory, never the logits.
///
/// # Errors
/// When the job is cancelled, the computation fails, or the disk refuses; `out` is then as it was.
pub fn write_forward(
    decoder: &Decoder,
    adapter: Option<&Adapter>,
    rows: &[TokenizedExample],
    out: &Path,
    job: &Job,
) -> Result<(), TrainError> {
    // The writer's own error type is for the disk alone; what else goes wrong is carried past it here.
    let mut failure = None;
    let written = write_atomic_with(out, |file| {
        let mut forward = Forward { decoder, adapter, gates: BTreeMap::new() };
        file.write_all(&forward.header(rows)?)?;
        for (done, row) in rows.iter().enumerate() {
            job.progress(
                done as f32 / rows.len() as f32,
                format!("Computing row {} of {}", count(done + 1), count(rows.len())),
            );
            forward.row(&row.ids, file, job).map_err(|stopped| stopped.carried(&mut failure))?;
        }
        forward.gates.values().try_for_each(|gates| write_floats(file, gates))
    });
    match failure {
        Some(failure) => Err(failure),
        None => Ok(written?),
    }
}

/// Why a row was not written.
enum Stopped {
    Disk(io::Error),
    Other(TrainError),
}

impl Stopped {
    fn carried(self, failure: &mut Option<TrainError>) -> io::Error {
        match self {
            Self::Disk(error) => error,
            Self::Other(error) => {
                *failure = Some(error);
                io::ErrorKind::Other.into()
            }
        }
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl<E: Into<TrainError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

struct Forward<'a> {
    decoder: &'a Decoder,
    adapter: Option<&'a Adapter>,
    /// Gates of the rows so far, per module.
    gates: BTreeMap<Module, Vec<f32>>,
}

impl Forward<'_> {
    /// The length and the JSON that open a safetensors file: names, shapes and places of all tensors, in the order in
    /// which they are written.
    fn header(&self, rows: &[TokenizedExample]) -> io::Result<Vec<u8>> {
        let (n, t) = (rows.len(), rows.first().map_or(0, |row| row.ids.len()));
        let logits = ("logits".to_owned(), [n, t, self.decoder.config().vocab]);
        let gates = self.adapter.iter().flat_map(|adapter| {
            adapter.modules().map(|module| (format!("gates.{module}"), [n, t, adapter.spec().heads]))
        });
        let mut header = Map::new();
        let mut start = 0u64;
        for (name, shape) in std::iter::once(logits).chain(gates) {
            let end = start + 4 * shape.iter().map(|size| *size as u64).product::<u64>();
            header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]}));
            start = end;
        }
        let mut text = serde_json::to_vec(&header)?;
        // Readers that map the file want the numbers aligned.
        text.resize(text.len().next_multiple_of(8), b' ');
        Ok([&(text.len() as u64).to_le_bytes(), text.as_slice()].concat())
    }

    fn row(&mut self, ids: &[u32], file: &mut dyn Write, job: &Job) -> Result<(), Stopped> {
        let capture = GateCapture::default();
        let pass =
            Pass { adapter: self.adapter, capture: self.adapter.is_some().then_some(&capture), ..Pass::default() };
        let hidden = self.decoder.hidden(ids, &Sequences::single(ids.len()), &pass, None)?;
        for start in (0..ids.len()).step_by(SLICE) {
            job.check()?;
            let hidden = hidden.narrow(0, start, SLICE.min(ids.len() - start))?;
            let logits: Tensor = self.decoder.logits(&hidden)?.flatten_all()?;
            write_floats(file, &logits.to_vec1::<f32>()?)?;
        }
        for (module, gates) in capture.take() {
            self.gates.entry(module).or_default().extend(gates);
        }
        Ok(())
    }
}

fn write_floats(file: &mut dyn Write, values: &[f32]) -> io::Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    file.write_all(&bytes)
}
