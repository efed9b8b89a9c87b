"""Sound and video of any container and coding: by PyAV where it is installed, else by the program ffmpeg.

PyAV runs in a process of its own, with the rules of the kernel about files and connections where it has them.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.interpreter import Interpreter
from enginehouse.engines.native import ffmpeg
from enginehouse.engines.native.ffmpeg import Segment
from enginehouse.engines.sandbox import landlock, system
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.syscalls import machine
from enginehouse.engines.threads import in_thread
from enginehouse.text.media_types import CONTAINERS

_PROBE_SECONDS: Final = 20.0


def is_installed() -> bool:
    """Returns True if PyAV is installed with this server."""
    return find_spec("av") is not None


def can_decode() -> bool:
    """Returns True if anything here decodes sound that is not in a WAV file."""
    return is_installed() or ffmpeg.is_installed()


async def to_wave(source: Path, directory: Path, reason: str | None = None) -> Path:
    """Returns the sound of `source` as a WAV file, 16 kHz, one channel. `reason` says why it has to be decoded.

    Raises EngineFailure.
    """
    if not is_installed():
        return await ffmpeg.to_wave(source, directory, reason)
    target = directory / "sound.wav"
    await _make("wave", source, directory, target, what="sound")
    return target


async def to_segments(source: Path, directory: Path, seconds: float) -> list[Segment]:
    """Returns pieces of `source` of about `seconds`, cut at key frames and not encoded again. Raises EngineFailure."""
    if not is_installed():
        return await ffmpeg.to_segments(source, directory, seconds)
    await _make("segments", source, directory, directory, seconds)
    return await in_thread(ffmpeg.listed_segments, directory)


async def to_frames(source: Path, directory: Path, per_second: float) -> list[Segment]:
    """Returns `per_second` pictures of `source` as JPEG files. Raises EngineFailure."""
    if not is_installed():
        return await ffmpeg.to_frames(source, directory, per_second)
    await _make("frames", source, directory, directory, per_second)
    return await in_thread(ffmpeg.listed_frames, directory, per_second)


async def to_dash(source: Path, directory: Path, seconds: float) -> list[Path]:
    """Returns a DASH manifest and then its segments. Raises EngineFailure."""
    if not is_installed():
        return await ffmpeg.to_dash(source, directory, seconds)
    await _make("dash", source, directory, directory, seconds)
    return await in_thread(ffmpeg.listed_dash, directory)


async def to_mp4(source: Path, target: Path, *, sound_only: bool) -> None:
    """`target` is an MP4 file with the first picture stream and the first sound stream. Raises EngineFailure."""
    if not is_installed():
        await ffmpeg.to_mp4(source, target, sound_only=sound_only)
    else:
        await _make("m4a" if sound_only else "mp4", source, target.parent, target)


async def to_thumbnail(source: Path, target: Path, width: int) -> None:
    """`target` is a JPEG picture that is typical of the beginning of the video. Raises EngineFailure."""
    if not is_installed():
        await ffmpeg.to_thumbnail(source, target, width)
    else:
        await _make("thumbnail", source, target.parent, target, width)


async def duration_ms(source: Path) -> int | None:
    """Returns how long the media lasts; None if it has no duration, or nothing here can say it in time."""
    if ffmpeg.can_probe() or not is_installed():  # a small program is faster than a process with PyAV
        return await ffmpeg.duration_ms(source)
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            code, answer, _ = await _run("duration", source, None, source, 0)
        return round(float(answer) * 1000) if code == 0 else None
    except (TimeoutError, ValueError, OverflowError):
        return None


async def _make(
    verb: str, source: Path, directory: Path, target: Path, number: float = 0, *, what: str = "media"
) -> None:
    code, _, said = await _run(verb, source, directory, target, number)
    if code != 0:
        raise EngineFailure(f"The {what} could not be decoded: {_last(said)}.", FailureKind.INVALID_DATA)


async def _run(
    verb: str, source: Path, directory: Path | None, target: Path, number: float
) -> tuple[int | None, bytes, bytes]:
    """Returns the exit status of the decoder, its answer and what it said. Nothing of it is left."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "enginehouse.engines.decode_main"),
        *(json.dumps(_rules(source, directory)), verb, CONTAINERS, str(source), str(target), f"{number:g}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath)},
    )
    try:
        answer, said = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode, answer, said


def _rules(source: Path, directory: Path | None) -> dict[str, object]:
    if not _can_confine():
        return {"level": SandboxLevel.NONE, "read": [], "write": []}
    read = [*system.readable(Interpreter().places()), *system.KERNEL, *system.PROCESS, str(source.resolve())]
    write = [*system.DEVICES, *([str(directory)] if directory is not None else [])]
    return {"level": SandboxLevel.LANDLOCK, "read": read, "write": write}


@cache
def _can_confine() -> bool:
    return bool(landlock.version()) and machine() is not None


def _last(said: bytes) -> str:
    """Returns the last line that the decoder has said, without its final stop."""
    lines = said.decode("utf-8", "replace").strip().splitlines() or ["it ended without a reason"]
    return lines[-1].strip().rstrip(".")[:500]
