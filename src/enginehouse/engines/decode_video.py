"""Video with PyAV, in the process that decodes: pictures of it, pieces of it, and copies that browsers play.

`av` is passed in, because it may be imported only when the rules of the process hold.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

_TICK: Final = Fraction(1, 90_000)
_MOVIE_RATES: Final = frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000})  # of AAC
_TURNS: Final = {90: [("transpose", "clock")], 180: [("hflip", ""), ("vflip", "")], 270: [("transpose", "cclock")]}


def frames(av: Any, source: Any, folder: Path, per_second: float) -> None:
    """`folder` has `per_second` pictures as JPEG files, numbered from 1."""
    for number, picture in enumerate(_filtered(av, source, [("fps", f"{per_second:g}")]), 1):
        (folder / f"frame-{number:06}.jpg").write_bytes(_jpeg(av, picture))


def thumbnail(av: Any, source: Any, target: Path, width: float) -> None:
    """`target` is a JPEG picture that is typical of the beginning of the video."""
    picture = next(_filtered(av, source, [("thumbnail", ""), ("scale", f"{round(width)}:-2")]), None)
    if picture is None:
        raise ValueError("it has no picture that can be read")
    target.write_bytes(_jpeg(av, picture))


def segments(av: Any, source: Any, folder: Path, seconds: float) -> None:
    """`folder` has pieces of about `seconds`, cut at key frames and not encoded again; `segments.csv` lists them."""
    options = {"segment_time": f"{seconds:g}", "segment_format": "matroska", "reset_timestamps": "1"}
    options |= {"segment_list": str(folder / "segments.csv"), "segment_list_type": "csv"}
    with av.open(str(folder / "segment-%06d.mkv"), "w", format="segment", options=options) as made:
        copies = {
            one.index: made.add_stream_from_template(one) for one in (*source.streams.video, *source.streams.audio)
        }
        for packet in source.demux([*source.streams.video, *source.streams.audio]):
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                made.mux(packet)


def dash(av: Any, source: Any, folder: Path, seconds: float) -> None:
    """`folder` has a DASH manifest and its segments. Pictures are not encoded again, sound becomes AAC."""
    options = {"seg_duration": f"{seconds:g}"}
    with av.open(str(folder / "manifest.mpd"), "w", format="dash", options=options) as made:
        video = source.streams.video[:1]
        copies = {one.index: made.add_stream_from_template(one) for one in video}
        sound = _Sound(av, made, source)
        for packet in source.demux([*video, *source.streams.audio[:1]]):
            if packet.stream.index not in copies:
                sound.add(packet)
            elif packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                made.mux(packet)
        sound.end()


def mp4(av: Any, source: Any, target: Path, *, sound_only: bool) -> None:
    """`target` is an MP4 file (H.264 and AAC) with the first picture stream and the first sound stream."""
    # The index goes to the front, so that a player can begin before the end has arrived.
    with av.open(str(target), "w", format="mp4", options={"movflags": "faststart"}) as made:
        video = [] if sound_only else source.streams.video[:1]
        pictures = _Pictures(av, made, video[0]) if video else None
        sound = _Sound(av, made, source)
        if pictures is None and sound.stream is None:
            raise ValueError("it has no sound" if sound_only else "it has no pictures and no sound")
        for packet in source.demux([*video, *source.streams.audio[:1]]):
            if video and packet.stream.index == video[0].index and pictures is not None:
                pictures.add(packet)
            else:
                sound.add(packet)
        if pictures is not None:
            pictures.end()
        sound.end()


class _Sound:
    """The sound of a file on its way into another one as AAC."""

    def __init__(self, av: Any, made: Any, source: Any) -> None:
        self.av, self.made = av, made
        self.stream = None
        if source.streams.audio:
            heard = source.streams.audio[0]
            rate = heard.rate if heard.rate in _MOVIE_RATES else 48_000
            self.stream = made.add_stream("aac", rate=rate, layout="mono" if heard.channels == 1 else "stereo")
            self.resampler = av.AudioResampler(format="fltp", layout=self.stream.layout, rate=rate, frame_size=1024)

    def add(self, packet: Any) -> None:
        for frame in _decoded(self.av, packet):
            self._write(frame)

    def end(self) -> None:
        if self.stream is not None:
            self._write(None)
            self.made.mux(self.stream.encode(None))

    def _write(self, frame: Any) -> None:
        if self.stream is not None:
            for one in self.resampler.resample(frame):
                self.made.mux(self.stream.encode(one))


class _Pictures:
    """The pictures of a file on their way into another one as H.264."""

    def __init__(self, av: Any, made: Any, seen: Any) -> None:
        self.av, self.made, self.seen = av, made, seen
        self.stream = made.add_stream("libx264", rate=seen.average_rate or 25, options={"preset": "veryfast"})
        self.stream.pix_fmt = "yuv420p"
        self.stream.codec_context.time_base = _TICK  # the times of a phone's pictures are not regular
        self.graph: Any = None

    def add(self, packet: Any) -> None:
        for frame in _decoded(self.av, packet):
            if self.graph is None:
                # H.264 needs even sides.
                steps = [("scale", "trunc(iw/2)*2:trunc(ih/2)*2"), ("format", "yuv420p")]
                self.graph = _graph(self.av, self.seen, frame, steps)
            self.graph.push(frame)
            self._write()

    def end(self) -> None:
        if self.graph is None:
            raise ValueError("it has no picture that can be read")
        self.graph.push(None)
        self._write()
        self.made.mux(self.stream.encode(None))

    def _write(self) -> None:
        for frame in _pulled(self.av, self.graph):
            if self.stream.width == 0 or not self.stream.codec_context.is_open:
                self.stream.width, self.stream.height = frame.width, frame.height
            frame.pict_type = 0
            self.made.mux(self.stream.encode(frame))


def _filtered(av: Any, source: Any, steps: list[tuple[str, str]]) -> Iterator[Any]:
    if not source.streams.video:
        raise ValueError("it has no pictures")
    seen = source.streams.video[0]
    graph = None
    for packet in source.demux(seen):
        for frame in _decoded(av, packet):
            graph = graph or _graph(av, seen, frame, [*steps, ("format", "yuvj420p")])
            graph.push(frame)
            yield from _pulled(av, graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(av, graph)


def _graph(av: Any, seen: Any, frame: Any, steps: list[tuple[str, str]]) -> Any:
    """Returns the filters. A picture of a phone that was held upright is turned first."""
    graph = av.filter.Graph()
    turned = _TURNS.get(-round(getattr(frame, "rotation", 0)) % 360, [])
    made = [graph.add_buffer(template=seen), *(graph.add(*step) for step in (*turned, *steps)), graph.add("buffersink")]
    for one, following in pairwise(made):
        one.link_to(following)
    graph.configure()
    return graph


def _pulled(av: Any, graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _decoded(av: Any, packet: Any) -> list[Any]:
    """Returns what a packet holds. A damaged one holds nothing."""
    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        return []


def _jpeg(av: Any, picture: Any) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": "3", "qmax": "3"}
    return b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))
