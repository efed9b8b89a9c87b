"""The stream of a job's events: how lines become messages, and where a reader goes on after a broken connection."""

import pytest

from enginehouse.client import RequestFailed
from enginehouse.client.event_stream import EventPlace, Message, MessageParser

AWAY = RequestFailed("unreachable", "The server does not answer.")
REFUSED = RequestFailed("not_found", "No such job.")


def test_lines_become_messages_where_they_end() -> None:
    parser = MessageParser()
    lines = [
        "id: 3",
        "event: started",
        'data: {"task":',
        "data: 0}",
        "",
        ": still here",
        "",
        "event: end",
        "data: {}",
        "",
    ]
    found = [message for line in lines if (message := parser.feed(line)) is not None]
    assert found == [Message("started", {"task": 0}, 3), Message("heartbeat", {}), Message("end", {})]


def test_the_next_connection_begins_after_the_last_event() -> None:
    place = EventPlace()
    assert "last-event-id" not in place.headers
    for message in (Message("started", {}, 4), Message("heartbeat", {})):
        place.take(message)
    assert place.headers["last-event-id"] == "4"


def test_a_server_that_was_there_may_be_away_for_a_minute() -> None:
    place = EventPlace()
    with pytest.raises(RequestFailed):
        place.lose(AWAY, now=0)  # it was never there
    place.take(Message("started", {}, 1))
    place.lose(AWAY, now=100)
    place.lose(AWAY, now=160)
    place.take(Message("completed", {}, 2))
    place.lose(AWAY, now=200)
    place.lose(AWAY, now=260)
    with pytest.raises(RequestFailed, match="does not answer"):
        place.lose(AWAY, now=261)


def test_a_refusal_ends_the_stream() -> None:
    place = EventPlace()
    place.take(Message("started", {}, 1))
    with pytest.raises(RequestFailed, match="No such job"):
        place.lose(REFUSED, now=0)
    with pytest.raises(RequestFailed, match="token"):
        place.take(Message("refused", {"id": "authentication_error", "description": "The token was revoked."}))
