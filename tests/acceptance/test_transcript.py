"""A result: `enginehouse job results` and the client write it in every form. Results of an engine name their asset."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.server import NOOP, TOKEN, create, ended, offer, serving, task_of
from tests.acceptance.servers import call

from enginehouse.client import Client, RequestFailed


async def test_a_result_is_shown_and_written_in_every_form(tmp_path: Path) -> None:
    path = offer(tmp_path / "offered", "speaks")
    with serving(tmp_path / "data", PYTHONPATH=path) as server:
        async with server.client() as client:
            spoken, silent = await create(client, task_of("speaks"), task_of(NOOP))
            assert [await ended(client, job) for job in (spoken, silent)] == ["complete", "complete"]

        environment = {"ENGINEHOUSE_DATA": str(server.data), "ENGINEHOUSE_TOKEN": TOKEN}

        def results(job: str, *arguments: str) -> tuple[int, str, str]:
            said = call("job", "results", job, *arguments, environment=environment, folder=tmp_path)
            return said.code, said.out, said.err

        shown = results(spoken)
        assert (shown[0], shown[2]) == (0, "")
        assert "transcript\n 0:00:00   Hello harbour.\n" in shown[1]
        assert "a.json" in shown[1]  # the list of the outputs
        subtitles = "1\n00:00:00,000 --> 00:00:00,900\nHello harbour.\n"
        assert results(spoken, "--format", "srt") == (0, subtitles, "")
        assert results(spoken, "--output", "talk.srt") == (0, "", "")
        assert (tmp_path / "talk.srt").read_text() == subtitles
        assert results(spoken, "--format", "csv", "--output", "-")[1].startswith("kind,start_ms,")
        assert json.loads(results(spoken, "--json")[1])["result"]["transcript"][0]["text"] == "Hello harbour."
        assert json.loads(results(spoken, "--format", "aion")[1])["series"]
        assert results(spoken, "--name", "a.json") == (0, '{"object": []}', "")

        code, out, err = results(silent, "--format", "srt")
        assert (code, out) == (1, "")
        assert "published no AION document" in err
        code, out, _ = results(silent)
        assert (code, out.partition(" is ")[2]) == (0, "complete and has no output.\n")
        code, _, err = results(spoken, "--format", "srt", "--save", "x", "--json")
        assert code == 2
        assert "--format: not together with --save; --format: not together with --json." in err
        assert results(spoken, "--output", "no/such/talk.srt")[0] == 1
        code, _, err = results(spoken, "--output", "talk.pdf")
        assert (code, (tmp_path / "talk.pdf").exists()) == (2, False)
        assert "--output: talk.pdf ends in .pdf, which is no form. Allowed: txt, " in err
        with Client(server.url, TOKEN) as waiting:
            assert waiting.results(spoken, format="srt") == subtitles
            with pytest.raises(RequestFailed, match="was not found"):
                waiting.results(spoken, format="srt", output="no.json")


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
