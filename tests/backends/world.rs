//! Everything outside of the process, on loopback.

use std::sync::Arc;

use tracing::info_span;
use tracing_genai::telemetry::{Console, Telemetry};
use tracing_genai::{Builder, Error};
use tracing_genai_test_support::{Answer, Authority, GrpcReceiver, OtlpReceiver, Proxy};
use tracing_subscriber::prelude::*;

use crate::folder;
use crate::recipes::Recipe;

pub(crate) struct World {
    pub(crate) http: OtlpReceiver,
    #[cfg_attr(not(feature = "otel-grpc"), expect(dead_code, reason = "nothing is sent there"))]
    pub(crate) grpc: GrpcReceiver,
    pub(crate) proxy: Proxy,
    authority: Arc<Authority>,
}

impl World {
    pub(crate) fn new() -> Self {
        let authority = Arc::new(Authority::new());
        let (http, grpc) = (OtlpReceiver::start(), GrpcReceiver::start());
        // On every path: which one it must be is the recipe's.
        http.answer_always(Answer::accept());
        let proxy = Proxy::start(Arc::clone(&authority), http.address(), grpc.address());
        Self { http, grpc, proxy, authority }
    }

    /// The way out, and then the variables of the test.
    pub(crate) fn builder(&self, variables: &[(&str, &str)]) -> Builder {
        let own = [
            ("HTTPS_PROXY", self.proxy.url()),
            ("HTTP_PROXY", self.proxy.url()),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", self.ca_file()),
        ];
        let given = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        tracing_genai::builder().console(Console::Never).env(own.into_iter().chain(given))
    }

    /// Who vouches for every host.
    pub(crate) fn ca_file(&self) -> String {
        self.authority.ca_file().display().to_string()
    }

    /// Loads a recipe as it is and does `work` below its layer.
    #[track_caller]
    pub(crate) fn run(
        &self,
        recipe: &Recipe,
        variables: &[(&str, &str)],
        work: impl FnOnce(),
    ) -> Telemetry {
        let run = self.try_run(recipe, variables, work);
        run.unwrap_or_else(|error| panic!("{}: {error}", recipe.file))
    }

    pub(crate) fn try_run(
        &self,
        recipe: &Recipe,
        variables: &[(&str, &str)],
        work: impl FnOnce(),
    ) -> Result<Telemetry, Error> {
        let variables: Vec<_> = recipe.variables.iter().chain(variables).copied().collect();
        let file = folder().join(format!("{}.yaml", recipe.file));
        run(self.builder(&variables).config_file(file), work)
    }
}

/// Does `work` below the layer of a builder.
pub(crate) fn run(builder: Builder, work: impl FnOnce()) -> Result<Telemetry, Error> {
    let (layer, telemetry) = builder.build()?;
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    Ok(telemetry)
}

/// One GenAI span.
pub(crate) fn chat() {
    info_span!(
        "handler",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-4o",
        gen_ai.usage.input_tokens = 7_u64,
        gen_ai.usage.output_tokens = 2_u64,
    );
}
