"""The nouns of transfers: the request, its state, and the snapshot that a window shows."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from longshore.engine.address import EngineAddress
from longshore.errors import LongshoreError
from longshore.oci.image_name import ImageName
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference


class Operation(enum.Enum):
    """The usual name of a transfer. The pair of places decides how it is done."""

    PULL = "pull"
    PUSH = "push"
    COPY = "copy"
    SAVE = "save"
    LOAD = "load"
    BUILD = "build"


class State(enum.Enum):
    """The states of a transfer; the values are the words of the window's Status column."""

    QUEUED = "Queued"
    PLANNING = "Planning"
    RUNNING = "Running"
    CANCELLING = "Cancelling"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    INTERRUPTED = "Interrupted"  # the program ended before the transfer did

    @property
    def finished(self) -> bool:
        """True for the four states that only Retry leaves."""
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED)


class Waiting(enum.Enum):
    """The reason why a queued transfer waits. Not kept in the journal."""

    SLOT = "slot"  # the limit is reached, or another transfer writes the same name
    HOLD = "hold"  # the user paused the queue
    PAUSED = "paused"  # the user paused this transfer
    ENGINE = "engine"  # until the engine is back
    BACKOFF = "backoff"  # until the next attempt
    RATE_LIMIT = "rate limit"  # until the next attempt, as the registry requires


class Phase(enum.Enum):
    """The current activity of a running attempt. Not kept in the journal."""

    WAITING = "waiting"  # the engine has not begun: it downloads three layers at a time over all pulls
    CHECKING = "checking"  # both ends, before anything moves
    MOVING = "moving"
    COMPRESSING = "compressing"
    EXTRACTING = "extracting"
    TAGGING = "tagging"
    VERIFYING = "verifying"
    HANDING_OVER = "handing over"  # everything was fetched, and the engine takes it from Longshore
    SENDING = "sending"  # the folder of a build, to its builder
    BUILDING = "building"
    PAUSING = "pausing"  # it was asked to stop, and will resume later


@dataclass(frozen=True, slots=True)
class EnginePlace:
    """An engine's image store."""

    address: EngineAddress


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """A registry, by its host as written in references (``docker.io``, ``127.0.0.1:5000``)."""

    host: str


@dataclass(frozen=True, slots=True)
class LibraryPlace:
    """An OCI image layout on disk."""

    path: Path


@dataclass(frozen=True, slots=True)
class ArchivePlace:
    """A tar archive of images on disk. *format*: ``docker`` or ``oci``."""

    path: Path
    format: str = "docker"


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """A folder on this machine with a Dockerfile: only the source of a build."""

    path: Path


Place = EnginePlace | RegistryPlace | LibraryPlace | ArchivePlace | FolderPlace


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a transfer: a place, and the image's name there.

    An untagged image in an engine has ``reference`` None and its full ``image_id``.
    """

    place: Place
    reference: Reference | None
    image_id: str = ""

    @classmethod
    def of(cls, place: Place, name: ImageName) -> Endpoint:
        """The end for the image *name* in *place*."""
        return cls(place, name.reference, name.image_id)

    @property
    def name(self) -> ImageName:
        """The image's name there."""
        return ImageName(self.reference, self.image_id)


#: The option with the text that a person chose for ``org.opencontainers.image.ref.name``.
REF_NAME = "ref-name"
#: The option with the id of the record in the tag history that a transfer undoes.
UNDOES = "undoes"
#: The option, "1", of a request whose image must be signed by one of the user's keys, whatever the rules say.
ONLY_SIGNED = "only-signed"
#: The option with the digest that the destination's tag must point to before it is written, "" for no such tag.
EXPECTED = "expected"
#: The option, "1", of a pull that the engine does itself, whatever the rule says.
NATIVE = "native"
#: The option with the images of the index that a transfer makes, see :mod:`longshore.transfers.index_parts`.
PARTS = "parts"


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """The request for a transfer; immutable, hashable, and kept in the journal. Two equal requests are one transfer."""

    operation: Operation
    source: Endpoint
    destination: Endpoint
    #: Only this platform. None: the engine's own platform for a pull, all platforms for a copy.
    platform: Platform | None = None
    #: Further options of a way (e.g. to include referrers), as sorted pairs so that requests stay hashable.
    options: tuple[tuple[str, str], ...] = ()

    @property
    def ref_name(self) -> str:
        """The destination's name in an image layout, as skopeo looks it up; "" for its whole reference."""
        return dict(self.options).get(REF_NAME, "")


@dataclass(frozen=True, slots=True)
class LayerSnapshot:
    """One layer of a transfer at one moment, or one step of a build. Sizes in bytes.

    *label*: the instruction of a step, safe to show; *seconds*: how long it has run, None if it did not.
    """

    layer_id: str  # 12 hex characters; the number of a step
    state: LayerState
    current: int
    total: int | None
    permille: int | None  # None: unknown
    digest: str = ""
    retrying_in: int | None = None  # seconds
    label: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The bytes and layers that a transfer really moved, counted from its events. Sizes in bytes.

    Of a build: the bytes of the folder that was sent, the steps that ran, and those that the builder had cached.
    """

    bytes: int = 0
    layers_moved: int = 0
    layers_skipped: int = 0
    layers_mounted: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The expected work of a transfer, as far as it is known before the first byte. Sizes in compressed bytes.

    *here_bytes*, *here_layers*: already at the destination; *estimated* when that is not certain.
    """

    layers: int
    total_bytes: int
    here_layers: int = 0
    here_bytes: int = 0
    estimated: bool = False
    digest: str = ""  # of the manifest that the destination will have, where known
    #: False when only the unpacked size is known (a local image that no registry has been asked about).
    compressed: bool = True


class NoteKind(enum.Enum):
    """The kinds of notes: facts about a transfer that a person should know and that are not errors.

    Never rename the values.
    """

    UP_TO_DATE = "up to date"  # the destination already had everything
    TAGGED = "tagged"  # the local image was given the destination's name
    TAG_MOVED = "tag moved"  # ... which pointed to another local image before: ``text`` is that image's id
    PARTIAL = "partial"  # layers came unpacked from another image: the engine cannot push or save this one
    SOURCE_CHANGED = "source changed"  # the name points to another image than at the time of the request
    NOT_VERIFIED = "not verified"  # Longshore could not ask the registry: ``text`` says why
    ANONYMOUS = "anonymous"  # the stored credentials could not be read: ``text`` says why
    ONE_PLATFORM = "one platform"  # an index was pushed as one image: ``text`` is its platform
    DIGEST_NOT_KEPT = (
        "digest not kept"  # the engine keeps images unpacked, without a manifest: ``text`` is the id
    )
    REPACKED = (
        "repacked"  # the engine made its own manifest: the layers are unchanged, ``text`` is the image's id
    )
    ENGINE_SAYS = "engine says"  # the engine's own words, in ``text``
    OVERWRITTEN = "overwritten"  # the destination's tag pointed to another image: ``text`` is its digest
    PLATFORMS = "platforms"  # only chosen platforms of an index: the new index has the digest in ``text``
    PICKED = (
        "picked platform"  # only the image for one platform of an index, digest unchanged: ``text`` names it
    )
    FOREIGN = (
        "foreign layers"  # layers that only their vendor may distribute were left out: ``text`` says how many
    )
    REFERRERS = "referrers"  # signatures and the like that were copied too: ``text`` says how many
    LISTS_DIFFER = "lists differ"  # an archive's index.json and manifest.json: the second was used
    ABSENT = "absent images"  # an archive lists images that are not in it: ``text`` names their digests
    FILE_TWICE = (
        "file twice"  # an archive contains a file several times, the last one was used: ``text`` names it
    )
    FILES_IGNORED = "files ignored"  # files of an archive that belong to no image: ``text`` names them
    REFERRERS_UNKNOWN = "referrers unknown"  # some could not be read at the source: ``text`` says why
    ATTESTATIONS_GONE = "attestations gone"  # missing at the source and left out: ``text`` says how many
    BUILDER = "builder"  # which builder ran a build: ``text`` names it
    SYNTAX_IGNORED = "syntax ignored"  # the classic builder does not use the frontend that ``text`` names
    LINK_IGNORED = "link ignored"  # the classic builder copies as without --link
    SPECIAL_FILES = "special files"  # pipes, sockets and devices of a folder, not sent: ``text`` names them
    FILES_CHANGED = (
        "files changed"  # files of a folder that were written while they were sent: ``text`` names them
    )
    SIGNED = "signed"  # a rule requires a signature: ``text`` names the key that verified it
    FETCHED = "fetched"  # Longshore fetched the layers for the engine: ``text`` is a WayReason
    PULLED_NATIVELY = "pulled natively"  # the engine fetched them itself: ``text`` is a WayReason
    ARTIFACT = "artifact"  # what was copied is no image: ``text`` is its type
    STEP_CONTINUES = "step continues"  # a cancelled build whose builder finishes the step that runs


class WayReason(enum.Enum):
    """Why a pull goes the way it does, in the text of a note. Never rename the values."""

    LARGE = "large"  # fetched: much is missing
    SEVERAL = "several"  # fetched: several engines get the image
    UNFINISHED = "unfinished"  # fetched: an earlier attempt had begun
    ASKED = "asked"  # native: the user wants that
    REMOTE = "remote"  # native: the engine runs on another machine
    UNREACHABLE = "unreachable"  # native: the engine does not see this machine's loopback addresses
    NO_ROOM = "no room"  # native: the disk has no room for the compressed layers
    NO_LIBRARY = "no library"  # native: the library, which keeps what has arrived, can't be read or written


@dataclass(frozen=True, slots=True)
class TransferNote:
    """One note. *text* comes from outside and has been made safe to show."""

    kind: NoteKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class TransferSnapshot:
    """Everything a window may know about a transfer at one moment. Immutable: crosses threads freely.

    *permille*: 0 to 1000, never falling while the transfer runs, 1000 only on success; None when nothing is known.
    *moved_bytes*, *total_bytes*: bytes of the network part. *speed*: bytes per second. *seconds_left*: None unless the
    estimate is meaningful.
    """

    id: str
    request: TransferRequest
    state: State
    permille: int | None
    moved_bytes: int
    total_bytes: int | None
    speed: float | None
    seconds_left: float | None
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    attempt: int = 1
    #: Seconds until the queue retries by itself, with ``error`` as the reason; None when no retry is scheduled.
    waiting_seconds: float | None = None
    #: The reason for waiting, None if it does not wait; ``error`` has the error behind it.
    waiting_for: Waiting | None = None
    #: The number of the next try and the total number of tries; None when tries are not counted.
    next_try: tuple[int, int] | None = None
    #: Whether it can be paused, now or once it runs: moved data is kept, and resuming continues from there.
    pausable: bool = False
    phase: Phase | None = None
    plan: Plan | None = None
    moved: Moved | None = None
    #: Verified, on success; the image's ID in an engine, and of an image that is saved without a manifest: see
    #: :attr:`image_id` and :attr:`manifest_digest`.
    digest: str = ""
    error: LongshoreError | None = None
    layers: tuple[LayerSnapshot, ...] = field(default=())
    #: The number of the latest line of its output (TransferQueue.output), 0 if it has none.
    output: int = 0
    notes: tuple[TransferNote, ...] = ()

    @property
    def image_id(self) -> str:
        """The image's ID at its destination, "" where that is not known or there are only digests of manifests."""
        source, place = self.request.source, self.request.destination.place
        if isinstance(place, EnginePlace):
            return "" if isinstance(source.place, RegistryPlace) else self.digest
        if isinstance(place, ArchivePlace) and isinstance(source.place, EnginePlace):
            changed = (note.text for note in self.notes if note.kind is NoteKind.SOURCE_CHANGED)
            return self.digest if self.digest in (source.image_id, *changed) else ""
        return ""

    @property
    def manifest_digest(self) -> str:
        """The digest of the manifest or index at the destination, "" where there is none or it is not known."""
        if not self.image_id:
            return self.digest
        # containerd's store, whose IDs are digests; from an engine, the plan has an ID too.
        same = self.plan is not None and self.plan.digest == self.digest
        return self.digest if same and not isinstance(self.request.source.place, EnginePlace) else ""
