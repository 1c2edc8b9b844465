//! `--map K=COLUMN`: which column plays which part, where detection guesses otherwise.

use std::str::FromStr;

use clap::Args;

use crate::data::ColumnMap;

/// The parts a column can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Prompt,
    Response,
    Context,
    System,
    Topic,
}

impl Part {
    const ALL: [Part; 5] = [Part::Prompt, Part::Response, Part::Context, Part::System, Part::Topic];

    fn name(self) -> &'static str {
        match self {
            Part::Prompt => "prompt",
            Part::Response => "response",
            Part::Context => "context",
            Part::System => "system",
            Part::Topic => "topic",
        }
    }
}

/// One `K=COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub part: Part,
    pub column: String,
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(entry: &str) -> Result<Self, String> {
        let parts = Part::ALL.map(Part::name).join(", ");
        let (name, column) = entry
            .split_once('=')
            .ok_or_else(|| format!("write PART=COLUMN, such as prompt=Question, with PART one of {parts}"))?;
        let part = Part::ALL
            .into_iter()
            .find(|part| part.name() == name)
            .ok_or_else(|| format!("`{name}` is no part a column can play: use one of {parts}"))?;
        if column.is_empty() {
            return Err(format!("the column for `{name}` has no name: write {name}=COLUMN"));
        }
        Ok(Self { part, column: column.into() })
    }
}

/// The flag itself, for every command that reads rows.
#[derive(Args, Clone, Debug, Default)]
pub struct ColumnFlag {
    /// Take a part from a column, such as `prompt=Question`; parts are prompt, response, context, system and topic
    #[arg(long = "map", value_name = "K=COLUMN")]
    pub map: Vec<Entry>,
}

impl ColumnFlag {
    /// The entries as one map. Errs when a part is given twice.
    pub fn column_map(&self) -> anyhow::Result<ColumnMap> {
        let mut map = ColumnMap::default();
        for Entry { part, column } in &self.map {
            let place = match part {
                Part::Prompt => &mut map.prompt,
                Part::Response => &mut map.response,
                Part::Context => &mut map.context,
                Part::System => &mut map.system,
                Part::Topic => &mut map.topic,
            };
            if let Some(first) = place.replace(column.clone()) {
                let name = part.name();
                anyhow::bail!("{name} is mapped to both \"{first}\" and \"{column}\": give --map {name}=COLUMN once");
            }
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_may_hold_any_sign_even_an_equals_sign() {
        assert_eq!("prompt=Frage = ?".parse(), Ok(Entry { part: Part::Prompt, column: "Frage = ?".into() }));
    }

    #[test]
    fn entries_become_one_map_and_no_part_comes_twice() {
        let map = ["prompt=Q", "response=A", "topic=T"].map(|entry| entry.parse().unwrap()).to_vec();
        let mut flag = ColumnFlag { map };
        let expected = ColumnMap {
            prompt: Some("Q".into()),
            response: Some("A".into()),
            topic: Some("T".into()),
            ..ColumnMap::default()
        };
        assert_eq!(flag.column_map().unwrap(), expected);
        flag.map.push("prompt=Other".parse().unwrap());
        let refusal = flag.column_map().unwrap_err().to_string();
        assert!(refusal.contains("\"Q\" and \"Other\""), "{refusal}");
    }

    #[test]
    fn an_unknown_part_is_refused_with_those_there_are() {
        let refusal = "answer=A".parse::<Entry>().unwrap_err();
        assert!(refusal.contains("answer") && refusal.contains("response"), "{refusal}");
    }

    #[test]
    fn a_part_without_a_column_is_refused() {
        assert!("prompt".parse::<Entry>().is_err());
        assert!("prompt=".parse::<Entry>().unwrap_err().contains("prompt=COLUMN"));
    }
}
