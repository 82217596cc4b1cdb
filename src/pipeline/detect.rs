//! Facts about where the process runs, for the resource. Only those that were asked for: a host
//! name or a process id makes every metric series of every instance a new one.

use std::fs;
use std::path::Path;

use opentelemetry::KeyValue;

use crate::config::settings::Detector;

/// The facts of these detectors. What cannot be found out is left out.
pub(super) fn detect(detectors: &[Detector]) -> Vec<KeyValue> {
    detect_in(Path::new("/"), detectors)
}

fn detect_in(root: &Path, detectors: &[Detector]) -> Vec<KeyValue> {
    detectors
        .iter()
        .flat_map(|detector| match detector {
            Detector::Host => host(root),
            Detector::Process => process(),
            Detector::K8s => kubernetes(root),
        })
        .collect()
}

fn host(root: &Path) -> Vec<KeyValue> {
    // The words of the semantic conventions where they differ from Rust's.
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc64" => "ppc64",
        other => other,
    };
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let mut facts = vec![KeyValue::new("host.arch", arch), KeyValue::new("os.type", os)];
    facts.extend(host_name(root).map(|name| KeyValue::new("host.name", name)));
    facts
}

fn process() -> Vec<KeyValue> {
    let mut facts = vec![KeyValue::new("process.pid", i64::from(std::process::id()))];
    let executable = std::env::current_exe().ok();
    let name = executable.as_deref().and_then(Path::file_name);
    facts.extend(
        name.map(|name| {
            KeyValue::new("process.executable.name", name.to_string_lossy().into_owned())
        }),
    );
    facts
}

/// What a pod can know of itself without being given anything.
fn kubernetes(root: &Path) -> Vec<KeyValue> {
    let namespace = line(root, "var/run/secrets/kubernetes.io/serviceaccount/namespace");
    let Some(namespace) = namespace else { return Vec::new() };
    let mut facts = vec![KeyValue::new("k8s.namespace.name", namespace)];
    // Kubernetes names the host of a pod after the pod.
    facts.extend(host_name(root).map(|name| KeyValue::new("k8s.pod.name", name)));
    facts
}

fn host_name(root: &Path) -> Option<String> {
    line(root, "proc/sys/kernel/hostname").or_else(|| line(root, "etc/hostname"))
}

fn line(root: &Path, path: &str) -> Option<String> {
    let text = fs::read_to_string(root.join(path)).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty() && line.len() <= MAX_BYTES).then(|| line.to_owned())
}

/// The longest host name there is.
const MAX_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_knows_its_name_and_namespace() {
        let root = std::env::temp_dir().join(format!("tracing-genai-pod-{}", std::process::id()));
        let secrets = root.join("var/run/secrets/kubernetes.io/serviceaccount");
        fs::create_dir_all(&secrets).expect("a directory");
        fs::create_dir_all(root.join("etc")).expect("a directory");
        fs::write(secrets.join("namespace"), "shop").expect("a file");
        fs::write(root.join("etc/hostname"), "chat-api-7d9f\n").expect("a file");
        let facts = detect_in(&root, &[Detector::K8s]);
        fs::remove_dir_all(&root).expect("the directory");
        assert_eq!(
            facts,
            [
                KeyValue::new("k8s.namespace.name", "shop"),
                KeyValue::new("k8s.pod.name", "chat-api-7d9f"),
            ]
        );
    }

    #[test]
    fn nothing_is_looked_up_without_being_asked_for_and_nothing_is_invented() {
        assert!(detect(&[]).is_empty());
        assert!(detect_in(Path::new("/nowhere"), &[Detector::K8s]).is_empty());
        let host = detect_in(Path::new("/nowhere"), &[Detector::Host]);
        assert!(!host.iter().any(|fact| fact.key.as_str() == "host.name"));
        assert!(!detect(&[Detector::Process]).is_empty());
    }
}
