"""Whether an engine takes the media types of its inputs. If not, it fails before it runs, and says which one does."""

from collections.abc import Iterable, Sequence
from typing import Final

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.retry import FailureKind
from enginehouse.engine import Chunk, EngineFailure
from enginehouse.text.media_types import ANY, OCTETS, bare, medium, takes

_MOST_NAMED: Final = 5
_ADVICE: Final = {
    "image": "The engine ocr-rapidocr reads text in pictures: pip install 'enginehouse[ocr]'.",
    "audio": "The engine transcription-whisper hears any sound: pip install 'enginehouse[whisper]'.",
    "video": "The engine transcription-whisper hears any video: pip install 'enginehouse[whisper]'.",
}
_OTHER_ADVICE: Final = "It needs one that declares it."


def check_types(spec: EngineSpec, inputs: Sequence[Chunk], known: Iterable[EngineSpec]) -> None:
    """Raises EngineFailure for the first input of a type that the engine does not take.

    Its message names those of the `known` engines that declare the type. An engine that declares no inputs takes any.
    """
    for chunk in inputs:
        if spec.inputs and chunk.size and not takes(spec.inputs, chunk.media_type):
            name = chunk.name or "The input"
            kind = bare(chunk.media_type)
            wanted = _listed([*dict.fromkeys(map(bare, spec.inputs))])
            raise EngineFailure(
                f'"{name}" is {kind}, which {spec.name} does not take; it takes {wanted}. {_others(kind, known)}',
                FailureKind.UNSUPPORTED_TYPE,
            )


def _others(kind: str, known: Iterable[EngineSpec]) -> str:
    """Returns the sentence that says which engines take the type."""
    able = [
        engine.slug or engine.name
        for engine in known
        if takes([one for one in engine.inputs if one not in ANY], kind) and kind != OCTETS
    ]
    if not able:
        return f"No engine that is installed here takes {kind}. {_ADVICE.get(medium(kind), _OTHER_ADVICE)}"
    return f"Installed here and able to take it: {_listed(able)}."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
