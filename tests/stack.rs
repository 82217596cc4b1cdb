//! The recipes in `examples/stack` are configurations of this crate.
#![cfg(all(feature = "metrics", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use tracing_genai::config::{Config, Explanation};

fn resolve(yaml: &str) -> Explanation {
    yaml.parse::<Config>().unwrap().resolve([("HOSTNAME", "chat-7d9f-x2")]).unwrap()
}

#[test]
fn the_recipe_of_the_stack() {
    let recipe = resolve(include_str!("../examples/stack/telemetry.yaml"));
    assert_eq!(recipe.get("endpoint").unwrap().0, "http://localhost:4318");
    assert_eq!(recipe.get("metrics.export_interval_ms").unwrap().0, "15000");
}

#[test]
fn the_recipe_of_a_replica() {
    let yaml = include_str!("../examples/stack/replicas/telemetry.yaml");
    let recipe = resolve(yaml);
    assert_eq!(recipe.get("sampler").unwrap().0, "parentbased_always_on");
    assert_eq!(recipe.get("metrics.temporality").unwrap().0, "cumulative");
    // Replicas of one identity would spoil each other's numbers: without a name there is an error.
    let unnamed = yaml.parse::<Config>().unwrap().resolve([("HOME", "/")]);
    assert!(unnamed.unwrap_err().to_string().contains("HOSTNAME"));
}
