//! OpenTelemetry's declarative format, brought onto the crate's own keys.
//!
//! Only what can be kept is taken: anything else is an error where the format is closed, and a
//! warning where it is open. A provider that is not there is off, as the data model has it.

use super::block::{self, Block};
use super::env::Env;
use super::keys::{Field, Key, Reads, Signal};
use super::layer::{Entry, Layer};
use super::lists;
use super::node::{Content, Name, Node, Style};
use super::problem::{Origin, Problem};
use super::reference::{Dialect, Template};
use super::suggest;

/// What a declarative file sets.
pub(crate) fn layer(root: &Node, origin: &Origin, env: &Env) -> (Layer, Vec<Problem>, Vec<String>) {
    let mut lowering = Lowering {
        origin,
        env,
        layer: Layer::default(),
        exporters: Vec::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    lowering.root(root);
    lowering.place_exporters();
    (lowering.layer, lowering.problems, lowering.warnings)
}

struct Lowering<'a> {
    origin: &'a Origin,
    env: &'a Env,
    layer: Layer,
    /// OTLP exporters in the order of the file.
    exporters: Vec<(Signal, Layer)>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Lowering<'_> {
    fn root(&mut self, root: &Node) {
        self.version(root);
        let present = |name: &str| root.get(name).is_some();
        self.decide(Field::TracesEnabled, present("tracer_provider"));
        self.decide(Field::MetricsEnabled, present("meter_provider"));
        self.decide(Field::LogsEnabled, present("logger_provider"));
        if root.get("propagator").is_none_or(Node::is_null) {
            self.say(Field::Propagators, "none");
        }
        let limits = root.get("attribute_limits");
        if let Some(limits) = limits {
            // First, so that those of a signal win.
            self.limits(limits, "attribute_limits", GENERAL_LIMITS);
        }
        for (name, node) in root.entries().unwrap_or_default() {
            let path = name.text.as_str();
            match path {
                "file_format" | "attribute_limits" => {}
                "disabled" => self.put(Field::Enabled.general(), path, node, Reads::Inverted),
                "log_level" => self.put(Field::LogLevel.general(), path, node, Reads::Same),
                "resource" => self.resource(node),
                "propagator" => self.propagator(node),
                "tracer_provider" => self.tracer_provider(node),
                "meter_provider" => self.meter_provider(node),
                "logger_provider" => self.logger_provider(node),
                "instrumentation/development" => self.instrumentation(node),
                "distribution" => self.own(node.get(OWN), "distribution"),
                _ => self.warnings.push(format!("{path}: not known here, ignored")),
            }
        }
    }

    fn version(&mut self, root: &Node) {
        let Some(Node { at, content: Content::Scalar { text, .. } }) = root.get("file_format")
        else {
            self.problem(root, "file_format", "expected a version such as \"1.0\"");
            return;
        };
        let plain = text.split('-').next().unwrap_or_default();
        let number = plain.split_once('.').and_then(|(major, minor)| {
            Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
        });
        match number {
            Some((1, minor)) if minor <= NEWEST_MINOR => {}
            Some((1, minor)) => self.warnings.push(format!(
                "file_format: 1.{minor} is newer than 1.{NEWEST_MINOR}, which is known here"
            )),
            _ => self.problems.push(Problem::new(
                self.origin.at(*at),
                "file_format",
                format!(
                    "expected \"1.0\" to \"1.{NEWEST_MINOR}\", got {}",
                    super::value::quote(text)
                ),
            )),
        }
    }

    fn resource(&mut self, node: &Node) {
        let mut attributes: Vec<(Name, Node)> = Vec::new();
        for (name, node) in self.closed(
            node,
            "resource",
            &["attributes", "attributes_list", "schema_url", "detection/development"],
        ) {
            let path = format!("resource.{}", name.text);
            match name.text.as_str() {
                "attributes" => {
                    for (number, item) in self.list(&node, &path).into_iter().enumerate() {
                        let path = format!("{path}[{number}]");
                        attributes.extend(self.attribute(&item, &path));
                    }
                }
                "schema_url" => {}
                "attributes_list" => {}
                _ => self
                    .warnings
                    .push(format!("{path}: not supported, ignored; see `resource_detectors`")),
            }
        }
        // Attributes written out win over those of the list.
        if let Some(list) = node.get("attributes_list")
            && let Some(text) = self.text(list, "resource.attributes_list")
        {
            match lists::attributes(&text) {
                Ok((pairs, _)) => {
                    for (name, value) in pairs {
                        if !attributes.iter().any(|(other, _)| other.text == name) {
                            let value = Node::scalar(value, Style::Literal, list.at);
                            attributes.push((Name { text: name, at: list.at }, value));
                        }
                    }
                }
                Err(reason) => self.problem(
                    list,
                    "resource.attributes_list",
                    format!("expected name=value,name=value, got {reason}"),
                ),
            }
        }
        if !attributes.is_empty() {
            let map = Node { at: node.at, content: Content::Map(attributes) };
            self.put(Field::ResourceAttributes.general(), "resource.attributes", &map, Reads::Same);
        }
    }

    fn attribute(&mut self, item: &Node, path: &str) -> Option<(Name, Node)> {
        let mut name = None;
        let mut value = None;
        let mut string = false;
        for (key, node) in self.closed(item, path, &["name", "value", "type"]) {
            match (key.text.as_str(), &node.content) {
                ("name", Content::Scalar { text, .. }) => {
                    name = Some(Name { text: text.clone(), at: node.at });
                }
                ("value", _) => value = Some(node),
                ("type", Content::Scalar { text, .. }) => string = text == "string",
                _ => self.problem(&node, &format!("{path}.{}", key.text), "expected text"),
            }
        }
        let Some(name) = name else {
            self.problem(item, path, "expected a `name`");
            return None;
        };
        let mut value = value.filter(|value| !value.is_null())?;
        if string && let Content::Scalar { style, .. } = &mut value.content {
            *style = Style::Quoted;
        }
        Some((name, value))
    }

    fn propagator(&mut self, node: &Node) {
        let mut names: Vec<Node> = Vec::new();
        for (name, node) in self.closed(node, "propagator", &["composite", "composite_list"]) {
            let path = format!("propagator.{}", name.text);
            if name.text == "composite" {
                for (number, item) in self.list(&node, &path).into_iter().enumerate() {
                    match item.entries() {
                        Some([(name, _)]) => {
                            names.push(Node::scalar(&name.text, Style::Quoted, name.at));
                        }
                        _ => self.problem(
                            &item,
                            &format!("{path}[{number}]"),
                            "expected one propagator",
                        ),
                    }
                }
            } else if let Some(text) = self.text(&node, &path) {
                names.extend(
                    lists::words(&text)
                        .into_iter()
                        .map(|word| Node::scalar(word, Style::Literal, node.at)),
                );
            }
        }
        if names.is_empty() {
            self.say(Field::Propagators, "none");
        } else {
            let list = Node { at: node.at, content: Content::List(names) };
            self.put(Field::Propagators.general(), "propagator", &list, Reads::Same);
        }
    }

    fn limits(&mut self, node: &Node, path: &str, keys: &[(&str, &[Field])]) {
        let mut known: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
        known.push("attribute_value_depth_limit");
        for (name, node) in self.closed(node, path, &known) {
            let path = format!("{path}.{}", name.text);
            match keys.iter().find(|(key, _)| *key == name.text) {
                Some((_, fields)) => {
                    for field in *fields {
                        self.put(field.general(), &path, &node, Reads::Same);
                    }
                }
                None => self.warnings.push(format!("{path}: not supported, ignored")),
            }
        }
    }

    fn tracer_provider(&mut self, node: &Node) {
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

    fn logger_provider(&mut self, node: &Node) {
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

    fn meter_provider(&mut self, node: &Node) {
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

    fn reader(&mut self, node: &Node, path: &str) {
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

    fn processors(
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

    fn exporter(&mut self, node: &Node, path: &str, signal: Signal, choice: Field) {
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

    fn otlp(&mut self, node: &Node, path: &str, signal: Signal, grpc: bool) {
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
                            let got = super::value::quote(other);
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

    fn headers(&mut self, node: &Node, path: &str) -> Node {
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

    fn sampler(&mut self, node: &Node, path: &str, root: bool) {
        let known = ["always_on", "always_off", "trace_id_ratio_based", "parent_based"];
        let [(name, inner)] = node.entries().unwrap_or_default() else {
            self.problem(node, path, format!("expected one of {}", known.join(", ")));
            return;
        };
        let path = format!("{path}.{}", name.text);
        let prefix = if root { "" } else { "parentbased_" };
        match name.text.as_str() {
            "always_on" | "always_off" => {
                self.say(Field::Sampler, &format!("{prefix}{}", name.text))
            }
            "trace_id_ratio_based" => {
                self.say(Field::Sampler, &format!("{prefix}traceidratio"));
                for (name, node) in self.closed(inner, &path, &["ratio"]) {
                    self.put(
                        Field::SamplerArg.general(),
                        &format!("{path}.{}", name.text),
                        &node,
                        Reads::Same,
                    );
                }
            }
            "parent_based" if root => self.parent_based(inner, &path),
            _ => {
                let near = suggest::nearest(&name.text, known);
                let mut problem = Problem::new(self.origin.at(name.at), path, NOT_SUPPORTED);
                problem.help = near.map(|near| format!("did you mean `{near}`?"));
                self.problems.push(problem);
            }
        }
    }

    fn parent_based(&mut self, node: &Node, path: &str) {
        let delegates = [
            ("remote_parent_sampled", "always_on"),
            ("remote_parent_not_sampled", "always_off"),
            ("local_parent_sampled", "always_on"),
            ("local_parent_not_sampled", "always_off"),
        ];
        let mut known = vec!["root"];
        known.extend(delegates.iter().map(|(name, _)| *name));
        for (name, node) in self.closed(node, path, &known) {
            let path = format!("{path}.{}", name.text);
            match delegates.iter().find(|(delegate, _)| *delegate == name.text) {
                None if node.is_null() => {}
                None => self.sampler(&node, &path, false),
                Some((_, default)) => {
                    let usual =
                        matches!(node.entries(), Some([(name, _)]) if name.text == *default);
                    if !usual && !node.is_null() {
                        self.problem(&node, &path, format!("{NOT_SUPPORTED}; only {default}"));
                    }
                }
            }
        }
        // Without a root of its own.
        self.say(Field::Sampler, "parentbased_always_on");
    }

    fn instrumentation(&mut self, node: &Node) {
        let path = "instrumentation/development";
        if let Some(general) = node.get("general") {
            if let Some(list) = general.get("stability_opt_in_list") {
                let path = format!("{path}.general.stability_opt_in_list");
                self.put(Field::SemconvOptIn.general(), &path, list, Reads::Same);
            }
            if let Some(semconv) = general.get("gen_ai").and_then(|gen_ai| gen_ai.get("semconv")) {
                self.semconv(semconv, &format!("{path}.general.gen_ai.semconv"));
            }
        }
        let own = node.get("rust").and_then(|rust| rust.get(OWN));
        self.own(own, &format!("{path}.rust"));
    }

    fn semconv(&mut self, node: &Node, path: &str) {
        let mut version = "1.41";
        for (name, node) in self.closed(node, path, &["version", "experimental", "dual_emit"]) {
            let path = format!("{path}.{}", name.text);
            let Some(text) = self.text(&node, &path) else { continue };
            match (name.text.as_str(), super::node::bool(&text)) {
                ("dual_emit", Some(true)) => version = "dual",
                ("experimental", Some(true)) if version != "dual" => version = "latest",
                ("version", _) | (_, Some(_)) => {}
                _ => self.problem(
                    &node,
                    &path,
                    format!("expected true or false, got {}", super::value::quote(&text)),
                ),
            }
        }
        self.say_over(Field::Semconv, version);
    }

    /// Our own keys, at one of the two places that the format has for such.
    fn own(&mut self, node: Option<&Node>, path: &str) {
        let Some(node) = node else { return };
        let block = Block { path: format!("{path}.{OWN}"), node, disabled: false };
        let (layer, mut problems, mut warnings) = block::layer(&block, self.origin);
        self.problems.append(&mut problems);
        self.warnings.append(&mut warnings);
        self.layer.entries.extend(layer.entries);
        if layer.exporters.is_some() {
            self.layer.exporters = layer.exporters;
        }
    }

    /// One exporter per signal stands for the signal; more are destinations of their own.
    fn place_exporters(&mut self) {
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

    /// The entries of a mapping that knows only `known` keys; others are noted.
    fn closed(&mut self, node: &Node, path: &str, known: &[&str]) -> Vec<(Name, Node)> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(entries) = node.entries() else {
            self.problem(node, path, format!("expected a mapping, got {}", node.kind()));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, node) in entries {
            if known.contains(&name.text.as_str()) {
                found.push((name.clone(), node.clone()));
                continue;
            }
            let near = suggest::nearest(&name.text, known.iter().copied());
            let message = if near.is_some() { "unknown key" } else { NOT_SUPPORTED };
            let mut problem =
                Problem::new(self.origin.at(name.at), format!("{path}.{}", name.text), message);
            problem.help = near.map(|near| format!("did you mean `{near}`?"));
            self.problems.push(problem);
        }
        found
    }

    fn list(&mut self, node: &Node, path: &str) -> Vec<Node> {
        if node.is_null() {
            return Vec::new();
        }
        match node.items() {
            Some(items) => items.to_vec(),
            None => {
                self.problem(node, path, format!("expected a list, got {}", node.kind()));
                Vec::new()
            }
        }
    }

    /// The text of a scalar with its references resolved; `None` for nothing.
    fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        let Content::Scalar { text, .. } = &node.content else {
            self.problem(node, path, format!("expected text, got {}", node.kind()));
            return None;
        };
        if node.is_null() {
            return None;
        }
        let expanded = Template::parse(text, Dialect::Declarative)
            .map(|template| template.expand(self.env, Dialect::Declarative));
        match expanded {
            Ok(Ok(text)) => Some(text).filter(|text| !text.is_empty()),
            Ok(Err(_)) => {
                self.problem(node, path, "value of an environment variable is not valid UTF-8");
                None
            }
            Err(message) => {
                self.problem(node, path, message);
                None
            }
        }
    }

    fn put(&mut self, key: Key, path: &str, node: &Node, reads: Reads) {
        // A reference to nothing says nothing, so it takes nothing back either.
        let empty = matches!(&node.content, Content::Scalar { text, style: Style::Plain } if {
            let expanded = Template::parse(text, Dialect::Declarative)
                .ok()
                .and_then(|template| template.expand(self.env, Dialect::Declarative).ok());
            expanded.is_some_and(|text| super::node::is_null(&text))
        });
        if !empty {
            let entry = self.entry(path, node, reads);
            self.layer.entries.insert(key, entry);
        }
    }

    /// Sets what follows from the form of the file, unless something of it was said already.
    fn say(&mut self, field: Field, text: &str) {
        let entry = self.entry("", &Node::verbatim(text), Reads::Same);
        self.layer.entries.entry(field.general()).or_insert(entry);
    }

    fn say_over(&mut self, field: Field, text: &str) {
        self.layer.entries.remove(&field.general());
        self.say(field, text);
    }

    fn decide(&mut self, field: Field, on: bool) {
        self.say(field, if on { "true" } else { "false" });
    }

    fn entry(&self, path: &str, node: &Node, reads: Reads) -> Entry {
        Entry { reads, path: path.to_owned(), ..Entry::new(node.clone(), self.origin.at(node.at)) }
    }

    fn unsupported(&mut self, name: &Name, path: &str) {
        self.problems.push(Problem::new(self.origin.at(name.at), path, NOT_SUPPORTED));
    }

    fn problem(&mut self, node: &Node, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(self.origin.at(node.at), path, message));
    }
}

/// Our name at the places for own keys.
const OWN: &str = "tracing_genai";
const NEWEST_MINOR: u32 = 2;
const GENERAL_LIMITS: &[(&str, &[Field])] = &[
    ("attribute_count_limit", &[Field::AttributeCount, Field::LogsAttributeCount]),
    ("attribute_value_length_limit", &[Field::AttributeLength, Field::LogsAttributeLength]),
];
const NOT_SUPPORTED: &str = "not supported by this build";

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use crate::config::settings::Scalar;
    use crate::config::{FileSource, Sources, load};

    /// The value of an attribute, and whether the file is refused instead.
    fn value(line: &str) -> Result<Option<Scalar>, String> {
        let text = format!(
            "file_format: '1.2'\nresource:\n  attributes:\n    - name: key\n      {line}\n"
        );
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
            (
                "value: ${UNDEFINED_KEY:-$${UNDEFINED_KEY}}",
                text("${UNDEFINED_KEY:-${UNDEFINED_KEY}}"),
            ),
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
}
