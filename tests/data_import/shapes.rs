//! The shapes of well-known data sets, and how sure it is that they were understood.

use hydra_studio::data::Sure;

use super::*;

fn sure(name: &str, content: &str) -> (Sure, String) {
    let import = read(name, content).unwrap();
    (import.files[0].sure, import.files[0].explanation.clone())
}

#[test]
fn rows_of_well_known_sets_are_read() {
    let pair = |question: &str, answer: &str| vec![format!("user: {question}"), format!("assistant: {answer}")];
    for (row, shape, said) in [
        (
            r#"{"id":"t0","instruction":"Add.","instances":[{"input":"1 + 1","output":"2"}],"is_classification":false}"#,
            Shape::Alpaca,
            pair("Add.\n\n1 + 1", "2"),
        ),
        (
            r#"{"context":"Ann won.","question":"Who won?","answers":{"text":["Ann","Ann!"],"answer_start":[0,0]}}"#,
            Shape::QuestionAnswer,
            pair("Who won?\n\nAnn won.", "Ann"),
        ),
        (
            r#"{"task_id":"H/0","prompt":"def f():\n","entry_point":"f","canonical_solution":"    return 1\n","test":"x"}"#,
            Shape::QuestionAnswer,
            pair("def f():\n", "    return 1\n"),
        ),
        (
            r#"{"id":"1","question":"Which?","choices":{"text":["red","green"],"label":["A","B"]},"answerKey":"B"}"#,
            Shape::MultipleChoice,
            pair("Which?\n\nA. red\nB. green", "B"),
        ),
        (
            r#"{"question":"Which?","opa":"red","opb":"green","opc":"blue","opd":"grey","cop":2,"subject_name":"Art"}"#,
            Shape::MultipleChoice,
            pair("Which?\n\nA. red\nB. green\nC. blue\nD. grey", "C"),
        ),
        (
            r#"{"input":"Is it? Options:\n(A) yes","target":"(A)"}"#,
            Shape::QuestionAnswer,
            pair("Is it? Options:\n(A) yes", "(A)"),
        ),
        (r#"{"query":"Why?","response":"So."}"#, Shape::QuestionAnswer, pair("Why?", "So.")),
        (r#"{"q":"Why?","a":"So."}"#, Shape::QuestionAnswer, pair("Why?", "So.")),
        (r#"{"messages":{"role":["user","assistant"],"content":["Hi","Yes"]}}"#, Shape::Messages, pair("Hi", "Yes")),
    ] {
        let (found, messages, _) = only("a.jsonl", row);
        assert_eq!((found, messages), (shape, said), "{row}");
    }
}

#[test]
fn tools_and_system_keep_their_roles() {
    let row = r#"{"tools":"[]","messages":[{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"Weather?"}]},
        {"role":"assistant","content":null,"tool_calls":[{"function":{"name":"look","arguments":"{}"}}]},
        {"role":"tool","content":"Sunny"},{"role":"assistant","content":"Sunny."}]}"#;
    let import = read("a.json", row).unwrap();
    let said = [
        "system: S",
        "user: Weather?",
        "assistant: {\"name\":\"look\",\"arguments\":{}}",
        "tool: Sunny",
        "assistant: Sunny.",
    ];
    assert_eq!(spoken(&import.examples.get(0).unwrap()), said);
    let told = &import.files[0].explanation;
    assert!(told.contains("calls of tools are learnt as JSON"), "{told}");
    let history = r#"{"instruction":"Go.","output":"Gone.","history":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"}]}"#;
    assert_eq!(only("a.json", history).1, ["user: Hi", "assistant: Yes", "user: Go.", "assistant: Gone."]);
}

#[test]
fn preference_rows_are_declined_by_name() {
    let turns =
        |answer: &str| format!(r#"[{{"role":"user","content":"a"}},{{"role":"assistant","content":"{answer}"}}]"#);
    for (row, kind) in [
        (r#"{"prompt":"a","chosen":"b","rejected":"c"}"#.to_owned(), "chosen and a rejected"),
        (format!(r#"{{"chosen":{},"rejected":{}}}"#, turns("b"), turns("c")), "chosen and a rejected"),
        (format!(r#"{{"messages":{},"chosen":{},"rejected":{}}}"#, turns("b"), turns("b"), turns("c")), "DPO"),
        (r#"{"prompt":"a","completion":"b","label":true}"#.to_owned(), "KTO"),
        (
            r#"{"prompt":"a","response_0":"b","response_1":"c","better_response_id":0}"#.to_owned(),
            "which is the better",
        ),
    ] {
        let message = refusal("a.jsonl", &row);
        assert!(message.contains("preference rows") && message.contains(kind), "{message}");
    }
    // The mend that the message names.
    let row = format!(r#"{{"prompt":"a","chosen":{},"rejected":{}}}"#, turns("b"), turns("c"));
    let import =
        Folder::new().with("a.jsonl", row).import("a.jsonl", &mapped(&[("prompt", "prompt"), ("response", "chosen")]));
    assert_eq!(spoken(&import.unwrap().examples.get(0).unwrap()), ["user: a", "assistant: b"]);
}

#[test]
fn how_sure_it_is_is_said_with_the_reason() {
    let good = format!("{GOOD}\n").repeat(9);
    let (certain, told) = sure("a.jsonl", &good);
    assert_eq!(certain, Sure::Certain);
    assert!(told.ends_with("This is certain: all 9 rows that were looked at are laid out so."), "{told}");
    let (likely, told) = sure("a.jsonl", &format!("{good}{{\"note\":\"x\"}}\n"));
    assert_eq!(likely, Sure::Likely);
    assert!(told.contains("9 of 10 rows"), "{told}");
    let (guess, told) = sure("a.jsonl", &format!("{GOOD}\n{{\"note\":\"x\"}}\n{{\"note\":\"y\"}}\n"));
    assert_eq!(guess, Sure::Guess);
    assert!(told.contains("1 of 3 rows") && told.contains("say which column is which"), "{told}");
    let (likely, told) = sure("a.jsonl", r#"{"question":"Why?","answer":"So.","response":"Well."}"#);
    assert_eq!(likely, Sure::Likely);
    assert!(told.contains("the answer might also be \"response\""), "{told}");
    let (guess, told) = sure("a.jsonl", r#"{"input":3,"output":"So."}"#);
    assert_eq!(guess, Sure::Guess);
    assert!(told.contains("most values of the question are no texts"), "{told}");
    let legal = r#"{"instruction":"Is it?","text":"He said so.","answer":"Yes"}"#;
    assert_eq!(sure("a.jsonl", legal).0, Sure::Likely);
    let folder = Folder::new().with("a.csv", "Frage,Antwort\nWarum?,Darum.\n");
    let import = folder.import("a.csv", &mapped(&[("prompt", "Frage"), ("response", "Antwort")])).unwrap();
    assert!(import.files[0].explanation.ends_with("This is certain: you named the columns."));
}

#[test]
fn a_label_beside_a_text_is_no_running_text() {
    let (certain, told) = sure("a.jsonl", r#"{"id":"1","text":"Once upon a time.","url":"x","title":"Tale"}"#);
    assert_eq!(certain, Sure::Certain);
    assert!(told.contains("there is text and nothing that asks or answers"), "{told}");
    assert!(refusal("a.jsonl", r#"{"text":"Fine.","label":1}"#).contains("fit no shape"));
}
