//! The engine on planted and on clean rows.

use std::time::Instant;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::data::{ColumnMap, Dropped, DroppedRows, Example, Examples, Message, Role, Source, import, split};
use crate::job::Job;

fn example(line: usize, question: &str, answer: &str) -> Example {
    let message = |role, content: &str| Message { role, content: content.into() };
    Example {
        messages: vec![message(Role::User, question), message(Role::Assistant, answer)],
        topic: None,
        source: Source { file: "rows.jsonl".into(), line },
    }
}

/// A text of `words` words that no other has by chance.
fn prose(rng: &mut ChaCha8Rng, words: usize) -> Vec<String> {
    (0..words).map(|_| format!("w{}", rng.random_range(0..5_000))).collect()
}

fn stored(examples: &[Example]) -> Examples {
    Examples::of(examples.iter().cloned()).unwrap()
}

fn found(examples: &[Example], held_out: &[usize]) -> Vec<(Fault, usize, String)> {
    let audit = audit(&stored(examples), &DroppedRows::default(), held_out, &Job::silent()).unwrap();
    let told = |finding: &Finding| (finding.fault, finding.source.line, finding.reason.clone());
    audit.findings.iter().map(told).collect()
}

#[test]
fn the_bundled_data_is_clean() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/examples.jsonl");
    let import = import(&[data], &ColumnMap::default(), &Job::silent()).unwrap();
    let held_out = split(&import.examples, 0.05, 42).held_out;
    let audit = audit(&import.examples, &import.dropped, &held_out, &Job::silent()).unwrap();
    let told: Vec<&Finding> = audit.findings.iter().take(5).collect();
    assert_eq!((audit.findings.total(), &audit.note), (0, &None), "{told:#?}");
}

#[test]
fn texts_drawn_at_random_have_no_faults() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let examples: Vec<Example> = (0..2_000)
        .map(|row| {
            let (question, answer) = (rng.random_range(3..40), rng.random_range(3..120));
            example(row + 1, &prose(&mut rng, question).join(" "), &prose(&mut rng, answer).join(" "))
        })
        .collect();
    assert_eq!(found(&examples, &[3, 900]), []);
}

#[test]
fn every_fault_of_a_row_is_told_with_its_line() {
    let broken = [
        (Fault::EmptyAnswer, "n/a"),
        (Fault::Mojibake, "un cafÃ© crÃ¨me"),
        (Fault::MixedEncodings, "it\u{92}s fine"),
        (Fault::ControlCharacters, "a bell\u{7}"),
        (Fault::PersonalData, "write to ada@engine.uk"),
    ];
    let mut examples: Vec<Example> = (1..=20).map(|n| example(n, &format!("Ask {n}?"), &format!("Say {n}."))).collect();
    for (row, (_, answer)) in broken.iter().enumerate() {
        examples[row * 3].messages[1].content = (*answer).into();
    }
    examples[17].messages.insert(1, Message { role: Role::User, content: "And?".into() });
    let dropped = [
        Dropped { source: Source { file: "a".into(), line: 7 }, reason: "the answer in \"output\" is empty".into() },
        Dropped { source: Source { file: "a".into(), line: 8 }, reason: "the row is broken JSON".into() },
    ];
    let mut rows = DroppedRows::default();
    dropped.iter().for_each(|dropped| rows.push(dropped).unwrap());
    let audit = audit(&stored(&examples), &rows, &[], &Job::silent()).unwrap();
    let mut told: Vec<(Fault, usize)> = audit.findings.iter().map(|found| (found.fault, found.source.line)).collect();
    let mut expected: Vec<(Fault, usize)> =
        broken.iter().enumerate().map(|(row, (fault, _))| (*fault, row * 3 + 1)).collect();
    expected.extend([(Fault::RoleOrder, 18), (Fault::EmptyAnswer, 7), (Fault::Dropped, 8)]);
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert!(audit.findings.rows(Fault::EmptyAnswer).eq([0]), "a dropped row is no example");
}

#[test]
fn copies_are_told_with_the_first_and_near_ones_apart() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut examples: Vec<Example> =
        (1..=50).map(|line| example(line, &prose(&mut rng, 12).join(" "), &prose(&mut rng, 30).join(" "))).collect();
    examples[20].messages = examples[10].messages.clone();
    examples[30].messages = examples[10].messages.clone();
    examples[40].messages = examples[5].messages.clone();
    examples[40].messages[1].content = examples[5].messages[1].content.replacen('w', "v", 1).to_uppercase();
    let exact = |line| (Fault::ExactDuplicate, line, "it says the same as line 11".to_owned());
    let near = (Fault::NearDuplicate, 41, "it differs in a few words from line 6".to_owned());
    assert_eq!(found(&examples, &[]), [exact(21), exact(31), near.clone()]);

    // One of the pair measures: that is the one to drop.
    let across = |line, of: &str| {
        (Fault::AcrossSplit, line, format!("it measures, and {of}, which is trained on, says the same or nearly so"))
    };
    assert_eq!(found(&examples, &[5]), [across(6, "line 41"), exact(21), exact(31)]);
    assert_eq!(found(&examples, &[10, 20, 30]), [exact(21), exact(31), near.clone()], "all on one side");

    examples[20].source = Source { file: "test.jsonl".into(), line: 1 };
    let told = found(&examples, &[]);
    assert_eq!(told, [across(1, "rows.jsonl:11"), exact(31), near]);
}

/// A text with one edit such as people and exports make.
fn edited(rng: &mut ChaCha8Rng, words: &[String]) -> String {
    let mut words = words.to_vec();
    let at = rng.random_range(0..words.len());
    match rng.random_range(0..4) {
        0 => words[at] = format!("x{}", rng.random_range(0..5_000)),
        1 => drop(words.remove(at)),
        2 => words.insert(at, "really".into()),
        _ => words.iter_mut().for_each(|word| *word = format!("{},", word.to_uppercase())),
    }
    words.join(" ")
}

#[test]
fn planted_edits_are_found_and_other_rows_are_not() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let texts: Vec<[Vec<String>; 2]> = (0..3_000)
        .map(|_| {
            let (question, answer) = (rng.random_range(10..40), rng.random_range(24..120));
            [prose(&mut rng, question), prose(&mut rng, answer)]
        })
        .collect();
    let mut examples: Vec<Example> = (1..)
        .zip(&texts)
        .map(|(line, [question, answer])| example(line, &question.join(" "), &answer.join(" ")))
        .collect();
    for copy in 0..500 {
        let [question, answer] = texts.choose(&mut rng).unwrap();
        let answer = edited(&mut rng, answer);
        examples.push(example(3_001 + copy, &question.join(" "), &answer));
    }
    let near: Vec<usize> =
        found(&examples, &[]).into_iter().filter(|told| told.0 == Fault::NearDuplicate).map(|told| told.1).collect();
    let wrong = near.iter().filter(|line| **line <= 3_000).count();
    let right = near.len() - wrong;
    assert!(wrong == 0, "{wrong} of {} are no copies", near.len());
    assert!(right >= 495, "{right} of 500 found");
}

#[test]
fn rows_of_one_form_are_no_copies() {
    let long = "Read the text below, and say in one word whether the clause that it holds binds both parties to \
        silence about what they were told, and for how long that is meant to last after they have parted.";
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let examples: Vec<Example> = (1..=400)
        .map(|line| {
            let clause = prose(&mut rng, 12).join(" ");
            example(line, &format!("{long}\n\n{clause}"), ["Yes", "No"].choose(&mut rng).unwrap())
        })
        .collect();
    assert_eq!(found(&examples, &[]), []);
    let sums: Vec<Example> = (1..=400)
        .map(|n| {
            example(
                n,
                &format!("Tom has {n} apples and gets {} more. How many has he now?", n * 7),
                &(n * 8).to_string(),
            )
        })
        .collect();
    assert_eq!(found(&sums, &[]), []);
}

#[test]
fn the_same_rows_give_the_same_findings_in_the_same_order() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let examples: Vec<Example> = (1..=1_500)
        .map(|line| {
            let start = rng.random_range(0..60);
            let words: Vec<String> = (start..start + 40).map(|n| format!("w{n}")).collect();
            example(line, "Go on.", &words.join(" "))
        })
        .collect();
    assert_eq!(found(&examples, &[7]), found(&examples, &[7]));
}

#[test]
fn a_hundred_thousand_equal_rows_take_no_time_and_are_counted() {
    let examples: Vec<Example> =
        (1..=100_000).map(|line| example(line, "Why?", "Because of this and of that.")).collect();
    let (examples, begun) = (stored(&examples), Instant::now());
    let audit = audit(&examples, &DroppedRows::default(), &[], &Job::silent()).unwrap();
    assert_eq!(audit.findings.count(Fault::ExactDuplicate), 99_999);
    assert_eq!(audit.findings.of(Fault::ExactDuplicate).len(), KEPT);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn a_cancelled_audit_ends_as_such() {
    let job = Job::silent();
    job.cancel();
    let examples: Vec<Example> = (1..=2_000).map(|line| example(line, "Why?", "Because.")).collect();
    let error = audit(&stored(&examples), &DroppedRows::default(), &[], &job).unwrap_err();
    assert!(matches!(error, crate::data::DataError::Cancelled(_)), "{error}");
}
