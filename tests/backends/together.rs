//! Many of them at once: what each gets is its own.

use serde_json::{Map, Value, json};

use super::*;
use crate::world::run;

#[test]
fn no_destination_sees_a_header_of_another() {
    // A configuration has at most 16.
    for recipes in RECIPES.chunks(RECIPES.len().div_ceil(2)) {
        send_to_all(recipes);
    }
}

fn send_to_all(recipes: &[Recipe]) {
    let world = World::new();
    let exporters: Vec<Value> = recipes
        .iter()
        .map(|recipe| {
            let scheme = if recipe.to.1 { "https" } else { "http" };
            let headers: Map<_, _> =
                recipe.headers.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
            json!({
                "name": recipe.file,
                "traces": {"endpoint": format!("{scheme}://{}{}", recipe.to.0, recipe.traces)},
                "format": recipe.format,
                "headers": headers,
                "tls_ca_cert": world.ca_file(),
            })
        })
        .collect();
    let config = json!({"exporters": exporters, "metrics": {"enabled": false}});
    let telemetry = run(world.builder(&[]).config_str(config.to_string()), chat).unwrap();
    telemetry.force_flush().unwrap();

    let requests = world.http.requests();
    assert_eq!(requests.len(), recipes.len());
    for recipe in recipes {
        // With the port where it is not the usual one.
        let host = recipe.to.0.trim_end_matches(":443");
        let of_host = requests.iter().find(|request| {
            let said = request.header("host").unwrap();
            said == host || said == recipe.to.0
        });
        assert_request(recipe, of_host.unwrap(), recipe.traces, recipe.headers);
    }
    assert_eq!(telemetry.status().spans().exported(), 1);
}
