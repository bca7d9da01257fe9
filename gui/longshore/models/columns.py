"""Columns and roles of all models. Views and delegates read ``index.data(Role.X)``, never by row number."""

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
    PLACE = 6
    PLATFORM = 7
    STATE = 8


class TagColumn(enum.IntEnum):
    """Columns of Tags."""

    TAG = 0
    DIGEST = 1
    SIZE = 2
    PLATFORMS = 3
    CREATED = 4
    STATE = 5
    SIGNATURE = 6


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


class FileColumn(enum.IntEnum):
    """Columns of Files."""

    NAME = 0
    SIZE = 1
    LAYER = 2
    CHANGE = 3


class NodeKind(enum.IntEnum):
    """The kinds of rows in a tree (``Role.NODE_KIND``)."""

    REGISTRY = 0
    REPOSITORY = 1
    #: Explains its parent; not a repository, cannot be pulled.
    NOTE = 2
    TRANSFER = 3
    LAYER = 4
    #: Below a failed transfer: what to do next, and the other side's own words.
    ADVICE = 5
    #: Below a registry: an action (``Role.ACTION``); cannot be pulled.
    LINK = 6
    #: In the tree of files.
    FOLDER = 7
    FILE = 8
    FILE_LINK = 9


class NodeAction(enum.IntEnum):
    """The actions of links below a registry (``Role.ACTION``)."""

    NONE = 0
    #: Search the registry for the words in the filter.
    SEARCH = 1
    #: Show the listing again in place of the search results.
    LEAVE_SEARCH = 2
    #: Pin a repository by its name.
    PIN = 3
    #: Paste a reference.
    PASTE = 4
    SIGN_IN = 5


class NodeState(enum.IntEnum):
    """The states of a registry's listing (``Role.STATE`` of a registry and of its note)."""

    IDLE = 0
    LOADING = 1
    READY = 2
    FAILED = 3
    NO_CATALOGUE = 4


class Tone(enum.IntEnum):
    """The meaning of a state, for the tint of its pill (``Role.TONE``). Never the only sign: the text says it too."""

    NONE = 0
    GOOD = 1
    CAUTION = 2
    BAD = 3
    ACTIVE = 4
    QUIET = 5
    OUTLINE = 6  # nothing is known: no tint, only an outline


class Dress(NamedTuple):
    """All that a delegate needs to paint a text cell, in one value: the roles of the same names."""

    text: str = ""
    tone: Tone = Tone.NONE
    strong: bool = False
    dim: bool = False
    fixed_width: bool = False
    offer: str = ""


class Role(enum.IntEnum):
    """Roles beyond Qt's own. Each is the same for all columns of a row unless marked "per column"."""

    #: LocalImage of a row of Local images.
    IMAGE = Qt.ItemDataRole.UserRole + 1
    #: Reference, or None for an image without a name; of a tag: the full reference with its tag.
    REFERENCE = Qt.ItemDataRole.UserRole + 2
    #: The sort key of the cell (per column).
    SORT = Qt.ItemDataRole.UserRole + 3
    #: bool: the cell is secondary and may be drawn dim (per column).
    DIM = Qt.ItemDataRole.UserRole + 4
    #: bool: the cell is the main one of its row and is drawn semibold (per column).
    STRONG = Qt.ItemDataRole.UserRole + 5
    #: bool: the cell is a digest or id and is drawn in the fixed-width font (per column).
    FIXED_WIDTH = Qt.ItemDataRole.UserRole + 6
    #: Tone of the cell (per column).
    TONE = Qt.ItemDataRole.UserRole + 7
    #: bool: no tag points to the image any more.
    DANGLING = Qt.ItemDataRole.UserRole + 8
    #: str: the registry as in references, e.g. ``docker.io``.
    HOST = Qt.ItemDataRole.UserRole + 9
    #: str: path of the repository in its registry, "" on a registry and a note.
    REPOSITORY = Qt.ItemDataRole.UserRole + 10
    #: NodeKind.
    NODE_KIND = Qt.ItemDataRole.UserRole + 11
    #: NodeState of a registry and a note, application.states.State of a local image and a tag (None while it is not
    #: known), transfers' State of a transfer, LayerState of a layer.
    STATE = Qt.ItemDataRole.UserRole + 12
    #: str: the sentence that explains a node, "" if none is needed.
    NOTE = Qt.ItemDataRole.UserRole + 13
    #: LongshoreError or None.
    ERROR = Qt.ItemDataRole.UserRole + 14
    #: bool: the repository was pinned by name.
    PINNED = Qt.ItemDataRole.UserRole + 15
    #: TagDetails, None while they are not known.
    DETAILS = Qt.ItemDataRole.UserRole + 16
    #: str: the tag alone.
    TAG = Qt.ItemDataRole.UserRole + 17
    #: str: the full digest, "" if not known.
    DIGEST = Qt.ItemDataRole.UserRole + 18
    #: TransferSnapshot of a transfer, or of the transfer that a layer or an advice belongs to.
    SNAPSHOT = Qt.ItemDataRole.UserRole + 19
    #: int: permille, 0 to 1000, -1 if not known (transfers and layers).
    PERMILLE = Qt.ItemDataRole.UserRole + 20
    #: LayerSnapshot of a layer, else None.
    LAYER = Qt.ItemDataRole.UserRole + 21
    #: str: id of the transfer.
    TRANSFER_ID = Qt.ItemDataRole.UserRole + 22
    #: Operation of the transfer.
    OPERATION = Qt.ItemDataRole.UserRole + 23
    #: str: the text that Ctrl+C copies for this row.
    COPY_TEXT = Qt.ItemDataRole.UserRole + 24
    #: NodeAction of a link, NONE elsewhere.
    ACTION = Qt.ItemDataRole.UserRole + 25
    #: str: one line about a repository, drawn dim after its name if there is room.
    DESCRIPTION = Qt.ItemDataRole.UserRole + 26
    #: bool: the repository is known only from the history.
    RECENT = Qt.ItemDataRole.UserRole + 27
    #: str: the action that the cell offers on a button at its right; "" for none (per column).
    OFFER = Qt.ItemDataRole.UserRole + 28
    #: bool: the row has just arrived and the user has not selected it yet; drawn with a bar at its left edge.
    FRESH = Qt.ItemDataRole.UserRole + 29
    #: tuple[str, ...]: shorter forms of the cell's text, the longest first, for narrow columns (per column).
    SHORT = Qt.ItemDataRole.UserRole + 30
    #: LocalPlace of a local image if several places are shown, else None.
    PLACE = Qt.ItemDataRole.UserRole + 40
