"""`enginehouse worker drain`: a drained server starts nothing, also after a restart, until it is resumed."""

import json
from pathlib import Path
from typing import Any

from tests.acceptance.servers import Server, serving


def worker(server: Server) -> Any:
    """Returns the only worker that is connected."""
    [one] = [each for each in json.loads(server.cli("worker", "list", "--json").out) if each["connected"]]
    return one


def create(server: Server) -> str:
    return server.cli("job", "create", "--engine", "noop").out.strip()


def test_a_drained_server_stays_drained_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        said = server.cli("worker", "drain", worker(server)["workerID"], "--detail", "new disk")
        assert (said.code, said.out) == (0, "drained\n"), said.err
        assert "drained" in server.cli("worker", "list").out
        first = create(server)
    with serving(data) as server:
        one = worker(server)
        assert (one["drained"], one["drainDetail"]) == (True, "new disk")
        assert "is drained" in server.cli("job", "why", first).out
        with server.client() as client:
            status = client.get(f"/edge/v1/proc/job/{first}/status").json()["job"]["jobStatus"]
        assert status == "pending"
        said = server.cli("worker", "resume", one["workerID"])
        assert (said.code, said.out) == (0, "resumed\n"), said.err
        assert server.cli("job", "watch", first).code == 0
        assert server.cli("worker", "drain", "x").code == 1
