use crate::config::read::node::Scalar;
use crate::config::{FileSource, Sources, load};

/// The value of an attribute, and whether the file is refused instead.
fn value(line: &str) -> Result<Option<Scalar>, String> {
    let text =
        format!("file_format: '1.2'\nresource:\n  attributes:\n    - name: key\n      {line}\n");
    let sources = Sources {
        file: FileSource::Text { name: String::from("sdk.yaml"), text },
        env: [
            ("STRING_VALUE", "value"),
            ("BOOL_VALUE", "true"),
            ("INT_VALUE", "1"),
            ("FLOAT_VALUE", "1.1"),
            ("HEX_VALUE", "0xdeadbeef"),
            ("INVALID_MAP_VALUE", "value\nkey:value"),
            ("DO_NOT_REPLACE_ME", "Never use this value"),
            ("REPLACE_ME", "${DO_NOT_REPLACE_ME}"),
            ("VALUE_WITH_ESCAPE", "value$$"),
        ]
        .into_iter()
        .collect(),
        ..Sources::default()
    };
    let resolved = load(&sources).map_err(|error| error.to_string())?;
    let attributes = resolved.settings.resource_attributes;
    Ok(attributes.into_iter().find(|(name, _)| name == "key").map(|(_, value)| value))
}

/// The substitution table of the specification's data model, row by row, but for the one
/// about keys, which is a test of its own.
#[test]
fn substitution_by_the_table_of_the_specification() {
    let text = |text: &str| Some(Scalar::Str(text.to_owned()));
    let rows = [
        ("value: ${STRING_VALUE}", text("value")),
        ("value: ${BOOL_VALUE}", Some(Scalar::Bool(true))),
        ("value: ${INT_VALUE}", Some(Scalar::I64(1))),
        ("value: ${FLOAT_VALUE}", Some(Scalar::F64(1.1))),
        ("value: ${HEX_VALUE}", Some(Scalar::I64(0xdead_beef))),
        ("value: \"${STRING_VALUE}\"", text("value")),
        ("value: \"${BOOL_VALUE}\"", text("true")),
        ("value: \"${INT_VALUE}\"", text("1")),
        ("value: \"${FLOAT_VALUE}\"", text("1.1")),
        ("value: \"${HEX_VALUE}\"", text("0xdeadbeef")),
        ("value: ${env:STRING_VALUE}", text("value")),
        ("value: ${INVALID_MAP_VALUE}", text("value\nkey:value")),
        ("value: foo ${STRING_VALUE} ${FLOAT_VALUE}", text("foo value 1.1")),
        ("value: ${UNDEFINED_KEY}", None),
        ("value: ${UNDEFINED_KEY:-fallback}", text("fallback")),
        ("value: ${REPLACE_ME}", text("${DO_NOT_REPLACE_ME}")),
        ("value: ${UNDEFINED_KEY:-${STRING_VALUE}}", text("${STRING_VALUE}")),
        ("value: $${STRING_VALUE}", text("${STRING_VALUE}")),
        ("value: $$${STRING_VALUE}", text("$value")),
        ("value: $$$${STRING_VALUE}", text("$${STRING_VALUE}")),
        ("value: $${STRING_VALUE:-fallback}", text("${STRING_VALUE:-fallback}")),
        ("value: $${STRING_VALUE:-${STRING_VALUE}}", text("${STRING_VALUE:-value}")),
        ("value: ${UNDEFINED_KEY:-$${UNDEFINED_KEY}}", text("${UNDEFINED_KEY:-${UNDEFINED_KEY}}")),
        ("value: ${VALUE_WITH_ESCAPE}", text("value$$")),
        ("value: a $$ b", text("a $ b")),
        ("value: a $ b", text("a $ b")),
    ];
    assert_eq!(rows.len() + 2, 28);
    for (line, expected) in rows {
        assert_eq!(value(line), Ok(expected), "{line}");
    }
    let refused = value("value: ${STRING_VALUE:?error}");
    assert!(refused.is_err_and(|report| report.contains("sdk.yaml:5:14")));
}

#[test]
fn keys_are_not_substituted() {
    let report = value("${STRING_VALUE}: value");
    assert!(report.is_err_and(|report| report.contains("${STRING_VALUE}: not supported")));
}
