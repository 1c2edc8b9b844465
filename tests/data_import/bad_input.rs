//! Files that are damaged, hostile or not what they seem: a clear message, in time.

use std::io::Write;
use std::time::{Duration, Instant};

use super::*;

/// More than any of these needs; what runs away takes minutes.
const IN_TIME: Duration = Duration::from_secs(30);

fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    result
}

#[test]
fn a_table_of_ten_thousand_columns_is_read_and_its_message_stays_short() {
    let names: Vec<String> = (0..10_000).map(|column| format!("measured value number {column}")).collect();
    let values = vec!["1"; 10_000].join(",");
    let table = |first: &str| format!("{first},{}\n{}", names.join(","), format!("Why?,So.,{values}\n").repeat(20));
    let import = in_time(|| read("a.csv", table("question,answer"))).unwrap();
    assert_eq!(import.examples.len(), 20);
    assert!(import.files[0].explanation.len() < 2000, "{}", import.files[0].explanation);
    let refused = in_time(|| refusal("a.csv", table("Frage,Antwort")));
    assert!(refused.contains("and 9978 more") && refused.len() < 3000, "{refused}");
    let folder = Folder::new().with("a.csv", table("Frage,Antwort"));
    let map = mapped(&[("prompt", "Frage"), ("response", "measured value number 9999")]);
    let import = in_time(|| folder.import("a.csv", &map)).unwrap();
    assert_eq!(spoken(&import.examples.get(19).unwrap()), ["user: Why?", "assistant: 1"]);
}

#[test]
fn nesting_ten_thousand_deep_is_no_danger_in_any_form() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = open.repeat(10_000) + "1" + &close.repeat(10_000);
        for text in [
            deep.clone(),
            format!("[{deep}]"),
            format!("{{\"data\":[{deep}]}}"),
            format!("{{\"question\":{deep},\"answer\":{deep}}}"),
            open.repeat(10_000),
        ] {
            for name in ["a.json", "a.jsonl"] {
                let message = in_time(|| refusal(name, &text));
                assert!(!message.is_empty());
            }
        }
    }
}

#[test]
fn a_bomb_is_refused_and_a_packed_file_that_is_cut_or_damaged_too() {
    let zeros = vec![b' '; 1 << 20];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    (0..400).for_each(|_| packed.write_all(&zeros).unwrap());
    let bomb = packed.finish().unwrap();
    for name in ["a.jsonl.gz", "a.csv.gz", "a.parquet.gz"] {
        let message = in_time(|| refusal(name, &bomb));
        assert!(message.contains("256 MB") && message.contains("200 times"), "{name}: {message}");
    }
    let mut packed = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    (0..400).for_each(|_| packed.write_all(&zeros).unwrap());
    let message = in_time(|| refusal("a.jsonl.zst", packed.finish().unwrap()));
    assert!(message.contains("256 MB"), "{message}");

    let rows = format!("{GOOD}\n").repeat(1000);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(rows.as_bytes()).unwrap();
    let whole = packed.finish().unwrap();
    assert!(refusal("a.jsonl.gz", &whole[..whole.len() - 9]).contains("cut short"));
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    assert!(refusal("a.jsonl.gz", damaged).contains("damaged"));
    let packed = zstd::encode_all(rows.as_bytes(), 1).unwrap();
    assert!(refusal("a.jsonl.zst", &packed[..packed.len() - 5]).contains("cut short"));
    assert!(refusal("a.jsonl.gz", GOOD).contains("packed with gzip, but it is not"));
    let told = read("a.jsonl.gz", packed).unwrap().files[0].explanation.clone();
    assert!(told.contains("packed with zstd, though its name does not say so"), "{told}");
}

#[test]
fn a_file_that_is_something_else_is_named() {
    for (content, what) in [
        (&b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"[..], "git lfs pull"),
        (b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", "web page"),
        (b"\n<HTML>\n", "web page"),
        (b"<?xml version=\"1.0\"?><rows/>", "XML"),
        (b"PK\x03\x04\x14\0\x06\0", ".xlsx"),
        (b"PAR1\x15\x04\x15\x10", "Parquet"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "Office"),
        (b"SQLite format 3\0\x10\0", "SQLite"),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "NUL"),
    ] {
        for name in ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.txt"] {
            let message = refusal(name, content);
            assert!(message.contains(what), "{name}: {message}");
        }
    }
    for name in ["a.parquet", "a.xlsx", "a.jsonl.gz"] {
        assert!(
            refusal(name, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n").contains("git lfs pull"),
            "{name}"
        );
        assert!(refusal(name, "<!doctype html><html>").contains("web page"), "{name}");
    }
}

#[test]
fn empty_files_and_blank_lines_are_said_to_hold_nothing() {
    for name in
        ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.txt", "a.md", "a.parquet", "a.xlsx", "a.jsonl.gz", "a.csv.zst"]
    {
        assert!(refusal(name, "").contains("no rows"), "{name}");
    }
    for name in ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.txt", "a.md"] {
        assert!(refusal(name, "\n\r\n   \n\n").contains("no rows"), "{name}");
    }
    assert!(refusal("a.json", "{}").contains("a.json"));
    assert!(refusal("a.json", r#"{"data":[]}"#).contains("a.json"));
    assert!(refusal("a.json", r#"{"question":[],"answer":[]}"#).contains("no rows"));
}

#[test]
fn nul_bytes_and_lone_surrogates_cost_their_row() {
    let with_nul = GOOD.replace("Why", "W\0y");
    let rows = dropped("a.jsonl", format!("{GOOD}\n{with_nul}\n{}\n", GOOD.replace("Why", r"W\ud83dy")));
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
    assert!(rows[0].1.contains("NUL byte"), "{}", rows[0].1);
    assert!(rows[1].1.contains("surrogate"), "{}", rows[1].1);
    let rows = dropped("a.csv", "question,answer\nW\0y?,So.\nWho?,Ann\n");
    assert!(rows[0].1.contains("NUL byte"), "{}", rows[0].1);
    // Halves of pairs that were written out as if they were characters.
    let halves = [b"{\"question\":\"\xed\xa0\xbd\",\"answer\":\"x\"}\n", GOOD.as_bytes()].concat();
    assert!(dropped("a.jsonl", halves)[0].1.contains("UTF-8"));
    let utf16: Vec<u8> = [0xfeff, 0xd83d, 0x0041].into_iter().flat_map(u16::to_le_bytes).collect();
    assert!(read("a.txt", utf16).unwrap().files[0].explanation.contains("broken characters"));
}

#[test]
fn any_script_is_kept_as_it_is() {
    for (question, answer) in [
        ("🎉🎉🎉", "👩‍👩‍👧‍👦🏳️‍🌈"),
        ("متى تفتحون؟", "في التاسعة."),
        ("מתי?", "‏בתשע"),
        ("何時に開きますか", "九時です。"),
        ("เปิดกี่โมง", "เก้าโมง"),
    ] {
        let row = serde_json::json!({ "question": question, "answer": answer }).to_string();
        let said = [format!("user: {question}"), format!("assistant: {answer}")];
        assert_eq!(only("a.jsonl", &row).1, said);
        assert_eq!(only("a.json", format!("[{row}]")).1, said);
        assert_eq!(only("a.csv", format!("question,answer\n{question},{answer}\n")).1, said);
        let utf16 = |text: String| {
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
        };
        assert_eq!(only("a.tsv", utf16(format!("question\tanswer\n{question}\t{answer}\n"))).1, said);
    }
}

#[test]
fn one_row_and_a_hundred_thousand_alike_are_read() {
    let one = read("a.jsonl", GOOD).unwrap();
    assert_eq!(one.examples.len(), 1);
    let import = in_time(|| read("a.jsonl", format!("{GOOD}\n").repeat(100_000))).unwrap();
    assert_eq!((import.examples.len(), import.examples.get(99_999).unwrap().source.line), (100_000, 100_000));
    let packed = zstd::encode_all(format!("{GOOD}\n").repeat(100_000).as_bytes(), 3).unwrap();
    assert_eq!(in_time(|| read("a.jsonl.zst", &packed)).unwrap().examples.len(), 100_000, "{} bytes", packed.len());
}

/// What comes of a file that is changed by `change` when the import first tells how far it is.
fn changed_meanwhile(change: impl Fn(&std::path::Path) + Send + Sync + 'static) -> Result<Import, DataError> {
    let folder = Folder::new().with("a.jsonl", format!("{GOOD}\n").repeat(20_000));
    let path = folder.path("a.jsonl");
    let (target, once) = (path.clone(), std::sync::Once::new());
    let job = Job::new(move |progress| {
        if progress.share.is_some_and(|share| share > 0.0) {
            once.call_once(|| change(&target));
        }
    });
    in_time(|| import(&[path], &ColumnMap::default(), &job))
}

#[test]
fn a_file_that_grows_shrinks_or_vanishes_while_it_is_read_is_refused() {
    let append = |path: &std::path::Path| {
        std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(format!("{GOOD}\n").as_bytes()).unwrap();
    };
    let shrink =
        |path: &std::path::Path| std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap();
    let remove = |path: &std::path::Path| std::fs::remove_file(path).unwrap();
    for refused in [changed_meanwhile(append), changed_meanwhile(shrink), changed_meanwhile(remove)] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, DataError::Changed { .. }), "{refused}");
    }
    assert_eq!(changed_meanwhile(|_| {}).unwrap().rows, 20_000);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_refused_by_name() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    for name in ["a.jsonl", "a.xlsx", "a.parquet"] {
        std::fs::write(folder.path(name), GOOD).unwrap();
        std::fs::set_permissions(folder.path(name), std::fs::Permissions::from_mode(0o000)).unwrap();
        // Whoever may read everything is not stopped.
        if std::fs::File::open(folder.path(name)).is_err() {
            let message = folder.import(name, &ColumnMap::default()).unwrap_err().to_string();
            assert!(message.contains("may open it") && message.contains(name), "{message}");
        }
    }
}

#[test]
fn a_folder_with_the_name_of_a_file_is_taken_as_a_folder() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("a.jsonl")).unwrap();
    assert!(matches!(folder.import("a.jsonl", &ColumnMap::default()), Err(DataError::EmptyFolder { .. })));
}
