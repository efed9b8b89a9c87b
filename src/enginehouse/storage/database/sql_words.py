"""The words in braces in statements: what differs between the databases, and conditions that several share."""

import re
from collections.abc import Mapping
from typing import Final, Literal

from enginehouse.domain.status import TASK
from enginehouse.storage.database.database import TOKENS_AT_ONCE

Dialect = Literal["sqlite", "postgres"]

_WORDS: Final[Mapping[Dialect, Mapping[str, str]]] = {
    "sqlite": {
        "for_update": "",
        "skip_locked": "",
        "clustered": "WITHOUT ROWID",
        "serial": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "list_of": "json_group_array",
        "tuple_of": "json_array",
        "job_of_engine": "j.id = e.job_id",
        "task_of_job": "t.job_id = j.id",
        "attempt_of_task": "a.job_id = t.job_id AND a.ordinal = t.ordinal",
        "clock": "0",
    },
    "postgres": {
        "for_update": "FOR UPDATE",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
        "clustered": "",
        "serial": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "list_of": "json_agg",
        "tuple_of": "json_build_array",
        # Only by the index: an equation may become a merge with all tasks of the server, or a hash of them.
        "job_of_engine": "j.id = ANY (ARRAY[e.job_id])",
        "task_of_job": "t.job_id = ANY (ARRAY[j.id])",
        "attempt_of_task": "a.job_id = ANY (ARRAY[t.job_id]) AND a.ordinal = t.ordinal",
        # When the statement arrived, which is after all locks of earlier ones. See `Tx.set_now`.
        "clock": "(SELECT CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS BIGINT))",
    },
}

# An open bulk cancel covers a job: the job is aborted, though its row is not updated yet. `<job>` is its alias.
_COVERING: Final = """FROM barrier cover
    WHERE cover.organization_id = <job>.organization_id AND cover.settled_at IS NULL
      AND <job>.created_at BETWEEN cover.created_from AND cover.created_to AND <job>.cancellable_since < cover.id"""
_COVER: Final[Mapping[str, str]] = {
    "covered": f"EXISTS (SELECT 1 {_COVERING})",
    # Since when, and by which bulk cancel: if several cover a job, the first one aborted it. NULL if none covers it.
    "covered_at": f"(SELECT MIN(cover.accepted_at) {_COVERING})",
    "covered_by": f"(SELECT MIN(cover.id) {_COVERING})",
    # The same, or a bulk cancel with `include_running` stops a job that has started: none of its tasks may start.
    "halted": """EXISTS (SELECT 1 FROM barrier cover
    WHERE cover.organization_id = <job>.organization_id AND cover.settled_at IS NULL
      AND <job>.created_at BETWEEN cover.created_from AND cover.created_to
      AND (<job>.cancellable_since < cover.id
           OR cover.include_running = 1 AND <job>.created_at <= cover.accepted_at))""",
    # Who wants to hear how the job ends: 1 for its own notificationUris, 2 for subscriptions of its organization.
    "listeners": """(<job>.notifies + CASE WHEN EXISTS (SELECT 1 FROM event_subscription heard
    WHERE heard.organization_id = <job>.organization_id AND heard.application IN ('system', '')
      AND heard.ended_at IS NULL)
    THEN 2 ELSE 0 END)""",
}

# The jobs of an organization that were created before :first_id, wait, and have changed since :modified_from, which is
# the time of that id. If the time from the creation to the change has n digits in seconds, the change is less than
# 10^n s after :modified_from. So one index is read in ten places, and not where jobs were created later.
_CHANGED: Final = " UNION ALL ".join(
    f"""SELECT c.id, c.organization_id, c.created_at, c.cancelled, c.cancellable_since, c.aborted_at,
      c.stop_requested_at
    FROM job c
    WHERE c.organization_id = :organization_id AND LENGTH(CAST((c.modified_at - c.created_at) / 1000000 AS TEXT)) = {n}
      AND CASE WHEN (c.status = 'pending' OR c.status = 'queued') AND c.modified_at > c.created_at THEN 1 ELSE 0 END = 1
      AND c.modified_at >= :modified_from AND c.modified_at < :modified_from + {10 ** (n + 6)} AND +c.id < :first_id"""
    for n in range(1, 11)
)
_JOBS: Final = {"changed_while_waiting": f"({_CHANGED})"}

# A task `t` of a cancelled job is aborted if it has not ended and no attempt of it runs. No row stores that.
_NOT_ENDED: Final = "t.status NOT IN ('complete', 'failed', 'aborted') AND t.items_running = 0"
_TASK: Final[Mapping[str, str]] = {
    "task_status": f"""CASE WHEN {_NOT_ENDED} AND (<job>.cancelled = 1 OR EXISTS (SELECT 1 {_COVERING}))
    THEN 'aborted' ELSE t.status END""",
    "task_changed_at": f"""CASE WHEN {_NOT_ENDED} AND (<job>.cancelled = 1 OR EXISTS (SELECT 1 {_COVERING}))
    THEN COALESCE((SELECT MIN(cover.accepted_at) {_COVERING}), <job>.aborted_at, <job>.stop_requested_at)
    ELSE t.modified_at END""",
}

# The columns of a locked job that `storage.work.job_locks.LockedJob` names, in this order; and the changing part of a
# task, as `storage.work.settlement.TaskFields` has it.
_COLUMNS: Final[Mapping[str, str]] = {
    "job_state": "<job>.id, <job>.organization_id, <job>.status, <job>.cancelled, <job>.started_at, <job>.tasks_total,"
    " <job>.tasks_queued, <job>.tasks_running,\n       <job>.tasks_complete, <job>.tasks_failed, <job>.tasks_aborted,"
    " <job>.target_id, <job>.stopping, <job>.paused_at, <job>.plan_revision, <job>.tasks_ready",
    "task_state": "<task>.status, <task>.waits_for, <task>.items, <task>.items_open, <task>.items_running,"
    " <task>.items_failed,\n       <task>.failure_reason, <task>.failure_message, <task>.attempts_before,"
    " <task>.deleted_at",
}
# The token for workers in the row `r` is valid, and allows the item.
_ALLOWED: Final = """EXISTS (
    SELECT 1
    FROM worker_token k JOIN token t ON t.id = k.token_id
    WHERE k.token_id = r.token_id AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > r.now)
      AND (k.any_organization = 1 OR EXISTS (
        SELECT 1 FROM worker_token_organization o
        WHERE o.token_id = r.token_id AND o.organization_id = <item>.organization_id))
      AND (k.any_engine = 1 OR EXISTS (
        SELECT 1 FROM worker_token_engine e WHERE e.token_id = r.token_id AND e.engine_id = <item>.engine_id)))"""
# What differs after each write of a row, beside its time: on SQLite each transaction has a time of its own, and on
# PostgreSQL two may have the same.
_VERSION: Final[Mapping[Dialect, str]] = {"sqlite": "0", "postgres": "CAST(CAST(<job>.xmin AS TEXT) AS BIGINT)"}
# The fencing token of a number of `Tx.tokens`. On PostgreSQL a number of the sequence stands for a whole block.
_TOKEN: Final[Mapping[Dialect, str]] = {
    "sqlite": "<row>.token",
    "postgres": f"(SELECT (nextval('fencing_token') - 1) * {TOKENS_AT_ONCE}) + <row>.token",
}
_OF_ALIAS: Final[Mapping[Dialect, Mapping[str, str]]] = {
    dialect: {
        **_COVER, **_TASK, **_COLUMNS, "allowed": _ALLOWED, "version": _VERSION[dialect], "token": _TOKEN[dialect],
    }
    for dialect in _WORDS
}  # fmt: skip
_ALIAS: Final = re.compile("<(?:job|task|item|row)>")


def fragment(key: str, dialect: Dialect) -> str | None:
    """Returns the text for {key}; None if there is no such word."""
    for words in (_WORDS[dialect], _JOBS):
        if key in words:
            return words[key]
    match key.split(":"):
        case ["status", verb] if verb in TASK:
            return f"({', '.join(_quoted(word) for word in sorted(TASK[verb].sources))})"
        case ["target", verb] if verb in TASK:
            return _quoted(TASK[verb].target)
        case [word, alias] if word in _OF_ALIAS[dialect] and alias.isidentifier():
            return _ALIAS.sub(alias, _OF_ALIAS[dialect][word])
    return None


def _quoted(word: str) -> str:
    return f"'{word}'"
