//! `hydra-studio train`, through the real program.

mod common;

use std::fs;

use candle_core::{Device, Tensor};
use common::{Program, golden, golden_adapter, json_lines, named, questions, small_model, tensors};
use serde_json::Value;

/// The fields of `step`, in their order, as scripts rely on them.
const STEP: [&str; 10] =
    ["event", "step", "steps", "loss", "lr", "grad_norm", "tokens", "supervised", "tokens_per_s", "elapsed_s"];

fn keys(event: &Value) -> Vec<&str> {
    event.as_object().unwrap().keys().map(String::as_str).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[test]
fn training_on_tokens_follows_the_reference() {
    let program = Program::new();
    let start = golden_adapter(&program, "start", 1.0);
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let arguments = [
        "train",
        "--model",
        &base,
        "--tokens",
        &batch,
        "--out",
        "run",
        "--init-adapter",
        &start,
        "--steps",
        "10",
        "--batch",
        "3",
        "--accumulate",
        "1",
        "--lr",
        "1e-3",
        "--schedule",
        "constant",
        "--warmup",
        "0",
        "--max-grad-norm",
        "0",
        "--rank",
        "16",
    ];
    let events = program.events(&arguments);
    let steps = named(&events, "step");
    let meta: Value = serde_json::from_str(&fs::read_to_string(golden("meta.json")).unwrap()).unwrap();
    assert_eq!(steps.len(), 10);
    for (step, theirs) in steps.iter().zip(meta["losses_f32"].as_array().unwrap()) {
        assert_eq!(keys(step), STEP);
        let (ours, theirs) = (step["loss"].as_f64().unwrap(), theirs.as_f64().unwrap());
        assert!((ours - theirs).abs() < 5e-5, "step {}: {ours} and {theirs}", step["step"]);
        assert_eq!((&step["tokens"], &step["supervised"]), (&36.into(), &24.into()));
    }
    let started = &named(&events, "started")[0];
    assert_eq!((&started["settings"]["rank"], &started["held_out"]), (&4.into(), &0.into()));
    assert_eq!((&started["parameters"], &started["router_parameters"]), (&14592.into(), &2880.into()));
    let warning = named(&events, "warning")[0]["message"].as_str().unwrap();
    assert!(warning.contains("rank 4"), "the start's own settings hold: {warning}");
}

#[test]
fn training_on_data_tells_everything_and_fills_the_run_folder() {
    let program = Program::new();
    program.write("faq.jsonl", questions(60) + "{\"question\":\"Empty?\",\"answer\":\"\"}\n");
    let events = program.events(&[
        "train",
        "--model",
        small_model(),
        "--data",
        "faq.jsonl",
        "--out",
        "runs/faq",
        "--steps",
        "8",
        "--batch",
        "2",
        "--accumulate",
        "2",
        "--lr",
        "5e-3",
        "--eval-every",
        "4",
        "--checkpoint-every",
        "4",
        "--heads",
        "2",
    ]);
    // Others come by the clock, or beside a measure.
    let places = ["warning", "started", "estimate", "step", "eval", "checkpoint", "done"];
    let order: Vec<&str> = names(&events).into_iter().filter(|name| places.contains(name)).collect();
    let half = ["step", "step", "step", "step", "eval", "checkpoint"];
    assert_eq!(order, [&["warning", "started", "estimate", "eval"][..], &half, &half, &["done"]].concat());
    let estimate = named(&events, "estimate")[0];
    let parts = ["weights", "adapter", "optimizer", "activations", "logits", "rest"];
    let sum: u64 = parts.iter().map(|part| estimate[part].as_u64().unwrap()).sum();
    assert_eq!((estimate["total"].as_u64(), estimate["steps"].as_u64()), (Some(sum), Some(8)));
    assert!(events[0]["message"].as_str().unwrap().contains("faq.jsonl:61"), "{}", events[0]);
    let started = named(&events, "started")[0];
    assert_eq!((&started["examples"], &started["held_out"], &started["steps"]), (&57.into(), &3.into(), &8.into()));
    assert_eq!((&started["cut"], &started["skipped"], &started["from_step"]), (&0.into(), &0.into(), &0.into()));
    let evals = named(&events, "eval");
    assert_eq!(keys(evals[0]), ["event", "step", "loss", "examples", "supervised", "elapsed_s", "topics"]);
    assert_eq!(evals[0]["step"], 0);
    let routing = named(&events, "routing");
    assert_eq!((routing.len(), routing[0]["load"].as_array().unwrap().len()), (3, 2));
    assert_eq!(routing[0]["modules"].as_object().unwrap().len(), 14);
    let done = named(&events, "done")[0];
    let loss = |name: &str| done[name].as_f64().unwrap();
    assert!(loss("held_out_after") < loss("held_out_before"), "{done}");
    assert_eq!(loss("held_out_before"), evals[0]["loss"].as_f64().unwrap());

    let run = program.folder().join("runs/faq");
    let log = json_lines(&fs::read_to_string(run.join("log.jsonl")).unwrap());
    let told: Vec<Value> = events
        .iter()
        .filter(|e| !["warning", "started", "estimate", "done"].contains(&e["event"].as_str().unwrap()))
        .cloned()
        .collect();
    let (end, log) = log.split_last().unwrap();
    assert_eq!((log, &end["cause"]), (&told[..], &"finished".into()), "the log holds what was told, and the end");
    for file in ["run.json", "best.json", "routing.jsonl", "checkpoint-8/trainer_state.json"] {
        assert!(run.join(file).is_file(), "{file}");
    }
    for file in ["adapter_model.safetensors", "adapter_config.json", "README.md", "optimizer.safetensors"] {
        assert!(run.join("checkpoint-4").join(file).is_file(), "{file}");
    }
}

#[test]
fn a_person_reads_what_was_learnt_and_what_to_do_next() {
    let program = Program::new();
    program.write("faq.jsonl", questions(40));
    let told = program.run(&[
        "train",
        "--model",
        small_model(),
        "--data",
        "faq.jsonl",
        "--out",
        "run",
        "--steps",
        "3",
        "--batch",
        "2",
    ]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("Held-out loss: ") && told.stdout.contains(" before, "), "{told:?}");
    for command in ["generate", "inspect", "export"] {
        assert!(told.stdout.contains(&format!("hydra-studio {command} --model")), "{told:?}");
    }
    assert!(!told.stdout.contains("{\"event\""), "{told:?}");
}

#[test]
fn the_same_seed_gives_the_same_adapter_and_another_does_not() {
    let program = Program::new();
    program.write("faq.jsonl", questions(40));
    let train = |out: &str, seed: &str| {
        program.events(&[
            "train",
            "--model",
            small_model(),
            "--data",
            "faq.jsonl",
            "--out",
            out,
            "--steps",
            "3",
            "--batch",
            "2",
            "--dropout",
            "0.1",
            "--seed",
            seed,
        ]);
        fs::read(program.folder().join(out).join("checkpoint-3/adapter_model.safetensors")).unwrap()
    };
    let first = train("a", "7");
    assert_eq!(first, train("b", "7"));
    assert_ne!(first, train("c", "8"));
}

#[test]
fn settings_come_from_a_file_and_flags_overrule_it() {
    let program = Program::new();
    program.write("shop.toml", "rank = 2\nheads = 2\nmethod = \"lora-moe\"\nlength = { steps = 2 }\nbatch = 3\n");
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let events = program.events(&[
        "train",
        "--model",
        &base,
        "--tokens",
        &batch,
        "--out",
        "run",
        "--config",
        "shop.toml",
        "--heads",
        "4",
        "--targets",
        "q,v",
    ]);
    let settings = &named(&events, "started")[0]["settings"];
    assert_eq!(
        (&settings["rank"], &settings["heads"], &settings["method"]),
        (&2.into(), &4.into(), &"lora-moe".into())
    );
    assert_eq!(settings["targets"], serde_json::json!(["q_proj", "v_proj"]));
    assert_eq!(named(&events, "step").len(), 2);
}

#[test]
fn every_method_trains() {
    let program = Program::new();
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    for method in ["hydralora", "lora", "lora-split", "lora-moe", "hydralora-uniform"] {
        let events = program.events(&[
            "train",
            "--model",
            &base,
            "--tokens",
            &batch,
            "--out",
            method,
            "--method",
            method,
            "--steps",
            "6",
            "--lr",
            "1e-2",
            "--warmup",
            "0",
            "--batch",
            "3",
            "--accumulate",
            "1",
        ]);
        let losses: Vec<f64> = named(&events, "step").iter().map(|step| step["loss"].as_f64().unwrap()).collect();
        assert!(losses[5] < losses[0], "{method}: {losses:?}");
    }
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_names_what_it_was_doing() {
    let program = Program::new();
    let huge = golden_adapter(&program, "huge", 1e30);
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let always = ["train", "--model", &base, "--tokens", &batch, "--batch", "2", "--accumulate", "1", "--warmup", "0"];
    let with = |more: &[&'static str]| [&always[..], more].concat();

    let mut arguments = with(&["--out", "at-once", "--steps", "5"]);
    arguments.extend(["--init-adapter", &huge]);
    let message = program.refusal(&arguments);
    assert!(message.contains("step 1") && message.contains("not a finite number"), "{message}");
    assert!(message.contains("batch.safetensors:1") && message.contains("batch.safetensors:2"), "{message}");
    assert!(message.contains("No checkpoint") && message.contains("learning rate"), "{message}");
    assert!(program.folder().join("at-once/log.jsonl").is_file());

    let more = ["--out", "later", "--steps", "9", "--lr", "1e30", "--max-grad-norm", "0", "--checkpoint-every", "1"];
    let message = program.refusal(&with(&more));
    let log = json_lines(&fs::read_to_string(program.folder().join("later/log.jsonl")).unwrap());
    let steps = named(&log, "step").len();
    assert!(steps > 0 && message.contains(&format!("step {}", steps + 1)), "{steps}: {message}");
    let bad = format!("checkpoint-{steps}");
    assert!(program.folder().join("later").join(&bad).is_dir());
    assert!(!message.contains(&bad), "the weights that gave the failed loss are not good: {message}");
}

#[test]
fn a_held_out_loss_that_is_no_number_stops_the_run_and_names_the_rows() {
    let program = Program::new();
    program.write("faq.jsonl", questions(200));
    let data = ["train", "--model", small_model(), "--data", "faq.jsonl", "--out", "run", "--warmup", "0"];
    let message = program.refusal(&[&data[..], &["--steps", "1", "--lr", "1e38", "--max-grad-norm", "0"]].concat());
    assert!(message.contains("held-out loss of step 1 is not a finite number"), "{message}");
    assert!(message.contains("faq.jsonl:") && message.contains("No checkpoint"), "{message}");
    assert!(!program.folder().join("run/best.json").exists());
}

#[test]
fn a_stderr_that_is_full_does_not_end_a_run() {
    let program = Program::new();
    program.write("faq.jsonl", questions(40));
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    // An unusable row brings a warning, so that something is written there.
    program
        .write("more.jsonl", "{\"question\":\"Why?\",\"answer\":\"\"}\n{\"question\":\"Who?\",\"answer\":\"Ann.\"}\n");
    let train =
        ["train", "--model", small_model(), "--data", "faq.jsonl", "more.jsonl", "--out", "run", "--steps", "2"];
    let told = program.command(&train).stderr(full).output().unwrap();
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(program.folder().join("run/checkpoint-2").is_dir());
}

#[test]
fn labels_may_ask_for_other_tokens_than_those_that_stand_there() {
    let program = Program::new();
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let mut file = tensors(&batch);
    let labels = file["labels"].to_vec2::<i64>().unwrap();
    let shifted = |label: i64| if label == -100 { label } else { (label + 1) % 128 };
    let shifted: Vec<i64> = labels.iter().flatten().map(|label| shifted(*label)).collect();
    file.insert("labels".into(), Tensor::from_vec(shifted, file["labels"].shape(), &Device::Cpu).unwrap());
    candle_core::safetensors::save(&file, program.folder().join("other.safetensors")).unwrap();
    let loss = |tokens: &str, out: &str| {
        let train = ["train", "--model", &base, "--tokens", tokens, "--out", out, "--steps", "1", "--batch", "2"];
        let events = program.events(&[&train[..], &["--accumulate", "1"]].concat());
        named(&events, "step")[0]["loss"].as_f64().unwrap()
    };
    assert!((loss(&batch, "a") - loss("other.safetensors", "b")).abs() > 1e-3);
}

#[test]
fn as_many_heads_as_labelled_topics_are_taken_on_request() {
    let program = Program::new();
    let row = |i: usize| format!(r#"{{"question":"Q {i}?","answer":"A {i}","topic":"t{}"}}"#, i % 4) + "\n";
    program.write("faq.jsonl", (0..40).map(row).collect::<String>());
    let train = ["train", "--model", small_model(), "--data", "faq.jsonl", "--steps", "1", "--heads", "auto"];
    let events = program.events(&[&train[..], &["--out", "run"]].concat());
    assert_eq!(named(&events, "started")[0]["settings"]["heads"], 4);
}
