//! Adapters held against each other beside whatever the worker does.

use hydra_studio::adapter::Method;
use hydra_studio::inspect::MatrixReport;
use hydra_studio::train::TrainSettings;
use hydra_studio::worker::protocol::{Event, JobKind, Request};

use crate::desk::{Desk, settings};

fn compared(desk: &mut Desk) -> MatrixReport {
    match desk.wait("the comparison", |e| matches!(e, Event::MatricesCompared(_))) {
        Event::MatricesCompared(report) => *report,
        _ => unreachable!(),
    }
}

#[test]
fn a_lora_of_each_topic_is_trained_and_compared() {
    let mut desk = Desk::ready();
    let of = |topic: &str| TrainSettings {
        method: Method::Lora,
        heads: 1,
        only_topic: Some(topic.to_owned()),
        ..settings(3)
    };
    let trained = |topic: &str, desk: &mut Desk| {
        let run = desk.train_into(topic, of(topic));
        desk.wait("the end", |e| matches!(e, Event::TrainingDone(_)));
        run
    };
    let adapters = vec![trained("even", &mut desk), trained("odd", &mut desk)];
    desk.send(Request::CompareMatrices { adapters });
    let report = compared(&mut desk);
    let names: Vec<&str> = report.adapters.iter().map(|adapter| adapter.name.as_str()).collect();
    assert_eq!((names, report.left_out.len()), (vec!["even", "odd"], 0));
    assert!(report.alike.a_across.unwrap() > 0.9, "one start, a few steps: {:?}", report.alike);
    assert!(report.alike.b_across.is_some() && report.alike.a_moved.is_some() && report.alike.one_seed.is_some());
    assert!(desk.seen.iter().any(|e| matches!(e, Event::Progress { job: JobKind::CompareMatrices, .. })));
}

#[test]
fn a_folder_that_holds_no_adapter_is_named() {
    let mut desk = Desk::new();
    desk.send(Request::CompareMatrices { adapters: vec![desk.path().to_path_buf()] });
    let message = desk.wait_failure(JobKind::CompareMatrices);
    assert!(message.contains(&desk.path().display().to_string()), "{message}");
}
