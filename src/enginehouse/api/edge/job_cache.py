"""The jobs of recent bodies, by their text without payloads. Of a text that comes again only the payloads are read.

Clients send the same graph with other payloads. Two texts that differ only in the strings of `taskPayloadJSON` are the
same JSON apart from these, so what was found out about one holds for the other: it has no unknown field, no key twice.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from enginehouse.api.edge.job_shapes import CreateJob
from enginehouse.domain.job import JobRequest

_MOST: Final = 128
_LARGEST: Final = 16 * 1024  # bytes of a text
_LEARNT: Final = 16  # jobs of a body
_NAME: Final = b'"taskPayloadJSON"'
_PAYLOAD: Final = re.compile(_NAME + rb':[ ]?("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
_CUT: Final = b"\0"  # is in no JSON, so texts with the same pieces have as many payloads
_replace: Final = msgspec.structs.replace


class _Body(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    jobs: list[msgspec.Raw]


_split: Final = msgspec.json.Decoder(_Body).decode
_strings: Final = msgspec.json.Decoder(list[str]).decode
_read: Final = msgspec.json.Decoder(CreateJob).decode


class _Known(msgspec.Struct, frozen=True, gc=False):
    """A job without payloads. `ordinals` are those of the tasks whose payloads its text has, in order."""

    request: JobRequest
    ordinals: tuple[int, ...]


class KnownJobs:
    """The last 128 jobs whose text came more than once. Nothing of a payload is kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, _Known] = OrderedDict()
        self._seen: set[int] = set()

    def find(self, raw: bytes) -> list[JobRequest] | None:
        """Returns the requests for the jobs of the body; None if one of them is not known."""
        texts = _texts(raw)
        if not texts:
            return None
        requests = list[JobRequest]()
        for number, text in enumerate(texts):
            key, payloads = _cut(text)
            known = self._kept.get(key)
            request = None if known is None else _with_payloads(known, payloads, f"jobs[{number}].")
            if request is None:
                return None
            self._kept.move_to_end(key)
            requests.append(request)
        return requests

    def learn(self, raw: bytes, jobs: Sequence[CreateJob], requests: Sequence[JobRequest]) -> None:
        """The first jobs of a valid body will be known if they come again. `requests` are those for its jobs."""
        for text, job, request in zip((_texts(raw) or ())[:_LEARNT], jobs, requests, strict=False):
            key, payloads = _cut(text)
            if len(key) > _LARGEST or key in self._kept:
                continue
            if hash(key) in self._seen:
                self._keep(key, payloads, text, job, request)
            elif len(self._seen) < 8 * _MOST:
                self._seen.add(hash(key))
            else:
                self._seen.clear()

    def _keep(self, key: bytes, payloads: list[bytes], text: bytes, job: CreateJob, request: JobRequest) -> None:
        # Without a graph it was translated with its payloads. An organization or a source is looked up each time.
        if request.graph is None or job.internal_organization_id or job.core_source_id:
            return
        given = {
            n: task.task_payload_json for n, task in enumerate(job.tasks or ()) if task.task_payload_json is not None
        }
        try:
            if _read(text) != job or list(given.values()) != _strings(b"[%b]" % b",".join(payloads)):
                return  # a field is spelled otherwise, or unknown
        except msgspec.DecodeError:
            return
        self._kept[key] = _Known(_replace(request, tasks=request.graph.tasks), tuple(given))
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def _texts(raw: bytes) -> list[bytes] | None:
    """Returns the texts of the jobs, if nothing is in the body but them and what usual programs write around them."""
    if b"\\u00" in raw:  # a NUL may be refused
        return None
    try:
        texts = [bytes(job) for job in _split(raw).jobs]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if raw == b'{"jobs":[%b]}' % b",".join(texts) or raw == b'{"jobs": [%b]}' % b", ".join(texts):
        return texts
    return None


def _cut(text: bytes) -> tuple[bytes, list[bytes]]:
    """Returns the text without the strings that are payloads, and these."""
    if _NAME not in text:
        return text, []
    parts = _PAYLOAD.split(text)
    return _CUT.join(parts[::2]), parts[1::2]


def _with_payloads(known: _Known, payloads: list[bytes], prefix: str) -> JobRequest | None:
    """Returns the request of the job with these payloads; None if they are not strings of JSON."""
    if not payloads:
        return _replace(known.request, prefix=prefix)
    try:
        texts = _strings(b"[%b]" % b",".join(payloads))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    tasks = list(known.request.tasks)
    for ordinal, text in zip(known.ordinals, texts, strict=True):
        if text:
            tasks[ordinal] = _replace(tasks[ordinal], payload_text=text)
    return _replace(known.request, tasks=tuple(tasks), prefix=prefix)
