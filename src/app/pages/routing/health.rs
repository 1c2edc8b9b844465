//! The health of the heads in words, with what was measured.

use egui::Ui;

use crate::adapter::{ALIKE, DEAD_SHARE, EVEN, HealthFinding, HealthKind, LEADS_ALONE, MOSTLY_SATURATED, SATURATED};
use crate::app::state::HeadNames;
use crate::app::theme::space;
use crate::app::toasts::Level;
use crate::app::widgets::figures::percent;
use crate::app::widgets::notes::callout;

/// Draws a callout for each finding, or says that there is none.
pub fn health_ui(ui: &mut Ui, findings: &[HealthFinding], names: &HeadNames) {
    if findings.is_empty() {
        let checked = format!(
            "The heads are in good health: none takes more than {} of the gates, none is idle, gates are neither saturated nor \
             even between heads that are alike.",
            percent(LEADS_ALONE.into())
        );
        ui.scope(|ui| callout(ui, Level::Ok, &checked)).response.on_hover_text(thresholds());
    }
    for finding in findings {
        let text =
            format!("{}: {} {}", title(finding.kind), finding.in_words(&|head| names.title(head)), finding.next());
        ui.scope(|ui| callout(ui, Level::Warning, &text)).response.on_hover_text(thresholds());
    }
    ui.add_space(space::XS);
}

/// What counts as ill, for who wants to know.
fn thresholds() -> String {
    format!(
        "Collapse: a head's mean gate is above {LEADS_ALONE}. Deadlock: entropy above {EVEN} and a cosine of the heads' B above \
         {ALIKE}. Dead head: less than {} of an even share, and it leads no token. Saturated: more than {} of the tokens have \
         a gate above {SATURATED}.",
        percent(DEAD_SHARE.into()),
        percent(MOSTLY_SATURATED.into())
    )
}

fn title(kind: HealthKind) -> &'static str {
    match kind {
        HealthKind::Collapse => "Collapse",
        HealthKind::Deadlock => "Deadlock",
        HealthKind::DeadHead => "Dead head",
        HealthKind::Saturated => "Saturated gates",
    }
}
