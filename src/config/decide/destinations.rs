//! Where telemetry goes: the general endpoint and the entries of `exporters`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::content;
use super::own::Own;
use super::proxy::Proxies;
use super::resolve::{Effective, Source, Stack};
use super::settings::{Compression, Destination, ExporterChoice, Protocol, Route};
use super::url::{Address, BadAddress};
use crate::config::read::problem::{Origin, Problem};
use crate::config::say::backends::{self, Backend};
use crate::config::say::keys::{Field, OWN_PREFIX, Signal};
use crate::config::say::value::{Value, preset_as};
use crate::format::FormatChoice;
use crate::policy::Policy;

/// Which signals leave, and by what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals {
    pub(crate) traces: (bool, ExporterChoice),
    pub(crate) metrics: (bool, ExporterChoice),
    pub(crate) logs: (bool, ExporterChoice),
    /// Metrics are not only on by default.
    pub(crate) metrics_asked_for: bool,
}

impl Signals {
    fn of(&self, signal: Signal) -> (bool, ExporterChoice) {
        match signal {
            Signal::Metrics => self.metrics,
            Signal::Logs => self.logs,
            Signal::General | Signal::Traces => self.traces,
        }
    }
}

/// What an entry of `exporters` takes from above: how to send, never where to or with what key.
#[derive(Clone, Copy, Debug)]
struct Inherited {
    format: Option<FormatChoice>,
    protocol: Option<Protocol>,
    compression: Option<Compression>,
    timeout: Option<Duration>,
}

/// All destinations, what explains them, and the policy that is loose enough for each.
pub(crate) fn destinations(
    stack: &mut Stack<'_>,
    signals: Signals,
    general_policy: Policy,
    directory: Option<&Path>,
) -> (Vec<Destination>, Policy) {
    let general = stack.strongest(&[Field::Endpoint]);
    let listed = listed(stack);
    let mut policy = general_policy;
    let inherited = Inherited {
        format: stack.said(Field::Format),
        protocol: stack.said(Field::Protocol),
        compression: stack.said(Field::Compression),
        timeout: stack.said(Field::Timeout),
    };
    let mut found = Vec::new();
    let with_default = listed.is_none_or(|listed| general.is_some_and(|general| general <= listed));
    let with_list = listed.is_some_and(|listed| general.is_none_or(|general| listed <= general));
    if with_default {
        let backend = stack.said(Field::Backend);
        let shape = Shape {
            name: "default",
            backend: backend.unwrap_or(Backend::any()),
            format: chosen(inherited.format, backend, None),
            inherited,
            // Entries of `exporters` may ask for more, which is not for this one.
            policy: with_list.then_some(general_policy),
            is_default: true,
        };
        found.extend(destination(stack, signals, directory, &shape));
    }
    if listed.is_some() {
        if with_list {
            if found.is_empty() && stack.general(Field::Backend).is_some() {
                stack.warnings.push(String::from(
                    "backend: has no effect on the entries of `exporters`; each has its own",
                ));
            }
            found.extend(list(stack, signals, directory, inherited, &mut policy));
        } else {
            stack.warnings.push(String::from(
                "exporters: not used, an endpoint is set where it takes precedence",
            ));
        }
    }
    (found, policy)
}

/// The entries of `exporters` by their names, each over the same entry in stronger layers.
pub(crate) fn entries<'a>(stack: &Stack<'a>) -> Vec<(String, Stack<'a>)> {
    let Some(listed) = listed(stack) else { return Vec::new() };
    let source = stack.layers()[listed];
    let entries = source.layer.exporters.as_deref().unwrap_or_default().iter().enumerate();
    let stacks = entries.map(|(number, entry)| {
        let overrides = stack.layers()[..listed].iter().filter_map(|source| {
            let layer = source.layer.exporter_overrides.get(&number)?;
            Some(Source { layer, ..*source })
        });
        let own = Source { layer: entry, ..source };
        let name = entry.name.clone().unwrap_or_else(|| number.to_string());
        (name, stack.beside(overrides.chain([own]).collect()))
    });
    stacks.collect()
}

/// The layer whose list of destinations counts.
fn listed(stack: &Stack<'_>) -> Option<usize> {
    stack.layers().iter().position(|source| source.layer.exporters.is_some())
}

/// What the entries of `exporters` come to.
fn list(
    stack: &mut Stack<'_>,
    signals: Signals,
    directory: Option<&Path>,
    inherited: Inherited,
    policy: &mut Policy,
) -> Vec<Destination> {
    let decided = content::is_set(stack);
    let mut own = Vec::new();
    let mut found = Vec::new();
    for (name, mut exporter) in entries(stack) {
        if exporter.said(Field::Enabled) == Some(false) {
            continue;
        }
        let mut asked = if content::is_set(&exporter) || !decided {
            content::policy(&mut exporter)
        } else {
            content::apply_rest(*policy, &mut exporter)
        };
        if decided {
            let allowed = asked.stricter(*policy);
            if content::CAPTURES
                .iter()
                .any(|(_, class)| asked.allows(*class) && !allowed.allows(*class))
            {
                stack.warnings.push(format!(
                    "exporters.{name}: captures no more content than `content_capture` lets through"
                ));
            }
            asked = allowed;
        }
        own.push(asked);
        let backend = exporter.said(Field::Backend);
        let shape = Shape {
            name: &name,
            backend: backend.unwrap_or(Backend::any()),
            format: chosen(exporter.said(Field::Format), backend, inherited.format),
            inherited,
            policy: Some(asked),
            is_default: false,
        };
        let reached = destination(&mut exporter, signals, directory, &shape);
        if reached.is_empty() && exporter.problems.is_empty() {
            stack.warnings.push(format!("exporters.{name}: has no endpoint and is not used"));
        }
        found.extend(reached);
        stack.problems.append(&mut exporter.problems);
        stack.warnings.append(&mut exporter.warnings);
    }
    if !decided {
        *policy = content::loosest(*policy, &own);
    }
    found
}

struct Shape<'a> {
    name: &'a str,
    backend: &'static Backend,
    format: FormatChoice,
    inherited: Inherited,
    policy: Option<Policy>,
    /// The one that is no entry of `exporters`. An exporter that was asked for without an endpoint
    /// goes to the specification's default.
    is_default: bool,
}

fn destination(
    stack: &mut Stack<'_>,
    signals: Signals,
    directory: Option<&Path>,
    shape: &Shape<'_>,
) -> Vec<Destination> {
    let mut found: Vec<Destination> = Vec::new();
    for signal in Signal::EACH {
        let (enabled, exporter) = signals.of(signal);
        let enabled = own_choice(stack, signal, shape).unwrap_or(enabled);
        if !enabled || matches!(exporter, ExporterChoice::Console | ExporterChoice::None) {
            continue;
        }
        let localhost = shape.is_default && exporter == ExporterChoice::Otlp;
        if signal == Signal::Metrics && takes_no_metrics(stack, signals, shape) {
            continue;
        }
        let Some(route) = route(stack, signal, directory, shape, localhost) else { continue };
        let (route, backend) = route;
        let same = |destination: &Destination| {
            destination.backend.name == backend.name
                && destination.routes().any(|other| other.travels_as(&route))
        };
        let at = found.iter().position(same).unwrap_or(found.len());
        if at == found.len() {
            let name = match (found.is_empty(), signal) {
                (true, _) => shape.name.to_owned(),
                (false, signal) => format!("{}/{}", shape.name, signal.name()),
            };
            found.push(shape.destination(name, backend));
        }
        let Some(destination) = found.get_mut(at) else { continue };
        match signal {
            Signal::Metrics => destination.metrics = Some(route),
            Signal::Logs => destination.logs = Some(route),
            Signal::General | Signal::Traces => destination.traces = Some(route),
        }
    }
    found
}

/// What an entry of `exporters` says about a signal by itself.
fn own_choice(stack: &mut Stack<'_>, signal: Signal, shape: &Shape<'_>) -> Option<bool> {
    let field = match signal {
        Signal::Metrics => Field::MetricsEnabled,
        Signal::Logs => Field::LogsEnabled,
        Signal::General | Signal::Traces => Field::TracesEnabled,
    };
    stack.said(field).filter(|_| !shape.is_default)
}

impl Shape<'_> {
    /// One that nothing goes to yet.
    fn destination(&self, name: String, backend: &'static Backend) -> Destination {
        Destination {
            name,
            traces: None,
            metrics: None,
            logs: None,
            backend,
            format: self.format,
            own_format: None,
            own: Own::default(),
            policy: self.policy,
        }
    }
}

fn route(
    stack: &mut Stack<'_>,
    signal: Signal,
    directory: Option<&Path>,
    shape: &Shape<'_>,
    localhost: bool,
) -> Option<(Route, &'static Backend)> {
    let protocol = stack
        .said_of(signal, Field::Protocol)
        .or(shape.inherited.protocol)
        .unwrap_or_else(|| preset_as(Field::Protocol));
    let ca_cert = path(stack, signal, Field::TlsCaCert, directory);
    let url = match stack.get(signal, Field::Endpoint) {
        Some(endpoint) => {
            // Bifrost has another default.
            let bifrost = stack.bifrost() && ca_cert.is_none();
            let insecure = stack
                .said_of(signal, Field::Insecure)
                .unwrap_or_else(|| bifrost || preset_as(Field::Insecure));
            url(stack, signal, protocol, insecure, &endpoint)?
        }
        None if localhost => {
            let port = if protocol == Protocol::Grpc { 4317 } else { 4318 };
            let address =
                Address::parse(&format!("http://localhost:{port}"), protocol, true).ok()?;
            address.signal_url(signal, protocol, true)
        }
        None => return None,
    };
    let backend = if has_own_receiver(stack, signal) { Backend::any() } else { shape.backend };
    if protocol == Protocol::Grpc && !backend.grpc {
        no_grpc(stack, signal, backend);
    }
    let endpoint_layer = stack.get(signal, Field::Endpoint).map(|endpoint| endpoint.layer);
    let headers = stack.headers_over(signal, backend.headers);
    let borrowed: Vec<&str> = headers
        .iter()
        .filter(|(_, layer)| {
            endpoint_layer.is_some_and(|endpoint| endpoint < *layer)
                && stack
                    .layers()
                    .get(*layer)
                    .is_some_and(|source| source.layer.sets(Field::Endpoint))
        })
        .map(|(header, _)| header.name.as_str())
        .collect();
    if !borrowed.is_empty() {
        stack.warnings.push(format!(
            "{}: gets the headers {} that were written beside another endpoint",
            crate::policy::shown_url(&url),
            borrowed.join(", ")
        ));
    }
    let client_cert = path(stack, signal, Field::TlsCertFile, directory);
    let client_key = path(stack, signal, Field::TlsKeyFile, directory);
    if client_cert.is_some() != client_key.is_some() {
        let (set, missing) = if client_cert.is_some() {
            (Field::TlsCertFile, Field::TlsKeyFile)
        } else {
            (Field::TlsKeyFile, Field::TlsCertFile)
        };
        if let Some(set) = stack.get(signal, set) {
            stack.problems.push(Problem::new(
                set.origin,
                set.path,
                format!("set without {}; a client needs both", missing.row().path),
            ));
        }
    }
    let route = Route {
        url,
        protocol,
        headers: headers.into_iter().map(|(header, _)| (header.name, header.value)).collect(),
        ca_cert,
        client_cert,
        client_key,
        compression: stack
            .said_of(signal, Field::Compression)
            .or(shape.inherited.compression)
            .unwrap_or_else(|| preset_as(Field::Compression)),
        timeout: stack
            .said_of(signal, Field::Timeout)
            .or(shape.inherited.timeout)
            .unwrap_or_else(|| preset_as(Field::Timeout)),
        proxies: Proxies::default(),
    };
    Some((route, backend))
}

fn url(
    stack: &mut Stack<'_>,
    signal: Signal,
    protocol: Protocol,
    insecure: bool,
    endpoint: &Effective,
) -> Option<String> {
    let Value::Text(text) = &endpoint.value else { return None };
    let path = endpoint.path.clone();
    let address = match Address::parse(text, protocol, insecure) {
        Ok(address) => address,
        Err(BadAddress { message, help }) => {
            let problem = Problem { help, ..Problem::new(endpoint.origin.clone(), path, message) };
            stack.problems.push(problem);
            return None;
        }
    };
    let place = match &endpoint.origin {
        Origin::Env(variable) => variable.clone(),
        _ => path,
    };
    let standard =
        matches!(&endpoint.origin, Origin::Env(variable) if !variable.starts_with(OWN_PREFIX));
    if let Some(named) = address.named_signal().filter(|_| protocol != Protocol::Grpc)
        && standard
        && endpoint.key.signal == Signal::General
    {
        stack.warnings.push(format!(
            "{place}: ends in /v1/{0}, and /v1/{1} is added to it; did you mean \
             OTEL_EXPORTER_OTLP_{2}_ENDPOINT?",
            named.name(),
            signal.name(),
            named.name().to_ascii_uppercase(),
        ));
    }
    if let Some(placeholder) = address.placeholder() {
        stack.warnings.push(format!(
            "{place}: {placeholder} is a placeholder; nothing arrives until it is replaced"
        ));
    }
    match (protocol, address.port()) {
        (Protocol::Grpc, Some(4318)) => stack
            .warnings
            .push(format!("{place}: port 4318 speaks HTTP by convention, but protocol is grpc")),
        (Protocol::HttpProtobuf | Protocol::HttpJson, Some(4317)) => stack
            .warnings
            .push(format!("{place}: port 4317 speaks gRPC by convention, but protocol is http")),
        _ => {}
    }
    if protocol == Protocol::Grpc
        && let Some(known) = Backend::without_grpc_at(address.host())
        && stack.general(Field::Backend).is_none()
    {
        stack.warnings.push(format!(
            "{place}: {} has no gRPC endpoint; set `protocol: http/protobuf` and `backend: {}`",
            address.host(),
            known.name
        ));
    }
    if protocol == Protocol::Grpc && address.has_path() {
        stack.warnings.push(format!("{place}: gRPC has no use for the path of the URL"));
    }
    Some(match endpoint.key.signal {
        Signal::General => address.signal_url(signal, protocol, standard),
        _ => address.exact_url(protocol),
    })
}

/// What the destination says itself comes first, then what its receiver reads best.
fn chosen(
    own: Option<FormatChoice>,
    backend: Option<&Backend>,
    inherited: Option<FormatChoice>,
) -> FormatChoice {
    let of_backend = || backend.map(|backend| backend.format);
    own.or_else(of_backend).or(inherited).unwrap_or_else(|| preset_as(Field::Format))
}

/// Whether metrics or logs go to an endpoint of their own, about which `backend` says nothing.
fn has_own_receiver(stack: &mut Stack<'_>, signal: Signal) -> bool {
    signal != Signal::Traces
        && stack.get(signal, Field::Endpoint).is_some_and(|endpoint| endpoint.key.signal == signal)
}

fn takes_no_metrics(stack: &mut Stack<'_>, signals: Signals, shape: &Shape<'_>) -> bool {
    let none = shape.backend.metrics == backends::Metrics::None
        && !has_own_receiver(stack, Signal::Metrics);
    if none && signals.metrics_asked_for {
        stack.warnings.push(format!(
            "backend: {} takes no metrics; none are sent to `{}`",
            shape.backend.name, shape.name
        ));
    }
    none
}

fn no_grpc(stack: &mut Stack<'_>, signal: Signal, backend: &Backend) {
    let protocol = stack.get(signal, Field::Protocol);
    if let Some(said) = protocol.or_else(|| stack.general(Field::Backend)) {
        let message = format!("{} has no gRPC endpoint, and the protocol is grpc", backend.name);
        let help = format!(
            "set `protocol: http/protobuf`; for a collector in between set `format: {}` instead \
             of `backend`",
            backend.format.name
        );
        stack.problems.push(Problem::new(said.origin, said.path, message).help(help));
    }
}

/// A path as the file means it: relative to where the file is.
fn path(
    stack: &mut Stack<'_>,
    signal: Signal,
    field: Field,
    directory: Option<&Path>,
) -> Option<PathBuf> {
    let effective = stack.get(signal, field)?;
    let Value::Path(path) = effective.value else { return None };
    Some(beside(path, &effective.origin, directory))
}

pub(crate) fn beside(path: PathBuf, origin: &Origin, directory: Option<&Path>) -> PathBuf {
    match (origin, directory) {
        (Origin::File { .. }, Some(directory)) => directory.join(path),
        _ => path,
    }
}
