"""A job, its tasks and its events as text for people."""

from rich.table import Table
from rich.text import Text

from enginehouse.cli import output
from enginehouse.client import Json
from enginehouse.client.jobs import ENDED


def task_table(job: Json) -> Table:
    """Returns a table of the tasks of a job, with their progress and their failures."""
    return output.table(
        ("task", "engine", "status", "chunks", "reason"),
        [
            (ordinal, task_name(task), output.status(task["taskStatus"]), _chunks(task), Text(_note(task), "red"))
            for ordinal, task in enumerate(job["tasks"])
        ],
    )


def task_name(task: Json) -> str:
    """Returns what people call the task: the name of its engine."""
    return str(task.get("engineName") or task["engineId"])


def progress(job: Json) -> str:
    """Returns how many of its tasks are complete."""
    complete = sum(task["taskStatus"] == "complete" for task in job["tasks"])
    return f"{complete}/{len(job['tasks'])}"


def ended(job: Json) -> str | None:
    """Returns when it ended, None while it has not."""
    found = job.get("completedDateTime") or job.get("abortedDateTime")
    return None if found is None else str(found)


def engine_names(job: Json) -> str:
    """Returns the engines of the first four tasks."""
    names = [task_name(task) for task in job["tasks"]]
    return ", ".join(names[:4]) + (" …" if len(names) > 4 else "")


def reason(record: Json) -> str:
    """Returns why an attempt or an item failed: the reason, and what its engine has said of it. Perhaps nothing."""
    return ": ".join(part for part in (record.get("failureReason"), record.get("failureDetail")) if part)


def event_words(event: Json) -> str:
    """Returns the kind of an event as words: `attempt failed`."""
    return str(event["kind"]).replace("_", " ")


def event_remark(event: Json) -> str:
    """Returns the details of an event as words, perhaps none."""
    detail = event.get("detail", {})
    parts = []
    if "attempt" in detail:
        parts.append(f"attempt {detail['attempt']}")
    if "chunk" in detail:
        parts.append(f"chunk {detail['chunk']}")
    if "chunks" in detail:
        parts.append(f"{detail['chunks']} chunk{'s' * (detail['chunks'] != 1)}")
    if "worker" in detail:
        parts.append(f"on {detail['worker']}")
    remark = " ".join(parts)
    if "reason" in detail:
        remark = "; ".join(filter(None, (remark, f"{detail['reason']}: {detail.get('message') or ''}".rstrip(": "))))
    if "againDateTime" in detail:
        remark += f"; again at {detail['againDateTime']}"
    if "jobID" in detail:
        remark += f" {'by' if event['kind'] == 'retried' else 'again of'} {detail['jobID']}".rstrip()
    return " ".join(remark.split())


def event_line(event: Json, name: str) -> str:
    """Returns the event of a task or of the job as one line, which begins with `name`."""
    return f"{name:<32} {event_words(event):<14} {event_remark(event)}".rstrip()


def _chunks(task: Json) -> str:
    """Returns how many items of a task are done, or nothing while it has no items."""
    counts = task["chunkCountInfo"]
    total = counts["chunkToProcessCount"]
    return f"{counts['chunkCompletedCount']}/{total}" if total else ""


def _note(task: Json) -> str:
    """Returns why a task failed, and how often it was tried again."""
    parts = []
    if "reusedFrom" in task:
        parts.append("reused")
    if task["taskStatus"] in ENDED and (retries := task["chunkCountInfo"]["retryCount"]):
        parts.append(f"{retries} tried again")
    if "reason" in task:
        parts.append(failure(task))
    return "; ".join(parts)


def failure(task: Json) -> str:
    """Returns why a failed task failed: the reason, and what its engine has said."""
    return f"{task.get('reason', 'failed')}: {task.get('failureDetail') or ''}".rstrip(": ")
