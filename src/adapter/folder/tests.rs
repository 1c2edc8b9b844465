use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};

use super::*;
use crate::adapter::{Adapter, Method, Module, ModuleTensors, Pass, Target, project};
use crate::ops::{Projection, Weight};

type Tensors = HashMap<String, Tensor>;

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny").join(path)
}

/// Input and output sizes of the golden base model.
fn tiny_dims(module: Module) -> Option<(usize, usize)> {
    Some(match module.target {
        Target::Q | Target::O => (64, 64),
        Target::K | Target::V => (64, 32),
        Target::Gate | Target::Up => (64, 96),
        Target::Down => (96, 64),
    })
}

/// A folder with the golden adapter as other programs leave it, its config and tensors changed.
fn folder_with(config: impl FnOnce(&mut Value), tensors: impl FnOnce(&mut Tensors)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut keys: Value = serde_json::from_slice(&fs::read(golden("adapter_config.json")).unwrap()).unwrap();
    config(&mut keys);
    fs::write(dir.path().join(CONFIG_FILE), keys.to_string()).unwrap();
    let mut map = candle_core::safetensors::load(golden("adapter_final.safetensors"), &Device::Cpu).unwrap();
    tensors(&mut map);
    candle_core::safetensors::save(&map, dir.path().join(TENSOR_FILE)).unwrap();
    dir
}

fn read_tiny(folder: &Path) -> Result<AdapterFolder, AdapterError> {
    read(folder, Some(&tiny_dims), Some(2))
}

/// The message with which a changed golden folder is refused.
fn refusal(config: impl FnOnce(&mut Value), tensors: impl FnOnce(&mut Tensors)) -> String {
    read_tiny(folder_with(config, tensors).path()).unwrap_err().to_string()
}

/// The message with which a golden folder is refused whose config has `key` set to `value`.
fn refusal_of_key(key: &str, value: Value) -> String {
    refusal(|config| config[key] = value, |_| ())
}

fn same() -> impl FnOnce(&mut Value) {
    |_| ()
}

const A: &str = "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight";
const B2: &str = "base_model.model.model.layers.1.mlp.up_proj.lora_B2.weight";

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap()
}

fn bits(tensors: &AdapterTensors) -> Vec<(String, Vec<usize>, Vec<u32>)> {
    let named = tensors.named();
    let bits = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect();
    named.into_iter().map(|(name, tensor)| (name, tensor.dims().to_vec(), bits(tensor))).collect()
}

/// A small adapter of any method with a different value everywhere.
fn made(method: Method) -> AdapterTensors {
    let heads = if method.is_single_head() { 1 } else { 3 };
    let targets = vec![Target::K, Target::Down];
    let gates = if method.has_router() { (0.5, Some(2)) } else { (1.0, None) };
    let spec = AdapterSpec {
        method,
        rank: 2,
        heads,
        alpha: 3.5,
        dropout: 0.05,
        rslora: true,
        gate_temperature: gates.0,
        top_k_heads: gates.1,
        targets,
    };
    let mut next = 0.1f32;
    let mut tensor = |shape: (usize, usize)| {
        let values = (0..shape.0 * shape.1).map(|_| {
            next = (next * 1.7 + 0.3) % 1.9;
            next - 1.0
        });
        Tensor::from_vec(values.collect(), shape, &Device::Cpu).unwrap()
    };
    let mut modules = BTreeMap::new();
    for module in spec.modules(2) {
        let (inputs, outputs) = tiny_dims(module).unwrap();
        let a = (0..spec.a_count()).map(|_| tensor((2, inputs))).collect();
        let b = (0..heads).map(|_| tensor((outputs, 2))).collect();
        let router = method.has_router().then(|| tensor((heads, inputs)));
        modules.insert(module, ModuleTensors { a, b, router });
    }
    AdapterTensors { spec, modules }
}

#[test]
fn every_method_comes_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    for method in Method::ALL {
        let tensors = made(method);
        let folder = dir.path().join(method.name());
        let files = write(&folder, &tensors, "some/base", &CardInfo::default()).unwrap();
        assert_eq!(files, [TENSOR_FILE, CONFIG_FILE, "README.md"]);
        let back = read_tiny(&folder).unwrap();
        assert_eq!(back.tensors.spec, tensors.spec);
        assert_eq!(bits(&back.tensors), bits(&tensors), "{method}");
        assert_eq!(back.base_model_name.as_deref(), Some("some/base"));
        let lora = method == Method::Lora;
        assert_eq!(back.format, if lora { AdapterFormat::Peft } else { AdapterFormat::HydraStudio });
    }
}

#[test]
fn the_published_layout_as_safetensors_is_read() {
    let dir = folder_with(same(), |_| ());
    let folder = read_tiny(dir.path()).unwrap();
    assert_eq!(folder.format, AdapterFormat::Published);
    let spec = &folder.tensors.spec;
    assert_eq!((spec.method, spec.rank, spec.heads, spec.scale()), (Method::HydraLora, 4, 3, 2.0));
    assert_eq!(spec.targets, Target::ALL);
    assert_eq!((folder.tensors.modules.len(), folder.tensors.layers()), (14, 2));
    let truth = candle_core::safetensors::load(golden("adapter_final.safetensors"), &Device::Cpu).unwrap();
    let named = folder.tensors.named();
    assert_eq!(named.len(), truth.len());
    for (name, tensor) in named {
        let (ours, theirs) = (tensor.to_vec2::<f32>().unwrap(), truth[&name].to_vec2::<f32>().unwrap());
        assert_eq!(ours, theirs, "{name}");
    }
    assert_eq!((folder.tensors.parameters(), folder.tensors.router_parameters()), (14_592, 2_880));
}

#[test]
fn the_published_layout_with_a_single_head_is_read_and_computes_plain_lora() {
    let dir = folder_with(
        |config| config["lora_nums"] = json!(1),
        |tensors| {
            tensors.retain(|name, _| !name.contains("lora_B1") && !name.contains("lora_B2"));
            for (_, router) in tensors.iter_mut().filter(|(name, _)| name.contains("lora_route")) {
                *router = router.narrow(0, 0, 1).unwrap().contiguous().unwrap();
            }
        },
    );
    let folder = read_tiny(dir.path()).unwrap();
    let spec = &folder.tensors.spec;
    assert_eq!((folder.format, spec.method, spec.heads), (AdapterFormat::Published, Method::HydraLora, 1));
    // The softmax over one head is 1 for every token: what is left is the LoRA of A and that B.
    let module = Module { layer: 0, target: Target::O };
    let as_lora = |m: &ModuleTensors| ModuleTensors { router: None, ..m.clone() };
    let plain = AdapterTensors {
        spec: AdapterSpec { method: Method::Lora, ..spec.clone() },
        modules: folder.tensors.modules.iter().map(|(module, m)| (*module, as_lora(m))).collect(),
    };
    let projected = |tensors: &AdapterTensors| {
        let adapter = Adapter::from_tensors(tensors, &Device::Cpu).unwrap();
        let x =
            Tensor::arange(0f32, 128.0, &Device::Cpu).unwrap().affine(0.01, -0.5).unwrap().reshape((2, 64)).unwrap();
        let projection = Projection { weight: Weight::dense(zeros(&[64, 64])).unwrap(), bias: None };
        let y = project(&x, &[module], &[projection], &Pass::with(&adapter)).unwrap();
        y.to_vec2::<f32>().unwrap()
    };
    assert_eq!(projected(&folder.tensors), projected(&plain));
    assert!(projected(&plain).concat().iter().any(|y| y.abs() > 1e-3));
}

#[test]
fn a_single_file_is_read_by_its_spec() {
    let spec = AdapterSpec { rank: 4, alpha: 8.0, ..AdapterSpec::default() };
    let start = read_tensors(&golden("adapter_init.safetensors"), &spec, Some(&tiny_dims), Some(2)).unwrap();
    assert_eq!(start.modules.len(), 14);
}

#[test]
fn the_lora_that_peft_wrote_is_read() {
    let folder = read_tiny(&golden("lora")).unwrap();
    assert_eq!(folder.format, AdapterFormat::Peft);
    assert_eq!((folder.tensors.spec.method, folder.tensors.spec.heads), (Method::Lora, 1));
    assert!(folder.tensors.modules.values().all(|m| m.a.len() == 1 && m.b.len() == 1 && m.router.is_none()));
    assert_eq!(folder.base_model_name, None);
}

#[test]
fn heads_spelled_with_a_dot_are_read_under_lora_num() {
    let dir = folder_with(
        |config| {
            let keys = config.as_object_mut().unwrap();
            keys.remove("lora_nums");
            keys.insert("lora_num".into(), json!(3));
            keys.insert("peft_type".into(), json!("HYDRALORA"));
        },
        |tensors| *tensors = tensors.drain().map(|(name, t)| (name.replace(".lora_B", ".lora_B."), t)).collect(),
    );
    let folder = read_tiny(dir.path()).unwrap();
    assert_eq!(folder.format, AdapterFormat::PeftFork);
    let plain = folder_with(same(), |_| ());
    assert_eq!(bits(&folder.tensors), bits(&read_tiny(plain.path()).unwrap().tensors));
}

#[test]
fn a_pickle_is_refused_with_the_way_to_convert_it() {
    let message = read_tiny(&golden("official_saved_after_10_steps")).unwrap_err().to_string();
    assert!(message.contains("pickle") && message.contains("save_file"), "{message}");
}

#[test]
fn half_precision_tensors_become_f32() {
    for dtype in [DType::F16, DType::BF16] {
        let dir = folder_with(same(), |tensors| {
            tensors.values_mut().for_each(|t| *t = t.to_dtype(dtype).unwrap());
        });
        let folder = read_tiny(dir.path()).unwrap();
        assert!(folder.tensors.named().iter().all(|(_, t)| t.dtype() == DType::F32));
    }
    let message = refusal(same(), |t| {
        t.insert(A.into(), zeros(&[4, 64]).to_dtype(DType::F64).unwrap());
    });
    assert!(message.contains(A) && message.contains("F64"), "{message}");
}

#[test]
fn a_missing_tensor_is_named() {
    let message = refusal(same(), |tensors| drop(tensors.remove(B2)));
    assert!(message.contains(B2) && message.contains("missing"), "{message}");
    let message = refusal(same(), |tensors| tensors.retain(|name, _| !name.contains("lora_route")));
    assert!(message.contains("q_proj.lora_route.weight` is missing"), "{message}");
}

#[test]
fn an_extra_tensor_is_named() {
    let extra = "base_model.model.lm_head.lora_A.weight";
    let message = refusal(same(), |tensors| drop(tensors.insert(extra.into(), zeros(&[1]))));
    assert!(message.contains(extra), "{message}");
    let message = refusal_of_key("lora_nums", json!(2));
    assert!(message.contains("has shape [3, 64], expected [2, 64]"), "{message}");
    let message = refusal_of_key("target_modules", json!(["q_proj"]));
    assert!(message.contains("mlp.down_proj") && message.contains("target_modules"), "{message}");
}

#[test]
fn a_misshapen_tensor_is_named_with_what_was_expected() {
    let message = refusal(same(), |tensors| drop(tensors.insert(B2.into(), zeros(&[96, 5]))));
    assert!(message.contains(B2) && message.contains("[96, 5], expected [96, 4]"), "{message}");
    let message = refusal(same(), |tensors| drop(tensors.insert(A.into(), zeros(&[4]))));
    assert!(message.contains(A) && message.contains("[4], expected [4, 64]"), "{message}");
    let message = refusal_of_key("r", json!(8));
    assert!(message.contains("[4, 64], expected [8, 64]"), "{message}");
}

#[test]
fn sides_must_agree_within_a_module_when_no_model_is_at_hand() {
    let dir = folder_with(same(), |tensors| drop(tensors.insert(B2.into(), zeros(&[95, 4]))));
    let message = read(dir.path(), None, None).unwrap_err().to_string();
    assert!(message.contains(B2) && message.contains("expected [96, 4]"), "{message}");
    read(folder_with(same(), |_| ()).path(), None, None).unwrap();
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    for value in [f32::NAN, f32::INFINITY] {
        let message = refusal(same(), |tensors| {
            let mut values = vec![0.5f32; 4 * 64];
            values[70] = value;
            tensors.insert(A.into(), Tensor::from_vec(values, (4, 64), &Device::Cpu).unwrap());
        });
        assert!(message.contains(A) && message.contains("place 70"), "{message}");
    }
}

#[test]
fn an_adapter_for_another_base_model_says_so() {
    let dir = folder_with(same(), |_| ());
    let wide = |module: Module| tiny_dims(module).map(|(_, outputs)| (576, outputs));
    let message = read(dir.path(), Some(&wide), Some(2)).unwrap_err().to_string();
    assert!(message.contains("another base model") && message.contains("576") && message.contains("64"), "{message}");
    let message = read(dir.path(), Some(&tiny_dims), Some(30)).unwrap_err().to_string();
    assert!(message.contains("adapts 2 layers, the model has 30"), "{message}");
    let message = read(dir.path(), Some(&|_| None), Some(2)).unwrap_err().to_string();
    assert!(message.contains("the model has no model.layers.0.self_attn.q_proj"), "{message}");
}

#[test]
fn what_cannot_be_computed_is_refused_by_its_key() {
    let cases = [
        ("use_dora", json!(true)),
        ("bias", json!("lora_only")),
        ("rank_pattern", json!({"q_proj": 2})),
        ("alpha_pattern", json!({"q_proj": 2})),
        ("modules_to_save", json!(["lm_head"])),
        ("fan_in_fan_out", json!(true)),
        ("layers_to_transform", json!([0])),
        ("init_lora_weights", json!("pissa")),
    ];
    for (key, value) in cases {
        let message = refusal_of_key(key, value);
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
}

#[test]
fn a_senseless_config_is_refused_by_its_key() {
    let cases = [
        ("r", json!("four"), "`r` must be a whole number"),
        ("r", json!(0), "rank must be at least 1"),
        ("lora_alpha", Value::Null, "`lora_alpha` is missing"),
        ("peft_type", Value::Null, "`peft_type` is missing"),
        ("peft_type", json!("IA3"), "type `IA3`"),
        ("lora_nums", json!(1_000_000_000_000u64), "lora_B3.weight` is missing"),
        ("lora_nums", json!(-1), "`lora_nums` must be a whole number"),
        ("hydra_method", json!("hydra-9"), "hydra-9"),
        ("hydra_method", json!("lora"), "one head"),
        ("target_modules", json!(["proj"]), "proj"),
        ("target_modules", json!(".*attn.*"), "pattern"),
        ("target_modules", Value::Null, "target_modules"),
    ];
    for (key, value, part) in cases {
        let message = refusal_of_key(key, value);
        assert!(message.contains(part), "{message}");
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(CONFIG_FILE), "{\"r\": 4,").unwrap();
    assert!(read_tiny(dir.path()).unwrap_err().to_string().contains("not JSON"));
}

#[test]
fn all_linear_names_every_target() {
    let dir = folder_with(|config| config["target_modules"] = json!("all-linear"), |_| ());
    assert_eq!(read_tiny(dir.path()).unwrap().tensors.spec.targets, Target::ALL);
}

#[test]
fn a_hostile_or_truncated_file_is_refused() {
    let dir = folder_with(same(), |_| ());
    let path = dir.path().join(TENSOR_FILE);
    let whole = fs::read(&path).unwrap();
    let mut huge = (1u64 << 60).to_le_bytes().to_vec();
    huge.extend_from_slice(b"{}");
    let mut past_end = 5_000_000u64.to_le_bytes().to_vec();
    past_end.extend_from_slice(b"{}");
    for bytes in [huge, past_end, whole[..whole.len() - 1].to_vec(), whole[..100].to_vec(), Vec::new()] {
        fs::write(&path, bytes).unwrap();
        let error = read_tiny(dir.path()).unwrap_err();
        assert!(matches!(error, AdapterError::BrokenFile { .. }), "{error}");
    }
}

#[test]
fn a_folder_without_an_adapter_says_which_file_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    assert!(read_tiny(dir.path()).unwrap_err().to_string().contains(CONFIG_FILE));
    fs::copy(golden("adapter_config.json"), dir.path().join(CONFIG_FILE)).unwrap();
    assert!(read_tiny(dir.path()).unwrap_err().to_string().contains(TENSOR_FILE));
}

#[test]
fn an_existing_folder_and_a_diverged_adapter_are_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut tensors = made(Method::HydraLora);
    let mine = dir.path().join("notes.txt");
    fs::write(&mine, "kept").unwrap();
    let error = write(dir.path(), &tensors, "base", &CardInfo::default()).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    fs::remove_file(mine).unwrap();
    let folder = dir.path().join("out");
    let first = tensors.modules.values_mut().next().unwrap();
    first.a[0] = first.a[0].affine(f64::NAN, 0.0).unwrap();
    let error = write(&folder, &tensors, "base", &CardInfo::default()).unwrap_err();
    assert!(matches!(error, AdapterError::NonFinite { .. }), "{error}");
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn tensors_that_do_not_fit_their_spec_are_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut tensors = made(Method::HydraLora);
    tensors.modules.values_mut().next().unwrap().b.pop();
    assert!(write(&dir.path().join("out"), &tensors, "base", &CardInfo::default()).is_err());
}

#[test]
fn the_card_says_what_the_adapter_is_and_what_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let info = CardInfo {
        data: vec!["faq.csv".into()],
        training: vec![("steps".into(), "300".into())],
        held_out_before: Some(2.5),
        held_out_after: Some(1.25),
    };
    write(&dir.path().join("h"), &made(Method::HydraLora), "some/base", &info).unwrap();
    let card = fs::read_to_string(dir.path().join("h/README.md")).unwrap();
    for part in [
        "base_model: \"some/base\"",
        "HydraLoRA",
        "| rank | 2 |",
        "faq.csv",
        "| steps | 300 |",
        "2.5000",
        "1.2500",
        "PEFT",
    ] {
        assert!(card.contains(part), "{part} not in:\n{card}");
    }
}
