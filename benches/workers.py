"""The two workers that are compared: each is started with a properties file and driven over REST."""

import glob
import os
import signal
import subprocess
import time
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parent.parent
KAFKA = ROOT / "tests/kafka/kafka.sh"
STRING = "org.apache.kafka.connect.storage.StringConverter"


class Worker:
    """A running worker: its REST address is `base`."""

    def __init__(self, folder, command, properties, connectors=(), environment=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = measure.free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        properties = {
            "listeners": self.base,
            "key.converter": STRING,
            "value.converter": STRING,
            "offset.flush.interval.ms": "10000",
            **properties,
        }
        file = folder / "worker.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        self.log = folder / "worker.log"
        self.started = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*command, str(file), *map(str, connectors)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self.pid = self.process.pid

    def wait_for_rest(self):
        measure.wait_until(self.answers, f"{self.base}, see {self.log}")

    def wait_for_running(self, name, every=0.05):
        measure.wait_until(
            lambda: self.alive() and measure.running(self.base, name), f"{name} RUNNING, see {self.log}", every=every
        )

    def answers(self):
        self.alive()
        try:
            measure.rest(self.base + "/connectors")
            return True
        except OSError:
            return False

    def alive(self):
        if self.process.poll() is not None:
            raise SystemExit(f"the worker ended with {self.process.returncode}; its log:\n{self.log.read_text()[-3000:]}")
        return True

    def create(self, name, config):
        measure.rest(self.base + "/connectors", "POST", {"name": name, "config": config})

    def cpu(self):
        return measure.cpu_seconds(self.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def tidegate(folder, bootstrap, cache, files, connectors=(), **more):
    """Tidegate, whose connectors may read and write below `files`.

    A worker takes up the connectors that its configuration topic names, so each has topics of its own.
    """
    own = "-".join(folder.parts[-2:])
    properties = {
        "bootstrap.servers": bootstrap,
        "plugin.path": ROOT / "target/plugins",
        "sandbox.cache.dir": cache,
        "sandbox.policy.read": files,
        "sandbox.policy.write": files,
        "config.storage.topic": f"{own}-configs",
        "offset.storage.topic": f"{own}-offsets",
        "status.storage.topic": f"{own}-status",
        **more,
    }
    program = Path(os.environ.get("TIDEGATE", ROOT / "target/release/tidegate")).absolute()
    command = [str(program), "standalone"]
    if connectors:
        command.append("--no-progress")
    return Worker(folder, command, properties, connectors)


def kafka_connect(folder, bootstrap, _cache, _files, connectors=(), **more):
    """Kafka Connect 4.3.1, with the JVM settings of its own start scripts."""
    folder.mkdir(parents=True, exist_ok=True)
    jars = glob.glob(subprocess.check_output([KAFKA, "classpath"], text=True).strip())
    plugins = folder / "plugins/connect-file"
    plugins.mkdir(parents=True, exist_ok=True)
    classpath = []
    for jar in map(Path, sorted(jars)):
        # As in the distribution: the file connectors are on plugin.path, not on the class path.
        if jar.name.startswith("connect-file-"):
            link = plugins / jar.name
            if not link.exists():
                link.symlink_to(jar)
        else:
            classpath.append(str(jar))
    logging = folder / "log4j2.properties"
    logging.write_text(
        "status=error\nappender.out.type=Console\nappender.out.name=out\nappender.out.layout.type=PatternLayout\n"
        "appender.out.layout.pattern=[%d] %p %m (%c)%n\nrootLogger.level=warn\nrootLogger.appenderRef.out.ref=out\n"
    )
    command = [
        "java", "-Xms256M", "-Xmx2G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
        "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={logging}", "-cp", ":".join(classpath),
        "org.apache.kafka.connect.cli.ConnectStandalone",
    ]  # fmt: skip
    properties = {
        "bootstrap.servers": bootstrap,
        "plugin.path": folder / "plugins",
        # Its default scans the class path for 20 CPU seconds.
        "plugin.discovery": "service_load",
        "offset.storage.file.filename": folder / "offsets",
        **more,
    }
    return Worker(folder, command, properties, connectors)


WORKERS = {"tidegate": tidegate, "connect": kafka_connect}


class Kafka:
    """A throw-away broker in `folder`, with the just-in-time compiler at full strength."""

    def __init__(self, folder):
        self.folder = folder
        environment = {**os.environ, "KAFKA_JIT": "full"}
        started = subprocess.run([KAFKA, "start", folder], env=environment, check=True, stdout=subprocess.PIPE, text=True)
        self.bootstrap = started.stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([KAFKA, "stop", self.folder], check=False)
