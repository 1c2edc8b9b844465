//! Columns named by hand, beside what is detected.

use super::*;

/// What the first row becomes with these columns mapped.
fn said(row: &str, entries: &[(&str, &str)]) -> Vec<String> {
    let import = Folder::new().with("a.jsonl", row).import("a.jsonl", &mapped(entries)).unwrap();
    spoken(&import.examples.get(0).unwrap())
}

#[test]
fn columns_mapped_by_hand_overrule_detection() {
    let folder = Folder::new().with("a.csv", "Frage,Antwort,Fach,Quelle\nWarum?,Darum.,Logik,Buch\n");
    let map = mapped(&[("prompt", "frage"), ("response", "Antwort"), ("topic", "Fach"), ("context", "Quelle")]);
    let import = folder.import("a.csv", &map).unwrap();
    assert_eq!(import.files[0].shape, Shape::Mapped);
    assert_eq!(spoken(&import.examples.get(0).unwrap()), ["user: Warum?\n\nBuch", "assistant: Darum."]);
    assert_eq!(import.examples.get(0).unwrap().topic.as_deref(), Some("Logik"));
    assert!(import.files[0].explanation.starts_with("Read as you mapped the columns"));

    let lacks = folder.import("a.csv", &mapped(&[("prompt", "Question"), ("response", "Antwort")])).unwrap_err();
    assert!(lacks.to_string().contains("\"Frage\", \"Antwort\", \"Fach\", \"Quelle\""), "{lacks}");
    let twice = folder.import("a.csv", &mapped(&[("prompt", "Frage"), ("response", "Frage")])).unwrap_err();
    assert!(matches!(twice, DataError::MappedTwice { .. }));
    let half = folder.import("a.csv", &mapped(&[("response", "Antwort")])).unwrap_err();
    assert!(matches!(half, DataError::PartMissing { part: "prompt", .. }));
}

#[test]
fn one_mapped_column_leaves_the_rest_to_detection() {
    let row =
        r#"{"instruction":"Say.","input":"it","output":"It.","kind":"echo","prompt":"x","chosen":"a","rejected":"b"}"#;
    let folder = Folder::new().with("a.jsonl", row.replace(r#","prompt":"x","chosen":"a","rejected":"b""#, ""));
    let import = folder.import("a.jsonl", &mapped(&[("topic", "kind")])).unwrap();
    assert_eq!(
        (import.files[0].shape, import.examples.get(0).unwrap().topic.as_deref()),
        (Shape::Alpaca, Some("echo"))
    );
    assert_eq!(said(row, &[("prompt", "prompt"), ("response", "chosen")]), ["user: x", "assistant: a"]);
}

#[test]
fn a_mapped_part_replaces_only_itself() {
    let row = r#"{"instruction":"Say.","input":"it","output":"It.","antwort":"Es.","anweisung":"Sag."}"#;
    for (entries, expected) in [
        (&[("response", "output")][..], ["user: Say.\n\nit", "assistant: It."]),
        (&[("response", "antwort")], ["user: Say.\n\nit", "assistant: Es."]),
        (&[("prompt", "anweisung")], ["user: Sag.\n\nit", "assistant: It."]),
        (&[("prompt", "instruction"), ("response", "output")], ["user: Say.\n\nit", "assistant: It."]),
        (&[("prompt", "anweisung"), ("response", "antwort")], ["user: Sag.", "assistant: Es."]),
        (&[("response", "output"), ("context", "antwort")], ["user: Say.\n\nEs.", "assistant: It."]),
    ] {
        assert_eq!(said(row, entries), expected, "{entries:?}");
    }
    let no_output = r#"{"anweisung":"Sag.","input":"it","output":"Es."}"#;
    assert_eq!(said(no_output, &[("prompt", "anweisung")]), ["user: Sag.\n\nit", "assistant: Es."]);
    let dolly = r#"{"instruction":"Who?","context":"Ann won.","response":"Ann","antwort":"Anna"}"#;
    assert_eq!(said(dolly, &[("response", "antwort")]), ["user: Who?\n\nAnn won.", "assistant: Anna"]);
    let choice = r#"{"frage":"Which?","choices":["this","that"],"answer":1}"#;
    assert_eq!(said(choice, &[("prompt", "frage")]), ["user: Which?\n\nA. this\nB. that", "assistant: B"]);
    let persona = r#"{"instruction":"Be kind.","input":"Hi","output":"Hello"}"#;
    assert_eq!(said(persona, &[("system", "instruction")]), ["system: Be kind.", "user: Hi", "assistant: Hello"]);
    let legal = r#"{"instruction":"Is it?","text":"He said so.","answer":"Yes","note":"He left."}"#;
    let both = ["user: Is it?\n\ntext: He said so.\n\nnote: He left.", "assistant: Yes"];
    assert_eq!(said(legal, &[("response", "answer")]), both);
    assert_eq!(said(legal, &[("context", "text")]), ["user: Is it?\n\nHe said so.", "assistant: Yes"]);
}

#[test]
fn a_mapped_column_that_only_late_rows_have_is_found() {
    let early = "{\"id\":1,\"question\":\"Why?\"}\n".repeat(200);
    let folder = Folder::new().with("a.jsonl", early.clone() + "{\"question\":\"Who?\",\"antwort\":\"Ann\"}\n");
    let import = folder.import("a.jsonl", &mapped(&[("response", "antwort")])).unwrap();
    assert_eq!((import.examples.len(), import.dropped.len()), (1, 200));
    assert!(
        import.dropped.get(0).unwrap().reason.contains("no column \"antwort\""),
        "{}",
        import.dropped.get(0).unwrap().reason
    );

    let folder = folder.with("b.jsonl", early + "{\"answer\":\"Ann\"}\n");
    let refused = folder.import("b.jsonl", &mapped(&[("response", "antwort")])).unwrap_err().to_string();
    assert!(refused.contains("no column \"antwort\"") && refused.contains("\"answer\""), "{refused}");
    let folder = folder.with("c.jsonl", "{\"q\":\"Why?\",\"a\":\"So.\"}\n");
    let refused = folder.import("c.jsonl", &mapped(&[("prompt", "question")])).unwrap_err();
    assert!(matches!(refused, DataError::NoSuchColumn { part: "prompt", .. }), "{refused}");
}
