"""The id with which a client names an object: its text, for messages, and the number that it means."""

from typing import NamedTuple


class Ref(NamedTuple):
    """An object by its number. 0 stands for a text that is not an id; no object has it."""

    number: int
    text: str

    @property
    def key(self) -> int:
        return self.number

    @classmethod
    def of(cls, number: int) -> "Ref":
        """Returns the reference for a number that does not come from a client."""
        return cls(number, str(number))


class UuidRef(NamedTuple):
    """An object by its UUID, in lower case as it is stored."""

    uuid: str
    text: str

    @property
    def key(self) -> str:
        return self.uuid


class TaskRef(NamedTuple):
    """A task by its job (or its template) and its ordinal there."""

    job_id: int
    ordinal: int
    text: str

    @classmethod
    def of(cls, job_id: int, ordinal: int) -> "TaskRef":
        """Returns the reference for a task that no client has named."""
        return cls(job_id, ordinal, f"{job_id}/{ordinal}")
