"""The settings that `enginehouse serve` reads from flags and from the environment."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from enginehouse.cli import server
from enginehouse.cli.main import enginehouse
from enginehouse.settings import Settings, callbacks_address


@pytest.mark.parametrize(
    ("flags", "variable", "origins"),
    [
        ([], None, ("*",)),
        ([], "", ()),
        (["--cors-origin", ""], None, ()),
        (["--cors-origin", "https://a.example"], "", ("https://a.example",)),
        ([], "https://a.example,http://b.example:81", ("https://a.example", "http://b.example:81")),
        (["--cors-origin", "HTTPS://A.example/, http://[::1]:3000"], None, ("https://a.example", "http://[::1]:3000")),
        (["--cors-origin", "http://a", "--cors-origin", "http://b"], None, ("http://a", "http://b")),
    ],
)
def test_origins_are_repeated_or_separated_by_commas(
    flags: list[str], variable: str | None, origins: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = list[Settings]()
    monkeypatch.setattr(server, "keep_up", lambda settings, **_: kept.append(settings))
    ran = CliRunner().invoke(
        enginehouse, ["serve", "--data", str(tmp_path), *flags], env={"ENGINEHOUSE_CORS_ORIGIN": variable}
    )
    assert ran.exit_code == 0, ran.output
    assert kept[0].cors_origin == origins


@pytest.mark.parametrize(
    "wrong", ["app.example.com", "https://a.example/path", "null", "https://*.example", "https://a b"]
)
def test_what_is_no_origin_is_refused(wrong: str, tmp_path: Path) -> None:
    ran = CliRunner().invoke(enginehouse, ["serve", "--data", str(tmp_path), "--cors-origin", wrong])
    assert ran.exception is not None
    assert (
        f'--cors-origin: an origin like https://app.example.com, or *, got "{wrong}".'
        in str(ran.exception) + ran.output
    )


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (["--engine-callbacks", "9100"], '--engine-callbacks: HOST:PORT, got "9100".'),
        (["--engine-callbacks", "h:99999"], '--engine-callbacks: HOST:PORT, got "h:99999".'),
        (
            ["--engine-callbacks", "0.0.0.0:9100"],
            "--engine-callbacks: 0.0.0.0 is no address that an engine can call; give the URL too.",
        ),
        (["--engine-callbacks-url", "h:1"], '--engine-callbacks-url: an http:// or https:// URL, got "h:1".'),
        (["--engine-api-url", "http://"], '--engine-api-url: an http:// or https:// URL, got "http://".'),
        (["--processes", "0"], "--processes: 1–256, got 0."),
        (
            ["--processes", "2"],
            "--processes: more than 1 need PostgreSQL, the setting database; the embedded database is for 1, got 2.",
        ),
        (["--http-slots", "-1"], "--http-slots: 0 or more, got -1."),
    ],
)
def test_an_address_for_engines_that_cannot_be_used_is_refused(flags: list[str], fault: str, tmp_path: Path) -> None:
    ran = CliRunner().invoke(enginehouse, ["serve", "--data", str(tmp_path), *flags])
    assert ran.exception is not None
    assert fault in str(ran.exception) + ran.output


@pytest.mark.parametrize(
    ("flags", "address"),
    [
        ([], ("127.0.0.1", 0)),
        (["--engine-callbacks", "[::1]:9100"], ("::1", 9100)),
        (["--engine-callbacks", "[::]:9100", "--engine-callbacks-url", "http://h:9100"], ("::", 9100)),
    ],
)
def test_engines_call_back_to_an_address(
    flags: list[str], address: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = list[Settings]()
    monkeypatch.setattr(server, "keep_up", lambda settings, **_: kept.append(settings))
    ran = CliRunner().invoke(enginehouse, ["serve", "--data", str(tmp_path), *flags])
    assert ran.exit_code == 0, ran.output
    assert callbacks_address(kept[0].engine_callbacks) == address


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (["--metrics", "none"], '--metrics: token or open, got "none".'),
        (["--metrics-token", "short"], "--metrics-token: 16–200 visible ASCII characters"),
        (["--metrics-token", "a secret with spaces"], "--metrics-token: 16–200 visible ASCII characters"),
    ],
)
def test_readers_of_metrics_that_cannot_be_told_apart_are_refused(flags: list[str], fault: str, tmp_path: Path) -> None:
    ran = CliRunner().invoke(enginehouse, ["serve", "--data", str(tmp_path), *flags])
    assert ran.exception is not None
    assert fault in str(ran.exception) + ran.output
    assert flags[1] not in str(ran.exception) or flags[0] == "--metrics"


@pytest.mark.parametrize(("processes", "slots"), [(1, [512]), (2, [256, 256]), (3, [171, 171, 170])])
def test_processes_have_the_native_slots_together_and_the_first_has_all_else(processes: int, slots: list[int]) -> None:
    settings = Settings(data=Path("data"), processes=processes, cpus=4.0, gpus=1.0, label=("speech=2",))
    first, *others = (settings.of_process(number) for number in range(1, processes + 1))
    assert [each.native_slots for each in (first, *others)] == slots
    assert replace(first, native_slots=512) == settings
    for other in others:
        assert (other.python_slots, other.http_slots, other.cpus, other.gpus, other.label) == (0, 0, 0.0, 0.0, ())
        assert (other.port, other.token_requests, other.warm_children) == (9000, 1_000_000, 8)
