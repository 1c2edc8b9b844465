//! A survey of routing in the worker, a few examples at a time, so that a run and answers go on beside it.

use std::path::PathBuf;
use std::sync::Arc;

use super::data::LoadedData;
use super::jobs::Ticket;
use super::looking::adapter_at;
use super::protocol::{Event, SurveyScope};
use super::session::Session;
use crate::adapter::Adapter;
use crate::figures::counted;
use crate::inspect::RoutingSurvey;
use crate::inspect::survey::{SHUFFLES, SurveyRow, Surveyor, Topics};
use crate::model::BaseModel;
use crate::train::TrainSettings;

/// A survey under way. It keeps the adapter as it was when it began, though a run may train it on.
pub(super) struct Surveying {
    ticket: Ticket,
    scope: SurveyScope,
    at: Option<PathBuf>,
    model: Arc<BaseModel>,
    adapter: Adapter,
    data: LoadedData,
    /// The examples that it goes over.
    rows: Vec<usize>,
    /// How many of them were taken.
    taken: usize,
    /// Of those, which wait for a pass.
    waiting: Vec<SurveyRow>,
    topics: Topics,
    /// Tokens of an example, at most.
    context: usize,
    surveyor: Surveyor,
}

impl Session {
    /// Begins a survey in place of one that is under way.
    pub(super) fn start_survey(&mut self, ticket: Ticket, scope: SurveyScope, at: Option<PathBuf>) {
        self.surveying = None;
        let begun = ticket.job.check().map_err(Into::into).and_then(|()| self.survey(&ticket, scope, at));
        match begun {
            Ok(surveying) => self.surveying = Some(surveying),
            Err(error) => self.around.end(&ticket, Err(error)),
        }
    }

    fn survey(&mut self, ticket: &Ticket, scope: SurveyScope, at: Option<PathBuf>) -> anyhow::Result<Surveying> {
        self.wake(&ticket.job)?;
        let (model, data) = (self.model()?, self.data()?);
        let adapter = match &at {
            Some(folder) => adapter_at(&model, folder)?,
            None => snapshot(self.adapter_to_look_at()?, &model)?,
        };
        let method = adapter.spec().method;
        if !method.has_router() {
            anyhow::bail!(
                "the method {method} has no router: its heads take every token alike, so there is nothing to show"
            );
        }
        let examples = &data.imported.import.examples;
        let rows: Vec<usize> = match scope {
            SurveyScope::HeldOut => data.held_out.rows.clone(),
            SurveyScope::All => (0..examples.len()).collect(),
        };
        if rows.is_empty() {
            anyhow::bail!("no examples are held out: look at all of them instead");
        }
        let topics = Topics::of(examples);
        let context = TrainSettings::default().context.min(model.decoder.config().max_position);
        let surveyor = Surveyor::new(&adapter, &topics, rows.len());
        let (taken, waiting, ticket) = (0, Vec::new(), ticket.clone());
        Ok(Surveying { ticket, scope, at, model, adapter, data, rows, taken, waiting, topics, context, surveyor })
    }

    /// One pass of the survey under way, or a few shuffles of its topics.
    pub(super) fn survey_slice(&mut self) {
        let Some(surveying) = self.surveying.take() else { return };
        let (ticket, scope, at) = (surveying.ticket.clone(), surveying.scope, surveying.at.clone());
        match surveying.slice() {
            Ok(Slice::More(surveying)) => self.surveying = Some(*surveying),
            Ok(Slice::Done(survey)) => {
                self.around.end(&ticket, Ok(()));
                self.around.outbox.send(Event::Surveyed { scope, at, survey });
            }
            Err(error) => self.around.end(&ticket, Err(error)),
        }
    }

    /// Ends the survey under way, as what it looks at is about to go.
    pub(super) fn end_survey(&mut self) {
        if let Some(surveying) = self.surveying.take() {
            surveying.ticket.job.cancel();
            self.around.end(&surveying.ticket, Err(crate::job::Cancelled.into()));
        }
    }
}

/// A copy that a run does not train on.
fn snapshot(adapter: &Adapter, model: &BaseModel) -> anyhow::Result<Adapter> {
    Ok(Adapter::from_tensors(&adapter.to_tensors()?, model.decoder.device())?)
}

enum Slice {
    More(Box<Surveying>),
    Done(Box<RoutingSurvey>),
}

impl Surveying {
    fn slice(mut self) -> anyhow::Result<Slice> {
        let job = self.ticket.job.clone();
        job.check()?;
        if self.fill()? || !self.waiting.is_empty() {
            self.pass()?;
            let share = self.taken as f32 / self.rows.len() as f32;
            job.progress(share, format!("Reading the gates of {}", counted(self.rows.len(), "example")));
            return Ok(Slice::More(Box::new(self)));
        }
        let share = self.surveyor.shuffle();
        if share < 1.0 {
            job.progress(share, format!("Shuffling the topics {SHUFFLES} times"));
            return Ok(Slice::More(Box::new(self)));
        }
        let tokenizer = self.model.tokenizer()?;
        let survey = self.surveyor.finish(&self.adapter, &|id| tokenizer.token_text(id))?;
        Ok(Slice::Done(Box::new(survey)))
    }

    /// Reads examples until they make a pass; tells whether one more than fits is there.
    fn fill(&mut self) -> anyhow::Result<bool> {
        let tokenizer = self.model.tokenizer()?;
        while let Some(&row) = self.rows.get(self.taken) {
            self.taken += 1;
            let example = self.data.imported.import.examples.get(row)?;
            match SurveyRow::of(&example, self.topics.number(&example), tokenizer, self.context) {
                Ok(row) => self.waiting.push(row),
                Err(_) => self.surveyor.skip(),
            }
            if self.pass_size() < self.waiting.len() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn pass_size(&self) -> usize {
        Surveyor::pass_size(self.waiting.iter().map(|row| row.tokens.ids.len()))
    }

    fn pass(&mut self) -> anyhow::Result<()> {
        let rest = self.waiting.split_off(self.pass_size().min(self.waiting.len()));
        let rows = std::mem::replace(&mut self.waiting, rest);
        Ok(self.surveyor.read(&self.model.decoder, &self.adapter, &rows)?)
    }
}
