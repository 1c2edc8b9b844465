//! The tab that holds `A` and `B` of several adapters against each other: how alike they are by adapter, head and layer, as
//! heat maps, and maps of the flattened matrices. `choosing.rs` is which adapters, `breakdown.rs` trains one for each topic,
//! `cosines.rs` and `maps.rs` are the pictures, `words.rs` tells them.

mod breakdown;
mod choosing;
mod cosines;
mod maps;
mod words;

use std::path::PathBuf;

use egui::{ComboBox, Ui};

use crate::adapter::Target;
use crate::app::pages::{PageContext, job_ui};
use crate::app::toasts::Level;
use crate::app::widgets::buttons::{self, chevron};
use crate::app::widgets::card::card;
use crate::app::widgets::notes::callout;
use crate::inspect::MatrixReport;
use crate::inspect::matrices::MatrixKind;
use crate::worker::protocol::{Event, JobKind, Request};

use breakdown::BreakdownCard;
use choosing::Choosing;
use cosines::CosinesCard;
use maps::MapsCard;

/// The tab.
#[derive(Default)]
pub struct MatricesTab {
    choosing: Choosing,
    breakdown: BreakdownCard,
    report: Option<MatrixReport>,
    /// Counts the reports.
    number: u64,
    cosines: CosinesCard,
    maps: MapsCard,
}

impl MatricesTab {
    /// Draws the tab.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        job_ui(ui, cx, JobKind::CompareMatrices);
        card(ui, "Adapters to compare", |ui| {
            if self.choosing.ui(ui, cx) {
                compare(cx, self.choosing.chosen.clone());
            }
        });
        card(ui, "Breakdown by topic", |ui| {
            if let Some(runs) = self.breakdown.ui(ui, cx) {
                self.choosing.chosen.clone_from(&runs);
                compare(cx, runs);
            }
        });
        let Some(report) = &self.report else { return };
        card(ui, "In words", |ui| {
            ui.label(words::verdict(report));
            for left_out in &report.left_out {
                callout(ui, Level::Warning, &format!("Left out: {left_out}."));
            }
            ui.weak(
                "Cosines are those of the flattened matrices in the same module, the mean over layers. 1 is the same \
                 direction, 0 is nothing in common, as of random matrices.",
            );
        });
        self.cosines.ui(ui, cx, report, self.number);
        self.maps.ui(ui, cx, report);
    }

    /// Takes in what the worker tells.
    pub fn note_event(&mut self, event: &Event) {
        if let Event::MatricesCompared(report) = event {
            self.report = Some(report.as_ref().clone());
            self.number += 1;
        }
    }
}

fn compare(cx: &PageContext<'_>, adapters: Vec<PathBuf>) {
    cx.request(Request::CompareMatrices { adapters });
}

/// A or B.
fn kind_ui(ui: &mut Ui, kind: &mut MatrixKind) {
    buttons::segmented(ui, kind, &MatrixKind::ALL.map(|kind| (kind, kind.title())));
}

/// Which kind of module, among those that there are.
fn target_ui(ui: &mut Ui, target: &mut Option<Target>, choices: &[Option<Target>]) {
    let name = |target: Option<Target>| target.map_or("Mean of all modules", Target::name);
    if !choices.contains(target) {
        *target = choices.first().copied().flatten();
    }
    let combo = ComboBox::from_id_salt("module").selected_text(name(*target)).icon(chevron);
    let shown = combo.show_ui(ui, |ui| {
        for choice in choices {
            ui.selectable_value(target, *choice, name(*choice));
        }
    });
    shown.response.accessible_name("Kind of module");
}
