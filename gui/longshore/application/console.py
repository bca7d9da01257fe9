"""The output of a container or a build as lines that are safe to show, in bounded memory.

Output is foreign: it may be endless, without line breaks, not UTF-8, and full of control characters.
"""

from __future__ import annotations

import codecs
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from longshore import secrecy

#: The most bytes that wait for their reader; if it can't keep up, the oldest are dropped.
MOST_WAITING = 2 * 1024 * 1024
#: Bytes that are read at once by default: a window must not stop for longer than a few milliseconds.
AT_ONCE = 8 * 1024
#: Characters of the longest line; a longer one is broken.
LONGEST = 2000
#: Bytes of the last output that are kept to look for why a program ended.
_TAIL = 2000
#: Characters of the longest escape sequence that is waited for.
_LONGEST_ESCAPE = 2100

#: Controls, text direction, surrogates and private characters (as in ``text.plain``), but not those of :data:`_TOKEN`.
_UNSAFE = re.compile(
    "[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ud800-\uf8ff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U00013438\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
    "\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
)
#: What moves the cursor, and escape sequences (ECMA-48), of which only few are obeyed.
_TOKEN = re.compile(
    "\n|\r{1,4000}|\x08{1,4000}|\x07{1,4000}"
    "|\x1b\\[([0-?]{0,64})[ -/]{0,8}([@-~])"
    "|\x1b\\][^\x07\x1b]{0,2048}(?:\x07|\x1b\\\\)"
    "|\x1b[PX^_][^\x1b]{0,2048}\x1b\\\\"
    "|\x1b[ -/]{0,4}[0-OQ-WYZ`-~]"
    "|\x1b"
)
#: Characters of which a text is not just lines.
_MOVING = re.compile("[\r\x08\x07\x1b]")
#: The beginning of a sequence at the end of a text.
_CUT = re.compile(
    "\x1b(?:\\[[0-?]{0,64}[ -/]{0,8}|\\][^\x07\x1b]{0,2048}\x1b?|[PX^_][^\x1b]{0,2048}\x1b?|[ -/]{0,4})?$"
)


@dataclass(frozen=True, slots=True)
class Update:
    """New lines of the output.

    The first of *lines* replaces the last one of the update before, unless *dropped* bytes are missing in between; the
    last one may continue.
    """

    lines: tuple[str, ...]
    dropped: int = 0


class Lines:
    """Makes lines of a text with control characters, as a terminal of one line would. One thread."""

    def __init__(self) -> None:
        self._line = ""
        self._cursor = 0
        self._cut = ""

    def feed(self, text: str) -> list[str]:
        """The lines after *text*: the current one, which replaces the one before, and those that follow."""
        text = self._cut + _UNSAFE.sub("", text)
        cut = _CUT.search(text, max(len(text) - _LONGEST_ESCAPE, 0))
        self._cut = ""
        if cut is not None:
            text, self._cut = text[: cut.start()], cut[0]
        done: list[str] = []
        at = 0
        if not _MOVING.search(text):
            # Nearly all output: as it is, up to a hundred times as fast.
            for line in text.split("\n"):
                if at:
                    done.append(self._line)
                    self._line, self._cursor = "", 0
                self._put(line, done)
                at += 1
            return [*done, self._line]
        for token in _TOKEN.finditer(text):
            if token.start() > at:
                self._put(text[at : token.start()], done)
            at = token.end()
            self._obey(token, done)
        if at < len(text):
            self._put(text[at:], done)
        return [*done, self._line]

    def _put(self, text: str, done: list[str]) -> None:
        """Write over the line from the cursor on."""
        if not text:
            return
        if not self._line and not self._cursor and len(text) <= LONGEST:
            self._line, self._cursor = text, len(text)
            return
        if self._cursor > len(self._line):
            self._line += " " * (self._cursor - len(self._line))
        self._line = self._line[: self._cursor] + text + self._line[self._cursor + len(text) :]
        self._cursor += len(text)
        begin = 0
        while len(self._line) - begin > LONGEST:
            done.append(self._line[begin : begin + LONGEST])
            begin += LONGEST
        if begin:
            self._line = self._line[begin:]
            self._cursor = max(self._cursor - begin, 0)

    def _obey(self, token: re.Match[str], done: list[str]) -> None:
        first = token[0][0]
        if first == "\n":
            done.append(self._line)
            self._line, self._cursor = "", 0
        elif first == "\r":
            self._cursor = 0
        elif first == "\x08":
            self._cursor = max(self._cursor - len(token[0]), 0)
        elif token[2] == "K":
            if token[1] == "2":
                self._line = ""
            elif token[1] in ("", "0"):
                self._line = self._line[: self._cursor]
        elif token[2] == "G":
            self._cursor = min(max(int(token[1]) if token[1].isdecimal() else 1, 1), LONGEST) - 1

    def restart(self) -> None:
        """Forget the current line: what follows does not belong to it."""
        self._line, self._cursor, self._cut = "", 0, ""


class Console:
    """Takes output from one thread and hands it to another as lines. Any thread.

    Memory is bounded: a writer never waits, and if the reader can't keep up, the oldest output is dropped. *wake* is
    called in the writer's thread when there is something to take after everything was taken.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None, *, most: int = MOST_WAITING) -> None:
        self.wake = wake
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._bytes = self._dropped = 0
        self._last = b""
        self._lines = Lines()
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in range(2)]

    def feed(self, data: bytes, error: bool = False) -> None:
        """Add output; *error*: of standard error."""
        if not data:
            return
        with self._lock:
            asleep = not self._waiting
            self._waiting.append((data, error))
            self._bytes += len(data)
            self._last = (self._last + data)[-_TAIL:] if len(data) < _TAIL else data[-_TAIL:]
            while self._bytes > self._most and len(self._waiting) > 1:
                gone, _ = self._waiting.popleft()
                self._bytes -= len(gone)
                self._dropped += len(gone)
        if asleep:
            self.wake()

    def say(self, line: str) -> None:
        """Add a line of our own, such as an error at the end. It begins a new line."""
        self.feed(f"\n{line}\n".encode("utf-8", "replace"))

    @property
    def last(self) -> str:
        """The end of the output so far, taken or not. As it is: only to be searched, not to be shown."""
        with self._lock:
            return self._last.decode("utf-8", "replace")

    @property
    def waiting(self) -> bool:
        """Whether there is something to take."""
        with self._lock:
            return bool(self._waiting)

    def take(self, most: int = AT_ONCE) -> Update | None:
        """The next lines, of at most about *most* bytes of output; None if there is nothing new. One reader."""
        parts: list[tuple[bytes, bool]] = []
        with self._lock:
            size, dropped, self._dropped = 0, self._dropped, 0
            while self._waiting and size < most:
                data, error = self._waiting.popleft()
                if size + len(data) > most:
                    rest = data[most - size :]
                    data = data[: most - size]
                    self._waiting.appendleft((rest, error))
                parts.append((data, error))
                size += len(data)
            self._bytes -= size
        if not parts:
            return None
        if dropped:
            self._lines.restart()
            for decoder in self._decoders:
                decoder.reset()
        text = "".join(self._decoders[error].decode(data) for data, error in parts)
        lines = self._lines.feed(text)
        if secrecy.longest():
            lines = secrecy.without_secrets("\n".join(lines)).split("\n")
        return Update(tuple(lines), dropped)
