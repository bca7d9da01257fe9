"""Transfers for programs: one blocking call, with progress and cancellation."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from longshore.application import places, requests
from longshore.application.running import Run
from longshore.application.session import Session
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import InvalidInput
from longshore.oci.known_platforms import parse_known
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.text import plain
from longshore.transfers.errors import InternalError
from longshore.transfers.transfer import (
    EnginePlace,
    NoteKind,
    State,
    TransferNote,
    TransferRequest,
    TransferSnapshot,
)
from longshore.words.front_ends import for_programs


@dataclass(frozen=True, slots=True)
class Progress:
    """A transfer at one moment. Immutable, any thread.

    *moved_bytes*, *total_bytes*: of what moves over the network; the total is None until it is known. *fraction*: 0 to
    1, never falls, and is 1 only on success; None if nothing is known. *speed*: bytes per second, None if nothing
    moves. *seconds_left*: None unless the estimate is meaningful.
    """

    state: State
    moved_bytes: int
    total_bytes: int | None
    fraction: float | None
    speed: float | None
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """A transfer that succeeded. Immutable, any thread.

    *digest*: of the manifest or index at the destination, verified there; "" if the destination keeps none. *image_id*:
    of an image that was loaded or saved by an engine; "" for others. *moved_bytes*, *layers_moved*: what really
    moved. *layers_skipped*: already at the destination. *layers_mounted*: taken by the registry from another of its
    repositories. *notes*: facts that a person should know, such as an overwritten tag.
    """

    digest: str
    moved_bytes: int
    layers_moved: int
    layers_skipped: int
    layers_mounted: int
    notes: tuple[TransferNote, ...]
    image_id: str = ""

    @property
    def up_to_date(self) -> bool:
        """Whether the destination already had everything."""
        return any(note.kind is NoteKind.UP_TO_DATE for note in self.notes)


#: The advice where an archive exists.
REPLACE = "Pass replace=True, or choose another name."
#: Is called with the progress of a transfer.
OnProgress = Callable[[Progress], None]


@for_programs()
def transfer(
    source: str | Reference,
    destination: str | Reference,
    *,
    platform: str | Platform | None = None,
    referrers: bool = False,
    replace: bool = False,
    native: bool = False,
    engine: str | None = None,
    history: bool = False,
    progress: OnProgress | None = None,
    cancellation: Cancellation | None = None,
) -> Result:
    """Move an image from *source* to *destination*, and return when it is there and verified.

    Both are references, or texts as on the command line: ``NAME`` and ``docker://NAME`` (a registry),
    ``docker-daemon:NAME`` (the engine), ``library:NAME``, ``oci:FOLDER:NAME``, ``oci-archive:FILE:NAME``,
    ``docker-archive:FILE:NAME``. *platform*: only this one, such as ``linux/arm64``; otherwise an engine takes its own,
    and every other destination the whole image, unchanged. *referrers*: also signatures, SBOMs and other referrers.
    *replace*: an existing archive may be replaced. *native*: the engine fetches the layers itself; only for a pull from
    a registry into an engine. *engine*: the URL of the engine, or the name of a Docker context;
    the current one by default. *history*: list the transfer in the user's history, as the window and the command line
    do.

    *progress* is called in the calling thread, at first more often, then at most ten times a second. Ends early by
    *cancellation* from any thread, by Ctrl+C, and by an exception of *progress*; what runs is then cancelled cleanly.

    May be called from several threads at once. Raises LongshoreError (see ``longshore.errors``), Cancelled.
    """
    with opened(engine=engine, history=history) as session:
        named = places.parse_place(str(name_of(source)), session)
        place = places.parse_destination(str(name_of(destination)), session)
        if not replace:
            places.check_free(place.place, REPLACE)
        end = places.end_of(named, session)
        platforms = [] if platform is None else [platform_of(platform)]
        request = places.request_between(end, place, platforms, referrers=referrers)
        if native:
            if not requests.may_be_fetched(request):
                raise InvalidInput(
                    "Only a pull from a registry into an engine can be native.",
                    advice="Leave out native=True.",
                )
            request = requests.natively(request)
        return run(session, request, progress, cancellation)


@contextlib.contextmanager
def opened(*, engine: str | None = None, history: bool = False) -> Iterator[Session]:
    """A session of this process's user for one call. Ends what still runs."""
    session = Session(dict(os.environ), engine_urls=[engine] if engine else [], history=history)
    try:
        yield session
    finally:
        session.close()


def name_of(name: object) -> str | Reference:
    """The name that the caller passed. Raises InvalidInput for any other object: its text would be a valid name."""
    if isinstance(name, str | Reference):
        return name
    raise InvalidInput("A name is a str or a Reference.", subject=plain(repr(name), 80))


def platform_of(platform: str | Platform) -> Platform:
    """The platform that the caller named. Raises InvalidInput."""
    return platform if isinstance(platform, Platform) else parse_known(str(platform))


def run(
    session: Session,
    request: TransferRequest,
    progress: OnProgress | None = None,
    cancellation: Cancellation | None = None,
) -> Result:
    """Run *request* to its end; see :func:`transfer`."""
    place = request.destination.place
    if isinstance(place, EnginePlace):
        session.clients.engine(place.address).probe()  # the queue would wait for one that is not running

    def changed(rows: list[TransferSnapshot]) -> None:
        if progress is not None:
            for row in rows:
                progress(_progress(row))

    running = Run(session)
    with (cancellation or Cancellation()).waking(running.cancel):
        (last,) = running.wait([request], changed)
    if last.state is State.SUCCEEDED:
        return _result(last)
    if last.error is not None:
        raise last.error
    if last.state is State.CANCELLED:
        raise Cancelled
    raise InternalError("The transfer ended without a result.")


def _progress(row: TransferSnapshot) -> Progress:
    return Progress(
        row.state,
        row.moved_bytes,
        row.total_bytes,
        None if row.permille is None else row.permille / 1000,
        row.speed,
        row.seconds_left,
    )


def _result(row: TransferSnapshot) -> Result:
    moved = row.moved
    return Result(
        row.manifest_digest,
        moved.bytes if moved else 0,
        moved.layers_moved if moved else 0,
        moved.layers_skipped if moved else 0,
        moved.layers_mounted if moved else 0,
        row.notes,
        row.image_id,
    )
