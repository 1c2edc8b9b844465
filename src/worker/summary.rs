//! From what the engine holds to the plain data that the window draws.

use std::path::Path;

use super::data::LoadedData;
use super::protocol::{
    AdapterSummary, ExampleView, ExportSummary, InspectSource, ModelSummary, ModuleGates, RoutingReport, TokenView,
};
use crate::adapter::Adapter;
use crate::data::{Example, Message, Role};
use crate::export::ExportReport;
use crate::inspect::Routing;
use crate::model::BaseModel;
use crate::text::{ChatTokenizer, TokenizedExample};
use crate::train::device_name;

/// Longest example shown in a preview, in tokens.
const PREVIEW_TOKENS: usize = 4096;

pub(super) fn model(model: &BaseModel) -> anyhow::Result<ModelSummary> {
    let config = model.decoder.config();
    let template = model.tokenizer()?.template_origin();
    Ok(ModelSummary {
        name: model.name.clone(),
        path: model.path.clone(),
        architecture: config.architecture.to_string(),
        parameters: model.parameters(),
        layers: config.layers,
        hidden: config.hidden,
        vocab: config.vocab,
        max_context: config.max_position,
        stored_as: model.stored_as.clone(),
        weight_bytes: model.weight_bytes,
        device: device_name(model.decoder.device()).into(),
        template: template.to_string(),
        has_template: template.is_models_own(),
        sampling: (&model.generation).into(),
    })
}

pub(super) fn adapter(adapter: &Adapter, path: Option<&Path>) -> AdapterSummary {
    AdapterSummary {
        path: path.map(Path::to_owned),
        spec: adapter.spec().clone(),
        parameters: adapter.parameters(),
        router_parameters: adapter.router_parameters(),
    }
}

/// An example as the model will read it; without a model only as it was imported.
pub(super) fn example(example: &Example, tokenizer: Option<&ChatTokenizer>, context: usize) -> ExampleView {
    let mut view = ExampleView {
        source: example.source.to_string(),
        topic: example.topic.clone(),
        messages: example.messages.clone(),
        tokens: Vec::new(),
        cut: 0,
        problem: None,
    };
    let Some(tokenizer) = tokenizer else { return view };
    let encoded = tokenizer.encode_example(&example.messages, context.min(PREVIEW_TOKENS));
    match encoded.and_then(|encoded| Ok((views(tokenizer, &encoded)?, encoded.cut))) {
        Ok((tokens, cut)) => (view.tokens, view.cut) = (tokens, cut),
        Err(error) => view.problem = Some(error.to_string()),
    }
    view
}

fn views(tokenizer: &ChatTokenizer, encoded: &TokenizedExample) -> Result<Vec<TokenView>, crate::text::TextError> {
    let texts = tokenizer.token_texts(&encoded.ids)?;
    Ok(texts.into_iter().zip(&encoded.supervised).map(|(text, s)| TokenView { text, supervised: *s }).collect())
}

/// A text whose routing was asked for.
pub(super) struct InspectedText {
    title: String,
    pub ids: Vec<u32>,
    supervised: Vec<bool>,
}

pub(super) fn inspected_text(
    model: &BaseModel,
    data: Option<&LoadedData>,
    source: &InspectSource,
) -> anyhow::Result<InspectedText> {
    let tokenizer = model.tokenizer()?;
    let room = model.decoder.config().max_position;
    match source {
        InspectSource::Prompt(text) => {
            let messages = [Message { role: Role::User, content: text.clone() }];
            let mut ids = tokenizer.encode_prompt(&messages)?;
            ids.truncate(room);
            Ok(InspectedText { title: text.clone(), supervised: vec![false; ids.len()], ids })
        }
        InspectSource::Conversation(messages) => conversation(tokenizer, messages, room),
        InspectSource::HeldOut(index) => {
            let place = data.and_then(|data| Some((data, *data.held_out.rows.get(*index)?)));
            let (data, row) = place
                .ok_or_else(|| anyhow::anyhow!("there is no held-out example {}: import the data again", index + 1))?;
            let example = data.imported.import.examples.get(row)?;
            let encoded = tokenizer.encode_example(&example.messages, room)?;
            let title = format!("Held-out example {}, {}", index + 1, example.source);
            Ok(InspectedText { title, ids: encoded.ids, supervised: encoded.supervised })
        }
    }
}

/// A conversation as the model reads it: with its last answer where it ends with one, else up to where an answer begins.
fn conversation(tokenizer: &ChatTokenizer, messages: &[Message], room: usize) -> anyhow::Result<InspectedText> {
    let last = messages.last().ok_or_else(|| anyhow::anyhow!("the conversation is empty: ask something first"))?;
    let title = messages.iter().rev().find(|m| m.role == Role::User).map_or("", |m| m.content.as_str()).to_owned();
    if last.role == Role::Assistant {
        let encoded = tokenizer.encode_example(messages, room)?;
        return Ok(InspectedText { title, ids: encoded.ids, supervised: encoded.supervised });
    }
    let mut ids = tokenizer.encode_prompt(messages)?;
    ids.truncate(room);
    Ok(InspectedText { title, supervised: vec![false; ids.len()], ids })
}

pub(super) fn routing(
    model: &BaseModel,
    text: InspectedText,
    at: Option<&Path>,
    routing: Routing,
) -> anyhow::Result<RoutingReport> {
    let encoded = TokenizedExample { ids: text.ids, supervised: text.supervised, ..Default::default() };
    Ok(RoutingReport {
        title: text.title,
        at: at.map(Path::to_owned),
        heads: routing.heads,
        tokens: views(model.tokenizer()?, &encoded)?,
        modules: routing.modules.into_iter().map(|(module, gates)| ModuleGates { module, gates }).collect(),
    })
}

pub(super) fn export(path: &Path, report: ExportReport) -> ExportSummary {
    ExportSummary {
        path: path.to_owned(),
        format: "HydraLoRA".into(),
        bytes: report.bytes,
        files: report.files,
        tensors: report.tensors,
    }
}
