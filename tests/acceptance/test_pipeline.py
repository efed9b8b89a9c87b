"""Pipelines on a real server, from the command line: any file, by its bytes; and `run` on a server that stands."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.acceptance.servers import Said, Server, call, serving
from tests.engines import aion, files
from tests.engines.waves import samples, wave
from tests.thorough import THOROUGH

from enginehouse.client import Client, jobs

SPEECH, EXTRACT = "Transcription (pocketsphinx)", "Text extraction"
SENTENCE = "I love the harbour. It is a wonderful place to be."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yields a server that may read from this machine. Each engine keeps its process for the next test."""
    with serving(tmp_path_factory.mktemp("data"), "--allow-private-urls", "--python-slots", "8") as up:
        yield up


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with files whose names are of other kinds than their bytes."""
    made = tmp_path_factory.mktemp("files")
    (made / "pdf.wav").write_bytes(files.pdf(SENTENCE))
    (made / "text.mp3").write_text(SENTENCE)
    wave(made / "sound.txt", samples([1.0, 0.6, 1.0], 16000), 16000)
    (made / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    return made


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    """Yields the address of the folder. The declared type of everything is wrong."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = (folder / self.path.rpartition("/")[2]).read_bytes()
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages:
        running = threading.Thread(target=pages.serve_forever)
        running.start()
        yield f"http://127.0.0.1:{pages.server_port}"
        pages.shutdown()
        running.join()


def engines_of(server: Server, job_id: str) -> set[str]:
    with Client(server.url, server.token) as client:
        return {task["engineName"] for task in jobs.get(client, job_id)["tasks"]}


def one_line(said: Said) -> str:
    [line] = said.err.splitlines()
    assert (said.code, said.out) == (1, "")
    return line.removeprefix("enginehouse: ")


# To understand speech takes seconds, and what is behind an address is read alike.
READERS = {"pdf.wav": EXTRACT, "text.mp3": EXTRACT, "sound.txt": SPEECH}


@pytest.mark.parametrize(
    ("place", "name", "reader"),
    [
        (place, *each)
        for place in ("file", "from")
        for each in READERS.items()
        if THOROUGH or (place, each[0]) != ("from", "sound.txt")
    ],
)
def test_any_file_becomes_a_result_by_what_its_bytes_are(
    server: Server, folder: Path, site: str, place: str, name: str, reader: str
) -> None:
    source = str(folder / name) if place == "file" else f"{site}/{name}"
    said = server.cli("job", "create", "--pipeline", "understand", f"--{place}", source, "--watch", "--json")
    assert said.code == 0, said.err
    ended = json.loads(said.out)
    assert ended["jobStatus"] == "complete"
    assert engines_of(server, ended["coreJobID"]) & {SPEECH, EXTRACT} == {reader}
    with Client(server.url, server.token) as client:
        [result] = [each["name"] for each in jobs.outputs(client, ended["coreJobID"])]
        document = json.loads(b"".join(jobs.output_bytes(client, ended["coreJobID"], result)))
    assert aion.problems(document) == []
    assert reader == SPEECH or "harbour" in {each.get("label") for each in document["object"]}


def test_what_no_engine_reads_is_said_before_a_job_is_created(server: Server, folder: Path) -> None:
    before = server.cli("target", "list", "--json").out
    said = server.cli("job", "create", "--pipeline", "understand", "--file", str(folder / "picture.txt"))
    assert server.cli("target", "list", "--json").out == before, "nothing is left of the upload"
    assert one_line(said) == (
        '--file: "picture.txt" is image/png; no engine that reads text in pictures is installed here: '
        "pip install 'enginehouse[ocr]'."
    )


def test_a_wrong_name_is_answered_with_what_there_is(server: Server, folder: Path) -> None:
    answer = 'Pipeline "understnad" was not found. Did you mean "understand"? There are: chunk, transcribe, understand.'
    text = str(folder / "text.mp3")
    assert one_line(server.cli("job", "create", "--pipeline", "understnad", "--file", text)) == answer
    assert one_line(server.cli("pipeline", "show", "understnad")) == answer
    assert one_line(server.cli("run", text, "--pipeline", "understnad")) == answer


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--engine", "noop", "--text", "a"), "not with --engine"),
        (("--payload", "{}", "--text", "a"), "not with --payload"),
        ((), "--file, --from or --text"),
        (("--from", "http://h", "--text", "a"), "not both"),
    ],
)
def test_flags_that_do_not_go_with_a_pipeline(server: Server, flags: tuple[str, ...], why: str) -> None:
    said = server.cli("job", "create", "--pipeline", "understand", *flags)
    assert said.code == 2
    assert why in said.err


def test_a_schedule_runs_a_pipeline_on_what_is_at_an_address(server: Server, site: str) -> None:
    what = ("--pipeline", "understand", "--input", f"{site}/pdf.wav")
    made = server.cli("schedule", "create", "reports", "--once", *what)
    assert f"Each run: understand of application/pdf at {site}/pdf.wav" in made.err
    schedule_id = made.out.strip()
    assert f"understand of application/pdf at {site}/pdf.wav" in server.cli("schedule", "show", schedule_id).out
    job_id = server.cli("schedule", "run", schedule_id).out.strip()
    assert server.cli("job", "watch", job_id).code == 0
    assert EXTRACT in engines_of(server, job_id)
    changed = server.cli("schedule", "update", schedule_id, "--pipeline", "transcribe", "--type", "audio/wav")
    assert "Each run: transcribe of audio/wav" in changed.err
    shown = json.loads(server.cli("schedule", "show", schedule_id, "--json").out)
    assert (shown["description"], len(shown["jobTemplateIds"])) == ("transcribe of audio/wav", 1), "it is replaced"
    server.cli("schedule", "update", schedule_id, "--description", "mine")
    server.cli("schedule", "update", schedule_id, "--pipeline", "chunk", "--type", "audio/wav")
    assert json.loads(server.cli("schedule", "show", schedule_id, "--json").out)["description"] == "mine"


def test_a_schedule_whose_type_is_named_runs_on_the_target_of_its_launch(server: Server, folder: Path) -> None:
    made = server.cli("schedule", "create", "pieces", "--once", "--pipeline", "chunk", "--type", "text/plain")
    target = server.cli("asset", "upload", str(folder / "text.mp3")).out.strip()
    ran = server.cli("schedule", "run", made.out.strip(), "--target", target)
    assert server.cli("job", "watch", ran.out.strip()).code == 0
    assert EXTRACT in engines_of(server, ran.out.strip())


@pytest.mark.parametrize(
    ("flags", "code", "why"),
    [
        (("--pipeline", "understand"), 2, "--pipeline: say what each run reads: --input URL, --text TEXT, or --type"),
        (("--pipeline", "understand", "--text", "a", "--type", "text/plain"), 2, "Got --text and --type."),
        (("--engine", "noop", "--input", "http://h"), 2, "--input goes with --pipeline."),
        (("--pipeline", "understnad", "--text", "a"), 1, 'Did you mean "understand"?'),
        (("--pipeline", "chunk", "--input", "ftp://h"), 1, '--input: scheme "ftp" is not allowed; use http or https.'),
        (("--pipeline", "transcribe", "--type", "text/plain"), 1, "got text/plain; the pipeline"),
    ],
)
def test_what_a_schedule_of_a_pipeline_cannot_read_is_said_before_it_is_made(
    server: Server, flags: tuple[str, ...], code: int, why: str
) -> None:
    before = server.cli("schedule", "list", "--json").out
    said = server.cli("schedule", "create", "x", "--once", *flags)
    assert (said.code, said.out) == (code, "")
    assert why in said.err
    assert server.cli("schedule", "list", "--json").out == before


def test_a_pipeline_is_added_shown_run_and_removed(server: Server, tmp_path: Path) -> None:
    steps = [{"name": "mood", "engines": ["sentiment-vader"]}, {"name": "names", "category": "x", "optional": True}]
    (tmp_path / "reviews.json").write_text(json.dumps({"name": "reviews", "description": "Mood", "steps": steps}))
    assert server.cli("pipeline", "add", str(tmp_path / "reviews.json")).out == "The pipeline reviews is there.\n"
    listed = server.cli("pipeline", "list")
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == ["chunk", "reviews", "transcribe", "understand"]
    shown = server.cli("pipeline", "show", "reviews", "--type", "application/pdf").out
    assert "Sentiment (VADER)" in shown
    assert "left out: no engine is installed" in shown
    assert EXTRACT in shown
    job = json.loads(server.cli("pipeline", "show", "reviews", "--type", "text/plain", "--json").out)
    made = server.cli("job", "create", "--request", "-", "--watch", "--json", stdin=json.dumps(_with_text(job)))
    assert json.loads(made.out)["jobStatus"] == "complete"
    ran = server.cli("job", "create", "--pipeline", "reviews", "--text", SENTENCE, "--watch", "--json")
    assert json.loads(ran.out)["jobStatus"] == "complete"
    assert server.cli("pipeline", "remove", "reviews", "--yes").code == 0
    assert "was not found" in one_line(server.cli("pipeline", "remove", "reviews"))
    assert "belongs to the server" in one_line(server.cli("pipeline", "remove", "understand"))


def _with_text(job: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    adapter, *others = job["tasks"]
    return {**job, "tasks": [{**adapter, "payload": {"text": SENTENCE}}, *others]}


def test_a_file_without_a_name_and_a_wrong_one(server: Server, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"steps": [{"name": "One", "engines": []}], "speps": 1}')
    said = server.cli("pipeline", "add", str(tmp_path / "p.json"))
    assert said.code == 2
    assert '"name" is missing' in said.err
    refused = one_line(server.cli("pipeline", "add", str(tmp_path / "p.json"), "--name", "p"))
    assert "speps: unknown field" in refused


def test_run_uses_the_server_that_is_configured(server: Server, folder: Path, tmp_path: Path) -> None:
    ran = server.cli("run", str(folder / "text.mp3"), folder=tmp_path)
    assert ran.code == 0, ran.err
    assert "starting a server" not in ran.out
    assert f"server {server.url}, job " in ran.out
    assert "keywords" in ran.out
    named = call(
        "run", str(folder / "pdf.wav"), "--pipeline", "chunk", "--server", server.url, "--json",
        environment={"ENGINEHOUSE_TOKEN": server.token}, folder=tmp_path,
    )  # fmt: skip
    told = json.loads(named.out)
    assert (told["document"], (tmp_path / told["result"]).is_dir()) == (None, True)
    pieces = (tmp_path / told["result"]).glob("chunk-*.txt")
    assert SENTENCE in next(pieces).read_text()
    both = call("run", str(folder / "pdf.wav"), "--keep", "--server", server.url, folder=tmp_path)
    assert (both.code, "leave --server out" in both.err) == (2, True)
