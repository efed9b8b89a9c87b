"""What a person has filled in for a new job: the input, and the steps or the template that work on it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, replace
from typing import Final

from enginehouse.http_protocol.multipart import FormKind

MOST_STEPS: Final = 20
STEPS: Final = "steps"
USUAL: Final = ""  # nobody has chosen: the page does
FORM: Final = FormKind(
    ("csrf", "act", "name", "text", "url", "target", "upload", "file_name", "what", "key", "seen"),
    "file",
    families=("step-",),
    most=1_000,
)
_FIELD: Final = re.compile(r"step-(\d{1,2})-(engine|reads|payload|field-\d{1,2}(?:-\d{1,3})?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDraft:
    """A step as it was filled in. `fields` are the values of the fields that its engine declares, by their places."""

    engine: str = ""
    reads: str = "0"
    payload: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A form as it was filled in. `upload` is the id of a file that has arrived, `file_name` the name that it had.

    `what` is `steps`, or the pipeline, job pipeline or template to start. `key` is the same for every attempt to start
    this draft.
    """

    name: str = ""
    text: str = ""
    url: str = ""
    target: str = ""
    upload: str = ""
    file_name: str = ""
    what: str = STEPS
    steps: tuple[StepDraft, ...] = (StepDraft(),)
    key: str = ""

    @property
    def digest(self) -> str:
        """Two drafts with the same digest make the same job."""
        return hashlib.sha256(repr(astuple(replace(self, key=""))).encode("utf-8", "replace")).hexdigest()


def draft_of(texts: Mapping[str, str]) -> Draft:
    """Returns the draft in the fields of a form."""
    by_number: dict[int, dict[str, str]] = {}
    for name, value in texts.items():
        if (found := _FIELD.fullmatch(name)) is not None and 1 <= int(found[1]) <= MOST_STEPS:
            by_number.setdefault(int(found[1]), {})[found[2]] = value
    steps = tuple(_step(by_number.get(n, {})) for n in range(1, max(by_number, default=0) + 1))
    return Draft(
        name=texts.get("name", "").strip(),
        text=texts.get("text", ""),
        url=texts.get("url", "").strip(),
        target=texts.get("target", "").strip(),
        upload=texts.get("upload", "").strip(),
        file_name=texts.get("file_name", ""),
        what=texts.get("what", "") or STEPS,
        steps=steps or (StepDraft(),),
        key=texts.get("key", ""),
    )


def with_step(draft: Draft) -> Draft:
    """Returns the draft with one more step, which reads the one before."""
    if len(draft.steps) >= MOST_STEPS:
        return draft
    return replace(draft, steps=(*draft.steps, StepDraft(reads=str(len(draft.steps)))))


def without_step(draft: Draft, number: int) -> Draft:
    """Returns the draft without this step. What read it reads what it has read."""
    if not 1 <= number <= len(draft.steps) or len(draft.steps) == 1:
        return draft
    gone = draft.steps[number - 1]
    left = [_renumbered(step, number, gone.reads) for n, step in enumerate(draft.steps, 1) if n != number]
    return replace(draft, steps=tuple(left))


def _renumbered(step: StepDraft, gone: int, instead: str) -> StepDraft:
    reads = int(step.reads) if step.reads.isdecimal() else 0
    if reads == gone:
        return replace(step, reads=instead)
    return replace(step, reads=str(reads - 1)) if reads > gone else step


def _step(given: Mapping[str, str]) -> StepDraft:
    return StepDraft(
        engine=given.get("engine", "").strip(),
        reads=given.get("reads", "0"),
        payload=given.get("payload", ""),
        fields={name.removeprefix("field-"): value for name, value in given.items() if name.startswith("field-")},
    )
