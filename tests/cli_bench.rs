//! `hydra-studio bench`, through the real program, on a model so small that every step takes milliseconds.

mod common;

use common::{Program, golden, named, questions, small_model};
use serde_json::Value;

fn bench(more: &[&str]) -> Vec<Value> {
    let base = golden("base");
    Program::new().events(&[&["bench", "--model", &base, "--steps", "1"], more].concat())
}

/// The value of a field, which must be a finite number above zero.
fn positive(event: &Value, field: &str) -> f64 {
    let number = event[field].as_f64().unwrap_or(f64::NAN);
    assert!(number.is_finite() && number > 0.0, "{field} of {event}");
    number
}

#[test]
fn every_case_gives_its_figures_and_the_ceiling_comes_first() {
    let events = bench(&[]);
    let order: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(
        order,
        ["started", "warning", "ceiling", "warning", "bench", "bench", "bench", "bench", "bench", "done"]
    );
    let ceiling = named(&events, "ceiling")[0];
    let products = ceiling["products"].as_array().unwrap();
    let best = products.iter().map(|product| positive(product, "flops_per_s")).fold(0.0, f64::max);
    assert_eq!((products.len(), best), (3, positive(ceiling, "flops_per_s")));

    let cases = named(&events, "bench");
    let names: Vec<&str> = cases.iter().filter_map(|case| case["case"].as_str()).collect();
    assert_eq!(names, ["4x256", "1x512", "decode", "decode-adapter", "prefill"]);
    for case in &cases {
        for field in ["steps", "tokens", "wall_s", "tokens_per_s", "flops_per_s", "share_of_ceiling"] {
            positive(case, field);
        }
        if cfg!(unix) {
            assert!(positive(case, "cpu_s") > 0.0 && positive(case, "tokens_per_cpu_s") > 0.0);
        }
        let shares: Vec<f64> = case["shares"].as_object().unwrap().values().filter_map(Value::as_f64).collect();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 && shares.iter().all(|share| *share >= 0.0), "{case}");
        assert!(case["shares"]["base_products"].as_f64() > Some(0.0), "{case}");
        assert!(case["peak_memory_bytes"].is_null() || positive(case, "peak_memory_bytes") > 1e6);
    }
    // The model's context is 128: rows are cut to it, and every token of a row but the first is supervised.
    assert_eq!((&cases[0]["tokens"], &cases[0]["supervised"]), (&512.into(), &508.into()));
    assert!(cases[0]["shares"]["adapter"].as_f64() > Some(0.0) && cases[2]["shares"]["adapter"] == 0.0);
    assert!(positive(named(&events, "done")[0], "threads") >= 1.0);
}

#[test]
fn cases_of_a_corpus_are_left_out_with_the_reason_where_there_is_no_tokenizer() {
    let events = bench(&["--only", "packed,padded"]);
    let told: Vec<&str> = named(&events, "warning").iter().filter_map(|event| event["message"].as_str()).collect();
    assert!(told.iter().any(|told| told.contains("packed and padded") && told.contains("tokenizer")), "{told:?}");
    assert!(named(&events, "bench").is_empty());
}

#[test]
fn packed_and_padded_take_the_same_examples() {
    let program = Program::new();
    program.write("questions.jsonl", questions(60));
    let flags = ["--steps", "2", "--data", "questions.jsonl", "--only", "packed,padded"];
    let events = program.events(&[&["bench", "--model", small_model()], &flags[..]].concat());
    let cases = named(&events, "bench");
    assert_eq!(cases.len(), 2, "{events:?}");
    assert_eq!((&cases[0]["case"], &cases[1]["case"]), (&"packed".into(), &"padded".into()));
    assert_eq!((&cases[0]["tokens"], &cases[0]["supervised"]), (&cases[1]["tokens"], &cases[1]["supervised"]));
}

#[test]
fn methods_are_compared_with_plain_lora() {
    let events = bench(&["--methods"]);
    assert!(named(&events, "bench").is_empty(), "methods stand in for the cases");
    let methods = named(&events, "method");
    let names: Vec<String> =
        methods.iter().map(|m| format!("{} {} {}", m["method"].as_str().unwrap(), m["rank"], m["heads"])).collect();
    assert_eq!(names, ["lora 8 1", "hydralora 8 3", "lora 32 1", "lora-split 8 4", "lora-moe 8 4"]);
    for method in &methods {
        for field in ["parameters", "rounds", "wall_s", "tokens_per_s", "relative_cost"] {
            positive(method, field);
        }
    }
    assert_eq!(methods[0]["relative_cost"], 1.0);
    assert_eq!(methods[2]["parameters"], methods[3]["parameters"], "one of rank 32 is four of rank 8");
    assert!(positive(methods[1], "router_parameters") > 0.0 && methods[2]["router_parameters"] == 0);
}

#[test]
fn a_person_reads_a_table() {
    let base = golden("base");
    let told = Program::new().run(&["bench", "--model", &base, "--steps", "1", "--only", "prefill", "--base", "q8_0"]);
    assert_eq!(told.code, 0, "{told:?}");
    for words in ["Matrix product:", "GFLOP/s", "\nprefill", "base products", "threads"] {
        assert!(told.stdout.contains(words), "{}", told.stdout);
    }
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_can() {
    let program = Program::new();
    let told = program.run(&["bench", "--shape", "gpt2", "--random"]);
    assert_eq!(told.code, 2, "{told:?}");
    for name in ["gpt2", "smollm2-135m", "llama3.2-1b", "tinyllama-1.1b", "llama2-7b"] {
        assert!(told.stderr.contains(name), "{}", told.stderr);
    }
    let message = program.refusal(&["bench"]);
    assert!(message.contains("--model") && message.contains("--shape NAME --random"), "{message}");
}
