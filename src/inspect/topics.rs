//! How the heads share the topics of a dataset.

use crate::adapter::{Adapter, GateCapture, GateLoad, Pass};
use crate::job::Job;
use crate::model::{Decoder, Sequences};
use crate::train::{Row, TrainError, collate};

/// Rows of one forward pass.
const BATCH: usize = 8;

/// How the heads share one topic's tokens.
#[derive(Clone, Debug)]
pub struct TopicLoad {
    pub topic: String,
    pub examples: usize,
    pub load: GateLoad,
}

/// The load of every head by topic, over `rows`; rows without a topic count under "no topic". Topics come in the order
/// of `topics`.
///
/// # Errors
/// When the job is cancelled or the computation fails.
pub fn topic_loads(
    decoder: &Decoder,
    adapter: &Adapter,
    rows: &[&Row],
    topics: &[String],
    job: &Job,
) -> Result<Vec<TopicLoad>, TrainError> {
    let heads = adapter.spec().heads;
    let mut loads = Vec::new();
    let groups = topics.iter().enumerate().map(|(i, name)| (Some(i), name.as_str())).chain([(None, "no topic")]);
    for (id, name) in groups {
        let members: Vec<&Row> = rows.iter().copied().filter(|row| row.topic == id).collect();
        if members.is_empty() {
            continue;
        }
        let mut load = GateLoad::new(heads);
        for (done, batch) in members.chunks(BATCH).enumerate() {
            job.check()?;
            job.progress((done * BATCH) as f32 / members.len() as f32, format!("Routing of {name}"));
            let batch = collate(batch, true);
            let capture = GateCapture::default();
            let pass = Pass { capture: Some(&capture), ..Pass::with(adapter) };
            decoder.hidden(&batch.ids, &Sequences::of(&batch), &pass, None)?;
            load.add(&capture.take(), &batch.spans);
        }
        loads.push(TopicLoad { topic: name.to_owned(), examples: members.len(), load });
    }
    Ok(loads)
}
