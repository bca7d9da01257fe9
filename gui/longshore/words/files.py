"""Words for the files in an image."""

from __future__ import annotations

import stat
import unicodedata

from longshore.application.files.layers import Cost, Stage, Way
from longshore.application.files.tree import Change, Kind, Oddity, Totals, Tree, View
from longshore.language import tr
from longshore.text import plain
from longshore.words import text

_TYPES = {
    Kind.FOLDER: stat.S_IFDIR,
    Kind.FILE: stat.S_IFREG,
    Kind.SYMLINK: stat.S_IFLNK,
    Kind.HARD_LINK: stat.S_IFREG,
    Kind.DEVICE: stat.S_IFCHR,
    Kind.PIPE: stat.S_IFIFO,
    Kind.SPARSE: stat.S_IFREG,
}


def shown_name(name: str, limit: int = 300) -> str:
    r"""Return a name from an image in one line, with characters that can't be shown as ``\x1b``."""
    if len(name) <= limit and name.isascii() and name.isprintable():
        return name if " " not in name else plain(name, limit) or tr("(blanks)")
    out = []
    for char in name[: limit + 1]:
        code = ord(char)
        if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
            out.append(f"\\x{code - 0xDC00:02x}")
        elif unicodedata.category(char)[0] in "CZ" and char != " ":
            out.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
        else:
            out.append(char)
    return plain("".join(out), limit) or tr("(blanks)")


def mode_text(view: View, node: int) -> str:
    """Return kind and permissions as ``ls`` writes them: ``drwxr-xr-x``."""
    kind, mode = Kind(view.tree.kinds[node]), view.tree.modes[node]
    if kind is Kind.WHITEOUT:
        return "-" * 10
    return stat.filemode(_TYPES.get(kind, 0) | mode)


def change_text(view: View, node: int) -> str:
    """Return what happened to a name: ``added``, ``removed by layer 6``; empty for what the first layer has."""
    change, hider = Change(view.changes[node]), view.hidden_by[node]
    if hider:
        return tr("removed by layer {number}").replace("{number}", str(hider))
    match change:
        case Change.ADDED:
            return tr("added")
        case Change.CHANGED:
            return tr("changed")
        case Change.REMOVES:
            return tr("removed")
        case Change.REPLACES:
            return tr("replaced")
    return ""


def short_change_text(view: View, node: int) -> str:
    """Return the same for narrow columns: ``removed by 6``."""
    hider = view.hidden_by[node]
    return tr("removed by {number}").replace("{number}", str(hider)) if hider else change_text(view, node)


def oddity_text(tree: Tree, node: int) -> str:
    """Return the sentence about an entry that is not as it should be; empty for all others."""
    match tree.oddities.get(node):
        case Oddity.OUTSIDE:
            return tr("This name leads out of the image. Engines refuse it.")
        case Oddity.TOO_LONG:
            return tr("This name is too long for a file system.")
        case Oddity.REPEATED:
            return tr("The layer contains this name several times. The last one counts.")
        case Oddity.NO_WHITEOUT:
            return tr("This entry is meant to remove a folder from inside it. Engines refuse it.")
        case Oddity.UNPRINTABLE:
            return tr(
                "This name contains characters that can't be seen, which can make it look like another one."
            )
        case Oddity.NO_TARGET:
            return tr("This is a hard link to a file that does not exist. Engines refuse it.")
    return ""


def target_text(tree: Tree, node: int) -> str:
    """Return where a link points to, for one line; empty for all others."""
    target = tree.targets.get(node)
    return "" if target is None else shown_name(target)


def files(count: int) -> str:
    """Return a count: ``1,842 files``."""
    return tr("1 file") if count == 1 else tr("{count} files").replace("{count}", f"{count:,}")


def totals_text(totals: Totals) -> str:
    """Return the sentence below the files: ``1,842 files, 183 MB; 16.9 MB of it is hidden by later layers``."""
    words = f"{files(totals.files)}, {text.size(totals.size)}"
    if totals.hidden:
        hidden = tr("{size} of it is hidden by later layers").replace("{size}", text.size(totals.hidden))
        words = f"{words}; {hidden}"
    return words


def odd_text(count: int) -> str:
    """Return the sentence about entries that are not as they should be; empty for none."""
    if not count:
        return ""
    if count == 1:
        return tr("1 entry is suspicious and is marked in the list.")
    return tr("%n entries are suspicious and are marked in the list.", count)


def cost_text(cost: Cost, place: str) -> str:
    """Return the sentence that says what listing the files takes. *place*: the name of the engine."""
    if cost.known == cost.layers:
        return tr("The files of this image were read before. Listing them takes no download.")
    size = text.size(cost.size)
    match cost.way:
        case Way.FETCHED:
            words = tr(
                "To list the files, Longshore downloads up to {size} from {host}. The layers stay in the library for "
                "a week, so a later pull into it needs no second download."
            )
        case Way.SAVED:
            words = tr(
                "To list the files, {host} sends the whole image once, about {size}. Nothing of it is stored."
            )
        case _:
            words = tr("To list the files, Longshore reads {size} from this machine's disk.")
    return words.replace("{size}", size).replace("{host}", text.safe(cost.host or place, 200))


def button_text(cost: Cost) -> str:
    """Return the verb that lists the files: ``Download 71.4 MB and list files``."""
    if cost.way is Way.FETCHED and cost.known < cost.layers:
        return tr("Download {size} and list files").replace("{size}", text.size(cost.size))
    return tr("List files")


def stage_text(stage: Stage, done: int, total: int) -> str:
    """Return how far the reading is: ``Downloading layers: 44.6 of 72 MB``."""
    words = tr("Downloading layers: {bytes}") if stage is Stage.FETCHING else tr("Reading layers: {bytes}")
    return words.replace("{bytes}", text.size_of(done, total))


def layer_text(number: int, size: int) -> str:
    """Return a layer's name in a list: ``Layer 3, 42 MB``."""
    return tr("Layer {number}, {size}").replace("{number}", str(number)).replace("{size}", text.size(size))


def problem_text(number: int, message: str) -> str:
    """Return the line about a layer that could not be read."""
    words = tr("Layer {number} is not shown: {message}")
    return words.replace("{number}", str(number)).replace("{message}", message)
