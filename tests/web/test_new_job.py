"""A new job from the page: who may create one, what it would start, what is wrong with which field, and its file."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest
from msgspec import structs
from tests import make
from tests.operations.scheduled import template
from tests.web.conftest import Place
from tests.web.reader import Reader, text

from enginehouse.domain.engine import EngineRequest
from enginehouse.domain.identity import Role
from enginehouse.domain.ids import job_graphql, parse_job
from enginehouse.domain.job import JobFilter
from enginehouse.domain.pipelines import Pipeline, PipelineInput
from enginehouse.domain.refs import Ref
from enginehouse.domain.templates import TemplateFilter
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.operations import (
    engine_changes,
    engines,
    job_pipelines,
    jobs,
    pipelines,
    target_assets,
    targets,
    templates,
    uploads,
)
from enginehouse.operations.house import House
from enginehouse_engines import extract, keywords, language, sentiment

SCRIPT = '"><svg onload=alert(1)>\u202e'
FILE = ("talk.md", b"What a lovely day.", "text/markdown")


def value(answer: httpx.Response, name: str) -> str:
    """Returns the value of a field in the form."""
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', answer.text)
    return unescape(found[1]) if found else ""


def faults(answer: httpx.Response) -> dict[str, str]:
    """Returns what is said beside each field."""
    said = re.findall(r'<p class="fault small" id="([\w-]+)-fault">([^<]*)</p>', answer.text)
    return {name: unescape(sentence) for name, sentence in said}


def limit(place: Place, **limits: Any) -> None:
    """The house has these limits from now on."""
    object.__setattr__(place.house, "limits", replace(place.house.limits, **limits))


async def count(place: Place) -> int:
    return len((await jobs.list_(place.house, place.caller, JobFilter())).jobs)


async def native(place: Place) -> None:
    """The house knows the engines of the server besides those of the builders."""
    builders = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in make.ENGINES.values()]
    chosen = [engine.spec for engine in ENGINES if engine.spec.slug in {"webstream", "chunker", "output-writer"}]
    await engines.register(place.house, [*builders, *chosen], CATEGORIES)


async def press(reader: Reader, act: str, fields: Mapping[str, str], *, file: Any = None, follow: bool = True) -> Any:
    """Returns the answer to this button of the form."""
    return await reader.upload("/jobs/new", {"act": act, **fields}, file=file, follow=follow)


async def started(reader: Reader, fields: Mapping[str, str], *, file: Any = None) -> httpx.Response:
    """Returns the answer to the button Start, after the graph has been seen."""
    seen = await press(reader, "preview", fields, file=file)
    assert seen.status_code == 200, text(seen)
    kept = {name: value(seen, name) for name in ("seen", "upload", "file_name", "key")}
    answer: httpx.Response = await press(reader, "start", {**fields, **kept}, follow=False)
    return answer


def job_of(answer: httpx.Response) -> Ref:
    """Returns the job to whose page the answer leads."""
    assert answer.status_code == 303, text(answer)
    name = answer.headers["location"].removeprefix("/jobs/")
    return Ref(parse_job(name) or 0, name)


async def test_one_engine_on_a_text(place: Place) -> None:
    reader = await place.signed_in()
    answer = await reader.get("/jobs/new")
    assert (answer.status_code, answer.url.path) == (200, "/jobs/new")
    seen = await press(reader, "preview", {"text": "hello", "name": "mine", "step-1-engine": "noop"})
    assert "a text of 5 characters" in text(seen)
    assert 'class="graph"' in seen.text
    assert await count(place) == 0, "nothing starts before its graph was seen"
    answer = await started(
        reader, {"text": "hello", "name": "mine", "step-1-engine": "noop", "step-1-payload": '{"a": 1}'}
    )
    job = await jobs.get(place.house, place.caller, job_of(answer))
    assert (job.plan.name, [task.plan.payload for task in job.tasks]) == ("mine", [{"a": 1, "text": "hello"}])


async def test_several_steps_between_a_source_and_a_writer(place: Place) -> None:
    await native(place)
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    steps = {
        "step-1-engine": "read", "step-2-engine": "read", "step-2-reads": "1", "step-3-engine": "stream",
        "step-3-reads": "0",
    }  # fmt: skip
    seen = text(await press(reader, "preview", {"url": "https://example.com/a", **steps}))
    assert "1 Webstream adapter what is at https://example.com/a once" in seen
    assert "3 read the chunks of 2 Chunker once for each chunk" in seen
    assert "4 read the chunks of 3 read" in seen
    assert "5 stream the stream of 1 Webstream adapter" in seen
    assert "6 Output writer the chunks of 3 read, the chunks of 4 read, the chunks of 5 stream" in seen
    job = await jobs.get(
        place.house, place.caller, job_of(await started(reader, {"url": "https://example.com/a", **steps}))
    )
    assert len(job.tasks) == 6


async def test_a_file_is_kept_once_and_becomes_the_target_of_the_job(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    answer = await started(reader, {"step-1-engine": "noop"}, file=FILE)
    job = await jobs.get(place.house, place.caller, job_of(answer))
    assert job.target_id is not None
    asset = await target_assets.primary_asset(place.house, place.caller, Ref.of(job.target_id))
    assert asset is not None
    assert (asset.name, asset.content_type, await target_assets.read(place.house, asset)) == FILE[:1] + FILE[:0:-1]
    assert (await targets.get(place.house, place.caller, Ref.of(job.target_id))).name == "talk.md"


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_button_that_is_pressed_twice_starts_one_job(place: Place, at_once: bool) -> None:
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    fields = {"step-1-engine": "noop"}
    seen = await press(reader, "preview", fields, file=FILE)
    kept = {name: value(seen, name) for name in ("seen", "upload", "file_name", "key")}
    starts = [press(reader, "start", {**fields, **kept}, follow=False) for _ in range(2)]
    answers = await asyncio.gather(*starts) if at_once else [await start for start in starts]
    assert job_of(answers[0]) == job_of(answers[1])
    assert await count(place) == 1


async def test_a_form_that_has_changed_since_its_graph_was_seen_is_shown_again(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    seen = await press(reader, "preview", {"step-1-engine": "noop"})
    fields = {"seen": value(seen, "seen"), "key": value(seen, "key"), "step-1-engine": "read"}
    answer = await press(reader, "start", fields)
    assert "Something has changed" in text(answer)
    assert await count(place) == 0


WRONG: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no engine": ({}, {"step-1-engine": "choose one."}),
    "an unknown engine": ({"step-1-engine": SCRIPT}, {"step-1-engine": "there is no such engine."}),
    "a payload that is no JSON": ({"step-1-payload": "{"}, {"step-1-payload": "JSON"}),
    "a payload that is no object": ({"step-1-payload": "[1]"}, {"step-1-payload": "must be a JSON object"}),
    "two inputs": ({"text": "a", "url": "https://a.example"}, {"url": "Text is given too"}),
    "no address": ({"url": "ftp://a.example"}, {"url": "must be an http:// or https:// address."}),
    "an unknown target": ({"target": "77"}, {"target": "not found"}),
    "no id of a target": ({"target": SCRIPT}, {"target": "not found"}),
    "a step that reads itself": (
        {"step-2-engine": "noop", "step-2-reads": "2"},
        {"step-2-reads": "the input, or a step before this one."},
    ),
    "a long name": ({"name": "n" * 256}, {"name": "at most 255 characters"}),
    "a long text": ({"text": "t" * 1_000_001}, {"text": "Upload a longer one as a file."}),
    "an unknown template": ({"what": f"template:{job_graphql(7)}"}, {"what": "there is no such template"}),
    "an unknown upload": ({"upload": "0" * 32}, {"file": "no longer kept"}),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(place: Place, case: str) -> None:
    given, expected = WRONG[case]
    fields = {"name": "mine", "step-1-payload": '{"keep": 1}', "step-1-engine": "noop", **given}
    if case == "no engine":
        del fields["step-1-engine"]
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    answer = await press(reader, "start", fields)
    assert answer.status_code == 400
    said = faults(answer)
    for name, sentence in expected.items():
        assert sentence in said[name], said
        assert f'href="#{name}"' in answer.text
        assert f'id="{name}"' in answer.text
    for name in {"name", "url", "target"} & fields.keys():
        assert value(answer, name) == fields[name]
    assert "<svg onload" not in answer.text
    assert fields["step-1-payload"] in unescape(answer.text)
    assert await count(place) == 0


async def test_a_file_over_the_limit_is_refused_and_the_form_stays(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    limit(place, signed_upload_bytes=10)
    answer = await press(reader, "preview", {"name": "mine", "step-1-engine": "noop"}, file=FILE)
    assert answer.status_code == 400
    assert "file" in faults(answer)
    assert value(answer, "name") == "mine"
    assert value(answer, "upload") == ""


async def test_a_refused_start_names_the_target_in_which_the_file_is(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    fields = {"step-1-engine": "noop"}
    seen = await press(reader, "preview", fields, file=FILE)
    kept = {name: value(seen, name) for name in ("seen", "upload", "file_name", "key")}
    limit(place, jobs_per_request=0)
    answer = await press(reader, "start", {**fields, **kept})
    assert answer.status_code == 400
    target = value(answer, "target")
    assert (await targets.get(place.house, place.caller, Ref(int(target), target))).name == "talk.md"
    limit(place, jobs_per_request=1)
    again = await press(reader, "start", {**fields, **kept}, follow=False)
    assert (await jobs.get(place.house, place.caller, job_of(again))).target_id == int(target), "also after going back"


async def test_steps_are_added_and_removed_with_what_reads_them(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    fields = {"step-1-engine": "noop", "step-2-engine": "read", "step-2-reads": "1", "text": "kept"}
    more = await press(reader, "add", fields)
    assert len(re.findall(r"<legend>Step \d</legend>", more.text)) == 3
    fields |= {"step-3-engine": "stream", "step-3-reads": "2"}
    fewer = await press(reader, "remove-2", fields)
    assert len(re.findall(r"<legend>Step \d</legend>", fewer.text)) == 2
    assert '<option value="1" selected>the output of step 1</option>' in fewer.text
    assert "kept</textarea>" in fewer.text


@pytest.mark.parametrize("method", ["get", "post"])
async def test_who_may_only_read_creates_nothing(place: Place, method: str) -> None:
    reader = await place.signed_in(Role.READER)
    assert "/jobs/new" not in (await reader.get("/")).text
    assert "/jobs/new" not in (await reader.get("/jobs")).text
    answer = await (reader.get("/jobs/new") if method == "get" else press(reader, "start", {}))
    assert answer.status_code == 403
    user = await place.signed_in()
    assert 'href="/jobs/new"' in (await user.get("/")).text
    assert 'href="/jobs/new"' in (await user.get("/jobs")).text


async def test_a_forged_form_is_refused_before_its_file_is_read(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    read = list[int]()

    async def body(proof: str) -> AsyncIterator[bytes]:
        for name, content in (("csrf", proof), ("act", "preview")):
            yield f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{content}\r\n'.encode()
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for n in range(100):
            read.append(n)
            yield b"x" * 1000
        yield b"\r\n--b--\r\n"

    for proof, site in (("0" * 64, "same-origin"), (reader.proof, "cross-site"), ("", "same-origin")):
        read.clear()
        headers = {"content-type": "multipart/form-data; boundary=b", "sec-fetch-site": site}
        answer = await reader.http.post("/jobs/new", content=body(proof), headers=headers)
        assert answer.status_code == 403
        assert len(read) <= 1, "the file was read"


async def test_what_others_have_is_as_if_it_were_not_there(place: Place) -> None:
    own = await place.signed_in()
    await own.get("/jobs/new")
    seen = await press(own, "preview", {"step-1-engine": "noop"}, file=FILE)
    made = await templates.create(place.house, place.caller, template(principal=place.caller))
    stranger = await place.stranger()
    await stranger.get("/jobs/new")
    for fields in (
        {"step-1-engine": "noop", "upload": value(seen, "upload")},
        {"what": f"template:{job_graphql(made.id)}"},
    ):
        answer = await press(stranger, "preview", fields)
        assert answer.status_code == 400
        assert "no longer kept" in text(answer) or "no such template" in text(answer)


async def test_a_template_and_a_pipeline_work_on_a_text(place: Place) -> None:
    made = await templates.create(place.house, place.caller, template(principal=place.caller))
    line = await job_pipelines.create(place.house, place.caller, [made.id])
    reader = await place.signed_in()
    choices = re.findall(r'<option value="((?:template|job-pipeline):[^"]+)"', (await reader.get("/jobs/new")).text)
    assert len(choices) == 2, line
    for choice in choices:
        job = await jobs.get(
            place.house, place.caller, job_of(await started(reader, {"what": choice, "text": "hello"}))
        )
        assert (job.template_id, job.target_id is not None) == (made.id, True)
    assert len(await templates.list_(place.house, place.caller, TemplateFilter())) == 1


async def test_a_pipeline_shows_the_graph_of_what_the_file_is(place: Place) -> None:
    specs = [*(each.spec for each in ENGINES), *(each.engine.spec for each in (extract, keywords, language, sentiment))]
    await engines.register(place.house, specs, CATEGORIES)
    reader = await place.signed_in()
    choices = re.findall(r'<option value="(pipeline:[^"]+)"', (await reader.get("/jobs/new")).text)
    assert choices == ["pipeline:chunk", "pipeline:transcribe", "pipeline:understand"]
    fields = {"what": "pipeline:understand", "name": "mine"}
    seen = await press(reader, "preview", fields, file=("talk.wav", b"What a lovely day.", "audio/wav"))
    assert "Text extraction" in text(seen)
    assert "the file “talk.wav”" in text(seen)
    made = job_of(await started(reader, fields, file=FILE))
    job = await jobs.get(place.house, place.caller, made)
    assert (job.plan.name, len(job.plan.tasks), job.target_id is not None) == ("mine", 7, True)
    on_text = job_of(await started(reader, {"what": "pipeline:chunk", "text": "Some text."}))
    assert (await jobs.get(place.house, place.caller, on_text)).plan.tasks[0].payload == {"text": "Some text."}
    for given, field, sentence in (
        ({}, "text", "a pipeline reads something"),
        ({"text": "a", "what": "pipeline:transcribe"}, "text", "takes sound and video"),
        ({"text": "a", "what": "pipeline:undrestand"}, "what", 'Did you mean "understand"?'),
        ({"url": "https://h.example/a"}, "url", "this server reads no addresses"),
        ({"text": "a", "url": "https://h.example/a"}, "url", "a job has one input"),
    ):
        assert sentence in faults(await press(reader, "preview", {**fields, **given}))[field]


ADDRESSES: dict[str, tuple[str, str, str]] = {
    "nothing": ("", "pipeline:understand", ""),
    "a target": ("target=77", "pipeline:understand", "77"),
    "an engine": ("engine=sentiment-vader&target=77", "steps", "77"),
    "steps to begin with": ("ready=text", "steps", ""),
    "unknown steps to begin with": ("ready=nothing", "pipeline:understand", ""),
    "another pipeline": ("what=pipeline:chunk", "pipeline:chunk", ""),
    "steps": ("what=steps", "steps", ""),
}


@pytest.mark.parametrize("case", ADDRESSES)
async def test_the_page_opens_with_what_takes_any_file_unless_its_address_names_something(
    place: Place, case: str
) -> None:
    query, what, target = ADDRESSES[case]
    specs = [each.engine.spec for each in (extract, keywords, language, sentiment)]
    await engines.register(place.house, specs, CATEGORIES)
    shown = await (await place.signed_in()).get(f"/jobs/new?{query}")
    assert re.findall(r'<option value="((?:pipeline:|steps)[^"]*)" selected>', shown.text) == [what]
    assert value(shown, "target") == target


async def test_without_its_engines_no_pipeline_is_chosen(place: Place) -> None:
    specs = [each.engine.spec for each in (extract, keywords, language)]
    await engines.register(place.house, specs, CATEGORIES)
    shown = await (await place.signed_in()).get("/jobs/new")
    assert '<option value="steps" selected>' in shown.text


async def test_a_pipeline_of_another_organization_is_not_there(place: Place) -> None:
    await pipelines.put(place.house, place.caller, Pipeline(name="own", input=PipelineInput.CHUNKS))
    reader, stranger = await place.signed_in(), await place.stranger()
    assert 'value="pipeline:own"' in (await reader.get("/jobs/new")).text
    assert 'value="pipeline:own"' not in (await stranger.get("/jobs/new")).text
    refused = await press(stranger, "preview", {"what": "pipeline:own", "text": "a"})
    assert "was not found" in faults(refused)["what"]


async def test_a_template_that_is_gone_can_be_given_up(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get(f"/jobs/new?what=template:{job_graphql(7)}")
    fields = {"what": f"template:{job_graphql(7)}", "step-1-engine": "noop"}
    wrong = await press(reader, "preview", fields)
    assert "no such template" in faults(wrong)["what"]
    again = {**fields, "what": value(wrong, "what")}
    assert (await press(reader, "preview", again)).status_code == 200


async def test_the_fields_that_an_engine_declares_are_its_payload(place: Place) -> None:
    fields: Any = (
        {"name": "language", "type": "Picklist", "required": True,
         "options": [{"key": "German", "value": "de"}, {"key": SCRIPT, "value": "x"}]},
        {"name": "most", "type": "Number", "min": 1, "max": 9, "defaultValue": "3"},
        {"name": "kinds", "type": "MultiPicklist", "options": [{"key": "A", "value": "a"}, {"key": "B", "value": "b"}]},
    )  # fmt: skip
    request = EngineRequest(
        name="Declared", category_id=CATEGORIES[0].id, fields=fields, deployment_model="FullyNetworkIsolated"
    )
    engine = await engine_changes.create(place.house, place.caller, request)
    reader = await place.signed_in()
    shown = await reader.get(f"/jobs/new?engine={engine.id}")
    assert 'value="3"' in shown.text
    assert "<svg onload" not in shown.text
    wrong = await press(reader, "preview", {"step-1-engine": engine.id, "step-1-field-1": "12"})
    assert faults(wrong) == {
        "step-1-field-0": "must be given.", "step-1-field-1": "must be between 1 and 9."
    }  # fmt: skip
    right = {"step-1-field-0": "de", "step-1-field-1": "4", "step-1-field-2": "", "step-1-field-2-1": "on"}
    answer = await started(reader, {"step-1-engine": engine.id, **right})
    job = await jobs.get(place.house, place.caller, job_of(answer))
    assert job.tasks[0].plan.payload == {"language": "de", "most": 4, "kinds": ["b"]}


async def test_an_upload_that_nobody_starts_is_not_kept(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/jobs/new")
    seen = await press(reader, "preview", {"step-1-engine": "noop"}, file=FILE)
    kept = await uploads.get(place.house, place.caller, value(seen, "upload"))
    later = await now(place.house) + 3 * place.house.limits.signed_url_seconds * 1_000_000
    assert await uploads.prune(place.house, now=later) == 1
    assert kept.size == len(FILE[1])


async def now(house: House) -> int:
    return await house.database.peek(lambda tx: tx.read_clock())
