"""A backend as a process: its environment of packages, its start, its end, its JSON."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path

HERE = Path(__file__).parent
# Nobody outside is told that a server runs, and proxies are not for loopback.
QUIET = {
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "NO_PROXY": "127.0.0.1",
}


class Server:
    """What the two backends share. A subclass says how to start one and how to read from it."""

    name = ""
    # What the server needs beside the common environment.
    variables = {}
    protocols = ["http/protobuf"]

    def __init__(self, environments, data):
        self.environment = environments / self.name
        self.data = data / self.name
        self.data.mkdir()
        self.port, self.grpc_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.recipe = str(HERE.parent / f"{self.name}.yaml")
        self.log = self.data / "server.log"
        self.process = None

    def program(self, name):
        return str(self.environment / "bin" / name)

    def install(self):
        requirements = HERE / f"requirements-{self.name}.txt"
        done = self.environment / "installed.txt"
        if done.exists() and done.read_text() == requirements.read_text():
            return
        print(f"installing {self.name} into {self.environment}", flush=True)
        venv.create(self.environment, with_pip=True, clear=True)
        pip = [self.program("python"), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
        subprocess.run(pip, check=True)
        done.write_text(requirements.read_text())

    def start(self):
        environment = surroundings() | QUIET | self.variables | self.own_variables()
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.data, env=environment, stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            )
        deadline = time.monotonic() + 180
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.2)

    def own_variables(self):
        return {}

    def answers(self):
        try:
            with urllib.request.urlopen(self.base + self.health, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        if self.process is not None:
            # The group is ours: the servers have workers of their own.
            os.killpg(self.process.pid, 15)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data=data, headers={"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def surroundings():
    """The environment without what it says to servers and exporters of its own."""
    own = ("MLFLOW_", "OTEL_", "PHOENIX_", "TRACING_GENAI_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
