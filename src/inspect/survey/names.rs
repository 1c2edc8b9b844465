//! Names for heads, from what they attract: a topic that a head prefers beyond chance, else the words that surely raise
//! its gate. Where there is neither, a head has its number.

use super::RoutingSurvey;

/// A word must raise a head's gate by this factor to give it a name.
const LIFT: f32 = 1.25;
/// Words of a name.
const WORDS: usize = 2;

/// Puts names into the portraits of a survey. A topic names the head that prefers it most.
pub(super) fn suggest(survey: &mut RoutingSurvey) {
    let mut by_topic: Vec<(usize, usize, f32)> = survey
        .association
        .iter()
        .flat_map(|association| &association.preferences)
        .filter(|preference| preference.module.is_none() && preference.effect > 0.0)
        .map(|preference| (preference.head, preference.topic, preference.effect))
        .collect();
    by_topic.sort_by(|a, b| b.2.total_cmp(&a.2));
    let mut named: Vec<(usize, usize)> = Vec::new();
    for (head, topic, _) in by_topic {
        if named.iter().all(|(other, taken)| *other != head && *taken != topic) {
            named.push((head, topic));
        }
    }
    for portrait in &mut survey.portraits {
        let topic =
            named.iter().find(|(head, _)| *head == portrait.head).and_then(|(_, topic)| survey.topics.get(*topic));
        portrait.suggested_name = topic.and_then(|topic| topic.topic.clone()).or_else(|| {
            let words: Vec<&str> = portrait
                .tokens
                .iter()
                .filter(|token| token.lift >= LIFT)
                .map(|token| token.text.trim())
                .filter(|text| text.chars().count() > 1 && text.chars().all(char::is_alphanumeric))
                .take(WORDS)
                .collect();
            (!words.is_empty()).then(|| words.iter().map(|word| format!("“{word}”")).collect::<Vec<_>>().join(", "))
        });
    }
}
