//! Routing in words: which head leads where, how even the gates are, and what that means. Honest before impressive.

use crate::adapter::{EVEN, LEADS_ALONE};
use crate::app::state::HeadNames;
use crate::app::widgets::figures::{count, counted, percent};
use crate::app::widgets::token_strip::visible;
use crate::worker::protocol::RoutingReport;

use super::digest::{Choice, Digest, TokenGates, leader};

/// Evenness up to which the router is said to choose clearly.
const CLEAR: f32 = 0.8;

/// How the router spreads its work over heads and layers, for the modules of `choice`.
pub fn grid_summary(digest: &Digest, choice: Choice, names: &HeadNames) -> String {
    if digest.heads < 2 {
        return "There is one head, so every token goes to it and there is nothing to route.".to_owned();
    }
    if digest.modules.is_empty() {
        return "The report holds no gates.".to_owned();
    }
    [
        leaders_by_layer(digest, choice, names),
        evenness_words(digest, choice, names),
        strongest_module(digest, choice, names),
    ]
    .join(" ")
}

fn leaders_by_layer(digest: &Digest, choice: Choice, names: &HeadNames) -> String {
    let mut led = vec![0usize; digest.heads];
    let mut layers = 0;
    for layer in 0..digest.layers {
        let choice = Choice { layer: Some(layer), ..choice };
        if digest.chosen(choice).next().is_none() {
            continue;
        }
        layers += 1;
        if let Some(count) = leader(&digest.load(choice)).and_then(|(head, _)| led.get_mut(head)) {
            *count += 1;
        }
    }
    let mut order: Vec<(usize, usize)> = led.into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
    order.sort_by_key(|(head, count)| (std::cmp::Reverse(*count), *head));
    let told = order.iter().take(4).map(|(head, count)| format!("{} leads in {count}", names.title(*head)));
    format!("Of {}, {}.", counted(layers, "layer"), told.collect::<Vec<_>>().join(", "))
}

/// What the evenness and the loads mean.
fn evenness_words(digest: &Digest, choice: Choice, names: &HeadNames) -> String {
    let evenness = digest.evenness(choice);
    let load = digest.load(choice);
    if let Some((head, most)) = leader(&load)
        && most >= LEADS_ALONE
    {
        return format!(
            "{} takes {} of the weight: the router has collapsed onto one head, and the others hardly count.",
            names.title(head),
            percent(most.into())
        );
    }
    match evenness {
        e if e >= EVEN => format!(
            "Gates are nearly even (entropy {e:.2} of 1): every token uses all heads about alike, and differences \
             between heads are small."
        ),
        e if e > CLEAR => format!("Gates lean towards some heads but use all of them (entropy {e:.2} of 1)."),
        e => format!("The router chooses clearly (entropy {e:.2} of 1): most tokens use few heads."),
    }
}

fn strongest_module(digest: &Digest, choice: Choice, names: &HeadNames) -> String {
    let strongest = digest
        .chosen(choice)
        .filter_map(|sum| leader(&sum.load).map(|(head, gate)| (sum.module, head, gate)))
        .max_by(|a, b| a.2.total_cmp(&b.2));
    strongest.map_or_else(String::new, |(module, head, gate)| {
        format!("The largest mean gate is {gate:.2}, of {} in {module}.", names.title(head))
    })
}

/// How the tokens of a text divide among the heads.
pub fn token_summary(report: &RoutingReport, gates: &TokenGates, names: &HeadNames) -> String {
    if gates.heads < 2 {
        return "With one head, every token has a gate of 1.".to_owned();
    }
    let mut led = vec![0usize; gates.heads];
    let mut strongest: Option<(usize, usize, f32)> = None;
    for token in 0..report.tokens.len() {
        let Some((head, gate)) = gates.leader(token) else { continue };
        if let Some(count) = led.get_mut(head) {
            *count += 1;
        }
        if strongest.is_none_or(|(_, _, most)| gate > most) {
            strongest = Some((token, head, gate));
        }
    }
    let told: Vec<String> = led
        .iter()
        .enumerate()
        .filter(|(_, led)| **led > 0)
        .map(|(head, led)| format!("{} leads {}", names.title(head), count(*led)))
        .collect();
    let mut text = format!("Of {}, {}.", counted(report.tokens.len(), "token"), told.join(", "));
    if let Some((token, head, gate)) = strongest {
        let word = report.tokens.get(token).map_or_else(String::new, |token| visible(token.text.trim()));
        text += &format!(" The largest gate is {gate:.2}, of {} at “{word}”.", names.title(head));
        if gate < 1.25 / gates.heads as f32 {
            text += " That is close to an even share, so the colours mark slight leanings.";
        }
    }
    text + &supervised_words(report, gates, names)
}

/// Where the answer is routed otherwise than the rest of the text.
fn supervised_words(report: &RoutingReport, gates: &TokenGates, names: &HeadNames) -> String {
    let mean = |supervised: bool| -> Option<Vec<f32>> {
        let mut sum = vec![0.0; gates.heads];
        let mut count = 0usize;
        for (i, _) in report.tokens.iter().enumerate().filter(|(_, token)| token.supervised == supervised) {
            count += 1;
            sum.iter_mut().zip(gates.of(i)).for_each(|(sum, gate)| *sum += gate);
        }
        (count > 0).then(|| sum.into_iter().map(|sum| sum / count as f32).collect())
    };
    let (Some(answer), Some(rest)) = (mean(true), mean(false)) else { return String::new() };
    match (leader(&answer), leader(&rest)) {
        (Some((head, gate)), Some((other, _))) if head != other => format!(
            " The answer leans to {} (mean gate {gate:.2}), the text before it to {}.",
            names.title(head),
            names.title(other)
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Module, Target};
    use crate::worker::protocol::{ModuleGates, TokenView};

    fn report(heads: usize, gates: &[&[f32]]) -> RoutingReport {
        let tokens = gates.first().map_or(0, |g| g.len() / heads);
        let token = |i: usize| TokenView { text: format!(" word{i}"), supervised: i + 1 == tokens };
        let module = |(layer, gates): (usize, &&[f32])| ModuleGates {
            module: Module { layer, target: Target::Q },
            gates: gates.to_vec(),
        };
        RoutingReport {
            title: "Test".into(),
            at: None,
            heads,
            tokens: (0..tokens).map(token).collect(),
            modules: gates.iter().enumerate().map(module).collect(),
        }
    }

    fn told(report: &RoutingReport) -> (String, String) {
        let mut digest = Digest::new(report);
        digest.advance(report, usize::MAX);
        let gates = digest.token_gates(report, Choice::default());
        let names = HeadNames::default();
        (grid_summary(&digest, Choice::default(), &names), token_summary(report, &gates, &names))
    }

    #[test]
    fn even_gates_are_called_nearly_even() {
        let (grid, tokens) = told(&report(2, &[&[0.51, 0.49, 0.5, 0.5]]));
        assert!(grid.contains("Gates are nearly even"), "{grid}");
        assert!(tokens.contains("close to an even share"), "{tokens}");
    }

    #[test]
    fn a_clear_choice_names_leaders_and_the_strongest_module() {
        let (grid, tokens) = told(&report(2, &[&[0.95, 0.05, 0.1, 0.9], &[0.95, 0.05, 0.9, 0.1]]));
        assert!(grid.starts_with("Of 2 layers, Head 1 leads in 2."), "{grid}");
        assert!(grid.contains("chooses clearly") && grid.contains("model.layers.1.self_attn.q_proj"), "{grid}");
        assert!(tokens.contains("at “word0”"), "{tokens}");
    }

    #[test]
    fn a_collapse_is_said_in_words() {
        let (grid, _) = told(&report(3, &[&[0.98, 0.01, 0.01, 0.97, 0.02, 0.01]]));
        assert!(grid.contains("Head 1 takes 98 % of the weight: the router has collapsed"), "{grid}");
    }

    #[test]
    fn an_answer_routed_otherwise_is_told() {
        let (_, tokens) = told(&report(2, &[&[0.9, 0.1, 0.8, 0.2, 0.2, 0.8]]));
        assert!(
            tokens.contains("The answer leans to Head 2 (mean gate 0.80), the text before it to Head 1."),
            "{tokens}"
        );
    }

    #[test]
    fn one_head_has_nothing_to_route() {
        let (grid, tokens) = told(&report(1, &[&[1.0, 1.0]]));
        assert!(grid.contains("one head") && tokens.contains("every token has a gate of 1"));
    }
}
