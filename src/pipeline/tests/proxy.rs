//! The way out through a proxy, as the variables of the environment say.

use std::sync::Arc;

use tracing_genai_test_support::{Authority, GrpcReceiver, OtlpReceiver, Proxy};

use super::*;
use crate::config::env::Env;
use crate::pipeline::delivery::FailureKind;
use crate::pipeline::probe;

struct Office {
    authority: Arc<Authority>,
    http: OtlpReceiver,
    grpc: GrpcReceiver,
    proxy: Proxy,
}

impl Office {
    fn new() -> Self {
        let (authority, http, grpc) =
            (Arc::new(Authority::new()), OtlpReceiver::start(), GrpcReceiver::start());
        let proxy = Proxy::start(Arc::clone(&authority), http.address(), grpc.address());
        Self { authority, http, grpc, proxy }
    }

    fn proxies(&self, variables: &[(&str, &str)]) -> Proxies {
        let address = self.proxy.address().to_string();
        let variables =
            variables.iter().map(|(name, value)| (*name, value.replace("PROXY", &address)));
        let (proxies, problems) = Proxies::from_env(&variables.collect::<Env>());
        assert_eq!(problems, [""; 0]);
        proxies
    }

    fn to(&self, protocol: Protocol, endpoint: &str, variables: &[(&str, &str)]) -> Destination {
        by(destination("default", endpoint), |to| {
            *to = Route {
                protocol,
                ca_cert: Some(self.authority.ca_file()),
                proxies: self.proxies(variables),
                timeout: Duration::from_secs(3),
                headers: vec![header("x-key", "secret-of-the-destination")],
                ..to.clone()
            };
        })
    }
}

const PROTOCOLS: &[Protocol] = &[
    Protocol::HttpProtobuf,
    #[cfg(feature = "otel-grpc")]
    Protocol::Grpc,
];

#[test]
fn each_scheme_goes_through_its_proxy() {
    for protocol in PROTOCOLS {
        for (variable, endpoint, target, tls) in [
            ("HTTPS_PROXY", "https://otlp.example.com", "otlp.example.com:443", true),
            ("HTTP_PROXY", "http://otlp.example.com:4318", "otlp.example.com:4318", false),
            ("all_proxy", "http://otlp.example.com", "otlp.example.com:80", false),
        ] {
            let office = Office::new();
            let variables = [(variable, "http://me:s3cr%40t@PROXY")];
            let running =
                Running::start(&settings(vec![office.to(*protocol, endpoint, &variables)]));
            running.numbered(3);
            running.pipeline.flush(PATIENCE).unwrap();
            let tunnels = office.proxy.tunnels();
            let [tunnel] = tunnels.as_slice() else { panic!("{tunnels:?}") };
            assert_eq!((tunnel.target.as_str(), tunnel.tls), (target, tls), "{protocol:?}");
            assert_eq!(tunnel.http2, *protocol == Protocol::Grpc);
            // me:s3cr@t
            assert_eq!(tunnel.authorization.as_deref(), Some("Basic bWU6czNjckB0"));
            assert_eq!(office.http.span_count() + office.grpc.span_count(), 3, "{protocol:?}");
            assert!(!office.http.contains_bytes("bWU6czNjckB0"), "the proxy's alone");
            assert!(!format!("{:?}", running.pipeline).contains("s3cr"));
        }
    }
}

#[test]
fn what_needs_no_proxy_goes_directly() {
    for protocol in PROTOCOLS {
        let office = Office::new();
        let endpoint = match protocol {
            Protocol::Grpc => office.grpc.endpoint(),
            _ => office.http.endpoint(),
        };
        // What runs on this machine, whatever the variables say.
        let local = office.to(*protocol, &endpoint, &[("HTTP_PROXY", "PROXY")]);
        // The variable of the other scheme.
        let plain =
            office.to(*protocol, "http://no-such-host.invalid", &[("HTTPS_PROXY", "PROXY")]);
        let named = office.to(
            *protocol,
            "https://otlp.no-such-host.invalid",
            &[("HTTPS_PROXY", "PROXY"), ("NO_PROXY", "localhost,no-such-host.invalid")],
        );
        let running = Running::start(&settings(vec![local]));
        running.numbered(3);
        running.pipeline.flush(PATIENCE).unwrap();
        assert_eq!(office.http.span_count() + office.grpc.span_count(), 3);
        for to in [plain, named] {
            let finding = probe(&to);
            assert!(finding.to_string().contains("no address"), "{protocol:?}: {finding}");
        }
        assert_eq!(office.proxy.tunnels(), []);
    }
}

#[test]
fn a_proxy_that_refuses_or_is_not_there_is_named() {
    for protocol in PROTOCOLS {
        let office = Office::new();
        let variables = [("HTTPS_PROXY", "http://me:s3cr3t-canary@PROXY")];
        let to = office.to(*protocol, "https://otlp.example.com", &variables);
        for (status, words) in [
            ("407 Proxy Authentication Required", "wants credentials: write them into HTTPS_PROXY"),
            ("403 Forbidden", "by HTTPS_PROXY: is it running, and does it let this host"),
        ] {
            office.proxy.refuse(status);
            let finding = probe(&to);
            let text = finding.to_string();
            assert!(text.contains(words), "{protocol:?}: {text}");
            assert!(text.contains(&office.proxy.address().to_string()), "{text}");
            assert!(!text.contains("s3cr3t"), "{text}");
        }
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let gone = format!("http://{gone}");
        let to = office.to(*protocol, "https://otlp.example.com", &[("HTTPS_PROXY", &gone)]);
        let text = probe(&to).to_string();
        assert!(text.contains("HTTPS_PROXY: is it running"), "{protocol:?}: {text}");

        let to = by(to, |to| to.proxies = office.proxies(&variables));
        let running = Running::start(&settings(vec![to]));
        running.numbered(2);
        assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.waiting, 2, "{protocol:?}");
        let (_, error) = running.snapshot().destinations[0].last_error.clone().unwrap();
        assert_eq!(error.kind, FailureKind::Proxy, "{protocol:?}: {error:?}");
        let _ = running.pipeline.shutdown(Duration::from_millis(100));
    }
}
