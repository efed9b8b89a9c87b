"""The process that decodes one file of media with PyAV: it may read this file, write its result, and nothing else.

Decoders are large and old programs in C, and what they read comes from strangers.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any, Final

from enginehouse.engines import processes
from enginehouse.engines.sandbox.confinement import confine
from enginehouse.engines.sandbox.levels import Confinement, SandboxLevel

_MEMORY: Final = 4 << 30
_LARGEST: Final = 4 << 30  # of the result; sizes in WAV files end there too
_SECONDS: Final = 3600
_RATE: Final = 16_000


def main() -> None:
    rules, containers, source, target = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
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
        if target:
            _decode(av, source, containers, Path(target))
        else:
            print(_duration(av, source, containers))  # noqa: T201 -- the answer
    except (av.error.FFmpegError, ValueError, OSError, MemoryError) as problem:
        sys.exit(f"{problem}".strip().splitlines()[0][:500] if str(problem).strip() else type(problem).__name__)


def _open(av: Any, source: str, containers: str) -> Any:
    options = {"protocol_whitelist": "file", "format_whitelist": containers}
    return av.open(f"file:{source}", options=options, metadata_errors="replace")


def _duration(av: Any, source: str, containers: str) -> str:
    """Returns how long the media lasts in seconds, "" if it does not say."""
    with _open(av, source, containers) as container:
        return "" if container.duration is None else str(container.duration / av.time_base)


def _decode(av: Any, source: str, containers: str, target: Path) -> None:
    """The sound is in the WAV file `target`: 16 kHz, one channel. A damaged packet is left out."""
    import wave  # noqa: PLC0415

    with _open(av, source, containers) as container, wave.open(str(target), "wb") as written:
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
