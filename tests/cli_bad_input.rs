//! What people and damaged files give the commands, through the real program: each is refused with code 1 and a message
//! that names cause and mend, and nothing half-written stays behind.

mod common;

use std::fs;
use std::path::Path;

use common::{Program, golden, golden_adapter, json_lines, named, questions, small_model, tensors};

/// Names in a folder, sorted.
fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Training on a file with this content is refused; gives the message. No run folder may stay behind.
fn refused_data(name: &str, content: impl AsRef<[u8]>) -> String {
    let program = Program::new();
    program.write(name, content);
    let message = program.refusal(&["train", "--model", small_model(), "--data", name, "--out", "run"]);
    assert_eq!(listing(program.folder()), [name], "{message}");
    assert!(message.contains(name), "the message names no file: {message}");
    message
}

fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "no \"{word}\" in: {message}");
    }
}

#[test]
fn an_empty_file_is_refused() {
    for name in ["empty.jsonl", "empty.json", "empty.csv"] {
        assert_says(&refused_data(name, ""), &["no rows"]);
    }
}

#[test]
fn broken_json_is_told_with_its_line() {
    let rows = "{\"question\":\"a\",\"answer\":\"b\"}\n{\"question\": \"a\"\n{\"question\":\"c\",\"answer\":\"d\"}\n";
    let program = Program::new();
    program.write("faq.jsonl", rows);
    let events = program.events(&["import", "faq.jsonl"]);
    assert_eq!((&named(&events, "dropped")[0]["line"], &events.last().unwrap()["kept"]), (&2.into(), &2.into()));
    assert_says(&refused_data("broken.jsonl", "\n\n{\"question\": \n"), &["line 3"]);
    assert_says(
        &refused_data("broken.json", "[\n{\"question\":\"a\",\"answer\":\"b\"},\n{\"question\":\n"),
        &["line 3"],
    );
}

#[test]
fn a_ragged_table_loses_its_bad_rows_with_their_lines() {
    let program = Program::new();
    program.write("faq.csv", "question,answer\nWhen?,At nine.\nWhere?\nWho?,Me,and you\nHow?,By bus.\n");
    let events = program.events(&["import", "faq.csv"]);
    let lines: Vec<_> = named(&events, "dropped").iter().map(|row| row["line"].clone()).collect();
    assert_eq!(lines, [3, 4]);
    assert_eq!(events.last().unwrap()["kept"], 2);
}

#[test]
fn a_file_without_a_usable_row_is_refused_with_the_first_reason() {
    let empty_answers = "question,answer\nWhen?,\nWhere?,  \n";
    assert_says(&refused_data("faq.csv", empty_answers), &["None of the 2 rows", "line 2", "answer", "empty"]);
}

#[test]
fn columns_that_fit_nothing_are_refused_with_the_way_to_map_them() {
    let message = refused_data("shop.csv", "Frage,Antwort\nWann?,Um neun.\n");
    assert_says(&message, &["\"Frage\"", "\"Antwort\"", "--map prompt=COLUMN"]);
}

#[test]
fn an_empty_answer_is_dropped_and_told() {
    let program = Program::new();
    program.write("faq.jsonl", questions(8) + "{\"question\":\"Well?\",\"answer\":\"\"}\n");
    let arguments = ["train", "--model", small_model(), "--data", "faq.jsonl", "--out", "run", "--steps", "1"];
    let events = program.events(&arguments);
    assert_says(
        named(&events, "warning")[0]["message"].as_str().unwrap(),
        &["faq.jsonl:9", "empty", "hydra-studio import"],
    );
}

#[test]
fn a_row_longer_than_the_context_is_cut_and_counted_or_left_out_with_its_line() {
    let program = Program::new();
    let long = "word ".repeat(200);
    let rows = format!(
        "{{\"question\":\"Tell me.\",\"answer\":\"{long}\"}}\n{{\"question\":\"{long}\",\"answer\":\"Yes.\"}}\n"
    );
    program.write("faq.jsonl", questions(8) + &rows);
    let events = program.events(&[
        "train",
        "--model",
        small_model(),
        "--data",
        "faq.jsonl",
        "--out",
        "run",
        "--steps",
        "1",
        "--context",
        "100",
        "--held-out",
        "0",
    ]);
    let started = named(&events, "started")[0];
    assert_eq!((&started["cut"], &started["skipped"]), (&1.into(), &1.into()));
    let warnings: String = named(&events, "warning").iter().map(|w| w["message"].as_str().unwrap()).collect();
    assert_says(&warnings, &["faq.jsonl:10", "context of 100", "were cut"]);
    let listed = json_lines(&fs::read_to_string(program.folder().join("run/left-out.jsonl")).unwrap());
    assert_eq!((listed.len(), &listed[0]["line"]), (1, &10.into()));
}

#[test]
fn text_that_is_not_utf_8_is_taken_for_windows_1252_and_said_to_be() {
    let program = Program::new();
    program.write("latin.csv", b"question,answer\nWo?,K\xf6ln\n");
    let told = program.events(&["import", "latin.csv"]);
    assert!(told.iter().any(|event| event["explanation"].as_str().is_some_and(|text| text.contains("Windows-1252"))));
}

#[test]
fn a_model_without_tokenizer_cannot_train_on_text_and_says_what_it_lacks() {
    let program = Program::new();
    program.write("faq.jsonl", questions(8));
    let message = program.refusal(&["train", "--model", &golden("base"), "--data", "faq.jsonl", "--out", "run"]);
    assert_says(&message, &["tokenizer.json", "token files"]);
    let message = program.refusal(&["generate", "--model", &golden("base"), "--prompt", "Hi"]);
    assert_says(&message, &["tokenizer.json"]);
    assert!(!program.folder().join("run").exists());
}

/// The reference model with other weights is refused; gives the message.
fn refused_weights(damage: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let program = Program::new();
    let model = program.folder().join("model");
    fs::create_dir(&model).unwrap();
    fs::copy(golden("base/config.json"), model.join("config.json")).unwrap();
    fs::write(model.join("model.safetensors"), damage(fs::read(golden("base/model.safetensors")).unwrap())).unwrap();
    refused_model(&program, "model")
}

fn refused_model(program: &Program, model: &str) -> String {
    let batch = golden("batch.safetensors");
    let message = program.refusal(&["forward", "--model", model, "--tokens", &batch, "--out", "out.safetensors"]);
    assert!(!program.folder().join("out.safetensors").exists());
    assert!(message.contains(model), "the message names no file: {message}");
    message
}

#[test]
fn damaged_safetensors_are_refused() {
    assert_says(&refused_weights(|bytes| bytes[..bytes.len() / 2].to_vec()), &["cut short", "download it again"]);
    assert_says(&refused_weights(|bytes| bytes[..5].to_vec()), &["only 5 bytes"]);
    let huge_header = |bytes: Vec<u8>| [&(1u64 << 60).to_le_bytes(), &bytes[8..]].concat();
    assert_says(&refused_weights(huge_header), &["1152921504606846976 bytes"]);
}

#[test]
fn safetensors_whose_headers_contradict_themselves_are_refused() {
    let with_header = |header: &str| {
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 32]].concat();
        refused_weights(|_| bytes)
    };
    let tensor = |dtype: &str, shape: &str, start: u64, end: u64| {
        format!("{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{start},{end}]}}")
    };
    let (whole, half) = (tensor("F32", "[8]", 0, 32), tensor("F32", "[6]", 8, 32));
    for (header, word) in [
        (format!("{{\"a\":{whole},\"b\":{half}}}"), "contradicts itself"),
        (format!("{{\"a\":{}}}", tensor("F32", "[8]", 32, 64)), "contradicts itself"),
        (format!("{{\"a\":{}}}", tensor("F32", "[16]", 0, 64)), "another amount of data"),
        (format!("{{\"a\":{}}}", tensor("F33", "[8]", 0, 32)), "not that of a safetensors file"),
        (format!("{{\"a\":{}}}", tensor("F32", "[4294967296,4294967296,8]", 0, 32)), "contradicts itself"),
        (format!("{{\"a\":{half},\"a\":{half}}}"), "contradicts itself"),
        ("{\"a\":".repeat(100_000), "not that of a safetensors file"),
    ] {
        let message = with_header(&header);
        assert_says(&message, &[word, "model.safetensors"]);
        assert!(message.len() < 1000, "{} bytes of message", message.len());
    }
    assert_says(&refused_weights(|_| Vec::new()), &["empty"]);
}

/// A GGUF header with these counts, and what follows.
fn gguf(magic: &[u8; 4], tensors: u64, values: u64, rest: &[u8]) -> Vec<u8> {
    [&magic[..], &3u32.to_le_bytes(), &tensors.to_le_bytes(), &values.to_le_bytes(), rest].concat()
}

#[test]
fn damaged_gguf_files_are_refused() {
    let refused = |bytes: Vec<u8>| {
        let program = Program::new();
        program.write("model.gguf", bytes);
        refused_model(&program, "model.gguf")
    };
    assert_says(&refused(gguf(b"GGML", 0, 0, b"")), &["does not begin as a GGUF file"]);
    assert_says(&refused(gguf(b"GGUF", 1 << 60, 0, &[0; 100])), &["1152921504606846976 tensors"]);
    assert_says(&refused(gguf(b"GGUF", 0, u64::MAX, &[0; 100])), &["18446744073709551615 metadata values"]);
    // One tensor `t` [8] in f32 that begins far beyond the end.
    let name = [&1u64.to_le_bytes()[..], b"t"].concat();
    let place =
        [&1u32.to_le_bytes()[..], &8u64.to_le_bytes(), &0u32.to_le_bytes(), &(1u64 << 40).to_le_bytes()].concat();
    assert_says(&refused(gguf(b"GGUF", 1, 0, &[&name[..], &place].concat())), &["`t`", "beyond the end of the file"]);
    assert_says(&refused(b"GGUF".to_vec()), &["cut short"]);
    assert_says(&refused(Vec::new()), &["empty"]);
    // Metadata under the key `k`.
    let value = |kind: u32, rest: &[u8]| {
        let key = [&1u64.to_le_bytes()[..], b"k", &kind.to_le_bytes()].concat();
        gguf(b"GGUF", 0, 1, &[&key[..], rest, &[0; 64]].concat())
    };
    let (text, list) = (8u32, 9u32);
    let huge = (1u64 << 60).to_le_bytes();
    assert_says(&refused(value(text, &huge)), &["1152921504606846976 bytes for k"]);
    let of_bytes = [&0u32.to_le_bytes()[..], &huge].concat();
    assert_says(&refused(value(list, &of_bytes)), &["1152921504606846976 items in `k`"]);
    let nested = [&list.to_le_bytes()[..], &1u64.to_le_bytes()].concat().repeat(100_000);
    assert_says(&refused(value(list, &nested)), &["lists within lists"]);
    let dimensions = [&name[..], &(1u32 << 31).to_le_bytes(), &[0; 64]].concat();
    assert_says(&refused(gguf(b"GGUF", 1, 0, &dimensions)), &["2147483648 dimensions"]);
}

#[test]
fn a_folder_with_the_name_of_a_gguf_file_is_no_model() {
    let program = Program::new();
    fs::create_dir(program.folder().join("model.gguf")).unwrap();
    assert_says(&refused_model(&program, "model.gguf"), &["the folder has no files"]);
}

#[test]
fn an_adapter_for_another_base_model_is_refused() {
    let program = Program::new();
    let adapter = golden_adapter(&program, "other", 1.0);
    let model = small_model();
    let message = program.refusal(&["generate", "--model", model, "--adapter", &adapter, "--prompt", "Hi"]);
    assert_says(&message, &["another base model", "load the base model it was trained on"]);
    program.write("faq.jsonl", questions(8));
    let train = ["train", "--model", model, "--data", "faq.jsonl", "--out", "run", "--init-adapter", &adapter];
    assert_says(&program.refusal(&train), &["another base model"]);
    assert!(!program.folder().join("run").exists());
}

#[test]
fn an_adapter_that_is_no_number_is_refused_by_the_tensors_name() {
    let program = Program::new();
    let adapter = golden_adapter(&program, "nan", f64::NAN);
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let forward = ["forward", "--model", &base, "--adapter", &adapter, "--tokens", &batch, "--out", "o.safetensors"];
    assert_says(&program.refusal(&forward), &["lora_", "NaN", "earlier checkpoint"]);
    let export = ["export", "--model", &base, "--adapter", &adapter, "--format", "hydralora", "--out", "out"];
    assert_says(&program.refusal(&export), &["NaN"]);
    assert_eq!(listing(program.folder()), ["nan"]);
}

#[test]
fn pickles_are_never_read_and_the_way_out_is_told() {
    let program = Program::new();
    let pickle = golden("official_saved_after_10_steps");
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let forward = ["forward", "--model", &base, "--adapter", &pickle, "--tokens", &batch, "--out", "o.safetensors"];
    assert_says(&program.refusal(&forward), &["pickle", "save_file"]);
    program.write("pytorch_model.bin", "");
    fs::copy(golden("base/config.json"), program.folder().join("config.json")).unwrap();
    assert_says(&refused_model(&program, "."), &["pickle", "safetensors"]);
}

#[test]
fn what_is_not_there_is_refused_by_its_path() {
    let program = Program::new();
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let refusal = |model: &str, adapter: &str| {
        let always = ["forward", "--tokens", &batch, "--out", "o.safetensors"];
        program.refusal(&[&always[..], &["--model", model, "--adapter", adapter]].concat())
    };
    assert_says(&refusal("no-model", "."), &["no-model", "check the path"]);
    assert_says(&refusal("no-model.gguf", "."), &["no-model.gguf", "check the path"]);
    assert_says(&refusal(&base, "no-adapter"), &["no-adapter"]);
}

#[test]
fn a_folder_that_exists_or_cannot_be_written_is_refused_and_left_alone() {
    let program = Program::new();
    let adapter = golden_adapter(&program, "adapter", 1.0);
    program.write("notes.txt", "mine");
    fs::create_dir(program.folder().join("taken")).unwrap();
    program.write("taken/notes.txt", "mine");
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let before = listing(program.folder());
    for out in ["taken", "notes.txt", "notes.txt/out"] {
        let train = ["train", "--model", &base, "--tokens", &batch, "--steps", "1", "--out", out];
        let export = ["export", "--model", &base, "--adapter", &adapter, "--format", "hydralora", "--out", out];
        for arguments in [&train[..], &export[..]] {
            let message = program.refusal(arguments);
            assert_says(&message, &[out.split('/').next().unwrap()]);
        }
    }
    let forward = ["forward", "--model", &base, "--tokens", &batch, "--out", "notes.txt/o.safetensors"];
    assert_says(&program.refusal(&forward), &["notes.txt"]);
    assert_eq!(listing(program.folder()), before);
    assert_eq!(listing(&program.folder().join("taken")), ["notes.txt"]);
    assert_eq!(fs::read_to_string(program.folder().join("taken/notes.txt")).unwrap(), "mine");
}

/// A folder that may not be written. Rights do not bind root, but nobody may make folders in the kernel's own.
#[cfg(target_os = "linux")]
fn read_only_folder(program: &Program) -> String {
    use std::os::unix::fs::PermissionsExt;
    let folder = program.folder().join("theirs");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::create_dir(folder.join("try")).is_ok() { "/sys".to_owned() } else { "theirs".to_owned() }
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_that_may_not_be_written_is_refused_before_any_work() {
    let program = Program::new();
    let adapter = golden_adapter(&program, "adapter", 1.0);
    program.write("faq.jsonl", questions(8));
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let theirs = read_only_folder(&program);
    let out = &format!("{theirs}/out");
    let long = ["train", "--model", &base, "--tokens", &batch, "--steps", "1000000", "--out", out];
    let pretrain = ["pretrain", "--data", "faq.jsonl", "--steps", "1000000", "--out", out];
    let export = ["export", "--model", &base, "--adapter", &adapter, "--format", "hydralora", "--out", out];
    let file = &format!("{out}.safetensors");
    let forward = ["forward", "--model", &base, "--tokens", &batch, "--out", file];
    for arguments in [&long[..], &pretrain, &export, &forward] {
        assert_says(&program.refusal(arguments), &["permission denied", "choose a place", &theirs]);
        assert!(!program.folder().join(out).exists());
    }
}

#[test]
fn a_device_that_does_not_exist_is_refused_with_one_that_does() {
    let program = Program::new();
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    // Which of the two there might be depends on the machine, never both.
    let device = if cfg!(target_os = "macos") { "cuda" } else { "metal" };
    let train = ["train", "--model", &base, "--tokens", &batch, "--out", "run", "--device", device];
    let generate = ["generate", "--model", small_model(), "--prompt", "Hi", "--device", device];
    for arguments in [&train[..], &generate[..]] {
        assert_says(&program.refusal(arguments), &[device, "--device cpu"]);
    }
    assert!(listing(program.folder()).is_empty());
}

#[test]
fn settings_that_cannot_train_are_refused_and_wrong_command_lines_are_told_apart() {
    let program = Program::new();
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let train = ["train", "--model", &base, "--tokens", &batch, "--out", "run"];
    for (flag, value) in [("--rank", "0"), ("--lr", "nan"), ("--dropout", "1"), ("--warmup", "2"), ("--batch", "0")] {
        program.refusal(&[&train[..], &[flag, value]].concat());
    }
    for more in [&["--method", "magic"][..], &["--heads", "many"], &["--fly"], &["--epochs", "1", "--steps", "1"]] {
        let told = program.run(&[&train[..], more].concat());
        assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{told:?}");
    }
    assert!(listing(program.folder()).is_empty());
}

#[test]
fn a_token_file_that_cannot_be_trained_on_is_refused() {
    let program = Program::new();
    let base = golden("base");
    let save = |name: &str, keep: &dyn Fn(&str) -> bool, factor: f64| {
        let file = tensors(golden("batch.safetensors")).into_iter().filter(|(name, _)| keep(name));
        let scale = |(name, t): (String, candle_core::Tensor)| match name.as_str() {
            "labels" => (name, (t * factor).unwrap()),
            _ => (name, t),
        };
        candle_core::safetensors::save(&file.map(scale).collect(), program.folder().join(name)).unwrap();
    };
    save("no-labels.safetensors", &|name| name != "labels", 1.0);
    save("other-labels.safetensors", &|_| true, 2.0);
    program.write("half.safetensors", &fs::read(golden("batch.safetensors")).unwrap()[..100]);
    let words = [("no-labels", "labels"), ("other-labels", "neither -100"), ("half", "safetensors")];
    for (name, word) in words {
        let file = format!("{name}.safetensors");
        let message = program.refusal(&["train", "--model", &base, "--tokens", &file, "--out", "run"]);
        assert_says(&message, &[word, &file]);
    }
    assert!(!program.folder().join("run").exists());
}
