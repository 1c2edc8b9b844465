//! k-means for every number of groups, and what can be read from the curves.

use super::elbow::{Elbow, elbow};
use super::kmeans::{Clustering, k_means};
use super::silhouette::mean_silhouette;
use super::svd::Points;
use crate::job::{Cancelled, Job};

/// Errors and silhouettes by the number of groups, from 1 up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// Sum of squared distances to the centres; entry `i` is of `i + 1` groups.
    pub sse: Vec<f64>,
    /// Mean silhouette, 0 for one group.
    pub silhouette: Vec<f64>,
    /// The groups themselves.
    pub clusterings: Vec<Clustering>,
}

impl Curves {
    /// Groups `points` into 1 to `most` groups, each the best of `starts`.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn of(points: &Points, most: usize, starts: usize, seed: u64, job: &Job) -> Result<Self, Cancelled> {
        let mut curves = Self::default();
        for groups in 1..=most.min(points.len()) {
            job.check()?;
            let clustering = k_means(points, groups, if groups == 1 { 1 } else { starts }, seed, job)?;
            curves.sse.push(clustering.sse);
            curves.silhouette.push(mean_silhouette(points, &clustering));
            curves.clusterings.push(clustering);
        }
        Ok(curves)
    }

    /// The bend of the errors.
    pub fn elbow(&self) -> Option<Elbow> {
        elbow(&self.sse)
    }

    /// Whether the points are not all the same.
    pub fn differ(&self) -> bool {
        self.sse.first().is_some_and(|sse| *sse > 1e-6)
    }

    /// The number of groups with the highest silhouette, where the one after it is lower by `share`.
    pub(super) fn silhouette_peak(&self, share: f64) -> Option<usize> {
        let (at, highest) = self.silhouette.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        let next = self.silhouette.get(at + 1)?;
        (*next < (1.0 - share) * highest).then_some(at + 1)
    }
}
