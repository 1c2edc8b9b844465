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
    let text =
        render("{% for m in messages %}\n    {% if true %}\n{{ m.role }}\n    {% endif %}\n{% endfor %}\n").unwrap();
    assert_eq!(text, "user\nassistant\n");
}

#[test]
fn a_prompt_ends_where_the_answer_begins() {
    let template = compile(CHATML).unwrap();
    let text = template.render(&conversation("", &["Hi"]), true).unwrap();
    let expected = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
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
    assert_refused("{{ ('x' * 10000000) | tojson }}{{ [('x' * 10000000), ('x' * 10000000)] }}", "larger than 16 MB");
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
    let refusals =
        [("[ns.x]", "more than 32 deep"), ("{'a': ns.x}", "more than 32 deep"), ("[ns.x, ns.x]", "larger than 16 MB")];
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
    let plain = source.replace("ns.n = ns.n + 1", "x = 1").replace("ns.n = 2", "x = 2").replace("ns.n = 3", "x = 3");
    assert_eq!(render(source).unwrap(), render(&plain.replace("{{ ns.n }}", "3")).unwrap());
}

#[test]
fn generation_marks_are_read_over() {
    let source = "a {%- generation -%} b {%- endgeneration %} {{ '{%' }} c";
    assert_eq!(render(source).unwrap(), "ab {% c");
}
