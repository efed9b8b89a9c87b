"""The documentation agrees with the code: nothing is missing, every link works, and its examples run."""

import inspect
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import click
import pytest
from docs import generate
from tests.acceptance.server import TOKEN, serving
from tests.commands import shell

from enginehouse.api.edge import routes
from enginehouse.cli.main import enginehouse
from enginehouse.cli.settings_options import SettingOption
from enginehouse.domain import errors
from enginehouse.settings import Settings
from enginehouse.web.site import PAGES as PAGES_OF_SITE
from enginehouse.worker_settings import WorkerSettings

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLE_SECONDS = 120
USUAL = "http://localhost:9000"  # the address of a server in the pages
END = "--- end of step ---"
PYTHON_END = "END_OF_PYTHON"

_FENCE = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(
    r"[`\"](--[a-z][a-z-]*)"
)  # alone in a text, or where a program of this repository reads its arguments
_OF_OTHERS = {"--additional-properties", "--library"}  # openapi-generator
_LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)")
_VARYING = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{8}_[A-Za-z0-9]{10,15}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<moment>"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def test_what_is_generated_is_up_to_date() -> None:
    assert [str(page) for page, _ in generate.outdated()] == [], "run make format"


def commands() -> dict[str, click.Command]:
    """Returns every command by its full name, also groups."""
    found: dict[str, click.Command] = {}

    def add(name: str, command: click.Command) -> None:
        found[name] = command
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name)
            for below in command.list_commands(context):
                if (known := command.get_command(context, below)) is not None:
                    add(f"{name} {below}", known)

    add("enginehouse", enginehouse)
    return found


def test_every_command_and_option_says_what_it_is_for() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text()
    for name, command in commands().items():
        assert command.help, f"{name} has no help"
        assert f"## {name}\n" in reference
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.help, f"{name} {option.opts[0]} has no help"


@pytest.mark.parametrize(
    ("table", "settings", "fixed"),
    [
        (generate.options, Settings, {"idle_child_seconds"}),
        (generate.worker_options, WorkerSettings, {"idle_child_seconds"}),
    ],
)
def test_every_setting_has_a_flag_a_variable_and_a_key_and_is_described(
    table: Callable[[], str], settings: type, fixed: set[str]
) -> None:
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table().splitlines()[2:]]
    assert {key.replace("-", "_") for _, _, key, *_ in rows} == {field.name for field in fields(settings)} - fixed
    for flag, variable, key, _, text in rows:
        assert text, key
        assert flag in ("", f"--{key}")
        assert variable in (
            f"ENGINEHOUSE_{key.upper().replace('-', '_')}",
            "AIWARE_INIT_TOKEN",
            "ENGINEHOUSE_WORKER_TOKEN",
        )


def test_every_option_of_the_commands_with_settings_has_a_variable_or_is_about_one_run() -> None:
    about_one_run = {"--config", "--print-config", "--json", "--while-stdin-is-open"}
    for name in ("enginehouse serve", "enginehouse worker run", "enginehouse run"):
        options = [one for one in commands()[name].params if isinstance(one, click.Option)]
        assert {one.opts[0] for one in options if not one.envvar} <= about_one_run, name
        keyed = {one.opts[0] for one in options if isinstance(one, SettingOption)}
        # Which server a command calls is no setting of the file.
        calls = {"--server", "--token", "--data", "--context"} if name == "enginehouse run" else set[str]()
        assert {one.opts[0] for one in options} - keyed <= about_one_run | calls, name


def test_every_refusal_is_described() -> None:
    refusals = [
        found for found in vars(errors).values() if inspect.isclass(found) and issubclass(found, errors.Refusal)
    ]
    reference = (ROOT / "docs/reference/errors.md").read_text()
    for refusal in refusals:
        assert refusal.__doc__, refusal
        assert refusal is errors.Refusal or f"| `{refusal.code}` |" in reference


def test_every_served_operation_is_listed() -> None:
    served, refused = (ROOT / "docs/reference/rest.md").read_text().split("## Answered 501")
    operations = (*routes._SERVED, *routes._FOR_WORKERS, *routes._OPEN)
    for method, path, _ in operations:
        assert f"| `{method} {routes.BASE}{path}` |" in served
        assert f"`{method} {routes.BASE}{path}`" not in refused
    assert f"{len(operations)} operations" in (ROOT / "README.md").read_text()


def test_every_part_of_the_dashboard_is_described() -> None:
    described = (ROOT / "docs/how-to/use-the-pages.md").read_text()
    parts = {
        "/" + path.split("/")[1] for method, path, _ in PAGES_OF_SITE if method == "GET" and not path.endswith("/live")
    }
    assert {part for part in parts if f"| `{part}` |" not in described} == set()


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), f"{link} names no heading"


def test_every_page_is_reachable_from_the_index() -> None:
    known, found = {ROOT / "README.md"}, [ROOT / "README.md"]
    while found:
        page = found.pop()
        for link in _LINK.findall(page.read_text()):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in known:
                known.add(target)
                found.append(target)
    assert set(PAGES) - known == set()


def _shell_lines(page: Path) -> Iterator[str]:
    text = page.read_text()
    for language, _, content in _FENCE.findall(text):
        if language == "sh":
            yield from content.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`((?:enginehouse|make) [^`]+)`", _FENCE.sub("", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_named_exist(page: Path) -> None:
    known = commands()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in _shell_lines(page):
        if (make := re.match(r"make ([a-z]+)", line)) is not None:
            assert make[1] in targets, line
        elif (call := re.match(r"(?:\.venv/bin/)?(enginehouse\b.*)", line)) is not None:
            _check_call(call[1].partition(" #")[0], known)


def test_options_that_are_named_exist() -> None:
    programs = [
        file
        for places in ("bench/*.py", "bench/[a-z]*/*.py", "src/enginehouse_engines/**/*.py")
        for file in ROOT.glob(places)
    ]
    known = {option for command in commands().values() for one in command.params for option in one.opts} | _OF_OTHERS
    known |= {option for program in programs for option in _OPTION.findall(program.read_text())}
    named = {page: set(_OPTION.findall(_FENCE.sub("", page.read_text()))) for page in PAGES}
    assert {page.name: options - known for page, options in named.items() if options - known} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_loop_of_a_page_is_without_end_and_what_is_paused_is_resumed(page: Path) -> None:
    """A loop that waits for a job ends too if the job fails or the server is gone."""
    lines = [line.strip() for line in _shell_lines(page)]
    assert [line for line in lines if re.match(r"until\b|while (?!(IFS= )?read\b)", line)] == []
    paused, resumed = (_nouns(lines, verb) for verb in ("pause", "resume"))
    assert paused - resumed == set(), page


def _nouns(lines: list[str], verb: str) -> set[str]:
    """Returns what the commands with this verb are about, as in `enginehouse job pause`."""
    found = (re.search(rf"(enginehouse \w+|/v1/\w+)\b.*\b{verb}\b", line) for line in lines)
    return {match[1] for match in found if match is not None}


def _check_call(line: str, known: dict[str, click.Command]) -> None:
    words = [word for word in shlex.split(line) if word not in ("…", "&")]
    length = max(n for n in range(1, len(words) + 1) if " ".join(words[:n]) in known)
    name = " ".join(words[:length])
    command = known[name]
    rest = words[length:]
    assert not isinstance(command, click.Group) or not rest or rest[0].startswith("-"), f"{line}: no such command"
    options = {opt for option in command.params for opt in (*option.opts, *option.secondary_opts)} | {
        "--help",
        "--version",
    }
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= options, line


@dataclass(frozen=True)
class Step:
    """A piece of shell from a page, or of Python as the shell runs it, and its output if the page shows it."""

    script: str
    answer: str | None


def steps(page: Path) -> list[Step]:
    """Returns the examples of the page that are marked as tested, in order."""
    found: list[Step] = []
    for language, mark, content in _FENCE.findall(page.read_text()):
        if language == "sh" and mark.startswith("tested"):
            found.append(Step(content, None))
        elif language == "python" and mark.startswith("tested"):
            found.append(Step(f"python - <<'{PYTHON_END}'\n{content}{PYTHON_END}", None))
        elif mark == "answer":
            found[-1] = Step(found[-1].script, content)
    assert len(found) == len(re.findall(r"\n```(?:sh|python) tested", page.read_text())), page
    return found


def _settled(text: str) -> str:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text.strip()


@pytest.fixture(scope="module")
def example_engine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Returns a PYTHONPATH on which the example engine is installed, as its page says."""
    folder = tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source")
    for file in (ROOT / "docs/how-to/example-engine").iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    install = [
        "install",
        "-qq",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--target",
        str(folder),
        str(source),
    ]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    return str(folder)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples call curl")
@pytest.mark.parametrize("page", [page for page in PAGES if steps(page)], ids=lambda page: page.stem)
def test_the_examples_of_a_page_run_and_answer_as_they_say(page: Path, tmp_path: Path, example_engine: str) -> None:
    with serving(tmp_path / "data", PYTHONPATH=example_engine, ENGINEHOUSE_ENGINE_SANDBOX="auto") as server:
        (server.data / "token").write_text(TOKEN)
        here = {
            "URL": server.url,
            "TOKEN": TOKEN,
            "DATA": str(server.data),
            "ENGINEHOUSE_DATA": str(server.data),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }
        script = "set -u\n" + "\n".join(f"{step.script}\necho; echo '{END}'" for step in steps(page))
        script = script.replace(USUAL, server.url)
        ran = shell(script, environment=here, folder=tmp_path, timeout=EXAMPLE_SECONDS)
    printed = ran.stdout.split(f"{END}\n")
    assert len(printed) == len(steps(page)) + 1, ran.stderr
    for step, answer in zip(steps(page), printed, strict=False):
        if step.answer is not None:
            assert _settled(answer) == _settled(step.answer), step.script + ran.stderr
