"""Runs trivy or grype, where one is installed, on an image. Longshore has no database of vulnerabilities of its own.

The scanner gets the image from where it is by itself: from the engine's socket, the registry or the archive's file.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from longshore.application.attached.documents import LARGEST
from longshore.application.attached.reading import said_by
from longshore.cancellation import Cancellation
from longshore.credentials.program import kill
from longshore.engine.address import EngineAddress
from longshore.errors import InvalidContent, InvalidInput, ScanFailed
from longshore.oci.scan_result import ScanResult
from longshore.secrecy import holds_sign_in, names_secret
from longshore.text import OutputLines
from longshore.transfers.transfer import ArchivePlace, Endpoint, EnginePlace, RegistryPlace

#: The scanners, in the order in which they are preferred.
SCANNERS = ("trivy", "grype")
#: Seconds after which a scanner is ended: the first scan downloads a database.
LONGEST_SCAN = 3600.0
_CHUNK = 1 << 16
#: Seconds between two looks for a cancellation, and that a program has to end after its output.
_LOOK = 0.1
_GONE = 2.0
#: Lines of output that an error repeats.
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class Scanner:
    """An installed scanner. *name*: one of :data:`SCANNERS`."""

    name: str
    program: Path


def installed(environ: Mapping[str, str]) -> list[Scanner]:
    """The scanners on the ``PATH`` of *environ*. Any thread; looks at files only."""
    found = ((name, shutil.which(name, path=environ.get("PATH", ""))) for name in SCANNERS)
    return [Scanner(name, Path(program)) for name, program in found if program]


def why_not(end: Endpoint) -> str:
    """Why the image at *end* cannot be scanned; "" if it can be."""
    if isinstance(end.place, EnginePlace | RegistryPlace | ArchivePlace):
        return ""
    return "Scanners can't read the library. Push the image, or load it into an engine, and scan it there."


def command_line(scanner: Scanner, end: Endpoint) -> list[str]:
    """The words that scan the image at *end* and print JSON. Raises InvalidInput if the scanner cannot read the place.

    See aquasecurity/trivy, docs/references/configuration/cli/trivy_image.md; anchore/grype, README, "Supported
    sources".
    """
    name = str(end.reference) if end.reference is not None else end.image_id
    trivy = [str(scanner.program), "image", "--scanners=vuln", "--format=json"]
    grype = [str(scanner.program), "--output=json"]
    first = scanner.name == "trivy"
    match end.place:
        case EnginePlace():
            return [*trivy, "--image-src=docker", "--", name] if first else [*grype, "--", f"docker:{name}"]
        case RegistryPlace():
            return [*trivy, "--image-src=remote", "--", name] if first else [*grype, "--", f"registry:{name}"]
        case ArchivePlace(path, kind):
            if first:
                return [*trivy, f"--input={path}"]
            return [*grype, "--", f"{'oci' if kind == 'oci' else 'docker'}-archive:{path}"]
        case _:
            raise InvalidInput(why_not(end), subject=end.name.shown)


def environment(environ: Mapping[str, str], end: Endpoint) -> dict[str, str]:
    """The variables for a scanner of the image at *end*: those of *environ* without secrets."""
    found = {
        name: value for name, value in environ.items() if not names_secret(name) and not holds_sign_in(value)
    }
    if isinstance(end.place, EnginePlace):
        found |= _of_engine(end.place.address)
    return found | {"NO_COLOR": "1"}


def _of_engine(address: EngineAddress) -> dict[str, str]:
    found = {"DOCKER_HOST": address.url}
    if address.tls is not None and address.tls.ca is not None:
        found["DOCKER_CERT_PATH"] = str(address.tls.ca.parent)
        found |= {"DOCKER_TLS_VERIFY": "1"} if address.tls.verify else {}
    return found


def scan(
    scanner: Scanner,
    end: Endpoint,
    environ: Mapping[str, str],
    told: Callable[[str], None],
    cancellation: Cancellation,
) -> ScanResult:
    """Scan the image at *end*. Blocks, minutes at the first time; a worker thread.

    *told* is called, from another thread, with each line that the scanner writes about its work, safe to show.
    Cancelling kills the scanner. Raises ScanFailed, InvalidInput if it cannot read the place, Cancelled.
    """
    command = command_line(scanner, end)
    out = output_of(scanner, command, environment(environ, end), told, cancellation, subject=end.name.shown)
    try:
        found = said_by(out).scan
    except InvalidContent as error:
        raise unreadable(scanner, error.detail) from error
    if found is None:
        raise unreadable(scanner)
    return found


def output_of(
    scanner: Scanner,
    command: list[str],
    environ: Mapping[str, str],
    told: Callable[[str], None],
    cancellation: Cancellation,
    *,
    subject: str,
) -> bytes:
    """What *command* prints, at most 64 MiB. Blocks. Raises ScanFailed with its last words, and Cancelled."""
    running = _Running(scanner, command, environ, told)
    out, code = running.until_it_ends(cancellation)
    if code:
        raise ScanFailed(
            "{name} could not scan the image.",
            arguments={"name": scanner.name},
            subject=subject,
            advice="Read its own words below.",
            detail="\n".join(running.last) or f"exit code {code}",
        )
    return out


def unreadable(scanner: Scanner, detail: str = "") -> ScanFailed:
    """The error for a result that is none."""
    return ScanFailed(
        "{name} returned no result that Longshore can read.",
        arguments={"name": scanner.name},
        subject=str(scanner.program),
        advice="Run it in a terminal, or install another version.",
        detail=detail,
    )


class _Running:
    """A scanner while it runs: its result on one pipe, its words on the other."""

    def __init__(
        self,
        scanner: Scanner,
        command: list[str],
        environ: Mapping[str, str],
        told: Callable[[str], None],
    ) -> None:
        self._scanner = scanner
        self._command = command
        self._environ = environ
        self._told = told
        self.last: deque[str] = deque(maxlen=_LAST_LINES)

    def until_it_ends(self, cancellation: Cancellation) -> tuple[bytes, int]:
        """What it printed, and its exit code. Raises ScanFailed, Cancelled."""
        cancellation.raise_if_cancelled()
        try:
            process = subprocess.Popen(
                self._command,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ScanFailed(
                "{name} can't be started.",
                arguments={"name": self._scanner.name},
                subject=str(self._scanner.program),
                advice="Check its installation.",
                detail=str(error),
            ) from error
        words = threading.Thread(
            target=self._listen, args=(process,), name="longshore-scan-words", daemon=True
        )
        words.start()
        try:
            # Elsewhere the loop that reads looks for it.
            with cancellation.waking(process.kill if sys.platform == "win32" else lambda: None):
                out = self._read(process, cancellation)
                code = process.wait(_GONE)
        except subprocess.TimeoutExpired:
            raise unreadable(self._scanner, "it closed its output and did not end") from None
        finally:
            kill(process)
            words.join(_GONE)
            assert process.stdout is not None and process.stderr is not None
            process.stdout.close()
            process.stderr.close()
        cancellation.raise_if_cancelled()
        return out, code

    def _read(self, process: subprocess.Popen[bytes], cancellation: Cancellation) -> bytes:
        assert process.stdout is not None
        out = bytearray()
        end = time.monotonic() + LONGEST_SCAN
        for piece in _pieces(process, process.stdout.fileno()):
            cancellation.raise_if_cancelled()
            out += piece
            if len(out) > LARGEST:
                raise unreadable(self._scanner, f"its result is larger than {LARGEST >> 20} MiB")
            if time.monotonic() > end:
                raise ScanFailed(
                    "{name} did not finish in an hour.",
                    arguments={"name": self._scanner.name},
                    subject=str(self._scanner.program),
                    advice="Run it in a terminal to see why.",
                    detail="\n".join(self.last),
                )
        return bytes(out)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on what it says about its work, to the end of the pipe."""
        assert process.stderr is not None
        lines = OutputLines()
        for piece in _pieces(process, process.stderr.fileno()):
            self._tell(lines.feed(piece))
        self._tell(lines.finish())

    def _tell(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line.strip():
                self.last.append(line)
                self._told(line)


def _pieces(process: subprocess.Popen[bytes], descriptor: int) -> Iterator[bytes]:
    """What comes from a pipe of *process*, with empty pieces in between, until it ends: a process that it started may
    keep the pipe open."""
    while True:
        ended = process.returncode is not None
        if sys.platform != "win32" and not select.select([descriptor], [], [], 0 if ended else _LOOK)[0]:
            if ended:
                return
            process.poll()
            yield b""
            continue
        piece = os.read(descriptor, _CHUNK)
        if not piece:
            return
        yield piece
