//! Audits beside everything else.

use hydra_studio::data::ColumnMap;
use hydra_studio::data::audit::Fault;
use hydra_studio::worker::protocol::{AuditSummary, Event, JobKind, Request};

use crate::desk::{Desk, settings};

fn audited(desk: &mut Desk, context: usize) -> AuditSummary {
    desk.send(Request::AuditData { context });
    match desk.wait("the audit", |e| matches!(e, Event::Audited(_))) {
        Event::Audited(audit) => *audit,
        _ => unreachable!(),
    }
}

fn count(audit: &AuditSummary, fault: Fault) -> usize {
    audit.faults.iter().find(|found| found.fault == fault).map_or(0, |found| found.count)
}

#[test]
fn an_audit_needs_data_alone_and_tells_more_with_a_model() {
    let mut desk = Desk::new();
    desk.send(Request::AuditData { context: 64 });
    assert!(desk.wait_failure(JobKind::AuditData).contains("Data page"));
    let file = desk.path().join("rows.jsonl");
    let row = |n: usize| format!("{{\"question\":\"Ask {n}?\",\"answer\":\"Say {n}, and say it again.\"}}\n");
    std::fs::write(&file, (0..30).map(|n| row(n % 20)).collect::<String>()).unwrap();
    desk.send(Request::ImportData { paths: vec![file.clone()], map: ColumnMap::default() });
    desk.wait("the data", |e| matches!(e, Event::DataImported(_)));
    let audit = audited(&mut desk, 64);
    assert_eq!((audit.examples, count(&audit, Fault::ExactDuplicate), audit.reading), (30, 10, None));

    desk.load(200);
    let long = audited(&mut desk, 10_000);
    let reading = long.reading.unwrap();
    assert_eq!((reading.read, reading.whole), (200, 200));
    let short = audited(&mut desk, 8);
    assert_eq!(count(&short, Fault::Cut) + count(&short, Fault::NothingToLearn), 200 - short.reading.unwrap().whole);
}

#[test]
fn an_audit_comes_while_a_run_trains() {
    let mut desk = Desk::ready();
    desk.train_with(settings(10_000));
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    let audit = audited(&mut desk, 64);
    assert_eq!(audit.reading.map(|reading| reading.read), Some(200));
    desk.wait("another step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::Discard);
    desk.wait("the end", |e| matches!(e, Event::Discarded { .. } | Event::Warning { .. }));
}
