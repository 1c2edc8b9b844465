//! What the window's estimates are made of.

use hydra_studio::data::ColumnMap;
use hydra_studio::train::{MachineFacts, TrainSettings, estimate};
use hydra_studio::worker::protocol::{Event, Facts, Request};

use crate::desk::Desk;
use crate::support;

/// The facts of the next data, as the worker tells them.
fn facts_of_data(desk: &mut Desk, examples: usize) -> Facts {
    let is_of = |facts: &Facts| facts.data.as_ref().is_some_and(|data| data.examples + data.held_out == examples);
    match desk.wait("facts of the data", |event| matches!(event, Event::Facts(facts) if is_of(facts))) {
        Event::Facts(facts) => facts,
        _ => unreachable!(),
    }
}

#[test]
fn facts_follow_model_and_data_and_give_an_estimate() {
    let mut desk = Desk::ready();
    let facts = match desk.seen.iter().rev().find(|event| matches!(event, Event::Facts(_))) {
        Some(Event::Facts(facts)) if facts.data.is_some() => facts.clone(),
        _ => facts_of_data(&mut desk, 200),
    };
    let data = facts.data.as_ref().unwrap();
    assert_eq!(data.sample.len(), data.examples);
    assert!(data.sample.iter().all(|size| size.supervised > 0 && size.supervised < size.tokens));
    assert!(data.longest.is_sorted_by(|a, b| a.tokens >= b.tokens) && !data.longest.is_empty());
    assert_eq!((facts.model.config.layers, facts.model.config.hidden), (2, 32));
    let MachineFacts { flops_per_s, memory_total, memory_available, .. } = facts.machine;
    assert!(flops_per_s > 0.0 && memory_available <= memory_total);

    let settings = TrainSettings::default();
    let whole = estimate(&facts.model, data, &facts.machine, &settings);
    assert_eq!(whole.steps, Some(settings.total_steps(data.examples)));
    assert!(whole.total_bytes() > whole.weights && whole.total_s > whole.step_s, "{whole:?}");

    let fewer = support::corpus(desk.path(), 40);
    desk.send(Request::ImportData { paths: vec![fewer], map: ColumnMap::default() });
    let fewer = facts_of_data(&mut desk, 40);
    assert!(fewer.data.unwrap().examples < data.examples);
    assert!(
        desk.seen.iter().any(|event| matches!(event, Event::Facts(Facts { data: None, .. }))),
        "the model comes first"
    );
}
