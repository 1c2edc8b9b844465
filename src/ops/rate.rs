//! How fast the machine multiplies: the measure that every other speed is held against.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::mat::{Into, Mat, Threads, product};

/// A product is repeated at least so many times, and until so much time has passed.
const REPETITIONS: usize = 5;
const AT_LEAST: Duration = Duration::from_millis(200);

/// Floating-point operations a second of the f32 product `[m, k] · [n, k]ᵀ` on all threads, laid out as for a frozen
/// projection of `k` inputs and `n` outputs. The best of several repetitions, since whatever else the machine does can
/// only make one slower; 0 where a size is 0.
pub fn gemm_rate(m: usize, n: usize, k: usize) -> f64 {
    let operations = 2.0 * m as f64 * n as f64 * k as f64;
    if operations == 0.0 {
        return 0.0;
    }
    // Not constant, and far from the small numbers that processors are slow at.
    let numbers = |len: usize| (0..len).map(|i| 0.5 + (i % 61) as f32 / 61.0).collect::<Vec<f32>>();
    let (a, b, mut out) = (numbers(m * k), numbers(n * k), vec![0f32; m * n]);
    let mut once = || {
        let started = Instant::now();
        product(&mut out, n, Into::Overwrite, 1.0, Mat::new(&a, m, k), Mat::new(&b, n, k).t(), Threads::All);
        black_box(&out);
        started.elapsed()
    };
    // The first pays for pages that were never touched and threads that sleep.
    once();
    let (started, mut best, mut done) = (Instant::now(), Duration::MAX, 0);
    while done < REPETITIONS || started.elapsed() < AT_LEAST {
        best = best.min(once());
        done += 1;
    }
    operations / best.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_a_computer() {
        let rate = gemm_rate(64, 48, 32);
        assert!(rate > 1e6 && rate < 1e14, "{rate}");
        assert_eq!(gemm_rate(0, 48, 32), 0.0);
    }
}
