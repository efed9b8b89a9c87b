"""The results of a job over REST: outputs as a list, in JSON and as bytes; logs as a zip."""

import io
import zipfile

from tests.api.clients import Rest

from enginehouse.domain import ids
from enginehouse.domain.artifact import log_key


async def test_a_job_has_no_outputs_before_it_ran_and_lists_them_after(rest: Rest) -> None:
    job_id = await rest.create()
    empty = (await rest.get(f"/proc/job/{job_id}/outputs")).json()
    assert empty == {"outputs": {"internalJobID": job_id, "outputs": []}}
    await rest.run_one(("result.json", "application/json", b'{"series":[]}'))
    [output] = (await rest.get(f"/proc/job/{job_id}/outputs")).json()["outputs"]["outputs"]
    assert (output["name"], output["size"]) == ("result.json", 13)
    assert output["created"] > 1_700_000_000
    assert "contents" not in output


async def test_an_output_is_shown_as_text_inside_json(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.run_one(
        ("result.json", "application/json", '{"words":"žluť"}'.encode()), ("empty.txt", "text/plain", b"")
    )
    output = (await rest.get(f"/proc/job/{job_id}/output/result.json")).json()["output"]
    assert (output["contents"], output["contentsValid"]) == ('{"words":"žluť"}', True)
    empty = (await rest.get(f"/proc/job/{job_id}/output/empty.txt")).json()["output"]
    assert (empty["contents"], empty["contentsValid"]) == ("", True)


async def test_an_output_that_is_no_text_says_so_and_can_be_downloaded(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.run_one(("sound.wav", "audio/wav", b"RIFF\xff\xfe\x00"))
    output = (await rest.get(f"/proc/job/{job_id}/output/sound.wav")).json()["output"]
    assert (output["contents"], output["contentsValid"]) == ("", False)
    file = await rest.get(f"/proc/job/{job_id}/download/sound.wav")
    assert (file.status_code, file.content) == (200, b"RIFF\xff\xfe\x00")
    assert file.headers["content-type"] == "audio/wav"
    assert file.headers["content-disposition"] == 'attachment; filename="sound.wav"'
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["x-correlation-id"]
    assert file.headers["x-aiware-version"]


async def test_a_task_lists_shows_and_hands_out_its_outputs(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.run_one(("a.txt", "text/plain", b"hello"))
    [task] = (await rest.get(f"/proc/job/{job_id}/detail")).json()["job"]["tasks"]
    task_id = task["internalTaskID"]
    shown = (await rest.get(f"/proc/task/{task_id}/detail")).json()["task"]
    assert shown == task
    assert shown["taskStatus"] == "complete"
    listed = (await rest.get(f"/proc/task/{task_id}/outputs")).json()["outputs"]
    assert listed["internalTaskID"] == task_id
    assert [output["name"] for output in listed["outputs"]] == ["a.txt"]
    assert (await rest.get(f"/proc/task/{task_id}/output/a.txt")).json()["output"]["contents"] == "hello"
    assert (await rest.get(f"/proc/task/{task_id}/download/a.txt")).content == b"hello"
    named = ids.parse_task(task_id)
    assert named is not None
    assert (await rest.get(f"/proc/task/{ids.task_graphql(*named)}/detail")).json()["task"] == task


async def test_an_unknown_output_is_not_found(rest: Rest) -> None:
    job_id = await rest.create()
    for verb in ("output", "download"):
        answer = await rest.get(f"/proc/job/{job_id}/{verb}/nope.json")
        assert (answer.status_code, answer.json()["detail"]) == (404, 'Output "nope.json" was not found.')


async def test_logs_are_a_zip_also_before_there_are_any(rest: Rest) -> None:
    job_id = await rest.create()
    number = ids.parse_job(job_id)
    assert number is not None
    task_id = ids.task_uuid(number, 0)
    before = await rest.get(f"/proc/task/{task_id}/logs")
    assert (before.status_code, before.headers["content-type"]) == (200, "application/zip")
    assert zipfile.ZipFile(io.BytesIO(before.content)).namelist() == []
    await rest.house.store.put(log_key(1, number, 0, 0, 1), b"it said hello\n")
    archive = zipfile.ZipFile(io.BytesIO((await rest.get(f"/proc/task/{task_id}/logs")).content))
    [name] = archive.namelist()
    assert archive.read(name) == b"it said hello\n"


async def test_an_output_whose_bytes_are_gone_is_not_found(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.run_one(("a.txt", "text/plain", b"hello"))
    number = ids.parse_job(job_id)
    await rest.house.store.delete([f"jobs/1/{number}/0/a.txt"])
    for verb in ("output", "download"):
        assert (await rest.get(f"/proc/job/{job_id}/{verb}/a.txt")).status_code == 404
