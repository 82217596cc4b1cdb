//! A wrong file produces one report with all its mistakes, each at its place.
#![cfg(feature = "yaml")]

use super::report;

/// A line of a report up to its message.
fn places(report: &str) -> Vec<String> {
    report
        .lines()
        .filter_map(|line| {
            let mut parts = line.strip_prefix("configuration:")?.splitn(4, ':');
            Some(format!("{}:{}:{}", parts.next()?, parts.next()?, parts.next()?))
        })
        .collect()
}

#[test]
fn a_bitrouter_file_with_ten_mistakes() {
    let file = "\
agents: [a, b]
plugins:
  bitrouter-observe:
    otel:
      endpont: http://c:4318
      sampler: parent_based
      sampler_arg: 1.5
      content_captur: full
      traces:
        batch:
          flush_ms: -5
          max_queue_sise: 10
      headers:
        authorization: Bearer ${GRAFANA_OTLP_TOKEN}
        X-Key: a
        x-key: b
      batch: {max_queue_size: 5}
      enabled: yes
      endpoint: http://collector
";
    let report = report(file, &[]);
    let prefix = "plugins.bitrouter-observe.otel";
    assert_eq!(
        places(&report),
        [
            format!("5:7: {prefix}.endpont"),
            format!("6:16: {prefix}.sampler"),
            format!("7:20: {prefix}.sampler_arg"),
            format!("8:7: {prefix}.content_captur"),
            format!("11:21: {prefix}.traces.batch.flush_ms"),
            format!("12:11: {prefix}.traces.batch.max_queue_sise"),
            format!("14:24: {prefix}.headers.authorization"),
            format!("16:9: {prefix}.headers"),
            format!("17:7: {prefix}.batch"),
            format!("18:16: {prefix}.enabled"),
        ],
        "{report}"
    );
    for help in [
        "did you mean `endpoint`?",
        "did you mean `content_capture`?",
        "did you mean `max_queue_size`?",
        "did you mean `traces.batch`?",
        "expected true or false, got \"yes\"",
        "expected a number from 0 to 1, got 1.5",
        "expected milliseconds from 100 to 3600000, got -5",
        "environment variable GRAFANA_OTLP_TOKEN is not set (referenced as ${GRAFANA_OTLP_TOKEN})",
        "header x-key is given twice (first at line 15)",
        "configuration error: 10 problems in configuration; telemetry was not started",
    ] {
        assert!(report.contains(help), "{help}\n{report}");
    }
}

#[test]
fn a_bifrost_file_with_ten_mistakes() {
    let file = r#"{
  "plugins": [
    {
      "name": "otel",
      "config": {
        "collector_ur": "http://c:4318",
        "trace_type": "zipkin",
        "protocol": "htpp",
        "headers": ["a"],
        "metrics_push_interval": 0,
        "service_name": {"a": 1},
        "Timeout": 5,
        "disable_content_logging": "no",
        "resource_attributes": {"a": ".inf", "b": {"c": 1}},
        "profiles": [{"endpoint": "localhost:4318", "sampler": "always_on"}]
      }
    }
  ]
}"#;
    let report = report(file, &[]);
    let prefix = "plugins[0].config";
    assert_eq!(
        places(&report),
        [
            format!("6:9: {prefix}.collector_ur"),
            format!("7:23: {prefix}.trace_type"),
            format!("8:21: {prefix}.protocol"),
            format!("9:20: {prefix}.headers"),
            format!("10:34: {prefix}.metrics_push_interval"),
            format!("11:25: {prefix}.service_name"),
            format!("12:9: {prefix}.Timeout"),
            format!("13:36: {prefix}.disable_content_logging"),
            format!("14:51: {prefix}.resource_attributes.b"),
            format!("15:35: {prefix}.profiles[0].endpoint"),
            format!("15:53: {prefix}.profiles[0].sampler"),
        ],
        "{report}"
    );
    assert!(report.contains("did you mean `collector_url`?"), "{report}");
    assert!(report.contains("did you mean `timeout`?"), "{report}");
    assert!(report.contains("for example http://localhost:4318"), "{report}");
}

#[test]
fn a_declarative_file_with_ten_mistakes() {
    let file = "\
file_format: \"1.2\"
disabled: maybe
resource:
  atributes: []
propagator:
  composite: [{b3: }]
tracer_provider:
  processors:
    - batch:
        schedule_dely: 5
        exporter:
          zipkin:
    - batch:
        max_queue_size: 0
        exporter: {otlp_http: {endpoint: 'http://c:4318/v1/traces', encoding: xml}}
  sampler: {jaeger_remote/development: }
  limits: {event_count_limit: many}
meter_provider:
  readers: [{pull: }]
";
    let report = report(file, &[]);
    assert_eq!(
        places(&report),
        [
            "2:11: disabled",
            "4:3: resource.atributes",
            "6:16: propagator",
            "10:9: tracer_provider.processors[0].batch.schedule_dely",
            "12:11: tracer_provider.processors[0].batch.exporter.zipkin",
            "14:25: tracer_provider.processors[1].batch.max_queue_size",
            "15:79: tracer_provider.processors[1].batch.exporter.otlp_http.encoding",
            "16:13: tracer_provider.sampler.jaeger_remote/development",
            "17:31: tracer_provider.limits.event_count_limit",
            "19:14: meter_provider.readers[0].pull",
        ],
        "{report}"
    );
    assert!(report.contains("did you mean `attributes`?"), "{report}");
    assert!(report.contains("did you mean `schedule_delay`?"), "{report}");
}
