"""Fills a server with a demo organization for pictures: jobs of real engines in every state, and a schedule.

Names and contents are the same each time; how far the running job has come, and the times, are those of the run.
"""

import random
import time
import wave
from array import array
from importlib import resources
from itertools import count
from math import sin
from pathlib import Path
from typing import Any, Final

from docs.graphs import SENTIMENT, TRANSCRIPTION, WEBSTREAM, audio_job, text_job, with_input

from enginehouse.client import Client, files, jobs

_PATIENCE: Final = 180.0  # seconds until the jobs are as they shall be
_RATE: Final = 16_000  # samples of sound in a second
_MINUTES: Final = 20  # of the recording: so long that it runs while pictures are taken
_TITLES: Final = (
    "Harbour news, Monday", "Letters of a lock keeper", "Council meeting, part 1", "Council meeting, part 2",
    "Interview with the pilot", "The old pump house", "Weather log of March", "Questions of readers",
    "Museum guide, chapter 3", "Notes from the night shift", "Timetable of the ferry", "A walk along the quay",
)  # fmt: skip
_TAPES: Final = ("Radio archive, tape 12", "Radio archive, tape 13", "Radio archive, tape 14")


def fill(client: Client, folder: Path) -> dict[str, str]:
    """The organization has complete, failed, paused, running and waiting jobs, and a schedule.

    Returns the ids of one complete, one failed and the running job. `folder` gets the recording that they work on.
    """
    with resources.as_file(resources.files("enginehouse_engines").joinpath("samples", "four-languages.md")) as path:
        document = files.upload(client, path)
    tape = files.upload(client, _recording(folder / "tape.wav"), "audio/wav")
    for title in _TITLES:
        _create(client, with_input(text_job(), target_id=document), title)
    complete = _create(client, with_input(text_job(), target_id=document), "Three languages at the harbour")
    _until(client, complete, "complete")
    preferences = {"maxRetries": 0}
    task = {"engineId": TRANSCRIPTION, "executionPreferences": preferences}
    failed = _create(client, {"tasks": [task], "targetId": document}, "Scan of the guest book")
    _until(client, failed, "failed")
    _schedule(client)
    running = _create(client, with_input(audio_job(), target_id=tape), "Radio archive, tape 11")
    _until_chunks(client, running)
    for title in _TAPES:
        _create(client, {"tasks": [{"engineId": TRANSCRIPTION}], "targetId": tape}, title)
    paused = _create(client, {"tasks": [{"engineId": SENTIMENT}], "targetId": document}, "Letters of the board")
    client.rest("POST", f"/api/v1/jobs/{paused}/pause")
    return {"complete": complete, "failed": failed, "running": running}


def _create(client: Client, job: dict[str, Any], name: str) -> str:
    return jobs.create(client, {**job, "name": name})[0]


def _schedule(client: Client) -> None:
    tasks = [{"engineId": WEBSTREAM, "payload": {"url": "https://example.com/feed"}}, {"engineId": SENTIMENT}]
    body = {
        "name": "Morning news", "runMode": "Recurring", "timeZone": "Europe/Prague",
        "recurringScheduleParts": [{"repeatIntervalUnit": "Days", "repeatInterval": 1, "startTime": "06:30"}],
        "jobTemplates": [{"taskTemplates": tasks}],
    }  # fmt: skip
    client.rest("POST", "/api/v1/schedules", body)


def _until(client: Client, job_id: str, status: str) -> None:
    """Returns when the job has the status. Raises TimeoutError."""
    end = time.monotonic() + _PATIENCE
    while (found := jobs.get(client, job_id)["jobStatus"]) != status:
        if time.monotonic() > end:
            raise TimeoutError(f"{job_id} is {found}, not {status}.")
        time.sleep(0.1)


def _until_chunks(client: Client, job_id: str) -> None:
    """Returns when the transcription of the job has ended some chunks. Raises TimeoutError."""
    end = time.monotonic() + _PATIENCE
    for turn in count():
        attempts = list(jobs.attempts(client, job_id, 2))
        if len(attempts) >= 3:
            return
        if time.monotonic() > end:
            raise TimeoutError(f"{job_id} has no chunks after {turn} looks.")
        time.sleep(0.2)


def _recording(path: Path) -> Path:
    """Returns a recording of tones in bursts, with pauses in which it can be cut."""
    chance = random.Random(7)  # noqa: S311 - the same sound each time
    burst = [
        array("h", [int(8000 * sin(n * tone) * chance.uniform(0.6, 1)) for n in range(_RATE * 5)])
        for tone in (0.03, 0.05, 0.08, 0.13)
    ]
    pause = array("h", [0] * _RATE)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        for _ in range(_MINUTES * 10):
            sound.writeframes(chance.choice(burst).tobytes())
            sound.writeframes(pause.tobytes())
    return path
