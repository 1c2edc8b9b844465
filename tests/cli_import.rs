//! `hydra-studio import` and what all commands share, through the real program.

mod common;

use common::{Program, json_lines};
use serde_json::json;

const ROWS: &str = r#"{"question":"When do you open?","answer":"At nine.","topic":"hours"}
{"question":"Do you deliver?","answer":"  "}
{"question":"Where are you?","answer":"By the church.","topic":"place"}
"#;

#[test]
fn an_import_tells_what_was_detected_kept_and_dropped() {
    let program = Program::new();
    program.write("faq.jsonl", ROWS);
    let told = program.run(&["import", "faq.jsonl"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("question/answer"), "{told:?}");
    assert!(told.stdout.contains("faq.jsonl:2"), "{told:?}");
    assert!(told.stdout.contains("2 of 3 rows kept, 1 dropped."), "{told:?}");
}

#[test]
fn an_import_in_json_is_one_object_a_line_and_ends_with_done() {
    let program = Program::new();
    program.write("faq.jsonl", ROWS);
    let told = program.run(&["import", "faq.jsonl", "--json"]);
    assert_eq!(told.code, 0, "{told:?}");
    let events = json_lines(&told.stdout);
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(names, ["file", "dropped", "done"]);
    assert_eq!((&events[1]["file"], &events[1]["line"]), (&json!("faq.jsonl"), &json!(2)));
    assert!(!events[1]["reason"].as_str().unwrap().is_empty());
    let done = &events[2];
    assert_eq!((&done["rows"], &done["kept"], &done["dropped"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!(done["format"], "question/answer");
    assert_eq!(done["mapping"], json!({"prompt": "question", "response": "answer", "topic": "topic"}));
}

#[test]
fn each_file_tells_how_sure_its_shape_is_and_dropped_rows_come_in_their_order() {
    let program = Program::new();
    program.write("faq.tsv", "question\tanswer\tresponse\nWhy?\tSo.\tWell.\nWho?\t\t\n");
    program.write("tale.txt", "Once upon a time.\n\nThe end.\n");
    program.write("more.jsonl", ROWS);
    let told = program.run(&["import", "faq.tsv", "tale.txt", "more.jsonl", "--json"]);
    assert_eq!(told.code, 0, "{told:?}");
    let events = json_lines(&told.stdout);
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).cloned().collect::<Vec<_>>();
    let files: Vec<_> = named("file").iter().map(|event| (event["sure"].clone(), event["format"].clone())).collect();
    let expected = [("likely", "question/answer"), ("certain", "text"), ("certain", "question/answer")];
    assert_eq!(files, expected.map(|(sure, format)| (json!(sure), json!(format))));
    let dropped: Vec<_> = named("dropped").iter().map(|event| (event["file"].clone(), event["line"].clone())).collect();
    assert_eq!(dropped, [(json!("faq.tsv"), json!(3)), (json!("more.jsonl"), json!(2))]);
    let done = events.last().unwrap();
    assert_eq!((&done["event"], &done["dropped"], &done["format"]), (&json!("done"), &json!(2), &json!("mixed")));
}

#[test]
fn columns_named_by_hand_are_taken() {
    let program = Program::new();
    program.write("shop.csv", "Frage,Antwort\nWann öffnen Sie?,Um neun.\n");
    assert_eq!(program.run(&["import", "shop.csv"]).code, 1);
    let told = program.run(&["import", "shop.csv", "--json", "--map", "prompt=Frage", "--map", "response=Antwort"]);
    assert_eq!(told.code, 0, "{told:?}");
    let done = json_lines(&told.stdout).pop().unwrap();
    assert_eq!(done["kept"], 1);
    assert_eq!(done["mapping"], json!({"prompt": "Frage", "response": "Antwort"}));
}

#[test]
fn files_of_different_shapes_are_told_one_by_one() {
    let program = Program::new();
    program.write("faq.jsonl", ROWS);
    program.write("more.json", r#"[{"instruction":"Add.","input":"1 + 1","output":"2"}]"#);
    let told = program.run(&["import", "faq.jsonl", "more.json", "--json"]);
    let events = json_lines(&told.stdout);
    let formats: Vec<_> =
        events.iter().filter(|event| event["event"] == "file").map(|event| &event["format"]).collect();
    assert_eq!(formats, ["question/answer", "alpaca"]);
    let done = events.last().unwrap();
    assert_eq!((&done["format"], &done["mapping"]), (&json!("mixed"), &json!({})));
}

#[test]
fn a_file_that_is_not_there_is_refused_with_its_name() {
    let told = Program::new().run(&["import", "nowhere.csv", "--json"]);
    assert_eq!(told.code, 1, "{told:?}");
    let events = json_lines(&told.stdout);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event"], "error");
    assert!(events[0]["message"].as_str().unwrap().contains("nowhere.csv"), "{told:?}");
    assert!(told.stderr.starts_with("error: "), "{told:?}");
}

#[test]
fn one_part_mapped_to_two_columns_is_refused() {
    let program = Program::new();
    program.write("faq.jsonl", ROWS);
    let told = program.run(&["import", "faq.jsonl", "--map", "prompt=question", "--map", "prompt=answer"]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.stderr.contains("prompt"), "{told:?}");
}

#[test]
fn a_wrong_command_line_ends_with_code_2_and_says_nothing_on_stdout() {
    let program = Program::new();
    for arguments in
        [&["import"][..], &["import", "a.csv", "--map", "answer=A"], &["fly"], &["import", "--fly", "a.csv"]]
    {
        let told = program.run(arguments);
        assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{told:?}");
        assert!(!told.stderr.is_empty(), "{told:?}");
    }
}

#[test]
fn help_and_version_are_results() {
    let program = Program::new();
    let help = program.run(&["help", "import"]);
    assert_eq!(help.code, 0, "{help:?}");
    assert!(help.stdout.contains("hydra-studio import faq.csv"), "{help:?}");
    let version = program.run(&["--version"]);
    assert_eq!(version.stdout, format!("hydra-studio {}\n", env!("CARGO_PKG_VERSION")));
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let program = Program::new();
    program.write("faq.jsonl", ROWS);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let told = program.run_into(&["import", "faq.jsonl"], full.into());
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.stderr.contains("standard output"), "{told:?}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let program = Program::new();
    program.write("faq.jsonl", ROWS);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let told = program.run_into(&["import", "faq.jsonl"], writer.into());
    assert_eq!(told.code, 0, "{told:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_an_import_with_code_130() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    let program = Program::new();
    let pipe = program.folder().join("faq.jsonl");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = program.command(&["import", "faq.jsonl", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Opening gives back only when the program reads at the other end: then its handler is in place.
    let mut rows = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    rows.write_all(ROWS.as_bytes()).unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    stderr.read_line(&mut told).unwrap();
    assert!(told.contains("Ctrl-C again"), "{told}");
    // It looks up every so many rows, and leaves the rest unread.
    let _ = rows.write_all(ROWS.repeat(1000).as_bytes());
    drop(rows);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(json_lines(&String::from_utf8(output.stdout).unwrap())[0]["event"], "interrupted");
}
