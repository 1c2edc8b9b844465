//! Audits beside everything else.

use hydra_studio::data::audit::{Fault, Mend};
use hydra_studio::data::{ColumnMap, Edit};
use hydra_studio::worker::protocol::{AuditSummary, DataMend, Event, JobKind, Request, RowOrder, RowQuery, RowView};

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
}

/// A desk with rows of which ten are copies and one is mojibake.
fn with_faults() -> Desk {
    let mut desk = Desk::new();
    let file = desk.path().join("rows.jsonl");
    let row = |n: usize| format!("{{\"question\":\"Ask {n}?\",\"answer\":\"Say {n}, and say it again.\"}}\n");
    let broken = "{\"question\":\"What to drink?\",\"answer\":\"Un cafÃ©.\"}\n";
    std::fs::write(&file, (0..30).map(|n| row(n % 20)).collect::<String>() + broken).unwrap();
    desk.send(Request::ImportData { paths: vec![file], map: ColumnMap::default() });
    desk.wait("the data", |e| matches!(e, Event::DataImported(_)));
    desk
}

fn edited(desk: &mut Desk, request: Request) -> usize {
    desk.send(request);
    match desk.wait("the change", |e| matches!(e, Event::DataEdited(_))) {
        Event::DataEdited(data) => data.kept,
        _ => unreachable!(),
    }
}

fn mend(fault: Fault, mend: Mend, row: Option<usize>) -> Request {
    Request::MendData(DataMend { fault, mend, context: 64, row })
}

fn listed(desk: &mut Desk, query: RowQuery) -> Vec<RowView> {
    desk.send(Request::ListRows { query, start: 0, count: 100 });
    match desk.wait("rows", |e| matches!(e, Event::Rows { .. })) {
        Event::Rows { rows, .. } => rows,
        _ => unreachable!(),
    }
}

#[test]
fn the_rows_of_a_fault_are_listed_searched_and_ordered_and_stay_the_same_while_examples_change() {
    let mut desk = with_faults();
    let copies = || RowQuery { fault: Some(Fault::ExactDuplicate), ..RowQuery::default() };
    desk.send(Request::ListRows { query: copies(), start: 0, count: 9 });
    assert!(desk.wait_failure(JobKind::ListRows).contains("Look again"));
    audited(&mut desk, 64);
    let rows = |rows: &[RowView]| rows.iter().map(|row| row.row).collect::<Vec<_>>();
    let all = listed(&mut desk, copies());
    assert_eq!(rows(&all), (20..30).collect::<Vec<_>>());
    let down = RowQuery { text: "ask 1".into(), order: RowOrder::File, descending: true, ..copies() };
    assert_eq!(rows(&listed(&mut desk, down)), [21]);
    let none = RowQuery { fault: Some(Fault::Cut), ..RowQuery::default() };
    assert_eq!(listed(&mut desk, none), []);
    // Until the examples are looked through again, the rows are those that were found.
    edited(&mut desk, Request::EditData(Edit::Drop { rows: vec![0, 25], reason: "x".into() }));
    assert_eq!(rows(&listed(&mut desk, copies())), [20, 21, 22, 23, 24, 26, 27, 28, 29]);
    // The first of a pair is left out, so that the second is no copy any more.
    audited(&mut desk, 64);
    assert_eq!(rows(&listed(&mut desk, copies())), [21, 22, 23, 24, 26, 27, 28, 29]);
}

#[test]
fn copies_are_merged_and_texts_repaired_each_by_one_change_that_is_taken_back() {
    let mut desk = with_faults();
    let audit = audited(&mut desk, 64);
    assert_eq!((count(&audit, Fault::ExactDuplicate), count(&audit, Fault::Mojibake)), (10, 1));
    assert_eq!(edited(&mut desk, mend(Fault::ExactDuplicate, Mend::Merge, None)), 21);
    let audit = audited(&mut desk, 64);
    assert_eq!((count(&audit, Fault::ExactDuplicate), count(&audit, Fault::Mojibake)), (0, 1));
    assert_eq!(edited(&mut desk, mend(Fault::Mojibake, Mend::Repair, None)), 21);
    assert_eq!(audited(&mut desk, 64).total(), 0);
    desk.send(Request::PreviewData { start: 20, count: 1, context: 64 });
    let preview = desk.wait("the row", |e| matches!(e, Event::DataPreview { .. }));
    let Event::DataPreview { examples, .. } = preview else { unreachable!() };
    assert_eq!(examples[0].messages[1].content, "Un café.");
    assert_eq!(edited(&mut desk, Request::UndoEdit), 21);
    assert_eq!(edited(&mut desk, Request::UndoEdit), 31);
    let audit = audited(&mut desk, 64);
    assert_eq!((count(&audit, Fault::ExactDuplicate), count(&audit, Fault::Mojibake)), (10, 1));
}

#[test]
fn a_fault_that_is_judged_to_be_fine_stays_so_after_another_import_and_changes_no_example() {
    let mut desk = with_faults();
    audited(&mut desk, 64);
    let judged = |desk: &mut Desk, request| {
        desk.send(request);
        match desk.wait("the change", |e| matches!(e, Event::DataEdited(_))) {
            Event::DataEdited(data) => data,
            _ => unreachable!(),
        }
    };
    let judge = Request::EditData(Edit::Judge { fault: Fault::Mojibake, is_fine: true });
    let data = judged(&mut desk, judge);
    assert_eq!((data.kept, data.edits.made, data.edits.fine.len()), (31, 1, 1));
    assert_eq!(data.edits.undo.as_deref(), Some("keep \"mojibake\" as it is"));
    let paths = data.files.iter().map(|file| file.path.clone()).collect();
    desk.send(Request::ImportData { paths, map: ColumnMap::default() });
    let again = desk.wait("the data", |e| matches!(e, Event::DataImported(_)));
    assert!(matches!(again, Event::DataImported(again) if again.edits == data.edits));
    let data = judged(&mut desk, Request::UndoEdit);
    assert!(data.edits.fine.is_empty() && data.edits.redo.is_some());
}

#[test]
fn one_row_is_dropped_alone_and_a_mend_that_is_too_late_is_refused() {
    let mut desk = with_faults();
    let audit = audited(&mut desk, 64);
    let copies = audit.faults.iter().find(|fault| fault.fault == Fault::ExactDuplicate).unwrap();
    let row = copies.findings[3].row;
    assert_eq!(edited(&mut desk, mend(Fault::ExactDuplicate, Mend::Drop, row)), 30);
    desk.send(mend(Fault::ExactDuplicate, Mend::Merge, None));
    let warning = desk.wait("a refusal", |e| matches!(e, Event::Warning { .. }));
    assert!(matches!(&warning, Event::Warning { message } if message.contains("look again")), "{warning:?}");
}
