//! The kinds of text files, each with its spellings, packed and in other encodings.

use std::io::Write;

use super::*;

const ROW: [&str; 2] = ["user: Why?", "assistant: Because."];
const TABLE: &str = "question,answer\nWhy?,Because.\n";

fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes.as_ref()).unwrap();
    packed.finish().unwrap()
}

fn explained(name: &str, content: impl AsRef<[u8]>) -> (Vec<Vec<String>>, String) {
    let import = read(name, content).unwrap();
    (import.examples.iter().map(|example| spoken(&example.unwrap())).collect(), import.files[0].explanation.clone())
}

#[test]
fn every_kind_of_text_file_is_read() {
    for (name, content) in [
        ("a.ndjson", format!("{GOOD}\n")),
        ("a.jsonl", "{\n  \"question\": \"Why?\",\n  \"answer\": \"Because.\"\n}\n".to_owned()),
        ("a.json", r#"{"question":["Why?"],"answer":["Because."]}"#.to_owned()),
        ("a.json", format!(r#"{{"version":"1.0","data":[{GOOD}]}}"#)),
        ("a.json", format!(r#"{{"canary":"do not train","examples":[{GOOD}]}}"#)),
        ("a.json", format!(r#"{{"questions":[{GOOD}]}}"#)),
        ("a.json", format!(r#"{{"features":[],"rows":[{{"row_idx":0,"row":{GOOD},"truncated_cells":[]}}]}}"#)),
        ("a.json", r#"{"question":{"0":"Why?"},"answer":{"0":"Because."}}"#.to_owned()),
        ("a.json", GOOD.to_owned()),
        ("a.csv", TABLE.to_owned()),
        ("a.csv", "question|answer\nWhy?|Because.\n".to_owned()),
        ("a.csv", "'question','answer'\n'Why?','Because.'\n".to_owned()),
        ("a.tsv", "question\tanswer\nWhy?\tBecause.\n".to_owned()),
        ("a.tab", TABLE.to_owned()),
    ] {
        let (said, _) = explained(name, &content);
        assert_eq!(said, [ROW], "{name}: {content}");
        assert_eq!(explained(&format!("{name}.gz"), gzip(&content)).0, [ROW], "{name}.gz");
        let zst = zstd::encode_all(content.as_bytes(), 1).unwrap();
        assert_eq!(explained(&format!("{name}.zst"), zst).0, [ROW], "{name}.zst");
    }
}

#[test]
fn rows_under_names_of_their_own_are_read_and_that_is_said() {
    let (said, told) = explained("a.json", format!(r#"{{"first":{GOOD},"second":{GOOD}}}"#));
    assert_eq!(said, [ROW, ROW]);
    assert!(told.contains("each row stands under a name of its own"), "{told}");
}

#[test]
fn what_stands_beside_the_rows_is_said() {
    let (said, told) = explained("a.json", format!(r#"{{"train":[{GOOD},{GOOD}],"test":[{GOOD}],"size":[2,1]}}"#));
    assert_eq!(said.len(), 2);
    assert!(
        told.contains(r#"the rows stand under "train"; the lists under "test", "size" beside it are not read"#),
        "{told}"
    );
}

#[test]
fn one_row_alone_is_no_wrapper() {
    let chat = r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"}]}"#;
    let chats = r#"{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Yes"}]}"#;
    for row in [chat, chats] {
        assert_eq!(only("a.json", row).1, ["user: Hi", "assistant: Yes"]);
    }
}

#[test]
fn columns_of_unequal_length_are_read_as_far_as_they_go() {
    let text = r#"{"question":["Why?","Who?"],"answer":["Because."]}"#;
    let rows = dropped("a.json", text);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].1.contains("the list \"answer\" has only 1 values"), "{rows:?}");
}

#[test]
fn columns_are_read_side_by_side_however_long_they_are() {
    let list = |word: &str| format!("[{}]", vec![format!("\"{word}, \\\"]{{\""); 30_000].join(",\n"));
    let import = read("a.json", format!(r#"{{"question":{},"answer":{}}}"#, list("Why"), list("So"))).unwrap();
    assert_eq!((import.rows, import.dropped.len()), (30_000, 0));
    assert_eq!(spoken(&import.examples.get(29_999).unwrap()), ["user: Why, \"]{", "assistant: So, \"]{"]);
    assert_eq!(import.examples.get(29_999).unwrap().source.line, 30_000);
}

#[test]
fn other_encodings_are_read_and_said() {
    let table = "question,answer\nWann öffnen Sie?,Um „neun“ – für 5 €.\n";
    let said = [["user: Wann öffnen Sie?", "assistant: Um „neun“ – für 5 €."]];
    let utf16: Vec<u8> = [0xfeff_u16].into_iter().chain(table.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let (read_back, told) = explained("a.csv", utf16);
    assert_eq!(read_back, said);
    assert!(told.contains("written in UTF-16"), "{told}");
    let (western, _, _) = encoding_rs::WINDOWS_1252.encode(table);
    for content in [western.to_vec(), [table.as_bytes()[..16].to_vec(), western[16..].to_vec()].concat()] {
        let (read_back, told) = explained("a.csv", content);
        assert_eq!(read_back, said);
        assert!(told.contains("written in Windows-1252"), "{told}");
    }
    let (_, told) = explained("a.csv", table);
    assert!(!told.contains("written in"), "{told}");
}

#[test]
fn a_packed_file_under_another_name_is_read_and_that_is_said() {
    let (said, told) = explained("a.jsonl", gzip(GOOD));
    assert_eq!(said, [ROW]);
    assert!(told.contains("packed with gzip, though its name does not say so"), "{told}");
}

#[test]
fn running_text_is_cut_between_paragraphs_and_keeps_its_lines() {
    let paragraph = "The hall is open from nine to five. ".repeat(20);
    let text = format!("{paragraph}\n\n{paragraph}\n\n{paragraph}\n\n{paragraph}\n");
    let import = read("a.txt", &text).unwrap();
    assert_eq!(import.files[0].shape, Shape::Text);
    assert_eq!((0..import.examples.len()).map(|index| import.examples.source(index).line).collect::<Vec<_>>(), [1, 5]);
    assert!(
        import
            .examples
            .iter()
            .map(Result::unwrap)
            .all(|example| example.messages.len() == 1 && example.messages[0].role == Role::Assistant)
    );
    let told = &import.files[0].explanation;
    assert!(told.starts_with("Read as running text") && told.contains("there is no question"), "{told}");

    let markdown = "# Opening\n\nAt nine.\n\n## Prices\n\nThree.\n\n### Children\n\nOne.\n";
    let pieces: Vec<String> =
        read("a.md", markdown).unwrap().examples.iter().map(|e| e.unwrap().messages.remove(0).content).collect();
    assert_eq!(pieces, ["# Opening\n\nAt nine.", "## Prices\n\nThree.\n\n### Children\n\nOne."]);
}

#[test]
fn text_without_a_break_is_cut_between_characters() {
    let text = "营业时间".repeat(3000);
    let import = read("a.txt", &text).unwrap();
    assert!(import.dropped.is_empty());
    let whole: String = import.examples.iter().map(|example| example.unwrap().messages.remove(0).content).collect();
    assert_eq!(whole, text);
}

#[test]
fn a_table_without_a_header_is_known_by_its_letters() {
    let mmlu = "\"Which, then?\",red,green,blue,black,B\nHow many?,1,2,3,4,C\n";
    let import = read("law_test.csv", mmlu).unwrap();
    assert_eq!(import.files[0].shape, Shape::MultipleChoice);
    assert_eq!(
        spoken(&import.examples.get(0).unwrap()),
        ["user: Which, then?\n\nA. red\nB. green\nC. blue\nD. black", "assistant: B"]
    );
    assert_eq!(import.examples.get(1).unwrap().source.line, 2);
    assert!(import.files[0].explanation.contains("names no columns"), "{}", import.files[0].explanation);
    let headed = format!("Question,A,B,C,D,Answer\n{mmlu}");
    assert_eq!(
        spoken(&read("a.csv", headed).unwrap().examples.get(1).unwrap()),
        ["user: How many?\n\nA. 1\nB. 2\nC. 3\nD. 4", "assistant: C"]
    );
}
