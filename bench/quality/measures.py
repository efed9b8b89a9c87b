"""One measure for each engine: what it is given, and how its answers are judged."""

import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.quality import scores
from bench.quality.calls import ENGINES, ROOT, Answer, call, recordings, whisper_model

_SAMPLES: Final = Path(__file__).parent / "samples"
_HERE: Final = Path(sys.executable)
_THERE: Final = ENGINES / "bin" / "python"
_WARM: Final = " warm"  # a work that loads the model, and is not counted
_Works = dict[str, Any]
_NAMES: Final = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "nl": "Dutch",
    "pt": "Portuguese",
}
_LOOKS: Final = {
    "clean.png": "clean",
    "phone.jpg": "dim, crooked and blurred",
    "fax.tiff": "coarse, letters 11 dots high",
}
_MEDIA: Final = {"clean.png": "image/png", "phone.jpg": "image/jpeg", "fax.tiff": "image/tiff"}


class Quality(NamedTuple):
    """A row of the table."""

    engine: str
    samples: str
    measure: str
    value: str
    speed: str


def all_of_them(scratch: Path) -> Iterator[Quality]:
    """Yields every row."""
    model = {"ENGINEHOUSE_WHISPER_MODEL": str(whisper_model())}
    yield _speech("transcription-whisper", "whisper", _THERE, scratch, ", model tiny.en", model)
    yield _speech("transcription-pocketsphinx", "transcription", _HERE, scratch, "", {})
    yield from _pictures(scratch)
    yield _languages(scratch)
    yield from _sentiments(scratch)
    yield _subjects(scratch)
    yield _names(scratch)
    yield _summaries(scratch)
    yield from _translations(scratch)


def _speech(slug: str, module: str, python: Path, scratch: Path, model: str, variables: dict[str, str]) -> Quality:
    clips = recordings()
    works: _Works = {
        clip.name: ([{"path": str(clip), "media_type": "audio/wav", "name": clip.name}], None) for clip in clips
    }
    said = _answers(python, module, works, scratch, variables)
    heard = {
        name: " ".join(word["word"] for item in answer.said[0]["series"] for word in item["words"])
        for name, answer in said.items()
    }
    pairs = [(scores.spoken(words), scores.spoken(heard[clip.name])) for clip, words in clips.items()]
    seconds = sum(clip.stat().st_size for clip in clips) / 32_000
    return Quality(
        slug,
        f"{len(clips)} sentences of clear English reading, {seconds:.0f} s{model}",
        "words wrong (WER)",
        _percent(scores.error_rate(pairs)),
        f"{_seconds(said) / seconds:.2f} × the time of the sound",
    )


def _pictures(scratch: Path) -> Iterator[Quality]:
    for language, text in _samples("ocr").items():
        folder = scratch / f"ocr-{language}"
        folder.mkdir()
        (folder / "text").write_text(text, "utf-8")
        subprocess.run([_THERE, Path(__file__).with_name("drawing.py"), folder / "text", folder], check=True)
        works: _Works = {
            name: ([{"path": str(folder / name), "media_type": kind, "name": name}], None)
            for name, kind in _MEDIA.items()
        }
        said = _answers(_THERE, "ocr", works, scratch, {})
        right = list(" ".join(text.split()))
        for name, answer in said.items():
            read = " ".join(one["text"] for one in answer.said[0]["object"])
            yield Quality(
                "ocr-rapidocr",
                f"a page of {_NAMES[language]}, {_LOOKS[name]}",
                "characters wrong (CER)",
                _percent(scores.error_rate([(right, list(read))])),
                f"{answer.seconds:.1f} s",
            )


def _languages(scratch: Path) -> Quality:
    samples = _samples("language")
    works: _Works = {
        f"{code}{n}": ([], {"text": text}) for code, texts in samples.items() for n, text in enumerate(texts)
    }
    said = _answers(_HERE, "language", works, scratch, {})
    right = sum(answer.said[0]["language"] == name[:2] for name, answer in said.items())
    return Quality(
        "language-langid",
        f"{len(works)} sentences in {len(samples)} languages, a third of them very short",
        "right",
        _percent(right / len(works)),
        _each(said),
    )


def _sentiments(scratch: Path) -> Iterator[Quality]:
    for language, moods in _samples("sentiment").items():
        works: _Works = {
            f"{mood}{n}": ([], {"text": text}) for mood, texts in moods.items() for n, text in enumerate(texts)
        }
        said = _answers(_HERE, "sentiment", works, scratch, {})
        verdicts = Counter(_verdict(name, answer.said[0]) for name, answer in said.items())
        yield Quality(
            "sentiment-vader",
            f"{len(works)} {_NAMES[language]} reviews of one sentence, half of them bad",
            "right, wrong, neutral or not judged",
            ", ".join(_percent(verdicts[one] / len(works)) for one in ("right", "wrong", "none")),
            _each(said),
        )


def _verdict(name: str, document: dict[str, Any]) -> str:
    found = document.get("sentiment", {})
    balance = found.get("positiveValue", 0.0) - found.get("negativeValue", 0.0)
    if not balance:
        return "none"
    return "right" if (balance > 0) == name.startswith("positive") else "wrong"


def _subjects(scratch: Path) -> Quality:
    parts = (files("enginehouse_engines") / "samples" / "four-languages.md").read_text("utf-8").split("\n## ")
    wanted = _samples("keywords")
    works: _Works = {n: ([], {"text": parts[int(n)]}) for n in wanted}
    said = _answers(_HERE, "keywords", works, scratch, {})
    found = sum(
        any(subject.lower() in one["label"].lower() for one in said[n].said[0]["object"][:5])
        for n, subjects in wanted.items()
        for subject in subjects
    )
    total = sum(map(len, wanted.values()))
    samples = f"{total} subjects of {len(wanted)} texts in 4 languages"
    return Quality("keywords-statistical", samples, "among the first five", f"{found} of {total}", _each(said))


def _names(scratch: Path) -> Quality:
    sentences = _samples("entities")["sentence"]
    works: _Works = {str(n): ([], {"text": one["text"], "language": "en"}) for n, one in enumerate(sentences)}
    said = _answers(_THERE, "entities", works, scratch, {})
    right, found = Counter[str](), Counter[str]()
    for n, one in enumerate(sentences):
        right.update(f"{n} {kind} {_plain(name)}" for kind, names in one["names"].items() for name in names)
        for thing in said[str(n)].said[0]["object"]:
            kind = thing["objectCategory"][0]["class"]
            if kind in ("PERSON", "PLACE", "ORGANIZATION"):
                found[f"{n} {kind} {_plain(thing['label'])}"] += 1
    return Quality(
        "entities-spacy",
        f"{right.total()} people, places and organizations in {len(sentences)} English sentences, en_core_web_sm",
        "F1",
        _percent(scores.f1(right, found)),
        _each(said),
    )


def _plain(name: str) -> str:
    return name.lower().removeprefix("the ")


def _summaries(scratch: Path) -> Quality:
    texts = _samples("summary")["text"]
    works: _Works = {str(n): ([], {"text": one["body"], "maxSentences": 3}) for n, one in enumerate(texts)}
    said = _answers(_HERE, "summary", works, scratch, {})
    kept = sum(one in said[str(n)].said[0]["summary"] for n, text in enumerate(texts) for one in text["keep"])
    total = sum(len(text["keep"]) for text in texts)
    first = sum(one in text["body"][: sum(map(len, text["keep"]))] for text in texts for one in text["keep"])
    return Quality(
        "summary-extractive",
        f"{len(texts)} reports of 7 or 8 sentences, of which a person keeps 3",
        "of those kept (the first sentences alone)",
        f"{kept} of {total} ({first})",
        _each(said),
    )


def _translations(scratch: Path) -> Iterator[Quality]:
    pairs = _samples("translation")["pairs"]
    for source, target, name in ((0, 1, "English to Portuguese"), (1, 0, "Portuguese to English")):
        works: _Works = {
            str(n): ([], {"text": pair[source], "from": ("en", "pt")[source]}) for n, pair in enumerate(pairs)
        }
        said = _answers(_THERE, "translation", works, scratch, {})
        judged = [(pair[target], said[str(n)].said[0]["object"][0]["text"]) for n, pair in enumerate(pairs)]
        samples = f"{len(pairs)} sentences, {name}"
        yield Quality(
            "translation-en-pt", samples, "chrF2 (100 is the same)", f"{100 * scores.chrf(judged):.0f}", _each(said)
        )


def _answers(python: Path, module: str, works: _Works, scratch: Path, variables: dict[str, str]) -> dict[str, Answer]:
    """Returns the answers. The first work is done twice, because the first time the model is loaded."""
    first = next(iter(works.values()))
    said = call(python, module, {_WARM: first, **works}, scratch, variables)
    failed = [f"{name}: {answer.said['message']}" for name, answer in said.items() if isinstance(answer.said, dict)]
    if failed:
        raise RuntimeError(f"{module}: {failed[0]}")
    del said[_WARM]
    return said


def _samples(name: str) -> dict[str, Any]:
    return tomllib.loads((_SAMPLES / f"{name}.toml").read_text("utf-8"))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _seconds(said: dict[str, Answer]) -> float:
    return sum(answer.seconds for answer in said.values())


def _each(said: dict[str, Answer]) -> str:
    return f"{1000 * _seconds(said) / len(said):.1f} ms"


RESULT: Final = ROOT / "docs" / "reference" / "quality.json"
