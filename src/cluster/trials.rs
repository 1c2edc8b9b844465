//! The number of groups over repeated trials, as the paper's Figure 7 has it: each trial sees other texts and begins elsewhere.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::advice::candidate;
use super::corpus::{Corpus, FITTED, drawn};
use super::curves::Curves;
use super::density::dbscan;
use super::find::{DENSE_DIRECTIONS, DRAWN, FEW_STARTS, RESAMPLED};
use crate::job::{Cancelled, Job};

/// Trials, as many as the paper's.
pub const TRIALS: usize = 15;

/// The number of groups that one trial finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// By k-means: where its errors bend and its silhouette peaks.
    pub by_error: usize,
    /// By density.
    pub by_density: usize,
}

impl Corpus {
    /// Looks for the number of groups, of at most `most`, in [`TRIALS`] resamples of the texts.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn trials(&self, most: usize, seed: u64, job: &Job) -> Result<Vec<Trial>, Cancelled> {
        let fitted = drawn(self.points.len(), FITTED, &mut ChaCha8Rng::seed_from_u64(seed));
        let size = RESAMPLED.min((DRAWN * fitted.len() as f64).ceil() as usize);
        let trial = |number: usize| {
            job.progress(number as f32 / TRIALS as f32, format!("Trial {} of {TRIALS}", number + 1));
            let own = seed.wrapping_add(1000 + number as u64);
            let mut rng = ChaCha8Rng::seed_from_u64(own);
            let picked = drawn(fitted.len(), size, &mut rng);
            let rows: Vec<usize> = picked.iter().filter_map(|at| fitted.get(*at)).copied().collect();
            let points = self.points.picked(&rows);
            let curves = Curves::of(&points, most, FEW_STARTS, own, job)?;
            let bend: Vec<usize> = curves.elbow().map(|elbow| elbow.groups).into_iter().collect();
            let mut narrow = points.narrowed(DENSE_DIRECTIONS);
            narrow.normalise();
            let by_error = if curves.differ() { candidate(&curves, &bend) } else { 1 };
            Ok(Trial { by_error, by_density: dbscan(&narrow, job)?.groups })
        };
        (0..TRIALS).map(trial).collect()
    }
}
