"""Outputs: their folder, index and name, and no file from outside the attempt's own folder."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests import make
from tests.runtime.floor import ENGINES, no_fetch
from tests.runtime.memory_source import MemorySource

from enginehouse.domain.artifact import MAX_OUTPUTS, PUBLISHED
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.errors import Refusal
from enginehouse.domain.job import Folder, FolderMode, FolderType
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import WHOLE, ItemKey, Lease, NewArtifact
from enginehouse.engine import Chunk, EngineFailure, Output, Work
from enginehouse.runtime.attempt import AttemptRun
from enginehouse.runtime.outputs import printable, put_outputs

IN = Folder("in", FolderMode.CHUNK, FolderType.INPUT)
OUT = Folder("out", FolderMode.CHUNK, FolderType.OUTPUT)
MORE = Folder("more", FolderMode.CHUNK, FolderType.OUTPUT)
AION = "application/json"


class Desk:
    """An attempt with its folder, its inputs and its task's folders."""

    def __init__(self, root: Path) -> None:
        self.source = MemorySource(root)
        self.directory = root / "attempt"
        self.directory.mkdir()
        self.spec: EngineSpec = ENGINES["read"].spec

    async def keep(
        self, *outputs: Output, folders: tuple[Folder, ...] = (), inputs: tuple[Chunk, ...] = ()
    ) -> tuple[NewArtifact, ...]:
        plan = make.planned(make.independent(1))
        task = msgspec.structs.replace(plan.tasks[0], folders=folders)
        lease = Lease(
            key=ItemKey(7, 0, 3),
            token=42,
            until=0,
            organization_id=1,
            engine_id=self.spec.id,
            attempt=1,
            source=WHOLE,
            plan=msgspec.structs.replace(plan, tasks=(task,)),
            target_id=None,
        )
        work = Work(
            job_id="j",
            task_id="t",
            organization_id=1,
            target_id=None,
            engine_id=self.spec.id,
            payload=None,
            inputs=inputs,
            folders=folders,
            directory=self.directory,
        )
        attempt = AttemptRun(self.source, lease, self.spec, folder=self.directory.parent, fetch=no_fetch)
        return await put_outputs(attempt, work, outputs)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def text(content: str = "x", **fields: Any) -> Output:
    return Output(media_type="text/plain", data=content.encode(), **fields)


def chunk(index: int, **fields: Any) -> Chunk:
    return Chunk(path=Path("/x"), media_type="text/plain", size=1, index=index, **fields)


async def test_bytes_are_kept_with_their_size_and_digest_under_the_attempts_own_token(desk: Desk) -> None:
    [kept] = await desk.keep(text("hello"))
    assert (kept.size, kept.sha256) == (5, hashlib.sha256(b"hello").hexdigest())
    assert desk.source.stored == {"42/000000-output-00003-000.txt": b"hello"}
    assert kept.key in desk.source.stored


async def test_without_output_folders_an_output_is_published(desk: Desk) -> None:
    [kept] = await desk.keep(text(), folders=(IN,))
    assert kept.folder == PUBLISHED


async def test_an_output_goes_to_every_output_folder_unless_it_names_one(desk: Desk) -> None:
    everywhere, there, published = text("a"), text("b", folder=2), text("c", published=True)
    kept = await desk.keep(everywhere, there, published, folders=(IN, OUT, MORE))
    assert [(one.folder, one.part) for one in kept] == [(1, 0), (2, 0), (2, 1), (PUBLISHED, 2)]


@pytest.mark.parametrize("folder", [0, 3, -2])
async def test_an_input_folder_or_none_at_all_is_no_place_for_an_output(desk: Desk, folder: int) -> None:
    with pytest.raises(EngineFailure, match=f"answered into folder {folder}, which is no output folder of its task"):
        await desk.keep(text(folder=folder), folders=(IN, OUT, MORE))


async def test_an_output_of_one_chunk_keeps_its_index_and_place_in_the_media(desk: Desk) -> None:
    [kept] = await desk.keep(text(), folders=(IN, OUT), inputs=(chunk(5, start_ms=50, stop_ms=60),))
    assert (kept.index, kept.start_ms, kept.stop_ms) == (5, 50, 60)
    [own] = await desk.keep(text(index=9, start_ms=1, stop_ms=2), folders=(IN, OUT), inputs=(chunk(5, start_ms=50),))
    assert (own.index, own.start_ms, own.stop_ms) == (9, 1, 2)


async def test_outputs_of_many_inputs_are_counted(desk: Desk) -> None:
    kept = await desk.keep(text(), text(), folders=(IN, OUT), inputs=(chunk(5, start_ms=1), chunk(6, start_ms=2)))
    assert [(one.index, one.start_ms) for one in kept] == [(0, None), (1, None)]


async def test_a_file_of_the_folder_is_moved_into_the_store(desk: Desk) -> None:
    (desk.directory / "out.txt").write_text("in a file")
    [kept] = await desk.keep(Output(media_type="text/plain", path=Path("out.txt")))
    assert desk.source.stored[kept.key] == b"in a file"


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "link"])
async def test_a_file_outside_the_folder_is_refused(desk: Desk, path: str) -> None:
    (desk.directory.parent / "outside").write_text("secret")
    (desk.directory / "link").symlink_to(desk.directory.parent / "outside")
    with pytest.raises(EngineFailure, match="answered a file outside its folder") as refused:
        await desk.keep(Output(media_type="text/plain", path=Path(path)))
    assert refused.value.kind is FailureKind.FILE_WRITE_ERROR


async def test_an_output_with_nothing_in_it_is_refused(desk: Desk) -> None:
    with pytest.raises(EngineFailure, match="neither bytes nor a file"):
        await desk.keep(Output(media_type="text/plain"))


async def test_a_missing_file_is_an_error(desk: Desk) -> None:
    with pytest.raises((OSError, Refusal)):
        await desk.keep(Output(media_type="text/plain", path=Path("missing")))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("a\0b.txt", "a\ufffdb.txt"),
        ("x" * 500, "x" * 200),
        ("..", "output"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\r\nSet-Cookie: b", "a\ufffd\ufffdSet-Cookie: b"),
        ("\x1b]0;title\x07\x9b2J.txt", "\ufffd]0;title\ufffd\ufffd2J.txt"),
        ("a\u202etxt.exe", "a\ufffdtxt.exe"),
        ("a\ud800.txt", "a?.txt"),
        ("žluťoučký.txt", "žluťoučký.txt"),
    ],
)
async def test_a_name_is_a_name_and_not_a_path(desk: Desk, given: str, kept: str) -> None:
    [made] = await desk.keep(text(name=given))
    assert made.name == kept
    token, part = made.key.split("/")
    assert (token, part.startswith("000000-")) == ("42", True)


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text",
        "text/",
        "/plain",
        "text/plain\r\nSet-Cookie: a=b",
        "text/plain\x1b[2J",
        "text/žluť",
        "a/" + "b" * 300,
    ],
)
async def test_a_media_type_that_could_not_be_a_header_is_refused(desk: Desk, media_type: str) -> None:
    with pytest.raises(EngineFailure, match=r"of the media type .*, which is none") as refused:
        await desk.keep(Output(media_type=media_type, data=b""))
    assert refused.value.message.isprintable()
    assert refused.value.message.isascii()


async def test_too_many_outputs_are_refused_before_one_is_stored(desk: Desk) -> None:
    with pytest.raises(EngineFailure, match="returned 10001 outputs; at most 10000 are allowed"):
        await desk.keep(*[text()] * (MAX_OUTPUTS + 1))
    assert not desk.source.stored


async def test_a_json_result_without_a_name_is_named_as_clients_look_for_it(desk: Desk) -> None:
    [kept] = await desk.keep(Output(media_type=AION, data=b"{}"))
    assert kept.name.startswith("vtn-standard-")
    assert kept.name.endswith(".json")
    [routed] = await desk.keep(Output(media_type=AION, data=b"{}"), folders=(OUT,))
    assert routed.name == "output-00003-000.json"


async def test_others_are_named_by_what_they_are(desk: Desk) -> None:
    kept = await desk.keep(text(), Output(media_type="audio/x-never-heard-of", data=b""))
    assert [one.name for one in kept] == ["output-00003-000.txt", "output-00003-001.bin"]


def test_what_no_database_keeps_is_replaced() -> None:
    assert printable("a\0b\ud800c") == "a\ufffdb?c"
    assert printable("žluť \U0001f600") == "žluť \U0001f600"
