"""Clients that published generators make from the published description, unmodified, against a running server."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from tests.acceptance.generators import BY_NAME, GENERATED, OWN, built, run
from tests.acceptance.servers import Server
from tests.acceptance.toolchains import ROOT
from tests.api.published_document import document
from tests.thorough import THOROUGH

from enginehouse.domain import ids
from enginehouse.engines.native import ENGINES

pytestmark = pytest.mark.slow

SESSIONS: Final = ROOT / "tests" / "clients"
SENTIMENT: Final = "b1f0a9d4-2c67-4e83-8a15-96d07c3e5f42"
# Its address is no server's, so that the client is the same for all; a session sets that of its server.
PUBLISHED: Final = document("https://enginehouse.example")


def environment(server: Server, **more: str) -> dict[str, str]:
    given = {f"ENGINEHOUSE_{name.upper()}": value for name, value in more.items()}
    return {"ENGINEHOUSE_URL": server.url, "ENGINEHOUSE_TOKEN": server.token, **given}


@pytest.fixture(scope="module")
def done(server: Server) -> str:
    """Returns a job that is complete, with one output."""
    created = server.cli("job", "create", "--engine", "sentiment-vader", "--text", "What a wonderful morning.")
    assert created.code == 0, created.err
    assert server.cli("job", "watch", created.out.strip()).code == 0
    job_id = ids.parse_job(created.out.strip())
    assert job_id is not None
    return ids.job_uuid(job_id)


def output_of(server: Server, job: str) -> tuple[dict[str, Any], Any]:
    """Returns the only output of a job that ends well, and what is in it."""
    assert server.cli("job", "watch", job).code == 0
    with server.client() as client:
        [output] = client.get(f"/edge/v1/proc/job/{job}/outputs").json()["outputs"]["outputs"]
        return output, json.loads(client.get(f"/edge/v1/proc/job/{job}/download/{output['name']}").content)


@pytest.mark.parametrize("name", list(GENERATED))
def test_it_creates_reads_lists_cancels_deletes_downloads_and_uploads(
    server: Server, name: str, tmp_path: Path, done: str
) -> None:
    client = GENERATED[name]
    folder = built(client, PUBLISHED, SESSIONS / client.session)
    output, _ = output_of(server, done)
    (tmp_path / "said.txt").write_text(f"The client {name} is wonderful.")
    assert server.cli("organization", "pause", "1").code == 0  # so that the jobs of the session wait
    try:
        more = {"job": done, "engine": ENGINES[0].spec.id, "sentiment": SENTIMENT, "file": str(tmp_path / "said.txt")}
        results = run(folder, client, environment(server, **more))
    finally:
        assert server.cli("organization", "resume", "1").code == 0
    job, upload = results[0][1], results[-1][1]
    assert results == [
        ("create", job),
        ("status", "pending"),
        ("read", {"id": job, "payload": '{"a":1}'}),
        ("list", [job]),
        ("tasks", [{"job": job, "status": "pending"}]),
        ("cancel", {"success": True, "count": 1}),
        ("status", "aborted"),
        ("delete", {"status": 200, "body": {"success": True, "count": 1}}),
        ("absent", {"status": 404, "id": "not_found"}),
        ("outputs", output["size"]),
        ("output", output["size"]),
        ("download", output["size"]),
        ("engines", True),
        ("schedules", 0),
        ("template", "own"),
        ("upload", upload),
    ]
    assert output_of(server, upload)[1]["object"][0]["text"] == f"The client {name} is wonderful."


@pytest.mark.parametrize("name", list(GENERATED))
def test_the_page_about_clients_has_the_command(name: str) -> None:
    client = GENERATED[name]
    page = (ROOT / "docs" / "how-to" / "use-existing-clients.md").read_text()
    [command] = re.findall(rf"`({client.generator}(?:-cli)? generate (?:-g {name} |--path).*)`", page)
    assert [word for word in client.arguments if word.startswith("--additional")] == re.findall(
        r"--additional\S+", command
    )
    assert BY_NAME in page


BASES: Final = ("/edge/v1", "/api/v1")
# Each description with one client that is compiled quickly, and under `make chaos` with all.
QUICK: Final = [("openapi-python-client", BASES[0]), ("typescript-fetch", BASES[1])]
CASES: Final = [*product((name for name in OWN if name != "python"), BASES)] if THOROUGH else QUICK


@pytest.mark.parametrize(("name", "base"), CASES)
def test_a_client_can_be_generated_from_our_own_description_too(
    server: Server, name: str, base: str, done: str
) -> None:
    with server.client() as http:
        described = http.get(f"{base}/openapi.json", headers={"Authorization": ""}).json()
    client = OWN[name]
    folder = built(client, described, SESSIONS / "own" / client.session)
    [(_, jobs)] = run(folder, client, environment(server, base=base))
    assert done in jobs
