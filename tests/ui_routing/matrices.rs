//! The tab of A and B.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::adapter::{Method, Target};
use hydra_studio::app::pages::PageId;
use hydra_studio::inspect::MatrixReport;
use hydra_studio::inspect::matrices::{
    Alike, ComparedAdapter, LayerCosines, MapPoint, MatrixKind, MatrixMap, MatrixUnit, UnitCosines,
};
use hydra_studio::project::{QueueMode, QueuedId, QueuedRun, QueuedState, RunOrder};
use hydra_studio::train::Length;
use hydra_studio::worker::protocol::{DataSummary, Event, JobKind, QueueView, Request};

use super::stage::{Stage, adapter, data, model};
use super::{click, has, press, routed};

const NAMES: [&str; 3] = ["arithmetic", "law", "code"];
const LAYERS: usize = 6;

fn cosines(kind: MatrixKind, target: Option<Target>, apart: f32) -> UnitCosines {
    let units = (0..3).map(|adapter| MatrixUnit { adapter, head: None }).collect();
    let cosine = |at: usize| Some(if at / 3 == at % 3 { 1.0 } else { apart + 0.01 * (at / 3 + at % 3) as f32 });
    UnitCosines { kind, target, units, cosines: (0..9).map(cosine).collect() }
}

fn map(kind: MatrixKind) -> MatrixMap {
    let units = (0..3).map(|adapter| MatrixUnit { adapter, head: None }).collect();
    let point = |at: usize| {
        let (unit, layer) = (at / LAYERS, at % LAYERS);
        let place = [unit as f32 * 3.0 + layer as f32 * 0.2, layer as f32 * 0.4];
        MapPoint { unit, layer, pca: place, tsne: place }
    };
    let points = (0..3 * LAYERS).map(point).collect();
    MatrixMap { kind, target: Target::Q, units, points, explained: [0.4, 0.2], perplexity: 5.0 }
}

/// Three LoRAs, each of a topic of its own, from one start.
fn report() -> MatrixReport {
    let compared = |name: &&str| ComparedAdapter {
        name: (*name).to_owned(),
        path: (*name).into(),
        method: Method::Lora,
        rank: 8,
        heads: 1,
        layers: LAYERS,
        seed: Some(42),
    };
    let alike =
        Alike { a_across: Some(0.97), a_moved: Some(0.21), b_across: Some(0.12), b_heads: None, one_seed: Some(42) };
    let units = MatrixKind::ALL.into_iter().flat_map(|kind| {
        let apart = if kind == MatrixKind::A { 0.95 } else { 0.1 };
        [None, Some(Target::Q)].map(|target| cosines(kind, target, apart))
    });
    let layers = MatrixKind::ALL.map(|kind| LayerCosines {
        kind,
        target: Target::Q,
        layers: (0..LAYERS).collect(),
        cosines: vec![Some(0.0); LAYERS * LAYERS],
    });
    MatrixReport {
        adapters: NAMES.iter().map(compared).collect(),
        left_out: vec!["old: its rank is 4, the first one's 8".into()],
        alike,
        units: units.collect(),
        layers: layers.to_vec(),
        maps: MatrixKind::ALL.map(map).to_vec(),
    }
}

fn shown() -> Stage {
    let mut stage = routed();
    click(&mut stage, "A and B");
    stage.tell([Event::MatricesCompared(Box::new(report()))]);
    stage
}

/// Data whose examples are labelled.
fn labelled() -> Event {
    let Event::DataImported(summary) = data() else { unreachable!() };
    let topics = NAMES.iter().map(|name| ((*name).to_owned(), 40)).collect();
    Event::DataImported(DataSummary { topics, ..summary })
}

#[test]
fn adapters_are_chosen_and_compared() {
    let mut stage = routed();
    click(&mut stage, "A and B");
    stage.requests();
    click(&mut stage, "Add the loaded adapter");
    click(&mut stage, "Compare");
    let adapters = vec!["/adapters/demo".into()];
    assert_eq!(stage.requests(), [Request::CompareMatrices { adapters }]);
    let job = JobKind::CompareMatrices;
    stage.tell([Event::Progress { job, share: Some(0.4), note: "Comparing B of q_proj".into() }]);
    assert!(has(&stage, "Comparing B of q_proj"));
    stage.tell([Event::Failed { job, message: "/adapters/demo has no adapter_config.json".into() }]);
    assert!(has(&stage, "has no adapter_config.json"));
    click(&mut stage, "Take demo off the list");
    assert!(has(&stage, "Add the loaded adapter"));
}

#[test]
fn it_is_there_without_an_adapter_that_is_loaded() {
    let mut stage = Stage::on(PageId::Routing);
    click(&mut stage, "Compare A and B of trained adapters");
    assert!(has(&stage, "Adapters to compare"));
    click(&mut stage, "This text");
    assert!(has(&stage, "No adapter to look into yet"));
}

#[test]
fn the_pictures_are_told_in_words() {
    let mut stage = shown();
    for words in [
        "A alike, B apart: between adapters the mean cosine of A is 0.97, that of B 0.12",
        "same random A (seed 42), which alone makes A alike: of what training added to A, the mean cosine is 0.21",
        "Left out: old: its rank is 4",
        "Cosines of A. Most alike: law and code, 0.98. Least: arithmetic and law, 0.96",
        "18 matrices A in q_proj of 3 adapters, by t-SNE",
    ] {
        assert!(has(&stage, words), "\"{words}\" is not said");
    }
    click(&mut stage, "Principal components");
    assert!(has(&stage, "hold 40 % and 20 % of the variance"));
    click(&mut stage, "Layers");
    assert!(has(&stage, "Between two layers of one adapter the mean cosine of A is 0.00"));
}

#[test]
fn cells_and_points_are_walked_by_keyboard() {
    let mut stage = shown();
    let focus = |stage: &mut Stage, summary: &str| {
        let pictures = stage.window.query_all_by_role(Role::Image);
        let picture =
            pictures.into_iter().find(|node| node.accesskit_node().label().is_some_and(|l| l.contains(summary)));
        picture.expect(summary).focus();
        stage.settle();
    };
    focus(&mut stage, "Cosines of A.");
    press(&mut stage, Key::ArrowRight);
    press(&mut stage, Key::ArrowRight);
    assert!(has(&stage, "arithmetic and law: cosine 0.960"));
    focus(&mut stage, "18 matrices A");
    press(&mut stage, Key::ArrowRight);
    assert!(has(&stage, "arithmetic: A of q_proj in layer 1"));
    press(&mut stage, Key::End);
    assert!(has(&stage, "code: A of q_proj in layer 6"));
}

#[test]
fn a_breakdown_puts_a_lora_for_each_topic_into_the_queue_and_compares_them_at_its_end() {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), labelled(), adapter()]);
    click(&mut stage, "A and B");
    stage.requests();
    click(&mut stage, "Train 3 LoRAs");
    let requests = stage.requests();
    let [Request::Enqueue { runs }, Request::StartQueue] = &requests[..] else { panic!("{requests:?}") };
    let topics: Vec<&str> = runs.iter().map(|run| run.settings.only_topic.as_deref().unwrap()).collect();
    assert_eq!(topics, NAMES);
    assert!(runs.iter().all(|run| run.settings.method == Method::Lora && run.settings.length == Length::Steps(100)));
    let queue = |state: fn(usize) -> QueuedState| {
        let queued = |(at, run): (usize, &RunOrder)| QueuedRun {
            id: QueuedId(at as u64),
            run: run.clone(),
            state: state(at),
            begun: None,
        };
        let runs: Vec<QueuedRun> = runs.iter().enumerate().map(queued).collect();
        Event::Queue(QueueView { mode: QueueMode::Going, runs, problem: None })
    };
    stage.tell([queue(|at| if at == 0 { QueuedState::Done } else { QueuedState::Waiting })]);
    assert!(has(&stage, "1 of 3 done") && stage.requests().is_empty());
    stage.tell([queue(|_| QueuedState::Done)]);
    let adapters: Vec<_> = runs.iter().map(|run| run.out.clone()).collect();
    assert_eq!(stage.requests(), [Request::CompareMatrices { adapters }]);
    stage.settle();
    assert!(stage.requests().is_empty(), "it is asked once");
}

#[test]
fn data_without_topics_says_what_a_breakdown_needs() {
    let mut stage = routed();
    click(&mut stage, "A and B");
    assert!(has(&stage, "labelled with at least two topics"));
}
