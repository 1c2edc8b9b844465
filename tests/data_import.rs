//! Files go in through the door that the window and the command line use, good ones and bad ones.

#[path = "data_import/bad_input.rs"]
mod bad_input;
#[path = "data_import/binary.rs"]
mod binary;
#[path = "data_import/folders.rs"]
mod folders;
#[path = "data_import/kinds.rs"]
mod kinds;
#[path = "data_import/mapping.rs"]
mod mapping;
#[path = "data_import/shapes.rs"]
mod shapes;
#[path = "data_import/tables.rs"]
mod tables;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hydra_studio::data::{ColumnMap, DataError, Example, Import, Role, Shape, import, import_with_texts};
use hydra_studio::job::Job;

/// A folder with files, gone when dropped.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), content).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn import(&self, name: &str, map: &ColumnMap) -> Result<Import, DataError> {
        import(&[self.path(name)], map, &Job::silent())
    }
}

fn read(name: &str, content: impl AsRef<[u8]>) -> Result<Import, DataError> {
    Folder::new().with(name, content).import(name, &ColumnMap::default())
}

fn refusal(name: &str, content: impl AsRef<[u8]>) -> String {
    let message = read(name, content).unwrap_err().to_string();
    assert!(message.contains(name), "the message names no file: {message}");
    message
}

fn mapped(entries: &[(&str, &str)]) -> ColumnMap {
    let column = |part: &str| entries.iter().find(|(name, _)| *name == part).map(|(_, column)| (*column).to_owned());
    ColumnMap {
        prompt: column("prompt"),
        response: column("response"),
        context: column("context"),
        system: column("system"),
        topic: column("topic"),
    }
}

/// All messages of an example as `role: content`.
fn spoken(example: &Example) -> Vec<String> {
    let role = |role| match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    example.messages.iter().map(|message| format!("{}: {}", role(message.role), message.content)).collect()
}

/// Shape, messages and topic of the only row.
fn only(name: &str, content: impl AsRef<[u8]>) -> (Shape, Vec<String>, Option<String>) {
    let import = read(name, content).unwrap();
    assert_eq!((import.rows, import.dropped.len()), (1, 0), "{:?}", import.dropped);
    (import.files[0].shape, spoken(&import.examples.get(0).unwrap()), import.examples.get(0).unwrap().topic.clone())
}

/// Line and reason of every dropped row, where the other rows were kept.
fn dropped(name: &str, content: impl AsRef<[u8]>) -> Vec<(usize, String)> {
    let import = read(name, content).unwrap();
    assert_eq!(import.rows, import.examples.len() + import.dropped.len());
    assert!(import.dropped.iter().all(|row| row.unwrap().source.file.ends_with(name)));
    import.dropped.iter().map(Result::unwrap).map(|row| (row.source.line, row.reason)).collect()
}

const GOOD: &str = r#"{"question":"Why?","answer":"Because."}"#;

#[test]
fn every_shape_becomes_messages() {
    let alpaca =
        r#"{"instruction":"Add.","input":"1 and 2","output":"3","system":"Be brief","history":[["Hi","Hello"]]}"#;
    let said = ["system: Be brief", "user: Hi", "assistant: Hello", "user: Add.\n\n1 and 2", "assistant: 3"];
    assert_eq!(only("a.jsonl", alpaca), (Shape::Alpaca, said.map(String::from).to_vec(), None));

    let pair = |question: &str, answer: &str| vec![format!("user: {question}"), format!("assistant: {answer}")];
    let dolly = r#"{"instruction":"Who?","context":"Ann won.","response":"Ann","category":"closed_qa"}"#;
    assert_eq!(only("a.jsonl", dolly), (Shape::Dolly, pair("Who?\n\nAnn won.", "Ann"), Some("closed_qa".into())));

    let messages = r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"}]}"#;
    assert_eq!(only("a.jsonl", messages), (Shape::Messages, pair("Hi", "Yes"), None));

    let sharegpt =
        r#"{"id":"1","conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Yes"}],"system":"S"}"#;
    let (shape, said, _) = only("a.jsonl", sharegpt);
    assert_eq!((shape, said), (Shape::ShareGpt, [vec!["system: S".into()], pair("Hi", "Yes")].concat()));

    assert_eq!(
        only("a.jsonl", r#"{"prompt":"Hi","completion":"Yes"}"#),
        (Shape::PromptCompletion, pair("Hi", "Yes"), None)
    );
    let lists = r#"{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Yes"}]}"#;
    assert_eq!(only("a.jsonl", lists), (Shape::PromptCompletion, pair("Hi", "Yes"), None));

    assert_eq!(only("a.jsonl", r#"{"problem":"1+1","solution":2}"#), (Shape::QuestionAnswer, pair("1+1", "2"), None));
    let choice = r#"{"subject":"law","question":"Which?","choices":["this","that"],"answer":"B"}"#;
    assert_eq!(
        only("a.jsonl", choice),
        (Shape::MultipleChoice, pair("Which?\n\nA. this\nB. that", "B"), Some("law".into()))
    );
}

#[test]
fn an_instruction_is_followed_by_the_texts_it_speaks_of() {
    let plain = r#"{"task":"hearsay","license":"CC BY 4.0","instruction":"Is it hearsay?","text":"He said so.","answer":"Yes"}"#;
    let (shape, said, topic) = only("a.jsonl", plain);
    assert_eq!((shape, topic.as_deref()), (Shape::InstructionAnswer, Some("hearsay")));
    assert_eq!(said, ["user: Is it hearsay?\n\nHe said so.", "assistant: Yes"]);

    let several = r#"{"task":"t","instruction":"Answer.","policy":"House only.","claim":"A car burnt.","seen":"True",
        "year":"2010","license":"MIT","copy":"House only.","answer":"No"}"#;
    let (_, said, _) = only("a.json", several);
    assert_eq!(said[0], "user: Answer.\n\npolicy: House only.\n\nclaim: A car burnt.");
}

#[test]
fn an_instruction_is_not_followed_by_labels_other_answers_or_what_gives_the_answer_away() {
    let row = r#"{"id":"a-17","instruction":"Is it hearsay?","category":"law","subject":"evidence","text":"He said so.",
        "question_id":"q 9","Case ID":"c 3","author":"Ann","explanation":"He repeats another's words.",
        "solution":"It is.","gold":"Yes, it is","difficulty":"easy","answer":"Yes, it is"}"#;
    let (_, said, topic) = only("a.json", row);
    assert_eq!((said[0].as_str(), topic.as_deref()), ("user: Is it hearsay?\n\nHe said so.", Some("law")));
    let folder = Folder::new().with("a.json", row);
    let import = folder.import("a.json", &mapped(&[("topic", "difficulty")])).unwrap();
    assert_eq!(spoken(&import.examples.get(0).unwrap())[0], said[0], "a label that is not the topic is still a label");
}

#[test]
fn an_answer_that_counts_choices_becomes_their_letter() {
    let rows = dropped(
        "a.jsonl",
        r#"{"subject":"algebra","question":"2+2?","choices":["3","4","5","0"],"answer":1}
{"question":"2+3?","choices":["3","4","5","6"],"answer":4}
{"question":"No choice?","choices":[],"answer":1}
{"question":"None at all?","choices":null,"answer":"1"}"#,
    );
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2]);
    assert!(rows[0].1.contains("4 points to none of the 4 choices"), "{}", rows[0].1);
    let row = r#"{"question":"2+2?","choices":["3","4","5","0"],"answer":1}"#;
    assert_eq!(only("a.jsonl", row).1, ["user: 2+2?\n\nA. 3\nB. 4\nC. 5\nD. 0", "assistant: B"]);
    assert_eq!(only("a.jsonl", r#"{"question":"1+0?","choices":[],"answer":1}"#).1, ["user: 1+0?", "assistant: 1"]);
}

#[test]
fn the_explanation_says_what_was_seen_and_what_was_left_aside() {
    let import = read("a.jsonl", r#"{"Question":"Why?","answer":"So.","url":"x","topic":"t"}"#).unwrap();
    let file = &import.files[0];
    assert_eq!(
        file.explanation,
        "Read as question/answer, because there are the columns \"Question\" and \"answer\"; the question is \"Question\", \
         the answer is \"answer\"; \"topic\" is the topic; not used: \"url\". This is certain: the one row that was looked at is laid out so."
    );
    assert_eq!(file.columns, ["Question", "answer", "url", "topic"]);
    assert_eq!(file.mapping.get("prompt").map(String::as_str), Some("Question"));
    assert_eq!((file.rows, file.kept), (1, 1));
}

#[test]
fn broken_json_on_a_line_drops_that_row() {
    let rows = dropped("a.jsonl", format!("{GOOD}\n\n{{\"question\":\"é\" \"answer\":1}}\n[1]\n{GOOD}"));
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4]);
    assert!(rows[0].1.starts_with("broken JSON at column 17: expected"), "{}", rows[0].1);
    assert!(rows[1].1.contains("a list"), "{}", rows[1].1);
}

#[test]
fn elements_of_an_array_know_their_lines() {
    let text =
        format!("\u{feff}[\r\n  {GOOD},\r\n\r\n {{\"question\": \"]}}\\\"\",\r\n  \"answer\": oops}}, 7,\n{GOOD}\n]\n");
    let import = read("a.json", &text).unwrap();
    assert_eq!((0..import.examples.len()).map(|index| import.examples.source(index).line).collect::<Vec<_>>(), [2, 6]);
    let rows = dropped("a.json", &text);
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 5]);
    assert!(rows[0].1.starts_with("broken JSON on line 5, column 13"), "{}", rows[0].1);
}

#[test]
fn an_array_in_jsonl_and_lines_in_json_are_read_as_what_they_are() {
    assert_eq!(read("a.jsonl", format!("[{GOOD},\n{GOOD}]")).unwrap().examples.len(), 2);
    assert_eq!(read("a.json", format!("{GOOD}\n{GOOD}\n")).unwrap().examples.len(), 2);
}

#[test]
fn lines_may_end_as_on_old_macs_and_lists_may_begin_with_a_tab() {
    let rows = dropped("a.jsonl", format!("{GOOD}\r\r{{\"question\"}}\r{GOOD}"));
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3]);
    let rows = dropped("a.json", format!("[{GOOD},\r{{\"question\":\r\"Why?\" \"So.\"}}]"));
    assert_eq!(rows[0].0, 2);
    assert!(rows[0].1.starts_with("broken JSON on line 3, column 8"), "{}", rows[0].1);
    for name in ["a.json", "a.jsonl"] {
        assert_eq!(read(name, format!("\t\n\t[\t{GOOD}]\t")).unwrap().examples.get(0).unwrap().source.line, 2);
    }
}

#[test]
fn an_array_that_is_cut_short_is_refused_with_the_line() {
    assert!(refusal("a.json", format!("[{GOOD},\n{{\"question\": \"Why")).contains("line 2"));
    assert!(refusal("a.json", format!("[{GOOD},")).contains("cut short"));
}

#[test]
fn text_behind_the_end_of_an_array_is_not_lost_unsaid() {
    assert_eq!(dropped("a.json", format!("[{GOOD}]\n{GOOD}"))[0].0, 2);
}

#[test]
fn a_row_that_is_not_utf8_is_dropped_with_its_line() {
    let bad = b"{\"question\":\"Why\xff?\",\"answer\":\"\xc3\xa9\"}";
    let lines = [GOOD.as_bytes(), b"\n", bad, b"\n", GOOD.as_bytes()].concat();
    assert_eq!(dropped("a.jsonl", &lines)[0].0, 2);
    let array = [b"[", GOOD.as_bytes(), b",\n", bad, b"]"].concat();
    assert_eq!(dropped("a.json", &array)[0].0, 2);
    let rows = dropped("a.csv", b"question,answer\nWhy\xe9?,So.\nWho?,\xc3\x84nn\n");
    assert_eq!(rows[0].0, 2);
    assert!(rows[0].1.contains("UTF-8"), "{}", rows[0].1);
}

#[test]
fn nesting_ten_thousand_deep_costs_one_row() {
    let deep = format!("{{\"question\":{}{},\"answer\":\"x\"}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(dropped("a.jsonl", format!("{GOOD}\n{deep}"))[0].1.contains("recursion"));
    assert!(dropped("a.json", format!("[{GOOD},\n{deep}]"))[0].1.contains("recursion"));
}

#[test]
fn a_row_of_seventeen_megabytes_is_dropped() {
    let long = "x".repeat(17 << 20);
    let row = format!(r#"{{"question":"Why?","answer":"{long}"}}"#);
    assert!(dropped("a.jsonl", format!("{row}\n{GOOD}"))[0].1.contains("16 MB"));
    assert!(dropped("a.json", format!("[{row},{GOOD}]"))[0].1.contains("16 MB"));
    assert!(dropped("a.csv", format!("question,answer\nWhy?,{long}\nWho?,Ann"))[0].1.contains("16 MB"));
}

#[test]
fn an_empty_answer_or_question_is_dropped() {
    let blank = r#"{"question":"Why?","answer":" "}"#;
    let null = r#"{"question":"Why?","answer":null}"#;
    let mute = r#"{"question":"","answer":"So."}"#;
    let list = r#"{"question":"Why?","answer":["So."]}"#;
    let rows = dropped("a.jsonl", [GOOD, blank, null, mute, list].join("\n"));
    let reasons: Vec<&str> = rows.iter().map(|(_, reason)| reason.as_str()).collect();
    let empty = "the answer in \"answer\" is empty";
    assert_eq!(
        reasons,
        [empty, empty, "the question in \"question\" is empty", "\"answer\" must be a text, it is a list"]
    );
}

#[test]
fn rows_unlike_the_others_are_dropped() {
    let rows = dropped("a.jsonl", format!("{{\"note\":\"export of May\"}}\n{GOOD}\n{GOOD}\n{{\"question\":\"Why?\"}}"));
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 4]);
    assert!(rows[1].1.contains("\"answer\"") && rows[1].1.contains("question/answer"), "{}", rows[1].1);
}

#[test]
fn an_optional_column_counts_also_where_the_first_rows_lack_it() {
    let bare = r#"{"instruction":"Go.","output":"Gone."}"#;
    let full = r#"{"instruction":"Add.","input":"1 and 2","output":"3"}"#;
    let import = read("a.jsonl", format!("{}{full}", format!("{bare}\n").repeat(200))).unwrap();
    assert_eq!(spoken(&import.examples.get(200).unwrap())[0], "user: Add.\n\n1 and 2");
}

#[test]
fn files_of_no_use_are_refused_by_name_and_with_a_mend() {
    assert!(refusal("a.jsonl", "").contains("no rows"));
    assert!(refusal("a.csv", "\u{feff} \r\n\n").contains("no rows"));
    assert!(refusal("a.csv", "question,answer\n").contains("no rows"));
    assert!(refusal("a.json", "[]").contains("no rows"));
    assert!(refusal("a.jsonl", "nonsense\nmore\n").contains("line 1: broken JSON"));
    assert!(refusal("a.jsonl", r#"{"question":"Why?","answer":""}"#).contains("None of the 1 rows"));
    let unknown = refusal("a.jsonl", r#"{"foo":"a","bar":"b"}"#);
    assert!(
        unknown.contains("\"foo\", \"bar\"") && unknown.contains("alpaca") && unknown.contains("--map"),
        "{unknown}"
    );
    assert!(refusal("a.jsonl", r#"{"prompt":"a","chosen":"b","rejected":"c"}"#).contains("preference"));
    assert!(refusal("a.csv", "answer,Answer ,answer\na,b,c\n").contains("Two columns"));
    assert!(refusal("a.xls", "x").contains("CSV UTF-8"));
    assert!(refusal("a.xlsx", "x").contains("not of the kind that its name says"));
    assert!(refusal("a.parquet", "x").contains("not of the kind that its name says"));
    let nowhere = Folder::new().import("nowhere.jsonl", &ColumnMap::default()).unwrap_err();
    assert!(matches!(nowhere, DataError::Unreadable { .. }));
    assert!(matches!(import(&[], &ColumnMap::default(), &Job::silent()), Err(DataError::NoPaths)));
}

#[test]
fn a_folder_gives_its_data_files_by_name() {
    let folder =
        Folder::new().with("b.jsonl", GOOD).with("a.csv", "question,answer\nWho?,Ann\n").with("notes.txt", "x");
    let import = import(&[folder.0.path().to_path_buf()], &ColumnMap::default(), &Job::silent()).unwrap();
    let names: Vec<_> = import.files.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.csv", "b.jsonl"]);
    assert_eq!(import.rows, 2);
    assert!(matches!(Folder::new().import("", &ColumnMap::default()), Err(DataError::EmptyFolder { .. })));
}

#[test]
fn progress_is_told_and_a_cancelled_import_ends() {
    let folder = Folder::new().with("a.jsonl", format!("{GOOD}\n").repeat(5000));
    let shares = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&shares);
    let job = Job::new(move |progress| heard.lock().unwrap().push(progress.share.unwrap()));
    import(&[folder.path("a.jsonl")], &ColumnMap::default(), &job).unwrap();
    let shares = shares.lock().unwrap();
    assert!(shares.len() > 5 && shares.is_sorted() && shares.last() == Some(&1.0), "{shares:?}");
    job.cancel();
    assert!(matches!(import(&[folder.path("a.jsonl")], &ColumnMap::default(), &job), Err(DataError::Cancelled(_))));
}

#[test]
fn running_text_is_read_where_it_is_asked_for_and_only_there() {
    let rows = "{\"text\":\"Once upon a time.\",\"by\":\"Ann\"}\n{\"text\":\" \"}\n{\"text\":\"The end.\",\"topic\":\"tale\"}\n";
    assert!(refusal("tales.jsonl", rows).contains("fit no shape"));
    assert!(refusal("reviews.csv", "text,label\nFine.,1\n").contains("fit no shape"));
    let folder = Folder::new().with("tales.jsonl", rows).with("faq.csv", "question,answer\nWhen?,Now.\n");
    let paths = [folder.path("tales.jsonl"), folder.path("faq.csv")];
    let import = import_with_texts(&paths, &ColumnMap::default(), &Job::silent()).unwrap();
    assert_eq!((import.files[0].shape, import.files[1].shape), (Shape::Text, Shape::QuestionAnswer));
    assert_eq!(spoken(&import.examples.get(0).unwrap()), ["assistant: Once upon a time."]);
    assert_eq!(import.examples.get(1).unwrap().topic.as_deref(), Some("tale"));
    assert_eq!(spoken(&import.examples.get(2).unwrap()), ["user: When?", "assistant: Now."]);
    assert_eq!(import.dropped.len(), 1);
    assert_eq!(import.dropped.get(0).unwrap().source.line, 2);
    assert!(import.dropped.get(0).unwrap().reason.contains("empty"));
}
