//! The providers of the signals, down to their exporters.

use super::Lowering;
use crate::config::read::node::Node;
use crate::config::say::keys::{Field, Reads, Signal};

impl Lowering<'_> {
    pub(super) fn tracer_provider(&mut self, node: &Node) {
        let path = "tracer_provider";
        let batch = [
            ("schedule_delay", Field::TracesFlush),
            ("export_timeout", Field::TracesExportTimeout),
            ("max_queue_size", Field::TracesQueue),
            ("max_export_batch_size", Field::TracesBatch),
        ];
        if node.get("processors").is_none_or(Node::is_null) {
            self.say(Field::TracesExporter, "none");
        }
        for (name, node) in self.closed(node, path, &["processors", "sampler", "limits"]) {
            let path = format!("{path}.{}", name.text);
            match name.text.as_str() {
                "processors" => {
                    self.processors(&node, &path, Signal::Traces, Field::TracesExporter, &batch)
                }
                "sampler" => self.sampler(&node, &path, true),
                _ => self.limits(
                    &node,
                    &path,
                    &[
                        ("attribute_count_limit", &[Field::AttributeCount]),
                        ("attribute_value_length_limit", &[Field::AttributeLength]),
                        ("event_count_limit", &[Field::EventCount]),
                        ("link_count_limit", &[Field::LinkCount]),
                        ("event_attribute_count_limit", &[Field::EventAttributeCount]),
                        ("link_attribute_count_limit", &[Field::LinkAttributeCount]),
                    ],
                ),
            }
        }
    }

    pub(super) fn logger_provider(&mut self, node: &Node) {
        let path = "logger_provider";
        let batch = [
            ("schedule_delay", Field::LogsFlush),
            ("export_timeout", Field::LogsExportTimeout),
            ("max_queue_size", Field::LogsQueue),
            ("max_export_batch_size", Field::LogsBatch),
        ];
        if node.get("processors").is_none_or(Node::is_null) {
            self.say(Field::LogsExporter, "none");
        }
        for (name, node) in self.closed(node, path, &["processors", "limits"]) {
            let path = format!("{path}.{}", name.text);
            match name.text.as_str() {
                "processors" => {
                    self.processors(&node, &path, Signal::Logs, Field::LogsExporter, &batch)
                }
                _ => self.limits(
                    &node,
                    &path,
                    &[
                        ("attribute_count_limit", &[Field::LogsAttributeCount]),
                        ("attribute_value_length_limit", &[Field::LogsAttributeLength]),
                    ],
                ),
            }
        }
    }

    pub(super) fn meter_provider(&mut self, node: &Node) {
        let path = "meter_provider";
        if node.get("readers").is_none_or(Node::is_null) {
            self.say(Field::MetricsExporter, "none");
        }
        for (name, node) in self.closed(node, path, &["readers", "views", "exemplar_filter"]) {
            let path = format!("{path}.{}", name.text);
            match name.text.as_str() {
                "readers" => {
                    for (number, item) in self.list(&node, &path).into_iter().enumerate() {
                        self.reader(&item, &format!("{path}[{number}]"));
                    }
                }
                "exemplar_filter" => self.warnings.push(format!("{path}: not supported, ignored")),
                _ => self.unsupported(&name, &path),
            }
        }
    }

    pub(super) fn reader(&mut self, node: &Node, path: &str) {
        for (name, node) in self.closed(node, path, &["periodic", "pull"]) {
            let path = format!("{path}.{}", name.text);
            if name.text == "pull" {
                self.unsupported(&name, &path);
                continue;
            }
            for (name, node) in self.closed(
                &node,
                &path,
                &["interval", "timeout", "exporter", "producers", "cardinality_limits"],
            ) {
                let path = format!("{path}.{}", name.text);
                match name.text.as_str() {
                    "interval" => {
                        self.put(Field::MetricsInterval.general(), &path, &node, Reads::Same)
                    }
                    "timeout" => {
                        self.put(Field::MetricsTimeout.general(), &path, &node, Reads::Same)
                    }
                    "exporter" => {
                        self.exporter(&node, &path, Signal::Metrics, Field::MetricsExporter)
                    }
                    "cardinality_limits" => {
                        for (name, node) in node.entries().unwrap_or_default() {
                            let path = format!("{path}.{}", name.text);
                            if name.text == "default" {
                                self.put(
                                    Field::MetricsCardinality.general(),
                                    &path,
                                    node,
                                    Reads::Same,
                                );
                            } else {
                                self.warnings
                                    .push(format!("{path}: not supported, `default` counts"));
                            }
                        }
                    }
                    _ => self.unsupported(&name, &path),
                }
            }
        }
    }

    pub(super) fn processors(
        &mut self,
        node: &Node,
        path: &str,
        signal: Signal,
        exporter: Field,
        batch: &[(&str, Field)],
    ) {
        for (number, item) in self.list(node, path).into_iter().enumerate() {
            let path = format!("{path}[{number}]");
            for (name, node) in self.closed(&item, &path, &["batch", "simple"]) {
                let path = format!("{path}.{}", name.text);
                let mut known = vec!["exporter"];
                if name.text == "batch" {
                    known.extend(batch.iter().map(|(name, _)| *name));
                } else {
                    self.warnings.push(format!("{path}: exports in batches all the same"));
                }
                for (name, node) in self.closed(&node, &path, &known) {
                    let path = format!("{path}.{}", name.text);
                    match batch.iter().find(|(key, _)| *key == name.text) {
                        Some((_, field)) => self.put(field.general(), &path, &node, Reads::Same),
                        None => self.exporter(&node, &path, signal, exporter),
                    }
                }
            }
        }
    }

    pub(super) fn exporter(&mut self, node: &Node, path: &str, signal: Signal, choice: Field) {
        for (name, node) in self.closed(node, path, &["otlp_http", "otlp_grpc", "console"]) {
            let path = format!("{path}.{}", name.text);
            match name.text.as_str() {
                "console" => self.say(choice, "console"),
                kind => {
                    // OTLP beside a console: what leaves counts.
                    self.say_over(choice, "otlp");
                    self.otlp(&node, &path, signal, kind == "otlp_grpc");
                }
            }
        }
    }
}
