"""Media for the engines that call ffmpeg."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.engines.waves import samples, wave


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Returns four seconds of video, and of sound with one pause, made by ffmpeg itself."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("this machine has no ffmpeg")
    sound = wave(tmp_path / "sound.wav", samples((2.0, 0.5, 1.5), 16000), 16000)
    made = tmp_path / "clip.mkv"
    picture = ["-f", "lavfi", "-i", "testsrc=duration=4:size=64x64:rate=5", "-i", str(sound)]
    subprocess.run(
        ["ffmpeg", "-v", "error", *picture, "-c:v", "mpeg4", "-g", "5", "-c:a", "pcm_s16le", str(made)], check=True
    )
    return made
