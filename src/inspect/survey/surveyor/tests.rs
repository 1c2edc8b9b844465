use candle_core::Device;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::adapter::{AdapterSpec, Target};
use crate::inspect::survey::{MOST_TOPICS, statements};

const HEADS: usize = 3;

fn adapter() -> Adapter {
    let spec = AdapterSpec { targets: vec![Target::Q, Target::Up], ..AdapterSpec::default() };
    Adapter::new(&spec, 2, |_| (4, 4), 1, &Device::Cpu).unwrap()
}

fn topics(names: &[&str]) -> Topics {
    Topics::of_labels(names.iter().copied())
}

fn row(number: usize, ids: &[u32], topic: Option<usize>) -> SurveyRow {
    SurveyRow {
        tokens: TokenizedExample { ids: ids.to_vec(), supervised: vec![true; ids.len()], ..Default::default() },
        source: Source { file: "faq.jsonl".into(), line: number + 1 },
        topic,
        snippet: format!("question {number}"),
    }
}

/// Rows with gates from `gates`, called for every module and token; taken in as a pass would bring them.
fn take(surveyor: &mut Surveyor, rows: &[SurveyRow], mut gates: impl FnMut(Module, &SurveyRow, usize) -> [f32; HEADS]) {
    let batch = Batch::packed(&rows.iter().map(|row| &row.tokens).collect::<Vec<_>>());
    let of = |module: Module| {
        let of_row = |row| (0..SurveyRow::len(row)).map(move |token| (row, token));
        rows.iter().flat_map(of_row).flat_map(|(row, token)| gates(module, row, token)).collect()
    };
    let captured = surveyor.modules.clone().into_iter().map(of);
    let captured: Vec<Vec<f32>> = captured.collect();
    let captured = surveyor.modules.iter().copied().zip(captured).collect();
    surveyor.take(&captured, &batch, rows);
}

impl SurveyRow {
    fn len(&self) -> usize {
        self.tokens.ids.len()
    }
}

fn finished(mut surveyor: Surveyor) -> RoutingSurvey {
    while surveyor.shuffle() < 1.0 {}
    surveyor.finish(&adapter(), &|id| format!(" word{id}")).unwrap()
}

/// Sixty examples of two topics, noise, of which the second topic raises head 2 where `lift` is not 0; its examples hold
/// the token 7 more often.
fn surveyed(lift: f32, at_once: usize) -> RoutingSurvey {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let rows: Vec<SurveyRow> =
        (0..60).map(|i| row(i, if i % 2 == 1 { &[5, 7, 7, 6] } else { &[5, 6, 5] }, Some(i % 2))).collect();
    // Drawn beforehand, so that they do not depend on how many rows come at once.
    let noise: Vec<f32> = (0..60).map(|_| random.random_range(-0.04..0.04)).collect();
    let mut surveyor = Surveyor::new(&adapter(), &topics(&["sums", "rooms"]), rows.len());
    for rows in rows.chunks(at_once) {
        take(&mut surveyor, rows, |_, row, token| {
            let is_seven = row.tokens.ids[token] == 7;
            let up = noise[row.source.line - 1] + if is_seven { lift } else { 0.0 };
            [0.4 - up, 0.35, 0.25 + up]
        });
    }
    finished(surveyor)
}

#[test]
fn a_planted_pattern_is_said_and_names_its_head() {
    let survey = surveyed(0.3, 8);
    let told = statements(&survey, &|head| format!("Head {}", head + 1)).join("\n");
    assert!(told.contains("Head 3 prefers rooms"), "{told}");
    assert!(told.contains("Head 1 prefers sums"), "{told}");
    assert!(!told.contains("Head 2 prefers") && !told.contains("Head 2 slightly"), "{told}");
    let names: Vec<Option<&str>> = survey.portraits.iter().map(|portrait| portrait.suggested_name.as_deref()).collect();
    assert_eq!(names, [Some("sums"), None, Some("rooms")]);
    let tokens: Vec<&str> = survey.portraits[2].tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(tokens, [" word7"], "{:?}", survey.portraits[2]);
    assert!(survey.portraits[2].examples.iter().all(|example| example.topic.as_deref() == Some("rooms")));
    let means: Vec<f32> = survey.portraits[2].examples.iter().map(|example| example.mean).collect();
    assert!(means.len() == TOLD && means.is_sorted_by(|a, b| a >= b), "{means:?}");
}

#[test]
fn noise_is_given_no_words() {
    let survey = surveyed(0.0, 8);
    let told = statements(&survey, &|head| format!("Head {}", head + 1)).join("\n");
    assert!(told.contains("no head prefers a topic beyond chance") && !told.contains("prefers rooms"), "{told}");
    assert!(survey.portraits.iter().all(|portrait| portrait.suggested_name.is_none()), "{:?}", survey.portraits);
}

#[test]
fn the_same_comes_out_however_many_examples_come_at_once() {
    let (few, many) = (surveyed(0.3, 1), surveyed(0.3, 60));
    assert_eq!((few.examples, few.tokens), (60, 210));
    assert_eq!(few.topics, many.topics);
    assert_eq!(few.portraits, many.portraits);
    assert_eq!(few.association, many.association);
    let sum: f32 = few.overall.mean.iter().sum();
    assert!((sum - 1.0).abs() < 1e-5, "{:?}", few.overall);
}

#[test]
fn examples_without_a_topic_come_last_and_topics_without_examples_not_at_all() {
    let mut surveyor = Surveyor::new(&adapter(), &topics(&["none of it", "sums"]), 3);
    let rows = [row(0, &[1, 2], None), row(1, &[1, 2], Some(1)), row(2, &[1], Some(1))];
    take(&mut surveyor, &rows, |module, _, _| if module.layer == 0 { [0.5, 0.25, 0.25] } else { [0.1, 0.1, 0.8] });
    surveyor.skip();
    let survey = finished(surveyor);
    let named: Vec<(Option<&str>, usize)> =
        survey.topics.iter().map(|topic| (topic.topic.as_deref(), topic.examples)).collect();
    assert_eq!(named, [(Some("sums"), 2), (None, 1)]);
    assert_eq!((survey.examples, survey.skipped, survey.association.is_none()), (3, 1, true));
    assert_eq!(survey.topics[0].modules.len(), 4);
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near(&survey.topics[0].mean, &[0.3, 0.175, 0.525]), "{:?}", survey.topics[0]);
    assert!(near(&survey.topics[0].modules[3], &[0.1, 0.1, 0.8]), "{:?}", survey.topics[0]);
    assert_eq!(survey.modules[0].gates.leads, [1.0, 0.0, 0.0]);
    assert_eq!(survey.modules[0].similarity, None, "an adapter that has learnt nothing has no likeness");
}

#[test]
fn of_many_examples_an_even_selection_is_shuffled() {
    let mut surveyor = Surveyor::new(&adapter(), &topics(&["a", "b"]), 3 * TESTED);
    for i in 0..3 * TESTED {
        take(&mut surveyor, &[row(i, &[1], Some(i % 2))], |_, _, _| [0.5, 0.25, 0.25]);
    }
    assert_eq!(surveyor.sample.labels.len(), TESTED);
    let ones = surveyor.sample.labels.iter().filter(|label| **label == 1).count();
    assert!((ones as f32 / TESTED as f32 - 0.5).abs() < 0.02, "{ones}");
}

#[test]
fn a_pass_holds_some_examples_and_always_one() {
    assert_eq!(Surveyor::pass_size([PASS_TOKENS / 2, PASS_TOKENS / 2, 1].into_iter()), 2);
    assert_eq!(Surveyor::pass_size([5 * PASS_TOKENS, 1].into_iter()), 1);
}

#[test]
fn topics_that_are_not_told_apart_come_as_one_before_examples_without_any() {
    let labels: Vec<String> = (0..MOST_TOPICS).flat_map(|i| vec![format!("topic {i}"); 2]).collect();
    let rare = ["x", "y", "z"];
    let topics = Topics::of_labels(labels.iter().map(String::as_str).chain(rare));
    let mut surveyor = Surveyor::new(&adapter(), &topics, 5);
    let rows = [
        row(0, &[1], Some(0)),
        row(1, &[1], Some(MOST_TOPICS)),
        row(2, &[1], None),
        row(3, &[1], Some(MOST_TOPICS)),
        row(4, &[1], Some(MOST_TOPICS - 1)),
    ];
    take(&mut surveyor, &rows, |_, _, _| [0.5, 0.25, 0.25]);
    let survey = finished(surveyor);
    let told: Vec<(String, usize)> =
        survey.topics.iter().map(|topic| (topic.name().into_owned(), topic.examples)).collect();
    let expected = [("topic 0", 1), ("topic 199", 1), ("other (3 topics)", 2), ("no topic", 1)];
    assert_eq!(told, expected.map(|(name, examples)| (name.to_owned(), examples)));
    let words = statements(&survey, &|head| format!("Head {}", head + 1)).join(" ");
    assert!(words.contains("Only the 200 topics with the most examples are told apart"), "{words}");
    assert!(words.contains("3 more, with 2 examples here"), "{words}");
}

#[test]
fn a_snippet_is_one_short_line() {
    assert_eq!(snippet("Is\n  room 3 open?\t"), "Is room 3 open?");
    let long = snippet(&"ß".repeat(SNIPPET + 1));
    assert_eq!(long.chars().count(), SNIPPET + 1);
    assert!(long.ends_with('…'));
}
