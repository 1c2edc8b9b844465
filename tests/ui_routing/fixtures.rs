//! What a worker would tell of many examples, and of how a run formed its routing.

use std::path::PathBuf;

use hydra_studio::adapter::{HealthFinding, Module, Target};
use hydra_studio::data::Source;
use hydra_studio::inspect::survey::{
    ExcitingExample, ExcitingToken, GateSummary, HeadPortrait, ModuleSummary, Preference, TopicAssociation,
    TopicRouting,
};
use hydra_studio::inspect::{FrameOrigin, GateFrame, ModuleMean, RoutingSurvey};
use hydra_studio::worker::protocol::{Event, SurveyScope};

use super::stage::noise;

pub const TOPICS: [&str; 5] = ["arithmetic", "calendar", "spelling", "train times", "capitals of the world"];

/// Every module of `layers`, in forward order.
fn modules(layers: usize) -> impl Iterator<Item = Module> {
    (0..layers).flat_map(|layer| Target::ALL.map(|target| Module { layer, target }))
}

/// Mean gates that lean to one head, the more so the deeper the layer.
pub fn mean_gates(module: Module, heads: usize, layers: usize, lean: f64) -> Vec<f32> {
    let depth = (module.layer + 1) as f64 / layers as f64;
    let favoured = (module.layer / 3 + module.target as usize) % heads;
    let raw = (0..heads).map(|head| {
        let own = if head == favoured { lean * depth } else { 0.0 };
        (own + 0.25 * noise(31 * head + 7 * module.layer + 131 * module.target as usize)).exp()
    });
    let raw: Vec<f64> = raw.collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|gate| (gate / sum) as f32).collect()
}

fn summary(mean: Vec<f32>) -> GateSummary {
    let entropy: f32 = mean.iter().map(|gate| -gate * gate.ln()).sum::<f32>() / (mean.len() as f32).ln();
    GateSummary { leads: mean.clone(), mean, entropy, saturated: 0.02 }
}

/// A survey in which Head 2 prefers arithmetic.
pub fn survey(heads: usize, layers: usize, health: Vec<HealthFinding>) -> RoutingSurvey {
    let modules: Vec<ModuleSummary> = modules(layers)
        .map(|module| ModuleSummary {
            module,
            gates: summary(mean_gates(module, heads, layers, 1.2)),
            similarity: Some(0.31),
        })
        .collect();
    let (even, count) = (1.0 / heads as f32, modules.len());
    let topic = |(row, name): (usize, &&str)| {
        let mut mean: Vec<f32> = (0..heads).map(|head| even + 0.02 * noise(row * heads + head) as f32).collect();
        if row == 0 {
            mean[1 % heads] += 0.14;
        }
        let sum: f32 = mean.iter().sum();
        mean.iter_mut().for_each(|gate| *gate /= sum);
        let examples = 60 - 10 * row;
        TopicRouting {
            topic: Some((*name).to_owned()),
            gathered: 0,
            examples,
            tokens: examples * 40,
            gates: summary(mean.clone()),
            modules: vec![mean.clone(); count],
            deviation: vec![0.03; heads],
            error: vec![0.03 / (examples as f32).sqrt(); heads],
            leads: (0..heads).map(|head| if head == row % heads { examples } else { 0 }).collect(),
            mean,
        }
    };
    RoutingSurvey {
        heads,
        examples: 200,
        tokens: 8123,
        skipped: 0,
        overall: summary(
            (0..heads).map(|head| even + if head == 0 { 0.04 } else { -0.04 / (heads - 1).max(1) as f32 }).collect(),
        ),
        modules,
        topics: TOPICS.iter().enumerate().map(topic).collect(),
        association: Some(association(even)),
        portraits: (0..heads).map(portrait).collect(),
        health,
    }
}

fn association(even: f32) -> TopicAssociation {
    let preference =
        Preference { head: 1, topic: 0, module: None, mean: even + 0.12, others: even, effect: 2.4, p: 0.0005 };
    TopicAssociation {
        shuffles: 2000,
        examples: 200,
        nmi: 0.182,
        nmi_by_chance: 0.011,
        nmi_p: 0.0005,
        token_nmi: 0.021,
        preferences: vec![preference],
    }
}

fn portrait(head: usize) -> HeadPortrait {
    let token = |(i, text): (usize, &&str)| ExcitingToken {
        text: (*text).to_owned(),
        count: 40 + i,
        mean: 0.6 - 0.02 * i as f32,
        lift: 1.7 - 0.05 * i as f32,
    };
    let texts: &[&str] =
        if head == 1 { &[" plus", " 17", " 25", " sum", "="] } else { &[" the", " station", "\n", " arrives"] };
    let example = |i: usize| ExcitingExample {
        source: Source { file: "tasks.jsonl".into(), line: 10 * i + 3 },
        topic: Some(TOPICS[(head + i) % TOPICS.len()].to_owned()),
        snippet: "What is 17 plus 25, and how did you work it out step by step so that I can check it?".into(),
        mean: 0.55 - 0.03 * i as f32,
    };
    HeadPortrait {
        head,
        mean: 0.35 - 0.01 * head as f32,
        deviation: 0.04,
        examples: (0..3).map(example).collect(),
        tokens: texts.iter().enumerate().map(token).collect(),
        suggested_name: (head == 1).then(|| "arithmetic".to_owned()),
    }
}

/// The survey of the held-out examples through the adapter that is there.
pub fn surveyed(survey: RoutingSurvey) -> Event {
    Event::Surveyed { scope: SurveyScope::HeldOut, at: None, survey: Box::new(survey) }
}

/// One moment of a run of 100 steps whose routing leans ever more.
pub fn frame(step: usize, origin: FrameOrigin, heads: usize, layers: usize) -> GateFrame {
    let lean = 1.8 * step as f64 / 100.0;
    let modules: Vec<ModuleMean> =
        modules(layers).map(|module| ModuleMean { module, mean: mean_gates(module, heads, layers, lean) }).collect();
    let mut load = vec![0.0; heads];
    for module in &modules {
        load.iter_mut().zip(&module.mean).for_each(|(load, gate)| *load += gate / modules.len() as f32);
    }
    let checkpoint =
        (step > 0 && step.is_multiple_of(20)).then(|| PathBuf::from(format!("/adapters/demo/checkpoint-{step}")));
    GateFrame { step, origin, load, entropy: 1.0 - 0.002 * step as f32, modules, checkpoint }
}

/// A run of 100 steps that was measured every ten.
pub fn replayed(heads: usize, layers: usize) -> Event {
    let frames = (0..=10).map(|i| frame(10 * i, FrameOrigin::HeldOut, heads, layers)).collect();
    Event::Replayed { run: "/adapters/demo".into(), frames }
}

pub fn names(names: &[Option<&str>]) -> Event {
    let names = names.iter().map(|name| name.map(str::to_owned)).collect();
    Event::HeadNames { path: "/adapters/demo".into(), names }
}
