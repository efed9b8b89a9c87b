"""Gives the tests an object store of their own, which speaks S3. It starts on first use and stops with the session."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import pytest

from enginehouse.engines import processes

WEED = Path(__file__).parents[1] / ".venv" / "clients" / "seaweedfs" / "bin" / "weed"
STARTS_WITHIN = 60.0
BUCKET = "enginehouse-tests"
KEY, SECRET = "tests", "the-secret-of-the-tests"


class ObjectStore:
    """A running store on a port of its own. It keeps its data over a kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = free_ports(9)
        self._process: subprocess.Popen[bytes] | None = None
        identity = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    def environment(self, url: str | None = None) -> dict[str, str]:
        """Returns the variables for a client of this store, which reaches it under the URL."""
        return {
            "AWS_ENDPOINT_URL": url or self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }

    def start(self) -> None:
        """The store answers."""
        s3, s3_grpc, filer, filer_grpc, master, master_grpc, volume, volume_grpc, rows = self._ports
        self._process = subprocess.Popen(
            [
                str(WEED), "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                "-s3", "-s3.autoCreateBucket=false", f"-s3.config={self.folder / 's3.json'}",
                f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", f"-s3.port.iceberg={rows}", "-s3.port.lance=0",
                f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}",
                f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false",
                f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}",
                "-master.volumeSizeLimitMB=128", "-master.electionTimeout=1s", "-volume.max=100",
            ],
            stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("ab"), stdin=subprocess.DEVNULL,
            preexec_fn=processes.die_with_parent,  # noqa: PLW1509 - a killed test run leaves no store
        )  # fmt: skip
        deadline = time.monotonic() + STARTS_WITHIN
        while not self._answers(s3) or not self._answers(filer) or not self._has_volumes(master):
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the object store did not start"
            time.sleep(0.05)
        self._make_bucket()

    def kill(self) -> None:
        """The store is killed, as by a power failure."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)

    def place(self) -> str:
        """Returns a new, empty place in the bucket of the tests. More buckets would need more room on the disk."""
        return f"s3://{BUCKET}/{token_hex(6)}/artifacts"

    def unfinished_uploads(self) -> set[str]:
        """Returns the uploads whose last part has not come, and that nobody has given up."""
        filer = http.client.HTTPConnection("127.0.0.1", self._ports[2], timeout=30)
        filer.request("GET", f"/buckets/{BUCKET}/.uploads/?limit=1000", headers={"Accept": "application/json"})
        answer = filer.getresponse()
        found = json.loads(answer.read()) if answer.status == 200 else {}
        filer.close()
        return {entry["FullPath"] for entry in found.get("Entries") or []}

    def _make_bucket(self) -> None:
        filer = http.client.HTTPConnection("127.0.0.1", self._ports[2], timeout=30)
        filer.request("POST", f"/buckets/{BUCKET}/")
        assert filer.getresponse().status in (201, 409)
        filer.close()

    def _answers(self, port: int) -> bool:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        return False

    def _has_volumes(self, master: int) -> bool:
        with suppress(OSError, http.client.HTTPException, ValueError):
            connection = http.client.HTTPConnection("127.0.0.1", master, timeout=5)
            connection.request("GET", "/dir/assign")
            return "fid" in json.loads(connection.getresponse().read())
        return False


def free_ports(count: int) -> list[int]:
    """Returns ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def started() -> Iterator[ObjectStore]:
    """Yields a running store. Afterwards it is gone, with its data. Without `make clients` the test is skipped."""
    if not WEED.exists():
        sentence = "the environment of the client seaweedfs is missing; run: make clients"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    with tempfile.TemporaryDirectory(prefix="enginehouse-s3-", ignore_cleanup_errors=True) as folder:
        store = ObjectStore(Path(folder))
        store.start()
        try:
            yield store
        finally:
            store.kill()


def in_environment(patch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """This process reaches the store, and no other one."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    for name, value in variables.items():
        patch.setenv(name, value)
