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
fn text_that_is_not_utf_8_is_refused() {
    let message = refused_data("latin.csv", b"question,answer\nWo?,K\xf6ln\n");
    assert_says(&message, &["UTF-8"]);
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
    assert_says(&refused(gguf(b"GGUF", 1, 0, &[name, place].concat())), &["`t`", "beyond the end of the file"]);
    assert_says(&refused(b"GGUF".to_vec()), &["cut short"]);
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

/// A small disk, taken down when dropped.
#[cfg(target_os = "linux")]
struct SmallDisk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl SmallDisk {
    /// `None` where this machine does not let tests mount.
    fn mount(folder: std::path::PathBuf, options: &str) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&folder).stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    fn grow(&self, options: &str) {
        let mut mount = std::process::Command::new("mount");
        assert!(mount.args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap().success());
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_a_run_whose_checkpoints_stay_whole_and_that_can_go_on() {
    let program = Program::new();
    let Some(disk) = SmallDisk::mount(program.folder().join("disk"), "size=700k") else {
        eprintln!("skipped: this machine does not let tests mount a small disk");
        return;
    };
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let train = |out: &'static str| {
        ["train", "--model", &base, "--tokens", &batch, "--out", out, "--steps", "9", "--checkpoint-every", "1"]
            .map(str::to_owned)
    };
    let told = program.run(&[&train("disk/run").each_ref().map(String::as_str)[..], &["--json"]].concat());
    assert_eq!(told.code, 1, "{told:?}");
    let events = json_lines(&told.stdout);
    assert_says(events.last().unwrap()["message"].as_str().unwrap(), &["disk is full", "free some space"]);
    let saved = named(&events, "checkpoint");
    let last = saved.last().expect("a first checkpoint fits")["name"].as_str().unwrap();
    let run = program.folder().join("disk/run");
    assert!(!listing(&run).iter().any(|name| name.ends_with(".tmp")), "{:?}", listing(&run));
    assert_eq!(tensors(run.join(last).join("adapter_model.safetensors")).len(), 70);

    let export = ["export", "--model", &base, "--adapter", "disk/run", "--format", "hydralora", "--out", "disk/a/out"];
    fs::write(program.folder().join("disk/filler"), vec![0; 100_000]).unwrap();
    fill(&program.folder().join("disk/rest"));
    assert_says(&program.refusal(&export), &["disk is full"]);
    assert!(!program.folder().join("disk/a/out").exists());
    fs::remove_file(program.folder().join("disk/rest")).unwrap();

    disk.grow("size=50m");
    assert_eq!(named(&program.events(&["resume", "disk/run"]), "done")[0]["step"], 9);
    program.events(&train("whole").each_ref().map(String::as_str));
    let adapter = |run: &Path| fs::read(run.join("checkpoint-9/adapter_model.safetensors")).unwrap();
    assert_eq!(adapter(&run), adapter(&program.folder().join("whole")));
}

/// Writes until the disk is full.
#[cfg(target_os = "linux")]
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
}
