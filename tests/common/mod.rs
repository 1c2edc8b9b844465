//! The real program, run in a folder of its own, and what it is given to work on.

// Every test program uses a part of this.
#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The program and an empty folder that it is started in; the folder goes when this does.
pub struct Program {
    folder: tempfile::TempDir,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Told {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join(name), content).unwrap();
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Told {
        self.run_into(arguments, Stdio::piped())
    }

    /// Runs a command with `--json` that must succeed, and gives its events.
    pub fn events(&self, arguments: &[&str]) -> Vec<Value> {
        let told = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(told.code, 0, "{arguments:?}: {told:?}");
        json_lines(&told.stdout)
    }

    /// Runs a command with `--json` that must be refused with code 1, and gives the message, which must be the same on
    /// stderr and in the last event.
    pub fn refusal(&self, arguments: &[&str]) -> String {
        let told = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(told.code, 1, "{arguments:?}: {told:?}");
        let last = json_lines(&told.stdout).pop().unwrap();
        assert_eq!(last["event"], "error", "{told:?}");
        let message = last["message"].as_str().unwrap().to_owned();
        assert!(told.stderr.contains(&format!("error: {message}")), "{told:?}");
        message
    }

    /// Runs a command with `--json`, and signals it as soon as an event is as `when` says; gives how it ended.
    #[cfg(unix)]
    pub fn signalled(&self, arguments: &[&str], signal: &str, when: impl Fn(&Value) -> bool) -> Told {
        signalled(self.command(&[arguments, &["--json"]].concat()), signal, when)
    }

    /// Runs a command whose results go to `stdout`.
    pub fn run_into(&self, arguments: &[&str], stdout: Stdio) -> Told {
        let output = self.command(arguments).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        Told {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The command, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydra-studio"));
        command.args(arguments).current_dir(self.folder()).env_remove("HYDRA_LOG").stdin(Stdio::null());
        command
    }
}

/// Starts a command that tells its events, and signals it as soon as one is as `when` says; gives how it ended.
#[cfg(unix)]
pub fn signalled(mut command: Command, signal: &str, when: impl Fn(&Value) -> bool) -> Told {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut sent = false;
    loop {
        let start = stdout.len();
        if lines.read_line(&mut stdout).unwrap() == 0 {
            break;
        }
        if !sent && serde_json::from_str(&stdout[start..]).is_ok_and(|event| when(&event)) {
            let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            assert!(kill.success());
            sent = true;
        }
    }
    let output = child.wait_with_output().unwrap();
    assert!(sent, "the command ended before it was signalled: {stdout}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    Told { code: output.status.code().unwrap_or(-1), stdout, stderr }
}

/// Every line of `--json` output.
pub fn json_lines(stdout: &str) -> Vec<serde_json::Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The events of one name.
pub fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

/// A file or folder of the reference traces.
pub fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny").join(name);
    path.to_str().unwrap().to_owned()
}

/// The tensors of a safetensors file.
pub fn tensors(path: impl AsRef<Path>) -> std::collections::HashMap<String, candle_core::Tensor> {
    candle_core::safetensors::load(path, &candle_core::Device::Cpu).unwrap()
}

/// All numbers of a tensor.
pub fn values(tensor: &candle_core::Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Puts the adapter that the reference traces start from into the folder `name`, its values multiplied by `factor`.
pub fn golden_adapter(program: &Program, name: &str, factor: f64) -> String {
    let folder = program.folder().join(name);
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(golden("adapter_config.json"), folder.join("adapter_config.json")).unwrap();
    let scaled = tensors(golden("adapter_init.safetensors"))
        .into_iter()
        .map(|(name, tensor)| (name, (tensor * factor).unwrap()))
        .collect();
    candle_core::safetensors::save(&scaled, folder.join("adapter_model.safetensors")).unwrap();
    name.to_owned()
}

/// Questions of two topics with their answers, `count` rows of JSON lines.
pub fn questions(count: usize) -> String {
    let row = |i: usize| match i % 2 {
        0 => format!("{{\"question\":\"What is {i} and one?\",\"answer\":\"{}\",\"topic\":\"sums\"}}\n", i + 1),
        _ => format!("{{\"question\":\"Is room {i} open?\",\"answer\":\"Room {i} is open.\",\"topic\":\"rooms\"}}\n"),
    };
    (0..count).map(row).collect()
}

/// A small base model with a tokenizer, made by `pretrain` once for each test program.
pub fn small_model() -> &'static str {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    let folder = MODEL.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
        // What an earlier run of this test program left.
        let _ = std::fs::remove_dir_all(&folder);
        let program = Program::new();
        program.write("text.jsonl", questions(120));
        let out = folder.to_str().unwrap();
        program.events(&[&["pretrain", "--data", "text.jsonl", "--out", out], &SMALL[..]].concat());
        folder
    });
    folder.to_str().unwrap()
}

/// Sizes of a model that trains in a moment.
pub const SMALL: [&str; 18] = [
    "--vocab",
    "300",
    "--hidden",
    "32",
    "--layers",
    "2",
    "--attention-heads",
    "4",
    "--kv-heads",
    "2",
    "--intermediate",
    "64",
    "--context",
    "64",
    "--batch",
    "4",
    "--steps",
    "30",
];
