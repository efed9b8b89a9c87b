"""The text of e-mail messages: the subject, and what its sender wrote. Attachments are files of their own."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from enginehouse.text.charset import NotText, decode, with_charset
from enginehouse.text.page import html_text
from enginehouse_engines.extraction.section import Section, Unreadable, read_whole

_MOST_PARTS: Final = 1_000


def read_mail(path: Path) -> Iterator[Section]:
    """Yields the message. Raises Unreadable if it has none of what messages begin with."""
    try:
        message = email.message_from_bytes(read_whole(path), policy=email.policy.default)
        if not isinstance(message, EmailMessage) or not message.keys():
            raise Unreadable("is no e-mail message: it has no headers")
        subject = str(message.get("Subject", ""))
        body = _body(message)
    except Unreadable:
        raise
    except Exception as problem:  # the parser of the standard library raises many kinds for broken headers
        raise Unreadable(f"is a broken e-mail message: {type(problem).__name__}: {problem}") from None
    yield Section("\n\n".join(text for text in (" ".join(subject.split()), body.strip()) if text))


def _body(message: EmailMessage) -> str:
    if sum(1 for _ in message.walk()) > _MOST_PARTS:
        raise Unreadable(f"has more than {_MOST_PARTS} parts")
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    kind = part.get_content_type()
    try:
        text = decode(content, with_charset(kind, part.get_content_charset()))
    except NotText:
        return ""
    return html_text(text) if kind == "text/html" else text
