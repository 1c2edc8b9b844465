//! The chat template: how a conversation becomes one text.
//!
//! Templates come from the model and are not trusted: they run in `minijinja`, which reaches neither files nor network,
//! with a budget of work and memory (`bounds.rs`). What Hugging Face's templates expect is there: `raise_exception`,
//! `strftime_now`, Python's `tojson`, string methods, loop controls, `trim_blocks` and `lstrip_blocks`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{Local, NaiveDateTime};
use minijinja::value::{Kwargs, Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value, syntax::SyntaxConfig};

use super::error::TextError;
use super::{bounds, python_json};
use crate::data::Message;

/// The template for models that bring none. A conversation becomes
///
/// ```text
/// {system message}
///
/// User: {question}
/// Assistant: {answer}{eos_token}
/// User: {question}
/// Assistant: {answer}{eos_token}
/// ```
///
/// where the system message and the empty line after it stand only when there is one, a tool's message stands under
/// `Tool:`, and a prompt ends with `Assistant:`. Surrounding white space of every message is removed.
pub const PLAIN_TEMPLATE: &str = "\
{%- for message in messages %}
{%- if message.role == 'system' %}{{ message.content | trim ~ '\\n\\n' }}
{%- elif message.role == 'assistant' %}{{ 'Assistant: ' ~ (message.content | trim) ~ eos_token ~ '\\n' }}
{%- else %}{{ (message.role | capitalize) ~ ': ' ~ (message.content | trim) ~ '\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}
";

/// Work that one rendering may do: about two million instructions, or 128 MB of text.
const FUEL: u64 = 2_000_000;

/// Where the chat template comes from. `Display` gives a sentence for the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateOrigin {
    /// A file of the model's folder.
    File(&'static str),
    /// The metadata of a GGUF file.
    Gguf,
    /// The model has none: [`PLAIN_TEMPLATE`] stands in.
    Plain,
}

impl TemplateOrigin {
    /// Whether the model brought its own chat template.
    pub fn is_models_own(&self) -> bool {
        *self != Self::Plain
    }

    /// A short name for messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::File(name) => name,
            Self::Gguf => "in the GGUF file",
            Self::Plain => "plain default",
        }
    }
}

impl std::fmt::Display for TemplateOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(name) => write!(f, "The model's own chat template, from {name}."),
            Self::Gguf => f.write_str("The model's own chat template, from the GGUF file."),
            Self::Plain => f.write_str(
                "This model brings no chat template. A plain one stands in: \"User: …\", then \"Assistant: …\" and the \
                 end-of-text token.",
            ),
        }
    }
}

/// The time that a template's `strftime_now` tells.
///
/// Some templates write today's date into the system message. A run that is to be repeated or resumed holds the clock
/// still, so that its tokens stay the same on another day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's local time.
    #[default]
    Now,
    /// Always this time.
    At(NaiveDateTime),
}

impl Clock {
    fn time(self) -> NaiveDateTime {
        match self {
            Self::Now => Local::now().naive_local(),
            Self::At(time) => time,
        }
    }
}

/// A compiled chat template with the special tokens it may print. Clones share the compiled form.
#[derive(Clone)]
pub(super) struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    source: Arc<str>,
    origin: TemplateOrigin,
    specials: Arc<BTreeMap<String, String>>,
}

const NAME: &str = "chat";

impl ChatTemplate {
    /// Compiles `source`. `specials` are the tokens a template may print, by their names in `tokenizer_config.json`
    /// (`bos_token`, `eos_token`, …).
    pub(super) fn new(
        source: &str,
        origin: TemplateOrigin,
        specials: BTreeMap<String, String>,
        clock: Clock,
    ) -> Result<Self, TextError> {
        if source.len() > bounds::MAX_SOURCE {
            let reason = format!("it has {} bytes, far more than any chat template", source.len());
            return Err(TextError::TemplateSyntax { origin: origin.name().to_owned(), line: 0, reason });
        }
        let mut environment = environment(clock).map_err(|error| syntax_error(&origin, &error))?;
        environment
            .add_template_owned(NAME, bounds::with_checked_namespaces(&without_generation_marks(source)))
            .map_err(|error| syntax_error(&origin, &error))?;
        Ok(Self { environment: Arc::new(environment), source: source.into(), origin, specials: Arc::new(specials) })
    }

    /// The same template under another clock.
    pub(super) fn with_clock(&self, clock: Clock) -> Result<Self, TextError> {
        Self::new(&self.source, self.origin.clone(), (*self.specials).clone(), clock)
    }

    /// The template as the model brought it.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn origin(&self) -> &TemplateOrigin {
        &self.origin
    }

    /// The conversation as one text; with `add_generation_prompt` it ends where the assistant's answer begins.
    pub(super) fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, TextError> {
        let mut context: BTreeMap<&str, Value> =
            self.specials.iter().map(|(name, token)| (name.as_str(), Value::from(token.as_str()))).collect();
        context.insert("messages", Value::from(Serde(messages)));
        context.insert("add_generation_prompt", Value::from(add_generation_prompt));
        // Hugging Face always passes these two, and templates ask whether they are none.
        context.insert("tools", Value::from(()));
        context.insert("documents", Value::from(()));
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render(Value::from(context)))
            .map_err(|error| self.render_error(&error))
    }

    fn render_error(&self, error: &Error) -> TextError {
        let origin = self.origin.name().to_owned();
        match refusal(error) {
            Some(words) => TextError::TemplateRefused { origin, words: words.to_owned() },
            None => TextError::TemplateFailed { origin, line: error.line().unwrap_or_default(), reason: reason(error) },
        }
    }
}

fn syntax_error(origin: &TemplateOrigin, error: &Error) -> TextError {
    TextError::TemplateSyntax {
        origin: origin.name().to_owned(),
        line: error.line().unwrap_or_default(),
        reason: reason(error),
    }
}

fn reason(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it does more work than a chat template should".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// What a template said through `raise_exception`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

fn refusal(error: &Error) -> Option<&str> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(Refusal(words)) = inner.downcast_ref::<Refusal>() {
            return Some(words);
        }
        cause = inner.source();
    }
    None
}

fn environment(clock: Clock) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(print_like_python);
    environment.set_fuel(Some(FUEL));
    bounds::install(&mut environment);
    environment.add_filter("tojson", to_json);
    // As in Python, where texts can be walked through and none cannot.
    environment.add_test("iterable", |value: &Value| match value.kind() {
        ValueKind::None => false,
        ValueKind::String => true,
        _ => value.try_iter().is_ok(),
    });
    environment.add_function("raise_exception", |words: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, "refused").with_source(Refusal(words)))
    });
    environment.add_function("strftime_now", move |format: &str| -> Result<String, Error> {
        bounds::check_date_format(format)?;
        let mut text = String::new();
        write!(text, "{}", clock.time().format(format)).map_err(|_| {
            Error::new(ErrorKind::InvalidOperation, format!("strftime_now does not know the format {format:?}"))
        })?;
        Ok(text)
    });
    Ok(environment)
}

/// Prints a value as Jinja under Python does, where `true` and `none` are `True` and `None`.
fn print_like_python(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None => out.write_str("None").map_err(Error::from),
        ValueKind::Bool => out.write_str(if value.is_true() { "True" } else { "False" }).map_err(Error::from),
        _ => {
            bounds::check(state, value)?;
            minijinja::escape_formatter(out, state, value)
        }
    }
}

/// The `tojson` filter of Hugging Face's templates, without HTML escapes. Of its options, `indent` is obeyed and
/// `ensure_ascii`, `separators` and `sort_keys` are refused unless they say what happens anyway.
fn to_json(state: &State, value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent = bounds::check_indent(options.get("indent")?)?;
    bounds::check(state, value)?;
    if options.get::<Option<bool>>("ensure_ascii")? == Some(true)
        || options.get::<Option<bool>>("sort_keys")? == Some(true)
    {
        return Err(Error::new(ErrorKind::InvalidOperation, "tojson does not know ensure_ascii and sort_keys"));
    }
    options.assert_all_used()?;
    python_json::dumps(value, indent)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, "tojson cannot write this value").with_source(error))
}

/// Replaces `{% generation %}` … `{% endgeneration %}`, marks that Hugging Face's own engine adds to Jinja, by a block
/// that is always taken: white space around them stays under the same rules.
fn without_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let length = tag.find("%}").map_or(tag.len(), |end| end + 2);
        let (tag, after) = tag.split_at(length);
        match tag.trim_start_matches("{%").trim_end_matches("%}").trim_matches(['-', '+']).trim() {
            "generation" => out.push_str(&tag.replacen("generation", "if true", 1)),
            "endgeneration" => out.push_str(&tag.replacen("endgeneration", "endif", 1)),
            _ => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
