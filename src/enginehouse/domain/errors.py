"""Every refusal of the product: code, GraphQL name, REST status. Two more of the store are in `store_errors`.

Refusal
 ├─ InvalidInput        the request is wrong; every problem is listed with its path
 ├─ NotFound            unknown, or another organization's
 │   └─ BytesDeleted    an output whose bytes were deleted with its target
 ├─ NotAllowed          visible, but the caller may not change it, or a right is missing
 ├─ AuthenticationFailed  no token, or an unknown one
 │   └─ TooManyFailures  many unknown tokens came from one address
 ├─ PastCancelling      the job has started or ended
 ├─ NoMoreTasks         the job is cancelled or has ended, or the task has started, so the job cannot grow there
 ├─ EndpointClosed      every job of a push endpoint has ended or takes no more pushes
 ├─ NoResult            the engines made no result of what was pushed
 ├─ NotRetryable        the job is complete, or an engine of it is no longer available
 ├─ KeyReused           the idempotency key was used for something else
 ├─ KeyInProgress       another request with this idempotency key has not ended yet
 ├─ NotConfirmed        many would be changed, and the caller did not say how many
 ├─ StaleAttempt        another attempt has replaced this one
 ├─ CapacityExceeded    too large or too many
 ├─ RateLimited         too many requests of a token or of an organization
 │   └─ QuotaReached    the token has used what it may use in an hour
 ├─ TooLarge            the request body is over the limit
 ├─ IntegrityError      stored bytes are missing, or are not those that were stored
 ├─ UnreadableDocument  an output or asset says that it is JSON, and is none
 ├─ NotImplementedYet   documented, not served by this server
 └─ Unavailable         storage or disk cannot answer now
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

_WORDS: Final = {None: "null", True: "true", False: "false"}
_LONGEST_EXCERPT: Final = 60  # characters
_LARGEST_NUMBER: Final = 1024  # bits


class Fault(StrEnum):
    """What kind of thing is wrong. It decides the code and the status of the refusal (reliability.md §5)."""

    WRONG = "invalid_input"
    UNKNOWN = "not_found"  # it names something that does not exist for the caller
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of an input: its path (`tasks[2].ioFolders[0].mode`), and one sentence that says what is allowed.

    `text` is the sentence without the path; `value` shows the wrong value and `allowed` the allowed ones, both short.
    """

    path: str
    text: str
    value: str | None = None
    allowed: str | None = None
    fault: Fault = Fault.WRONG

    @property
    def message(self) -> str:
        """The sentence that a person reads: `path: text`, or only the text if it is about the whole request."""
        return f"{self.path}: {self.text}" if self.path else self.text


def excerpt(value: object) -> str:
    """Returns a wrong value as a message quotes it: on one line, as JSON writes it, at most 60 characters of it."""
    match value:
        case None | bool():
            return _WORDS[value]
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in _shortened(value))
            return f'"{text}"'
        case int() if value.bit_length() > _LARGEST_NUMBER:
            return "a number too large to show"
        case _:
            return _shortened(str(value))


def unknown_word(path: str, value: object, words: Iterable[str]) -> Problem:
    """Returns the problem of a value that is none of the allowed words."""
    allowed = "one of " + ", ".join(words)
    return Problem(path, f"{allowed}, got {excerpt(value)}.", excerpt(value), allowed)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_EXCERPT else text[:_LONGEST_EXCERPT] + "…"


class Refusal(Exception):
    """An expected failure. It has a code, and nothing was changed."""

    code: str = "internal_error"
    graphql_name: str = "internal_error"
    rest_status: int = 500
    own_status: int | None = None  # a more exact status for /api/v1, which clients of /edge/v1 do not know

    def __init__(self, message: str, **data: object) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class InvalidInput(Refusal):
    """The request is wrong. All problems are listed, at most 50.

    If every problem is an unknown object, the code is not_found. If every problem is that something is too large, the
    REST status is 413.
    """

    code = graphql_name = "invalid_input"
    rest_status = 400
    LIMIT: ClassVar[int] = 50

    def __init__(self, problems: "Sequence[Problem] | str", path: str = "") -> None:
        if isinstance(problems, str):
            problems = [Problem(path, problems)]
        self.problems = list(problems[: self.LIMIT])
        match {problem.fault for problem in problems}:
            case faults if faults == {Fault.UNKNOWN}:
                self.code = self.graphql_name = "not_found"
            case faults if faults == {Fault.TOO_LARGE}:
                self.rest_status = 413
        more = len(problems) - len(self.problems)
        text = "\n".join(p.message for p in self.problems) + (f"\n… and {more} more" if more > 0 else "")
        super().__init__(text)


class NotFound(Refusal):
    """The object is unknown to the caller's organization; a foreign one looks exactly the same."""

    code = graphql_name = "not_found"
    rest_status = 404

    def __init__(self, object_type: str, object_id: object, *, path: str = "", why: str = "") -> None:
        self.object_type, self.object_id, self.path = object_type, str(object_id), path
        prefix, suffix = f"{path}: " if path else "", f" {why}" if why else ""
        super().__init__(f'{prefix}{object_type} "{object_id}" was not found.{suffix}')


class MalformedId(NotFound):
    """The text cannot be the id of such an object. GraphQL answers as for an unknown one, REST names the forms."""

    code = "invalid_input"
    rest_status = 400

    def __init__(self, object_type: str, object_id: object, forms: str, *, path: str = "") -> None:
        super().__init__(object_type, object_id, path=path)
        self.forms = forms


class BytesDeleted(NotFound):
    """The bytes of the output were an asset of a target, and were deleted with it. The job itself still exists."""

    def __init__(self, name: str) -> None:
        super().__init__("Output", name)
        self.args = (f'The bytes of output "{name}" are gone: they were deleted with the target of the job.',)
        self.message = self.args[0]


class NotAllowed(Refusal):
    """The authenticated user or token is not authorized to perform the requested action."""

    code = graphql_name = "not_allowed"
    rest_status = 403

    def __init__(self, message: str | None = None, **data: object) -> None:
        super().__init__(message or (type(self).__doc__ or ""), **data)


class AuthenticationFailed(Refusal):
    """No token was given, or the one given is unknown, expired or revoked."""

    code = graphql_name = "authentication_error"
    rest_status = 401

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or ""))


class TooManyFailures(AuthenticationFailed):
    """Too many requests with a wrong token came from this address. Requests with a valid one are still served."""

    code = graphql_name = "capacity_exceeded"
    rest_status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.data = {"retry_after": retry_after}


class PastCancelling(Refusal):
    """The job has started or ended, so it can no longer be cancelled."""

    code = "past_cancelling"
    graphql_name = "invalid_input"
    rest_status = 400


class NoMoreTasks(Refusal):
    """The job is cancelled or has ended, or its task has started: nothing can be added there any more."""

    code = "no_more_tasks"
    graphql_name = "invalid_input"
    rest_status = 409


class EndpointClosed(Refusal):
    """Every job of the endpoint has ended or takes no more pushes; nothing was stored."""

    code = "endpoint_closed"
    graphql_name = "invalid_input"
    rest_status = 400


class NoResult(Refusal):
    """The engines could not make a result of what was pushed. It was stored, and counts as failed in its job."""

    code = "push_failed"
    graphql_name = "invalid_input"
    rest_status = 400


class NotRetryable(Refusal):
    """A complete job is not retried, nor one with an engine that the organization may not use any more."""

    code = "not_retryable"
    graphql_name = "invalid_input"
    rest_status = 400


class KeyReused(Refusal):
    """The idempotency key was used for a different request; nothing was done."""

    code = "idempotency_key_reused"
    graphql_name = "invalid_input"
    rest_status = 400
    own_status = 422

    def __init__(self, key: str, at: str) -> None:
        super().__init__(f'Idempotency-Key "{key}" was used for a different request at {at}.')


class KeyInProgress(Refusal):
    """Another request with this idempotency key has not ended yet; the same request may be answered in a moment."""

    code = "idempotency_key_in_progress"
    graphql_name = "service_unavailable"
    rest_status = 400
    own_status = 409

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is still running; retry in 1 s.", retry_after=1)


class NotConfirmed(Refusal):
    """Many objects would be changed; the request is to be repeated with their number."""

    code = "not_confirmed"
    graphql_name = "invalid_input"
    rest_status = 400
    own_status = 409


class StaleAttempt(Refusal):
    """This attempt was replaced; its writes are refused."""

    code = "stale_attempt"
    graphql_name = "invalid_input"
    rest_status = 400
    own_status = 409


class CapacityExceeded(Refusal):
    """A limit of the server or the organization is reached."""

    code = graphql_name = "capacity_exceeded"
    rest_status = 429


class RateLimited(Refusal):
    """Too many requests came in a short time. The same request may succeed after `retry_after` seconds."""

    code = graphql_name = "rate_limited"
    rest_status = 429

    def __init__(self, whose: str, allowed: int, retry_after: int) -> None:
        super().__init__(
            f"Too many requests {whose}: at most {allowed} in 10 seconds are allowed. Try again in {retry_after} s.",
            allowed=allowed,
            retry_after=retry_after,
        )


class QuotaReached(RateLimited):
    """The token has used what it may use in an hour. The next hour begins after `retry_after` seconds."""

    def __init__(self, what: str, allowed: int, retry_after: int) -> None:
        Refusal.__init__(
            self,
            f"This token may use {allowed} {what} in an hour. The next hour begins in {retry_after} s.",
            allowed=allowed,
            retry_after=retry_after,
        )


class TooLarge(Refusal):
    """The request body is over the limit."""

    code = "too_large"
    graphql_name = "invalid_input"
    rest_status = 413


class IntegrityError(Refusal):
    """The stored bytes of an output or asset are missing, or they are not those that were stored."""

    code = "integrity_error"
    graphql_name = "service_failure"
    rest_status = 500


class UnreadableDocument(Refusal):
    """An output or asset says that it is JSON, but it cannot be served as JSON. Its bytes can be downloaded."""

    code = "unreadable_document"
    graphql_name = "service_failure"
    rest_status = 500


class NotImplementedYet(Refusal):
    """The operation is documented but this server does not serve it."""

    code = graphql_name = "not_implemented"
    rest_status = 501


class Unavailable(Refusal):
    """Storage cannot answer now; the same request may succeed in a moment."""

    code = graphql_name = "service_unavailable"
    rest_status = 503

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason  # for the log; clients must not see the words of a driver
