//! The configuration file in the README is one.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use tracing_genai::config::Config;

#[test]
fn the_yaml_of_the_readme_resolves() {
    let readme = include_str!("../README.md");
    let (_, yaml) = readme.split_once("```yaml\n").unwrap();
    let (yaml, _) = yaml.split_once("```").unwrap();
    let config: Config = yaml.parse().unwrap();
    let explanation = config.resolve([("OTLP_TOKEN", "t")]).unwrap();
    assert_eq!(explanation.get("service_name").unwrap().0, "chat-api");
    assert_eq!(explanation.get("content_capture").unwrap().0, "off");
    assert_eq!(explanation.get("sampler_arg").unwrap().0, "0.1");
}
