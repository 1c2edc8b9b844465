//! Parquet files and workbooks, whole and broken. `files/` holds small ones, written with pyarrow, XlsxWriter and openpyxl.

use std::io::{Cursor, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use hydra_studio::data::Source;

use super::*;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data_import/files").join(name)).unwrap()
}

fn told(import: &Import) -> &str {
    &import.files[0].explanation
}

#[test]
fn conversations_in_a_parquet_file_are_read() {
    let import = read("chats.parquet", sample("chats.parquet")).unwrap();
    assert_eq!(import.files[0].shape, Shape::Messages);
    assert_eq!(spoken(&import.examples.get(0).unwrap()), ["system: Be kind.", "user: Hi", "assistant: Grüße 👋"]);
    assert_eq!(
        (import.examples.get(0).unwrap().topic.as_deref(), import.examples.get(1).unwrap().topic.as_deref()),
        (Some("talk"), Some("sums"))
    );
    assert_eq!((import.dropped.len(), import.dropped.get(0).unwrap().source.line), (1, 3));
    assert!(told(&import).contains("rows are counted as lines"), "{}", told(&import));
}

#[test]
fn columns_of_every_type_are_read_and_bytes_are_left_out_aloud() {
    let folder = Folder::new().with("table.parquet", sample("table.parquet"));
    let import = folder.import("table.parquet", &ColumnMap::default()).unwrap();
    assert_eq!((import.rows, import.examples.len()), (4, 3));
    assert!(told(&import).contains("bytes that are no text count as empty, in \"picture\""), "{}", told(&import));
    for (column, text) in
        [("on", "2025-10-13"), ("at", "2025-10-13T12:30:00"), ("price", "1.50"), ("score", "0.5"), ("answer", "Now.")]
    {
        let import = folder.import("table.parquet", &mapped(&[("prompt", "question"), ("response", column)])).unwrap();
        assert_eq!(spoken(&import.examples.get(0).unwrap())[1], format!("assistant: {text}"));
    }
}

#[test]
fn every_usual_codec_is_read_and_others_are_named() {
    for name in ["choices.parquet", "lz4.parquet"] {
        let import = read(name, sample(name)).unwrap();
        assert_eq!(import.files[0].shape, Shape::MultipleChoice);
        assert_eq!(spoken(&import.examples.get(1).unwrap()), ["user: Which?\n\nA. red\nB. green", "assistant: B"]);
    }
    assert!(refusal("a.parquet", sample("brotli.parquet")).contains("packed with Brotli"));
    assert!(refusal("a.parquet", sample("empty.parquet")).contains("no rows"));
    let packed = zstd::encode_all(sample("chats.parquet").as_slice(), 1).unwrap();
    assert_eq!(read("a.parquet.zst", packed).unwrap().examples.len(), 2);
}

#[test]
fn a_parquet_file_cut_or_changed_anywhere_is_refused_and_never_worse() {
    let started = Instant::now();
    for name in ["table.parquet", "chats.parquet"] {
        let whole = sample(name);
        for at in (0..whole.len()).step_by(29) {
            let message = read("a.parquet", &whole[..at]).unwrap_err().to_string();
            assert!(message.contains("a.parquet"), "cut at {at}: {message}");
        }
        for at in (4..whole.len()).step_by(19) {
            for byte in [0x00, 0x7f, 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                // A changed letter of a text is no fault that can be seen; whatever else is an error with the file's name.
                if let Err(error) = read("a.parquet", changed) {
                    assert!(error.to_string().contains("a.parquet"), "changed at {at}: {error}");
                }
            }
        }
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// A Parquet file of one row, its columns packed with gzip.
fn packed_with_gzip(question: &str, answer: &str) -> Vec<u8> {
    use parquet::basic::{Compression, GzipLevel};
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::{EnabledStatistics, WriterProperties};
    use parquet::file::writer::SerializedFileWriter;
    let schema = "message rows { required binary question (UTF8); required binary answer (UTF8); }";
    let schema = parquet::schema::parser::parse_message_type(schema).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::GZIP(GzipLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None);
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(properties.build())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for text in [question, answer] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[ByteArray::from(text)], None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn columns_packed_with_gzip_are_read_and_a_bomb_in_one_is_refused() {
    let import = read("a.parquet", packed_with_gzip("Why?", "So.")).unwrap();
    assert_eq!(spoken(&import.examples.get(0).unwrap()), ["user: Why?", "assistant: So."]);
    let message = refusal("a.parquet", packed_with_gzip("Why?", &"a".repeat(257 << 20)));
    assert!(message.contains("holds more than 256 MB"), "{message}");
}

#[test]
fn a_footer_that_lies_about_its_length_is_refused() {
    let whole = sample("chats.parquet");
    let length = whole.len() - 8;
    for lie in [0_u32, 1, 100, u32::MAX, i32::MAX as u32, whole.len() as u32] {
        let mut changed = whole.clone();
        changed[length..length + 4].copy_from_slice(&lie.to_le_bytes());
        let message = refusal("a.parquet", changed);
        assert!(message.contains("damaged") || message.contains("broke"), "{message}");
    }
}

#[test]
fn columns_nested_a_hundred_thousand_deep_are_refused() {
    let levels = 100_000;
    // Records of Thrift's compact protocol: an optional group of one part, a name, and at last a text.
    let element = |parts: &[u8]| [parts, &[0]].concat();
    let mut schema = element(&[0x48, 1, b'r', 0x15, 2]);
    (0..levels).for_each(|_| schema.extend(element(&[0x35, 0, 0x18, 1, b'a', 0x15, 2])));
    schema.extend(element(&[0x15, 12, 0x25, 0, 0x18, 1, b'l']));
    let count = levels + 2;
    let length = [count as u8 | 0x80, (count >> 7) as u8 | 0x80, (count >> 14) as u8];
    let footer = [&[0x15, 2, 0x19, 0xfc][..], &length, &schema, &[0x16, 0, 0x19, 0x0c, 0]].concat();
    let size = (footer.len() as u32).to_le_bytes();
    let message = refusal("a.parquet", [b"PAR1", footer.as_slice(), &size, b"PAR1"].concat());
    assert!(message.contains("nested 100001 deep"), "{message}");
}

#[test]
fn a_real_workbook_is_read_with_its_dates_formulas_errors_and_merged_cells() {
    let folder = Folder::new().with("survey.xlsx", sample("survey.xlsx"));
    let import = folder.import("survey.xlsx", &ColumnMap::default()).unwrap();
    let said: Vec<_> = import.examples.iter().map(|example| spoken(&example.unwrap())).collect();
    assert_eq!(
        said,
        [
            ["user: Wann öffnen Sie?", "assistant: Um neun."],
            ["user: Was kostet es?", "assistant: Drei Euro"],
            ["user: Wo?", "assistant: true"]
        ]
    );
    let topics: Vec<_> = (0..import.examples.len()).map(|index| import.examples.topic(index).unwrap()).collect();
    assert_eq!(topics, ["Versand", "Versand", "Orte"]);
    assert_eq!(
        (0..import.examples.len()).map(|index| import.examples.source(index).line).collect::<Vec<_>>(),
        [4, 5, 7]
    );
    assert_eq!((import.dropped.len(), import.dropped.get(0).unwrap().source.line), (1, 6));
    for words in [
        "the sheet \"Fragen\"",
        "not read: the sheets \"More\"",
        "lines above the header",
        "merged over several rows",
        "1 cell with an error, taken as empty; the first is #DIV/0! in cell C6",
    ] {
        assert!(told(&import).contains(words), "no \"{words}\" in: {}", told(&import));
    }
    let dates = folder.import("survey.xlsx", &mapped(&[("prompt", "question"), ("response", "asked")])).unwrap();
    assert_eq!(spoken(&dates.examples.get(0).unwrap())[1], "assistant: 2025-10-13");
    let numbers = folder.import("survey.xlsx", &mapped(&[("prompt", "question"), ("response", "seconds")])).unwrap();
    assert_eq!(spoken(&numbers.examples.get(0).unwrap())[1], "assistant: 12");
}

#[test]
fn a_formula_without_its_result_is_said() {
    let import = read("a.xlsx", sample("formulas.xlsx")).unwrap();
    assert_eq!(import.examples.len(), 1);
    assert!(told(&import).contains("1 cell without the result of its formula"), "{}", told(&import));
}

#[test]
fn a_workbook_cut_or_changed_anywhere_is_refused_and_never_worse() {
    let whole = sample("survey.xlsx");
    for at in (0..whole.len()).step_by(97) {
        let message = read("a.xlsx", &whole[..at]).unwrap_err().to_string();
        assert!(message.contains("a.xlsx"), "cut at {at}: {message}");
    }
    for at in (4..whole.len()).step_by(31) {
        let mut changed = whole.clone();
        changed[at] ^= 0xff;
        if let Err(error) = read("a.xlsx", changed) {
            assert!(error.to_string().contains("a.xlsx"), "changed at {at}: {error}");
        }
    }
}

/// A workbook of one sheet whose cells are `data`, with `texts` as its shared strings.
fn workbook(data: &str, texts: &[u8]) -> Vec<u8> {
    workbook_of(&[("S", data)], texts)
}

/// A workbook of sheets, each with its name and its cells.
fn workbook_of(sheets: &[(&str, &str)], texts: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let types = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>"#;
    let rels = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    let numbered = || sheets.iter().zip(1..);
    let names: String = numbered()
        .map(|((name, _), number)| format!(r#"<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>"#))
        .collect();
    let book = format!(
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>{names}</sheets></workbook>"#
    );
    let places: String = numbered().map(|(_, number)| format!(r#"<Relationship Id="r{number}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet{number}.xml"/>"#)).collect();
    let book_rels = format!(
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{places}<Relationship Id="r0" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#
    );
    for (name, content) in [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", rels.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", book_rels.as_bytes()),
        ("xl/sharedStrings.xml", texts),
    ] {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    for ((_, data), number) in numbered() {
        zip.start_file(format!("xl/worksheets/sheet{number}.xml"), options).unwrap();
        let sheet = format!(
            r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{data}</sheetData></worksheet>"#
        );
        zip.write_all(sheet.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const NO_TEXTS: &[u8] = b"<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"></sst>";

fn cells(row: u32, texts: [&str; 2]) -> String {
    let [a, b] = texts;
    format!(
        r#"<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>{a}</t></is></c><c r="B{row}" t="inlineStr"><is><t>{b}</t></is></c></row>"#
    )
}

#[test]
fn every_sheet_with_the_columns_of_the_first_is_read_and_the_others_are_named() {
    let first = cells(1, ["question", "answer"]) + &cells(2, ["Why?", "So."]);
    let swapped = cells(3, ["answer", "question"]) + &cells(5, ["Here.", "Where?"]) + &cells(6, ["", "Who?"]);
    let prices = cells(1, ["article", "price"]) + &cells(2, ["Pen", "2"]);
    let repeated = cells(1, ["question", "question"]) + &cells(2, ["a", "b"]);
    let sheets = [("May", &*first), ("Prices", &*prices), ("June", &*swapped), ("Odd", &*repeated), ("Empty", "")];
    let import = read("a.xlsx", workbook_of(&sheets, NO_TEXTS)).unwrap();
    let said: Vec<_> = import.examples.iter().map(|example| spoken(&example.unwrap())).collect();
    assert_eq!(said, [["user: Why?", "assistant: So."], ["user: Where?", "assistant: Here."]]);
    let (one, two) = (import.examples.source(0), import.examples.source(1));
    assert!(one.file.ends_with("a.xlsx") && one.line == 2, "{one}");
    assert!(two.file.ends_with("a.xlsx, sheet \"June\"") && two.line == 5, "{two}");
    assert_eq!(import.dropped.get(0).unwrap().source, Source { line: 6, ..two });
    for words in
        ["from the sheets \"May\"", "\"June\"", "not read: the sheets \"Prices\"", "\"Odd\"", "not those of the first"]
    {
        assert!(told(&import).contains(words), "no {words} in: {}", told(&import));
    }
    assert!(!told(&import).contains("Empty"), "{}", told(&import));
}

#[test]
fn a_lone_cell_at_the_far_end_of_a_sheet_costs_nothing() {
    let data = cells(1, ["question", "answer"]) + &cells(2, ["Why?", "So."]);
    let far = r#"<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#;
    let started = Instant::now();
    let import = read("a.xlsx", workbook(&(data + far), NO_TEXTS)).unwrap();
    assert_eq!((import.examples.len(), import.dropped.get(0).unwrap().source.line), (1, 1_048_576));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_bomb_inside_a_workbook_is_refused_in_time() {
    let started = Instant::now();
    let bomb = [NO_TEXTS, "<si><t>x</t></si>".repeat((400 << 20) / 17).as_bytes()].concat();
    let message = refusal("a.xlsx", workbook(&cells(1, ["question", "answer"]), &bomb));
    assert!(message.contains("384 MB"), "{message}");
    let cell = format!("<row r=\"1\"><c t=\"inlineStr\"><is><t>{}</t></is></c></row>", " ".repeat(20 << 20));
    assert!(refusal("a.xlsx", workbook(&cell, NO_TEXTS)).contains("A cell of the Excel file holds more than 16 MB"));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}
