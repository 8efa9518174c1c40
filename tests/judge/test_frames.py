"""Frames arrive whole and in order; those that are held back wait for the next, but neither long nor many."""

import select
import socket
from collections.abc import Iterator

import pytest

from appsplus.judge import frames
from appsplus.judge.frames import Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = map(Channel, socket.socketpair())
    theirs.connection.settimeout(10)
    yield ours, theirs
    ours.close()
    theirs.close()


def has_come(channel: Channel) -> bool:
    readable, _, _ = select.select([channel.connection], [], [], 0)
    return bool(readable)


def test_what_is_held_back_goes_before_what_is_sent_next(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    ours.hold(b"T", {"n": 1}, b"first")
    ours.hold(b"T", {"n": 2})
    assert not has_come(theirs)
    ours.send(b"E", {"n": 3}, b"last")
    assert [theirs.receive() for _ in range(3)] == [
        (b"T", {"n": 1}, b"first"), (b"T", {"n": 2}, b""), (b"E", {"n": 3}, b"last"),
    ]  # fmt: skip
    ours.send(b"E", {})
    assert theirs.receive() == (b"E", {}, b"")  # nothing is sent twice


def test_much_is_not_held_back(ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_HELD_BYTES", 100)
    ours, theirs = ends
    ours.hold(b"T", {}, b"little")
    assert not has_come(theirs)
    ours.hold(b"T", {}, bytes(100))
    assert [theirs.receive()[2] for _ in range(2)] == [b"little", bytes(100)]


def test_nothing_is_held_back_for_long(ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5.0
    monkeypatch.setattr(frames.time, "monotonic", lambda: now)
    ours, theirs = ends
    ours.hold(b"T", {"n": 1})
    now += 0.04
    ours.hold(b"T", {"n": 2})
    assert not has_come(theirs)
    now += 0.02
    ours.hold(b"T", {"n": 3})
    assert [theirs.receive()[1]["n"] for _ in range(3)] == [1, 2, 3]
