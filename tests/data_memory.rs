//! What hostile files cost in memory. One test, alone in its process: it reads how much memory the process has had.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use hydra_studio::data::{ColumnMap, import};
use hydra_studio::job::Job;

/// The most memory that the process has had so far, in MiB.
fn high_water() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

fn write(path: &Path, parts: &[(&str, usize)]) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for (part, times) in parts {
        (0..*times).for_each(|_| file.write_all(part.as_bytes()).unwrap());
    }
    file.flush().unwrap();
}

#[test]
fn a_line_of_200_megabytes_and_a_bomb_cost_little_memory_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let megabyte = "x".repeat(1 << 20);
    let row = "{\"question\":\"Why?\",\"answer\":\"So.\"}\n";
    let long = "{\"question\":\"Why?\",\"answer\":\"";
    write(&path("line.jsonl"), &[(row, 1), (long, 1), (&megabyte, 200), ("\"}\n", 1), (row, 1)]);
    write(&path("quoted.csv"), &[("question,answer\nWhy?,\"", 1), (&megabyte, 60), ("\"\nWho?,Ann\n", 1)]);
    write(&path("one.json"), &[("[", 1), (long, 1), (&megabyte, 60), ("\"},", 1), (row, 1), ("]", 1)]);
    write(&path("under.json"), &[("{\"note\":\"", 1), (&megabyte, 60), ("\",\"data\":[", 1), (row, 1), ("]}", 1)]);
    write(
        &path("lists.json"),
        &[("{\"question\":[\"Why?\"],\"filler\":[\"", 1), (&megabyte, 60), ("\"],\"answer\":[\"So.\"]}", 1)],
    );
    let mut bomb =
        flate2::write::GzEncoder::new(File::create(path("bomb.jsonl.gz")).unwrap(), flate2::Compression::default());
    (0..400).for_each(|_| bomb.write_all(megabyte.as_bytes()).unwrap());
    bomb.finish().unwrap();

    let before = high_water();
    for (name, kept) in [
        ("line.jsonl", Some(2)),
        ("quoted.csv", Some(1)),
        ("one.json", Some(1)),
        ("under.json", Some(1)),
        ("lists.json", None),
        ("bomb.jsonl.gz", None),
    ] {
        let started = Instant::now();
        let result = import(&[path(name)], &ColumnMap::default(), &Job::silent());
        let (took, used) = (started.elapsed(), high_water() - before);
        match (kept, result) {
            (Some(kept), result) => assert_eq!(result.unwrap().examples.len(), kept, "{name}"),
            (None, result) => assert!(result.unwrap_err().to_string().contains(name)),
        }
        assert!(took < Duration::from_secs(30), "{name} took {took:?}");
        assert!(used < 150, "{name} took {used} MiB");
    }
}
