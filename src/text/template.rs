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
mod tests {
    use super::*;
    use crate::text::fixtures::{CHATML, conversation};

    fn compile(source: &str) -> Result<ChatTemplate, TextError> {
        let specials = [("bos_token", "<s>"), ("eos_token", "</s>")];
        let specials = specials.map(|(name, token)| (name.to_owned(), token.to_owned())).into();
        let time = chrono::NaiveDate::from_ymd_opt(2024, 7, 26).and_then(|day| day.and_hms_opt(9, 5, 0)).unwrap();
        ChatTemplate::new(source, TemplateOrigin::File("chat_template.jinja"), specials, Clock::At(time))
    }

    fn render(source: &str) -> Result<String, TextError> {
        compile(source)?.render(&conversation("", &[" Hi <you> ", "\"Yes\""]), false)
    }

    #[test]
    fn blocks_take_their_line_breaks_and_indents_with_them() {
        let text = render("{% for m in messages %}\n    {% if true %}\n{{ m.role }}\n    {% endif %}\n{% endfor %}\n")
            .unwrap();
        assert_eq!(text, "user\nassistant\n");
    }

    #[test]
    fn a_prompt_ends_where_the_answer_begins() {
        let template = compile(CHATML).unwrap();
        let text = template.render(&conversation("", &["Hi"]), true).unwrap();
        let expected =
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_plain_template_is_as_documented() {
        let template = compile(PLAIN_TEMPLATE).unwrap();
        let messages = conversation("Be kind. ", &["Hi\n", "Yes", "Why", "So"]);
        let text = "Be kind.\n\nUser: Hi\nAssistant: Yes</s>\nUser: Why\nAssistant: So</s>\n";
        assert_eq!(template.render(&messages, false).unwrap(), text);
        assert_eq!(template.render(&messages[1..2], true).unwrap(), "User: Hi\nAssistant:");
    }

    #[test]
    fn python_methods_slices_and_loops_with_memory_work() {
        let source = "{% set ns = namespace(count=0) %}{% for m in messages[1:] + messages[:1] %}\
            {% if m.content.strip().startswith('Hi') %}{% set ns.count = ns.count + 1 %}{% continue %}{% endif %}\
            {{ m['content'].split('e')[0] }}{% endfor %}{{ ns.count }}{{ messages[-1].role.upper() }}";
        assert_eq!(render(source).unwrap(), "\"Y1ASSISTANT");
    }

    #[test]
    fn none_cannot_be_iterated_and_a_text_can() {
        assert_eq!(
            render("{{ tools is iterable }} {{ 'a' is iterable }} {{ messages is iterable }}").unwrap(),
            "False True True"
        );
    }

    #[test]
    fn tojson_writes_as_python_does_and_keeps_the_order() {
        let text = render("{{ messages[0] | tojson }}").unwrap();
        assert_eq!(text, r#"{"role": "user", "content": " Hi <you> "}"#);
        let text = render("{{ {'a': [1], 'b': none} | tojson(indent=2) }}").unwrap();
        assert_eq!(text, "{\n  \"a\": [\n    1\n  ],\n  \"b\": null\n}");
    }

    #[test]
    fn truth_and_none_are_printed_as_python_does() {
        assert_eq!(render("{{ true }} {{ none }} {{ missing }} {{ tools is none }}").unwrap(), "True None  True");
    }

    #[test]
    fn the_date_is_the_clocks() {
        assert_eq!(render("{{ strftime_now('%d %b %Y') }}").unwrap(), "26 Jul 2024");
    }

    #[test]
    fn a_date_format_that_does_not_exist_is_an_error() {
        let error = render("\n{{ strftime_now('%Q') }}").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("%Q"), "{error}");
    }

    #[test]
    fn a_refusal_carries_the_templates_words() {
        let error = render("{{ raise_exception('Roles must alternate') }}").unwrap_err();
        assert!(matches!(&error, TextError::TemplateRefused { words, .. } if words == "Roles must alternate"));
        let message = "the chat template (chat_template.jinja) refused this conversation: Roles must alternate";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn a_template_that_does_not_compile_is_named_with_its_line() {
        let error = compile("{{ bos_token }}\n{% for %}").err().unwrap().to_string();
        assert!(error.contains("line 2") && error.contains("chat_template.jinja"), "{error}");
    }

    #[test]
    fn a_template_that_never_ends_is_stopped() {
        let source = "{% macro again() %}{% for i in range(1000) %}{% for j in range(9999) %}x{% endfor %}\
            {% endfor %}{% endmacro %}{{ again() }}";
        assert!(render(source).unwrap_err().to_string().contains("more work"));
    }

    #[test]
    fn a_template_that_fills_the_memory_is_stopped() {
        let source =
            "{% set ns = namespace(x='12345678') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}";
        assert!(render(source).unwrap_err().to_string().contains("larger than 16 MB"));
    }

    /// What each of these templates is refused with.
    fn assert_refused(source: &str, words: &str) {
        let error = render(source).unwrap_err().to_string();
        assert!(error.contains(words), "{source}: {error}");
    }

    #[test]
    fn a_template_that_asks_for_memory_at_once_is_refused() {
        assert_refused("{{ 1 | tojson(indent=1000000000000000) }}", "at most 16 spaces");
        assert_refused("{{ [1] | tojson(indent=17) }}", "at most 16 spaces");
        assert_refused("{{ '{:>1000000000000}'.format(1) }}", "numbers up to 4096");
        assert_refused("{{ '{:.99999999999999999999}'.format(1.5) }}", "numbers up to 4096");
        assert_refused("{{ '%1000000000000d' | format(1) }}", "more work");
        assert_refused("{{ 'x' * 1000000000000 }}", "more work");
        assert_refused("{{ 'a\nb' | indent(1000000000000) }}", "more work");
        assert_refused("{{ range(1000000000000) | list }}", "too many elements");
        assert_refused("{{ ('x' * 1000000).replace('', 'y' * 1000000) }}", "more work");
        assert_refused("{{ strftime_now('%c' * 1000000) }}", "at most 1024 bytes");
        assert_refused(
            "{{ ('x' * 10000000) | tojson }}{{ [('x' * 10000000), ('x' * 10000000)] }}",
            "larger than 16 MB",
        );
        assert_eq!(render("{{ '{:>4}|{:.2f}'.format('ab', 1.5) }}").unwrap(), "  ab|1.50");
        assert!(compile(&"x".repeat(bounds::MAX_SOURCE + 1)).is_err());
    }

    #[test]
    fn a_list_that_holds_itself_many_times_over_is_not_written_out() {
        let doubled = format!("{{% set x = 'a' %}}{}", "{% set x = [x, x] %}".repeat(30));
        for use_of_it in ["x", "x | tojson", "x | string", "x | pprint", "','.join([x])", "'{}'.format(x)"] {
            assert_refused(&format!("{doubled}{{{{ {use_of_it} }}}}"), "larger than 16 MB");
        }
    }

    #[test]
    fn lists_nested_without_end_are_refused_before_they_cannot_be_freed() {
        let refusals = [
            ("[ns.x]", "more than 32 deep"),
            ("{'a': ns.x}", "more than 32 deep"),
            ("[ns.x, ns.x]", "larger than 16 MB"),
        ];
        for (nested, words) in refusals {
            for set in ["{% set ns.x = NEW %}", "{%- set a, ns . x = 1, NEW -%}", "{{ '{%' }}{%+ set ns.x=NEW %}"] {
                let body = set.replace("NEW", nested);
                let loops = "{% for a in range(1000) %}{% for b in range(1000) %}BODY{% endfor %}{% endfor %}";
                let source = format!("{{% set ns = namespace(x='a') %}}{}", loops.replace("BODY", &body));
                assert_refused(&source, words);
            }
        }
        // As deep as a source within bounds can nest, statement by statement.
        let statement = "{%set x=[x]%}";
        let source = statement.repeat(bounds::MAX_SOURCE / statement.len());
        assert_eq!(render(&source).unwrap(), "");
        assert_refused(&(source[..statement.len() * 100].to_owned() + "{{ x }}"), "more than 32 deep");
    }

    #[test]
    fn the_check_of_a_namespace_leaves_white_space_as_it_was() {
        let source = "{% set ns = namespace(n=0) %}\na\n  {% set ns.n = ns.n + 1 %}\nb\n {%- set ns.n = 2 -%}\n c {%+ set ns.n = 3 %}\n{{ ns.n }}";
        let plain =
            source.replace("ns.n = ns.n + 1", "x = 1").replace("ns.n = 2", "x = 2").replace("ns.n = 3", "x = 3");
        assert_eq!(render(source).unwrap(), render(&plain.replace("{{ ns.n }}", "3")).unwrap());
    }

    #[test]
    fn generation_marks_are_read_over() {
        let source = "a {%- generation -%} b {%- endgeneration %} {{ '{%' }} c";
        assert_eq!(render(source).unwrap(), "ab {% c");
    }
}
