//! Who is sending: the resource of every signal.

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_semantic_conventions::attribute;

use super::detect::detect;
use crate::config::settings::{Scalar, Settings};

/// The resource of the settings. The environment is not read here: `config` did, and the SDK's
/// own detectors of it read it differently from the specification.
pub(crate) fn resource(settings: &Settings) -> Resource {
    let mut attributes = detect(&settings.resource_detectors);
    for (key, scalar) in &settings.resource_attributes {
        attributes.push(KeyValue::new(key.clone(), value(scalar)));
    }
    attributes.push(KeyValue::new(attribute::SERVICE_NAME, settings.service_name.clone()));
    let sdk = Box::new(TelemetryResourceDetector);
    Resource::builder_empty().with_detector(sdk).with_attributes(attributes).build()
}

fn value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Bool(value) => Value::Bool(*value),
        Scalar::I64(value) => Value::I64(*value),
        Scalar::F64(value) => Value::F64(*value),
        Scalar::Str(value) => Value::from(value.clone()),
        Scalar::List(values) => {
            Value::Array(Array::String(values.iter().cloned().map(StringValue::from).collect()))
        }
    }
}

pub(crate) fn same_resource(a: &Settings, b: &Settings) -> bool {
    a.service_name == b.service_name
        && a.resource_attributes == b.resource_attributes
        && a.resource_detectors == b.resource_detectors
}
