//! What an adapter is made of, as plain data: method, rank, heads, scale and the modules it adapts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which member of the family is trained. All are one computation: `heads` down-projections (one if shared), `heads`
/// up-projections, and gates that a router gives, or that are fixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// One shared `A`, several `B_i`, a router (Tian et al. 2024).
    #[default]
    #[serde(rename = "hydralora")]
    HydraLora,
    /// One `A`, one `B`, no router (Hu et al. 2021).
    Lora,
    /// Several independent `(A_i, B_i)`, summed without a router.
    LoraSplit,
    /// Several independent `(A_i, B_i)` mixed by a router.
    #[serde(rename = "lora-moe")]
    LoraMoe,
    /// HydraLoRA without its gate: every head weighs `1/N`.
    #[serde(rename = "hydralora-uniform")]
    HydraLoraUniform,
}

impl Method {
    /// Every method, in the order menus show them.
    pub const ALL: [Method; 5] =
        [Method::HydraLora, Method::Lora, Method::LoraSplit, Method::LoraMoe, Method::HydraLoraUniform];

    /// The name used in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Method::HydraLora => "hydralora",
            Method::Lora => "lora",
            Method::LoraSplit => "lora-split",
            Method::LoraMoe => "lora-moe",
            Method::HydraLoraUniform => "hydralora-uniform",
        }
    }

    /// The name shown on screen.
    pub fn title(self) -> &'static str {
        match self {
            Method::HydraLora => "HydraLoRA",
            Method::Lora => "LoRA",
            Method::LoraSplit => "LoRA-Split",
            Method::LoraMoe => "LoRA-MoE",
            Method::HydraLoraUniform => "HydraLoRA without gate",
        }
    }

    /// Whether all heads share one `A`.
    pub fn shares_a(self) -> bool {
        matches!(self, Method::HydraLora | Method::Lora | Method::HydraLoraUniform)
    }

    /// Whether a router gives the gates.
    pub fn has_router(self) -> bool {
        matches!(self, Method::HydraLora | Method::LoraMoe)
    }

    /// Whether the method always has exactly one head.
    pub fn is_single_head(self) -> bool {
        self == Method::Lora
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Method::ALL
            .into_iter()
            .find(|m| m.name() == s)
            .ok_or_else(|| format!("unknown method `{s}`: use one of {}", Method::ALL.map(Method::name).join(", ")))
    }
}

/// A kind of linear projection that an adapter can sit on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    #[serde(rename = "q_proj")]
    Q,
    #[serde(rename = "k_proj")]
    K,
    #[serde(rename = "v_proj")]
    V,
    #[serde(rename = "o_proj")]
    O,
    #[serde(rename = "gate_proj")]
    Gate,
    #[serde(rename = "up_proj")]
    Up,
    #[serde(rename = "down_proj")]
    Down,
}

impl Target {
    /// Every target, in the order of the forward pass.
    pub const ALL: [Target; 7] = [Target::Q, Target::K, Target::V, Target::O, Target::Gate, Target::Up, Target::Down];

    /// The module's last name, as in the base model: `q_proj`.
    pub fn name(self) -> &'static str {
        match self {
            Target::Q => "q_proj",
            Target::K => "k_proj",
            Target::V => "v_proj",
            Target::O => "o_proj",
            Target::Gate => "gate_proj",
            Target::Up => "up_proj",
            Target::Down => "down_proj",
        }
    }

    /// The targets that read the same input as this one, itself among them, in the order of the forward pass.
    pub fn group(self) -> &'static [Target] {
        match self {
            Target::Q | Target::K | Target::V => &[Target::Q, Target::K, Target::V],
            Target::O => &[Target::O],
            Target::Gate | Target::Up => &[Target::Gate, Target::Up],
            Target::Down => &[Target::Down],
        }
    }

    /// The block it stands in: `self_attn` or `mlp`.
    pub fn block(self) -> &'static str {
        match self {
            Target::Q | Target::K | Target::V | Target::O => "self_attn",
            Target::Gate | Target::Up | Target::Down => "mlp",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = String;

    /// Reads an exact module name, `q_proj`, or its short form, `q`.
    fn from_str(s: &str) -> Result<Self, String> {
        Target::ALL.into_iter().find(|t| t.name() == s || t.name().strip_suffix("_proj") == Some(s)).ok_or_else(|| {
            format!("unknown target module `{s}`: use {} or all-linear", Target::ALL.map(Target::name).join(", "))
        })
    }
}

/// One adapted linear projection, named as in the base model: `model.layers.3.mlp.up_proj`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Module {
    /// Decoder layer, counted from 0.
    pub layer: usize,
    pub target: Target,
}

impl Module {
    /// The module that a name begins with, and what follows it: `.lora_A.weight`, say. `None` where it is none we know.
    pub(super) fn leading(name: &str) -> Option<(Self, &str)> {
        let mut words = name.strip_prefix("model.layers.")?.splitn(4, '.');
        let layer = words.next()?.parse().ok()?;
        let (block, last) = (words.next()?, words.next()?);
        let target = Target::ALL.into_iter().find(|t| t.name() == last && t.block() == block)?;
        Some((Self { layer, target }, words.next().unwrap_or_default()))
    }
}

impl FromStr for Module {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match Self::leading(name) {
            Some((module, "")) => Ok(module),
            _ => Err(format!("`{name}` is no module of a decoder: it would be like model.layers.0.mlp.up_proj")),
        }
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model.layers.{}.{}.{}", self.layer, self.target.block(), self.target.name())
    }
}

/// Everything that fixes an adapter's tensors and their scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterSpec {
    pub method: Method,
    /// Inner size of every `A` and `B_i`.
    pub rank: usize,
    /// Number of heads `N`; 1 for plain LoRA.
    pub heads: usize,
    pub alpha: f64,
    /// Share of the input's elements that dropout zeroes before `A` while training.
    pub dropout: f64,
    /// Scale by `alpha / sqrt(rank)` (Kalajdzievski 2023, rsLoRA) instead of `alpha / rank`.
    #[serde(default)]
    pub rslora: bool,
    /// The router's logits are divided by it before the softmax; 1 is the published form, and what a method without
    /// router has.
    #[serde(default = "published_temperature")]
    pub gate_temperature: f64,
    /// Only so many heads get a gate at each token, those with the largest logits; `None`: all (the published form).
    #[serde(default)]
    pub top_k_heads: Option<usize>,
    /// In the order of [`Target::ALL`], without repeats.
    pub targets: Vec<Target>,
}

fn published_temperature() -> f64 {
    1.0
}

impl AdapterSpec {
    /// The factor before the sum over heads.
    pub fn scale(&self) -> f64 {
        let rank = self.rank as f64;
        self.alpha / if self.rslora { rank.sqrt() } else { rank }
    }

    /// How many `A` matrices one module has.
    pub fn a_count(&self) -> usize {
        if self.method.shares_a() { 1 } else { self.heads }
    }

    /// The adapted modules of a model with `layers` decoder layers, in forward order.
    pub fn modules(&self, layers: usize) -> impl Iterator<Item = Module> + '_ {
        (0..layers).flat_map(move |layer| self.targets.iter().map(move |&target| Module { layer, target }))
    }

    /// Refuses values that no adapter can have.
    pub fn validate(&self) -> Result<(), String> {
        if self.rank == 0 {
            return Err("the rank must be at least 1: set --rank, 8 is usual".into());
        }
        if self.heads == 0 {
            return Err("an adapter needs at least one head: set --heads, 3 is usual".into());
        }
        if self.method.is_single_head() && self.heads != 1 {
            return Err(format!("plain LoRA has one head, not {}: drop --heads or choose another method", self.heads));
        }
        if !self.alpha.is_finite() || self.alpha <= 0.0 {
            return Err(format!("alpha must be a positive number, not {}: twice the rank is usual", self.alpha));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(format!("dropout must be at least 0 and below 1, not {}", self.dropout));
        }
        if !self.gate_temperature.is_finite() || self.gate_temperature <= 0.0 {
            return Err(format!(
                "the gate temperature must be a number above 0, not {}: 1 is the published form, 0.5 to 2 is usual",
                self.gate_temperature
            ));
        }
        if let Some(k) = self.top_k_heads.filter(|k| !(1..=self.heads).contains(k)) {
            return Err(format!(
                "of {} heads, {k} cannot be chosen at each token: use top-k-heads from 1 to {}, or leave it out for all",
                self.heads, self.heads
            ));
        }
        if self.targets.is_empty() {
            return Err("no target modules: name at least one of q_proj, k_proj, …, or all-linear".into());
        }
        Ok(())
    }
}

impl Default for AdapterSpec {
    fn default() -> Self {
        Self {
            method: Method::HydraLora,
            rank: 8,
            heads: 3,
            alpha: 16.0,
            dropout: 0.0,
            rslora: false,
            gate_temperature: published_temperature(),
            top_k_heads: None,
            targets: Target::ALL.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_read_back_from_its_name() {
        for target in Target::ALL {
            let module = Module { layer: 12, target };
            assert_eq!(module.to_string().parse(), Ok(module));
        }
        for odd in
            ["model.layers.0.mlp.q_proj", "model.layers.0.mlp.up_proj.x", "model.layers.x.mlp.up_proj", "up_proj"]
        {
            assert!(odd.parse::<Module>().unwrap_err().contains(odd));
        }
    }

    #[test]
    fn the_scale_is_alpha_by_the_rank_and_by_its_root_under_rslora() {
        let spec = AdapterSpec { rank: 16, alpha: 24.0, ..AdapterSpec::default() };
        assert_eq!(spec.scale(), 1.5);
        assert_eq!(AdapterSpec { rslora: true, ..spec }.scale(), 6.0);
    }
}
