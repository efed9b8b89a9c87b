"""The published Python clients `gql` and `sgqlc`, unmodified, against a running server."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.servers import Server, clean
from tests.acceptance.toolchains import ROOT, installed

CREATE_TARGET = "mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"


def session(server: Server, client: str, target: str, folder: Path) -> dict[str, Any]:
    """Returns the results of the session by name."""
    python = installed(client) / "bin" / "python"
    environment = {
        "ENGINEHOUSE_URL": server.url, "ENGINEHOUSE_TOKEN": server.token, "ENGINEHOUSE_TARGET": target,
        "ENGINEHOUSE_FOLDER": str(folder),
    }  # fmt: skip
    script = ROOT / "tests" / "clients" / f"{client}_session.py"
    ended = subprocess.run(
        [python, script], capture_output=True, text=True, check=False, timeout=60, env=clean(environment)
    )
    assert ended.returncode == 0, ended.stderr
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    return {one["name"]: one["result"] for one in said}


@pytest.mark.parametrize("client", ["gql", "sgqlc"])
def test_it_creates_reads_lists_cancels_and_uploads(server: Server, client: str, tmp_path: Path) -> None:
    assert server.cli("organization", "pause", "1").code == 0  # so that the job of the session waits
    try:
        with server.client() as http:
            made = http.post("/v3/graphql", json={"query": CREATE_TARGET}).json()
        target: str = made["data"]["createTDO"]["id"]
        results = session(server, client, target, tmp_path)
    finally:
        assert server.cli("organization", "resume", "1").code == 0

    job = results["create"]["id"]
    assert re.fullmatch(r"\d{8}_\w{10}", job)
    assert results["create"]["status"] == "pending"
    assert results["read"] == {"id": job, "targetId": target}
    assert results["list"] == {"records": [{"id": job}]}
    assert results["cancel"] == {"id": job, "message": "Job cancelled"}
    assert results["upload"] == {"contentType": "text/plain", "fileData": {"size": len(f"from {client}")}}
    [error] = results["absent"]
    assert (error["name"], error["path"]) == ("not_found", ["job"])
