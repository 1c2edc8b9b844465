//! The run's prompts, answered at every measure by the adapter as it is then, a token at a time.

use super::super::{SamplePrompt, SampleRecord, TrainError, WarningKind, WarningRecord};
use super::{Run, RunEvent, Work};
use crate::adapter::Pass;
use crate::model::{Generator, ModelError, Piece, SamplerSettings, StopReason};

/// An answer under way.
pub(super) struct Answer {
    prompt: usize,
    generator: Generator,
    text: String,
}

impl Run {
    /// Plans the answers that are due at this step and were not given.
    pub(super) fn plan_answers(&mut self) {
        let step = self.trainer.step();
        if !self.is_measured_at(step) {
            return;
        }
        let given = if self.state.sampled_step == Some(step) { self.state.sampled } else { 0 };
        for prompt in given..self.prompts.len() {
            self.plan_before_steps(Work::Answer { prompt });
        }
    }

    /// One more token of an answer. What keeps a prompt from being answered is a warning: the run goes on.
    pub(super) fn answer(&mut self, prompt: usize) -> Result<Vec<RunEvent>, TrainError> {
        let answer = match self.answer.take() {
            Some(answer) if answer.prompt == prompt => Ok(answer),
            _ => self.begin_answer(prompt),
        };
        let step = answer.and_then(|mut answer| {
            let pass = Pass { adapter: self.trainer.adapter(), ..Pass::default() };
            let piece = self.trainer.on_threads(|| answer.generator.step(&self.model, &pass))?;
            Ok((answer, piece))
        });
        match step {
            Ok((mut answer, Piece::Text(text))) => {
                answer.text += &text;
                self.answer = Some(answer);
                self.work.push_front(Work::Answer { prompt });
                Ok(Vec::new())
            }
            Ok((answer, Piece::Done(text, reason))) => {
                let is_cut = reason != StopReason::EndOfText;
                Ok(self.answered(prompt, answer.text + &text, is_cut).into_iter().collect())
            }
            Err(error) => Ok(vec![self.unanswered(prompt, &error)]),
        }
    }

    fn begin_answer(&self, prompt: usize) -> Result<Answer, ModelError> {
        let ids = self.prompts.get(prompt).map(|prompt| prompt.ids.clone()).unwrap_or_default();
        // The most likely token every time, so that what changes is the adapter's doing.
        let longest = self.trainer.settings().sample_tokens;
        let generator = Generator::new(&self.model, ids, longest, SamplerSettings::greedy())?;
        Ok(Answer { prompt, generator, text: String::new() })
    }

    fn answered(&mut self, prompt: usize, answer: String, is_cut: bool) -> Option<RunEvent> {
        self.note_answered(prompt);
        let SamplePrompt { question, topic, expected, .. } = self.prompts.get(prompt)?.clone();
        let step = self.trainer.step();
        Some(RunEvent::Sample(SampleRecord { step, prompt, question, topic, expected, answer, is_cut }))
    }

    fn unanswered(&mut self, prompt: usize, error: &ModelError) -> RunEvent {
        self.note_answered(prompt);
        let message = format!("Prompt {} could not be answered: {error}", prompt + 1);
        RunEvent::Warning(WarningRecord { step: self.trainer.step(), kind: WarningKind::Learning, message })
    }

    fn note_answered(&mut self, prompt: usize) {
        (self.state.sampled_step, self.state.sampled) = (Some(self.trainer.step()), prompt + 1);
    }
}
