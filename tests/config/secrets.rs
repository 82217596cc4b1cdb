//! A canary in every place for a secret, and in none of the texts that come out.
#![cfg(feature = "yaml")]

use std::fs;

use tracing_genai::config::Config;

const CANARY: &str = "sk-CANARY-4711";

#[test]
fn no_secret_is_ever_printed() {
    let file = std::env::temp_dir().join(format!("tracing-genai-secret-{}", std::process::id()));
    fs::write(&file, format!("{CANARY}\n")).expect("a temporary file");
    let secret_file = file.display().to_string();
    let configurations = [
        // Right ones.
        format!(
            "endpoint: http://c:4318\nheaders: {{x: {CANARY}, authorization: Bearer {CANARY}}}"
        ),
        format!("endpoint: http://c:4318\nbearer_token: {CANARY}"),
        String::from("endpoint: http://c:4318\nheaders: {x: 'Basic ${SECRET}', y: env.SECRET}"),
        format!("endpoint: http://c:4318\nheaders: {{x: 'file:{secret_file}'}}"),
        format!("endpoint: http://c:4318/x?key={CANARY}"),
        format!("exporters: [{{endpoint: 'http://c:4318?k={CANARY}', headers: {{x: {CANARY}}}}}]"),
        format!(
            "file_format: '1.0'\ntracer_provider: {{processors: [{{batch: {{exporter: {{otlp_http: {{headers: [{{name: x, value: {CANARY}}}]}}}}}}}}]}}"
        ),
        format!("endpoint: http://c:4318\nheaders_list: 'x={CANARY}%'"),
        // Wrong ones.
        format!("endpoint: http://user:{CANARY}@c:4318"),
        format!("endpoint: ftp://{CANARY}@c/{CANARY}"),
        format!("endpoint: http://c:{CANARY}/"),
        format!("endpoint: 'http://c /{CANARY}'"),
        format!("endpoint: {CANARY}"),
        format!("endpoint: 'http://c/#{CANARY}'"),
        format!("endpoint: http://c\nheaders: {CANARY}"),
        format!("endpoint: http://c\nheaders: [{CANARY}]"),
        format!("endpoint: http://c\nheaders: {{'Bearer {CANARY}': x}}"),
        format!("endpoint: http://c\nheaders: {{x: ['{CANARY}']}}"),
        format!("endpoint: http://c\nheaders: {{x: \"{CANARY}\\r\\na\"}}"),
        format!("endpoint: http://c\nheaders: {{x: '{CANARY}é'}}"),
        format!("endpoint: http://c\nbearer_token: {{a: {CANARY}}}"),
        format!("endpoint: http://c\nheaders:\n  x: {CANARY}\n\ttimeout: 5"),
        format!("endpoint: http://c\nheaders: {{x: {CANARY}"),
        format!("endpoint: http://c\nheaders: {{x: !secret {CANARY}}}"),
        format!("endpoint: http://c\nheaders: {{x: '${{{CANARY}'}}"),
        format!("endpoint: http://c\nheaders: {{x: '${{{CANARY}}}'}}"),
        String::from("endpoint: ${SECRET}"),
        String::from("endpoint: http://c\ntimeout: ${SECRET}"),
        format!("{{\"endpoint\": \"http://c\", \"headers\": {{\"x\": \"{CANARY}\" \"y\"}}}}"),
    ];
    for text in &configurations {
        let config: Config = text.parse().expect("is not read yet");
        let mut said = format!("{config:?}");
        let variables = [
            ("SECRET", CANARY),
            (
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
                &format!("x={CANARY}%ZZ,{CANARY},Bearer {CANARY}=1"),
            ),
            ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", &format!("x={CANARY}%0d%0a")),
        ];
        match config.resolve(variables) {
            Ok(explanation) => {
                let json = serde_json::to_string(&explanation).expect("serialises");
                said += &format!("{explanation}{explanation:?}{json}");
            }
            Err(error) => said += &format!("{error}{error:?}"),
        }
        assert!(!said.contains("CANARY"), "{text}\n---\n{said}");
    }
    let url = format!("http://u:{CANARY}@c");
    let config: Config = "".parse().expect("is not read yet");
    let report = config.resolve([("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).expect_err("credentials");
    assert!(!format!("{report}{report:?}").contains("CANARY"));
    fs::remove_file(&file).expect("the temporary file");
}
