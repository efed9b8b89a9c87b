"""Follows what the engines of a job print, until the job has ended."""

import time
from typing import Final

from enginehouse.cli import job_view, output, terminal
from enginehouse.client import Client, Json, RequestFailed, jobs

_PAUSE: Final = 0.5  # seconds between two looks at the logs

Place = tuple[int, int, int]


def follow(client: Client, job_id: str, ordinal: int | None, *, as_json: bool = False) -> None:
    """The job has ended, and everything that its attempts have printed is on stdout. Raises RequestFailed."""
    logs = _Logs(client, job_id, as_json=as_json)
    while True:
        job = jobs.get(client, job_id)
        for attempt in jobs.attempts_of_job(client, job_id):
            if ordinal in (None, attempt["task"]):
                logs.show(job, (attempt["task"], attempt["item"], attempt["number"]))
        if job["jobStatus"] in jobs.ENDED:
            return
        time.sleep(_PAUSE)


class _Logs:
    """The logs of a job, each as far as it was shown. A title says whose text follows."""

    def __init__(self, client: Client, job_id: str, *, as_json: bool) -> None:
        self._client = client
        self._job_id = job_id
        self._as_json = as_json
        self._shown: dict[Place, int] = {}
        self._over: set[Place] = set()
        self._last: Place | None = None

    def show(self, job: Json, place: Place) -> None:
        """What the log has more than before is on stdout."""
        while place not in self._over:
            offset = self._shown.get(place, 0)
            part = _part(self._client, self._job_id, place, offset)
            if part["text"]:
                self._print(job, place, part["text"])
            self._shown[place] = part["next"]
            if part["isOver"]:
                self._over.add(place)
            if part["next"] == offset:
                return

    def _print(self, job: Json, place: Place, text: str) -> None:
        if self._as_json:
            task, item, number = place
            output.show_json_line({"task": task, "item": item, "attempt": number, "text": text})
            return
        if place != self._last:
            terminal.echo(_title(job, place))
            self._last = place
        terminal.write([text.encode()])


def _part(client: Client, job_id: str, place: Place, offset: int) -> Json:
    """Returns the next part of a log, an empty one while another server has it."""
    try:
        return jobs.log_part(client, job_id, *place, offset=offset)
    except RequestFailed as failure:
        if failure.status != 404:
            raise
        return {"text": "", "next": offset, "isOver": False}


def _title(job: Json, place: Place) -> str:
    task, item, number = place
    which = f", item {item}" if job["tasks"][task]["chunkCountInfo"]["chunkToProcessCount"] > 1 else ""
    return f"== task {task}, {job_view.task_name(job['tasks'][task])}{which}, attempt {number}"
