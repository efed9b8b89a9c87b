"""The process that decodes one file of media with PyAV: it may read this file, write its results, and nothing else.

Decoders are large and old programs in C, and what they read comes from strangers.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any, Final

from enginehouse.engines import decode_video, processes
from enginehouse.engines.sandbox.confinement import confine
from enginehouse.engines.sandbox.levels import Confinement, SandboxLevel

_MEMORY: Final = 8 << 30  # addresses, of which an encoder of video reserves many
_LARGEST: Final = 4 << 30  # of the result; sizes in WAV files end there too
_SECONDS: Final = 4 * 3600  # of processors
_RATE: Final = 16_000


def main() -> None:
    rules, verb, containers, source, target, number = json.loads(sys.argv[1]), *sys.argv[2:7]
    processes.die_with_parent()
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, _LARGEST),
        (resource.RLIMIT_CPU, _SECONDS),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    confine(Confinement(level=SandboxLevel(rules["level"]), read=rules["read"], write=rules["write"]))
    import av  # noqa: PLC0415 -- only now the rules hold

    try:
        with _open(av, source, containers) as opened:
            _do(av, verb, opened, Path(target), float(number))
    except (av.error.FFmpegError, ValueError, OSError, MemoryError) as problem:
        # Without the name of the file, which is a place on this server.
        said = (getattr(problem, "strerror", None) or str(problem)).strip()
        sys.exit(said.splitlines()[0][:500] if said else type(problem).__name__)


def _open(av: Any, source: str, containers: str) -> Any:
    options = {"protocol_whitelist": "file", "format_whitelist": containers}
    return av.open(f"file:{source}", options=options, metadata_errors="replace")


def _do(av: Any, verb: str, opened: Any, target: Path, number: float) -> None:
    """The result of the verb is in `target`. A duration is printed in seconds, "" if the media does not say it."""
    match verb:
        case "duration":
            print("" if opened.duration is None else opened.duration / av.time_base)  # noqa: T201 -- the answer
        case "wave":
            _decode(av, opened, target)
        case "frames":
            decode_video.frames(av, opened, target, number)
        case "segments":
            decode_video.segments(av, opened, target, number)
        case "dash":
            decode_video.dash(av, opened, target, number)
        case "thumbnail":
            decode_video.thumbnail(av, opened, target, number)
        case "mp4" | "m4a":
            decode_video.mp4(av, opened, target, sound_only=verb == "m4a")
        case _:
            raise ValueError(f"{verb} is not a verb of the decoder")


def _decode(av: Any, container: Any, target: Path) -> None:
    """The sound is in the WAV file `target`: 16 kHz, one channel. A damaged packet is left out."""
    import wave  # noqa: PLC0415

    with wave.open(str(target), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(_RATE)
        if not container.streams.audio:
            raise ValueError("it has no sound")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
        for packet in container.demux(container.streams.audio[0]):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                for resampled in resampler.resample(frame):
                    written.writeframesraw(_bytes(resampled))
        for resampled in resampler.resample(None):
            written.writeframesraw(_bytes(resampled))


def _bytes(frame: Any) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * 2]


if __name__ == "__main__":
    main()
