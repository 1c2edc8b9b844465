//! Readings with small templates.

use super::*;
use crate::data::audit::{Fault, Mend};
use crate::data::{Example, Examples, Message, Source};
use crate::job::Job;
use crate::text::ChatTokenizer;
use crate::text::fixtures::{CHATML, chat, conversation};

fn examples(conversations: impl IntoIterator<Item = Vec<Message>>) -> Vec<Example> {
    let source = |line| Source { file: "rows.jsonl".into(), line };
    (1..).zip(conversations).map(|(line, messages)| Example { messages, topic: None, source: source(line) }).collect()
}

fn stored(examples: &[Example]) -> Examples {
    Examples::of(examples.iter().cloned()).unwrap()
}

fn reading(chat: &ChatTokenizer, examples: &[Example]) -> Reading {
    read(&stored(examples), chat, &Job::silent()).unwrap()
}

fn told(audit: &TokenAudit) -> Vec<(Fault, usize, &str)> {
    audit.findings.iter().map(|found| (found.fault, found.source.line, found.reason.as_str())).collect()
}

/// Prints no end tokens: that of the last answer is added, the others have none.
const WITHOUT_ENDS: &str = "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}\
    {% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}";

#[test]
fn any_context_is_told_from_one_reading_as_training_will_cut_it() {
    let chat = chat(CHATML, "<|im_end|>");
    let rows = examples((1..=60).map(|n| conversation("", &["a", "b", &"b".repeat(n), &"xyz ".repeat(n % 7 + 1)])));
    let reading = reading(&chat, &rows);
    for context in [1, 40, 55, 70, 90, 10_000] {
        let audit = reading.audit(context, 10_000);
        let cut: Vec<_> = rows.iter().map(|row| chat.encode_example(&row.messages, context).unwrap()).collect();
        let learnt: usize = cut.iter().map(crate::text::TokenizedExample::supervised_count).sum();
        assert_eq!(audit.learnt.total, learnt as u64, "context {context}");
        let whole = cut.iter().filter(|tokens| tokens.cut == 0).count();
        let nothing = cut.iter().filter(|tokens| tokens.supervised_count() == 0).count();
        assert_eq!((audit.read, audit.whole), (60, whole));
        assert_eq!(audit.findings.count(Fault::NothingToLearn), nothing);
        assert_eq!(audit.findings.count(Fault::Cut), 60 - whole - nothing);
    }
}

#[test]
fn a_cut_example_and_one_with_nothing_left_say_how_much_is_beyond() {
    let chat = chat(CHATML, "<|im_end|>");
    let rows = examples([conversation("", &["a", "bcdef"]), conversation("", &["a", "b"])]);
    let (reading, length) = (reading(&chat, &rows), chat.encode_example(&rows[0].messages, 999).unwrap().ids.len());
    let audit = reading.audit(length - 2, length);
    let reason = format!("of {length} tokens 2 are beyond the context of {}, 2 of which count", length - 2);
    assert_eq!(told(&audit), [(Fault::Cut, 1, reason.as_str())]);
    assert_eq!(audit.findings.of(Fault::Cut)[0].mend, Mend::FitContext);
    let audit = reading.audit(length - 6, length - 1);
    let reason = format!("its first answer begins at token {}, beyond the context of {}", length - 5, length - 6);
    assert_eq!(told(&audit)[0], (Fault::NothingToLearn, 1, reason.as_str()));
    assert_eq!(audit.findings.of(Fault::NothingToLearn)[0].mend, Mend::Drop, "longer than the model allows");
}

#[test]
fn the_fitting_context_leaves_99_of_100_whole() {
    let chat = chat(CHATML, "<|im_end|>");
    let mut rows = examples((0..198).map(|_| conversation("", &["a", "b"])));
    rows.extend(examples((0..2).map(|_| conversation("", &["a", &"b".repeat(500)]))));
    let reading = reading(&chat, &rows);
    let short = chat.encode_example(&rows[0].messages, 999).unwrap().ids.len();
    let fitting = reading.audit(64, 4096).fitting.unwrap();
    assert_eq!(fitting, short.next_multiple_of(8));
    assert_eq!(reading.audit(fitting, 4096).whole, 198);
    rows.extend(examples([conversation("", &["a", &"b".repeat(400)])]));
    let reading = read(&stored(&rows), &chat, &Job::silent()).unwrap();
    let fitting = reading.audit(64, 4096).fitting.unwrap();
    assert!(fitting > 400 && reading.audit(fitting, 4096).whole == 199, "{fitting}");
    assert_eq!(reading.audit(64, 256).fitting, Some(fitting), "whether or not the model allows it");
}

#[test]
fn an_answer_without_end_token_and_a_refused_row_are_told() {
    let without_ends = chat(WITHOUT_ENDS, "<|endoftext|>");
    let rows = examples([conversation("", &["a", "b"]), conversation("", &["a", "b", "c", "d"])]);
    let audit = reading(&without_ends, &rows).audit(1_000, 1_000);
    let reason = "answer 1 of 2 does not end in a token that ends a turn";
    assert_eq!(told(&audit), [(Fault::MissingEnd, 2, reason)]);
    let strict = "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}".to_owned();
    let strict = chat(&(strict + CHATML), "<|im_end|>");
    let rows = examples([conversation("", &["a", "b"]), conversation("Be kind.", &["a", "b"])]);
    let audit = reading(&strict, &rows).audit(1_000, 1_000);
    let told = told(&audit);
    assert!(matches!(told[..], [(Fault::TemplateRefused, 2, reason)] if reason.contains("No system role")), "{told:?}");
    assert_eq!((audit.read, audit.lengths.count()), (1, 1));
}

#[test]
fn nothing_is_read_where_there_is_nothing_or_the_job_is_cancelled() {
    let chat = chat(CHATML, "<|im_end|>");
    let audit = reading(&chat, &[]).audit(64, 64);
    assert_eq!((audit.read, audit.fitting, audit.findings.total()), (0, None, 0));
    let job = Job::silent();
    job.cancel();
    let rows = examples((0..2_000).map(|_| conversation("", &["a", "b"])));
    assert!(read(&stored(&rows), &chat, &job).is_err());
}
