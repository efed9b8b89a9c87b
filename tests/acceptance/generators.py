"""Clients that published generators make from a description: generated, compiled with a session, and run.

What is built is kept under `.venv/clients/built`, by a digest of everything that it is made of.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.acceptance import toolchains
from tests.acceptance.servers import clean
from tests.acceptance.toolchains import CLIENTS, ROOT

_BUILT: Final = CLIENTS / "built"
_MOST_BUILT: Final = 20
_QUICK: Final = "-XX:TieredStopAtLevel=1"  # a Java program that ends soon is done sooner without its best compiler
_MODULE: Final = """module session

go 1.19

require github.com/GIT_USER_ID/GIT_REPO_ID v0.0.0

replace github.com/GIT_USER_ID/GIT_REPO_ID => ./client
"""
_STRICT: Final = {
    "compilerOptions": {
        "strict": True, "target": "es2022", "module": "commonjs", "lib": ["es2022", "dom", "dom.iterable"],
        "rootDir": ".", "outDir": "out", "types": [],
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Client:
    """A client by its generator. `arguments` have {document} and {folder}.

    `session` is the file of its session. `build` compiles both in a folder, and `command` starts the session in it.
    `locks` are further files that decide what is built, and `programs` those that build it.
    """

    generator: str
    arguments: tuple[str, ...]
    session: str
    build: Callable[[Path], None]
    command: Callable[[Path], list[str | Path]]
    locks: tuple[str, ...] = ()
    programs: Callable[[], Sequence[Path]] = tuple


def run(folder: Path, client: Client, environment: dict[str, str]) -> list[tuple[str, Any]]:
    """Returns the results of the session with their names."""
    ended = _call(client.command(folder), folder, environment)
    return [(one["name"], one["result"]) for one in map(json.loads, ended.splitlines())]


def built(client: Client, description: Any, session: Path) -> Path:
    """Returns the folder with the client of the description and its session, compiled."""
    if client.generator == "openapi-generator":
        toolchains.program("java", "default-jdk-headless")
    toolchains.installed(client.generator)
    document = json.dumps(description).encode()
    folder = _BUILT / _digest(client, document, session)
    if not folder.exists():
        _BUILT.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=_BUILT) as made:
            new = Path(made, "new")
            new.mkdir()
            (new / "openapi.json").write_bytes(document)
            _generate(client, new)
            shutil.copy(session, new / client.session)
            client.build(new)
            new.rename(folder)
    os.utime(folder)
    for old in sorted(_BUILT.iterdir(), key=lambda one: one.stat().st_mtime)[:-_MOST_BUILT]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def _digest(client: Client, document: bytes, session: Path) -> str:
    locks = [ROOT / "requirements" / "clients" / f"{client.generator}.txt", *(ROOT / one for one in client.locks)]
    parts = [document, *(path.read_bytes() for path in (session, Path(__file__), *locks))]
    programs = [(str(one.resolve()), one.stat().st_mtime_ns) for one in client.programs()]
    parts.append(repr((client.arguments, programs)).encode())
    return sha256(b"\0".join(sha256(part).digest() for part in parts)).hexdigest()[:32]


def _generate(client: Client, folder: Path) -> None:
    program = {"openapi-generator": "openapi-generator-cli"}.get(client.generator, client.generator)
    words = [word.format(document=folder / "openapi.json", folder=folder) for word in client.arguments]
    _call([CLIENTS / client.generator / "bin" / program, *words], folder, {"JAVA_OPTS": _QUICK})


def _call(command: Sequence[str | Path], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Returns what the program prints. It ends without an error."""
    ended = subprocess.run(
        command, cwd=folder, env=clean(environment), capture_output=True, text=True, check=False, timeout=240
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _python(generator: str, *arguments: str) -> Client:
    """A client in Python, which is not compiled. Its package, `edge_client`, is beside the session."""
    python, script = CLIENTS / generator / "bin" / "python", f"{generator.replace('-', '_')}_session.py"
    return Client(generator, arguments, script, lambda folder: None, lambda folder: [python, script])


def _of(language: str, *options: str) -> tuple[str, ...]:
    """Returns what openapi-generator is called with for a client in the folder `client`, without its documents."""
    parts = "apis,models,supportingFiles,apiDocs=false,modelDocs=false,apiTests=false,modelTests=false"
    return (
        "generate",
        "-g",
        language,
        "-i",
        "{document}",
        "-o",
        "{folder}/client",
        f"--global-property={parts}",
        *options,
    )


def _jars() -> str:
    return f"{toolchains.installed('okhttp')}/*"


def _javac(folder: Path) -> None:
    words = [f"-J{_QUICK}", "-nowarn", "-proc:none", "-g:none", "-cp", _jars(), "-sourcepath", "client/src/main/java"]
    _call([toolchains.program("javac", "default-jdk-headless"), *words, "-d", "out", "JavaSession.java"], folder)


def _go_build(folder: Path) -> None:
    (folder / "go.mod").write_text(_MODULE)
    environment = {
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOCACHE": str(CLIENTS / "go-build"),
    }
    _call([toolchains.go(), "build", "-o", "session", "go_session.go"], folder, environment)


def _tsc(folder: Path) -> None:
    (folder / "tsconfig.json").write_text(json.dumps(_STRICT))
    _call([toolchains.node_modules() / ".bin" / "tsc", "-p", "."], folder)


GENERATED: Final = {
    "openapi-python-client": _python(
        "openapi-python-client", "generate", "--meta", "none", "--overwrite", "--path", "{document}",
        "--output-path", "{folder}/edge_client",
    ),
    "python": _python(
        "openapi-generator", *_of("python", "--package-name", "edge_client", "-o", "{folder}"),
    ),
    "java": Client(
        "openapi-generator", _of("java", "--additional-properties=openApiNullable=false"), "JavaSession.java", _javac,
        lambda folder: ["java", _QUICK, "-cp", f"out:{_jars()}", "JavaSession"],
        locks=("requirements/clients/okhttp.txt",),
        programs=lambda: [toolchains.program("javac", "default-jdk-headless"), toolchains.installed("okhttp")],
    ),
    "go": Client(
        "openapi-generator", _of("go", "--additional-properties=enumClassPrefix=true"), "go_session.go", _go_build,
        lambda folder: [folder / "session"], programs=lambda: [toolchains.go()],
    ),
    "typescript-fetch": Client(
        "openapi-generator", _of("typescript-fetch"), "typescript_session.ts", _tsc,
        lambda folder: ["node", "out/typescript_session.js"],
        locks=("tests/node/package-lock.json",), programs=lambda: [toolchains.node_modules()],
    ),
}  # fmt: skip
"""The generated clients by what a person calls them."""

BY_NAME: Final = "--additional-properties=openApiNullable=false,useSingleRequestParameter=true"
"""Parameters of a call by their names in Java. Otherwise one more parameter of an operation breaks who calls it."""

OWN: Final = {**GENERATED, "java": replace(GENERATED["java"], arguments=_of("java", BY_NAME))}
"""The same for our own descriptions, to which parameters are added."""
