//! The card "What will be learned": figures, how long examples are and how much of them counts, and what is wrong with
//! which rows. `faults.rs` lists the faults, each with its findings and what can be done about it.

mod faults;

use std::cell::Cell;

use egui::{RichText, Ui};

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::state::{JobStatus, Phase};
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{Fact, card_with_actions, facts};
use crate::app::widgets::figures::{count, counted, percent};
use crate::app::widgets::histogram::{Counted, histogram_ui};
use crate::app::widgets::notes;
use crate::data::audit::Fault;
use crate::worker::protocol::{AuditSummary, DataSummary, Event, JobKind, ReadingSummary, Request};

use faults::Faults;

/// Data of more rows than this is looked through when it is asked for.
const BY_ITSELF: usize = 50_000;

/// Narrower than this, the two histograms stand one above the other.
const SIDE_BY_SIDE: f32 = 520.0;

/// What an audit depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    /// Of data, model and split.
    revision: usize,
    context: usize,
}

/// The card.
#[derive(Default)]
pub struct AuditCard {
    /// Counts what came of data, models and splits.
    revision: usize,
    /// What was asked for last.
    asked: Option<Asked>,
    faults: Faults,
}

impl AuditCard {
    /// Takes note of what makes an audit stale.
    pub fn note_event(&mut self, event: &Event) {
        match event {
            Event::DataImported(_) => {
                self.revision += 1;
                self.faults = Faults::default();
            }
            Event::ModelLoaded(_) | Event::DataEdited(_) | Event::HeldOut { .. } | Event::Restarted { .. } => {
                self.revision += 1;
            }
            _ => {}
        }
    }

    /// Draws the card, and asks for the audit where it is stale. Gives back the fault whose rows are to be listed.
    pub fn card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary) -> Option<Fault> {
        if data.kept == 0 {
            return None;
        }
        self.follow(cx, data);
        let (job, failure) = (cx.state.job(JobKind::AuditData), cx.state.failure(JobKind::AuditData));
        let audit = cx.state.audit.as_deref();
        let is_wanted = Cell::new(false);
        let mut listed = None;
        let actions = |ui: &mut Ui| match job {
            Some(job) => job_ui(ui, cx, job),
            None if audit.is_some() => is_wanted.set(ui.button("Look again").clicked()),
            None => {}
        };
        card_with_actions(ui, "What will be learned", actions, |ui| {
            if let Some(message) = failure {
                notes::callout(ui, Level::Error, message);
            }
            match audit {
                Some(audit) => listed = self.audit_ui(ui, cx, audit),
                None if job.is_some() => {
                    let text = "Every example is read as the model will read it.";
                    ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
                }
                None => {
                    let text =
                        "Duplicates, broken texts, personal data, and what the model will learn of each example.";
                    ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
                    is_wanted.set(buttons::primary(ui, Icon::Search, "Look for faults", true).clicked());
                }
            }
        });
        if is_wanted.get() {
            self.ask(cx);
        }
        listed
    }

    /// Asks by itself where data is of moderate size, and again where something changed.
    fn follow(&mut self, cx: &PageContext<'_>, data: &DataSummary) {
        let wanted = Asked { revision: self.revision, context: cx.context };
        let is_freed = cx.state.active_run().is_some_and(|run| matches!(run.phase, Phase::Freed));
        if self.asked == Some(wanted) || is_freed {
            return;
        }
        let is_first = cx.state.audit.is_none();
        if is_first && data.kept > BY_ITSELF {
            return;
        }
        // Another context can wait until the last one is told: what was read is then at hand.
        let is_other = self.asked.is_none_or(|asked| asked.revision != self.revision);
        if is_other || cx.state.job(JobKind::AuditData).is_none() {
            self.ask(cx);
        }
    }

    fn ask(&mut self, cx: &PageContext<'_>) {
        self.asked = Some(Asked { revision: self.revision, context: cx.context });
        cx.request(Request::AuditData { context: cx.context });
    }

    fn audit_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, audit: &AuditSummary) -> Option<Fault> {
        let tokens = Tokens::of(ui);
        match &audit.reading {
            Some(reading) => reading_ui(ui, cx, audit, reading),
            None => {
                let text = "Load a model to see how many tokens of each example count, and which are cut.";
                ui.label(RichText::new(text).color(tokens.text_weak));
            }
        }
        ui.add_space(space::S);
        let mut listed = None;
        if audit.faults.is_empty() {
            ui.horizontal(|ui| {
                ui.add(Icon::Check.image(crate::app::theme::size::ICON).tint(tokens.ok).alt_text("Done"));
                ui.label(RichText::new("No faults were found.").color(tokens.text));
            });
        } else {
            listed = self.faults.ui(ui, cx, audit);
        }
        if let Some(note) = &audit.note {
            ui.label(RichText::new(note).small().color(tokens.text_weak));
        }
        listed
    }
}

/// What is done, how far it is, and a button to cancel it, from right to left. Nothing moves: what was found before stays
/// in sight.
fn job_ui(ui: &mut Ui, cx: &PageContext<'_>, job: &JobStatus) {
    if ui.add_enabled(!job.is_cancelling, egui::Button::new("Cancel")).clicked() {
        cx.request(Request::Cancel { job: JobKind::AuditData });
    }
    let share = job.share.map(|share| percent(share.clamp(0.0, 1.0).into())).unwrap_or_default();
    let text = if job.is_cancelling { "Cancelling".to_owned() } else { format!("{} {share}", job.note) };
    ui.label(RichText::new(text).small().color(Tokens::of(ui).text_weak));
}

fn reading_ui(ui: &mut Ui, cx: &PageContext<'_>, audit: &AuditSummary, reading: &ReadingSummary) {
    let (lengths, learnt) = (&reading.lengths, &reading.learnt);
    let whole = reading.whole as f64 / reading.read.max(1) as f64;
    let list = [
        Fact::new("Examples", count(audit.examples)),
        Fact::new("Read by the model", count(reading.read)).explained(format!("As {} reads them", reading.model)),
        Fact::new("Whole", percent_down(whole)).explained(format!(
            "{} are no longer than {} tokens",
            count(reading.whole),
            count(audit.context)
        )),
        Fact::new("Tokens that count", count(usize::try_from(learnt.total).unwrap_or(usize::MAX)))
            .explained("What the adapter learns to say: the answers with their end tokens, within the context"),
        Fact::new("Median length", counted(lengths.median, "token")),
        Fact::new("Longest", counted(lengths.longest, "token")),
    ];
    facts(ui, &list);
    ui.add_space(space::S);
    let nouns = Counted { of: "token", what: "example" };
    let draw_lengths = |ui: &mut Ui| {
        let title = format!("Length in tokens; the line is the context of {}", count(audit.context));
        histogram_ui(ui, &title, lengths, nouns, Some(audit.context), &lengths_in_words(audit, reading));
    };
    let draw_learnt = |ui: &mut Ui| {
        histogram_ui(ui, "Tokens that count, by example", learnt, nouns, None, &learnt_in_words(reading));
    };
    if ui.available_width() < SIDE_BY_SIDE {
        draw_lengths(ui);
        draw_learnt(ui);
    } else {
        ui.columns_const(|[left, right]| {
            draw_lengths(left);
            draw_learnt(right);
        });
    }
    fitting_ui(ui, cx, audit, reading);
}

/// What context fits nearly all, and a button that takes it.
fn fitting_ui(ui: &mut Ui, cx: &PageContext<'_>, audit: &AuditSummary, reading: &ReadingSummary) {
    let Some(fitting) = reading.fitting else { return };
    let most = cx.state.model.as_ref().map_or(usize::MAX, |model| model.max_context);
    ui.horizontal_wrapped(|ui| {
        let text = if fitting > most {
            let (fitting, most) = (count(fitting), count(most));
            format!("99 % of the examples need a context of {fitting} tokens; the model allows {most}.")
        } else if fitting == audit.context {
            format!("The context of {} tokens fits 99 % of the examples.", count(fitting))
        } else if fitting < audit.context {
            format!("A context of {} tokens would fit 99 % of the examples, in less memory.", count(fitting))
        } else {
            format!("A context of {} tokens fits 99 % of the examples.", count(fitting))
        };
        ui.label(RichText::new(text).color(Tokens::of(ui).text));
        let best = fitting.min(most);
        if best == audit.context || cx.state.active_run().is_some() {
            return;
        }
        let button = ui.button(format!("Set context to {}", count(best)));
        if button.on_hover_text("A setting of the Train page, where Undo takes it back").clicked() {
            cx.send(SystemCommand::SetContext(best));
        }
    });
}

/// A share in per cent that is only 100 where nothing is missing.
fn percent_down(share: f64) -> String {
    let tenths = (share * 1000.0).floor() / 10.0;
    if tenths >= 100.0 { "100 %".to_owned() } else { format!("{tenths:.1} %") }
}

fn lengths_in_words(audit: &AuditSummary, reading: &ReadingSummary) -> String {
    let lengths = &reading.lengths;
    format!(
        "Lengths of {}: median {}, longest {} tokens; {} longer than the context of {}",
        counted(reading.read, "example"),
        count(lengths.median),
        count(lengths.longest),
        count(reading.read - reading.whole.min(reading.read)),
        count(audit.context)
    )
}

fn learnt_in_words(reading: &ReadingSummary) -> String {
    let learnt = &reading.learnt;
    format!(
        "Tokens that count in {}: median {}, most {}, {} in all",
        counted(reading.read, "example"),
        count(learnt.median),
        count(learnt.longest),
        count(usize::try_from(learnt.total).unwrap_or(usize::MAX))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!((percent_down(1.0), percent_down(0.99999)), ("100 %".into(), "99.9 %".into()));
        assert_eq!(percent_down(0.5), "50.0 %");
    }
}
