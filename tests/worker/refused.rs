//! Bad input through the worker: each failure is told, and the worker lives on.

use std::fs;
use std::path::Path;

use hydra_studio::train::DeviceChoice;
use hydra_studio::worker::protocol::{Event, JobKind, Request};

use crate::desk::{Desk, settings};

fn load(desk: &Desk, path: &Path, device: DeviceChoice) {
    desk.send(Request::LoadModel { path: path.to_owned(), device });
}

/// A copy of a folder's files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_model_that_cannot_be_loaded_leaves_the_one_at_hand() {
    let mut desk = Desk::ready();
    let (model, damaged) = (desk.path().join("model"), desk.path().join("damaged"));
    copy(&model, &damaged);
    let weights = damaged.join("model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    load(&desk, &damaged, DeviceChoice::Cpu);
    let message = desk.wait_failure(JobKind::LoadModel);
    assert!(message.contains("model.safetensors"), "{message}");
    if !cfg!(target_os = "macos") {
        load(&desk, &model, DeviceChoice::Metal);
        let message = desk.wait_failure(JobKind::LoadModel);
        assert!(message.contains("without metal") && message.contains("--features metal"), "{message}");
    }
    desk.trained(settings(1));
}

#[test]
fn an_adapter_with_nan_and_a_run_folder_that_is_taken_are_refused() {
    let mut desk = Desk::ready();
    let run = desk.trained(settings(1));
    let broken = desk.path().join("broken");
    copy(&run.join("checkpoint-1"), &broken);
    let tensors = broken.join("adapter_model.safetensors");
    let mut bytes = fs::read(&tensors).unwrap();
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&tensors, bytes).unwrap();
    desk.send(Request::LoadAdapter { path: broken });
    let message = desk.wait_failure(JobKind::LoadAdapter);
    assert!(message.contains("NaN"), "{message}");
    desk.train(1);
    let message = desk.wait_failure(JobKind::Train);
    assert!(message.contains("holds something"), "{message}");
    desk.send(Request::LoadAdapter { path: run });
    desk.wait("the whole adapter", |e| matches!(e, Event::AdapterLoaded(_)));
}

#[test]
fn data_that_was_edited_since_its_import_is_not_trained_on() {
    let mut desk = Desk::ready();
    let data = desk.path().join("corpus.jsonl");
    let text = fs::read_to_string(&data).unwrap();
    fs::write(&data, text.replacen("snow", "rain", 1)).unwrap();
    let run = desk.train(1);
    let message = desk.wait_failure(JobKind::Train);
    assert!(message.contains("import it again") && message.contains("corpus.jsonl"), "{message}");
    assert!(!run.exists());
    fs::write(&data, text).unwrap();
    desk.trained(settings(1));
}

#[test]
fn the_adapter_in_training_is_not_exported() {
    let mut desk = Desk::ready();
    desk.train(400);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    let out = desk.path().join("out");
    desk.send(Request::Export { out: out.clone() });
    let message = desk.wait_failure(JobKind::Export);
    assert!(message.contains("stop and save") && !out.exists(), "{message}");
    desk.send(Request::StopAndSave);
    desk.send(Request::Export { out });
    desk.wait("the export", |e| matches!(e, Event::Exported(_)));
}

#[test]
fn a_second_run_is_refused_without_harm_to_the_first() {
    let mut desk = Desk::ready();
    desk.train(400);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.train(1);
    desk.wait("the end of the request", |e| *e == Event::Cancelled { job: JobKind::Train });
    assert!(desk.seen.iter().any(|e| matches!(e, Event::Warning { message } if message.contains("under way already"))));
    desk.wait("another step", |e| matches!(e, Event::Step(_)));
}
