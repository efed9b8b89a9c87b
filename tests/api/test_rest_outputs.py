"""The results of a job over REST: outputs as a list, in JSON and as bytes; logs as a zip."""

import io
import zipfile
from urllib.parse import quote

from tests.api.clients import Rest
from tests.api.samples import BATCH, WEBSTREAM, transcription

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


async def test_a_detail_counts_what_each_task_has_produced_and_each_route_has_carried(rest: Rest) -> None:
    job_id = await rest.create(transcription())
    chunk = ("chunk.wav", "audio/wav", b"x")
    job = await rest.detail(job_id)
    assert [task["chunkCountInfo"]["chunkProducedCount"] for task in job["tasks"]] == [0, 0, 0, 0]
    await rest.run_one(chunk, folder=0)
    await rest.run_one(chunk, chunk, chunk, folder=1)
    await rest.run_one(chunk, folder=1)
    job = await rest.detail(job_id)
    assert [task["chunkCountInfo"]["chunkProducedCount"] for task in job["tasks"]] == [1, 3, 1, 0]
    counts = ("taskParentOutputCount", "taskChildInputCount", "taskChildInputRemainingCount")
    root, *routes = job["taskRoutes"]
    assert not {*counts, "firstWriteDateTime"} & root.keys()
    assert [tuple(route[name] for name in counts) for route in routes] == [(1, 1, 0), (3, 3, 2), (1, 1, 1)]
    assert routes[2]["lastWriteDateTime"] >= routes[1]["firstWriteDateTime"] >= job["createdDateTime"]
    [listed] = (await rest.get("/proc/jobs")).json()["result"]
    assert "chunkProducedCount" not in listed["tasks"][0]["chunkCountInfo"]
    [task, *_] = job["tasks"]
    assert (await rest.get(f"/proc/task/{task['internalTaskID']}/detail")).json()["task"] == task


async def test_an_unknown_output_is_not_found(rest: Rest) -> None:
    job_id = await rest.create()
    for verb in ("output", "download"):
        answer = await rest.get(f"/proc/job/{job_id}/{verb}/nope.json")
        assert (answer.status_code, answer.json()["detail"]) == (404, 'Output "nope.json" was not found.')


ODD_NAMES = ["a.txt", "a.txt", "b c?#%2F.txt", "žluť\n.txt", "..", "x/y", "A.TXT", "a-0-0.txt", "%", "n" * 200]


async def test_every_listed_output_is_fetched_by_its_name(rest: Rest) -> None:
    job_id = await rest.create({"tasks": [{"engineID": BATCH}, {"engineID": BATCH}]})
    for task in range(2):
        await rest.run_one(*((name, "text/plain", f"{task} {part}".encode()) for part, name in enumerate(ODD_NAMES)))
    tasks = [task["internalTaskID"] for task in (await rest.detail(job_id))["tasks"]]
    for place, size in ((f"job/{job_id}", 20), *((f"task/{task_id}", 10) for task_id in tasks)):
        listed = next(iter((await rest.get(f"/proc/{place}/outputs")).json().values()))["outputs"]
        names = [output["name"] for output in listed]
        assert len(set(names)) == size
        contents = set()
        for output in listed:
            path = f"/proc/{place}/{{}}/{quote(output['name'], safe='')}"
            shown = (await rest.get(path.format("output"))).json()["output"]
            assert (shown["name"], shown["size"]) == (output["name"], output["size"])
            assert (await rest.get(path.format("download"))).text == shown["contents"]
            contents.add(shown["contents"])
        assert len(contents) == size


async def test_a_name_that_was_listed_once_means_the_same_output_for_ever(rest: Rest) -> None:
    job_id = await rest.create({"tasks": [{"engineID": BATCH}, {"engineID": BATCH}]})
    await rest.run_one(("same.json", "application/json", b'{"n":1}'))
    before = (await rest.get(f"/proc/job/{job_id}/output/same.json")).json()
    await rest.run_one(("same.json", "application/json", b'{"n":2}'))
    assert (await rest.get(f"/proc/job/{job_id}/output/same.json")).json() == before
    names = [one["name"] for one in (await rest.get(f"/proc/job/{job_id}/outputs")).json()["outputs"]["outputs"]]
    assert len(names) == 2
    [other] = {*names} - {"same.json"}
    assert (await rest.get(f"/proc/job/{job_id}/output/{other}")).json()["output"]["contents"] == '{"n":2}'


async def test_two_adapters_of_a_plain_list_both_show_what_they_publish(rest: Rest) -> None:
    job_id = await rest.create({"tasks": [{"engineID": WEBSTREAM}, {"engineID": WEBSTREAM}]})
    for address in (b"first", b"second"):
        await rest.run_one(("media.txt", "text/plain", address))
    listed = (await rest.get(f"/proc/job/{job_id}/outputs")).json()["outputs"]["outputs"]
    assert [output["size"] for output in listed] == [5, 6]


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
