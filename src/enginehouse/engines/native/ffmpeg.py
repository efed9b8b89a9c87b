"""Calls of ffmpeg for the media that this server cannot cut itself."""

import asyncio
import contextlib
import csv
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.threads import in_thread
from enginehouse.text.media_types import CONTAINERS

_PROBE_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A file that ffmpeg made, and its place in the media."""

    path: Path
    start_ms: int
    stop_ms: int


def is_installed() -> bool:
    """Returns True if ffmpeg is on the server's PATH."""
    return shutil.which("ffmpeg") is not None


def can_probe() -> bool:
    """Returns True if ffprobe is on the server's PATH."""
    return shutil.which("ffprobe") is not None


async def to_wave(source: Path, directory: Path, reason: str | None = None) -> Path:
    """Returns the sound of `source` as a WAV file, 16 kHz, one channel. `reason` says why ffmpeg is needed.

    Raises EngineFailure.
    """
    target = directory / "sound.wav"
    await _run(["-i", f"file:{source}", "-vn", "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", str(target)], reason)
    return target


async def to_segments(source: Path, directory: Path, seconds: float) -> list[Segment]:
    """Returns pieces of `source` of about `seconds`, cut at key frames and not encoded again. Raises EngineFailure."""
    listing = directory / "segments.csv"
    muxer = ["-f", "segment", "-segment_time", f"{seconds:g}", "-reset_timestamps", "1"]
    listing_options = ["-segment_list", str(listing), "-segment_list_type", "csv"]
    target = str(directory / "segment-%06d.mkv")
    await _run(["-i", f"file:{source}", "-map", "0", "-c", "copy", *muxer, *listing_options, target])
    return await in_thread(listed_segments, directory)


def listed_segments(directory: Path) -> list[Segment]:
    """Returns the pieces that the list in this folder names."""
    with (directory / "segments.csv").open(newline="", encoding="utf-8") as file:
        return [
            Segment(directory / Path(name).name, round(float(start) * 1000), round(float(stop) * 1000))
            for name, start, stop in csv.reader(file)
        ]


async def to_frames(source: Path, directory: Path, per_second: float) -> list[Segment]:
    """Returns `per_second` pictures of `source` as JPEG files. Raises EngineFailure."""
    await _run(["-i", f"file:{source}", "-an", "-vf", f"fps={per_second:g}", str(directory / "frame-%06d.jpg")])
    return await in_thread(listed_frames, directory, per_second)


def listed_frames(directory: Path, per_second: float) -> list[Segment]:
    """Returns the pictures in this folder, with their times."""
    return [
        Segment(path, round(number * 1000 / per_second), round((number + 1) * 1000 / per_second))
        for number, path in enumerate(sorted(directory.glob("frame-*.jpg")))
    ]


async def to_dash(source: Path, directory: Path, seconds: float) -> list[Path]:
    """Returns a DASH manifest and then its segments. Raises EngineFailure."""
    manifest = directory / "manifest.mpd"
    await _run(
        [
            "-i",
            f"file:{source}",
            "-map",
            "0",
            "-c:v",
            "copy",
            "-c:a",
            "aac",  # players of DASH need it, and MP4 holds few other codecs of sound
            "-f",
            "dash",
            "-seg_duration",
            f"{seconds:g}",
            str(manifest),
        ]
    )
    return await in_thread(listed_dash, directory)


def listed_dash(directory: Path) -> list[Path]:
    """Returns the manifest in this folder and then its segments."""
    return [directory / "manifest.mpd", *sorted(directory.glob("*.m4s"))]


async def to_mp4(source: Path, target: Path, *, sound_only: bool) -> None:
    """`target` is an MP4 file with the first picture stream and the first sound stream. Raises EngineFailure."""
    # H.264 needs even sides. The index goes to the front, so that a player can begin before the end has arrived.
    even = "scale=trunc(iw/2)*2:trunc(ih/2)*2"
    pictures = ["-map", "0:v:0?", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-vf", even]
    sound = ["-map", "0:a:0?", "-c:a", "aac"]
    streams = ["-vn", *sound] if sound_only else [*pictures, *sound]
    await _run(["-i", f"file:{source}", *streams, "-movflags", "+faststart", "-f", "mp4", f"file:{target}"])


async def to_thumbnail(source: Path, target: Path, width: int) -> None:
    """`target` is a JPEG picture that is typical of the beginning of the video. Raises EngineFailure."""
    filters = f"thumbnail,scale={width}:-2"
    await _run(["-i", f"file:{source}", "-an", "-vf", filters, "-frames:v", "1", "-f", "mjpeg", f"file:{target}"])


async def duration_ms(source: Path) -> int | None:
    """Returns how long the media lasts; None if it has no duration, or ffprobe is not installed or takes too long."""
    program = shutil.which("ffprobe")
    if program is None:
        return None
    process = await asyncio.create_subprocess_exec(
        program,
        *("-hide_banner", "-loglevel", "error"),
        *("-protocol_whitelist", "file", "-format_whitelist", CONTAINERS),
        *("-show_entries", "format=duration", "-of", "default=noprint_wrappers=1:nokey=1", f"file:{source}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath)},
    )
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            said, _ = await process.communicate()
        return round(float(said) * 1000)
    except (TimeoutError, ValueError, OverflowError):  # "N/A", or nothing
        return None
    finally:
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _run(arguments: Sequence[str], reason: str | None = None) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise EngineFailure(
            f"ffmpeg is needed for this media{f' ({reason})' if reason else ''} "
            "and was not found on the server's PATH. Install it (for example: apt-get install ffmpeg), "
            "or PyAV (pip install 'enginehouse[media]'), or send text or a PCM WAV file.",
            FailureKind.SYSTEM_DEPENDENCY_MISSING,
        )
    process = await asyncio.create_subprocess_exec(
        program,
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *("-protocol_whitelist", "file", "-format_whitelist", CONTAINERS),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath)},
    )
    try:
        _, errors = await process.communicate()
    finally:
        await _ended(process)
    if process.returncode != 0:
        last = errors.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
        raise EngineFailure(f"ffmpeg could not read the media: {last[0][:500]}", FailureKind.INVALID_DATA)
