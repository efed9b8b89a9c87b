"""How an event of a job reads, in a line for people."""

from typing import Any

Json = dict[str, Any]


def words(event: Json) -> str:
    """The kind as words: `attempt failed`."""
    return str(event["kind"]).replace("_", " ")


def remark(event: Json) -> str:
    """What is said with the event, without its kind; nothing where that says it all."""
    said = event.get("detail", {})
    parts = []
    if "attempt" in said:
        parts.append(f"attempt {said['attempt']}")
    if "chunk" in said:
        parts.append(f"chunk {said['chunk']}")
    if "chunks" in said:
        parts.append(f"{said['chunks']} chunk{'s' * (said['chunks'] != 1)}")
    if "worker" in said:
        parts.append(f"on {said['worker']}")
    remark = " ".join(parts)
    if "reason" in said:
        remark = "; ".join(filter(None, (remark, f"{said['reason']}: {said.get('message') or ''}".rstrip(": "))))
    if "againDateTime" in said:
        remark += f"; again at {said['againDateTime']}"
    if "jobID" in said:
        remark += f" {'by' if event['kind'] == 'retried' else 'again of'} {said['jobID']}".rstrip()
    return " ".join(remark.split())


def line(event: Json, task: str) -> str:
    """The event of the task, or of the job itself, as one line."""
    return f"{task:<32} {words(event):<14} {remark(event)}".rstrip()
