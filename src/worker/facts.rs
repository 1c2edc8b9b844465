//! What the window's estimates are made of, gathered on a thread of its own whenever model or data change: the window
//! hears of the model at once, and of the data when enough of it was read as the model reads it.

use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};
use std::thread::Builder;

use super::data::LoadedData;
use super::outbox::Outbox;
use super::protocol::{Event, Facts};
use super::session::Session;
use crate::data::DataError;
use crate::job::Job;
use crate::model::BaseModel;
use crate::train::estimate::{ExampleSize, LONGEST, SAMPLED};
use crate::train::{DataFacts, MachineFacts, ModelFacts};

/// The machine as it was measured, once: beside a run the measure would be wrong, and slow both.
static MACHINE: OnceLock<MachineFacts> = OnceLock::new();

/// The machine, where it was measured.
pub(super) fn known_machine() -> Option<MachineFacts> {
    MACHINE.get().cloned()
}

/// Takes over what another process measured.
pub(super) fn remember_machine(machine: MachineFacts) {
    MACHINE.get_or_init(|| machine);
}

impl Session {
    /// Gathers the facts anew, in place of what is being gathered.
    pub(super) fn refresh_facts(&mut self) {
        if let Some(earlier) = self.facts.take() {
            earlier.cancel();
        }
        let Some(model) = self.model.clone() else { return };
        let (data, outbox, job) = (self.data.clone(), self.around.outbox.clone(), Job::silent());
        self.facts = Some(job.clone());
        let gather = move || {
            // One that was cancelled has nothing to tell: a newer one does.
            let _ = gather(&model, data.as_ref(), &outbox, &job);
        };
        if let Err(error) = Builder::new().name("hydra-facts".into()).spawn(gather) {
            log::warn!("the system refused a thread for the estimate: {error}");
        }
    }
}

fn gather(model: &Arc<BaseModel>, data: Option<&LoadedData>, outbox: &Outbox, job: &Job) -> Result<(), DataError> {
    let model_facts = ModelFacts::of(model);
    let machine = MACHINE.get_or_init(MachineFacts::measure).now().with_run(model_facts.loaded_bytes);
    let facts = Facts { model: model_facts, data: None, machine };
    job.check()?;
    outbox.send(Event::Facts(facts.clone()));
    let Some(data) = data else { return Ok(()) };
    let data = data_facts(model, data, job)?;
    job.check()?;
    outbox.send(Event::Facts(Facts { data, ..facts }));
    Ok(())
}

/// Of the examples that a run trains on; `None` where the model cannot read any of those that were tried.
fn data_facts(model: &BaseModel, data: &LoadedData, job: &Job) -> Result<Option<DataFacts>, DataError> {
    let Ok(tokenizer) = model.tokenizer() else { return Ok(None) };
    let all = &data.imported.import.examples;
    let mut is_held_out = vec![false; all.len()];
    data.held_out.rows.iter().for_each(|row| {
        if let Some(mark) = is_held_out.get_mut(*row) {
            *mark = true;
        }
    });
    let train: Vec<usize> = (0..all.len()).filter(|row| is_held_out.get(*row) == Some(&false)).collect();
    let sizes = |rows: &[usize]| -> Result<Vec<ExampleSize>, DataError> {
        let mut sizes = Vec::with_capacity(rows.len());
        for example in all.iter_of(rows.iter().copied()) {
            job.check()?;
            let example = example?;
            let Ok(read) = tokenizer.encode_example(&example.messages, usize::MAX) else { continue };
            sizes.push(ExampleSize { tokens: read.ids.len(), supervised: read.supervised_count() });
        }
        Ok(sizes)
    };
    let taken = train.len().min(SAMPLED);
    let spread: Vec<usize> = (0..taken).filter_map(|i| train.get(i * train.len() / taken)).copied().collect();
    let sample = sizes(&spread)?;
    if sample.is_empty() {
        return Ok(None);
    }
    // Those of most text have about the most tokens, and reading all would take long.
    let mut longest = train.clone();
    longest.sort_by_key(|row| Reverse(all.bytes(*row)));
    longest.truncate(LONGEST);
    let mut longest = sizes(&longest)?;
    longest.sort_by_key(|size| Reverse((size.tokens, size.supervised)));
    let readable = train.len() * sample.len() / taken.max(1);
    let held_out = data.held_out.rows.len();
    Ok(Some(DataFacts { examples: readable, held_out, sample, longest, ..DataFacts::default() }))
}
