"""The id by which a client names an object: as it was written, for messages, and the number that it means."""

from typing import NamedTuple


class Ref(NamedTuple):
    """An object by its number. 0 is nobody's: what a text means that is no id at all."""

    number: int
    text: str

    @property
    def key(self) -> int:
        return self.number

    @classmethod
    def of(cls, number: int) -> "Ref":
        """The object with this number, which no client has named."""
        return cls(number, str(number))


class UuidRef(NamedTuple):
    """An object by its UUID, in lower case as it is stored."""

    uuid: str
    text: str

    @property
    def key(self) -> str:
        return self.uuid


class TaskRef(NamedTuple):
    """A task by its job (or its template) and its place there."""

    job_id: int
    ordinal: int
    text: str

    @classmethod
    def of(cls, job_id: int, ordinal: int) -> "TaskRef":
        """The task at this place, which no client has named."""
        return cls(job_id, ordinal, f"{job_id}/{ordinal}")
