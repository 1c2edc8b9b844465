//! Tables as spreadsheet programs write them, whole and damaged.

use super::*;

/// Messages of the kept rows, and line and reason of the dropped ones.
fn sorted_out(content: impl AsRef<[u8]>) -> (Vec<Vec<String>>, Vec<(usize, String)>) {
    let import = read("a.csv", content).unwrap();
    assert_eq!(import.rows, import.examples.len() + import.dropped.len());
    let dropped = import.dropped.iter().map(Result::unwrap).map(|row| (row.source.line, row.reason)).collect();
    (import.examples.iter().map(|example| spoken(&example.unwrap())).collect(), dropped)
}

fn pair(question: &str, answer: &str) -> Vec<String> {
    vec![format!("user: {question}"), format!("assistant: {answer}")]
}

fn assert_dropped(dropped: &[(usize, String)], expected: &[(usize, &str)]) {
    let lines = |rows: &[(usize, String)]| rows.iter().map(|(line, _)| *line).collect::<Vec<_>>();
    assert_eq!(lines(dropped), expected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), "{dropped:?}");
    for ((_, reason), (_, words)) in dropped.iter().zip(expected) {
        assert!(reason.contains(words), "no \"{words}\" in: {reason}");
    }
}

#[test]
fn quoted_line_breaks_keep_the_lines_of_the_rows() {
    let table = "\u{feff}question,answer\r\n\"Why,\r\nreally?\",\"He said \"\"so\"\"\"\r\n\r\nWho?,Ann\r\n";
    let import = read("a.csv", table).unwrap();
    assert_eq!(spoken(&import.examples.get(0).unwrap()), ["user: Why,\r\nreally?", "assistant: He said \"so\""]);
    assert_eq!((0..import.examples.len()).map(|index| import.examples.source(index).line).collect::<Vec<_>>(), [2, 5]);
}

#[test]
fn a_ragged_row_is_dropped_with_its_line() {
    let (_, dropped) = sorted_out("question,answer\nWhy?,So.\nWho?\nWhat?,a,b\nHow?,Thus.\n");
    assert_dropped(&dropped, &[(3, "1 value,"), (4, "2 columns")]);
}

#[test]
fn rows_behind_a_quotation_mark_that_is_never_closed_are_read() {
    let (kept, dropped) = sorted_out("question,answer\nWho?,\"Ann\nHow?,\"Thus.\"\nWhen?,\"At\nnine.\"\n");
    assert_eq!(kept, [pair("How?", "Thus."), pair("When?", "At\nnine.")]);
    assert_dropped(&dropped, &[(2, "never closed")]);

    let (kept, dropped) = sorted_out("question,answer\r\nWhy?,So.\r\nWho?,\"Ann\r\nHow?,Thus.\r\nWhen?,Now.");
    assert_eq!(kept, [pair("Why?", "So."), pair("How?", "Thus."), pair("When?", "Now.")]);
    assert_dropped(&dropped, &[(3, "never closed")]);

    let (kept, dropped) = sorted_out("question,answer\na,\"b\nc,d\ne,\"f\ng,\"h\ni\"\nk,l\n");
    assert_eq!(kept, [pair("c", "d"), pair("g", "h\ni"), pair("k", "l")]);
    assert_dropped(&dropped, &[(2, "never closed"), (4, "never closed")]);
}

#[test]
fn text_behind_a_closing_quotation_mark_costs_one_row_and_no_part_of_it_becomes_another() {
    let (kept, dropped) = sorted_out("question,answer\nWho?,\"Ann\" Lee\nHow?,Thus.\n");
    assert_eq!(kept, [pair("How?", "Thus.")]);
    assert_dropped(&dropped, &[(2, "more text behind a closing quotation mark; write")]);

    let (kept, dropped) = sorted_out("question,answer\nWhy?,\"Well,\nhe said \"so\" to me\"\nHow?,Thus.\n");
    assert_eq!(kept, [pair("How?", "Thus.")]);
    assert_dropped(&dropped, &[(2, "on line 3, so lines 2 to 3 could not be read")]);

    let (kept, dropped) = sorted_out("question,answer\nHow?,Thus.\nWhy?,\"Well\nhe said\nnothing\n");
    assert_eq!(kept, [pair("How?", "Thus.")]);
    assert_dropped(&dropped, &[(3, "lines 3 to 5 could not be read")]);
}

#[test]
fn space_around_quotation_marks_and_quotation_marks_within_a_text_are_no_fault() {
    let (kept, dropped) = sorted_out("question,answer\n \"Who, then?\" ,\"Ann\"\t\nWhich?,The 5\" pipe\n");
    assert_eq!(kept, [pair("Who, then?", "Ann"), pair("Which?", "The 5\" pipe")]);
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn a_header_with_a_stray_quotation_mark_is_refused_with_its_line() {
    let message = refusal("a.csv", "\n\"question\"s,answer\nWhy?,So.\n");
    assert!(message.contains("name the columns") && message.contains("line 2"), "{message}");
    assert!(refusal("a.csv", "question,\"answer\nWhy?,So.\n").contains("never closed"));
}

#[test]
fn semicolons_and_tabs_separate_values_too_and_that_is_said() {
    for (separator, name) in [(";", "semicolons"), ("\t", "tabs")] {
        let table = format!("question{separator}answer\nWhy, oh why?{separator}So.\n");
        let import = read("a.csv", &table).unwrap();
        assert_eq!(spoken(&import.examples.get(0).unwrap()), pair("Why, oh why?", "So."));
        let told = &import.files[0].explanation;
        assert!(told.contains(&format!("values are separated by {name}")), "{told}");
    }
    assert!(!read("a.csv", "question,answer\nWhy?,So.\n").unwrap().files[0].explanation.contains("separated"));
}

#[test]
fn the_rows_decide_where_the_header_holds_several_separators() {
    let (kept, _) = sorted_out("question;answer;note (short, one line)\nWhy, oh why?;So.;\nWho?;Ann;x\n");
    assert_eq!(kept, [pair("Why, oh why?", "So."), pair("Who?", "Ann")]);
    let (kept, _) = sorted_out("question,answer,\"id;old\"\nWhy; oh why?,So; there.,1\n");
    assert_eq!(kept, [pair("Why; oh why?", "So; there.")]);
}

#[test]
fn a_first_line_that_states_the_separator_is_followed() {
    for (separator, name) in [(";", "semicolons"), ("|", "\"|\"")] {
        let import =
            read("a.csv", format!("\u{feff}sep={separator}\r\nquestion{separator}answer\r\nWhy?{separator}So.\r\n"));
        let import = import.unwrap();
        assert_eq!(spoken(&import.examples.get(0).unwrap()), pair("Why?", "So."));
        assert_eq!(import.examples.get(0).unwrap().source.line, 3);
        assert!(import.files[0].explanation.contains(name), "{}", import.files[0].explanation);
    }
}

#[test]
fn case_spaces_and_a_byte_order_mark_in_the_header_do_not_matter() {
    for header in
        ["Question,ANSWER", " question , Answer ", "\u{feff}\"QUESTION\",\" answer\"", "\u{feff}question,answer"]
    {
        let (shape, said, _) = only("a.csv", format!("{header}\nWhy?,So.\n"));
        assert_eq!((shape, said), (Shape::QuestionAnswer, pair("Why?", "So.")), "{header}");
    }
}

#[test]
fn lines_may_end_as_on_old_macs() {
    let (kept, dropped) = sorted_out("question,answer\rWhy?,So.\rWho?\rHow?,\"Like\rthis.\"\rWhere?\r");
    assert_eq!(kept, [pair("Why?", "So."), pair("How?", "Like\rthis.")]);
    assert_dropped(&dropped, &[(3, "1 value,"), (6, "1 value,")]);
}

#[test]
fn cells_may_hold_conversations() {
    let openai = r#"[{""role"":""user"",""content"":""Hi, you""},{""role"":""assistant"",""content"":""Yes""}]"#;
    let (shape, said, topic) = only("a.csv", format!("messages,topic\n\"{openai}\",talk\n"));
    assert_eq!((shape, said, topic.as_deref()), (Shape::Messages, pair("Hi, you", "Yes"), Some("talk")));

    let sharegpt = r#"[{""from"":""human"",""value"":""Hi""},{""from"":""gpt"",""value"":""Yes""}]"#;
    let table = format!("id;Conversations\n1;\"{sharegpt}\"\n2;\"[{{'from': 'human', 'value': 'Hi'}}]\"\n3;\n4;[]\n");
    let import = read("a.csv", table).unwrap();
    assert_eq!((import.files[0].shape, spoken(&import.examples.get(0).unwrap())), (Shape::ShareGpt, pair("Hi", "Yes")));
    let dropped: Vec<_> = import.dropped.iter().map(Result::unwrap).map(|row| (row.source.line, row.reason)).collect();
    assert_dropped(&dropped, &[(3, "double quotation marks"), (4, "must be a list"), (5, "no message")]);

    let history = r#"[[""Hi"",""Yes""]]"#;
    let said = only("a.csv", format!("instruction,input,output,history\nGo.,,Gone.,\"{history}\"\n")).1;
    assert_eq!(said, [pair("Hi", "Yes"), pair("Go.", "Gone.")].concat());

    let python = refusal("a.csv", "messages\n\"[{'role': 'user', 'content': 'Hi'}]\"\n");
    assert!(python.contains("line 2") && python.contains("double quotation marks"), "{python}");
}

#[test]
fn choices_in_a_cell_are_listed_and_counted() {
    let table = "question,choices,answer\nWhich?,\"[\"\"red\"\",\"\"green\"\"]\",1\nWhich?,\"[\"\"red\"\"]\",3\n";
    let (kept, dropped) = sorted_out(table);
    assert_eq!(kept, [pair("Which?\n\nA. red\nB. green", "B")]);
    assert_dropped(&dropped, &[(3, "none of the 1 choices")]);
}
