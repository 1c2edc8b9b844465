//! How an answer ends: at any of the model's end tokens, at a full context, or when its owner stops asking for tokens.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Device;
use hydra_studio::adapter::Pass;
use hydra_studio::data::{Message, Role};
use hydra_studio::job::Job;
use hydra_studio::model::{BaseModel, Generator, ModelError, Piece, SamplerSettings, StopReason, generate};
use hydra_studio::project::AppPaths;
use hydra_studio::text::TemplateOrigin;
use hydra_studio::train::DeviceChoice;
use hydra_studio::worker::protocol::{AskedAnswer, EndReason, Event, GateWatch, JobKind, Request, Sampling, Side};
use hydra_studio::worker::spawn;
use serde_json::{Value, json};

/// A miniature Llama of the reference traces with a tokenizer of the words `w0` to `w63`, without a chat template. `ends`
/// are the end tokens that its generation config names, and `context` is its longest context.
fn written(folder: &Path, ends: &[u32], context: usize) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/families/llama-linear-rope");
    let mut config: Value = serde_json::from_slice(&std::fs::read(from.join("config.json")).unwrap()).unwrap();
    config["max_position_embeddings"] = json!(context);
    config["eos_token_id"] = Value::Null;
    let write = |name: &str, content: Value| std::fs::write(folder.join(name), content.to_string()).unwrap();
    write("config.json", config);
    std::fs::copy(from.join("model.safetensors"), folder.join("model.safetensors")).unwrap();
    let words: serde_json::Map<String, Value> = (0..64).map(|id| (format!("w{id}"), json!(id))).collect();
    write(
        "tokenizer.json",
        json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": { "type": "WhitespaceSplit" }, "post_processor": null, "decoder": null,
            "model": { "type": "WordLevel", "vocab": words, "unk_token": "w0" },
        }),
    );
    write("generation_config.json", json!({ "eos_token_id": ends }));
}

fn model(ends: &[u32], context: usize) -> BaseModel {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), ends, context);
    BaseModel::load(dir.path(), &Device::Cpu, &Job::silent()).unwrap()
}

/// The likeliest answer.
fn answer(model: &BaseModel, prompt: &[u32], max_tokens: usize) -> (String, StopReason) {
    generate(model, prompt.to_vec(), max_tokens, SamplerSettings::greedy(), &Pass::default()).unwrap()
}

/// The ids of an answer in words.
fn ids(text: &str) -> Vec<u32> {
    text.split_whitespace().map(|word| word.trim_start_matches('w').parse().unwrap()).collect()
}

#[test]
fn an_answer_stops_at_each_of_the_models_end_tokens_and_does_not_show_it() {
    let free = model(&[], 512);
    let next = |prompt: u32| ids(&answer(&free, &[prompt], 1).0)[0];
    let other = (6..64).find(|&prompt| next(prompt) != next(5)).unwrap();
    let ends = [next(5), next(other)];
    let ending = model(&ends, 512);
    assert_eq!(ending.tokenizer().unwrap().eos_ids(), ends);
    for prompt in [5, other] {
        assert_eq!(answer(&free, &[prompt], 8).1, StopReason::MaxTokens);
        assert_eq!(answer(&ending, &[prompt], 8), (String::new(), StopReason::EndOfText));
    }
    // An end token further on lets through what stands before it.
    let later = |prompt: u32| {
        let whole = ids(&answer(&free, &[prompt], 12).0);
        (1..whole.len()).find(|&at| !whole[..at].contains(&whole[at])).map(|at| (prompt, whole[..=at].to_vec()))
    };
    let (prompt, whole) = (0..64).find_map(later).unwrap();
    let (end, before) = whole.split_last().unwrap();
    let (text, reason) = answer(&model(&[*end], 512), &[prompt], 12);
    assert_eq!((ids(&text).as_slice(), reason), (before, StopReason::EndOfText));
}

#[test]
fn an_answer_ends_where_the_context_is_full() {
    let (text, reason) = answer(&model(&[], 16), &[5, 9, 33], 100);
    assert_eq!((ids(&text).len(), reason), (13, StopReason::ContextFull));
    assert_eq!(answer(&model(&[], 16), &[5, 9, 33], 0), (String::new(), StopReason::MaxTokens));
}

#[test]
fn a_prompt_that_is_empty_or_fills_the_context_is_refused_with_its_length() {
    let model = model(&[], 16);
    for length in [0, 16, 17] {
        let error = Generator::new(&model, vec![1; length], 1, SamplerSettings::greedy()).err().unwrap();
        assert!(matches!(error, ModelError::PromptLength { tokens, room: 16 } if tokens == length));
        assert!(error.to_string().contains(&format!("{length} tokens where the model takes 1 to 15")), "{error}");
    }
    assert!(Generator::new(&model, vec![1; 15], 1, SamplerSettings::greedy()).is_ok());
}

#[test]
fn a_long_prompt_is_read_in_several_steps_and_answered_as_if_in_one() {
    let model = model(&[], 4096);
    let prompt: Vec<u32> = (0..1200u32).map(|i| i.wrapping_mul(2_654_435_761) >> 26).collect();
    let mut generator = Generator::new(&model, prompt.clone(), 3, SamplerSettings::greedy()).unwrap();
    let pieces: Vec<Piece> = (0..3).map(|_| generator.step(&model, &Pass::default()).unwrap()).collect();
    let nothing = Piece::Text(String::new());
    assert_eq!((&pieces[0], &pieces[1]), (&nothing, &nothing), "two parts of 512 tokens are read first");
    assert!(matches!(&pieces[2], Piece::Text(text) if !text.is_empty()));
    assert_eq!(generator.answered(), 1);

    let sequences = hydra_studio::model::Sequences::single(prompt.len());
    let hidden = model.decoder.hidden(&prompt, &sequences, &Pass::default(), None).unwrap();
    let logits = model.decoder.logits(&hidden.narrow(0, prompt.len() - 1, 1).unwrap()).unwrap();
    let logits = logits.squeeze(0).unwrap().to_vec1::<f32>().unwrap();
    let best = (0..64u32).max_by(|a, b| logits[*a as usize].total_cmp(&logits[*b as usize])).unwrap();
    assert_eq!(pieces[2], Piece::Text(format!("w{best}")));
}

#[test]
fn a_model_without_chat_template_answers_under_the_plain_one() {
    let model = model(&[], 512);
    let tokenizer = model.tokenizer().unwrap();
    assert_eq!(tokenizer.template_origin(), &TemplateOrigin::Plain);
    let prompt = tokenizer.encode_prompt(&[Message { role: Role::User, content: "w5 w9".into() }]).unwrap();
    // "User:", "w5", "w9", "Assistant:", of which the vocabulary has two.
    assert_eq!(prompt, [0, 5, 9, 0]);
    assert_eq!(answer(&model, &prompt, 4).1, StopReason::MaxTokens);
}

#[test]
fn an_answer_is_cancelled_between_two_tokens() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &[], 1 << 20);
    let worker = spawn(&AppPaths::under(folder.path()), Arc::new(|| {})).unwrap();
    let wait = |wanted: &dyn Fn(&Event) -> bool| {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let event = worker.events.recv_deadline(until).unwrap();
            if wanted(&event) {
                return event;
            }
        }
    };
    worker.requests.send(Request::LoadModel { path: folder.path().to_owned(), device: DeviceChoice::Cpu }).unwrap();
    wait(&|event| matches!(event, Event::ModelLoaded(_)));
    let messages = vec![Message { role: Role::User, content: "w5".into() }];
    let sampling = Sampling { max_tokens: 1_000_000, temperature: 0.0, ..Sampling::default() };
    let answers = vec![AskedAnswer { id: 3, side: Side::Base, messages }];
    worker.requests.send(Request::Generate { answers, sampling, watch: GateWatch::Nothing }).unwrap();
    wait(&|event| matches!(event, Event::Token { .. }));
    worker.requests.send(Request::Cancel { job: JobKind::Generate }).unwrap();
    let end = wait(&|event| matches!(event, Event::Answered { .. }));
    assert!(matches!(end, Event::Answered { id: 3, reason: EndReason::Cancelled, .. }), "{end:?}");
}
