"""Columns and roles of all models. Views and delegates ask ``index.data(Role.X)``, never for a row number."""

from __future__ import annotations

import enum
from typing import NamedTuple

from PySide6.QtCore import Qt


class ImageColumn(enum.IntEnum):
    """Columns of Local images."""

    REPOSITORY = 0
    TAG = 1
    IMAGE_ID = 2
    CREATED = 3
    SIZE = 4
    IN_USE = 5


class TagColumn(enum.IntEnum):
    """Columns of Tags."""

    TAG = 0
    DIGEST = 1
    SIZE = 2
    PLATFORMS = 3
    CREATED = 4
    HERE = 5


class RegistryColumn(enum.IntEnum):
    """Columns of Registries."""

    NAME = 0
    TAGS = 1
    SIGNED_IN = 2


class TransferColumn(enum.IntEnum):
    """Columns of Transfers."""

    OPERATION = 0
    SOURCE = 1
    DESTINATION = 2
    STATUS = 3
    PROGRESS = 4
    TRANSFERRED = 5
    SPEED = 6
    TIME_LEFT = 7
    FINISHED = 8


class HistoryColumn(enum.IntEnum):
    """Columns of History."""

    OPERATION = 0
    SOURCE = 1
    DESTINATION = 2
    STATUS = 3
    TRANSFERRED = 4
    FINISHED = 5
    TOOK = 6


class NodeKind(enum.IntEnum):
    """What a row of a tree is (``Role.NODE_KIND``)."""

    REGISTRY = 0
    REPOSITORY = 1
    #: Explains its parent; never a repository, never something to pull.
    NOTE = 2
    TRANSFER = 3
    LAYER = 4
    #: Under a failed transfer: what to do next, and the other side's own words.
    ADVICE = 5
    #: Below a registry: something to do there (``Role.ACTION``), never something to pull.
    LINK = 6


class NodeAction(enum.IntEnum):
    """What a link below a registry does when it is opened (``Role.ACTION``)."""

    NONE = 0
    #: Ask the registry for what the filter says.
    SEARCH = 1
    #: Show the listing again in place of what was found.
    LEAVE_SEARCH = 2
    #: Pin a repository by its name.
    PIN = 3
    #: Paste a reference.
    PASTE = 4
    SIGN_IN = 5


class NodeState(enum.IntEnum):
    """How far the listing of a registry has come (``Role.STATE`` of a registry and of its note)."""

    IDLE = 0
    LOADING = 1
    READY = 2
    FAILED = 3
    NO_CATALOGUE = 4


class HereState(enum.IntEnum):
    """How a remote tag compares with the local images (``Role.STATE`` in the tag table)."""

    #: Not here under this name, or not known yet.
    NONE = 0
    IN_SYNC = 1
    DIFFERS = 2


class Tone(enum.IntEnum):
    """What a state means, for the tint of its pill (``Role.TONE``). Never the only sign: the text says it
    too."""

    NONE = 0
    GOOD = 1
    CAUTION = 2
    BAD = 3
    ACTIVE = 4
    QUIET = 5


class Dress(NamedTuple):
    """What a delegate needs to paint a cell of text, in one answer: the roles of the same names."""

    text: str = ""
    tone: Tone = Tone.NONE
    strong: bool = False
    dim: bool = False
    fixed_width: bool = False
    offer: str = ""


class Role(enum.IntEnum):
    """Roles beyond Qt's own. Each is the same for every column of a row unless it says otherwise."""

    #: LocalImage of a row of Local images.
    IMAGE = Qt.ItemDataRole.UserRole + 1
    #: Reference, or None for an image without a name; of a tag: the full reference with its tag.
    REFERENCE = Qt.ItemDataRole.UserRole + 2
    #: What the cell is sorted by (per column).
    SORT = Qt.ItemDataRole.UserRole + 3
    #: bool: the cell is rarely read and may be drawn dim (per column).
    DIM = Qt.ItemDataRole.UserRole + 4
    #: bool: the cell is what one looks for and is drawn semibold (per column).
    STRONG = Qt.ItemDataRole.UserRole + 5
    #: bool: the cell is a digest or id and is drawn in the fixed-width font (per column).
    FIXED_WIDTH = Qt.ItemDataRole.UserRole + 6
    #: Tone of the cell (per column).
    TONE = Qt.ItemDataRole.UserRole + 7
    #: bool: the image has no tag that still points to it.
    DANGLING = Qt.ItemDataRole.UserRole + 8
    #: str: the registry as in references, e.g. ``docker.io``.
    HOST = Qt.ItemDataRole.UserRole + 9
    #: str: path of the repository in its registry, "" on a registry and a note.
    REPOSITORY = Qt.ItemDataRole.UserRole + 10
    #: NodeKind.
    NODE_KIND = Qt.ItemDataRole.UserRole + 11
    #: NodeState of a registry and a note, HereState of a tag, transfers' State of a transfer, LayerState of
    #: a layer.
    STATE = Qt.ItemDataRole.UserRole + 12
    #: str: the sentence that explains a node, "" when there is nothing to explain.
    NOTE = Qt.ItemDataRole.UserRole + 13
    #: LongshoreError or None.
    ERROR = Qt.ItemDataRole.UserRole + 14
    #: bool: the repository was pinned by name.
    PINNED = Qt.ItemDataRole.UserRole + 15
    #: TagDetails or None while they are not known.
    DETAILS = Qt.ItemDataRole.UserRole + 16
    #: str: the tag alone.
    TAG = Qt.ItemDataRole.UserRole + 17
    #: str: the whole digest, "" when not known.
    DIGEST = Qt.ItemDataRole.UserRole + 18
    #: TransferSnapshot of a transfer, and of the transfer a layer or an advice belongs to.
    SNAPSHOT = Qt.ItemDataRole.UserRole + 19
    #: int 0 to 1000, -1 when not known (transfers and layers).
    PERMILLE = Qt.ItemDataRole.UserRole + 20
    #: LayerSnapshot of a layer, else None.
    LAYER = Qt.ItemDataRole.UserRole + 21
    #: str: identity of the transfer.
    TRANSFER_ID = Qt.ItemDataRole.UserRole + 22
    #: transfers' Operation.
    OPERATION = Qt.ItemDataRole.UserRole + 23
    #: str: what Ctrl+C copies for this row.
    COPY_TEXT = Qt.ItemDataRole.UserRole + 24
    #: NodeAction of a link, NONE elsewhere.
    ACTION = Qt.ItemDataRole.UserRole + 25
    #: str: one line about a repository, drawn dim behind its name where there is room.
    DESCRIPTION = Qt.ItemDataRole.UserRole + 26
    #: bool: the repository is known from the history only.
    RECENT = Qt.ItemDataRole.UserRole + 27
    #: str: what the cell offers to do about itself, on a button at its right; "" for nothing (per column).
    OFFER = Qt.ItemDataRole.UserRole + 28
    #: bool: the row came by itself and the user has not selected it yet; drawn with a bar at its left edge.
    FRESH = Qt.ItemDataRole.UserRole + 29
    #: tuple[str, ...]: the cell's text in shorter forms, the longest first, for where there is no room (per column).
    SHORT = Qt.ItemDataRole.UserRole + 30
