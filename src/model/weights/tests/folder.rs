//! Hugging Face folders.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const CONFIG: &str = r#"{
    "model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 32, "rms_norm_eps": 1e-5, "max_position_embeddings": 64, "eos_token_id": 2,
    "tie_word_embeddings": true
}"#;

/// A folder with a whole small model, and the model's tensors.
struct Model {
    dir: TempDir,
    tensors: Vec<(String, Tensor)>,
}

fn write(path: &Path, tensors: &[(String, Tensor)]) {
    candle_core::safetensors::save(&tensors.iter().cloned().collect(), path).unwrap();
}

fn model() -> Model {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), CONFIG).unwrap();
    let tensors = tensors(&ModelConfig::from_hugging_face(CONFIG).unwrap());
    write(&dir.path().join("model.safetensors"), &tensors);
    Model { dir, tensors }
}

impl Model {
    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn open(&self) -> OpenedModel {
        OpenedModel::open(self.path()).unwrap()
    }

    fn without_weights(self) -> Self {
        fs::remove_file(self.file("model.safetensors")).unwrap();
        self
    }

    /// Puts `header` and `data` in place of the weights, with the header's true length before it.
    fn with_header(self, header: &str, data: &[u8]) -> Self {
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
        fs::write(self.file("model.safetensors"), bytes).unwrap();
        self
    }

    /// Spreads the tensors over two shards in place of the one file, with `index` to say which stands where.
    fn sharded(self, index: impl Fn(&mut Value)) -> Self {
        let model = self.without_weights();
        let (first, second) = model.tensors.split_at(model.tensors.len() / 2);
        let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        let mut map = json!({});
        for (shard, name) in [first, second].into_iter().zip(names) {
            write(&model.file(name), shard);
            shard.iter().for_each(|(tensor, _)| map[tensor] = json!(name));
        }
        index(&mut map);
        let text = json!({ "metadata": {}, "weight_map": map }).to_string();
        fs::write(model.file("model.safetensors.index.json"), text).unwrap();
        model
    }
}

#[test]
fn a_folder_gives_back_every_tensor_bit_for_bit() {
    let model = model();
    let opened = model.open();
    for (name, tensor) in &model.tensors {
        assert_eq!(numbers(&read(&opened, name)), numbers(tensor), "{name}");
    }
    assert_eq!(opened.stored_as, "f32");
    assert_eq!(opened.weight_bytes, opened.config.parameters() as u64 * 4);
    assert_eq!(opened.name, model.path().file_name().unwrap().to_string_lossy());
    assert!(opened.weights.contains("model.norm.weight") && !opened.weights.contains("lm_head.weight"));
    assert!(opened.gguf_metadata.is_none());
}

fn shape_of_embedding(opened: &OpenedModel) -> [usize; 2] {
    [opened.config.vocab, opened.config.hidden]
}

#[test]
fn halves_are_kept_as_they_are_and_widened_exactly() {
    for (dtype, name) in [(DType::F16, "f16"), (DType::BF16, "bf16")] {
        let model = model();
        let halves: Vec<_> = model.tensors.iter().map(|(name, t)| (name.clone(), t.to_dtype(dtype).unwrap())).collect();
        write(&model.file("model.safetensors"), &halves);
        let opened = model.open();
        assert_eq!(opened.stored_as, name);
        for (name, half) in &halves {
            assert_eq!(numbers(&read(&opened, name)), numbers(&half.to_dtype(DType::F32).unwrap()));
        }
        let kept =
            |base| opened.weights.matrix("model.embed_tokens.weight", shape_of_embedding(&opened), base, &Device::Cpu);
        let (stored, expanded) = (kept(BaseType::Stored).unwrap(), kept(BaseType::F32).unwrap());
        assert_eq!((stored.type_name().to_lowercase().as_str(), expanded.type_name().as_str()), (name, "F32"));
        assert_eq!(2 * stored.bytes(), expanded.bytes());
        assert_eq!(numbers(&stored.to_tensor().unwrap()), numbers(&expanded.to_tensor().unwrap()));
    }
}

#[test]
fn shards_are_read_by_their_index() {
    let model = model().sharded(|_| {});
    let opened = model.open();
    for (name, tensor) in &model.tensors {
        assert_eq!(numbers(&read(&opened, name)), numbers(tensor), "{name}");
    }
}

#[test]
fn the_generation_config_gives_defaults_and_more_ends() {
    let model = model();
    let text = r#"{ "do_sample": true, "temperature": 0.6, "top_p": 0.9, "eos_token_id": [2, 3], "transformers_version": "4" }"#;
    fs::write(model.file("generation_config.json"), text).unwrap();
    let opened = model.open();
    assert_eq!(opened.config.eos, [2, 3]);
    assert_eq!((opened.generation.temperature, opened.generation.top_p), (Some(0.6), Some(0.9)));
    assert_eq!((opened.generation.do_sample, opened.generation.repetition_penalty), (Some(true), None));

    fs::write(model.file("generation_config.json"), "{").unwrap();
    assert_says(&refusal(model.path()), &["cannot be understood", "generation_config.json"]);
}

#[test]
fn the_fingerprint_changes_with_the_weights_and_not_with_the_place() {
    let (one, same, other) = (model(), model(), model());
    let mut tensors = other.tensors.clone();
    tensors[3].1 = (&tensors[3].1 + 1e-3).unwrap();
    write(&other.file("model.safetensors"), &tensors);
    let fingerprint = one.open().fingerprint();
    assert_eq!(fingerprint.len(), 64);
    assert_eq!(fingerprint, same.open().fingerprint());
    assert_ne!(fingerprint, other.open().fingerprint());
    fs::write(same.file("config.json"), CONFIG.replace("1e-5", "1e-6")).unwrap();
    assert_ne!(fingerprint, same.open().fingerprint());
}

#[test]
fn the_fingerprint_changes_with_what_turns_text_into_tokens() {
    let model = model();
    let fingerprint = model.open().fingerprint();
    fs::write(model.file("chat_template.jinja"), "{{ messages }}").unwrap();
    assert_ne!(fingerprint, model.open().fingerprint());
}

#[test]
fn places_without_a_model_are_refused_with_what_is_there_instead() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    assert_says(&refusal(&path.join("nowhere")), &["no such file or folder", "nowhere"]);
    assert_says(&refusal(path), &["no files"]);
    fs::write(path.join("notes.txt"), "text").unwrap();
    assert_says(&refusal(path), &["no config.json", "model.safetensors"]);
    assert_says(&refusal(&path.join("notes.txt")), &["does not begin as a GGUF file"]);
    fs::write(path.join("tiny.gguf"), "GGUF").unwrap();
    assert_says(&refusal(path), &["choose tiny.gguf itself"]);
    fs::write(path.join("config.json"), CONFIG).unwrap();
    assert_says(&refusal(path), &["choose tiny.gguf itself"]);
    assert_says(&refusal(&path.join("config.json")), &["choose the folder"]);
    fs::remove_file(path.join("config.json")).unwrap();
    fs::write(path.join("adapter_config.json"), "{}").unwrap();
    assert_says(&refusal(path), &["an adapter", "base model"]);
}

#[test]
fn a_folder_without_weights_is_refused() {
    let model = model().without_weights();
    assert_says(&refusal(model.path()), &["no weights", "model.safetensors"]);
    fs::write(model.file("model-00001-of-00002.safetensors"), "x").unwrap();
    assert_says(&refusal(model.path()), &["model-00001-of-00002.safetensors", "model.safetensors.index.json"]);
}

#[test]
fn pickle_is_refused_with_the_way_to_convert_it() {
    for name in ["pytorch_model.bin", "consolidated.00.pth", "model.pt", "last.ckpt"] {
        let model = model().without_weights();
        fs::write(model.file(name), "x").unwrap();
        assert_says(&refusal(model.path()), &["pickle", "safe_serialization=True", name]);
        assert_says(&refusal(&model.file(name)), &["pickle", name]);
        fs::remove_file(model.file("config.json")).unwrap();
        assert_says(&refusal(model.path()), &["pickle", name]);
    }
    let index = |map: &mut Value| map["model.norm.weight"] = json!("pytorch_model-00001-of-00001.bin");
    assert_says(&refusal(model().sharded(index).path()), &["pickle"]);
}

#[test]
fn an_index_that_leads_elsewhere_is_refused() {
    for name in
        ["../other/model.safetensors", "/etc/passwd", "..", "", "sub/model.safetensors", "..\\model.safetensors"]
    {
        let model = model().sharded(|map| map["model.norm.weight"] = json!(name));
        assert_says(&refusal(model.path()), &["outside of the model's folder", "index.json"]);
    }
    let model = model().sharded(|map| map["model.norm.weight"] = json!("model-00003-of-00003.safetensors"));
    assert_says(&refusal(model.path()), &["model-00003-of-00003.safetensors", "missing"]);
}

#[test]
fn an_index_that_does_not_fit_its_shards_is_refused() {
    let first = "model-00001-of-00002.safetensors";
    let model_with = |index: fn(&mut Value)| refusal(model().sharded(index).path());
    assert_says(
        &model_with(|map| map["model.norm.weight"] = json!("model-00001-of-00002.safetensors")),
        &[first, "`model.norm.weight`", "does not"],
    );
    assert_says(&model_with(|map| *map = json!({})), &["names no tensor"]);
    assert_says(&model_with(|map| *map = json!(3)), &["not readable"]);
    let missing = model_with(|map| drop(map.as_object_mut().unwrap().remove("model.norm.weight")));
    assert_says(&missing, &["`model.norm.weight` is missing"]);
}

#[test]
fn a_missing_tensor_is_named() {
    let mut model = model();
    model.tensors.retain(|(name, _)| name != "model.layers.1.mlp.up_proj.weight");
    write(&model.file("model.safetensors"), &model.tensors);
    assert_says(&refusal(model.path()), &["`model.layers.1.mlp.up_proj.weight` is missing", "model.safetensors"]);
}

#[test]
fn a_misshapen_tensor_is_refused_with_both_shapes() {
    let mut model = model();
    model.tensors[3].1 = values(&[8, 4], 1);
    write(&model.file("model.safetensors"), &model.tensors);
    let name = &model.tensors[3].0.clone();
    assert_says(&refusal(model.path()), &[name, "[8, 4]", "[8, 8]"]);
    assert_says(&refusal(model.path()), &["do not belong together"]);
}

#[test]
fn asking_for_another_shape_or_name_is_an_error_too() {
    let opened = model().open();
    let ask = |name: &str, shape: &[usize]| opened.weights.tensor(name, shape, &Device::Cpu);
    assert_says(&ask("model.norm.weight", &[16]).unwrap_err().to_string(), &["[8]", "[16]"]);
    assert_says(&ask("lm_head.weight", &[32, 8]).unwrap_err().to_string(), &["`lm_head.weight` is missing"]);
}

#[test]
fn a_type_that_is_not_read_is_named() {
    let mut model = model();
    model.tensors[0].1 = model.tensors[0].1.to_dtype(DType::F64).unwrap();
    write(&model.file("model.safetensors"), &model.tensors);
    assert_says(&refusal(model.path()), &["`model.embed_tokens.weight`", "F64", "F32, F16 and BF16"]);
}

#[test]
fn a_header_length_beyond_the_file_is_refused() {
    for length in [1u64 << 60, u64::MAX, 3, 200_000_000] {
        let model = model();
        fs::write(model.file("model.safetensors"), [&length.to_le_bytes()[..], b"{}"].concat()).unwrap();
        assert_says(&refusal(model.path()), &[&length.to_string(), "only 2 follow", "model.safetensors"]);
    }
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let model = model();
    let file = fs::OpenOptions::new().write(true).open(model.file("model.safetensors")).unwrap();
    let whole = file.metadata().unwrap().len();
    file.set_len(whole - 1).unwrap();
    assert_says(&refusal(model.path()), &["cut short", "model.safetensors"]);
    for length in (1..whole).rev().step_by(7) {
        file.set_len(length).unwrap();
        assert_says(&refusal(model.path()), &["download it again", "model.safetensors"]);
    }
    file.set_len(0).unwrap();
    assert_says(&refusal(model.path()), &["empty"]);
}

#[test]
fn headers_that_lie_are_refused() {
    let cases = [
        ("not json", "not that of a safetensors file"),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,400]}}"#, "contradicts itself"),
        (r#"{"a":{"dtype":"F32","shape":[100],"data_offsets":[0,400]}}"#, "another amount of data"),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "contradicts itself"),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#, "contradicts itself"),
        (r#"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}}"#, "contradicts itself"),
        (r#"{"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]}}"#, "contradicts itself"),
        (r#"{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}"#, "not that of a safetensors file"),
        (r#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "not that of a safetensors file"),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}}"#, "contradicts itself"),
    ];
    for (header, words) in cases {
        assert_says(&refusal(model().with_header(header, &[0; 8]).path()), &[words, "model.safetensors"]);
    }
}
