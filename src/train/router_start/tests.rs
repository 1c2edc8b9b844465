use super::*;
use crate::adapter::{GateCapture, GateLoad, Target};
use crate::data::Source;
use crate::job::Job;
use crate::model::{BaseType, ModelConfig, ModelShape, RandomWeights};
use crate::text::TokenizedExample;
use crate::train::{RouterInit, Row};

const VOCAB: usize = 96;

fn decoder() -> Decoder {
    let config = ModelConfig {
        hidden: 64,
        intermediate: 96,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 16,
        vocab: VOCAB,
        ..ModelShape::SmolLm2_135m.config()
    };
    Decoder::load(&config, &mut RandomWeights::new(BaseType::F32, 3, &Device::Cpu, &Job::silent())).unwrap()
}

/// Examples of `topics` topics, each with words of its own.
fn data(topics: usize) -> Dataset {
    let words = VOCAB / topics;
    let row = |i: usize| {
        let topic = i % topics;
        let ids: Vec<u32> = (0..20).map(|t| (topic * words + (i * 7 + t * 5) % words) as u32).collect();
        let tokens = TokenizedExample { supervised: vec![true; ids.len()], ids, ..TokenizedExample::default() };
        Row { tokens, source: Source { file: "rows".into(), line: i + 1 }, topic: Some(topic) }
    };
    let names = (0..topics).map(|topic| format!("topic {topic}")).collect();
    Dataset { train: (0..60).map(row).collect(), topics: names, ..Dataset::default() }
}

fn settings(heads: usize) -> TrainSettings {
    TrainSettings { heads, router_init: RouterInit::Topics, rank: 4, ..TrainSettings::default() }
}

fn adapter(decoder: &Decoder, settings: &TrainSettings) -> Adapter {
    let dims = |module: Module| decoder.config().dims(module.target);
    Adapter::new(&settings.adapter_spec(), decoder.config().layers, dims, 1, &Device::Cpu).unwrap()
}

/// Takes the start to its end, and gives its last record and how many there were.
fn started(
    decoder: &Decoder,
    adapter: &Adapter,
    data: &Dataset,
    settings: &TrainSettings,
) -> (RouterStartRecord, usize) {
    let mut start = RouterStart::new(decoder, data, settings).unwrap();
    let mut records = Vec::new();
    while records.last().is_none_or(|record: &RouterStartRecord| !record.is_done()) {
        records.extend(start.advance(decoder, adapter).unwrap());
    }
    let last = records.pop().unwrap();
    (last, records.len() + 1)
}

fn numbers(adapter: &Adapter) -> Vec<u32> {
    let all = |var: candle_core::Var| var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    adapter.vars().into_iter().flat_map(all).map(f32::to_bits).collect()
}

/// Mean gate of every head over the examples of each topic.
fn loads(decoder: &Decoder, adapter: &Adapter, data: &Dataset) -> Vec<Vec<f32>> {
    let of = |topic: usize| {
        let mut load = GateLoad::new(adapter.spec().heads);
        for row in data.train.iter().filter(|row| row.topic == Some(topic)) {
            let (capture, ids) = (GateCapture::default(), &row.tokens.ids);
            let pass = Pass { capture: Some(&capture), ..Pass::with(adapter) };
            decoder.hidden(ids, &Sequences::single(ids.len()), &pass, None).unwrap();
            load.add(&capture.take(), std::slice::from_ref(&(1..ids.len())));
        }
        load.mean()
    };
    (0..data.topics.len()).map(of).collect()
}

#[test]
fn every_head_begins_as_the_leader_of_its_topic() {
    let (decoder, data, settings) = (decoder(), data(3), settings(3));
    let adapter = adapter(&decoder, &settings);
    let (record, count) = started(&decoder, &adapter, &data, &settings);
    assert_eq!((record.layer, record.layers, count, record.step), (2, 2, 2, 0));
    assert_eq!((record.examples, record.tokens), (60, 60 * 20));
    assert!(record.explained > 0.5, "{record:?}");
    for (topic, load) in loads(&decoder, &adapter, &data).iter().enumerate() {
        let leader = (0..3).max_by(|a, b| load[*a].total_cmp(&load[*b])).unwrap();
        assert!(leader == topic && load[topic] > 0.6, "topic {topic}: {load:?}");
    }
}

#[test]
fn a_start_made_again_gives_the_same_routers_bit_for_bit() {
    let (decoder, data, settings) = (decoder(), data(3), settings(4));
    let adapter = adapter(&decoder, &settings);
    started(&decoder, &adapter, &data, &settings);
    let once = numbers(&adapter);
    let mut half = RouterStart::new(&decoder, &data, &TrainSettings { seed: 9, ..settings.clone() }).unwrap();
    while half.advance(&decoder, &adapter).unwrap().is_none() {}
    assert_ne!(numbers(&adapter), once, "another seed draws other examples, of which one layer is set");
    started(&decoder, &adapter, &data, &settings);
    assert_eq!(numbers(&adapter), once);
}

#[test]
fn only_routers_change_and_a_head_without_a_topic_keeps_its_start() {
    let (decoder, data, settings) =
        (decoder(), data(2), TrainSettings { targets: vec![Target::V, Target::Down], ..settings(3) });
    let adapter = adapter(&decoder, &settings);
    let before = adapter.to_tensors().unwrap();
    started(&decoder, &adapter, &data, &settings);
    let after = adapter.to_tensors().unwrap();
    assert_eq!(after.modules.len(), 4);
    let all = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (before, after) in before.modules.values().zip(after.modules.values()) {
        assert_eq!(all(&before.a[0]), all(&after.a[0]));
        let row =
            |t: &crate::adapter::ModuleTensors, head| all(&t.router.as_ref().unwrap().narrow(0, head, 1).unwrap());
        assert_eq!(row(before, 2), row(after, 2));
        assert!((0..2).all(|head| row(before, head) != row(after, head)));
    }
}

#[test]
fn projections_that_read_one_input_begin_alike() {
    let (decoder, data, settings) = (decoder(), data(2), settings(2));
    let adapter = adapter(&decoder, &settings);
    started(&decoder, &adapter, &data, &settings);
    let router = |target| {
        let router = adapter.router(Module { layer: 1, target }).unwrap().unwrap();
        router.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!((router(Target::Q), router(Target::Gate)), (router(Target::V), router(Target::Up)));
    assert_ne!(router(Target::Q), router(Target::O));
}

#[test]
fn data_of_fewer_than_two_topics_is_refused_with_the_way_out() {
    let unlabelled = |i: usize| Row { topic: None, ..data(1).train[i].clone() };
    let none = Dataset { train: (0..4).map(unlabelled).collect(), ..Dataset::default() };
    for (data, said) in [(data(1), "is of one"), (none, "labels none")] {
        let refusal = check_topics(&data).unwrap_err().to_string();
        assert!(refusal.contains(said) && refusal.contains("--map topic=COLUMN"), "{refusal}");
    }
    assert!(check_topics(&data(2)).is_ok());
}
