//! `hydra-studio generate`, `inspect` and `export`, through the real program, on one small trained run.

mod common;

use std::fs;

use common::{Program, named, questions, small_model};
use serde_json::Value;

/// A program whose folder holds `faq.jsonl` and a run of a few steps on it, `run`.
fn trained(more: &[&str]) -> Program {
    let program = Program::new();
    program.write("faq.jsonl", questions(40));
    let always = ["train", "--model", small_model(), "--data", "faq.jsonl", "--out", "run", "--steps", "6"];
    program.events(&[&always[..], &["--batch", "2", "--lr", "2e-2", "--checkpoint-every", "3"], more].concat());
    program
}

fn answer(program: &Program, more: &[&str]) -> Value {
    let always = ["generate", "--model", small_model(), "--prompt", "What is 4 and one?", "--max-tokens", "12"];
    program.events(&[&always[..], more].concat()).pop().unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn an_answer_comes_piece_by_piece_and_whole() {
    let program = trained(&[]);
    let arguments = ["generate", "--model", small_model(), "--prompt", "What is 4 and one?", "--max-tokens", "8"];
    let events = program.events(&arguments);
    let pieces: String = named(&events, "token").iter().map(|event| event["text"].as_str().unwrap()).collect();
    let done = events.last().unwrap();
    assert_eq!((&done["event"], done["text"].as_str()), (&"done".into(), Some(pieces.as_str())));
    assert!(done["tokens"].as_u64().unwrap() <= 8 && done["tokens_per_s"].as_f64().is_some(), "{done}");
    assert!(["end_of_text", "max_tokens"].contains(&done["reason"].as_str().unwrap()), "{done}");
    let told = program.run(&arguments);
    assert_eq!((told.code, told.stdout), (0, format!("{pieces}\n")));
}

#[test]
fn a_seed_fixes_the_answer_and_temperature_0_needs_none() {
    let program = trained(&[]);
    let hot = |seed| answer(&program, &["--temperature", "2", "--top-p", "1", "--seed", seed])["text"].clone();
    assert_eq!(hot("1"), hot("1"));
    assert_ne!(hot("1"), hot("2"));
    let cold = |seed| answer(&program, &["--temperature", "0", "--seed", seed])["text"].clone();
    assert_eq!(cold("1"), cold("2"));
}

#[test]
fn heads_can_be_heard_alone_and_silenced() {
    let program = trained(&["--heads", "2"]);
    let cold = |more: &[&str]| answer(&program, &[&["--temperature", "0"], more].concat())["text"].clone();
    let base = cold(&[]);
    assert_eq!(cold(&["--adapter", "run", "--mute", "0,1"]), base, "with all heads silent the base model answers");
    for more in [["--solo", "0"], ["--solo", "1"], ["--mute", "1"]] {
        assert!(cold(&[&["--adapter", "run"], &more[..]].concat()).is_string());
    }
    for (flag, head) in [("--solo", "2"), ("--mute", "0,2")] {
        let model = small_model();
        let arguments = ["generate", "--model", model, "--adapter", "run", "--prompt", "Hi", flag, head];
        let message = program.refusal(&arguments);
        assert!(message.contains("no head 2") && message.contains("heads 0 to 1"), "{message}");
    }
}

#[test]
fn heads_are_weighed_by_hand_everywhere_or_in_some_layers() {
    let program = trained(&["--heads", "2"]);
    let cold =
        |more: &[&str]| answer(&program, &[&["--temperature", "0", "--adapter", "run"], more].concat())["text"].clone();
    let (trained, base) = (cold(&[]), cold(&["--mute", "0,1"]));
    for rest in [["--scale", "1,1"], ["--top-heads", "2"]] {
        assert_eq!(cold(&rest), trained, "{rest:?} changes nothing");
    }
    for silent in [["--scale", "0,0"], ["--mix", "0,0"]] {
        assert_eq!(cold(&silent), base, "{silent:?} is the base model");
    }
    assert_eq!(cold(&["--mix", "0,1"]), cold(&["--solo", "1"]));
    assert_eq!(cold(&["--solo", "1", "--layers", "0-1"]), cold(&["--solo", "1"]), "all layers by name");
    let model = small_model();
    let always = ["generate", "--model", model, "--adapter", "run", "--prompt", "Hi"];
    for (flags, what) in [
        (&["--mix", "0.2,0.5,0.3"][..], "3 weights"),
        (&["--scale", "1"], "one factor"),
        (&["--top-heads", "3"], "choose 1 to 2"),
        (&["--solo", "0", "--layers", "1-2"], "no layer 2"),
    ] {
        let message = program.refusal(&[&always[..], flags].concat());
        assert!(message.contains(what), "{flags:?}: {message}");
    }
    assert!(program.refusal(&[&always[..], &["--mix", "1"]].concat()).contains("has 2 heads"));
    let both = program.run(&[&always[..], &["--mix", "0,1", "--solo", "1"]].concat());
    assert!(both.code == 2 && both.stderr.contains("cannot be used with"), "{both:?}");
}

#[test]
fn a_run_stands_for_its_best_checkpoint_and_says_which() {
    let program = trained(&[]);
    let told = program.run(&["generate", "--model", small_model(), "--adapter", "run", "--prompt", "Hi"]);
    let best: Value =
        serde_json::from_str(&fs::read_to_string(program.folder().join("run/best.json")).unwrap()).unwrap();
    assert!(told.stderr.contains(best["name"].as_str().unwrap()) && told.stderr.contains("best"), "{told:?}");
    assert!(!told.stdout.contains("checkpoint"), "{told:?}");
}

#[test]
fn the_routing_of_a_prompt_is_told_by_token_module_and_head() {
    let program = trained(&[]);
    let arguments = ["inspect", "--model", small_model(), "--adapter", "run", "--prompt", "Is room 3 open?"];
    let events = program.events(&arguments);
    let routing = named(&events, "routing")[0];
    assert_eq!(routing["heads"], 3);
    let tokens = routing["tokens"].as_array().unwrap();
    let text: String = tokens.iter().map(|token| token["text"].as_str().unwrap()).collect();
    assert!(text.contains("Is room 3 open?"), "{text}");
    let modules = routing["modules"].as_object().unwrap();
    assert_eq!(modules.len(), 14);
    for (module, gates) in modules {
        assert_eq!(gates["gates"].as_array().unwrap().len(), tokens.len(), "{module}");
        let rows = gates["gates"].as_array().unwrap().iter().chain([&gates["mean"]]);
        rows.for_each(|row| assert!((floats(row).iter().sum::<f64>() - 1.0).abs() < 1e-5, "{module}: {row}"));
    }
    let first = floats(&tokens[0]["gates"]);
    let over_modules = |head: usize| {
        modules.values().map(|m| m["gates"][0][head].as_f64().unwrap()).sum::<f64>() / modules.len() as f64
    };
    assert!((first[1] - over_modules(1)).abs() < 1e-5);
    let leader = tokens[0]["leader"].as_u64().unwrap() as usize;
    assert!(first.iter().all(|gate| *gate <= first[leader]));
    let done = events.last().unwrap();
    assert!((floats(&done["load"]).iter().sum::<f64>() - 1.0).abs() < 1e-5);
    assert!((0.0..=1.0001).contains(&done["entropy"].as_f64().unwrap()), "{done}");
    assert!(done["summary"].as_str().unwrap().contains("Head 0"), "{done}");

    let told = program.run(&arguments);
    assert!(told.stdout.contains("layer  head 0  head 1  head 2"), "{told:?}");
    assert!(told.stdout.contains(done["summary"].as_str().unwrap()), "{told:?}");
}

#[test]
fn the_routing_of_data_is_told_by_topic() {
    let program = trained(&[]);
    let arguments = ["inspect", "--model", small_model(), "--adapter", "run", "--data", "faq.jsonl"];
    let events = program.events(&arguments);
    let routing = named(&events, "routing")[0];
    assert_eq!(routing["examples"], 40);
    let topics = routing["topics"].as_array().unwrap();
    let names: Vec<&str> = topics.iter().map(|topic| topic["topic"].as_str().unwrap()).collect();
    assert_eq!(names, ["sums", "rooms"]);
    for topic in topics {
        assert_eq!(topic["examples"], 20);
        assert!((floats(&topic["load"]).iter().sum::<f64>() - 1.0).abs() < 1e-5, "{topic}");
    }
    let load = floats(&routing["load"]);
    for (head, load) in load.iter().enumerate() {
        let (a, b) = (floats(&topics[0]["load"])[head], floats(&topics[1]["load"])[head]);
        assert!(a.min(b) - 1e-6 <= *load && *load <= a.max(b) + 1e-6, "the whole lies between its parts");
    }
    let survey = &routing["survey"];
    assert_eq!((&survey["examples"], survey["modules"].as_array().unwrap().len()), (&40.into(), 14));
    assert_eq!(survey["association"]["shuffles"], 1000);
    for (topic, in_survey) in topics.iter().zip(survey["topics"].as_array().unwrap()) {
        assert_eq!(topic["mean"], in_survey["mean"]);
        assert!((floats(&topic["mean"]).iter().sum::<f64>() - 1.0).abs() < 1e-5, "{topic}");
        assert!(floats(&topic["error"]).iter().zip(floats(&topic["deviation"])).all(|(e, d)| *e <= d), "{topic}");
    }
    let statements = routing["statements"].as_array().unwrap();
    assert!(statements[0].as_str().unwrap().starts_with("Over 40 examples"), "{statements:?}");
    let told = program.run(&arguments);
    assert!(told.stdout.contains("sums (20)") && told.stdout.contains("rooms (20)"), "{told:?}");
    assert!(told.stdout.contains("What excites each head most") && told.stdout.contains("faq.jsonl:"), "{told:?}");
    assert!(told.stdout.contains(statements.last().unwrap().as_str().unwrap()), "{told:?}");
}

#[test]
fn the_numbers_of_the_routing_are_written_as_a_table() {
    let program = trained(&[]);
    let start = ["inspect", "--model", small_model(), "--adapter", "run", "--csv", "t.csv"];
    let table = |more: &[&str]| -> Vec<Vec<String>> {
        let told = program.run(&[&start[..], more].concat());
        assert_eq!(told.code, 0, "{told:?}");
        let text = fs::read_to_string(program.folder().join("t.csv")).unwrap();
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let rows = table(&["--data", "faq.jsonl"]);
    assert_eq!(rows[0], ["topic", "examples", "tokens", "head", "mean", "deviation", "error", "leads"]);
    assert_eq!((rows.len(), rows[1][0].as_str()), (1 + 2 * 3, "sums"));
    let rows = table(&["--data", "faq.jsonl", "--by", "module"]);
    assert_eq!((rows.len(), rows[1][0].as_str()), (1 + 14 * 3, "model.layers.0.self_attn.q_proj"));
    let rows = table(&["--data", "faq.jsonl", "--by", "layer"]);
    assert_eq!(rows.len(), 1 + 2 * 3);
    let of_first = rows[1..4].iter().map(|row| row[2].parse::<f64>().unwrap()).sum::<f64>();
    assert!((of_first - 1.0).abs() < 1e-5, "{rows:?}");
    let tokens = table(&["--prompt", "Hi"]).len() - 1;
    assert_eq!(table(&["--prompt", "Hi", "--by", "module"]).len() - 1, 14 * tokens);
    let refused =
        program.refusal(&["inspect", "--model", small_model(), "--adapter", "run", "--prompt", "Hi", "--by", "topic"]);
    assert!(refused.contains("no topics"), "{refused}");
}

#[test]
fn an_adapter_without_router_has_no_routing_to_show() {
    let program = trained(&["--method", "lora"]);
    let message = program.refusal(&["inspect", "--model", small_model(), "--adapter", "run", "--prompt", "Hi"]);
    assert!(message.contains("lora") && message.contains("no router"), "{message}");
}

#[test]
fn an_exported_adapter_is_verified_complete_and_answers_as_before() {
    let program = trained(&[]);
    let export = ["export", "--model", small_model(), "--adapter", "run", "--format", "hydralora", "--out", "faq"];
    let done = program.events(&export).pop().unwrap();
    assert_eq!((&done["event"], &done["verified"], &done["tensors"]), (&"done".into(), &true.into(), &70.into()));
    let files: Vec<&str> = done["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    let expected = [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(files, expected);
    let sizes = files.iter().map(|file| fs::metadata(program.folder().join("faq").join(file)).unwrap().len());
    assert_eq!(done["bytes"], sizes.sum::<u64>());
    let card = fs::read_to_string(program.folder().join("faq/README.md")).unwrap();
    assert!(card.contains("faq.jsonl") && card.contains("nats a token"), "the card tells of the run: {card}");
    let cold = |adapter| answer(&program, &["--temperature", "0", "--adapter", adapter])["text"].clone();
    assert_eq!(cold("faq"), cold("run"));
    assert!(program.refusal(&export).contains("exists already"));
}

#[test]
fn a_model_without_tokenizer_exports_without_one() {
    let program = Program::new();
    let base = common::golden("base");
    let adapter = common::golden_adapter(&program, "start", 1.0);
    let arguments = ["export", "--model", &base, "--adapter", &adapter, "--format", "hydralora", "--out", "out"];
    let events = program.events(&arguments);
    assert!(named(&events, "warning")[0]["message"].as_str().unwrap().contains("without tokenizer"));
    assert_eq!(events.last().unwrap()["files"].as_array().unwrap().len(), 3);
    assert_eq!(common::tensors(program.folder().join("out/adapter_model.safetensors")).len(), 70);
}

#[test]
fn a_form_that_does_not_exist_is_refused_with_those_that_do() {
    let told = Program::new().run(&["export", "--model", "m", "--adapter", "a", "--format", "merged", "--out", "o"]);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.stderr.contains("merged") && told.stderr.contains("hydralora"), "{told:?}");
}
