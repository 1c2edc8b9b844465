//! The health of the heads in words, with what was measured.

use egui::Ui;

use crate::adapter::{ALIKE, DEAD_SHARE, EVEN, HealthFinding, HealthKind, LEADS_ALONE, MOSTLY_SATURATED, SATURATED};
use crate::app::state::HeadNames;
use crate::app::theme::space;
use crate::app::toasts::Level;
use crate::app::widgets::figures::{counted, figure, percent};
use crate::app::widgets::notes::callout;

/// Modules that are named before the rest are counted.
const NAMED: usize = 3;

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
        let text = finding_words(finding, names);
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

/// A finding in words: what is wrong, where, and what may help.
pub fn finding_words(finding: &HealthFinding, names: &HeadNames) -> String {
    let place = place_words(finding);
    let heads: Vec<String> = finding.heads.iter().map(|head| names.title(*head)).collect();
    let (most, share) = (figure(finding.figure.into()), percent(finding.figure.into()));
    match finding.kind {
        HealthKind::Collapse => {
            let who = if heads.is_empty() { "One head".to_owned() } else { heads.join(" and ") };
            format!(
                "Collapse: {who} takes nearly all of the gates{place} (a mean gate of {most}), and the other heads hardly \
                 learn. Another seed or a lower learning rate may help."
            )
        }
        HealthKind::Deadlock => format!(
            "Deadlock: the gates are even and the heads alike{place} (a cosine of {most}), so that no head becomes another \
             than the rest. More steps or a higher learning rate may help; so may fewer heads."
        ),
        HealthKind::DeadHead => {
            let (who, takes) = match heads.as_slice() {
                [] => ("Some heads".to_owned(), "take"),
                [only] => (only.clone(), "takes"),
                _ => (heads.join(" and "), "take"),
            };
            format!(
                "Dead head: {who} {takes} next to nothing{place} (a mean gate of {most}) and {}. Fewer heads would do the \
                 same work.",
                if takes == "takes" { "leads no token" } else { "lead no token" }
            )
        }
        HealthKind::Saturated => format!(
            "Saturated gates: {share} of the tokens go to one head alone{place}, though not all to the same. The router hardly \
             learns from them any more; a lower learning rate may help."
        ),
    }
}

/// Where it is so: nothing where it is so over all modules together.
fn place_words(finding: &HealthFinding) -> String {
    if finding.modules.is_empty() {
        return String::new();
    }
    let named: Vec<String> = finding
        .modules
        .iter()
        .take(NAMED)
        .map(|module| format!("layer {} {}", module.layer + 1, module.target.name()))
        .collect();
    let rest = match finding.modules.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let of = counted(finding.of_modules, "module");
    format!(" in {} of {of}, {}{rest}", finding.modules.len(), named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Module, Target};

    fn finding(kind: HealthKind, heads: &[usize], layers: usize) -> HealthFinding {
        let modules = (0..layers).map(|layer| Module { layer, target: Target::Up }).collect();
        HealthFinding { kind, heads: heads.to_vec(), modules, of_modules: 210, figure: 0.94 }
    }

    #[test]
    fn findings_name_heads_as_the_screen_does_and_say_where() {
        let names = HeadNames::new(vec![None, Some("sums".into())]);
        let words = finding_words(&finding(HealthKind::Collapse, &[1], 0), &names);
        assert!(
            words.starts_with("Collapse: Head 2 · sums takes nearly all of the gates (a mean gate of 0.940)"),
            "{words}"
        );
        let words = finding_words(&finding(HealthKind::DeadHead, &[0, 1], 5), &names);
        let place = "in 5 of 210 modules, layer 1 up_proj, layer 2 up_proj, layer 3 up_proj and 2 more";
        assert!(words.contains(place) && words.contains("Head 1 and Head 2 · sums take next to nothing"), "{words}");
        assert!(finding_words(&finding(HealthKind::Saturated, &[], 0), &names).contains("94 % of the tokens"));
        assert!(finding_words(&finding(HealthKind::Deadlock, &[], 1), &names).contains("a cosine of 0.940"));
    }
}
