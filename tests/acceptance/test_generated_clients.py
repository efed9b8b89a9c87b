"""Clients that published generators make from the published description, unmodified, against a running server."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from tests.acceptance.servers import Server, clean
from tests.api.published_document import document

from enginehouse.domain import ids
from enginehouse.engines.native import ENGINES

ROOT: Final = Path(__file__).parents[2]
GENERATORS: Final = {
    "openapi-python-client": [
        "generate", "--meta", "none", "--overwrite", "--path", "{document}", "--output-path", "{folder}/edge_client",
    ],
    "openapi-generator": [
        "generate", "-g", "python", "-i", "{document}", "-o", "{folder}", "--package-name", "edge_client",
        "--global-property=apis,models,supportingFiles,apiDocs=false,modelDocs=false,apiTests=false,modelTests=false",
    ],
}  # fmt: skip
COMMANDS: Final = {"openapi-generator": "openapi-generator-cli"}


def missing(sentence: str) -> None:
    """The test is skipped, or fails where everything must be there."""
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def generated(generator: str, description: Any, folder: Path) -> None:
    """The folder has the package `edge_client`, made from the description."""
    programs = ROOT / ".venv" / "clients" / generator / "bin"
    if not programs.exists():
        missing(f"the environment of {generator} is missing; run: make clients")
    if generator == "openapi-generator" and shutil.which("java") is None:
        missing("openapi-generator needs Java; install the package default-jre-headless")
    described = folder / "openapi.json"
    described.write_text(json.dumps(description))
    command = [str(programs / COMMANDS.get(generator, generator))]
    command += [word.format(document=described, folder=folder) for word in GENERATORS[generator]]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=clean())
    assert ended.returncode == 0, ended.stderr + ended.stdout


def said(generator: str, server: Server, folder: Path, job: str, *script: str) -> str:
    """Returns what the script prints, with the package on its path."""
    environment = {
        "ENGINEHOUSE_URL": server.url, "ENGINEHOUSE_TOKEN": server.token, "ENGINEHOUSE_JOB": job,
        "ENGINEHOUSE_ENGINE": ENGINES[0].spec.id, "PYTHONPATH": str(folder),
    }  # fmt: skip
    python = ROOT / ".venv" / "clients" / generator / "bin" / "python"
    ended = subprocess.run(
        [python, *script], capture_output=True, text=True, check=False, timeout=60, env=clean(environment)
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def session(generator: str, server: Server, folder: Path, job: str) -> list[tuple[str, Any]]:
    """Returns the results of the session with their names."""
    script = ROOT / "tests" / "clients" / f"{generator.replace('-', '_')}_session.py"
    lines = said(generator, server, folder, job, str(script)).splitlines()
    return [(one["name"], one["result"]) for one in map(json.loads, lines)]


@pytest.fixture(scope="module")
def done(server: Server) -> str:
    """Returns a job that is complete, with one output."""
    created = server.cli("job", "create", "--engine", "sentiment-vader", "--text", "What a wonderful morning.")
    assert created.code == 0, created.err
    assert server.cli("job", "watch", created.out.strip()).code == 0
    job_id = ids.parse_job(created.out.strip())
    assert job_id is not None
    return ids.job_uuid(job_id)


@pytest.mark.parametrize("generator", list(GENERATORS))
def test_it_creates_reads_lists_cancels_deletes_and_downloads(
    server: Server, generator: str, tmp_path: Path, done: str
) -> None:
    generated(generator, document(server.url), tmp_path)
    with server.client() as client:
        [output] = client.get(f"/edge/v1/proc/job/{done}/outputs").json()["outputs"]["outputs"]
    assert server.cli("organization", "pause", "1").code == 0  # so that the job of the session waits
    try:
        results = session(generator, server, tmp_path, done)
    finally:
        assert server.cli("organization", "resume", "1").code == 0
    job = results[0][1]
    assert results == [
        ("create", job),
        ("status", "pending"),
        ("read", {"id": job, "payload": '{"a":1}'}),
        ("list", [job]),
        ("cancel", {"success": True, "count": 1}),
        ("status", "aborted"),
        ("delete", {"status": 200, "body": {"success": True, "count": 1}}),
        ("absent", {"status": 404, "id": "not_found"}),
        ("outputs", output["size"]),
        ("output", output["size"]),
        ("download", output["size"]),
        ("engines", True),
        ("schedules", 0),
    ]


OWN = """
import os, sys
from edge_client import AuthenticatedClient
from edge_client.api.jobs import jobs_list_jobs
address = os.environ["ENGINEHOUSE_URL"] + sys.argv[1]
client = AuthenticatedClient(base_url=address, token=os.environ["ENGINEHOUSE_TOKEN"])
page = jobs_list_jobs.sync(client=client, limit=1000)
print([str(one.internal_job_id) for one in page.result])
"""


@pytest.mark.parametrize("base", ["/edge/v1", "/api/v1"])
def test_a_client_can_be_generated_from_our_own_description_too(
    server: Server, base: str, tmp_path: Path, done: str
) -> None:
    with server.client() as client:
        described = client.get(f"{base}/openapi.json", headers={"Authorization": ""}).json()
    generated("openapi-python-client", described, tmp_path)
    assert done in said("openapi-python-client", server, tmp_path, done, "-c", OWN, base)
