//! What is said of the module that is chosen, beside what the survey says of all of them.

use crate::adapter::Module;
use crate::app::state::HeadNames;
use crate::app::widgets::figures::percent;
use crate::inspect::RoutingSurvey;
use crate::inspect::survey::Preference;

/// The figures of a module, and the topics that its heads prefer or avoid beyond chance.
pub fn module_words(survey: &RoutingSurvey, module: Module, names: &HeadNames) -> Vec<String> {
    let Some(found) = survey.modules.iter().find(|other| other.module == module) else { return Vec::new() };
    let mut lines = vec![format!(
        "{module}: entropy {:.3}, {} of its tokens saturated{}.",
        found.gates.entropy,
        percent(found.gates.saturated.into()),
        found.similarity.map_or_else(String::new, |cosine| format!(", cosine of the heads' B {cosine:.3}"))
    )];
    let own = survey.association.iter().flat_map(|association| &association.preferences);
    let own = own.filter(|preference| preference.module == Some(module));
    lines.extend(own.map(|preference| preference_words(survey, preference, names)));
    lines
}

fn preference_words(survey: &RoutingSurvey, preference: &Preference, names: &HeadNames) -> String {
    let topic = survey.topics.get(preference.topic).and_then(|topic| topic.topic.as_deref()).unwrap_or("no topic");
    let verb = if preference.effect < 0.0 { "avoids" } else { "prefers" };
    format!(
        "In this module {} {verb} {topic} beyond chance: mean gate {:.3} there, {:.3} on other topics.",
        names.title(preference.head),
        preference.mean,
        preference.others
    )
}
