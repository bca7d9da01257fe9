"""Scans a tar in one pass: the position and digest of each file, and the small JSON documents."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from longshore.archives import failures
from longshore.archives.compression import OF_LAYERS, Compression, Unpacker, compression_of
from longshore.archives.limits import LIMITS, Budget, Limits
from longshore.archives.tarstream import Entry, EntryKind, TarReader, oversized
from longshore.cancellation import Cancellation
from longshore.oci.image_config import LARGEST_CONFIG
from longshore.oci.layout import BLOBS, INDEX_FILE, LAYOUT_FILE
from longshore.text import plain

MANIFEST_FILE = "manifest.json"
REPOSITORIES_FILE = "repositories"
#: Maximum bytes of the top-level lists of images: enough for about 1,500 images with fifty layers each.
LARGEST_LIST = 8 * 1024 * 1024
#: Top-level names of a machine's file system that no image archive has.
_FILESYSTEM = frozenset(
    (
        *(
            "bin",
            "boot",
            "dev",
            "etc",
            "home",
            "lib",
            "lib32",
            "lib64",
            "media",
            "mnt",
            "opt",
            "proc",
            "root",
        ),
        *("run", "sbin", "srv", "sys", "tmp", "usr", "var", ".dockerenv"),
    )
)
_MOST_LINKS = 8
_BLOBS = f"{BLOBS}/sha256"
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
#: The characters that begin another value in JSON. They are also counted inside texts, which does no harm.
_VALUES = (b",", b"[", b"{", b":")
_LISTS = (MANIFEST_FILE, INDEX_FILE)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the tar. *offset*, *size*: of its bytes within the decompressed tar. *digest*: their sha256.

    *diff_id*: the sha256 of the decompressed content, of *unpacked* bytes; equal to *digest* if it is not compressed.
    """

    name: str
    offset: int
    size: int
    digest: str
    diff_id: str
    unpacked: int
    compression: Compression


@dataclass(slots=True)
class Contents:
    """The files found in a tar.

    *documents*: the bytes of small JSON files, by name. *size*: bytes of the decompressed tar. *twice*: names that
    occur several times; the last file counts, as for the engines. *ignored*: files among the blobs that no digest can
    name, from macOS or a crash.
    """

    members: dict[str, Member] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    size: int = 0
    twice: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    limits: Limits = LIMITS
    _found: dict[str, Member | None] = field(default_factory=dict)

    def find(self, name: str) -> Member | None:
        """The file called *name*, following links; None for a name beyond the limits, which also bound the work."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Member | None:
        seen = 0
        while name not in self.members:
            target = None if oversized(name, self.limits) else self._followed(name)
            seen += 1
            if target is None or seen > _MOST_LINKS:
                return None
            name = target
        return self.members[name]

    def _followed(self, name: str) -> str | None:
        """*name* with the first link in it replaced; None if there is none."""
        if not self.links:
            return None
        if name in self.links:
            return self.links[name]
        parts = name.split("/")
        for count in range(len(parts) - 1, 0, -1):
            folder = "/".join(parts[:count])
            if folder in self.links:
                return posixpath.join(self.links[folder], *parts[count:])
        return None

    def by_digest(self) -> dict[str, Member]:
        """The files by the digest of their bytes."""
        return {member.digest: member for member in self.members.values()}


class StreamedFile:
    """A file of the tar's stream. Iterate over its bytes once; then *member* is set."""

    def __init__(self, entry: Entry, pieces: Iterator[bytes], scanner: Scanner) -> None:
        self.name = entry.name
        self.size = entry.size
        self.member: Member | None = None
        self._bytes = self._hashed(_Hashing(entry, scanner), pieces)

    @property
    def digest(self) -> str:
        """The digest in its name, which its bytes are checked against; "" if the name has none."""
        folder, _, encoded = self.name.rpartition("/")
        return f"sha256:{encoded}" if folder == _BLOBS else ""

    @property
    def may_be_layer(self) -> bool:
        """Whether engines use such names for layers, unlike VERSION and other files of older formats."""
        return self.name.startswith(f"{BLOBS}/") or self.name.endswith(".tar")

    def __iter__(self) -> Iterator[bytes]:
        return self._bytes

    def _hashed(self, hashing: _Hashing, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            hashing.update(piece)
            yield piece
        self.member = hashing.member()

    def skip(self) -> None:
        """Read the rest of it."""
        for _ in self._bytes:
            pass


class Scanner:
    """Reads a tar from *chunks* (already decompressed) to its end. One thread.

    *subject*: the file or the engine, for errors. *begun* is called with each file before its content is read.
    *budget*: of the caller that decompresses *chunks*; layers count there too. Raises ArchiveDamaged, ArchiveRefused
    and NotAnArchive as early as possible, Cancelled, and the errors of *chunks*.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        cancellation: Cancellation,
        limits: Limits = LIMITS,
        subject: str = "",
        begun: Callable[[Entry], None] = lambda entry: None,
        budget: Budget | None = None,
    ) -> None:
        self._begun = begun
        self.budget = budget or Budget()
        self._tar = TarReader(self._watched(chunks, budget is None), limits=limits, subject=subject)
        self._cancellation = cancellation
        self._kept = 0
        self._values = 0
        self._strange: set[str] = set()
        self.limits = limits
        self.subject = subject
        self.contents = Contents(limits=limits)  #: complete at the end of the tar

    def run(self) -> Contents:
        """Read the whole tar."""
        for streamed in self.files():
            streamed.skip()
        return self.contents

    def files(self) -> Iterator[StreamedFile]:
        """The files that are not small JSON documents, in the order of the tar.

        Each is read to its end before the next one, by the caller or otherwise here.
        """
        contents = self.contents
        for entry in self._tar:
            self._cancellation.raise_if_cancelled()
            self._judge(entry)
            if entry.kind is EntryKind.LINK:
                contents.links[entry.name] = entry.target
            elif self._ignored(entry):
                contents.ignored.append(entry.name)
            elif entry.kind is EntryKind.FILE:
                self._begun(entry)
                pieces = self._tar.data()
                document = False
                if entry.size <= _largest(entry.name):
                    whole = b"".join(pieces)
                    document = self._document(entry, whole)
                    pieces = iter((whole,) if whole else ())
                streamed = StreamedFile(entry, pieces, self)
                if not document:
                    yield streamed
                streamed.skip()
        if not any(name in contents.members for name in (*_LISTS, LAYOUT_FILE)):
            raise self._wrong()
        contents.size = self._tar.position

    # -- helpers

    def keep(self, member: Member) -> None:
        """Record a file that was read to its end."""
        folder, _, encoded = member.name.rpartition("/")
        # A name that is a digest promises its content (image-layout.md; docker and skopeo name configurations so).
        if folder == _BLOBS and member.digest != f"sha256:{encoded}":
            raise failures.damaged(
                self.subject, f"“{plain(member.name, 120)}” hashes to {member.digest.removeprefix('sha256:')}"
            )
        self.contents.members[member.name] = member

    def _watched(self, chunks: Iterable[bytes], plain: bool) -> Iterator[bytes]:
        """*chunks*, checking for a cancellation between two of them, even if they contain only headers."""
        for chunk in chunks:
            self._cancellation.raise_if_cancelled()
            if plain:
                self.budget.taken += len(chunk)
                self.budget.given += len(chunk)
            yield chunk

    @staticmethod
    def _ignored(entry: Entry) -> bool:
        """Whether it is among the blobs with a name that is not a digest, so that nothing can refer to it."""
        folder, _, encoded = entry.name.rpartition("/")
        return entry.kind is EntryKind.FILE and folder == _BLOBS and not _HEX_DIGEST.fullmatch(encoded)

    def _judge(self, entry: Entry) -> None:
        """Refuse entries that image archives never have."""
        top, slash, _ = entry.name.partition("/")
        if top in _FILESYSTEM and (slash or entry.kind is not EntryKind.FILE or top == ".dockerenv"):
            self._strange.add(top)
        listed = any(name in self.contents.members for name in (*_LISTS, LAYOUT_FILE))
        if self._strange and not listed and (entry.problem or len(self._strange) > 3):
            raise failures.filesystem(self.subject)
        if entry.problem:
            raise failures.hostile(self.subject, entry.problem)
        if entry.kind is EntryKind.FOLDER:
            return
        if not entry.name:
            raise failures.hostile(self.subject, "a file without a name")
        if entry.name in self.contents.links or (
            entry.name in self.contents.members and entry.kind is EntryKind.LINK
        ):
            raise failures.hostile(
                self.subject, f"“{plain(entry.name, 200)}” occurs twice, at least once as a link"
            )
        if entry.name in self.contents.members:
            self.contents.twice.append(entry.name)
            self.contents.documents.pop(entry.name, None)
        if entry.name in _LISTS and entry.size > LARGEST_LIST:
            raise failures.excessive(self.subject, f"{entry.name} has {entry.size} bytes")

    def _document(self, entry: Entry, raw: bytes) -> bool:
        """Keep *raw* if it is JSON."""
        if raw[:1] not in (b"{", b"["):
            return False
        values = sum(map(raw.count, _VALUES))
        self._values += values
        if values > self.limits.values or self._values > self.limits.parsed:
            if entry.name in _LISTS:
                raise failures.excessive(self.subject, f"{entry.name} contains too many values: {values}")
            return False  # it may be a layer; an image that refers to it as a document is refused
        try:
            json.loads(raw)
        except (ValueError, RecursionError):
            return False
        self._kept += len(raw)
        if self._kept > self.limits.documents:
            raise failures.excessive(
                self.subject, f"more than {self.limits.documents} bytes of JSON documents"
            )
        self.contents.documents[entry.name] = raw
        return True

    def _wrong(self) -> Exception:
        """The error for a tar without any sign of images."""
        if self._strange:
            return failures.filesystem(self.subject)
        if REPOSITORIES_FILE in self.contents.members:
            return failures.ancient(self.subject)
        return failures.other_tar(self.subject, f"it contains neither {MANIFEST_FILE} nor {INDEX_FILE}")


class _Hashing:
    """The digests and sizes of one file, computed while its bytes pass."""

    def __init__(self, entry: Entry, scanner: Scanner) -> None:
        self._entry = entry
        self._scanner = scanner
        self._hash = hashlib.sha256()
        self._inner: Unpacker | None = None
        self._inner_hash = hashlib.sha256()
        self._compression = Compression.NONE
        self._begun = False

    def update(self, piece: bytes) -> None:
        self._hash.update(piece)
        if not self._begun:
            self._begun = True
            found = compression_of(piece)
            if found in OF_LAYERS:
                self._compression = found
                self._inner = Unpacker(
                    found,
                    limits=self._scanner.limits,
                    subject=self._scanner.subject,
                    budget=self._scanner.budget,
                )
        if self._inner is not None:
            for out in self._inner.feed(piece):
                self._inner_hash.update(out)

    def member(self) -> Member:
        digest = f"sha256:{self._hash.hexdigest()}"
        diff_id, unpacked = digest, self._entry.size
        if self._inner is not None:
            self._inner.end()
            unpacked = self._inner.given
            diff_id = f"sha256:{self._inner_hash.hexdigest()}"
        entry = self._entry
        found = Member(entry.name, entry.offset, entry.size, digest, diff_id, unpacked, self._compression)
        self._scanner.keep(found)
        return found


def _largest(name: str) -> int:
    """The size up to which a file may be a document that is kept."""
    return LARGEST_LIST if name in _LISTS else LARGEST_CONFIG
