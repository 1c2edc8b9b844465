//! How long topics take: `cargo bench --bench topics`, or `-- FILE` for one text a line of your own.
//!
//! 15,000 examples of six topics and a stock of common words, for 1 to 10 groups with errors and silhouettes, resamples and a
//! shuffled corpus: budget 5 s on two idle cores, so that beside the time stands the processor time. Then the map of 2,000 of
//! them, trials, and density. With `HYDRA_LARGE=1` also 200,000 examples.

use std::time::Instant;

use hydra_studio::cluster::{Corpus, FindTopics, principal_map, refine_map};
use hydra_studio::job::{Cancelled, Job};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const EXAMPLES: usize = 15_000;
const LARGE: usize = 200_000;
/// Most that the examples may take, in seconds.
const BUDGET_S: f64 = 5.0;
const TOPICS: usize = 6;

/// Texts of 30 to 150 words, drawn as languages draw theirs: few words stand everywhere, most are rare. Two in three are
/// of the text's topic.
fn texts(count: usize) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let text = |i: usize| {
        let words = rng.random_range(30..150);
        let word = |rng: &mut ChaCha8Rng| {
            let rank = (rng.random::<f64>() * 9.2).exp() as usize;
            if rng.random_range(0..3) == 0 { format!("common{rank}") } else { format!("topic{}word{rank}", i % TOPICS) }
        };
        (0..words).map(|_| word(&mut rng)).collect::<Vec<_>>().join(" ")
    };
    (0..count).map(text).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let texts = match &file {
        Some(file) => std::fs::read_to_string(file)?.lines().map(str::to_owned).collect(),
        None => texts(EXAMPLES),
    };
    let seconds = measure(&texts)?;
    if file.is_none() {
        let verdict = if seconds <= BUDGET_S { "within" } else { "beyond" };
        println!("{verdict} the budget of {BUDGET_S} s");
    }
    if std::env::var_os("HYDRA_LARGE").is_some() {
        measure(&self::texts(LARGE))?;
    }
    Ok(())
}

/// Measures everything on `texts`; gives back what finding topics took, in seconds.
fn measure(texts: &[String]) -> Result<f64, Cancelled> {
    let (job, wanted) = (Job::silent(), FindTopics::default());
    let megabytes = texts.iter().map(String::len).sum::<usize>() as f64 / 1e6;
    let cpu = cpu_time_s();
    let mut began = Instant::now();
    let mut lap = || std::mem::replace(&mut began, Instant::now()).elapsed().as_secs_f64();
    let corpus = Corpus::read(texts, wanted.seed, &job)?;
    let read = lap();
    let topics = corpus.topics(&wanted, &job)?;
    let found = lap();
    println!(
        "{} examples, {megabytes:.1} MB: words and directions {read:.2} s, groups of 1 to {} {found:.2} s, in all {:.2} s, {:.2} s of processor \
         time; {}",
        texts.len(),
        wanted.most,
        read + found,
        cpu_time_s() - cpu,
        topics.advice.sentence
    );
    let (_, points) = corpus.sample(20_000, wanted.seed);
    lap();
    let start = principal_map(&points);
    let principal = lap();
    refine_map(&points, &start, wanted.seed, &job, &mut |_, _| {})?;
    let map = lap();
    let dense = corpus.dense_groups(wanted.seed, &job)?;
    let density = lap();
    corpus.trials(wanted.most, wanted.seed, &job)?;
    println!(
        "  principal map {principal:.2} s, t-SNE {map:.2} s, {} dense groups {density:.2} s, trials {:.2} s",
        dense.groups,
        lap()
    );
    Ok(read + found)
}

/// Processor time of all threads, in seconds.
#[cfg(unix)]
fn cpu_time_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Not known here.
#[cfg(not(unix))]
fn cpu_time_s() -> f64 {
    f64::NAN
}
