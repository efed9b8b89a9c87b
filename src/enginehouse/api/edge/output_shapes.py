"""Outputs of jobs and tasks as REST lists and shows them (rest-contract §2.8)."""

import msgspec
from msgspec import field


class Output(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An output; `contents` only where a single one is asked for and it is text. `created` in Unix seconds."""

    name: str
    size: int
    created: int
    contents: str | None = None
    contents_valid: bool | None = field(default=None, name="contentsValid")


class OutputAnswer(msgspec.Struct):
    output: Output


class JobOutputs(msgspec.Struct):
    job_id: str = field(name="internalJobID")
    outputs: list[Output]


class TaskOutputs(msgspec.Struct):
    task_id: str = field(name="internalTaskID")
    outputs: list[Output]


class OutputsAnswer(msgspec.Struct):
    outputs: JobOutputs | TaskOutputs
