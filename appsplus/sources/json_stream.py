"""A JSON text read value by value, so that an array of 10,000 problems is never in memory at once.

The standard library decodes whole values only; this reader gives it a window of the text, which doubles when a value
does not fit. So memory and time stay proportional to the longest value and to the length of the text.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from appsplus import jsonl

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_LONGEST_TOKEN = 16  # characters: a cut "-Infinity" or "\ud83d\ude00" shows as an error this near to the end
_MAY_GO_ON = ("", ".", "e", "E")  # after a number: the window ends, or cuts the number at "1." or "1e+"
_EXPECTED = "expected an array of objects, or an object that holds one; is this a data file?"


class JsonError(Exception):
    """The text is no JSON, or holds no rows; the message says where, line and column from 1."""


class JsonReader:
    """The values of a text, in order; `line` and `column` are where it stands, from 1."""

    def __init__(self, file: TextIO, chunk_chars: int = 1 << 20) -> None:
        self._file = file
        self._chunk_chars = chunk_chars
        self._text = ""
        self._at = 0
        self._ended = False
        self.line = 1
        self.column = 1

    def peek(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._move(space.end() if space else self._at)
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._fill()

    def skip(self) -> None:
        """Go past the character that `peek` showed."""
        self._move(self._at + 1)

    def value(self) -> Any:
        """The next value. Raises JsonError."""
        self.peek()
        while True:
            try:
                value, end = _raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or not self._may_be_cut(error):
                    self._move(error.pos)
                    raise self.error(error.msg) from error
            except RecursionError as error:
                raise self.error("nested too deep") from error
            else:
                if self._ended or self._text[end : end + 1] not in _MAY_GO_ON:
                    self._move(end)
                    return value
            self._fill()

    def array(self) -> Iterator[Any]:
        """The elements of the array that comes next."""
        self.skip()
        more = self.peek() != "]"
        while more:
            yield self.value()
            more = self.peek() == ","
            if more:
                self.skip()
            elif self.peek() != "]":
                raise self.error("Expecting ',' delimiter")
        self.skip()

    def error(self, message: str) -> JsonError:
        """A JsonError that says where the reader stands."""
        return JsonError(f"line {self.line}, column {self.column}: {message}")

    def _move(self, to: int) -> None:
        newlines = self._text.count("\n", self._at, to)
        self.line += newlines
        self.column = to - self._text.rfind("\n", self._at, to) if newlines else self.column + to - self._at
        self._at = to

    def _fill(self) -> None:
        rest = self._text[self._at :]
        more = self._file.read(max(self._chunk_chars, len(rest)))  # doubles, so that a long value costs linear time
        self._ended = not more
        self._text, self._at = rest + more, 0

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _LONGEST_TOKEN


def iter_values(reader: JsonReader) -> Iterator[Any]:
    """The rows of a JSON text: an array's elements; an object's only array of objects, or its values if all are
    objects (it is read whole); or values one after another, as in JSON Lines. Raises JsonError."""
    if reader.peek() == "[":
        yield from reader.array()
        if reader.peek():
            raise reader.error("Extra data after the array")
        return
    if not reader.peek():
        return
    first = reader.value()
    if not reader.peek():
        yield from _rows_inside(first)
        return
    yield first
    while reader.peek():
        yield reader.value()


def _rows_inside(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        raise JsonError(f"line 1, column 1: got a single value that is no object; {_EXPECTED}")
    arrays = [v for v in value.values() if isinstance(v, list) and (not v or any(isinstance(e, dict) for e in v))]
    if len(arrays) == 1:
        return arrays[0]
    if value and all(isinstance(v, dict) for v in value.values()):
        return [{"problem_id": key} | row for key, row in value.items()]  # the key is the name of its row
    raise JsonError(f"line 1, column 1: got one object with {len(arrays)} arrays of objects; {_EXPECTED}")


def _raw_decode(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more than 4,300 digits
        with jsonl.unlimited_int_digits():
            return _DECODER.raw_decode(text, at)
