"""A transcript: `enginehouse job results --format` writes it, and the results of its engine name its asset."""

from pathlib import Path
from typing import Any

from tests.acceptance.server import NOOP, TOKEN, create, ended, offer, serving, task_of
from tests.acceptance.servers import call


async def test_a_transcript_is_written_in_every_form_and_its_absence_is_told(tmp_path: Path) -> None:
    path = offer(tmp_path / "offered", "speaks")
    with serving(tmp_path / "data", PYTHONPATH=path) as server:
        async with server.client() as client:
            spoken, silent = await create(client, task_of("speaks"), task_of(NOOP))
            assert [await ended(client, job) for job in (spoken, silent)] == ["complete", "complete"]

        environment = {"ENGINEHOUSE_DATA": str(server.data), "ENGINEHOUSE_TOKEN": TOKEN}

        def results(job: str, *arguments: str) -> tuple[int, str, str]:
            said = call("job", "results", job, *arguments, environment=environment)
            return said.code, said.out, said.err

        assert results(spoken, "--format", "srt") == (0, "1\n00:00:00,000 --> 00:00:00,900\nHello harbour.\n", "")
        assert results(spoken, "--format", "txt") == (0, "Hello harbour.\n", "")
        assert results(spoken, "--format", "csv")[1].splitlines()[1:] == ['"0","900","","Hello harbour."']
        assert results(spoken, "--format", "vtt")[1].startswith("WEBVTT\n")
        assert results(spoken, "--format", "ttml")[1].count("<p ") == 1
        code, out, err = results(silent, "--format", "srt")
        assert (code, out) == (1, "")
        assert "No output of this job is a transcript" in err
        assert results(spoken, "--output", "a.json", "--format", "srt")[0] == 1


GRAPH = """mutation { createJob(input: {
  target: {status: "downloaded"}
  tasks: [
    {engineId: "speaks", ioFolders: [{referenceId: "a", mode: chunk, type: output}]}
    {engineId: "output-writer", ioFolders: [{referenceId: "b", mode: chunk, type: input}],
     executionPreferences: {parentCompleteBeforeStarting: true}}
  ]
  routes: [{parentIoFolderReferenceId: "a", childIoFolderReferenceId: "b"}]
}) { id targetId } }"""


async def test_the_results_of_an_engine_before_the_writer_name_the_writers_asset(tmp_path: Path) -> None:
    path = offer(tmp_path / "offered", "speaks")
    with serving(tmp_path / "data", PYTHONPATH=path) as server:
        async with server.client() as client:

            async def ask(query: str) -> dict[str, Any]:
                data: dict[str, Any] = (await client.post("/v3/graphql", json={"query": query})).json()["data"]
                return data

            job = (await ask(GRAPH))["createJob"]
            assert await ended(client, job["id"]) == "complete"
            seen = await ask(
                f"""{{ engineResults(tdoId: "{job["targetId"]}", engineIds: ["speaks"]) {{ records {{ assetId }} }}
                temporalDataObject(id: "{job["targetId"]}") {{ assets {{ records {{ id assetType }} }} }} }}"""
            )
    [asset] = seen["temporalDataObject"]["assets"]["records"]
    assert asset["assetType"] == "vtn-standard"
    assert {record["assetId"] for record in seen["engineResults"]["records"]} == {asset["id"]}
