//! OTLP exporters, and which of them are destinations of their own.

use super::Lowering;
use crate::config::read::node::{Content, Name, Node, Style};
use crate::config::say::keys::{Field, Key, Reads, Signal};
use crate::config::say::layer::Layer;

impl Lowering<'_> {
    pub(super) fn otlp(&mut self, node: &Node, path: &str, signal: Signal, grpc: bool) {
        let mut exporter = Layer::default();
        let mut put = |key: Key, path: &str, node: &Node, reads: Reads| {
            exporter.entries.insert(key, self.entry(path, node, reads));
        };
        let protocol = if grpc { "grpc" } else { "http/protobuf" };
        put(Field::Protocol.of(signal), path, &Node::verbatim(protocol), Reads::Same);
        let default = if grpc {
            String::from("http://localhost:4317")
        } else {
            format!("http://localhost:4318/v1/{}", signal.name())
        };
        put(
            Field::Endpoint.of(signal),
            path,
            &Node::scalar(default, Style::Literal, node.at),
            Reads::Same,
        );
        let mut known = vec![
            "endpoint",
            "tls",
            "headers",
            "headers_list",
            "compression",
            "timeout",
            "max_request_size",
            "max_response_size",
        ];
        if !grpc {
            known.push("encoding");
        }
        if signal == Signal::Metrics {
            known.extend(["temporality_preference", "default_histogram_aggregation"]);
        }
        for (name, node) in self.closed(node, path, &known) {
            let path = format!("{path}.{}", name.text);
            let field = match name.text.as_str() {
                "endpoint" => Field::Endpoint,
                "compression" => Field::Compression,
                "timeout" => Field::Timeout,
                "headers_list" => Field::HeadersList,
                "headers" => {
                    let headers = self.headers(&node, &path);
                    let entry = self.entry(&path, &headers, Reads::Same);
                    exporter.entries.insert(Field::Headers.of(signal), entry);
                    continue;
                }
                "tls" => {
                    for (name, node) in
                        self.closed(&node, &path, &["ca_file", "key_file", "cert_file", "insecure"])
                    {
                        let field = match name.text.as_str() {
                            "ca_file" => Field::TlsCaCert,
                            "key_file" => Field::TlsKeyFile,
                            "cert_file" => Field::TlsCertFile,
                            _ => Field::Insecure,
                        };
                        let entry =
                            self.entry(&format!("{path}.{}", name.text), &node, Reads::Same);
                        exporter.entries.insert(field.of(signal), entry);
                    }
                    continue;
                }
                "encoding" => {
                    match self.text(&node, &path).as_deref() {
                        Some("json") => {
                            let entry =
                                self.entry(&path, &Node::verbatim("http/json"), Reads::Same);
                            exporter.entries.insert(Field::Protocol.of(signal), entry);
                        }
                        Some("protobuf") | None => {}
                        Some(other) => {
                            let got = crate::config::read::problem::quote(other);
                            self.problem(
                                &node,
                                &path,
                                format!("expected protobuf or json, got {got}"),
                            );
                        }
                    }
                    continue;
                }
                "temporality_preference" => {
                    self.put(Field::MetricsTemporality.general(), &path, &node, Reads::Same);
                    continue;
                }
                "default_histogram_aggregation" => {
                    self.put(Field::MetricsHistograms.general(), &path, &node, Reads::Same);
                    continue;
                }
                _ => {
                    self.warnings.push(format!("{path}: not supported, ignored"));
                    continue;
                }
            };
            if !node.is_null() {
                exporter.entries.insert(field.of(signal), self.entry(&path, &node, Reads::Same));
            }
        }
        self.exporters.push((signal, exporter));
    }

    pub(super) fn headers(&mut self, node: &Node, path: &str) -> Node {
        let mut headers = Vec::new();
        for (number, item) in self.list(node, path).into_iter().enumerate() {
            let path = format!("{path}[{number}]");
            let mut name = None;
            let mut value = None;
            for (key, node) in self.closed(&item, &path, &["name", "value"]) {
                match (key.text.as_str(), node.content) {
                    ("name", Content::Scalar { text, .. }) => {
                        name = Some(Name { text, at: node.at })
                    }
                    (_, content) => value = Some(Node { at: node.at, content }),
                }
            }
            match (name, value) {
                (Some(name), Some(value)) => headers.push((name, value)),
                _ => self.problem(&item, &path, "expected a `name` and a `value`"),
            }
        }
        Node { at: node.at, content: Content::Map(headers) }
    }

    /// One exporter per signal stands for the signal; more are destinations of their own.
    pub(super) fn place_exporters(&mut self) {
        let exporters = std::mem::take(&mut self.exporters);
        let several = Signal::EACH
            .iter()
            .any(|signal| exporters.iter().filter(|(of, _)| of == signal).count() > 1);
        for (signal, mut exporter) in exporters {
            if several {
                exporter.name = Some(format!(
                    "{}-{}",
                    signal.name(),
                    self.layer.exporters.as_ref().map_or(0, Vec::len)
                ));
                self.layer.exporters.get_or_insert_default().push(exporter);
            } else {
                self.layer.entries.append(&mut exporter.entries);
            }
        }
    }
}
