//! The audit of the loaded data, on a thread of its own beside whatever the engine does. What it read is kept, so that
//! another context costs nothing, and another model only its own reading.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use super::data::LoadedData;
use super::dispatch::{Surroundings, panic_text};
use super::import::Imported;
use super::jobs::Ticket;
use super::protocol::{AuditSummary, Event, FINDINGS_SHOWN, FaultSummary, ReadingSummary, SplitRule};
use super::session::Session;
use crate::data::audit::{DataAudit, Fault, Findings, audit};
use crate::data::{ColumnMap, ExamplesMark};
use crate::job::Job;
use crate::model::BaseModel;
use crate::text::audit::{Reading, TokenAudit, read};
use crate::train::FileRef;

/// What was read of data that may since have gone. Clones share it.
#[derive(Clone, Default)]
pub(super) struct KeptAudits(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    data: Option<KeptData>,
    reading: Option<KeptReading>,
    found: Option<FoundRows>,
}

/// The rows in which the last audit found each fault. They are told by their numbers in the import, which changes leave as
/// they are.
struct FoundRows {
    files: Vec<FileRef>,
    map: ColumnMap,
    /// Ascending.
    rows: BTreeMap<Fault, Arc<Vec<u32>>>,
}

struct KeptData {
    examples: ExamplesMark,
    rule: SplitRule,
    audit: Arc<DataAudit>,
}

struct KeptReading {
    examples: ExamplesMark,
    /// Of the model.
    fingerprint: String,
    reading: Arc<Reading>,
}

impl KeptAudits {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found without a model, looked for where it is not kept.
    fn data(&self, data: &LoadedData, job: &Job) -> anyhow::Result<Arc<DataAudit>> {
        let LoadedData { imported, held_out } = data;
        if let Some(kept) = &self.lock().data
            && kept.examples.is_of(&imported.import.examples)
            && kept.rule == held_out.rule
        {
            return Ok(Arc::clone(&kept.audit));
        }
        let import = &imported.import;
        let found = Arc::new(audit(&import.examples, &import.dropped, &held_out.rows, job)?);
        self.lock().data =
            Some(KeptData { examples: import.examples.mark(), rule: held_out.rule, audit: Arc::clone(&found) });
        Ok(found)
    }

    /// Indices of all examples in which the last audit found a fault; `None` where it was of other data.
    pub fn rows(
        &self,
        fault: Fault,
        data: &LoadedData,
        model: Option<&BaseModel>,
        context: usize,
    ) -> Option<Vec<usize>> {
        let (kept, examples) = (self.lock(), &data.imported.import.examples);
        let of_data = kept.data.as_ref().filter(|kept| kept.examples.is_of(examples))?;
        let mut rows: Vec<usize> = of_data.audit.findings.rows(fault).collect();
        if let Some((reading, model)) = kept.reading.as_ref().zip(model)
            && reading.examples.is_of(examples)
            && reading.fingerprint == model.fingerprint
        {
            let longest = model.decoder.config().max_position;
            rows.extend(reading.reading.audit(context.min(longest), longest).findings.rows(fault));
        }
        Some(rows)
    }

    /// The numbers of the rows in which the last audit found a fault, ascending; `None` where it was of another import.
    pub fn found_rows(&self, fault: Fault, imported: &Imported) -> Option<Arc<Vec<u32>>> {
        let kept = self.lock();
        let found = kept.found.as_ref().filter(|found| found.files == imported.files && found.map == imported.map)?;
        Some(found.rows.get(&fault).cloned().unwrap_or_default())
    }

    /// Keeps which rows were found by an audit without a model, and by one with it.
    fn keep_found(&self, imported: &Imported, of_data: &Findings, of_tokens: Option<&Findings>) {
        let examples = &imported.import.examples;
        let rows = Fault::ALL.into_iter().map(|fault| {
            let indices = [Some(of_data), of_tokens].into_iter().flatten().flat_map(|findings| findings.rows(fault));
            let mut rows: Vec<u32> = indices.filter_map(|index| u32::try_from(examples.row(index)?).ok()).collect();
            rows.sort_unstable();
            (fault, Arc::new(rows))
        });
        let (files, map) = (imported.files.clone(), imported.map.clone());
        let found = FoundRows { files, map, rows: rows.filter(|(_, rows)| !rows.is_empty()).collect() };
        self.lock().found = Some(found);
    }

    /// The examples as the model reads them, read where that is not kept.
    fn reading(&self, data: &LoadedData, model: &BaseModel, job: &Job) -> anyhow::Result<Arc<Reading>> {
        let examples = &data.imported.import.examples;
        if let Some(kept) = &self.lock().reading
            && kept.examples.is_of(examples)
            && kept.fingerprint == model.fingerprint
        {
            return Ok(Arc::clone(&kept.reading));
        }
        let found = Arc::new(read(examples, model.tokenizer()?, job)?);
        self.lock().reading = Some(KeptReading {
            examples: examples.mark(),
            fingerprint: model.fingerprint.clone(),
            reading: Arc::clone(&found),
        });
        Ok(found)
    }
}

impl Session {
    /// Starts an audit in place of one that is under way.
    pub(super) fn start_audit(&mut self, ticket: Ticket, context: usize) {
        let data = match ticket.job.check().map_err(Into::into).and_then(|()| self.data()) {
            Ok(data) => data,
            Err(error) => return self.around.end(&ticket, Err(error)),
        };
        let (model, around) = (self.model.clone(), self.around.clone());
        let thread_ticket = ticket.clone();
        let spawned = Builder::new().name("hydra-audits".into()).spawn(move || {
            let work = || told(&data, model.as_deref(), context, &around.audits, &thread_ticket.job);
            let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
                let text = panic_text(panic.as_ref());
                Err(anyhow::anyhow!("the audit failed inside ({text}); data and model are as they were"))
            });
            publish(done, &thread_ticket, &around);
        });
        if let Err(error) = spawned {
            self.around.end(&ticket, Err(anyhow::anyhow!("the system refused a thread for the audit: {error}")));
        }
    }
}

fn publish(done: anyhow::Result<AuditSummary>, ticket: &Ticket, around: &Surroundings) {
    match done {
        Ok(summary) if !ticket.job.is_cancelled() => {
            around.end(ticket, Ok(()));
            around.outbox.send(Event::Audited(Box::new(summary)));
        }
        Ok(_) => around.end(ticket, Err(crate::job::Cancelled.into())),
        Err(error) => around.end(ticket, Err(error)),
    }
}

fn told(
    data: &LoadedData,
    model: Option<&BaseModel>,
    context: usize,
    kept: &KeptAudits,
    job: &Job,
) -> anyhow::Result<AuditSummary> {
    let found = kept.data(data, job)?;
    let mut reading = None;
    if let Some(model) = model.filter(|model| model.tokenizer().is_ok()) {
        let longest = model.decoder.config().max_position;
        let audit = kept.reading(data, model, job)?.audit(context.min(longest), longest);
        reading = Some((model.name.clone(), audit));
    }
    job.check()?;
    kept.keep_found(&data.imported, &found.findings, reading.as_ref().map(|(_, audit)| &audit.findings));
    Ok(summary(data.imported.import.examples.len(), context, &found, reading))
}

fn summary(examples: usize, context: usize, found: &DataAudit, reading: Option<(String, TokenAudit)>) -> AuditSummary {
    let of_tokens = reading.as_ref().map(|(_, audit)| &audit.findings);
    let faults = Fault::ALL.into_iter().filter_map(|fault| {
        let mut both = [Some(&found.findings), of_tokens].into_iter().flatten();
        both.find(|findings| findings.count(fault) > 0).map(|findings| fault_summary(fault, findings))
    });
    AuditSummary {
        context,
        examples,
        faults: faults.collect(),
        note: found.note.clone(),
        reading: reading.map(|(model, audit)| ReadingSummary {
            model,
            read: audit.read,
            whole: audit.whole,
            lengths: audit.lengths,
            learnt: audit.learnt,
            fitting: audit.fitting,
        }),
    }
}

/// No fault is looked for both with a model and without.
fn fault_summary(fault: Fault, findings: &Findings) -> FaultSummary {
    let shown = findings.of(fault).iter().take(FINDINGS_SHOWN).cloned().collect();
    FaultSummary { fault, count: findings.count(fault), examples: findings.rows(fault).count(), findings: shown }
}
