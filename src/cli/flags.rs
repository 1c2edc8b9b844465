//! Flags that several commands share, and how their values are read.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::adapter::Target;

/// Reads one of the names that `T` has in files, such as `cosine`.
pub(super) fn named<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    T::deserialize(IntoDeserializer::<ValueError>::into_deserializer(name)).map_err(|error| error.to_string())
}

/// A help text that ends with the value used when the flag is left out.
pub(super) fn help(text: &str, default: impl Display) -> String {
    format!("{text} [default: {default}]")
}

/// The value of `--targets`: module names, or `all-linear` for every one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets(pub Vec<Target>);

impl FromStr for Targets {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        if list == "all-linear" {
            return Ok(Self(Target::ALL.to_vec()));
        }
        list.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// The value of `--heads`: a number, or `auto` for what suits the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadCount {
    Auto,
    Exactly(usize),
}

impl FromStr for HeadCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            number => number.parse().map(Self::Exactly).map_err(|_| "give a number of heads, or auto".into()),
        }
    }
}

/// A list of head numbers, counted from 0: `0,2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads(pub Vec<usize>);

impl FromStr for Heads {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        list.split(',')
            .map(|head| {
                let head = head.trim();
                head.parse().map_err(|_| format!("`{head}` is not a head: heads are numbered 0, 1, 2, …"))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{DeviceChoice, Schedule};

    #[test]
    fn names_are_read_as_in_files() {
        assert_eq!(named::<Schedule>("linear"), Ok(Schedule::Linear));
        assert_eq!(named::<DeviceChoice>("cuda"), Ok(DeviceChoice::Cuda));
        let refusal = named::<Schedule>("square").unwrap_err();
        assert!(refusal.contains("square") && refusal.contains("cosine"), "{refusal}");
    }

    #[test]
    fn targets_are_a_list_or_all() {
        assert_eq!("q,v_proj".parse(), Ok(Targets(vec![Target::Q, Target::V])));
        assert_eq!("all-linear".parse(), Ok(Targets(Target::ALL.to_vec())));
        assert!("q,,v".parse::<Targets>().is_err());
    }

    #[test]
    fn a_number_of_heads_is_a_number_or_auto() {
        assert_eq!(("4".parse(), "auto".parse()), (Ok(HeadCount::Exactly(4)), Ok(HeadCount::Auto)));
        assert!("many".parse::<HeadCount>().unwrap_err().contains("auto"));
    }

    #[test]
    fn heads_are_numbers() {
        assert_eq!("0, 2".parse(), Ok(Heads(vec![0, 2])));
        assert!("one".parse::<Heads>().unwrap_err().contains("one"));
    }
}
