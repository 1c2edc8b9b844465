//! What a user does to the heads of an adapter, held against what it must equal: the adapter untouched, the base model
//! alone, plain LoRA, and itself whether an answer is drawn token by token or read at once.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use hydra_studio::adapter::{
    Adapter, AdapterSpec, AdapterTensors, GateCapture, GateMix, HeadMix, Method, Module, ModuleTensors, Pass, folder,
};
use hydra_studio::job::{Job, Progress};
use hydra_studio::model::{BaseModel, Generator, KvCache, SamplerSettings, Sequences, StopReason, log_probs};

const HEADS: usize = 3;
const LAYERS: usize = 2;
const IDS: [u32; 12] = [5, 9, 33, 7, 7, 12, 60, 3, 41, 22, 8, 19];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn model() -> BaseModel {
    BaseModel::load(&golden("tiny/base"), &Device::Cpu, &Job::silent()).unwrap()
}

fn spec(method: Method) -> AdapterSpec {
    let heads = if method.is_single_head() { 1 } else { HEADS };
    AdapterSpec { method, rank: 4, heads, alpha: 8.0, ..AdapterSpec::default() }
}

/// The trained adapter of the reference traces.
fn trained() -> Adapter {
    let file = golden("tiny/adapter_final.safetensors");
    let read = folder::read_tensors(&file, &spec(Method::HydraLora), None, Some(LAYERS)).unwrap();
    Adapter::from_tensors(&read, &Device::Cpu).unwrap()
}

/// An adapter of any method with numbers in every `B`.
fn made(model: &BaseModel, method: Method) -> Adapter {
    let adapter = Adapter::new(&spec(method), LAYERS, |m| model.dims(m).unwrap(), 7, &Device::Cpu).unwrap();
    for (i, var) in adapter.vars().into_iter().enumerate().filter(|(i, _)| i % 2 == 1) {
        let numbers = (0..var.elem_count()).map(|at| 0.2 * ((at * (i + 3)) as f32).sin()).collect();
        var.set(&Tensor::from_vec(numbers, var.shape(), &Device::Cpu).unwrap()).unwrap();
    }
    adapter
}

/// Logits after every token, read at once.
fn logits(model: &BaseModel, pass: &Pass<'_>) -> Vec<Vec<f32>> {
    let hidden = model.decoder.hidden(&IDS, &Sequences::single(IDS.len()), pass, None).unwrap();
    model.decoder.logits(&hidden).unwrap().to_vec2().unwrap()
}

fn mixed(model: &BaseModel, adapter: &Adapter, mix: &HeadMix) -> Vec<Vec<f32>> {
    mix.check(adapter.spec(), LAYERS).unwrap();
    logits(model, &Pass { mix: Some(mix), ..Pass::with(adapter) })
}

fn apart(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn gates(model: &BaseModel, adapter: &Adapter, mix: &HeadMix) -> Vec<(Module, Vec<f32>)> {
    let capture = GateCapture::default();
    logits(model, &Pass { mix: Some(mix), capture: Some(&capture), ..Pass::with(adapter) });
    capture.take().into_iter().collect()
}

/// Mixes of every kind, in all layers and in one.
fn mixes() -> Vec<HeadMix> {
    let kinds = [
        GateMix::Trained,
        GateMix::Scaled(vec![0.5, 0.0, 1.5]),
        GateMix::Fixed(vec![0.2, 0.5, 0.3]),
        GateMix::Top(1),
        GateMix::Top(2),
    ];
    let everywhere = kinds.iter().cloned().map(HeadMix::everywhere);
    let in_one = kinds.iter().map(|kind| HeadMix::in_layers(kind, 1..=1));
    everywhere.chain(in_one).collect()
}

#[test]
fn sliders_at_rest_equal_the_untouched_adapter_bit_for_bit() {
    let model = model();
    for method in Method::ALL {
        let adapter = made(&model, method);
        let (heads, untouched) = (adapter.spec().heads, logits(&model, &Pass::with(&adapter)));
        assert_ne!(untouched, logits(&model, &Pass::default()), "{method}");
        let ones = GateMix::Scaled(vec![1.0; heads]);
        for rest in [HeadMix::default(), HeadMix::everywhere(ones.clone()), HeadMix::in_layers(&ones, 0..=1)] {
            assert!(rest.is_at_rest());
            assert_eq!(mixed(&model, &adapter, &rest), untouched, "{method}: {rest:?}");
        }
    }
    let adapter = trained();
    let all = HeadMix::everywhere(GateMix::Top(HEADS));
    assert_eq!(mixed(&model, &adapter, &all), logits(&model, &Pass::with(&adapter)), "every head is among the largest");
}

#[test]
fn all_heads_muted_equal_the_base_model_bit_for_bit_looked_at_or_not() {
    let model = model();
    let base = logits(&model, &Pass::default());
    for method in Method::ALL {
        let adapter = made(&model, method);
        let heads = adapter.spec().heads;
        let all: Vec<usize> = (0..heads).collect();
        let silent = GateMix::Fixed(vec![0.0; heads]);
        for mute in [HeadMix::mute(&all, heads), HeadMix::in_layers(&silent, 0..=1)] {
            assert_eq!(mixed(&model, &adapter, &mute), base, "{method}");
            let capture = GateCapture::default();
            let pass = Pass { mix: Some(&mute), capture: Some(&capture), ..Pass::with(&adapter) };
            assert_eq!(logits(&model, &pass), base, "{method}");
            let gates = capture.take();
            assert_eq!(gates.len(), adapter.modules().count());
            assert!(gates.values().all(|gates| *gates == vec![0.0; IDS.len() * heads]), "{method}");
        }
        let half = mixed(&model, &adapter, &HeadMix::in_layers(&silent, 1..=1));
        assert!(half != base && half != logits(&model, &Pass::with(&adapter)), "{method}: one layer still answers");
    }
}

/// Plain LoRA of the shared `A` and of `Σ w_i B_i`.
fn plain(adapter: &Adapter, weights: &[f32]) -> Adapter {
    let flat = |m: &ModuleTensors| {
        let weighed = m.b.iter().zip(weights).map(|(b, w)| (b * f64::from(*w)).unwrap());
        let b = weighed.reduce(|sum, b| (sum + b).unwrap()).unwrap();
        ModuleTensors { a: m.a.clone(), b: vec![b], router: None }
    };
    let tensors = adapter.to_tensors().unwrap();
    let modules = tensors.modules.iter().map(|(module, m)| (*module, flat(m))).collect();
    Adapter::from_tensors(&AdapterTensors { spec: spec(Method::Lora), modules }, &Device::Cpu).unwrap()
}

#[test]
fn fixed_weights_equal_plain_lora_of_the_weighed_heads() {
    let (model, adapter) = (model(), trained());
    let solos = (0..HEADS).map(|head| (0..HEADS).map(|i| f32::from(i == head)).collect::<Vec<f32>>());
    for weights in solos.chain([vec![0.2, 0.5, 0.3], vec![-0.5, 0.0, 2.0]]) {
        let lora = plain(&adapter, &weights);
        let ours = mixed(&model, &adapter, &HeadMix::everywhere(GateMix::Fixed(weights.clone())));
        let worst = apart(&ours, &logits(&model, &Pass::with(&lora)));
        assert!(worst < 1e-4, "{weights:?}: {worst}");
    }
    for head in 0..HEADS {
        let solo = HeadMix::solo(head, HEADS);
        assert_eq!(solo.everywhere, GateMix::Fixed((0..HEADS).map(|i| f32::from(i == head)).collect()));
    }
}

#[test]
fn gates_are_seen_as_the_mix_leaves_them() {
    let (model, adapter) = (model(), trained());
    // What is done to a layer changes what later layers read, so the first layer alone is compared.
    let first = |mix: &HeadMix| gates(&model, &adapter, mix).into_iter().filter(|(module, _)| module.layer == 0);
    let inputs_agree = |module: &Module| module.target.group().first() == Some(&hydra_studio::adapter::Target::Q);
    let untouched: Vec<_> = first(&HeadMix::default()).collect();
    let scaled = HeadMix::everywhere(GateMix::Scaled(vec![0.5, 0.0, 1.5]));
    for ((module, trained), (_, gates)) in untouched.iter().zip(first(&scaled)).filter(|((m, _), _)| inputs_agree(m)) {
        for (g, t) in gates.chunks(HEADS).zip(trained.chunks(HEADS)) {
            assert_eq!(g, [0.5 * t[0], 0.0, 1.5 * t[2]], "{module}");
        }
    }
    for count in 1..HEADS {
        let top = HeadMix::everywhere(GateMix::Top(count));
        for ((module, trained), (_, gates)) in untouched.iter().zip(first(&top)) {
            for (g, t) in gates.chunks(HEADS).zip(trained.chunks(HEADS)) {
                assert_eq!(g.iter().filter(|g| **g > 0.0).count(), count, "{module}");
                assert!((g.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{module}: {g:?}");
                if inputs_agree(module) {
                    let most = t.iter().copied().fold(0.0, f32::max);
                    let leader = t.iter().position(|t| *t == most).unwrap();
                    assert!(g.iter().all(|other| *other <= g[leader]), "{module}: {g:?} of {t:?}");
                }
            }
        }
    }
}

#[test]
fn an_answer_drawn_token_by_token_sees_the_same_mix_as_one_read_at_once() {
    let (model, adapter) = (model(), trained());
    let untouched = logits(&model, &Pass::with(&adapter));
    for mix in mixes() {
        let at_once = mixed(&model, &adapter, &mix);
        assert!(mix.is_at_rest() || apart(&at_once, &untouched) > 1e-3, "{mix:?} changes something");
        let mut cache = KvCache::new(model.decoder.config());
        let capture = GateCapture::default();
        let pass = Pass { mix: Some(&mix), capture: Some(&capture), ..Pass::with(&adapter) };
        let step = |id: &u32| model.decoder.next_logits(&[*id], &pass, &mut cache).unwrap().to_vec1::<f32>().unwrap();
        let one_by_one: Vec<Vec<f32>> = IDS.iter().map(step).collect();
        let worst = apart(&at_once, &one_by_one);
        assert!(worst < 1e-4, "{mix:?}: {worst}");
        let seen = capture.take();
        for (module, gates) in gates(&model, &adapter, &mix) {
            let worst = gates.iter().zip(&seen[&module]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{mix:?}, {module}: {worst}");
        }
    }
}

#[test]
fn scores_are_the_log_probabilities_of_the_tokens_that_stand_there() {
    let (model, adapter) = (model(), trained());
    for mix in mixes() {
        let pass = Pass { mix: Some(&mix), ..Pass::with(&adapter) };
        let all = logits(&model, &pass);
        let (prompt, answer) = IDS.split_at(4);
        let scores = log_probs(&model, prompt, answer, &pass, &Job::silent()).unwrap();
        assert_eq!(scores.len(), answer.len());
        for (i, (score, token)) in scores.iter().zip(answer).enumerate() {
            let row = &all[prompt.len() - 1 + i];
            let sum: f64 = row.iter().map(|l| f64::from(*l).exp()).sum();
            let expected = f64::from(row[*token as usize]) - sum.ln();
            assert!((f64::from(*score) - expected).abs() < 1e-4, "token {i}: {score} and {expected}");
        }
    }
    assert!(log_probs(&model, &[], &IDS, &Pass::default(), &Job::silent()).is_err());
    assert!(log_probs(&model, &IDS, &[], &Pass::default(), &Job::silent()).unwrap().is_empty());
}

#[test]
fn a_long_text_is_scored_in_parts_that_can_be_cancelled_and_agree_with_the_whole() {
    let model = model();
    let room = model.decoder.config().max_position;
    let ids: Vec<u32> = (0..room as u32).map(|i| i.wrapping_mul(2_654_435_761) >> 26).collect();
    let (prompt, answer) = ids.split_at(3);
    let whole = log_probs(&model, prompt, answer, &Pass::default(), &Job::silent()).unwrap();
    let (before, after) = answer.split_at(answer.len() / 2);
    let first = log_probs(&model, prompt, before, &Pass::default(), &Job::silent()).unwrap();
    let second = log_probs(&model, &[prompt, before].concat(), after, &Pass::default(), &Job::silent()).unwrap();
    let worst = whole.iter().zip(first.iter().chain(&second)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(whole.len() == answer.len() && worst < 1e-4, "{worst}");
    let job = Job::new(|_: Progress| {});
    job.cancel();
    assert!(log_probs(&model, prompt, answer, &Pass::default(), &job).unwrap_err().to_string().contains("cancelled"));
}

#[test]
fn every_answered_token_is_read_once_the_last_one_on_request() {
    let (folder, adapter) = (tempfile::tempdir().unwrap(), trained());
    let model = with_words(folder.path());
    let capture = GateCapture::default();
    let pass = Pass { capture: Some(&capture), ..Pass::with(&adapter) };
    let mut generator = Generator::new(&model, IDS.to_vec(), 5, SamplerSettings::greedy()).unwrap();
    let reason = loop {
        if let hydra_studio::model::Piece::Done(_, reason) = generator.step(&model, &pass).unwrap() {
            break reason;
        }
    };
    assert_eq!((reason, generator.answer().len()), (StopReason::MaxTokens, 5));
    assert_eq!((generator.prompt_len(), generator.read()), (IDS.len(), IDS.len() + 4));
    generator.read_rest(&model, &pass).unwrap();
    generator.read_rest(&model, &pass).unwrap();
    assert_eq!(generator.read(), IDS.len() + 5);
    assert!(capture.drain().values().all(|gates| gates.len() == (IDS.len() + 5) * HEADS));
    assert!(capture.drain().values().all(Vec::is_empty), "what was told is not told again");
}

/// The reference model with a tokenizer of the words `w0`, `w1`, …
fn with_words(folder: &Path) -> BaseModel {
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(golden("tiny/base").join(file), folder.join(file)).unwrap();
    }
    let words: serde_json::Map<String, serde_json::Value> =
        (0..64).map(|id| (format!("w{id}"), serde_json::json!(id))).collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "WhitespaceSplit" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": words, "unk_token": "w0" },
    });
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    BaseModel::load(folder, &Device::Cpu, &Job::silent()).unwrap()
}
