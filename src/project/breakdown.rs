//! One small LoRA for each topic of the data, to see whether what they learn differs in `A` or in `B` (the paper's Figures 2
//! and 3).

use crate::adapter::Method;
use crate::train::{RouterInit, TrainSettings};

use super::Sweep;
use super::sweep::{SweepError, Variant};

/// A LoRA of `base` for every topic: all else is the same, the seed too, so that only the data differs.
///
/// # Errors
/// When there are fewer than two topics or too many, or the settings make no sense.
pub fn breakdown(base: &TrainSettings, topics: &[String]) -> Result<Vec<Variant>, SweepError> {
    if topics.len() < 2 {
        return Err(SweepError::Settings(
            "a breakdown needs data with at least two topics: name a topic column on the Data page".into(),
        ));
    }
    if topics.len() > Sweep::MOST {
        return Err(SweepError::TooMany { count: topics.len(), most: Sweep::MOST });
    }
    topics.iter().enumerate().map(|(number, topic)| of_topic(base, number, topic)).collect()
}

fn of_topic(base: &TrainSettings, number: usize, topic: &str) -> Result<Variant, SweepError> {
    let settings = TrainSettings {
        method: Method::Lora,
        heads: 1,
        router_init: RouterInit::Random,
        top_k_heads: None,
        init_adapter: None,
        only_topic: Some(topic.to_owned()),
        ..base.clone()
    };
    settings.validate().map_err(SweepError::Settings)?;
    let folder = format!("{}-{}", number + 1, in_file_name(topic));
    Ok(Variant { folder, title: format!("LoRA on {topic}"), settings })
}

/// Letters and digits of a text, what lies between them as one dash each, cut where it is long.
fn in_file_name(text: &str) -> String {
    const LONGEST: usize = 32;
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-").to_lowercase();
    let name: String = name.chars().take(LONGEST).collect();
    if name.is_empty() { "topic".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_topic_has_a_lora_that_differs_in_nothing_else() {
        let base = TrainSettings {
            heads: 5,
            rank: 4,
            seed: 11,
            router_init: RouterInit::Topics,
            top_k_heads: Some(2),
            init_adapter: Some("start".into()),
            ..TrainSettings::default()
        };
        let variants = breakdown(&base, &topics(&["Law & order", "Code"])).unwrap();
        let named: Vec<(&str, &str)> = variants.iter().map(|v| (v.folder.as_str(), v.title.as_str())).collect();
        assert_eq!(named, [("1-law-order", "LoRA on Law & order"), ("2-code", "LoRA on Code")]);
        let [law, code] = &variants[..] else { panic!("{variants:?}") };
        assert_eq!(law.settings, TrainSettings { only_topic: Some("Law & order".into()), ..code.settings.clone() });
        assert_eq!((code.settings.method, code.settings.rank, code.settings.seed), (Method::Lora, 4, 11));
        assert!(code.settings.init_adapter.is_none() && code.settings.adapter_spec().heads == 1);
    }

    #[test]
    fn too_few_topics_too_many_and_settings_without_sense_are_refused() {
        let base = TrainSettings::default();
        assert!(breakdown(&base, &topics(&["one"])).unwrap_err().to_string().contains("at least two topics"));
        let many: Vec<String> = (0..65).map(|i| i.to_string()).collect();
        assert_eq!(breakdown(&base, &many), Err(SweepError::TooMany { count: 65, most: 64 }));
        let bad = TrainSettings { rank: 0, ..base };
        assert!(matches!(breakdown(&bad, &topics(&["a", "b"])), Err(SweepError::Settings(_))));
    }

    #[test]
    fn topics_in_any_script_make_names_for_folders() {
        assert_eq!(in_file_name("日本 の 法律"), "日本-の-法律");
        assert_eq!((in_file_name("../.."), in_file_name(&"a".repeat(99)).len()), ("topic".into(), 32));
    }
}
