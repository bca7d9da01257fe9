"""Runs a helper program with limits on its time and its output."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Most bytes of a response: enough for a list of some ten thousand registries. More ends the program.
MOST_OUTPUT = 1 << 20
#: Most bytes of a program's standard error, and how many of them, from the end, are kept.
MOST_NOISE = 16 << 20
KEPT_NOISE = 4000
_CHUNK = 1 << 16
#: Seconds between two checks whether the program has ended: its child may keep the pipes open.
_LOOK = 0.05
#: Seconds that a killed program has to exit.
_GONE = 2.0


class TimedOut(Exception):
    """The program did not end in time and was killed with its process group."""


class TooMuchOutput(Exception):
    """The program printed more than the limit and was killed with its process group."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a program. *code*: negative for a signal. *output* may contain secrets; *noise*: standard error."""

    code: int
    output: bytes = field(repr=False)
    noise: bytes = field(repr=False)


def run(command: Sequence[str], data: bytes, environ: Mapping[str, str], seconds: float) -> Result:
    """Run *command* in its own session, with *data* as its input. Blocks; any worker thread.

    Returns when the program has ended, even if a process that it started keeps its pipes open. Raises OSError if it
    cannot be started, TimedOut, TooMuchOutput.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        start_new_session=True,
    )
    if sys.platform == "win32":
        return _communicate(process, data, seconds)
    try:
        result = _Conversation(process, data).until_it_ends(time.monotonic() + seconds)
    except BaseException:
        kill(process)
        raise
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):  # input that the program did not read
                    pipe.close()
    return result


class _Conversation:
    """The three pipes of one program, handled so that none blocks the others."""

    def __init__(self, process: subprocess.Popen[bytes], data: bytes) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._process = process
        self._input, self._answer, self._errors = (
            pipe.fileno() for pipe in (process.stdin, process.stdout, process.stderr)
        )
        self._data = memoryview(data)
        self._output = bytearray()
        self._noise = bytearray()
        self._noise_seen = 0

    def until_it_ends(self, deadline: float) -> Result:
        """Serve the pipes until the program ends. Raises TimedOut, TooMuchOutput."""
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimedOut
                # Polled before reading: if it has ended, everything that it wrote is in the pipes.
                code = self._process.poll()
                if code is None and not selector.get_map():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(min(left, _LOOK))
                    continue
                ready = selector.select(0 if code is not None else min(left, _LOOK))
                for key, _ in ready:
                    if not self._move(key.fd):
                        selector.unregister(key.fd)
                        if key.fd == self._input:
                            self._end_of_input()
                if code is not None and not ready:
                    return Result(code, bytes(self._output), bytes(self._noise[-KEPT_NOISE:]))

    def _register(self, selector: selectors.BaseSelector) -> None:
        for descriptor, event in (
            (self._input, selectors.EVENT_WRITE),
            (self._answer, selectors.EVENT_READ),
            (self._errors, selectors.EVENT_READ),
        ):
            os.set_blocking(descriptor, False)
            selector.register(descriptor, event)

    def _move(self, descriptor: int) -> bool:
        """Move some bytes; return False at the end of the pipe."""
        if descriptor == self._input:
            return self._write()
        try:
            part = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        if descriptor == self._answer:
            self._output += part
            if len(self._output) > MOST_OUTPUT:
                raise TooMuchOutput
        else:
            self._noise = (self._noise + part)[-2 * KEPT_NOISE :]
            self._noise_seen += len(part)
            if self._noise_seen > MOST_NOISE:
                raise TooMuchOutput
        return bool(part)

    def _write(self) -> bool:
        try:
            self._data = self._data[os.write(self._input, self._data[:_CHUNK]) :]
        except BlockingIOError:
            return True
        except OSError:  # the program does not read its input: its response counts
            return False
        return bool(self._data)

    def _end_of_input(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and the processes that it started, unless they have left its process group."""
    if sys.platform == "win32":
        process.kill()
    elif process.returncode is None:  # else its id may belong to another process by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GONE)


def _communicate(process: subprocess.Popen[bytes], data: bytes, seconds: float) -> Result:
    """Run to the end on systems that cannot select on pipes."""
    try:
        output, noise = process.communicate(data, timeout=seconds)
    except subprocess.TimeoutExpired:
        kill(process)
        raise TimedOut from None
    if len(output) > MOST_OUTPUT:
        raise TooMuchOutput
    return Result(process.returncode, output, noise[-KEPT_NOISE:])
