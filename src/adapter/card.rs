//! The model card, `README.md` in an adapter folder: what it is, how it was trained, what reads it.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{AdapterSpec, AdapterTensors, Method};

/// The card's file name in an adapter folder.
pub(crate) const CARD_FILE: &str = "README.md";

/// What a card tells beside the adapter's own settings. Everything may be absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CardInfo {
    /// Names of the files it was trained on.
    pub data: Vec<String>,
    /// Training settings in words, such as `("steps", "300")`, in the order to show.
    pub training: Vec<(String, String)>,
    /// Held-out loss of the base model alone, in nats a token.
    pub held_out_before: Option<f64>,
    /// Held-out loss with the adapter, in nats a token.
    pub held_out_after: Option<f64>,
}

/// The card's text in Markdown, with the front matter that model hubs read.
pub(crate) fn model_card(tensors: &AdapterTensors, base_model: &str, info: &CardInfo) -> String {
    let spec = &tensors.spec;
    let shown_base = if base_model.is_empty() { "a base model that was not named" } else { base_model };
    let mut card = front_matter(spec, base_model);
    let title = spec.method.title();
    // Writing to a String cannot fail.
    let _ = write!(
        card,
        "# {title} adapter\n\nAn adapter for `{shown_base}`, written by Hydra Studio {}. It holds the trained tensors \
         only; the base model is needed beside it.\n\n{}\n\n",
        env!("CARGO_PKG_VERSION"),
        method_sentence(spec)
    );
    let _ = write!(card, "## Settings\n\n{}", settings_table(tensors));
    if !info.training.is_empty() || !info.data.is_empty() {
        card += "\n## Training\n\n";
        if !info.data.is_empty() {
            let _ =
                writeln!(card, "Data: {}\n", info.data.iter().map(|d| format!("`{d}`")).collect::<Vec<_>>().join(", "));
        }
        if !info.training.is_empty() {
            card += &table(info.training.iter().map(|(name, value)| (name.as_str(), value.clone())));
        }
    }
    if let Some(sentence) = held_out_sentence(info) {
        let _ = write!(card, "\n## Held-out loss\n\n{sentence}\n");
    }
    let _ = write!(card, "\n## How to load it\n\n{}\n", loading(spec));
    card
}

fn front_matter(spec: &AdapterSpec, base_model: &str) -> String {
    let library = if spec.method == Method::Lora { "peft" } else { "hydra-studio" };
    let mut text = format!("---\nlibrary_name: {library}\n");
    if !base_model.is_empty() {
        // A JSON string is a YAML string.
        let _ = writeln!(text, "base_model: {}", serde_json::Value::from(base_model));
    }
    let _ = write!(text, "tags:\n- {}\n---\n\n", spec.method.name());
    text
}

fn method_sentence(spec: &AdapterSpec) -> String {
    let heads = spec.heads;
    match spec.method {
        Method::HydraLora => format!(
            "HydraLoRA (Tian et al., NeurIPS 2024): every adapted projection has one shared matrix A, {heads} heads B, and a \
             router that mixes the heads for every token."
        ),
        Method::Lora => "LoRA (Hu et al., 2021): every adapted projection has one matrix A and one matrix B.".into(),
        Method::LoraSplit => {
            format!("LoRA-Split: every adapted projection has {heads} independent pairs of A and B, summed.")
        }
        Method::LoraMoe => format!(
            "LoRA-MoE: every adapted projection has {heads} independent pairs of A and B, and a router that mixes them for \
             every token."
        ),
        Method::HydraLoraUniform => format!(
            "HydraLoRA without its gate: every adapted projection has one shared matrix A and {heads} heads B, each weighing \
             1/{heads}."
        ),
    }
}

fn settings_table(tensors: &AdapterTensors) -> String {
    let spec = &tensors.spec;
    let scale = if spec.rslora { "alpha / √rank" } else { "alpha / rank" };
    let targets = spec.targets.iter().map(|t| t.name()).collect::<Vec<_>>().join(", ");
    let mut rows = vec![
        ("method", spec.method.name().to_string()),
        ("rank", spec.rank.to_string()),
        ("heads", spec.heads.to_string()),
        ("alpha", spec.alpha.to_string()),
        ("scale", format!("{} ({scale})", spec.scale())),
        ("dropout", spec.dropout.to_string()),
        ("target modules", targets),
        ("layers", tensors.layers().to_string()),
        ("parameters of A and B", tensors.parameters().to_string()),
    ];
    if spec.method.has_router() {
        rows.push(("parameters of the routers", tensors.router_parameters().to_string()));
    }
    table(rows)
}

fn table<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut text = String::from("| setting | value |\n| --- | --- |\n");
    for (name, value) in rows {
        let _ = writeln!(text, "| {} | {} |", cell(name), cell(&value));
    }
    text
}

/// A text that cannot break out of its table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn held_out_sentence(info: &CardInfo) -> Option<String> {
    match (info.held_out_before, info.held_out_after) {
        (Some(before), Some(after)) => Some(format!(
            "On examples kept out of training: {before:.4} nats a token with the base model alone, {after:.4} with the adapter."
        )),
        (None, Some(after)) => {
            Some(format!("On examples kept out of training: {after:.4} nats a token with the adapter."))
        }
        _ => None,
    }
}

fn loading(spec: &AdapterSpec) -> &'static str {
    match spec.method {
        Method::Lora => {
            "In Hydra Studio: open the base model, then this folder. In Python: `PeftModel.from_pretrained(base, folder)` from \
             PEFT, and whatever else reads PEFT's LoRA."
        }
        Method::HydraLora => {
            "In Hydra Studio: open the base model, then this folder. The tensors carry the names of the published HydraLoRA \
             code, which reads them when they are saved with `torch.save` as `adapter_model.bin` and `peft_type` is set to \
             `LORA`. Stock PEFT has no HydraLoRA and refuses the folder; it cannot be merged into the base model, as the \
             router decides anew for every token."
        }
        Method::LoraSplit | Method::LoraMoe | Method::HydraLoraUniform => {
            "In Hydra Studio: open the base model, then this folder. Stock PEFT does not know this method and refuses the folder."
        }
    }
}
