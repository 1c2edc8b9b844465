//! `hydra-studio compare`, through the real program.

mod common;

use std::fs;
use std::path::Path;

use common::{Program, json_lines, named, questions, small_model, tensors};
use serde_json::Value;

const SETTINGS: [&str; 16] = [
    "--data",
    "faq.jsonl",
    "--out",
    "methods",
    "--steps",
    "4",
    "--batch",
    "2",
    "--accumulate",
    "1",
    "--context",
    "48",
    "--lr",
    "1e-3",
    "--samples",
    "0",
];

fn compare<'a>(extra: &[&'a str]) -> Vec<&'a str> {
    [&["compare", "--model", small_model()], &SETTINGS[..], extra].concat()
}

fn with_data() -> Program {
    let program = Program::new();
    program.write("faq.jsonl", questions(60));
    program
}

/// Parameters of `A` and `B`, and of the routers, as the tensors of a checkpoint hold them.
fn counted(run: &Path) -> (usize, usize) {
    let tensors = tensors(run.join("checkpoint-4/adapter_model.safetensors"));
    let size = |is_router: bool| -> usize {
        let wanted = tensors.iter().filter(|(name, _)| name.contains("lora_route") == is_router);
        wanted.map(|(_, tensor)| tensor.elem_count()).sum()
    };
    (size(false), size(true))
}

#[test]
fn every_method_is_trained_and_told_with_the_parameters_that_its_adapter_holds() {
    let program = with_data();
    let events = program.events(&compare(&["--heads", "2", "--rank", "4"]));
    let compared = named(&events, "compared");
    let methods: Vec<_> =
        compared.iter().map(|run| (run["method"].as_str().unwrap(), run["rank"].as_u64().unwrap())).collect();
    let expected = [
        ("hydralora", 4),
        ("lora", 8),
        ("lora", 16),
        ("lora", 32),
        ("lora-split", 4),
        ("lora-moe", 4),
        ("hydralora-uniform", 4),
    ];
    assert_eq!(methods, expected);
    let first = &compared[0]["held_out_first"];
    for run in &compared {
        let path = program.folder().join("methods").join(run["run"].as_str().unwrap());
        let (parameters, routers) = counted(&path);
        assert_eq!(
            (run["parameters"].as_u64(), run["router_parameters"].as_u64()),
            (Some(parameters as u64), Some(routers as u64))
        );
        let file: Value = serde_json::from_str(&fs::read_to_string(path.join("run.json")).unwrap()).unwrap();
        let share = (parameters + routers) as f64 / file["model_parameters"].as_f64().unwrap();
        assert!((run["share_of_model"].as_f64().unwrap() - share).abs() < 1e-12);
        // An untrained adapter changes nothing, whatever its method.
        assert!((run["held_out_first"].as_f64().unwrap() - first.as_f64().unwrap()).abs() < 1e-5);
        assert!(run["held_out_best"].as_f64().unwrap() < first.as_f64().unwrap());
        assert!(run["elapsed_s"].as_f64().unwrap() > 0.0);
    }
    let heads: Vec<_> =
        compared.iter().map(|run| (run["heads"].as_u64().unwrap(), run["a_count"].as_u64().unwrap())).collect();
    assert_eq!(heads, [(2, 1), (1, 1), (1, 1), (1, 1), (2, 2), (2, 2), (2, 1)]);
}

#[test]
fn a_method_that_fails_does_not_keep_the_others_and_the_table_tells_of_those() {
    let program = with_data();
    fs::create_dir_all(program.folder().join("methods/lora-r8")).unwrap();
    program.write("methods/lora-r8/notes.txt", "mine");
    let told = program.run(&compare(&["--methods", "hydralora,lora:8,lora-split"]));
    assert_eq!(told.code, 1, "{}", told.stderr);
    assert!(
        told.stderr.contains("LoRA, rank 8 failed") && told.stderr.contains("1 of 3 methods failed"),
        "{}",
        told.stderr
    );
    let table: Vec<_> = told.stdout.lines().skip_while(|line| !line.starts_with("method ")).collect();
    assert!(
        table[1].starts_with("HydraLoRA, rank 8, 3 heads") && table[2].starts_with("LoRA-Split, rank 8, 3 heads"),
        "{table:#?}"
    );

    // With the cause mended, what is done is kept.
    fs::remove_dir_all(program.folder().join("methods/lora-r8")).unwrap();
    let events = program.events(&compare(&["--methods", "hydralora,lora:8,lora-split"]));
    assert_eq!(named(&events, "started").len(), 1);
    assert_eq!(named(&events, "compared").len(), 3);
}

#[cfg(unix)]
#[test]
fn an_interrupted_comparison_goes_on_when_the_command_is_given_again() {
    let program = with_data();
    let arguments = compare(&["--methods", "hydralora,lora:8"]);
    let told = program.signalled(&arguments, "-INT", |event| event["event"] == "step" && event["step"] == 2);
    assert_eq!(told.code, 130, "{}", told.stderr);
    let events = json_lines(&told.stdout);
    assert_eq!(named(&events, "started").len(), 1);
    let cut_short = named(&events, "compared");
    assert!(cut_short.len() == 1 && cut_short[0]["status"] != "finished", "{cut_short:#?}");
    let events = program.events(&arguments);
    let started = named(&events, "started");
    let from: Vec<_> = started.iter().map(|run| run["from_step"].as_u64().unwrap()).collect();
    assert!(from[0] >= 2 && from[1..] == [0], "{from:?}");
    assert_eq!(named(&events, "compared").len(), 2);
}

#[test]
fn a_folder_with_other_runs_is_not_taken_for_the_same_comparison() {
    let program = with_data();
    program.events(&compare(&["--methods", "lora:8"]));
    let told = program.run(&compare(&["--methods", "lora:8", "--seed", "7"]));
    assert_eq!(told.code, 1);
    assert!(told.stderr.contains("other settings or data"), "{}", told.stderr);
    let unknown = program.run(&compare(&["--methods", "hydra"]));
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("hydralora-uniform"), "{}", unknown.stderr);
}
