//! Drawing the next token from the model's logits.

use std::cmp::Ordering;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplerSettings {
    /// Divides the logits; 0 (or less) takes the most likely token every time.
    pub temperature: f64,
    /// Draw among the most likely tokens that together have this share of probability; 1 draws among all.
    pub top_p: f64,
    /// Makes tokens seen before less likely; 1 changes nothing.
    pub repetition_penalty: f64,
    pub seed: u64,
}

impl SamplerSettings {
    /// The most likely token every time.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, top_p: 1.0, repetition_penalty: 1.0, seed: 0 }
    }
}

/// Draws tokens; the same settings and logits give the same tokens.
#[derive(Clone, Debug)]
pub struct Sampler {
    settings: SamplerSettings,
    rng: ChaCha8Rng,
}

/// A token that may be drawn, with its probability times a factor that all share.
#[derive(Clone, Copy)]
struct Candidate {
    token: u32,
    weight: f64,
}

impl Sampler {
    /// A sampler at the start of its seed's sequence.
    pub fn new(settings: SamplerSettings) -> Self {
        Self { settings, rng: ChaCha8Rng::seed_from_u64(settings.seed) }
    }

    /// Draws a token from `logits` `[vocab]`, which are changed in place by the penalty on the tokens in `seen`.
    ///
    /// Logits that are NaN are never drawn. Where there is no usable logit at all, the answer is token 0:
    /// [`Generator::step`](super::Generator::step) refuses such logits before they come here.
    pub fn sample(&mut self, logits: &mut [f32], seen: &[u32]) -> u32 {
        for logit in logits.iter_mut().filter(|logit| logit.is_nan()) {
            *logit = f32::NEG_INFINITY;
        }
        penalise(logits, seen, self.settings.repetition_penalty);
        let best = most_likely(logits);
        let top = logits.get(best as usize).copied().unwrap_or(f32::NEG_INFINITY);
        if self.settings.temperature > 0.0 && top.is_finite() { self.draw(logits, f64::from(top)) } else { best }
    }

    fn draw(&mut self, logits: &[f32], top: f64) -> u32 {
        let temperature = self.settings.temperature;
        let weights = logits.iter().map(|&logit| ((f64::from(logit) - top) / temperature).exp());
        let candidates = (0..).zip(weights).map(|(token, weight)| Candidate { token, weight }).collect();
        let candidates = if self.settings.top_p < 1.0 { nucleus(candidates, self.settings.top_p) } else { candidates };
        let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
        let mut left = self.rng.random::<f64>() * total;
        for candidate in &candidates {
            left -= candidate.weight;
            if left < 0.0 {
                return candidate.token;
            }
        }
        // Only rounding leads here.
        candidates.iter().rfind(|candidate| candidate.weight > 0.0).map_or(0, |candidate| candidate.token)
    }
}

/// The token with the largest logit; the first of several.
fn most_likely(logits: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (token, &logit) in (0..).zip(logits) {
        if logit > best.1 {
            best = (token, logit);
        }
    }
    best.0
}

/// Divides the positive and multiplies the negative logits of every token in `seen`, once however often it occurs
/// (Keskar et al. 2019, CTRL). A penalty that is no positive number changes nothing.
fn penalise(logits: &mut [f32], seen: &[u32], penalty: f64) {
    if penalty == 1.0 || !penalty.is_finite() || penalty <= 0.0 {
        return;
    }
    let mut distinct = seen.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let penalty = penalty as f32;
    for token in distinct {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
        }
    }
}

/// The fewest most likely candidates whose share of the whole is at least `top_p`, most likely first; at least one.
fn nucleus(mut candidates: Vec<Candidate>, top_p: f64) -> Vec<Candidate> {
    let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
    let wanted = top_p.max(0.0) * total;
    // All tokens below this weight together have less than the share that is left out: they need no sorting.
    let floor = (total - wanted) / candidates.len().max(1) as f64;
    if candidates.iter().any(|candidate| candidate.weight >= floor) {
        candidates.retain(|candidate| candidate.weight >= floor);
    }
    candidates.sort_by(|a, b| b.weight.partial_cmp(&a.weight).unwrap_or(Ordering::Equal).then(a.token.cmp(&b.token)));
    let mut reached = 0.0;
    let enough = candidates.iter().position(|candidate| {
        reached += candidate.weight;
        reached >= wanted
    });
    candidates.truncate(enough.map_or(candidates.len(), |last| last + 1));
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: SamplerSettings = SamplerSettings { temperature: 1.0, top_p: 1.0, repetition_penalty: 1.0, seed: 7 };

    fn greedy() -> Sampler {
        Sampler::new(SamplerSettings { temperature: 0.0, ..PLAIN })
    }

    /// How often each of four tokens is drawn in 20,000 draws, as a share.
    fn shares(settings: SamplerSettings, logits: [f32; 4]) -> [f64; 4] {
        let mut sampler = Sampler::new(settings);
        let mut shares = [0.0; 4];
        for _ in 0..20_000 {
            shares[sampler.sample(&mut logits.clone(), &[]) as usize] += 1.0 / 20_000.0;
        }
        shares
    }

    fn assert_near(found: [f64; 4], expected: [f64; 4]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 0.015, "{found:?} where {expected:?} is expected");
        }
    }

    #[test]
    fn greedy_takes_the_first_of_the_largest() {
        assert_eq!(greedy().sample(&mut [0.0, 3.0, 3.0, -1.0], &[]), 1);
        assert_eq!(greedy().sample(&mut [-5.0, -4.0], &[]), 1);
    }

    #[test]
    fn draws_follow_the_softmax() {
        let logits = [0.4f32.ln(), 0.3f32.ln(), 0.2f32.ln(), 0.1f32.ln()];
        assert_near(shares(PLAIN, logits), [0.4, 0.3, 0.2, 0.1]);
    }

    #[test]
    fn a_low_temperature_sharpens_the_draw() {
        // At temperature 1/2 probabilities are squared, then normalised: 16, 9, 4, 1 of 30.
        let logits = [0.4f32.ln(), 0.3f32.ln(), 0.2f32.ln(), 0.1f32.ln()];
        let expected = [16.0 / 30.0, 9.0 / 30.0, 4.0 / 30.0, 1.0 / 30.0];
        assert_near(shares(SamplerSettings { temperature: 0.5, ..PLAIN }, logits), expected);
    }

    #[test]
    fn top_p_draws_from_the_fewest_tokens_that_reach_it() {
        let logits = [0.1f32.ln(), 0.4f32.ln(), 0.2f32.ln(), 0.3f32.ln()];
        let settings = SamplerSettings { top_p: 0.65, ..PLAIN };
        assert_near(shares(settings, logits), [0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0]);
    }

    #[test]
    fn a_top_p_of_zero_keeps_one_token() {
        let settings = SamplerSettings { top_p: 0.0, ..PLAIN };
        assert_eq!(
            shares(settings, [0.0, 1.0, 1.0, 0.5]),
            shares(SamplerSettings { temperature: 0.0, ..PLAIN }, [0.0, 1.0, 1.0, 0.5])
        );
    }

    #[test]
    fn the_penalty_weakens_each_seen_token_once() {
        let mut logits = [2.0, -2.0, 0.0, 1.0];
        penalise(&mut logits, &[1, 0, 0, 1, 0, 99], 2.0);
        assert_eq!(logits, [1.0, -4.0, 0.0, 1.0]);
    }

    #[test]
    fn a_penalty_that_is_no_positive_number_changes_nothing() {
        for penalty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut logits = [2.0, -2.0];
            penalise(&mut logits, &[0, 1], penalty);
            assert_eq!(logits, [2.0, -2.0]);
        }
    }

    #[test]
    fn nan_is_never_drawn() {
        let nan = f32::NAN;
        assert_eq!(greedy().sample(&mut [nan, 1.0, nan, 2.0], &[]), 3);
        let drawn = shares(PLAIN, [nan, 0.0, nan, 0.0]);
        assert_eq!((drawn[0], drawn[2]), (0.0, 0.0));
    }

    #[test]
    fn logits_without_a_usable_number_give_an_answer_too() {
        let mut sampler = Sampler::new(PLAIN);
        assert_eq!(sampler.sample(&mut [], &[]), 0);
        assert_eq!(sampler.sample(&mut [f32::NAN, f32::NAN], &[]), 0);
        assert_eq!(sampler.sample(&mut [f32::NEG_INFINITY; 3], &[]), 0);
        assert_eq!(sampler.sample(&mut [0.0, f32::INFINITY, 0.0], &[]), 1);
    }

    #[test]
    fn a_seed_repeats_its_draws_and_another_does_not() {
        let draw = |seed| {
            let mut sampler = Sampler::new(SamplerSettings { seed, ..PLAIN });
            (0..32).map(|_| sampler.sample(&mut [0.0; 100], &[])).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
