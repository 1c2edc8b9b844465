use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use super::*;
use crate::adapter::{Adapter, AdapterSpec, AdapterTensors, CardInfo, Module, folder};
use crate::train::{DataRef, ModelRef, RunFile, TrainSettings};

const LAYERS: usize = 3;

fn spec(method: Method, heads: usize, rank: usize) -> AdapterSpec {
    AdapterSpec { method, heads, rank, targets: vec![Target::Q, Target::Down], ..AdapterSpec::default() }
}

/// An adapter that began from `seed`, with heads that began from it too.
fn adapter(spec: &AdapterSpec, seed: u64) -> AdapterTensors {
    let dims = |module: Module| if module.target == Target::Q { (12, 10) } else { (20, 12) };
    Adapter::with_heads_at(0.1, spec, LAYERS, dims, seed, &Device::Cpu).unwrap().to_tensors().unwrap()
}

/// The adapter with something added to every `A`.
fn moved(mut tensors: AdapterTensors, by: impl Fn(usize) -> f32) -> AdapterTensors {
    for parts in tensors.modules.values_mut() {
        for a in &mut parts.a {
            let push: Vec<f32> = (0..a.elem_count()).map(&by).collect();
            *a = (&*a + Tensor::from_vec(push, a.shape(), &Device::Cpu).unwrap()).unwrap();
        }
    }
    tensors
}

fn write(folder: &Path, tensors: &AdapterTensors) -> PathBuf {
    folder::write(folder, tensors, "base", &CardInfo::default()).unwrap();
    folder.to_path_buf()
}

/// A run folder whose one checkpoint is this adapter.
fn run(folder: &Path, tensors: &AdapterTensors, seed: u64, topic: &str) -> PathBuf {
    let settings = TrainSettings { seed, only_topic: Some(topic.into()), ..TrainSettings::default() };
    let file = RunFile {
        format: RunFile::FORMAT,
        version: "0".into(),
        started: "2026-01-02T03:04:05Z".into(),
        settings,
        model: ModelRef { path: "/m".into(), name: "m".into(), fingerprint: "f".into() },
        data: DataRef::Rows { files: Vec::new(), columns: BTreeMap::new() },
        device: "CPU".into(),
        steps: 1,
        examples: 1,
        held_out: 0,
        parameters: 1,
        router_parameters: 0,
        model_parameters: 1,
    };
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("run.json"), serde_json::to_vec(&file).unwrap()).unwrap();
    write(&folder.join("checkpoint-1"), tensors);
    folder.to_path_buf()
}

fn near(value: Option<f32>, expected: f32, within: f32) {
    assert!(value.is_some_and(|value| (value - expected).abs() <= within), "{value:?} is not near {expected}");
}

#[test]
fn a_alike_and_b_apart_is_told_in_numbers_by_adapter_and_by_layer() {
    let dir = tempfile::tempdir().unwrap();
    let plain = spec(Method::Lora, 1, 4);
    let (one, mut two) = (adapter(&plain, 1), adapter(&plain, 2));
    for (parts, theirs) in two.modules.values_mut().zip(one.modules.values()) {
        parts.a.clone_from(&theirs.a);
    }
    let paths = [write(&dir.path().join("law"), &one), write(&dir.path().join("code"), &two)];
    let report = compare(&paths, &Job::silent()).unwrap();
    let names: Vec<&str> = report.adapters.iter().map(|adapter| adapter.name.as_str()).collect();
    assert_eq!(names, ["law", "code"]);
    near(report.alike.a_across, 1.0, 1e-5);
    near(report.alike.b_across, 0.0, 0.15);
    assert_eq!((report.alike.b_heads, report.alike.a_moved, report.alike.one_seed), (None, None, None));
    let overall = &report.units[0];
    assert_eq!((overall.kind, overall.target, overall.units.len()), (MatrixKind::A, None, 2));
    assert!(overall.cosines.iter().all(|cosine| (cosine.unwrap() - 1.0).abs() < 1e-5));
    assert_eq!(report.units.len(), 2 + 2 * 2);
    let layers = report.layers.iter().find(|l| l.kind == MatrixKind::A && l.target == Target::Q).unwrap();
    assert_eq!(layers.layers, [0, 1, 2]);
    near(layers.cosines[0], 1.0, 1e-6);
    near(layers.cosines[1], 0.0, 0.5);
}

#[test]
fn maps_hold_every_matrix_once_and_draw_equal_ones_in_one_place() {
    let dir = tempfile::tempdir().unwrap();
    let hydra = spec(Method::HydraLora, 3, 4);
    let paths = [1, 1].map(|seed| {
        write(&dir.path().join(format!("run {}", dir.path().read_dir().unwrap().count())), &adapter(&hydra, seed))
    });
    let report = compare(&paths, &Job::silent()).unwrap();
    near(report.alike.b_across, 1.0 / 3.0, 0.15);
    near(report.alike.b_heads, 0.0, 0.15);
    assert_eq!(report.maps.len(), 4);
    let of = |kind| report.maps.iter().find(|map| map.kind == kind && map.target == Target::Down).unwrap();
    assert_eq!((of(MatrixKind::A).points.len(), of(MatrixKind::B).points.len()), (2 * LAYERS, 2 * 3 * LAYERS));
    let map = of(MatrixKind::B);
    assert_eq!(map.units[4], MatrixUnit { adapter: 1, head: Some(1) });
    let (first, second) = map.points.split_at(3 * LAYERS);
    for (a, b) in first.iter().zip(second) {
        assert_eq!(a.layer, b.layer);
        assert!(a.pca.iter().zip(b.pca).all(|(a, b)| (a - b).abs() < 1e-3), "{a:?} {b:?}");
    }
    assert!(map.explained[0] >= map.explained[1] && map.explained[1] > 0.0);
}

#[test]
fn what_training_added_is_compared_where_the_start_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let plain = spec(Method::Lora, 1, 4);
    let wave = |phase: f32| move |i: usize| 0.01 * (i as f32 * 1.7 + phase).sin();
    let law = moved(adapter(&plain, 7), wave(0.0));
    let code = moved(adapter(&plain, 7), wave(std::f32::consts::FRAC_PI_2));
    let paths = [run(&dir.path().join("a"), &law, 7, "law"), run(&dir.path().join("b"), &code, 7, "code")];
    let report = compare(&paths, &Job::silent()).unwrap();
    assert_eq!((report.adapters[0].name.as_str(), report.alike.one_seed), ("law", Some(7)));
    assert!(report.alike.a_across.unwrap() > 0.98, "the start hides what was added: {:?}", report.alike);
    near(report.alike.a_moved, 0.0, 0.1);
}

#[test]
fn adapters_of_another_shape_are_left_out_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let same = write(&dir.path().join("same"), &adapter(&spec(Method::Lora, 1, 4), 1));
    let other = write(&dir.path().join("other"), &adapter(&spec(Method::Lora, 1, 2), 1));
    let fewer = AdapterSpec { targets: vec![Target::Q], ..spec(Method::Lora, 1, 4) };
    let fewer = write(&dir.path().join("fewer"), &adapter(&fewer, 1));
    let report = compare(&[same.clone(), other, fewer, same], &Job::silent()).unwrap();
    assert_eq!(report.left_out.len(), 2);
    assert!(report.left_out[0].contains("its rank is 2, the first one's 4"), "{:?}", report.left_out);
    assert!(report.left_out[1].contains("other modules"), "{:?}", report.left_out);
    let names: Vec<&str> = report.adapters.iter().map(|adapter| adapter.name.as_str()).collect();
    assert_eq!(names, ["same", "same (2)"]);
}

#[test]
fn an_untrained_b_has_no_cosine_and_no_map() {
    let dir = tempfile::tempdir().unwrap();
    let plain = spec(Method::Lora, 1, 4);
    let dims = |_| (12, 10);
    let fresh = Adapter::new(&plain, LAYERS, dims, 1, &Device::Cpu).unwrap().to_tensors().unwrap();
    let paths = [write(&dir.path().join("a"), &fresh), write(&dir.path().join("b"), &fresh)];
    let report = compare(&paths, &Job::silent()).unwrap();
    assert_eq!(report.alike.b_across, None);
    assert!(report.maps.iter().all(|map| map.kind == MatrixKind::A));
    assert!(serde_json::from_str::<MatrixReport>(&serde_json::to_string(&report).unwrap()).unwrap() == report);
}

#[test]
fn nothing_to_compare_and_a_cancelled_job_are_refused() {
    assert!(compare(&[], &Job::silent()).unwrap_err().to_string().contains("choose at least one"));
    let dir = tempfile::tempdir().unwrap();
    let path = write(&dir.path().join("a"), &adapter(&spec(Method::Lora, 1, 4), 1));
    let job = Job::silent();
    job.cancel();
    assert!(matches!(compare(&[path], &job), Err(TrainError::Cancelled(_))));
}
