//! `adapter_config.json`: PEFT's keys, the `lora_nums` of the published HydraLoRA code, and keys of ours: `hydra_method`,
//! and where the gates differ from the published form `hydra_gate_temperature` and `hydra_top_k_heads`, which readers of
//! the published code pass over, and then compute other gates. Whatever would change the computation and is not ours to compute is refused by its key.

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{AdapterError, AdapterSpec, Method, Target};
use crate::disk::DiskError;

/// The config's file name in an adapter folder.
pub const CONFIG_FILE: &str = "adapter_config.json";

/// Which program's habits an adapter folder follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterFormat {
    /// Written by this program: `hydra_method` says which of the family it is.
    HydraStudio,
    /// Of the published HydraLoRA code: `lora_nums`, no `hydra_method`.
    Published,
    /// Of a fork of PEFT: `lora_num`.
    PeftFork,
    /// Plain LoRA as PEFT writes it.
    Peft,
}

impl fmt::Display for AdapterFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HydraStudio => "Hydra Studio",
            Self::Published => "published HydraLoRA code",
            Self::PeftFork => "PEFT fork with HydraLoRA",
            Self::Peft => "PEFT LoRA",
        })
    }
}

/// What `adapter_config.json` says.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterConfig {
    pub spec: AdapterSpec,
    /// The base model's name or path, where one was written.
    pub base_model_name: Option<String>,
    pub format: AdapterFormat,
}

/// Keys that change the computation in a way we do not have, unless they are null, false, "none" or empty.
const UNSUPPORTED: [&str; 20] = [
    "alora_invocation_tokens",
    "alpha_pattern",
    "arrow_config",
    "bias",
    "enable_lora",
    "fan_in_fan_out",
    "kasa_config",
    "layer_replication",
    "layers_to_transform",
    "lora_bias",
    "modules_to_save",
    "monteclora_config",
    "rank_pattern",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
    "blc_weight",
    "velora_config",
];

/// Ways to begin a LoRA that leave the base model's weights as they are. Others change them, so that the adapter
/// without the changed base would be wrong.
const HARMLESS_STARTS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

impl AdapterConfig {
    /// Reads the config of the adapter folder at `folder`.
    ///
    /// # Errors
    /// When the file is missing or no JSON object, a value is missing or senseless, or the adapter is of a kind that
    /// cannot be computed.
    pub fn read(folder: &Path) -> Result<Self, AdapterError> {
        let path = folder.join(CONFIG_FILE);
        if !path.is_file() {
            return Err(AdapterError::MissingFile { file: CONFIG_FILE, folder: folder.to_path_buf() });
        }
        let text = std::fs::read(&path).map_err(DiskError::at("read the adapter's config", &path))?;
        match serde_json::from_slice(&text) {
            Ok(Value::Object(keys)) => Keys { keys, path: &path }.parse(),
            Ok(_) => Err(AdapterError::Config { reason: "the config is not a JSON object".into(), path }),
            Err(error) => Err(AdapterError::Config { reason: format!("the config is not JSON: {error}"), path }),
        }
    }
}

/// The file's text for an adapter of `spec` on `base_model`.
pub(crate) fn to_json(spec: &AdapterSpec, base_model: &str) -> Value {
    let base_model = if base_model.is_empty() { Value::Null } else { base_model.into() };
    // PEFT's type says a whole number; others are read as well, so only what is whole is written as such.
    let alpha =
        if spec.alpha.fract() == 0.0 && spec.alpha < 1e15 { json!(spec.alpha as u64) } else { json!(spec.alpha) };
    let targets: Vec<_> = spec.targets.iter().map(|target| target.name()).collect();
    if spec.method == Method::Lora {
        return json!({
            "alpha_pattern": {},
            "auto_mapping": null,
            "base_model_name_or_path": base_model,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "layers_pattern": null,
            "layers_to_transform": null,
            "lora_alpha": alpha,
            "lora_dropout": spec.dropout,
            "modules_to_save": null,
            "peft_type": "LORA",
            "r": spec.rank,
            "rank_pattern": {},
            "revision": null,
            "target_modules": targets,
            "task_type": "CAUSAL_LM",
            "use_dora": false,
            "use_rslora": spec.rslora,
        });
    }
    let mut config = json!({
        "base_model_name_or_path": base_model,
        "bias": "none",
        "enable_lora": null,
        "fan_in_fan_out": false,
        "hydra_method": spec.method.name(),
        "inference_mode": true,
        "lora_alpha": alpha,
        "lora_dropout": spec.dropout,
        "lora_nums": spec.heads,
        "merge_weights": false,
        "modules_to_save": null,
        "peft_type": "HYDRALORA",
        "r": spec.rank,
        "target_modules": targets,
        "task_type": "CAUSAL_LM",
        "use_rslora": spec.rslora,
    });
    if let Value::Object(keys) = &mut config {
        if spec.gate_temperature != 1.0 {
            keys.insert(TEMPERATURE.into(), json!(spec.gate_temperature));
        }
        if let Some(k) = spec.top_k_heads {
            keys.insert(TOP_K.into(), json!(k));
        }
    }
    config
}

/// Our keys for gates that differ from the published form.
const TEMPERATURE: &str = "hydra_gate_temperature";
const TOP_K: &str = "hydra_top_k_heads";

/// The file's keys, with the path for messages.
struct Keys<'a> {
    keys: Map<String, Value>,
    path: &'a Path,
}

impl Keys<'_> {
    fn parse(&self) -> Result<AdapterConfig, AdapterError> {
        let peft_type = self.text("peft_type")?.ok_or_else(|| self.wrong("`peft_type` is missing"))?;
        if !matches!(peft_type, "LORA" | "HYDRALORA") {
            return Err(AdapterError::UnknownType { found: peft_type.to_string(), path: self.path.to_path_buf() });
        }
        self.refuse_unsupported()?;
        let (method, heads, format) = self.method(peft_type)?;
        let spec = AdapterSpec {
            method,
            heads,
            rank: self.whole("r")?.ok_or_else(|| self.wrong("`r`, the rank, is missing"))?,
            alpha: self.number("lora_alpha")?.ok_or_else(|| self.wrong("`lora_alpha` is missing"))?,
            dropout: self.number("lora_dropout")?.unwrap_or(0.0),
            rslora: self.flag("use_rslora")?,
            gate_temperature: self.number(TEMPERATURE)?.unwrap_or(1.0),
            top_k_heads: self.whole(TOP_K)?,
            targets: self.targets()?,
        };
        spec.validate().map_err(|reason| self.wrong(reason))?;
        let base_model_name = self.text("base_model_name_or_path")?.filter(|name| !name.is_empty()).map(String::from);
        Ok(AdapterConfig { spec, base_model_name, format })
    }

    /// Method, heads and format. Without a word of ours, `lora_nums` makes it HydraLoRA as published.
    fn method(&self, peft_type: &str) -> Result<(Method, usize, AdapterFormat), AdapterError> {
        let (heads, format) = match (self.whole("lora_nums")?, self.whole("lora_num")?) {
            (Some(heads), _) => (Some(heads), AdapterFormat::Published),
            (None, Some(heads)) => (Some(heads), AdapterFormat::PeftFork),
            (None, None) => (None, AdapterFormat::Peft),
        };
        match (self.text("hydra_method")?, heads) {
            (Some(name), Some(heads)) => {
                let method: Method = name.parse().map_err(|reason: String| self.wrong(reason))?;
                Ok((method, heads, AdapterFormat::HydraStudio))
            }
            (Some(_), None) => Err(self.wrong("`hydra_method` stands without `lora_nums`, the number of heads")),
            (None, Some(heads)) => Ok((Method::HydraLora, heads, format)),
            (None, None) if peft_type == "LORA" => Ok((Method::Lora, 1, format)),
            (None, None) => Err(self.wrong("`lora_nums`, the number of heads, is missing")),
        }
    }

    fn refuse_unsupported(&self) -> Result<(), AdapterError> {
        let refusal = |key, value: &Value| {
            Err(AdapterError::Unsupported { key, value: value.to_string(), path: self.path.to_path_buf() })
        };
        for key in UNSUPPORTED {
            if let Some(value) = self.keys.get(key).filter(|value| !is_neutral(value)) {
                return refusal(key, value);
            }
        }
        match self.keys.get("init_lora_weights") {
            Some(Value::String(start)) if !HARMLESS_STARTS.contains(&start.as_str()) => {
                refusal("init_lora_weights", &json!(start))
            }
            _ => Ok(()),
        }
    }

    /// The targets by exact module name, in the order of [`Target::ALL`].
    fn targets(&self) -> Result<Vec<Target>, AdapterError> {
        let names = match self.keys.get("target_modules") {
            Some(Value::String(all)) if all == "all-linear" => return Ok(Target::ALL.to_vec()),
            Some(Value::Array(names)) => names,
            Some(Value::String(pattern)) => {
                return Err(
                    self.wrong(format!("`target_modules` is the pattern `{pattern}`; write a list of module names"))
                );
            }
            _ => return Err(self.wrong("`target_modules` must be a list of module names or \"all-linear\"")),
        };
        let known = Target::ALL.map(Target::name).join(", ");
        let mut targets = Vec::new();
        for name in names {
            let target = Target::ALL.into_iter().find(|target| name.as_str() == Some(target.name()));
            let target = target.ok_or_else(|| {
                self.wrong(format!("`target_modules` names {name}; only these projections can be adapted: {known}"))
            })?;
            targets.push(target);
        }
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    /// The value of `key`; null counts as absent.
    fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &str) -> Result<Option<&str>, AdapterError> {
        self.typed(key, "a text", Value::as_str)
    }

    fn number(&self, key: &str) -> Result<Option<f64>, AdapterError> {
        self.typed(key, "a number", Value::as_f64)
    }

    fn whole(&self, key: &str) -> Result<Option<usize>, AdapterError> {
        self.typed(key, "a whole number", |value| value.as_u64().and_then(|n| usize::try_from(n).ok()))
    }

    fn flag(&self, key: &str) -> Result<bool, AdapterError> {
        Ok(self.typed(key, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    fn typed<'v, T>(
        &'v self,
        key: &str,
        kind: &str,
        read: impl Fn(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, AdapterError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.wrong(format!("`{key}` must be {kind}, found {value}")))
    }

    fn wrong(&self, reason: impl Into<String>) -> AdapterError {
        AdapterError::Config { reason: reason.into(), path: self.path.to_path_buf() }
    }
}

/// Whether a value asks for nothing.
fn is_neutral(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text == "none",
        Value::Array(items) => items.is_empty(),
        Value::Object(items) => items.is_empty(),
    }
}
