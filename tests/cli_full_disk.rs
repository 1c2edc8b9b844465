//! Disks that are full or set a limit: a run stops with a message, nothing half-written stays behind, what was saved is
//! whole, and the run goes on from it when there is room again.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Program, Told, golden, json_lines, named, signalled, tensors};
use serde_json::Value;

/// Names in a folder, sorted.
fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "no \"{word}\" in: {message}");
    }
}

/// Every file of a folder and its folders, with its content.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = listing(folder).into_iter().map(|name| (folder.join(&name), name));
    let inside = files.flat_map(|(path, name)| match path.is_dir() {
        true => contents(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)).collect(),
        false => vec![(name, fs::read(path).unwrap())],
    });
    inside.collect()
}

/// A command with `--json` that may write no file of more than 32 or 64 kB, by how the shell counts. That stands for a
/// full disk where none can be made: logs still fit, the adapter's 78 kB do not, and the write fails half-way.
fn with_small_files(program: &Program, arguments: &[&str]) -> Command {
    let inner = program.command(&[arguments, &["--json"]].concat());
    let mut command = Command::new("sh");
    // Ignored, the signal of an outgrown file leaves the failed write to tell of it.
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
        .arg(inner.get_program())
        .args(inner.get_args());
    command.current_dir(program.folder()).env_remove("HYDRA_LOG").stdin(Stdio::null());
    command
}

fn told(mut command: Command) -> Told {
    let output = command.output().unwrap();
    Told {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Code 1 and a message, which is given.
fn failure(told: &Told) -> String {
    assert_eq!(told.code, 1, "{told:?}");
    let last = json_lines(&told.stdout).pop().unwrap();
    assert_eq!(last["event"], "error", "{told:?}");
    assert!(told.stderr.contains("error: "), "{told:?}");
    last["message"].as_str().unwrap().to_owned()
}

const STEPS: usize = 300;

/// Arguments for a run that saves every so many steps.
fn train(out: &str, every: &str) -> Vec<String> {
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let arguments = ["train", "--model", &base, "--tokens", &batch, "--steps", "300", "--checkpoint-every", every];
    arguments.iter().chain(&["--out", out]).map(|&argument| argument.to_owned()).collect()
}

fn slices(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn at_step(step: u64) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == "step" && event["step"].as_u64() >= Some(step)
}

/// A run that was interrupted, with its last checkpoint's name and that folder's content.
fn interrupted(program: &Program, every: &str) -> (String, Vec<(String, Vec<u8>)>) {
    let told = program.signalled(&slices(&train("run", every)), "-INT", at_step(2));
    assert_eq!(told.code, 130, "{told:?}");
    let name = named(&json_lines(&told.stdout), "checkpoint").last().unwrap()["name"].as_str().unwrap().to_owned();
    let saved = contents(&program.folder().join("run").join(&name));
    (name, saved)
}

/// The checkpoint is as it was, nothing half-written is beside it, and with room again the run ends as an unbroken one.
fn assert_whole(program: &Program, every: &str, name: &str, saved: &[(String, Vec<u8>)]) {
    let run = program.folder().join("run");
    assert!(!listing(&run).iter().any(|name| name.ends_with(".tmp")), "{:?}", listing(&run));
    assert_eq!(contents(&run.join(name)), saved);
    assert_eq!(named(&program.events(&["resume", "run"]), "done")[0]["step"], STEPS);
    program.events(&slices(&train("unbroken", every)));
    let adapter = |run: &str| {
        fs::read(program.folder().join(run).join(format!("checkpoint-{STEPS}/adapter_model.safetensors"))).unwrap()
    };
    assert_eq!(adapter("run"), adapter("unbroken"));
}

#[test]
fn a_checkpoint_that_cannot_be_written_stops_the_run_and_leaves_the_one_before() {
    let program = Program::new();
    let (name, saved) = interrupted(&program, "10");
    let told = told(with_small_files(&program, &["resume", "run"]));
    assert_says(&failure(&told), &["cannot write the file", "adapter_model.safetensors"]);
    assert!(named(&json_lines(&told.stdout), "checkpoint").is_empty(), "{told:?}");
    assert_whole(&program, "10", &name, &saved);
}

#[test]
fn ctrl_c_on_a_full_disk_says_that_the_last_steps_are_not_saved() {
    let program = Program::new();
    let (name, saved) = interrupted(&program, "1000");
    let step: u64 = name.trim_start_matches("checkpoint-").parse().unwrap();
    let told = signalled(with_small_files(&program, &["resume", "run"]), "-INT", at_step(step + 2));
    assert_says(&failure(&told), &["stopped", "could not be saved", &name, "cannot write the file"]);
    assert!(named(&json_lines(&told.stdout), "interrupted").is_empty(), "{told:?}");
    assert_whole(&program, "1000", &name, &saved);
}

#[test]
fn an_export_that_cannot_be_written_leaves_nothing() {
    let program = Program::new();
    interrupted(&program, "1000");
    let base = golden("base");
    let export = ["export", "--model", &base, "--adapter", "run", "--format", "hydralora", "--out", "new/out"];
    assert_says(&failure(&told(with_small_files(&program, &export))), &["cannot write the file"]);
    assert!(!program.folder().join("new/out").exists());
    assert!(listing(&program.folder().join("new")).is_empty());
}

/// A small disk, taken down when dropped.
struct SmallDisk(std::path::PathBuf);

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

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

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
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
}
