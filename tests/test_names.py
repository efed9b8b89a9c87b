"""Names: the glossary explains each word of a module, or every engineer knows it. A class name means one thing."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("enginehouse", "enginehouse_engines")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / "src" / package).rglob("*.py"))
GLOSSARY = {
    word.lower().replace("-", " ") for word in re.findall(r"\*\*([^*]+)\*\*", (ROOT / "docs/glossary.md").read_text())
}

# Words that need no entry in a glossary: those of the field, of formats and protocols, and of the parts of an HTTP
# interface and a command line.
WORDS = """
    access addresses admin agents answer api app archive asgi async auth backoff bounds bubblewrap build bytes cache
    call captions casing categories charset choice cli client cluster completion config confirmation connection
    context cors cost count creation cron curl dash day deadline declaration decode deletion detection disk domain
    download draft entities envelope error exchange execution executor extract extraction extras facts ffmpeg fields
    file filter first form formats graph graphiql groups handlebars head health html http human in introspection json
    jsontext keyed keywords landlock language layout lexicon lines live lock log logs loop machine mail main markup
    migrate mode models month mutation names near new node notices numbers ocr office offline openapi opendocument
    options overview page pages paging paths pcm pdf people phrases placement points port postgres prefixes private
    process processes progress prose protocol prune push python query ranges ranking ray reader records redirects
    reference references register rejection relative resample reset root rows runtime salience scalars scan schema sdl
    seccomp send sentiment serve server session sessions settings shapes sign single site snapshot sound source spec
    speech splitter sql sqlite standalone start statement states static steps storage streams subtitles summary sync
    syscalls system table tails temporary terminal text threads throttle time timeline transcript transcription
    transfer translation transport try tx types unserved upload uses variables verdict video walk watch wav wave web
    webstream whisper wire words xml
    """
TECHNICAL = set(WORDS.split())

# Words in -ing and -ed that are nouns of the field.
NOUNS = {
    "casing",
    "firing",
    "keyed",
    "outgoing",
    "owned",
    "paging",
    "planning",
    "ranking",
    "recording",
    "spelling",
    "timing",
    "unserved",
}


def words(module: Path) -> Iterator[str]:
    """Yields the names of a module: those of its packages and its own."""
    parts = module.relative_to(ROOT / "src").with_suffix("").parts[1:]
    return (part for part in parts if not part.startswith("__"))


def is_known(word: str, known: set[str]) -> bool:
    singular = {word, word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word)}
    return not singular.isdisjoint(known)


def is_explained(stem: str) -> bool:
    """Returns True if the whole stem is a known word, or each of its parts is."""
    known = GLOSSARY | TECHNICAL
    return is_known(stem.replace("_", " "), known) or all(is_known(part, known) for part in stem.split("_"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_module_is_called_by_a_word_that_is_explained(module: Path) -> None:
    assert {stem for stem in words(module) if not is_explained(stem)} == set()


def test_no_module_is_called_by_a_participle() -> None:
    parts = {part for module in MODULES for stem in words(module) for part in stem.split("_")}
    assert {part for part in parts if re.search("(ing|ed)$", part)} - NOUNS == set()


def test_every_listed_technical_word_is_used() -> None:
    parts = {part for module in MODULES for stem in words(module) for part in stem.split("_")}
    assert {
        word for word in TECHNICAL if not is_known(word, parts | {part.removesuffix("s") for part in parts})
    } == set()


def test_a_class_name_means_one_thing() -> None:
    places = defaultdict(set)
    for module in MODULES:
        for node in ast.parse(module.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].add(module.relative_to(ROOT / "src").as_posix())
    double = {name: sorted(where) for name, where in places.items() if len(where) > 1}
    assert double == {}


def test_readers_of_rows_do_not_count_columns() -> None:
    counted = defaultdict(list)
    for module in (ROOT / "src" / "enginehouse" / "storage").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            match node:
                case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int())) if name.endswith("row"):
                    counted[module.relative_to(ROOT / "src").as_posix()].append(node.lineno)
    assert sum(map(len, counted.values())) < 40, dict(counted)
