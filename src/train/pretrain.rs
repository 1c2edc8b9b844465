//! A small base model from scratch: tokenizer, random weights, full-parameter training, a Hugging Face folder at the end.
//! The bundled demo model was made this way.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::{byte_level::ByteLevel, digits::Digits, sequence::Sequence};
use tokenizers::{AddedToken, Tokenizer};

use super::trainer::Trainer;
use super::{Dataset, Row, StepRecord, TrainError, TrainSettings};
use crate::data::{Examples, Source};
use crate::disk::{check_new_folder, write_atomic, write_folder_atomic};
use crate::job::Job;
use crate::model::{Architecture, Decoder, ModelConfig, RopeScaling, TensorSource};
use crate::ops::Weight;
use crate::text::{ChatTokenizer, TokenizedExample};

/// Turns of a conversation as the demo model reads them.
pub const CHAT_TEMPLATE: &str = "\
{%- for message in messages %}
{{- '<|' ~ message.role ~ '|>' ~ message.content | trim ~ '<|end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

/// Special tokens, in the order of their ids.
const SPECIAL: [&str; 5] = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"];

/// The shape of the model, and how it is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct PretrainSettings {
    pub vocab: usize,
    pub hidden: usize,
    pub intermediate: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub context: usize,
    pub batch: usize,
    pub steps: usize,
    pub lr: f64,
    pub seed: u64,
}

/// What the bundled demo model was made with.
impl Default for PretrainSettings {
    fn default() -> Self {
        Self {
            vocab: 1024,
            hidden: 128,
            intermediate: 384,
            layers: 4,
            heads: 4,
            kv_heads: 2,
            context: 128,
            batch: 32,
            steps: 2000,
            lr: 2e-3,
            seed: 1,
        }
    }
}

impl PretrainSettings {
    fn config(&self, vocab: usize) -> ModelConfig {
        ModelConfig {
            architecture: Architecture::Llama,
            hidden: self.hidden,
            intermediate: self.intermediate,
            layers: self.layers,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.hidden / self.heads.max(1),
            vocab,
            norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            max_position: self.context.max(512),
            tied_embeddings: true,
            qkv_bias: false,
            o_bias: false,
            mlp_bias: false,
            qk_norm: false,
            sliding_window: None,
            bos: None,
            eos: vec![0],
        }
    }

    fn validate(&self) -> Result<(), TrainError> {
        let fits = self.heads > 0
            && self.kv_heads > 0
            && self.heads.is_multiple_of(self.kv_heads)
            && self.hidden.is_multiple_of(2 * self.heads)
            && self.layers > 0
            && self.intermediate > 0
            && self.steps > 0
            && self.batch > 0
            && self.context >= 8
            && self.vocab >= 256 + SPECIAL.len();
        if fits {
            return Ok(());
        }
        let sizes = "sizes that do not fit together: hidden must be an even multiple of heads, heads a multiple of \
                     kv-heads, vocab at least 261, context at least 8, and nothing 0";
        Err(TrainError::Settings(sizes.into()))
    }
}

/// Trains a tokenizer on the texts of `examples`, then a model, and writes it to the folder `out`, which must not exist.
/// Every token counts in the loss. `told` hears of every step.
///
/// # Errors
/// When the sizes do not fit together, there is no text, the job is cancelled, or the disk refuses.
pub fn pretrain(
    examples: &Examples,
    settings: &PretrainSettings,
    out: &Path,
    job: &Job,
    mut told: impl FnMut(&StepRecord),
) -> Result<(), TrainError> {
    settings.validate()?;
    check_new_folder(out)?;
    job.progress(None, "Training the tokenizer");
    let tokenizer = train_tokenizer(examples, settings.vocab)?;
    let workshop = tempfile::tempdir().map_err(|e| TrainError::Settings(format!("no temporary folder: {e}")))?;
    let config = settings.config(tokenizer.get_vocab_size(true));
    write_tokenizer(workshop.path(), &tokenizer, &config)?;
    let chat = ChatTokenizer::from_folder(workshop.path()).map_err(crate::model::ModelError::from)?;
    let mut start =
        RandomStart { rng: ChaCha8Rng::seed_from_u64(settings.seed), layers: settings.layers, vars: Vec::new() };
    let decoder = Arc::new(Decoder::load(&config, &mut start)?);
    let data = Arc::new(packed(examples, &chat, settings)?);
    let run = TrainSettings {
        batch: settings.batch,
        accumulate: 1,
        context: settings.context,
        lr: settings.lr,
        weight_decay: 0.1,
        seed: settings.seed,
        ..TrainSettings::default()
    };
    let mut trainer = Trainer::new(decoder.clone(), None, start.vars, data, run, settings.steps);
    while trainer.step() < settings.steps {
        job.check()?;
        if let Some(record) = trainer.micro_step()? {
            told(&record);
        }
    }
    write_folder_atomic(out, |folder| {
        write_tokenizer(folder, &tokenizer, &config)?;
        write_weights(folder, &decoder)
    })
}

/// Byte-level BPE with every digit a token of its own.
fn train_tokenizer(examples: &Examples, vocab: usize) -> Result<Tokenizer, TrainError> {
    let failed = |e: tokenizers::Error| TrainError::Settings(format!("the tokenizer could not be trained: {e}"));
    let bytes = ByteLevel::new(false, true, true);
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![Digits::new(true).into(), bytes.into()])));
    tokenizer.with_decoder(Some(bytes));
    let special: Vec<AddedToken> = SPECIAL.map(|name| AddedToken::from(name, true)).to_vec();
    let mut trainer: tokenizers::models::TrainerWrapper = BpeTrainerBuilder::new()
        .vocab_size(vocab)
        .show_progress(false)
        .special_tokens(special.clone())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build()
        .into();
    // The trainer takes texts and no errors: it is given them up to the first, which is told then.
    let mut broken = None;
    let readable = examples.iter().map_while(|example| example.map_err(|error| broken = Some(error)).ok());
    let texts = readable.flat_map(|example| example.messages.into_iter().map(|message| message.content));
    let trained = tokenizer.train(&mut trainer, texts).map_err(failed);
    broken.map_or(Ok(()), Err)?;
    trained?;
    tokenizer.add_special_tokens(special).map_err(failed)?;
    Ok(tokenizer)
}

/// All conversations one after the other, cut into rows of the context's length, every token supervised.
fn packed(examples: &Examples, chat: &ChatTokenizer, settings: &PretrainSettings) -> Result<Dataset, TrainError> {
    let mut stream = Vec::new();
    for index in crate::text::epoch_order(examples.len(), settings.seed, 0) {
        let example = examples.get(index)?;
        let encoded = chat.encode_example(&example.messages, usize::MAX).map_err(crate::model::ModelError::from)?;
        stream.extend(encoded.ids);
    }
    let row = |(line, ids): (usize, &[u32])| Row {
        tokens: TokenizedExample { ids: ids.to_vec(), supervised: vec![true; ids.len()], ..Default::default() },
        source: Source { file: "packed text".into(), line: line + 1 },
        topic: None,
    };
    let train: Vec<Row> = stream.chunks_exact(settings.context).enumerate().map(row).collect();
    if train.is_empty() {
        let reason = format!("all texts together are shorter than one context of {} tokens", settings.context);
        return Err(TrainError::NothingToLearn { examples: examples.len(), reason });
    }
    Ok(Dataset { train, ..Dataset::default() })
}

/// Variables with a random start: norms one, the rest normal with deviation 0.02, and the projections that write into the
/// residual stream smaller with depth (Radford et al. 2019).
struct RandomStart {
    rng: ChaCha8Rng,
    layers: usize,
    vars: Vec<Var>,
}

impl TensorSource for RandomStart {
    type Error = TrainError;

    fn vector(&mut self, _name: &str, len: usize) -> Result<Tensor, TrainError> {
        self.variable(vec![1.0; len], &[len])
    }

    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Weight, TrainError> {
        let deviation = if name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight") {
            0.02 / (2.0 * self.layers as f32).sqrt()
        } else {
            0.02
        };
        let count = shape.iter().product();
        // The sum of twelve even draws is close to normal, with deviation 1.
        let mut draw = || deviation * ((0..12).map(|_| self.rng.random::<f32>()).sum::<f32>() - 6.0);
        let data = (0..count).map(|_| draw()).collect();
        Ok(Weight::dense(self.variable(data, &shape)?)?)
    }
}

impl RandomStart {
    fn variable(&mut self, data: Vec<f32>, shape: &[usize]) -> Result<Tensor, TrainError> {
        let var = Var::from_vec(data, shape, &Device::Cpu)?;
        self.vars.push(var.clone());
        Ok(var.into_inner())
    }
}

fn write_tokenizer(folder: &Path, tokenizer: &Tokenizer, config: &ModelConfig) -> Result<(), TrainError> {
    let json =
        tokenizer.to_string(true).map_err(|e| TrainError::Settings(format!("the tokenizer cannot be written: {e}")))?;
    write_atomic(&folder.join("tokenizer.json"), json.as_bytes())?;
    let tokenizer_config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": SPECIAL[0],
        "pad_token": SPECIAL[0],
        "model_max_length": config.max_position,
        "chat_template": CHAT_TEMPLATE,
    });
    let model_config = json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": config.architecture.name(),
        "hidden_size": config.hidden,
        "intermediate_size": config.intermediate,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "vocab_size": config.vocab,
        "max_position_embeddings": config.max_position,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,
        "hidden_act": "silu",
        "tie_word_embeddings": config.tied_embeddings,
        "attention_bias": false,
        "mlp_bias": false,
        "eos_token_id": 0,
        "pad_token_id": 0,
        "torch_dtype": "float16",
    });
    let generation = json!({ "eos_token_id": 0, "pad_token_id": 0 });
    let files = [
        ("tokenizer_config.json", tokenizer_config),
        ("config.json", model_config),
        ("generation_config.json", generation),
    ];
    for (name, value) in files {
        write_atomic(&folder.join(name), format!("{value:#}\n").as_bytes())?;
    }
    Ok(())
}

/// The weights in f16, which loses nothing that matters at these sizes and halves the file.
fn write_weights(folder: &Path, decoder: &Decoder) -> Result<(), TrainError> {
    let half = |(name, tensor): (String, Tensor)| Ok((name, tensor.detach().to_dtype(DType::F16)?));
    let tensors = decoder.named_tensors()?.into_iter().map(half).collect::<candle_core::Result<HashMap<_, _>>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let path = folder.join("model.safetensors");
    let bytes = safetensors::serialize(&tensors, Some(metadata))
        .map_err(|e| TrainError::Checkpoint { path: path.clone(), problem: format!("cannot be written: {e}") })?;
    Ok(write_atomic(&path, &bytes)?)
}
