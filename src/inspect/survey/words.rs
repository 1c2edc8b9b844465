//! A survey in words: only what is there beyond chance, with its spread.

use super::{MOST_TOPICS, Preference, RoutingSurvey, TopicAssociation};
use crate::adapter::EVEN;
use crate::figures::{count, counted};

/// Differences of mean gates below these are called slight, and bare: they can be sure and still hardly matter.
const SLIGHT: f32 = 0.05;
const BARE: f32 = 0.01;

/// What a survey shows, a sentence or two each. `label` names a head as the reader knows it: `Head 2`, or a name of its
/// own.
pub fn statements(survey: &RoutingSurvey, label: &dyn Fn(usize) -> String) -> Vec<String> {
    if survey.heads < 2 {
        return vec!["There is one head, so there is nothing to route.".to_owned()];
    }
    let mut told = vec![share_statement(survey, label)];
    told.extend(survey.health.iter().map(|finding| format!("{} {}", finding.in_words(label), finding.next())));
    told.extend(topic_statements(survey, label));
    told
}

/// How the heads share all tokens, in words.
pub fn share_statement(survey: &RoutingSurvey, label: &dyn Fn(usize) -> String) -> String {
    let gates = &survey.overall;
    let shares: Vec<String> =
        gates.mean.iter().enumerate().map(|(head, mean)| format!("{} {:.0} %", label(head), mean * 100.0)).collect();
    let even = if gates.entropy > EVEN {
        "nearly even: on average no head stands out for a token".to_owned()
    } else {
        format!("{:.0} % as spread out as they could be", gates.entropy * 100.0)
    };
    format!(
        "Over {} and {}, the gates go to {}. They are {even}.",
        counted(survey.examples, "example"),
        counted(survey.tokens, "token"),
        shares.join(", ")
    )
}

/// What topics and heads have to do with each other beyond chance, a sentence or two each.
pub fn topic_statements(survey: &RoutingSurvey, label: &dyn Fn(usize) -> String) -> Vec<String> {
    let named = survey.topics.iter().filter(|topic| topic.topic.is_some()).count();
    let Some(association) = &survey.association else {
        let why = match named {
            0 => "The examples have no topics, so heads cannot be compared by topic.".to_owned(),
            _ => "There are too few topics, or too few examples of them, to compare heads by topic.".to_owned(),
        };
        return std::iter::once(why).chain(gathered_words(survey)).collect();
    };
    let overall: Vec<&Preference> = association.preferences.iter().filter(|p| p.module.is_none()).collect();
    let mut told = Vec::new();
    for preference in overall.iter().filter(|preference| preference.effect > 0.0) {
        told.extend(preferred(survey, association, preference, label));
    }
    if overall.is_empty() {
        told.push(format!(
            "Over all modules together no head prefers a topic beyond chance: in {} shuffles of the topics, differences as \
             large came up by themselves.",
            count(association.shuffles)
        ));
    }
    told.extend(in_modules(survey, association, label));
    told.push(information(association));
    told.extend(gathered_words(survey));
    told
}

/// Which topics are not told apart, where there are such.
fn gathered_words(survey: &RoutingSurvey) -> Option<String> {
    let rest = survey.topics.iter().find(|topic| topic.gathered > 0)?;
    Some(format!(
        "Only the {MOST_TOPICS} topics with the most examples are told apart. The {} more, with {} here, are gathered as one \
         and take no part in the comparison.",
        rest.gathered,
        counted(rest.examples, "example")
    ))
}

fn preferred(
    survey: &RoutingSurvey,
    association: &TopicAssociation,
    preference: &Preference,
    label: &dyn Fn(usize) -> String,
) -> Option<String> {
    let topic = survey.topics.get(preference.topic)?;
    let head = label(preference.head);
    let spread = topic.deviation.get(preference.head)?;
    let verb = match preference.mean - preference.others {
        bare if bare < BARE => "barely prefers",
        slight if slight < SLIGHT => "slightly prefers",
        _ => "prefers",
    };
    let digits = telling_digits(preference);
    Some(format!(
        "{head} {verb} {}: mean gate {:.digits$} ± {spread:.digits$} from example to example, {:.digits$} on other topics ({}).",
        topic.topic.as_deref().unwrap_or("examples without a topic"),
        preference.mean,
        preference.others,
        chance(preference.p, association.shuffles)
    ))
}

/// Decimals that show the difference of the two mean gates to two digits, and at least two.
fn telling_digits(preference: &Preference) -> usize {
    let difference = (preference.mean - preference.others).abs().max(1e-5);
    (1.0 - difference.log10().floor()).clamp(2.0, 5.0) as usize
}

/// How often chance did as much.
fn chance(p: f32, shuffles: usize) -> String {
    let times = (p * (shuffles + 1) as f32).round() as usize;
    match times.saturating_sub(1) {
        0 => format!("chance never did as much in {} shuffles", count(shuffles)),
        1 => format!("chance did as much once in {} shuffles", count(shuffles)),
        times => format!("chance did as much {times} times in {} shuffles", count(shuffles)),
    }
}

fn in_modules(
    survey: &RoutingSurvey,
    association: &TopicAssociation,
    label: &dyn Fn(usize) -> String,
) -> Option<String> {
    let found: Vec<&Preference> = association.preferences.iter().filter(|p| p.module.is_some()).collect();
    let mut modules: Vec<_> = found.iter().filter_map(|preference| preference.module).collect();
    modules.sort_unstable();
    modules.dedup();
    let strongest = found.iter().filter(|p| p.effect > 0.0).max_by(|a, b| a.effect.total_cmp(&b.effect))?;
    let topic = survey.topics.get(strongest.topic)?.topic.as_deref()?;
    let many = if found.len() >= super::shuffle::TOLD { "at least " } else { "" };
    let digits = telling_digits(strongest);
    Some(format!(
        "In {many}{} of {} modules a head prefers a topic beyond chance, most of all in {}: {} for {topic}, mean gate \
         {:.digits$} against {:.digits$}.",
        modules.len(),
        survey.modules.len(),
        strongest.module?,
        label(strongest.head),
        strongest.mean,
        strongest.others
    ))
}

fn information(association: &TopicAssociation) -> String {
    let TopicAssociation { nmi, nmi_by_chance, token_nmi, .. } = association;
    let verdict = match nmi - nmi_by_chance {
        much if much > 0.5 => "topics and heads go largely together",
        some if some > 0.1 => "a topic tells something of the head that leads, and far from all",
        _ => "no topic belongs to one head: every token goes to all heads, by its gates",
    };
    format!(
        "Topic and leading head share {nmi:.2} of their information ({nmi_by_chance:.2} by chance; token by token \
         {token_nmi:.2}): {verdict}."
    )
}

#[cfg(test)]
mod tests {
    use super::super::{GateSummary, TopicRouting};
    use super::*;

    fn topic(name: &str, mean: &[f32]) -> TopicRouting {
        TopicRouting {
            topic: Some(name.into()),
            gathered: 0,
            examples: 20,
            tokens: 400,
            gates: GateSummary { mean: mean.to_vec(), ..GateSummary::default() },
            mean: mean.to_vec(),
            deviation: vec![0.04; mean.len()],
            error: vec![0.01; mean.len()],
            leads: vec![10; mean.len()],
            modules: Vec::new(),
        }
    }

    fn survey(preferences: Vec<Preference>) -> RoutingSurvey {
        RoutingSurvey {
            heads: 2,
            examples: 40,
            tokens: 800,
            skipped: 0,
            overall: GateSummary { mean: vec![0.55, 0.45], leads: vec![0.6, 0.4], entropy: 0.9, saturated: 0.0 },
            modules: Vec::new(),
            topics: vec![topic("sums", &[0.65, 0.35]), topic("rooms", &[0.45, 0.55])],
            association: Some(TopicAssociation {
                shuffles: 1000,
                examples: 40,
                nmi: 0.3,
                nmi_by_chance: 0.02,
                nmi_p: 0.001,
                token_nmi: 0.05,
                preferences,
            }),
            portraits: Vec::new(),
            health: Vec::new(),
        }
    }

    fn told(survey: &RoutingSurvey) -> String {
        statements(survey, &|head| format!("Head {}", head + 1)).join("\n")
    }

    #[test]
    fn a_preference_is_told_with_its_spread_and_how_often_chance_did_as_much() {
        let preference =
            Preference { head: 0, topic: 0, module: None, mean: 0.65, others: 0.45, effect: 2.0, p: 1.0 / 1001.0 };
        let told = told(&survey(vec![preference]));
        assert!(told.contains("Head 1 prefers sums: mean gate 0.65 ± 0.04"), "{told}");
        assert!(told.contains("chance never did as much in 1,000 shuffles"), "{told}");
        assert!(told.contains("Head 1 55 %, Head 2 45 %"), "{told}");
        assert!(!told.contains("no head prefers"), "{told}");
    }

    #[test]
    fn a_sure_but_small_difference_is_called_slight() {
        let preference =
            Preference { head: 1, topic: 1, module: None, mean: 0.47, others: 0.45, effect: 0.6, p: 4.0 / 1001.0 };
        let told = told(&survey(vec![preference]));
        assert!(told.contains("Head 2 slightly prefers rooms") && told.contains("3 times in 1,000"), "{told}");
    }

    #[test]
    fn a_tiny_difference_is_told_with_the_digits_that_show_it() {
        let preference =
            Preference { head: 0, topic: 0, module: None, mean: 0.2008, others: 0.1995, effect: 1.5, p: 1.0 / 1001.0 };
        let told = told(&survey(vec![preference]));
        let words =
            "Head 1 barely prefers sums: mean gate 0.2008 ± 0.0400 from example to example, 0.1995 on other topics";
        assert!(told.contains(words), "{told}");
    }

    #[test]
    fn without_a_pattern_none_is_told() {
        let told = told(&survey(Vec::new()));
        assert!(told.contains("no head prefers a topic beyond chance"), "{told}");
        assert!(!told.contains("sums"), "{told}");
    }

    #[test]
    fn without_topics_that_is_said() {
        let bare = RoutingSurvey { topics: Vec::new(), association: None, ..survey(Vec::new()) };
        assert!(told(&bare).contains("have no topics"), "{}", told(&bare));
        let single = RoutingSurvey { heads: 1, ..bare };
        assert_eq!(told(&single), "There is one head, so there is nothing to route.");
    }
}
