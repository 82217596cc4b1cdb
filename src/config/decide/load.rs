//! From all sources to one resolved configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::certificates;
use super::explain::Explanation;
use super::proxy::Proxies;
use super::resolve::{Source, Stack};
use super::settings::{Destination, Settings};
use super::settle::settle;
use super::values::Values;
use crate::config::read::env::Env;
use crate::config::read::file::File;
use crate::config::read::problem::{Origin, report};
use crate::config::read::reference::Dialect;
use crate::config::say::file_layer::FileLayer;
use crate::config::say::keys::{Field, OPENINFERENCE_PREFIX};
use crate::config::say::layer::{Entry, Layer};
use crate::config::say::variables;
use crate::error::Error;

/// Where a configuration comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) file: FileSource,
    pub(crate) env: Env,
    pub(crate) code: Layer,
    /// The plugin whose `otel` block counts, where a file has several.
    pub(crate) plugin: Option<String>,
    /// What runs already: keys that need a restart stay as they are there.
    pub(crate) running: Option<Values>,
}

#[derive(Clone, Default)]
pub(crate) enum FileSource {
    /// What `TRACING_GENAI_CONFIG` or `OTEL_CONFIG_FILE` names, else `telemetry.yaml` in the
    /// working directory if there is one.
    #[default]
    Search,
    /// No file, whatever the environment says.
    None,
    Path(PathBuf),
    /// YAML or JSON. The name stands in messages.
    Text {
        name: String,
        text: String,
    },
}

/// A configuration without problems.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// With the warnings.
    pub(crate) settings: Settings,
    pub(crate) values: Values,
    pub(crate) explanation: Explanation,
    /// What is said otherwise than what runs, and works after a restart.
    pub(crate) needs_restart: Vec<String>,
}

/// Reads, merges and checks. Starts nothing, but looks whether the certificate files are there.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::error::ErrorKind::Config) with every problem of the file and of
/// the code, and of an endpoint in the environment.
pub(crate) fn load(sources: &Sources) -> Result<Resolved, Error> {
    let mut warnings = Vec::new();
    let file = match &sources.file {
        FileSource::None => Ok(None),
        FileSource::Path(path) => File::open(path).map(Some),
        FileSource::Search => File::search(&sources.env, &mut warnings),
        FileSource::Text { name, text } => Ok(Some(File {
            name: name.clone(),
            text: text.clone().into_bytes(),
            directory: None,
            standard: false,
        })),
    };
    let file = file.map_err(|problem| report(vec![problem]))?;
    let resolved = resolve(file.as_ref(), sources, warnings)?;
    match certificates::problems(&resolved.settings) {
        problems if problems.is_empty() => Ok(resolved),
        problems => Err(report(problems)),
    }
}

/// The same for a file that was read already, without a look at the files that it names.
pub(crate) fn resolve(
    file: Option<&File>,
    sources: &Sources,
    mut warnings: Vec<String>,
) -> Result<Resolved, Error> {
    let env = &sources.env;
    let (mut environment, mut ignored) = variables::layer(env);
    let plugin = sources.plugin.as_deref().or(env.text(variables::PLUGIN).ok().flatten());
    let mut read = file.map(|file| FileLayer::read(file, env, plugin));
    let mut problems = Vec::new();
    let own = |layer| Source { layer, dialect: Dialect::Own };
    let declarative = read.as_ref().is_some_and(|read| read.dialect == Dialect::Declarative);
    if declarative {
        // By its specification it stands for all variables of OpenTelemetry, and for ours.
        let other = |name: &str| name.starts_with(OPENINFERENCE_PREFIX);
        let is_other = |entry: &Entry| matches!(&entry.origin, Origin::Env(name) if other(name));
        environment.entries.retain(|_, entry| is_other(entry));
        environment.exporter_overrides.clear();
        ignored.retain(|warning| other(warning));
    }
    let mut layers = vec![own(&sources.code), own(&environment)];
    warnings.append(&mut ignored);
    if let Some(read) = &mut read {
        problems.append(&mut read.problems);
        warnings.append(&mut read.warnings);
    }
    if let Some(read) = &read {
        layers.push(Source { layer: &read.layer, dialect: read.dialect });
    }
    let mut stack = Stack::new(layers, env);
    let directory = file.and_then(|file| file.directory.as_deref());
    // What is wrong is told when it is settled, if it counts.
    let mut values = Values::of(&mut stack.beside(stack.layers().to_vec()));
    let mut needs_restart = Vec::new();
    let on = stack.beside(stack.layers().to_vec()).decided(Field::Enabled);
    if let Some(running) = sources.running.as_ref().filter(|_| on) {
        let (held, names) = values.hold(running);
        stack.hold(held);
        needs_restart = names;
    }
    let mut settings = settle(&mut stack, directory);
    let (proxies, unusable) = Proxies::from_env(env);
    for Destination { traces, metrics, logs, .. } in &mut settings.destinations {
        for route in [traces, metrics, logs].into_iter().flatten() {
            route.proxies = proxies.clone();
        }
    }
    // Without a destination nobody asks for a way to it.
    warnings.extend(unusable.into_iter().filter(|_| !settings.destinations.is_empty()));
    problems.append(&mut stack.problems);
    warnings.append(&mut stack.warnings);
    if !problems.is_empty() {
        return Err(report(problems));
    }
    let name = file.map(|file| file.name.as_str());
    let explanation = Explanation::new(&values, &settings, name);
    let mut told = BTreeSet::new();
    warnings.retain(|warning| told.insert(warning.clone()));
    settings.warnings = warnings;
    let explanation = explanation.with_warnings(&settings);
    Ok(Resolved { settings, values, explanation, needs_restart })
}

impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Search => f.write_str("Search"),
            Self::None => f.write_str("None"),
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Text { name, .. } => {
                f.debug_struct("Text").field("name", name).finish_non_exhaustive()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::decide::settings::{ExporterChoice, Protocol};
    use crate::error::ErrorKind;
    use crate::semconv::Class;

    fn from_env(variables: &[(&str, &str)]) -> Settings {
        resolved(variables, Layer::default()).settings
    }

    fn resolved(variables: &[(&str, &str)], code: Layer) -> Resolved {
        let sources = Sources {
            file: FileSource::None,
            env: variables.iter().copied().collect(),
            code,
            ..Sources::default()
        };
        load(&sources).expect("a configuration without problems")
    }

    #[test]
    fn without_an_endpoint_nothing_leaves() {
        let settings = from_env(&[]);
        assert!(settings.enabled);
        assert!(settings.destinations.is_empty());
        assert_eq!(settings.exporter, ExporterChoice::Unset);
        assert!(settings.service_name.starts_with("unknown_service"));
    }

    #[test]
    fn the_environment_alone_is_enough() {
        let settings = from_env(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-honeycomb-team=k%2Cey"),
            ("OTEL_SERVICE_NAME", "chat"),
        ]);
        let [destination] = settings.destinations.as_slice() else { panic!("one destination") };
        for (route, signal) in [(&destination.traces, "traces"), (&destination.metrics, "metrics")]
        {
            let route = route.as_ref().expect("a route");
            assert_eq!(route.url, format!("http://collector:4318/v1/{signal}"));
            assert_eq!(route.protocol, Protocol::HttpProtobuf);
            assert_eq!(route.headers.len(), 1);
            assert_eq!(route.headers[0].0, "x-honeycomb-team");
            assert_eq!(route.headers[0].1.expose(), "k,ey");
        }
        assert_eq!(settings.service_name, "chat");
        assert!(!settings.policy.captures_content());
    }

    #[test]
    fn code_wins_over_the_environment_and_headers_merge() {
        let mut code = Layer::default();
        code.set(Field::ServiceName.general(), "from-code");
        code.header("X-A", Some(String::from("code")));
        let resolved = resolved(
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-a=env,x-b=env"),
                ("OTEL_SERVICE_NAME", "from-env"),
            ],
            code,
        );
        assert_eq!(resolved.settings.service_name, "from-code");
        let route = resolved.settings.destinations[0].traces.as_ref().expect("a route");
        let headers: Vec<_> =
            route.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(headers, [("x-a", "code"), ("x-b", "env")]);
        let explanation = resolved.explanation;
        assert_eq!(explanation.get("service_name"), Some(("from-code", "code")));
        assert_eq!(
            explanation.get("headers.x-b"),
            Some(("[redacted]", "env OTEL_EXPORTER_OTLP_HEADERS"))
        );
    }

    #[test]
    fn unreadable_content_settings_are_off() {
        let capture = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
        assert!(from_env(&[(capture, "SPAN_ONLY")]).policy.captures_content());
        assert!(!from_env(&[(capture, "EVENT_ONLY")]).policy.captures_content());
        let mixed = [("TRACING_GENAI_CONTENT_CAPTURE", "full"), (capture, "fuill")];
        assert!(!from_env(&mixed).policy.captures_content());
        let policy = from_env(&[("TRACING_GENAI_CONTENT_CAPTURE_INPUT", "full")]).policy;
        assert!(policy.allows(Class::Input) && !policy.allows(Class::Output));
    }

    #[test]
    fn a_wrong_value_in_code_is_an_error_and_in_the_environment_a_warning() {
        let mut code = Layer::default();
        code.set_number(Field::SamplerArg.general(), f64::NAN);
        let sources = Sources { file: FileSource::None, code, ..Sources::default() };
        let error = load(&sources).expect_err("NaN is no ratio");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error
                .to_string()
                .starts_with("builder: sampler_arg: expected a number from 0 to 1, got .nan")
        );
        let settings = from_env(&[("OTEL_TRACES_SAMPLER_ARG", "NaN")]);
        assert_eq!(
            settings.warnings,
            ["OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, got \"NaN\"; ignored"]
        );
    }

    #[cfg(feature = "yaml")]
    mod files {
        use std::fs;
        use std::path::{Path, PathBuf};

        use super::*;

        struct Folder(PathBuf);

        impl Folder {
            fn new(name: &str) -> Self {
                let path = std::env::temp_dir()
                    .join(format!("tracing-genai-{name}-{}", std::process::id()));
                fs::create_dir_all(&path).expect("a temporary folder");
                Self(path)
            }

            fn write(&self, name: &str, text: &str) -> String {
                let path = self.0.join(name);
                fs::write(&path, text).expect("a temporary file");
                path.display().to_string()
            }
        }

        impl Drop for Folder {
            fn drop(&mut self) {
                let _ = fs::remove_dir_all(&self.0);
            }
        }

        fn search(variables: &[(&str, &str)]) -> Result<Resolved, Error> {
            let env = variables.iter().copied().collect();
            load(&Sources { env, ..Sources::default() })
        }

        #[test]
        fn our_variable_comes_before_the_standard_one() {
            let folder = Folder::new("search");
            let own = folder.write("own.yaml", "service_name: own");
            let standard = folder.write(
                "sdk.yaml",
                "file_format: '1.0'\nresource: {attributes: [{name: service.name, value: sdk}]}",
            );
            let name = |variables: &[(&str, &str)]| {
                search(variables).expect("a right file").settings.service_name
            };
            assert_eq!(
                name(&[("TRACING_GENAI_CONFIG", &own), ("OTEL_CONFIG_FILE", &standard)]),
                "own"
            );
            assert_eq!(
                name(&[("OTEL_CONFIG_FILE", &standard), ("OTEL_SERVICE_NAME", "no")]),
                "sdk"
            );
            let experimental = search(&[("OTEL_EXPERIMENTAL_CONFIG_FILE", &standard)]);
            let settings = experimental.expect("a right file").settings;
            assert_eq!(settings.service_name, "sdk");
            assert!(settings.warnings[0].contains("deprecated"), "{:?}", settings.warnings);
            let report = search(&[("OTEL_CONFIG_FILE", &own)]).expect_err("is not declarative");
            assert!(report.to_string().starts_with(
                "OTEL_CONFIG_FILE: not a declarative configuration file; use TRACING_GENAI_CONFIG"
            ));
            let missing = search(&[("TRACING_GENAI_CONFIG", "/nowhere.yaml")]);
            let report = missing.expect_err("is not there").to_string();
            assert!(report.starts_with("/nowhere.yaml: cannot be read: no such file"), "{report}");
        }

        #[test]
        fn certificates_are_beside_the_file_and_looked_at() {
            let folder = Folder::new("certificates");
            folder.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
            folder.write("key.pem", "-----BEGIN PRIVATE KEY-----\n");
            folder.write("empty.pem", "");
            let read = |certificate: &str| {
                let text = format!("endpoint: https://c:4318\ntls_ca_cert: {certificate}");
                let path = folder.write("telemetry.yaml", &text);
                let file = FileSource::Path(path.into());
                load(&Sources { file, ..Sources::default() }).map_err(|error| error.to_string())
            };
            let destination =
                read("ca.pem").expect("a certificate").settings.destinations.remove(0);
            let route = destination.traces.expect("a route");
            assert_eq!(route.ca_cert.as_deref(), Some(folder.0.join("ca.pem").as_path()));
            for (certificate, expected) in [
                ("missing.pem", "no such file or directory"),
                ("empty.pem", "it is empty"),
                ("key.pem", "expected a PEM certificate, got a private key"),
                ("telemetry.yaml", "expected PEM text"),
                (".", "it is a directory"),
                ("/dev/zero", "it is not a regular file"),
            ] {
                let report = read(certificate).map(drop).expect_err(certificate);
                let path = folder.0.join(Path::new(certificate));
                assert!(report.contains(expected), "{report}");
                assert!(report.contains(&path.display().to_string()), "{report}");
            }
        }

        #[test]
        fn a_secret_file_is_read_anew_each_time() {
            let folder = Folder::new("secret");
            let secret = folder.write("token", "first\n");
            let text = format!("endpoint: http://c:4318\nbearer_token: file:{secret}");
            let file = FileSource::Text { name: String::from("telemetry.yaml"), text };
            let sources = Sources { file, ..Sources::default() };
            let token = || {
                let settings = load(&sources).expect("a right file").settings;
                let route = settings.destinations[0].traces.as_ref().expect("a route");
                route.headers[0].1.expose().to_owned()
            };
            assert_eq!(token(), "Bearer first");
            folder.write("token", "second");
            assert_eq!(token(), "Bearer second");
        }

        #[test]
        fn two_keys_of_code_make_a_destination_with_the_headers_of_the_file() {
            let text = String::from("endpoint: http://file:4318\nheaders: {x-key: k}");
            let file = FileSource::Text { name: String::from("telemetry.yaml"), text };
            let mut code = Layer::default();
            code.set(Field::Endpoint.general(), "http://code:4318");
            let sources = Sources { file, code, ..Sources::default() };
            let settings = load(&sources).expect("a right file").settings;
            assert_eq!(
                settings.warnings,
                [
                    "http://code:4318/v1/traces: gets the headers x-key that were written beside \
                     another endpoint",
                    "http://code:4318/v1/metrics: gets the headers x-key that were written beside \
                     another endpoint",
                ]
            );
        }
    }
}
