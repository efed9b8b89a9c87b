"""`enginehouse run`, which `make run` calls, leads from a clone to a result, or reports why there is none."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.acceptance.servers import COMMAND, DEADLINE, call, clean
from tests.engines import aion, files
from tests.engines.waves import samples, wave
from tests.thorough import slowly


def test_the_sample_runs_end_to_end(tmp_path: Path) -> None:
    ran = call("run", folder=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.err == ""
    for engine in (
        "Webstream adapter",
        "Text extraction",
        "Chunker",
        "Language",
        "Sentiment",
        "Keyword",
        "Output writer",
    ):
        assert re.search(rf"^{engine}.* completed", ran.out, re.MULTILINE), ran.out
    for language in ("en", "es", "fr", "de"):
        assert re.search(rf"^\d+ +{language} ", ran.out, re.MULTILINE), ran.out
    assert re.search(r"^keywords +\S", ran.out, re.MULTILINE)
    assert re.search(r"^sentiment +\S", ran.out, re.MULTILINE)
    assert "\x1b[" not in ran.out
    named = re.search(r"^The whole result is in (.+)$", ran.out, re.MULTILINE)
    assert named is not None
    document = json.loads((tmp_path / named[1]).read_text())
    assert aion.problems(document) == []
    assert document["object"]


def test_json_is_all_that_is_on_stdout_and_a_pdf_is_read_whatever_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(files.pdf("I love the harbour.", "It is a wonderful place to be."))
    # where another server keeps its data
    elsewhere = {"ENGINEHOUSE_DATABASE": "postgresql://nowhere.invalid/x", "ENGINEHOUSE_ARTIFACTS": "s3://nowhere"}
    ran = call("run", "mine.txt", "--pipeline", "chunk", "--json", folder=tmp_path, environment=elsewhere)
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    pieces = "".join(path.read_text() for path in (tmp_path / told["result"]).glob("chunk-*.txt"))
    assert "I love the harbour." in pieces


def test_the_variables_of_a_server_count_for_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("I love the harbour.")
    ran = call("run", "mine.txt", folder=tmp_path, environment={"ENGINEHOUSE_HEAD_LINES": "-1"})
    assert ran.code == 1
    assert "ENGINEHOUSE_HEAD_LINES: must be greater than 0, got -1." in ran.err


@slowly  # test_pipeline.py has a recording on a server that stands
def test_a_recording_is_transcribed_first(tmp_path: Path) -> None:
    wave(tmp_path / "mine.wav", samples([1.5, 1.0, 1.5], 16000), 16000)
    ran = call("run", "mine.wav", folder=tmp_path)
    assert ran.code == 0, ran.out + ran.err
    assert re.search(r"^Transcription .* completed", ran.out, re.MULTILINE), ran.out


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("nowhere.txt", "nowhere.txt"),
        ("ftp://example.com/a.txt", "http"),
        ("empty.txt", "is empty"),
        (".", "folder"),
    ],
)
def test_what_cannot_be_run_is_refused_before_a_server_starts(tmp_path: Path, source: str, why: str) -> None:
    (tmp_path / "empty.txt").write_text("")
    ran = call("run", source, folder=tmp_path)
    assert ran.code == 1
    [line] = ran.err.splitlines()
    assert why in line
    assert ran.out == ""


def test_a_picture_fails_and_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    ran = call("run", "mine.txt", folder=tmp_path)
    assert ran.code == 1
    assert '"mine.txt" is image/png; no engine that reads text in pictures is installed here: pip install' in ran.err


def test_a_refused_url_fails_and_says_why(tmp_path: Path) -> None:
    ran = call("run", "http://127.0.0.1/a.txt", folder=tmp_path)
    assert ran.code == 1
    assert "url: address 127.0.0.1 is not allowed." in ran.err
    assert "--allow-private-urls" in ran.err


def test_a_server_that_does_not_start_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    ran = call("run", "--data", "data", folder=tmp_path)
    assert ran.code == 1
    assert "data" in ran.err


def test_a_kept_server_takes_the_printed_commands_as_they_are(tmp_path: Path) -> None:
    """The printed commands are pasted into a shell. The names of the folder and the file need quotes."""
    data = tmp_path / "a folder; with 'quotes'"
    (tmp_path / 'my "own", file.md').write_text("# Harbour\n\nI love this harbour. It is a wonderful place.")
    command = [*COMMAND, "run", 'my "own", file.md', "--data", str(data), "--keep", "--port", "0"]
    kept = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean(), cwd=tmp_path
    )
    assert kept.stdout is not None
    try:
        printed = []
        for line in kept.stdout:
            printed.append(line)
            if line.startswith("Stop it with"):
                break
        text = "".join(printed)
        assert "Stop it with" in text, text
        commands = text[text.index("\nURL=") : text.index("The server stays up")]
        typed = subprocess.run(
            ["bash", "-e", "-c", commands], capture_output=True, text=True, cwd=tmp_path, timeout=DEADLINE, check=False
        )
        assert typed.returncode == 0, typed.stderr
        assert '"jobStatus":"complete"' in typed.stdout
        [fetched] = tmp_path.glob("vtn-standard-*.json")
        assert aion.problems(json.loads(fetched.read_text())) == []
        assert list((data / "results").glob("*/vtn-standard-*.json"))
        kept.send_signal(signal.SIGINT)
        assert kept.wait(DEADLINE) == 0
        assert not list((data / "servers").iterdir())
    finally:
        if kept.poll() is None:
            kept.terminate()
            kept.wait(DEADLINE)
        kept.stdout.close()


def test_a_killed_run_takes_its_server_along(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [*COMMAND, "run", "--data", str(data), "--keep", "--port", "0"]
    running = subprocess.Popen(command, cwd=tmp_path, env=clean(), stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("server http"):  # it works on the job
            break
    [announced] = (data / "servers").iterdir()
    server = json.loads(announced.read_text())["pid"]
    running.kill()
    running.wait()
    running.stdout.close()
    deadline = time.monotonic() + DEADLINE
    while _lives(server):
        assert time.monotonic() < deadline, "the server outlived the command that started it"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    """Returns False also for a process that has ended and was not reaped by its new parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
