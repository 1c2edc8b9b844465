//! A survey in words. What is said of topics and heads is what a test against shuffled topics allows, and no more: dense
//! routing of single tokens rarely maps one topic to one head.

use crate::adapter::Module;
use crate::app::state::HeadNames;
use crate::app::widgets::figures::{count, figure, percent};
use crate::inspect::RoutingSurvey;
use crate::inspect::survey::{Preference, TopicAssociation};

use super::super::digest::{Choice, leader};

/// A share of the shuffles below which a pattern is said to be beyond chance.
const BEYOND_CHANCE: f32 = 0.05;
/// Preferences that are told before the rest are counted.
const TOLD: usize = 6;

/// How the heads share all tokens.
pub fn survey_words(survey: &RoutingSurvey, names: &HeadNames) -> String {
    if survey.heads < 2 {
        return "There is one head, so every token goes to it and there is nothing to route.".to_owned();
    }
    let mean = &survey.overall.mean;
    let leads = &survey.overall.leads;
    let (Some((head, most)), Some((first, led))) = (leader(mean), leader(leads)) else {
        return "The survey holds no gates.".to_owned();
    };
    let evenness = survey.overall.entropy;
    format!(
        "Over {} tokens {} has the largest mean gate, {most:.3} where an even share is {:.3}; {} leads the most tokens, {}. \
         Gates have {} of the largest possible entropy.",
        count(survey.tokens),
        names.title(head),
        1.0 / survey.heads as f32,
        names.title(first),
        percent(led.into()),
        percent(evenness.into())
    )
}

/// What else is known of the module that is chosen.
pub fn module_words(survey: &RoutingSurvey, choice: Choice, names: &HeadNames) -> Vec<String> {
    let (Some(layer), Some(target)) = (choice.layer, choice.kind) else { return Vec::new() };
    let wanted = Module { layer, target };
    let Some(found) = survey.modules.iter().find(|module| module.module == wanted) else { return Vec::new() };
    let mut lines = vec![format!(
        "{wanted}: entropy {:.3}, {} of its tokens saturated{}.",
        found.gates.entropy,
        percent(found.gates.saturated.into()),
        found.similarity.map_or_else(String::new, |cosine| format!(", cosine of the heads' B {cosine:.3}"))
    )];
    let own = survey.association.iter().flat_map(|association| &association.preferences);
    lines
        .extend(own.filter(|preference| preference.module == Some(wanted)).map(|p| preference_words(survey, p, names)));
    lines
}

/// What topics and heads have to do with each other, sentence by sentence.
pub fn topic_words(survey: &RoutingSurvey, names: &HeadNames) -> Vec<String> {
    let Some(association) = &survey.association else {
        return vec![
            "Whether heads prefer topics cannot be said: it takes at least two topics of two examples each.".to_owned(),
        ];
    };
    let mut lines = vec![nmi_words(association)];
    let over_all: Vec<&Preference> = association.preferences.iter().filter(|p| p.module.is_none()).collect();
    let in_modules = association.preferences.len() - over_all.len();
    if association.preferences.is_empty() {
        lines.push(
            "No head prefers or avoids a topic beyond what chance would draw. That is usual: dense routing of single tokens \
             rarely maps one topic to one head."
                .to_owned(),
        );
        return lines;
    }
    if over_all.is_empty() {
        lines.push(
            "Over all modules together no head prefers or avoids a topic beyond what chance would draw.".to_owned(),
        );
    }
    lines.extend(over_all.iter().take(TOLD).map(|preference| preference_words(survey, preference, names)));
    if over_all.len() > TOLD {
        lines.push(format!("And {} weaker ones.", over_all.len() - TOLD));
    }
    let single = association.preferences.iter().filter(|p| p.module.is_some());
    lines.extend(single.take(TOLD / 2).map(|preference| preference_words(survey, preference, names)));
    if in_modules > TOLD / 2 {
        lines.push(format!(
            "And {} more in single modules: choose one in the grid above to read its own.",
            in_modules - TOLD / 2
        ));
    }
    lines
}

/// How much the leading head tells of the topic, beside what shuffled topics give.
fn nmi_words(association: &TopicAssociation) -> String {
    let is_beyond = association.nmi_p < BEYOND_CHANCE;
    let verdict = if is_beyond {
        "more than chance gives, though 1 would be one topic, one head"
    } else {
        "no more than chance may give"
    };
    format!(
        "Topics and the heads that lead their examples share {} of their information (normalised, 0 to 1): {verdict}. With \
         topics shuffled {} times over {} examples it is {} on average{}. Token by token it is {}.",
        figure(association.nmi.into()),
        count(association.shuffles),
        count(association.examples),
        figure(association.nmi_by_chance.into()),
        p_words(association.nmi_p, association.shuffles),
        figure(association.token_nmi.into())
    )
}

/// How often chance does as much.
fn p_words(p: f32, shuffles: usize) -> String {
    if p * shuffles as f32 <= 1.0 {
        format!(", and next to none of them gives as much (p ≤ {})", figure((1.0 / shuffles.max(1) as f32).into()))
    } else {
        format!(", and {} of them give as much (p = {})", percent(p.into()), figure(p.into()))
    }
}

/// One preference: `Head 2 prefers arithmetic: mean gate 0.45 there, 0.31 elsewhere (…)`.
fn preference_words(survey: &RoutingSurvey, preference: &Preference, names: &HeadNames) -> String {
    let topic = survey.topics.get(preference.topic).and_then(|topic| topic.topic.as_deref()).unwrap_or("no topic");
    let verb = if preference.effect < 0.0 { "avoids" } else { "prefers" };
    let place = preference
        .module
        .map_or_else(String::new, |module| format!(" in layer {} {}", module.layer + 1, module.target.name()));
    format!(
        "{}{place} {verb} {topic}: mean gate {:.3} there, {:.3} elsewhere, {:+.1} standard deviations of an example (p {} \
         after correction for all heads and topics).",
        names.title(preference.head),
        preference.mean,
        preference.others,
        preference.effect,
        if preference.p < 0.001 { "< 0.001".to_owned() } else { format!("= {:.3}", preference.p) }
    )
}
