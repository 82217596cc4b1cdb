//! `examples/stack` says the same everywhere: files, ports, images, data sources, pipelines. That its
//! metrics are those of the crate is a test of the metric table; what needs Prometheus is in
//! `examples/stack/check`.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/stack")
}

fn text(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn dashboards() -> [Value; 2] {
    ["1.41", "latest"].map(|version| {
        let file = format!("grafana/dashboards/genai-{version}.json");
        serde_json::from_str(&text(&file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn strings(value: &Value) -> BTreeSet<&str> {
    list(value).iter().map(|it| it.as_str().unwrap()).collect()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_file_parses() {
    let mut parsed = 0;
    for path in files(&folder()) {
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        let file = path.strip_prefix(folder()).unwrap().to_str().unwrap();
        let value = match kind {
            "yaml" | "yml" => yaml(file),
            "json" => serde_json::from_str(&text(file)).unwrap(),
            _ => continue,
        };
        assert!(value.is_object(), "{file}");
        parsed += 1;
    }
    assert!(parsed >= 14, "{parsed}");
}

#[test]
fn images_are_pinned_and_named_once() {
    let (compose, readme) = (text("compose.yaml"), text("README.md"));
    let pinned: BTreeSet<_> =
        compose.lines().filter_map(|line| line.trim().strip_prefix("image: ")).collect();
    let mut names = 0;
    for line in pinned.iter().filter(|line| !line.starts_with('*')) {
        let image = line.split_whitespace().last().unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap();
        assert!(tag.matches('.').count() == 2 && tag != "latest", "{image}");
        assert_eq!(compose.matches(image).count(), 1, "{image}");
        assert!(readme.contains(&format!("`{image}`")), "README.md does not name {image}");
        names += 1;
    }
    assert_eq!(names, 4);
    for (name, service) in members(&yaml("compose.yaml")["services"]) {
        assert!(service["image"].is_string(), "{name}");
    }
}

#[test]
fn ports_are_on_loopback_and_in_the_readme() {
    let (compose, readme) = (yaml("compose.yaml"), text("README.md"));
    let rows: String = readme.lines().filter(|line| line.starts_with("| ")).collect();
    let mut published = BTreeSet::new();
    for (name, service) in members(&compose["services"]) {
        for port in strings(&service["ports"]) {
            let parts: Vec<_> = port.split(':').collect();
            assert_eq!((parts.len(), parts[0]), (3, "127.0.0.1"), "{name}: {port}");
            assert_eq!(parts[1], parts[2], "{name}: {port}");
            assert!(published.insert(parts[1].to_owned()), "{port} twice");
            assert!(rows.contains(parts[1]), "README.md does not name {port}");
        }
    }
    // The ports of the two documents that this stack stands for; Grafana where their text says.
    for port in ["4317", "4318", "8888", "9464", "13133", "1777", "55679", "3200", "9090", "3000"] {
        assert!(published.contains(port), "{port} is not published");
    }
    let collector = text("collector.yaml");
    for port in strings(&compose["services"]["otel-collector"]["ports"]) {
        let port = port.rsplit(':').next().unwrap();
        let listens = [format!("0.0.0.0:{port}"), format!("host: 0.0.0.0, port: {port}")];
        assert!(listens.iter().any(|it| collector.contains(it)), "nothing listens on {port}");
    }
}

#[test]
fn what_is_mounted_is_there() {
    let compose = yaml("compose.yaml");
    let mut mounted = 0;
    for (name, service) in members(&compose["services"]) {
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            if source.starts_with("./") {
                assert!(folder().join(source).exists(), "{name}: {source}");
                assert!(volume.ends_with(":ro"), "{name}: {volume}");
                mounted += 1;
            } else {
                assert!(compose["volumes"].get(source).is_some(), "{name}: {source}");
            }
        }
    }
    assert_eq!(mounted, 5);
    let home =
        compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
            .as_str()
            .unwrap();
    let provider = yaml("grafana/provisioning/dashboards/stack.yaml");
    let path = provider["providers"][0]["options"]["path"].as_str().unwrap();
    let file = home.strip_prefix(path).unwrap().trim_start_matches('/');
    assert!(folder().join("grafana/dashboards").join(file).exists(), "{file}");
}

#[test]
fn dashboards_ask_data_sources_that_are_provisioned() {
    let provisioned = yaml("grafana/provisioning/datasources/stack.yaml");
    let provisioned: BTreeMap<_, _> = list(&provisioned["datasources"])
        .iter()
        .map(|it| (it["uid"].as_str().unwrap(), it["type"].as_str().unwrap()))
        .collect();
    let mut uids = BTreeSet::new();
    for dashboard in dashboards() {
        assert!(uids.insert(dashboard["uid"].to_string()), "{}", dashboard["uid"]);
        let mut ids = BTreeSet::new();
        for panel in list(&dashboard["panels"]) {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64()), "{title}");
            let place = &panel["gridPos"];
            assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{title}");
            for asked in [panel].into_iter().chain(list(&panel["targets"])) {
                if let Some(source) = asked.get("datasource") {
                    let uid = source["uid"].as_str().unwrap();
                    assert_eq!(provisioned.get(uid).copied(), source["type"].as_str(), "{title}");
                }
            }
        }
        assert!(ids.len() > 40);
    }
}

#[test]
fn every_alert_is_in_the_readme_and_has_a_test() {
    let (rules, readme) = (yaml("prometheus/genai.rules.yml"), text("README.md"));
    let tests = text("prometheus/genai.test.yml");
    let rules = list(&rules["groups"]).iter().flat_map(|group| list(&group["rules"]));
    let alerts: Vec<_> = rules.filter_map(|rule| rule["alert"].as_str()).collect();
    assert!(alerts.len() > 10);
    for alert in alerts {
        assert!(readme.contains(&format!("`{alert}`")), "{alert}");
        assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert}");
    }
}

#[test]
fn pipelines_use_what_is_defined() {
    for file in ["collector", "replicas/balancer", "replicas/sampler", "replicas/delta"] {
        let config = yaml(&format!("{file}.yaml"));
        let mut used = BTreeSet::new();
        for (_, pipeline) in members(&config["service"]["pipelines"]) {
            for kind in ["receivers", "processors", "exporters"] {
                for name in strings(&pipeline[kind]) {
                    assert!(config[kind].get(name).is_some(), "{file}: {kind} has no {name}");
                    used.insert((kind, name));
                }
            }
            assert_eq!(pipeline["processors"][0], "memory_limiter", "{file}");
        }
        for name in strings(&config["service"]["extensions"]) {
            assert!(config["extensions"].get(name).is_some(), "{file}: no extension {name}");
            used.insert(("extensions", name));
        }
        for kind in ["receivers", "processors", "exporters", "extensions"] {
            for (name, _) in members(&config[kind]) {
                assert!(used.contains(&(kind, name.as_str())), "{file}: {name} is not used");
            }
        }
    }
}
