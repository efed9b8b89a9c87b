"""The sound of a file is the same with PyAV and without it. Other coding than that of WAV files needs PyAV."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.engines.waves import samples, wave

from enginehouse_engines import sound
from enginehouse_engines.sound import NotSound, read_sound


@pytest.mark.parametrize(("rate", "channels", "width"), [(16_000, 1, 2), (44_100, 2, 2), (8_000, 1, 3), (22_050, 1, 1)])
def test_both_readers_hear_the_same(
    tmp_path: Path, rate: int, channels: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = wave(tmp_path / "a.wav", samples((0.5, 0.2, 0.3), rate), rate, channels=channels, width=width)
    decoded = read_sound(made, rate=16_000).astype(float)
    monkeypatch.setattr(sound, "can_decode", lambda: False)
    own = read_sound(made, rate=16_000).astype(float)
    length = min(len(own), len(decoded))
    assert 0.98 * 16_000 < length < 1.02 * 16_000
    assert np.corrcoef(own[:length], decoded[:length])[0, 1] > 0.99
    assert 0.8 < np.abs(own).max() / np.abs(decoded).max() < 1.25


def test_what_a_live_recorder_left_is_heard_with_pyav_too(tmp_path: Path) -> None:
    made = wave(tmp_path / "a.wav", samples((0.5,), 16_000), 16_000, sizes_filled=False)
    assert len(read_sound(made, rate=16_000)) == pytest.approx(8_000, abs=200)


def test_an_mp3_needs_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wave(tmp_path / "a.wav", samples((1.0,), 16_000), 16_000)
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, tmp_path / "a.mp3"], check=True)
    assert len(read_sound(tmp_path / "a.mp3", rate=16_000)) == pytest.approx(16_000, rel=0.15)
    monkeypatch.setattr(sound, "can_decode", lambda: False)
    with pytest.raises(NotSound, match="it does not begin as a WAV file does"):
        read_sound(tmp_path / "a.mp3", rate=16_000)


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    made = wave(tmp_path / "a.wav", samples((1.0,), 16_000), 16_000)
    (tmp_path / "list").write_text(f"ffconcat version 1.0\nfile {made}\n")
    with pytest.raises(NotSound, match="its sound cannot be decoded: "):
        read_sound(tmp_path / "list", rate=16_000)
