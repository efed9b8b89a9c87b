"""Text of servers, engines and files on a terminal: what a terminal would act on is shown, and has no effect."""

import codecs
import re
import sys
from collections.abc import Iterable
from typing import Final

import click

# Control characters, and characters that turn the direction of the text around them or are not seen.
_ACTIVE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def escape(text: str) -> str:
    r"""Returns the text with `\x1b` and the like for what a terminal would act on. Lines and tabs stay."""
    return _ACTIVE.sub(lambda found: _escaped(found[0]), text.replace("\r\n", "\n"))


def escape_json(text: str) -> str:
    """Returns the same JSON document with escapes for what a terminal would act on."""
    return _ACTIVE.sub(
        lambda found: "".join(map(_unit, found[0].encode("utf-16-be", "surrogatepass").hex(" ", 2).split())), text
    )


def echo(text: str, *, err: bool = False) -> None:
    """The text is a line on stdout, or on stderr."""
    click.echo(escape(text), err=err)


def echo_raw(text: str) -> None:
    """The text is on stdout: as it is for a program, escaped for a terminal."""
    click.echo(escape(text) if sys.stdout.isatty() else text)


def write(blocks: Iterable[bytes]) -> None:
    """The bytes are on stdout: as they are for a program, as escaped text for a terminal."""
    sys.stdout.flush()
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for block in blocks:
        if sys.stdout.isatty():
            sys.stdout.write(escape(decoder.decode(block)))
        else:
            sys.stdout.buffer.write(block)
    sys.stdout.write(escape(decoder.decode(b"", final=True)))
    sys.stdout.flush()


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _unit(digits: str) -> str:
    return f"\\u{digits}"
