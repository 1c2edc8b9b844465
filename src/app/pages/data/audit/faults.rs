//! The faults that were found, the gravest first; each opens its findings as a table that draws only what is in view.

use egui::{Button, Label, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::figures::{count, counted, file_name};
use crate::data::audit::{Fault, Finding, Severity};
use crate::worker::protocol::{AuditSummary, FaultSummary};

/// Tallest that a table grows before it scrolls by itself.
const HEIGHT: f32 = 8.0 * size::ROW;

/// Which fault is open.
#[derive(Default)]
pub struct Faults {
    opened: Option<Fault>,
}

impl Faults {
    /// Draws the list.
    pub fn ui(&mut self, ui: &mut Ui, _cx: &PageContext<'_>, audit: &AuditSummary) {
        let tokens = Tokens::of(ui);
        ui.label(RichText::new(sum_in_words(audit)).color(tokens.text));
        for fault in &audit.faults {
            ui.separator();
            let is_open = self.opened == Some(fault.fault);
            if head_ui(ui, fault, is_open) {
                self.opened = (!is_open).then_some(fault.fault);
            }
            if is_open {
                findings_ui(ui, fault);
            }
        }
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

fn findings_ui(ui: &mut Ui, fault: &FaultSummary) {
    let tokens = Tokens::of(ui);
    ui.add_space(space::XS);
    TableBuilder::new(ui)
        .id_salt(("findings", fault.fault.name()))
        .striped(true)
        .max_scroll_height(HEIGHT)
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
                row.col(|ui| cell(ui, finding.mend.advice(), finding.mend.advice()));
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

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Notice => Level::Info,
    }
}

/// How many findings there are of each weight.
fn sum_in_words(audit: &AuditSummary) -> String {
    let of = |severity: Severity| {
        let faults = audit.faults.iter().filter(|fault| fault.fault.severity() == severity);
        (faults.map(|fault| fault.count).sum::<usize>(), severity.word())
    };
    let counts = [Severity::Error, Severity::Warning, Severity::Notice].map(of);
    let parts: Vec<String> =
        counts.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| counted(number, word)).collect();
    format!("{} in {}", parts.join(", "), counted(audit.examples, "example"))
}

fn as_text(findings: &[Finding]) -> String {
    let line = |found: &Finding| {
        format!("{}\t{}\t{}\t{}\n", found.source.file, found.source.line, found.reason, found.mend.advice())
    };
    findings.iter().map(line).collect()
}
