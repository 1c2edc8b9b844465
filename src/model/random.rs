//! Models of random weights in the shapes of known ones: as fast and as large as the real ones, and at hand without a
//! download. What they say means nothing.

use std::fmt;
use std::str::FromStr;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::decoder::TensorSource;
use super::{Architecture, BaseType, Decoder, ModelConfig, ModelError, RopeScaling};
use crate::job::Job;
use crate::ops::Weight;

/// Deviation of the weights, as models of this family are initialised.
const DEVIATION: f32 = 0.02;

/// Weights that one generator draws; a matrix is drawn by all threads.
const DRAWN_AT_ONCE: usize = 1 << 16;

/// The shape of a known model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelShape {
    SmolLm2_135m,
    Llama32_1b,
    TinyLlama1_1b,
    Llama2_7b,
}

impl ModelShape {
    /// Every shape, the smallest first.
    pub const ALL: [ModelShape; 4] =
        [ModelShape::SmolLm2_135m, ModelShape::TinyLlama1_1b, ModelShape::Llama32_1b, ModelShape::Llama2_7b];

    /// The name used in commands.
    pub fn name(self) -> &'static str {
        match self {
            ModelShape::SmolLm2_135m => "smollm2-135m",
            ModelShape::Llama32_1b => "llama3.2-1b",
            ModelShape::TinyLlama1_1b => "tinyllama-1.1b",
            ModelShape::Llama2_7b => "llama2-7b",
        }
    }

    /// The sizes of the model. Llama 3.2's stretched rotary frequencies are left out: they cost nothing.
    pub fn config(self) -> ModelConfig {
        let llama = ModelConfig {
            architecture: Architecture::Llama,
            hidden: 2048,
            intermediate: 8192,
            layers: 16,
            heads: 32,
            kv_heads: 8,
            head_dim: 64,
            vocab: 128_256,
            norm_eps: 1e-5,
            rope_theta: 5e5,
            rope_scaling: RopeScaling::None,
            max_position: 131_072,
            tied_embeddings: true,
            qkv_bias: false,
            o_bias: false,
            mlp_bias: false,
            qk_norm: false,
            sliding_window: None,
            bos: None,
            eos: Vec::new(),
        };
        match self {
            ModelShape::Llama32_1b => llama,
            ModelShape::SmolLm2_135m => ModelConfig {
                hidden: 576,
                intermediate: 1536,
                layers: 30,
                heads: 9,
                kv_heads: 3,
                vocab: 49_152,
                rope_theta: 1e5,
                max_position: 8192,
                ..llama
            },
            ModelShape::TinyLlama1_1b => ModelConfig {
                intermediate: 5632,
                layers: 22,
                kv_heads: 4,
                vocab: 32_000,
                rope_theta: 1e4,
                max_position: 2048,
                tied_embeddings: false,
                ..llama
            },
            ModelShape::Llama2_7b => ModelConfig {
                hidden: 4096,
                intermediate: 11_008,
                layers: 32,
                kv_heads: 32,
                head_dim: 128,
                vocab: 32_000,
                rope_theta: 1e4,
                max_position: 4096,
                tied_embeddings: false,
                ..llama
            },
        }
    }

    /// A model of this shape with random weights.
    ///
    /// # Errors
    /// When the job is cancelled, or the device cannot hold the model.
    pub fn random(self, base: BaseType, seed: u64, device: &Device, job: &Job) -> Result<Decoder, ModelError> {
        Decoder::load(&self.config(), &mut RandomWeights::new(base, seed, device, job))
    }
}

impl fmt::Display for ModelShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ModelShape {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let names = ModelShape::ALL.map(ModelShape::name).join(", ");
        ModelShape::ALL
            .into_iter()
            .find(|shape| shape.name() == s)
            .ok_or_else(|| format!("unknown model shape `{s}`: use one of {names}"))
    }
}

/// Draws a model's weights: norms are one, all else is spread about zero. Only one matrix at a time is ever held in
/// f32.
pub struct RandomWeights<'a> {
    base: BaseType,
    seed: u64,
    device: &'a Device,
    job: &'a Job,
    /// Matrices drawn so far: each has its own stream.
    drawn: u64,
}

impl<'a> RandomWeights<'a> {
    /// Weights to be kept as `base` on `device`, where [`BaseType::Stored`] means bf16, as such models are stored. The
    /// seed fixes every one of them.
    pub fn new(base: BaseType, seed: u64, device: &'a Device, job: &'a Job) -> Self {
        let base = if base == BaseType::Stored { BaseType::BF16 } else { base };
        Self { base, seed, device, job, drawn: 0 }
    }
}

impl TensorSource for RandomWeights<'_> {
    type Error = ModelError;

    fn vector(&mut self, _name: &str, len: usize) -> Result<Tensor, ModelError> {
        Ok(Tensor::from_vec(vec![1f32; len], len, self.device)?)
    }

    fn matrix(&mut self, _name: &str, [rows, cols]: [usize; 2]) -> Result<Weight, ModelError> {
        self.drawn += 1;
        let stream = self.seed.wrapping_add(self.drawn << 32);
        let drawn = Tensor::from_vec(draw(rows * cols, stream), (rows, cols), &Device::Cpu)?;
        Ok(self.base.keep(Weight::dense(drawn)?, self.device)?)
    }

    fn layer_done(&mut self, layer: usize, layers: usize) -> Result<(), ModelError> {
        self.job.check()?;
        self.job.progress((layer + 1) as f32 / layers as f32, format!("Drawing layer {} of {layers}", layer + 1));
        Ok(())
    }
}

/// `len` numbers about zero with [`DEVIATION`]. Each is the sum of four uniform ones, which is as near to normal as a
/// measure of speed needs, and costs one draw of 64 bits.
fn draw(len: usize, stream: u64) -> Vec<f32> {
    // A uniform 16-bit number has the variance 2^32 / 12, the sum of four a third of 2^32.
    let scale = DEVIATION * 3f32.sqrt() / 65_536.0;
    let mut numbers = vec![0f32; len];
    numbers.par_chunks_mut(DRAWN_AT_ONCE).enumerate().for_each(|(chunk, numbers)| {
        let mut state = mixed(stream.wrapping_add(chunk as u64));
        for number in numbers {
            state = state.wrapping_add(GOLDEN);
            let bits = mixed(state);
            let sum = [0, 16, 32, 48].map(|shift| (bits >> shift & 0xffff) as i32).iter().sum::<i32>();
            *number = (sum - 2 * 65_535) as f32 * scale;
        }
    });
    numbers
}

/// 2^64 divided by the golden ratio: the stride of SplitMix64 (Steele, Lea and Flood 2014).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of SplitMix64.
fn mixed(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_the_parameters_of_the_models_they_are_named_after() {
        let parameters = ModelShape::ALL.map(|shape| shape.config().parameters());
        assert_eq!(parameters, [134_515_008, 1_100_048_384, 1_235_814_400, 6_738_415_616]);
    }

    #[test]
    fn a_shape_is_read_by_its_name_and_an_unknown_one_is_refused_with_all() {
        for shape in ModelShape::ALL {
            assert_eq!(shape.to_string().parse(), Ok(shape));
        }
        let refusal = "gpt2".parse::<ModelShape>().unwrap_err();
        assert!(refusal.contains("gpt2") && refusal.contains("smollm2-135m, tinyllama-1.1b"), "{refusal}");
    }

    #[test]
    fn weights_are_spread_like_a_normal_distribution() {
        let numbers = draw(3 * DRAWN_AT_ONCE + 5, 7);
        let moment = |power: i32| numbers.iter().map(|n| f64::from(*n / DEVIATION).powi(power)).sum::<f64>();
        let [mean, variance, fourth] = [1, 2, 4].map(|power| moment(power) / numbers.len() as f64);
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.01, "{mean} {variance}");
        // 3 for a normal distribution, 2.7 for the sum of four uniform ones.
        assert!((fourth - 2.7).abs() < 0.05, "{fourth}");
    }

    #[test]
    fn the_seed_fixes_the_weights_and_no_two_matrices_are_alike() -> Result<(), ModelError> {
        let (device, job) = (Device::Cpu, Job::silent());
        let pair = |seed| -> Result<[Vec<f32>; 2], ModelError> {
            let mut source = RandomWeights::new(BaseType::F32, seed, &device, &job);
            let mut next = || Ok::<_, ModelError>(source.matrix("", [4, 32])?.to_tensor()?.flatten_all()?.to_vec1()?);
            Ok([next()?, next()?])
        };
        let [first, second] = pair(1)?;
        assert_ne!(first, second);
        assert_eq!(pair(1)?, [first.clone(), second]);
        assert_ne!(pair(2)?.first(), Some(&first));
        Ok(())
    }

    #[test]
    fn matrices_are_kept_as_asked_and_at_16_bits_where_nothing_is_asked() -> Result<(), ModelError> {
        let (device, job) = (Device::Cpu, Job::silent());
        for (base, name) in [(BaseType::Stored, "BF16"), (BaseType::F32, "F32"), (BaseType::Q8_0, "Q8_0")] {
            let weight = RandomWeights::new(base, 1, &device, &job).matrix("", [2, 64])?;
            assert_eq!(weight.type_name(), name);
        }
        Ok(())
    }
}
