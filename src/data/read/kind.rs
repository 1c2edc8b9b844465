//! What a file's name says of it: its kind, and whether it is packed.

use std::path::Path;

use super::DataError;

/// The kinds of file that are read, in words, for messages and dialogs.
pub const KINDS_IN_WORDS: &str =
    "JSONL, JSON, CSV, TSV, Parquet, Excel (.xlsx), text or Markdown, also packed as .gz or .zst";

/// The extensions of the files that are read, without the dot.
pub const EXTENSIONS: &[&str] = &[
    "jsonl", "ndjson", "json", "csv", "tsv", "tab", "parquet", "xlsx", "xlsm", "txt", "text", "md", "markdown", "gz",
    "zst",
];

/// The kinds of file that are read, by extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Jsonl,
    Json,
    Csv,
    Tsv,
    Text,
    Markdown,
    Sheet,
    Parquet,
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// The packing that a file's first bytes show.
    pub fn of_start(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "nothing",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

impl Kind {
    /// The kind and the packing that a path's extensions name.
    pub fn of(path: &Path) -> Result<(Self, Packing), DataError> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let mut extensions = name.rsplit('.');
        let mut extension = extensions.next().filter(|last| *last != name).unwrap_or_default();
        let packing = match extension {
            "gz" | "gzip" => Packing::Gzip,
            "zst" | "zstd" => Packing::Zstd,
            _ => Packing::Plain,
        };
        if packing != Packing::Plain {
            extension = extensions.next().filter(|_| name.matches('.').count() > 1).unwrap_or_default();
        }
        match Self::of_extension(extension) {
            Some(kind) => Ok((kind, packing)),
            None => Err(unsupported(path, extension, packing)),
        }
    }

    fn of_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "jsonl" | "ndjson" => Self::Jsonl,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "txt" | "text" => Self::Text,
            "md" | "markdown" => Self::Markdown,
            "xlsx" | "xlsm" => Self::Sheet,
            "parquet" => Self::Parquet,
            _ => return None,
        })
    }

    /// Whether a file of this kind holds running text and no rows.
    pub fn is_prose(self) -> bool {
        matches!(self, Self::Text | Self::Markdown)
    }
}

fn unsupported(path: &Path, extension: &str, packing: Packing) -> DataError {
    let advice = match extension {
        "" if packing != Packing::Plain => "name it after what is packed inside, such as rows.jsonl.gz",
        "tar" | "zip" | "xz" | "bz2" | "7z" | "tgz" | "rar" => "unpack it first",
        "xls" | "xlsb" | "ods" | "numbers" => "save the sheet as .xlsx or as \"CSV UTF-8\" in your spreadsheet program",
        "arrow" | "feather" | "orc" | "avro" => "save it as .parquet",
        "pkl" | "pickle" | "pt" | "bin" | "npy" => {
            "such files can run code when they are opened, so they never are; save it as .jsonl or .parquet"
        }
        "docx" | "doc" | "odt" | "rtf" | "pdf" | "epub" | "html" | "htm" => "save it as plain text (.txt)",
        _ => "use .jsonl, .json, .csv, .tsv, .parquet, .xlsx, .txt or .md",
    };
    let kind = match (extension, packing) {
        ("", Packing::Plain) => "without an extension".to_owned(),
        ("", packing) => format!("packed with {}, but otherwise without an extension,", packing.name()),
        (extension, _) => format!(".{extension}"),
    };
    DataError::UnsupportedKind { path: path.to_path_buf(), kind, advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_kind_and_packing() {
        for (name, kind, packing) in [
            ("a.jsonl", Kind::Jsonl, Packing::Plain),
            ("A.NDJSON", Kind::Jsonl, Packing::Plain),
            ("a.b.csv.gz", Kind::Csv, Packing::Gzip),
            ("a.tsv.zst", Kind::Tsv, Packing::Zstd),
            ("train-00000-of-00001.parquet", Kind::Parquet, Packing::Plain),
            (".md", Kind::Markdown, Packing::Plain),
        ] {
            assert_eq!(Kind::of(Path::new(name)).unwrap(), (kind, packing), "{name}");
        }
    }

    #[test]
    fn other_names_are_refused_with_a_mend() {
        for (name, words) in [
            ("rows.gz", "rows.jsonl.gz"),
            ("a.tar.gz", "unpack it first"),
            ("a.xls", ".xlsx"),
            ("a.pkl", "run code"),
            ("jsonl", "without an extension"),
            ("a.csvx", "use .jsonl"),
        ] {
            let message = Kind::of(Path::new(name)).unwrap_err().to_string();
            assert!(message.contains(words) && message.ends_with(name), "{message}");
        }
    }
}
