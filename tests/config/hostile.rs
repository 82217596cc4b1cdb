//! Bad input of every kind ends in a report or in defaults: no panic, no abort, no hang.

use std::fmt::Write as _;
#[cfg(unix)]
use std::{
    ffi::OsString,
    fs::Permissions,
    os::unix::{ffi::OsStringExt, fs::PermissionsExt},
};

use tracing_genai::config::Config;

use super::{explain, report, resolve, value};

/// What the report has to contain for each text.
#[cfg(feature = "yaml")]
#[test]
fn malformed_files_are_refused_with_a_reason() {
    let deep = "[".repeat(10_000);
    let deep_map = (0..200).fold(String::new(), |mut text, depth| {
        let _ = writeln!(text, "{}a:", " ".repeat(depth));
        text
    });
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        let _ = writeln!(bomb, "a{level}: &a{level} [{aliases}]");
    }
    let many = (0..200_000).fold(String::from("headers:\n"), |mut text, n| {
        let _ = writeln!(text, " x{n}: y");
        text
    });
    let rows: &[(&str, &str)] = &[
        ("just text", "configuration:1:1: expected a mapping, got a string"),
        ("- a\n- b", "configuration:1:1: expected a mapping, got a list"),
        (&bomb, "more than 20000 values"),
        ("a: &a [*a]", "configuration:1:8: an alias inside of what it stands for"),
        ("a: *b", "configuration:1:4: an alias for something that is not there"),
        (
            "endpoint: http://a\nendpoint: http://b",
            "configuration:2:1: \"endpoint\" is given twice (first at line 1)",
        ),
        ("otel:\n\tendpoint: http://a", "tabs are not allowed for indentation"),
        ("endpoint: \"a\0b\"", "configuration:1:"),
        ("endpoint: a\u{1b}b", "configuration:1:"),
        (&deep, "nested more than 32 levels deep"),
        (&deep_map, "nested more than 32 levels deep"),
        (&"x".repeat(10 << 20), "larger than 1 MiB"),
        (&many, "larger than 1 MiB"),
        (
            "endpoint: http://a\n---\nendpoint: http://b",
            "configuration:2:1: a second document; expected one",
        ),
        ("endpoint: http://a\n...\njunk: x", "configuration:3:"),
        ("endpoint: !!python/object x", "a tag that is not supported"),
        ("headers: {x: !secret x}", "configuration:1:22: a tag that is not supported"),
        ("Endpoint: http://a", "did you mean `endpoint`?"),
        (
            "otel: {max_queue_size: 1}",
            "configuration:1:8: otel.max_queue_size: unknown key\n    help: did you mean `traces.batch.max_queue_size`?",
        ),
        ("agents: 1\nproviders: 2", "the file has: \"agents\", \"providers\""),
        ("otel: {}\nendpoint: http://a", "both `otel` and `endpoint` beside it"),
        ("file_format: '1.0'\notel: {}", "both `file_format` (line 1) and `otel`"),
        ("plugins: {a: {otel: {}}, b: {otel: {}}}", "several have an otel configuration: a, b"),
        (
            "plugins: [{name: otel, config: {}}, {name: otel, config: {}}]",
            "several have an otel configuration",
        ),
        ("file_format: 2.0", "expected \"1.0\" to \"1.2\", got \"2.0\""),
        ("file_format: 0.4", "expected \"1.0\" to \"1.2\""),
        ("? [a]\n: b", "a key that is not text"),
        ("exporters: {a: b}", "expected a list, got a mapping"),
        ("endpoint: http://a\ncollector_url: http://b", "says the same as `endpoint` at line 1"),
        ("content_capture: full\ndisable_content_logging: true", "says the same as"),
    ];
    for (text, expected) in rows {
        let said = report(text, &[]);
        let start: String = text.chars().take(60).collect();
        assert!(said.contains(expected), "{start}\n---\n{said}");
        assert!(said.len() < 2000, "{start}");
    }
}

#[cfg(feature = "yaml")]
#[test]
fn unusual_files_are_fine() {
    for text in ["", "# only a comment", "~", "otel:", "otel: {}", "---\n", "exporters:"] {
        assert_eq!(value(&explain(text, &[]), "sampler"), "parentbased_always_on", "{text:?}");
    }
    for text in [
        "\u{feff}endpoint: http://c:1",
        "otel:\r\n  endpoint: http://c:1\r\n",
        "base: &base {endpoint: 'http://c:1'}\notel:\n  <<: *base\n",
        "{\n\t\"endpoint\": \"http://c:1\"\n}",
        "endpoint: HTTP://C:1",
        "endpoint: ' http://c:1 '",
        "endpoint: !!str http://c:1",
        "agents: ${UNSET}\nplugins: {x: {otel: {endpoint: 'http://c:1'}}}",
        "plugins: {x: {otlp_endpoint: 'http://c:1'}}",
    ] {
        let explanation = explain(text, &[]);
        let url = value(&explanation, "destinations.default.traces");
        assert_eq!(url, "http://c:1/v1/traces", "{text:?}");
    }
    let newer = explain("file_format: '1.9'", &[]);
    assert!(newer.warnings()[0].contains("newer"), "{:?}", newer.warnings());
}

#[cfg(feature = "yaml")]
#[test]
fn values_out_of_range_are_refused() {
    for (text, expected) in [
        ("enabled: yes", "expected true or false, got \"yes\""),
        ("sampler_arg: .nan", "got .nan"),
        ("sampler_arg: .inf", "got .inf"),
        ("sampler_arg: NaN", "got \"NaN\""),
        ("sampler_arg: -0.1", "got -0.1"),
        ("sampler_arg: 1.01", "got 1.01"),
        ("sampler_arg: 10%", "got \"10%\""),
        ("timeout: -5", "got -5"),
        ("timeout: 1.5", "got 1.5"),
        ("timeout: 1:30", "got \"1:30\""),
        ("timeout: 99999999999", "got 99999999999"),
        ("timeout: 1_000", "got \"1_000\""),
        ("traces: {batch: {flush_ms: 0}}", "got 0"),
        ("metrics: {export_interval_ms: 0}", "got 0"),
        ("traces: {batch: {max_queue_size: 0}}", "got 0"),
        ("traces: {batch: {max_queue_size: 2147483647}}", "got 2147483647"),
        ("traces: {batch: {max_queue_size: 18446744073709551615}}", "got 18446744073709551615"),
        (
            "traces: {batch: {max_queue_size: 10, max_export_batch_size: 20}}",
            "expected at most traces.batch.max_queue_size = 10, got 20",
        ),
        ("metrics_push_interval: 301", "expected seconds from 1 to 300, got 301"),
        ("service_name: ''", ""),
        ("resource_attributes: {'': x}", "empty name"),
        ("resource_attributes: {x: .inf}", "expected a finite number, got .inf"),
        ("content_attr_max_bytes: 0", "got 0"),
        ("propagators: [b3]", "got \"b3\""),
    ] {
        if expected.is_empty() {
            continue;
        }
        let said = report(text, &[]);
        assert!(said.contains(expected), "{text}\n---\n{said}");
    }
    for (text, key, expected) in [
        ("sampler: traceidratio\nsampler_arg: '0.1'", "sampler_arg", "0.1"),
        ("sampler: TRACEIDRATIO\nsampler_arg: 1e-320", "sampler", "traceidratio"),
        ("timeout: 5s", "timeout", "5000"),
        ("timeout: 0x10", "timeout", "16"),
        ("timeout: 0", "timeout", "0"),
        ("span_ttl: 1h", "span_ttl", "3600000"),
        ("content_capture: off", "content_capture", "off"),
        ("content_capture: false", "content_capture", "off"),
        ("content_capture: no_content", "content_capture", "off"),
        ("content_capture: {input: full}", "content_capture.input", "full"),
        ("traces: {batch: {max_queue_size: 10}}", "traces.batch.max_queue_size", "10"),
    ] {
        assert_eq!(value(&explain(text, &[]), key), expected, "{text}");
    }
}

#[cfg(feature = "yaml")]
#[test]
fn addresses_that_would_lose_data_are_refused() {
    let long = format!("http://h/{}", "x".repeat(100_000));
    for (endpoint, expected) in [
        ("localhost:4318", "for example http://localhost:4318"),
        ("ftp://h", "got the scheme \"ftp\""),
        ("http://", "without a host"),
        ("http://h:0", "port 0"),
        ("http://h:99999", "from 1 to 65535"),
        ("/just/path", "starts with http:// or https://"),
        ("unix:///x", "unix sockets are not supported"),
        ("http://h /x", "a space"),
        ("http://[::1", "not a name or an address"),
        ("\"http://h\\nx\"", "a line break"),
        (&long, "at most 2048 bytes"),
        ("http://u:p@h", "http://[redacted]@h"),
        ("'http://h/#f'", "fragment"),
        ("http://bücher.example", "punycode"),
        ("http://h\\x", "backslash"),
    ] {
        let said = report(&format!("endpoint: {endpoint}"), &[]);
        assert!(said.contains(expected), "{endpoint}\n---\n{said}");
        assert!(said.len() < 1000, "{endpoint}");
    }
    for (endpoint, expected) in [
        ("HTTP://Host:4318", "http://host:4318/v1/traces"),
        ("'http://[::1]:4318'", "http://[::1]:4318/v1/traces"),
        ("http://h/otlp?q=1", "http://h/otlp/v1/traces?[redacted]"),
        ("https://h/v1/metrics/", "https://h/v1/traces"),
        ("https://h/x/v1/traces", "https://h/x/v1/traces"),
    ] {
        let explanation = explain(&format!("endpoint: {endpoint}"), &[]);
        assert_eq!(value(&explanation, "destinations.default.traces"), expected, "{endpoint}");
    }
}

#[cfg(feature = "yaml")]
#[test]
fn headers_that_would_be_dropped_are_refused() {
    let long = format!("{}: x", "n".repeat(300));
    for (header, expected) in [
        ("x: \"a\\r\\nb\"", "the value contains a line break at byte 1"),
        ("x: \"a\\0\"", "a control character at byte 1"),
        ("x: é", "a character outside ASCII at byte 0"),
        ("bad name: x", "no header name may have"),
        ("'': x", "an empty name"),
        ("Host: x", "only the transport may set"),
        ("content-length: 1", "only the transport may set"),
        ("grpc-timeout: 1", "only the transport may set"),
        ("x-bin: 1", "binary header"),
        (&long, "more than 256 bytes"),
        ("x: [a]", "expected text, got a list"),
        ("x: ${UNSET}", "environment variable UNSET is not set"),
        ("x: ${EMPTY}", "environment variable EMPTY is not set"),
        ("x: '${'", "without a closing"),
        ("x: ${1A}", "not of the form"),
        ("x: '${A:?b}'", "not of the form"),
        ("x: env.UNSET", "(referenced as env.UNSET)"),
        ("x: ${BREAK}", "value of ${BREAK} contains a line break at byte 1"),
        ("x: 'file:/nowhere/at/all'", "cannot read /nowhere/at/all: no such file or directory"),
    ] {
        let text = format!("endpoint: http://h\nheaders:\n  {header}\n");
        let said = report(&text, &[("EMPTY", ""), ("BREAK", "a\nb")]);
        assert!(said.contains(expected), "{header}\n---\n{said}");
        assert!(said.contains("configuration:3:"), "{said}");
    }
    for header in [
        "x: 012345",
        "x: 1e5",
        "x: true",
        "x: '$${A}'",
        "x: ${LINE}",
        "x: |\n    block\n",
        "x: ${A:-b}",
    ] {
        let text = format!("endpoint: http://h\nheaders:\n  {header}\n");
        let explanation = explain(&text, &[("LINE", "a\n")]);
        assert_eq!(value(&explanation, "destinations.default.headers"), "x", "{header}");
    }
    for header in ["x: null", "x: ${A:-}", "content-type: a/b"] {
        let text = format!("endpoint: http://h\nheaders:\n  {header}\n");
        let explanation = explain(&text, &[]);
        assert_eq!(value(&explanation, "destinations.default.headers"), "", "{header}");
    }
}

#[test]
fn json_is_read_with_positions_and_without_yaml() {
    let said = report("{\n  \"endpoint\": \"http://c\",\n  \"endpoint\": \"http://d\"\n}", &[]);
    assert!(
        said.contains("configuration:3:3: \"endpoint\" is given twice (first at line 2)"),
        "{said}"
    );
    for text in ["{\"a\": }", "{\"a\" 1}", "{", "{\"endpoint\": \"\\u00\"}", "{\"endpoint\": tru}"]
    {
        assert!(resolve(text, &[]).is_err(), "{text}");
    }
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    assert!(report(&deep, &[]).contains("levels deep"));
}

#[cfg(unix)]
#[test]
fn paths_that_are_no_files_are_refused_without_waiting() {
    let directory = std::env::temp_dir();
    let binary = directory.join(format!("tracing-genai-utf16-{}", std::process::id()));
    std::fs::write(&binary, b"endpoint: \xff\xfeh").expect("a temporary file");
    // Opened for reading, a pipe without a writer would wait for ever.
    let pipe = directory.join(format!("tracing-genai-pipe-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe");
    let closed = directory.join(format!("tracing-genai-closed-{}", std::process::id()));
    std::fs::write(&closed, "endpoint: http://a").expect("a temporary file");
    std::fs::set_permissions(&closed, Permissions::from_mode(0o0)).expect("a mode");
    // Root may read everything.
    let readable = std::fs::read(&closed).is_ok();
    for (path, expected) in [
        (directory.as_path(), "it is a directory"),
        ("/dev/zero".as_ref(), "it is not a regular file"),
        ("/nowhere/at/all.yaml".as_ref(), "no such file or directory"),
        (pipe.as_path(), "it is not a regular file"),
        (closed.as_path(), "permission denied"),
        (binary.as_path(), "not valid UTF-8 (byte 10, line 1)"),
    ] {
        if readable && path == closed {
            eprintln!("skipped: this user may read a file of mode 000");
            continue;
        }
        let read = Config::from_file(path).and_then(|config| config.resolve([("A", "b")]));
        let said = read.expect_err("no configuration").to_string();
        assert!(said.contains(expected) && said.contains(path.to_str().expect("text")), "{said}");
    }
    for path in [binary, pipe, closed] {
        std::fs::remove_file(path).expect("the temporary file");
    }
}

#[cfg(unix)]
#[test]
fn values_that_are_no_text_are_told_by_name_and_content_stays_in() {
    let no_text = || OsString::from_vec(b"full\xff".to_vec());
    let capture = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    let config: Config = "content_capture: full".parse().expect("a configuration");
    let variables = [("OTEL_SERVICE_NAME", no_text()), (capture, no_text())];
    let explanation = config.resolve(variables).expect("a configuration that works");
    assert_eq!(value(&explanation, "content_capture"), "off");
    for variable in ["OTEL_SERVICE_NAME", capture] {
        let told = format!("{variable}: its value is not valid UTF-8; ignored");
        assert!(explanation.warnings().contains(&told), "{:?}", explanation.warnings());
    }
    let config: Config = "headers: {x-key: \"${KEY}\"}\nendpoint: http://a".parse().expect("text");
    let said = config.resolve([("KEY", no_text())]).expect_err("no value for it").to_string();
    assert!(said.contains("variable KEY is not valid UTF-8"), "{said}");
}

/// Of thousands of problems a hundred are told, and finding what was meant does not take longer
/// the more there are.
#[test]
fn thousands_of_unknown_keys_and_variables() {
    for block in ["", "otel:\n"] {
        let indent = if block.is_empty() { "" } else { "  " };
        let text = (0..9_000).fold(String::from(block), |mut text, n| {
            let _ = writeln!(text, "{indent}endpont{n}: y");
            text
        });
        let text = format!("{text}{indent}endpoint: http://a\n");
        let said = report(&text, &[]);
        assert!(said.lines().count() < 400, "{}", said.lines().count());
    }
    let names: Vec<_> = (0..9_000).map(|n| format!("TRACING_GENAI_ENDPONT{n:04}")).collect();
    let variables: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let warnings = explain("", &variables).warnings().len();
    assert_eq!(warnings, 21);
}
