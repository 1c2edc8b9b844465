//! Settings files, written and read back.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::adapter::{Method, Target};
use crate::model::BaseType;
use crate::train::{DeviceChoice, Length, RouterInit, Schedule};

/// Settings with every one drawn at random, the default among what may come.
fn random(rng: &mut ChaCha8Rng) -> TrainSettings {
    let d = TrainSettings::default();
    let maybe = |rng: &mut ChaCha8Rng| rng.random_bool(0.5).then(|| rng.random_range(1..500));
    let prompts = ["Why?", "two\nlines", "\"quoted\" # no comment", "'''", "back\\slash", "Übung 日本", ""];
    TrainSettings {
        method: Method::ALL[rng.random_range(0..5)],
        rank: if rng.random_bool(0.3) { d.rank } else { rng.random_range(1..200) },
        heads: rng.random_range(1..12),
        alpha: rng.random_bool(0.5).then(|| rng.random_range(0.1..99.0)),
        dropout: if rng.random_bool(0.5) { d.dropout } else { rng.random_range(0.0..0.9) },
        rslora: rng.random_bool(0.5),
        targets: Target::ALL.into_iter().filter(|_| rng.random_bool(0.7)).collect(),
        length: if rng.random_bool(0.5) {
            Length::Steps(rng.random_range(1..99_999))
        } else {
            Length::Epochs(rng.random_range(0.01..9.0))
        },
        batch: rng.random_range(1..9),
        accumulate: rng.random_range(1..9),
        packing: rng.random_bool(0.5),
        context: rng.random_range(8..9000),
        lr: 10f64.powf(rng.random_range(-9.0..1.0)),
        schedule: [Schedule::Cosine, Schedule::Linear, Schedule::Constant][rng.random_range(0..3)],
        warmup: rng.random_range(0.0..1.0),
        max_grad_norm: rng.random_range(0.0..5.0),
        weight_decay: rng.random_range(0.0..0.2),
        held_out: rng.random_range(0.0..0.5),
        seed: if rng.random_bool(0.5) { rng.random() } else { d.seed },
        device: [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Cuda][rng.random_range(0..3)],
        base: [BaseType::Stored, BaseType::F32, BaseType::BF16, BaseType::F16, BaseType::Q8_0][rng.random_range(0..5)],
        recompute: rng.random_bool(0.5),
        threads: maybe(rng),
        checkpoint_every: maybe(rng),
        checkpoint_minutes: rng.random_range(0.0..60.0),
        eval_every: maybe(rng),
        patience: maybe(rng),
        min_delta: 10f64.powf(rng.random_range(-300.0..0.0)),
        samples: rng.random_range(0..9),
        sample_prompts: (0..rng.random_range(0..4))
            .map(|_| prompts[rng.random_range(0..prompts.len())].into())
            .collect(),
        sample_tokens: rng.random_range(1..300),
        init_adapter: rng.random_bool(0.5).then(|| PathBuf::from("/runs/an \"odd\" name/checkpoint-20")),
        router_init: [RouterInit::Random, RouterInit::Topics][rng.random_range(0..2)],
        router_strength: rng.random_range(0.0..9.0),
        balance_loss: 10f64.powf(rng.random_range(-9.0..0.0)),
        gate_temperature: rng.random_range(0.1..4.0),
        top_k_heads: maybe(rng),
        b_init: 10f64.powf(rng.random_range(-9.0..0.0)),
        only_topic: rng.random_bool(0.5).then(|| prompts[rng.random_range(0..prompts.len())].into()),
    }
}

#[test]
fn any_settings_come_back_from_their_text_as_they_were() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for i in 0..1000 {
        let settings = random(&mut rng);
        let text = settings_text(&settings).unwrap();
        assert_eq!(parse_settings(&text).as_ref(), Ok(&settings), "settings {i}:\n{text}");
    }
}

#[test]
fn no_setting_is_lost_for_being_left_out() {
    // What is not written takes its default, which must then be "left out" too.
    let defaults = table_of(&TrainSettings::default()).unwrap();
    for key in
        ["alpha", "threads", "checkpoint_every", "eval_every", "patience", "init_adapter", "top_k_heads", "only_topic"]
    {
        assert!(!defaults.contains_key(key), "{key} has a default that a file cannot take away");
    }
}

#[test]
fn only_what_differs_is_written_with_its_default_beside_it() {
    assert_eq!(settings_text(&TrainSettings::default()).unwrap(), HEADING);
    let settings = TrainSettings {
        rank: 16,
        alpha: Some(32.0),
        lr: 1e-3,
        targets: vec![Target::Q, Target::V],
        length: Length::Steps(300),
        ..TrainSettings::default()
    };
    let text = settings_text(&settings).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "alpha = 32.0  # default: left out",
            "steps = 300  # default: epochs = 1.0",
            "lr = 0.001  # default: 0.0002",
            "rank = 16  # default: 8",
            "targets = [\"q_proj\", \"v_proj\"]  # default: [\"q_proj\", \"k_proj\", \"v_proj\", \"o_proj\", \"gate_proj\", \
             \"up_proj\", \"down_proj\"]",
        ]
    );
}

#[test]
fn length_and_targets_may_be_spelt_as_the_flags_are() {
    let settings = parse_settings("steps = 300\ntargets = \"all-linear\"\n").unwrap();
    assert_eq!((settings.length, settings.targets), (Length::Steps(300), Target::ALL.to_vec()));
    assert_eq!(parse_settings("epochs = 2\n").unwrap().length, Length::Epochs(2.0));
    assert_eq!(parse_settings("length = { steps = 9 }\n").unwrap().length, Length::Steps(9));
    assert!(parse_settings("epochs = 2.0\nsteps = 3\n").unwrap_err().contains("epochs, steps"));
    assert!(parse_settings("targets = \"everything\"\n").unwrap_err().contains("everything"));
}

#[test]
fn a_key_or_value_that_does_not_fit_is_refused_with_its_line() {
    let cases = [
        ("rank = 16\nlearning_rate = 1e-4\n", "line 2: ", "learning_rate"),
        ("steps = 3\n\nranks = 4\n", "line 3: ", "ranks"),
        ("lr = 1e-4\n# words\nsteps = \"many\"\n", "line 3: ", "many"),
        ("rank = 8\nheads == 3\n", "line 2: ", ""),
        ("rank = -1\n", "line 1: ", "-1"),
        ("seed = \"x\"\n", "line 1: ", "x"),
    ];
    for (text, line, what) in cases {
        let refusal = parse_settings(text).unwrap_err();
        assert!(refusal.starts_with(line) && refusal.contains(what), "{text}: {refusal}");
    }
}

#[test]
fn a_file_is_written_and_read_and_its_faults_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.toml");
    let settings = TrainSettings { rank: 5, ..TrainSettings::default() };
    write_settings(&path, &settings).unwrap();
    assert_eq!(read_settings(&path).unwrap(), settings);
    std::fs::write(&path, "rank = 5\nunknown = 1\n").unwrap();
    let refusal = read_settings(&path).unwrap_err().to_string();
    assert!(refusal.contains("line 2") && refusal.ends_with("shop.toml"), "{refusal}");
    let missing = read_settings(&folder.path().join("nowhere.toml")).unwrap_err().to_string();
    assert!(missing.contains("cannot be read") && missing.ends_with("nowhere.toml"), "{missing}");
}

#[test]
fn what_cannot_be_settings_is_refused_without_being_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read_settings(&path).unwrap_err().to_string()
    };
    assert!(write("model.gguf", &[0xff; 64]).contains("no settings file"));
    assert!(write("large.toml", &vec![b'#'; MOST_BYTES as usize + 1]).contains("no settings file"));
    assert!(write("other.json", b"{}").contains("run.json"));
    assert!(read_settings(folder.path()).unwrap_err().to_string().contains("run"), "an empty folder is no run");
}
