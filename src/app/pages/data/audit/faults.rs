//! The faults that were found, the gravest first; each opens its findings as a table that draws only what is in view.

use std::collections::BTreeSet;

use egui::{Button, Label, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::figures::{count, counted, file_name};
use crate::data::audit::{Fault, Finding, Mend, Severity};
use crate::worker::protocol::{AuditSummary, DataMend, FaultSummary, Request};

/// Tallest that a table grows before it scrolls by itself.
const HEIGHT: f32 = 8.0 * size::ROW;

/// Which fault is open, and which are meant so.
#[derive(Default)]
pub struct Faults {
    opened: Option<Fault>,
    /// Faults that are kept as they are, and not listed.
    kept: BTreeSet<Fault>,
}

impl Faults {
    /// Draws the list.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, audit: &AuditSummary) {
        let tokens = Tokens::of(ui);
        let listed: Vec<&FaultSummary> =
            audit.faults.iter().filter(|fault| !self.kept.contains(&fault.fault)).collect();
        ui.label(RichText::new(sum_in_words(&listed, audit.examples)).color(tokens.text));
        for fault in listed {
            ui.separator();
            let is_open = self.opened == Some(fault.fault);
            if head_ui(ui, fault, is_open) {
                self.opened = (!is_open).then_some(fault.fault);
            }
            if is_open {
                self.mends_ui(ui, cx, (audit, fault));
                findings_ui(ui, cx, audit.context, fault);
            }
        }
        self.kept_ui(ui, audit);
    }

    /// What can be done about all rows with a fault.
    fn mends_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, (audit, fault): (&AuditSummary, &FaultSummary)) {
        let fitting = audit.reading.as_ref().and_then(|reading| reading.fitting);
        let has_rows = fault.findings.iter().any(|finding| finding.row.is_some());
        ui.horizontal_wrapped(|ui| {
            for &mend in fault.fault.mends() {
                match mend {
                    Mend::EditFile => {
                        let text = "Mend these rows in their file and import it again.";
                        ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
                    }
                    Mend::FitContext => fit_ui(ui, cx, audit.context, fitting),
                    Mend::Keep => {
                        let hint = "They are meant so: trained on as they are, and listed no more";
                        if ui.button(mend.name()).on_hover_text(hint).clicked() {
                            self.kept.insert(fault.fault);
                            self.opened = None;
                        }
                    }
                    Mend::Drop | Mend::Merge | Mend::Repair | Mend::Mask => {
                        let button = ui.add_enabled(has_rows, Button::new(mend.name()));
                        if button.on_hover_text("One change of the examples, which Undo takes back").clicked() {
                            cx.request(mended(fault.fault, mend, audit.context, None));
                        }
                    }
                }
            }
        });
    }

    /// The faults that are kept, each to be listed again.
    fn kept_ui(&mut self, ui: &mut Ui, audit: &AuditSummary) {
        let kept = audit.faults.iter().filter(|fault| self.kept.contains(&fault.fault));
        let mut again = None;
        for fault in kept {
            ui.horizontal_wrapped(|ui| {
                let name = fault.fault.name();
                let text = format!("Kept as they are: {name}, {}.", counted(fault.count, "row"));
                ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
                let button = ui.button(format!("List \"{}\" again", name.to_lowercase()));
                again = again.or(button.clicked().then_some(fault.fault));
            });
        }
        if let Some(fault) = again {
            self.kept.remove(&fault);
        }
    }
}

fn mended(fault: Fault, mend: Mend, context: usize, row: Option<usize>) -> Request {
    Request::MendData(DataMend { fault, mend, context, row })
}

/// A button that takes the context which fits nearly all, where that is a longer one.
fn fit_ui(ui: &mut Ui, cx: &PageContext<'_>, context: usize, fitting: Option<usize>) {
    let most = cx.state.model.as_ref().map_or(usize::MAX, |model| model.max_context);
    let Some(fitting) = fitting.map(|fitting| fitting.min(most)).filter(|best| *best > context) else { return };
    let button = ui.button(Mend::FitContext.name());
    let hint = format!("Sets the context to {} tokens on the Train page, where Undo takes it back", count(fitting));
    if button.on_hover_text(hint).clicked() {
        cx.send(SystemCommand::SetContext(fitting));
    }
}

/// The line of a fault. Gives back whether it was pressed.
fn head_ui(ui: &mut Ui, fault: &FaultSummary, is_open: bool) -> bool {
    let tokens = Tokens::of(ui);
    let (name, level) = (fault.fault.name(), level(fault.fault.severity()));
    let button = ui.horizontal(|ui| {
        ui.add(level.icon().image(size::ICON).tint(level.color(tokens)).alt_text(level.word()));
        let text = format!("{name}: {}", counted(fault.count, "row"));
        let arrow = if is_open { Icon::ArrowDown } else { Icon::ChevronRight }.image(size::ICON);
        let button = Button::selectable(is_open, (RichText::new(text).color(tokens.text_strong), arrow));
        ui.add(button.image_tint_follows_text_color(true))
    });
    ui.add(Label::new(RichText::new(fault.fault.why()).small().color(tokens.text_weak)).wrap());
    button.inner.on_hover_text(if is_open { "Close the list" } else { "Show the rows" }).clicked()
}

fn findings_ui(ui: &mut Ui, cx: &PageContext<'_>, context: usize, fault: &FaultSummary) {
    let tokens = Tokens::of(ui);
    ui.add_space(space::XS);
    TableBuilder::new(ui)
        .id_salt(("findings", fault.fault.name()))
        .striped(true)
        .max_scroll_height(HEIGHT)
        .min_scrolled_height(HEIGHT)
        .auto_shrink([false, true])
        .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
        .column(Column::initial(140.0).at_least(60.0).clip(true))
        .column(Column::exact(72.0))
        .column(Column::remainder().clip(true))
        .column(Column::initial(200.0).at_least(80.0).clip(true))
        .header(size::ROW, |mut header| {
            for name in ["File", "Line", "Reason", "Mend"] {
                header.col(|ui| {
                    ui.label(RichText::new(name).small().color(Tokens::of(ui).text_weak));
                });
            }
        })
        .body(|body| {
            body.rows(size::ROW, fault.findings.len(), |mut row| {
                let Some(finding) = fault.findings.get(row.index()) else { return };
                row.col(|ui| cell(ui, &file_name(std::path::Path::new(&finding.source.file)), &finding.source.file));
                row.col(|ui| cell(ui, &count(finding.source.line), &finding.source.to_string()));
                row.col(|ui| cell(ui, &finding.reason, &finding.reason));
                row.col(|ui| mend_cell(ui, cx, context, finding));
            });
        });
    ui.horizontal(|ui| {
        if Icon::Copy.small_button(ui, "Copy list").clicked() {
            ui.ctx().copy_text(as_text(&fault.findings));
        }
        if fault.findings.len() < fault.count {
            let text = format!("The first {} of {}.", count(fault.findings.len()), count(fault.count));
            ui.label(RichText::new(text).small().color(tokens.text_weak));
        }
    });
}

fn cell(ui: &mut Ui, text: &str, whole: &str) {
    ui.add(Label::new(text).truncate().selectable(true)).on_hover_text(whole);
}

/// What is best done about one row: a button where that can be done here.
fn mend_cell(ui: &mut Ui, cx: &PageContext<'_>, context: usize, finding: &Finding) {
    let advice = finding.mend.advice();
    let can_mend = matches!(finding.mend, Mend::Drop | Mend::Merge | Mend::Repair | Mend::Mask);
    match finding.row.filter(|_| can_mend) {
        None => cell(ui, advice, advice),
        Some(row) => {
            let name = finding.mend.name_for_one();
            if ui.small_button(name).on_hover_text(advice).clicked() {
                cx.request(mended(finding.fault, finding.mend, context, Some(row)));
            }
        }
    }
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Notice => Level::Info,
    }
}

/// How many findings there are of each weight.
fn sum_in_words(faults: &[&FaultSummary], examples: usize) -> String {
    let of = |severity: Severity| {
        let faults = faults.iter().filter(|fault| fault.fault.severity() == severity);
        (faults.map(|fault| fault.count).sum::<usize>(), severity.word())
    };
    let counts = [Severity::Error, Severity::Warning, Severity::Notice].map(of);
    let parts: Vec<String> =
        counts.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| counted(number, word)).collect();
    let parts = if parts.is_empty() { "No fault that is not meant so".to_owned() } else { parts.join(", ") };
    format!("{parts} in {}", counted(examples, "example"))
}

fn as_text(findings: &[Finding]) -> String {
    let line = |found: &Finding| {
        format!("{}\t{}\t{}\t{}\n", found.source.file, found.source.line, found.reason, found.mend.advice())
    };
    findings.iter().map(line).collect()
}
