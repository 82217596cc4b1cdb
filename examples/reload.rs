//! A service that takes up a changed configuration while it runs: on SIGHUP, and when the file
//! changes.
//!
//! ```text
//! cargo run --example reload -- telemetry.yaml
//! kill -HUP $(pgrep --full examples/reload)
//! ```
//!
//! With `--once` it does both to itself and ends, which is how the checks of this repository run
//! it.
#![expect(clippy::print_stdout, reason = "an example talks to the one who runs it")]

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tracing_genai::Telemetry;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let Some(argument) = std::env::args_os().nth(1) else {
        return Err("usage: reload FILE | --once".into());
    };
    if argument == "--once" {
        return once().await;
    }
    let path = PathBuf::from(argument);
    let telemetry = tracing_genai::builder().config_file(&path).init()?;
    let mut changes = Changes::of(&path)?;
    tokio::select! {
        // Here the service serves.
        ended = tokio::signal::ctrl_c() => ended?,
        never = async { loop { reload(&telemetry, changes.next().await); } } => never,
    }
    telemetry.shutdown()?;
    Ok(())
}

/// Says what a reload did. A wrong file changes nothing; the service goes on as it was.
fn reload(telemetry: &Telemetry, why: &str) {
    match telemetry.reload() {
        Ok(reloaded) => println!("{why}: {reloaded}"),
        Err(error) => println!("{why}: not reloaded: {error}"),
    }
}

/// The reasons to read the configuration anew.
struct Changes {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Changes {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            seen: version(path),
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        #[cfg(unix)]
        let hangup = self.hangup.recv();
        #[cfg(not(unix))]
        let hangup = std::future::pending::<Option<()>>();
        let (path, seen) = (&self.path, self.seen);
        // A look once a second costs nothing and works with every file system and mount.
        let changed = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                // While an editor replaces the file there may be none.
                if let Some(version) = version(path)
                    && Some(version) != seen
                {
                    return version;
                }
            }
        };
        tokio::select! {
            _ = hangup => {
                self.seen = version(&self.path);
                "SIGHUP"
            }
            version = changed => {
                self.seen = Some(version);
                "the file changed"
            }
        }
    }
}

/// What tells one version of a file from another.
fn version(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

async fn once() -> Result<(), Failure> {
    let path = std::env::temp_dir().join(format!("reload-{}.json", std::process::id()));
    let write = |capture: &str, ratio: &str| {
        let text = format!(
            r#"{{"endpoint": "http://localhost:4318", "content_capture": "{capture}",
                "sampler": "traceidratio", "sampler_arg": {ratio}}}"#
        );
        std::fs::write(&path, text)
    };
    write("full", "1.0")?;
    let telemetry = tracing_genai::builder().config_file(&path).init()?;
    let mut changes = Changes::of(&path)?;

    write("full", "0.25")?;
    #[cfg(unix)]
    std::process::Command::new("sh")
        .arg("-c")
        .arg(format!("kill -HUP {}", std::process::id()))
        .status()?;
    reload(&telemetry, changes.next().await);

    write("off", "0.25")?;
    reload(&telemetry, changes.next().await);
    let settings = telemetry.explain();
    assert_eq!(settings.get("sampler_arg").map(|(value, _)| value), Some("0.25"));
    assert_eq!(settings.get("content_capture").map(|(value, _)| value), Some("off"));

    std::fs::remove_file(&path)?;
    telemetry.shutdown()?;
    Ok(())
}
