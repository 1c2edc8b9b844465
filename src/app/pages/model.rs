//! The Model page: choose a base model, see what it is, and put an adapter on it or take it off.

use std::path::{Path, PathBuf};

use egui::{ComboBox, RichText, Ui};

use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId, job_ui};
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::card::{Fact, card, card_with_actions, facts};
use crate::app::widgets::drop_zone::drop_zone;
use crate::app::widgets::figures::{bytes, count, parameters};
use crate::app::widgets::notes;
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::app::widgets::{buttons, figures};
use crate::train::DeviceChoice;
use crate::worker::protocol::{AdapterSummary, JobKind, ModelSummary, Request};

const DEVICES: [(DeviceChoice, &str); 4] = [
    (DeviceChoice::Auto, "Fastest there is"),
    (DeviceChoice::Cpu, "Processor"),
    (DeviceChoice::Cuda, "NVIDIA GPU"),
    (DeviceChoice::Metal, "Apple GPU"),
];

/// The Model page.
#[derive(Default)]
pub struct ModelPage {
    path: String,
    device: DeviceChoice,
    adapter_path: String,
}

impl ModelPage {
    /// Shows the path of a model that is about to be loaded; gives back the device chosen here.
    pub fn open(&mut self, path: &Path) -> DeviceChoice {
        self.path = path.display().to_string();
        self.device
    }
}

impl Page for ModelPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        for kind in [JobKind::LoadModel, JobKind::LoadAdapter] {
            job_ui(ui, cx, kind);
        }
        let model = cx.state.model.as_ref();
        if let Some(model) = model {
            model_card(ui, cx, model);
            self.adapter_card(ui, cx);
        }
        let title = if model.is_some() { "Choose another model" } else { "Choose a base model" };
        card(ui, title, |ui| self.choose_ui(ui, cx));
    }
}

impl ModelPage {
    fn choose_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let is_training = cx.state.active_run().is_some();
        if cx.state.model.is_none() {
            let note = "or press to choose a folder";
            let text = "Drop a model folder or a .gguf file here";
            if drop_zone(ui, Icon::Model, text, note, cx.is_dropping).clicked() {
                cx.send(SystemCommand::Pick(PickPurpose::ModelFolder));
            }
        }
        let action = path_field(
            ui,
            "Hugging Face folder or .gguf file",
            "/path/to/model",
            &mut self.path,
            &["Folder…", "GGUF file…"],
        );
        let mut is_wanted = false;
        match action {
            PathAction::None => {}
            PathAction::Entered => is_wanted = true,
            PathAction::Browse(0) => cx.send(SystemCommand::Pick(PickPurpose::ModelFolder)),
            PathAction::Browse(_) => cx.send(SystemCommand::Pick(PickPurpose::ModelFile)),
        }
        ui.add_space(space::XS);
        ui.horizontal(|ui| {
            let label = ui.label(RichText::new("Compute on").small().color(Tokens::of(ui).text_weak));
            let chosen = DEVICES.iter().find(|(device, _)| *device == self.device).map_or("", |(_, name)| name);
            ComboBox::from_id_salt("device")
                .icon(buttons::chevron)
                .selected_text(chosen)
                .width(168.0)
                .show_ui(ui, |ui| {
                    for (device, name) in DEVICES {
                        ui.selectable_value(&mut self.device, device, name);
                    }
                })
                .response
                .labelled_by(label.id);
            let path = typed_path(&self.path);
            let can_load = path.is_some() && !is_training && cx.state.job(JobKind::LoadModel).is_none();
            let clicked = buttons::primary(ui, Icon::Model, "Load", can_load).clicked();
            if let Some(path) = path.filter(|_| can_load && (clicked || is_wanted)) {
                cx.request(Request::LoadModel { path, device: self.device });
            }
            if is_training {
                ui.label(RichText::new("Not while a run is on.").color(Tokens::of(ui).text_weak));
            }
        });
        if !cx.state.is_demo || cx.state.model.is_none() {
            recent_ui(ui, cx, &cx.persisted.recent_models);
        }
        ui.label(
            RichText::new(
                "Llama, SmolLM2, TinyLlama, Mistral, Qwen2 and Qwen3 work, with safetensors weights or as one GGUF file.",
            )
            .small()
            .color(Tokens::of(ui).text_weak),
        );
    }

    fn adapter_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        if let Some(adapter) = &cx.state.adapter {
            adapter_facts_card(ui, cx, adapter);
            return;
        }
        card(ui, "Adapter", |ui| {
            let text = "None is loaded: the base model answers alone. Train one, or load one that was saved before.";
            ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
            let action = path_field(ui, "Adapter folder", "/path/to/adapter", &mut self.adapter_path, &["Browse…"]);
            if matches!(action, PathAction::Browse(_)) {
                cx.send(SystemCommand::Ui(UICommand::OpenAdapter));
            }
            let path = typed_path(&self.adapter_path);
            let can_load = path.is_some() && UICommand::OpenAdapter.obstacle(cx.state).is_none();
            let clicked = buttons::secondary(ui, Icon::Hydra, "Load adapter", can_load).clicked();
            if let Some(path) = path.filter(|_| can_load && (clicked || action == PathAction::Entered)) {
                cx.request(Request::LoadAdapter { path });
            }
        });
    }
}

fn recent_ui(ui: &mut Ui, cx: &PageContext<'_>, recent: &[PathBuf]) {
    if recent.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Recent").small().color(Tokens::of(ui).text_weak));
        for path in recent {
            if ui.button(figures::file_name(path)).on_hover_text(path.display().to_string()).clicked() {
                cx.send(SystemCommand::Paths(PickPurpose::ModelFolder, vec![path.clone()]));
            }
        }
    });
}

fn model_card(ui: &mut Ui, cx: &PageContext<'_>, model: &ModelSummary) {
    let go_on = |ui: &mut Ui| {
        if cx.state.data.is_none() && buttons::link(ui, "Continue to Data").clicked() {
            cx.send(SystemCommand::Show(PageId::Data));
        }
    };
    card_with_actions(ui, &model.name, go_on, |ui| {
        let path = model.path.display().to_string();
        let label = egui::Label::new(RichText::new(&path).small().color(Tokens::of(ui).text_weak)).truncate();
        ui.add(label).on_hover_text(&path);
        ui.add_space(space::XS);
        facts(ui, &model_facts(model));
        if !model.has_template {
            notes::callout(
                ui,
                Level::Info,
                "This model brought no chat template, so questions and answers are set in a plain default one. That is \
                 usual for a model that was not made for chat, and training teaches it the form.",
            );
        }
    });
}

fn model_facts(model: &ModelSummary) -> Vec<Fact> {
    vec![
        Fact::new("Parameters", parameters(model.parameters)).explained(count(model.parameters)),
        Fact::new("Architecture", &model.architecture),
        Fact::new("Layers", count(model.layers)),
        Fact::new("Hidden size", count(model.hidden)),
        Fact::new("Vocabulary", count(model.vocab)),
        Fact::new("Longest context", format!("{} tokens", count(model.max_context))),
        Fact::new("Stored as", &model.stored_as),
        Fact::new("Size on disk", bytes(model.weight_bytes)),
        Fact::new("Computes on", &model.device),
        Fact::new("Chat template", if model.has_template { "The model's own" } else { "Plain default" })
            .explained(&model.template),
    ]
}

fn adapter_facts_card(ui: &mut Ui, cx: &PageContext<'_>, adapter: &AdapterSummary) {
    let obstacle = UICommand::DropAdapter.obstacle(cx.state);
    let drop = |ui: &mut Ui| {
        if buttons::secondary(ui, Icon::Close, "Take off", obstacle.is_none()).clicked() {
            cx.request(Request::DropAdapter);
        }
    };
    card_with_actions(ui, "Adapter", drop, |ui| {
        let spec = &adapter.spec;
        let from = adapter.path.as_deref().map_or_else(|| "trained just now".to_owned(), |p| p.display().to_string());
        let label = egui::Label::new(RichText::new(&from).small().color(Tokens::of(ui).text_weak)).truncate();
        ui.add(label).on_hover_text(&from);
        let targets: Vec<&str> = spec.targets.iter().map(|target| target.name()).collect();
        let list = vec![
            Fact::new("Method", spec.method.title()),
            Fact::new("Heads", count(spec.heads)),
            Fact::new("Rank", count(spec.rank)),
            Fact::new("Scale", figures::figure(spec.scale())).explained("The adapter's output is multiplied by this."),
            Fact::new("Parameters", parameters(adapter.parameters + adapter.router_parameters)).explained(format!(
                "{} in A and B, {} in the routers",
                count(adapter.parameters),
                count(adapter.router_parameters)
            )),
            Fact::new("Modules", format!("{} of 7 kinds", targets.len())).explained(targets.join(", ")),
        ];
        facts(ui, &list);
    });
}
