//! What an import of a million rows takes: `cargo bench --bench import`. Printed are seconds, the peak of the process's
//! memory, and how soon the first rows were there; the budget is 10 s, 500 MB and 1 s.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use hydra_studio::data::{ColumnMap, import_showing, split};
use hydra_studio::job::Job;

fn main() {
    // `cargo test` runs benches to see that they work.
    let rows = if std::env::args().any(|argument| argument == "--bench") { 1_000_000 } else { 1_000 };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    write(&path, rows).unwrap();
    let bytes = path.metadata().unwrap().len();
    let start = Instant::now();
    let mut first_s = 0.0;
    let shown = |_: &[_]| first_s = start.elapsed().as_secs_f64();
    let import = import_showing(&[path], &ColumnMap::default(), &Job::silent(), shown).unwrap();
    let import_s = start.elapsed().as_secs_f64();
    let held_out = split(&import.examples, 0.05, 42).held_out.len();
    let split_s = start.elapsed().as_secs_f64() - import_s;
    println!("{rows} rows of {:.0} MB: first rows after {first_s:.3} s, all after {import_s:.2} s", bytes as f64 / 1e6);
    println!("{held_out} held out in {split_s:.2} s more; peak memory {}", peak());
    assert_eq!(import.examples.len(), rows);
}

/// Questions and answers of about 290 bytes a row, of words that repeat as words do.
fn write(path: &Path, rows: usize) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut state = 1_u64;
    let mut word = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("w{}", (state >> 33) % 3000)
    };
    for row in 0..rows {
        let mut text = |words: usize| (0..words).map(|_| word()).collect::<Vec<_>>().join(" ");
        let (question, answer) = (text(18), text(25));
        writeln!(out, "{{\"question\": \"{question}\", \"answer\": \"{answer}\", \"topic\": \"t{}\"}}", row % 5)?;
    }
    out.flush()
}

/// Where the system tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or("not told by this system".into(), |kib| format!("{:.0} MB", kib * 1024.0 / 1e6))
}
