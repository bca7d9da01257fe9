"""Saves one file of an image to this machine's disk, under a name that the user chose."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass
from pathlib import Path

from longshore.application.files.layer_tar import LayerTar
from longshore.application.files.layers import ImageLayer, Layers, Told
from longshore.application.files.looking import ImageFiles, other_content
from longshore.application.files.tree import Kind, View
from longshore.archives.new_file import NewFile
from longshore.cancellation import Cancellation
from longshore.errors import DiskFull, InvalidInput, InvalidLayer, LongshoreError, NotInImage, Sentence
from longshore.text import plain

_REFUSED = {
    Kind.FOLDER: "This is a folder. Only single files can be saved.",
    Kind.SYMLINK: "This is a symbolic link, which has no content of its own. Save the file that it points to.",
    Kind.HARD_LINK: "This is a hard link, and its content is stored under another name. Save that file.",
    Kind.DEVICE: "This is a device, which has no content.",
    Kind.PIPE: "This is a named pipe, which has no content.",
    Kind.WHITEOUT: "This layer removes the file, so there is nothing to save.",
    Kind.SPARSE: "This is a sparse file, which Longshore can't save.",
    Kind.OTHER: "This entry is of an unknown kind, which Longshore can't save.",
}
_FULL = Sentence(
    DiskFull,
    "The disk is full: the file can't be saved.",
    "Free space on that disk, or save the file elsewhere.",
)
_NOT_WRITTEN = Sentence(
    InvalidInput, "The file can't be written.", "Check the permissions of its folder, or choose another one."
)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as its layer has it: *path*, *size* in bytes, and *offset*, where its content begins in the tar."""

    layer: ImageLayer
    path: str
    size: int
    offset: int


def stored_file(files: ImageFiles, view: View, node: int) -> StoredFile:
    """The file that is the *node* of *view*. Raises NotInImage, with the reason, for what is not a regular file."""
    tree = view.tree
    refused = why_not(view, node)
    if refused:
        raise NotInImage(refused, subject=plain(tree.path(node), 400), advice=_advice(view, node))
    layer = files.layers[view.layers[node] - 1]
    return StoredFile(layer, tree.path(node), tree.sizes[node], tree.offsets[node])


def why_not(view: View, node: int) -> str:
    """The sentence that says why the *node* of *view* can't be saved; "" if it can."""
    return _REFUSED.get(Kind(view.tree.kinds[node]), "")


def _advice(view: View, node: int) -> str:
    target = view.tree.targets.get(node)
    return f"It points to {plain(target, 400)}." if target else ""


def save_file(
    layers: Layers,
    file: StoredFile,
    destination: Path,
    cancellation: Cancellation,
    told: Told = lambda stage, done, total: None,
) -> None:
    """Write the content of *file* to *destination*, which then is complete or as before. Blocks.

    The whole layer is read and verified for it. The file gets the permissions of a new one, not those in the image.
    Raises InvalidInput if it can't be written there, DiskFull, InvalidLayer, Cancelled, and the errors of *layers*.
    """
    with NewFile(destination, failed=_failed) as new:
        found: LongshoreError | None = None
        with contextlib.closing(layers.streams([file.layer], told, cancellation)) as streams:
            for one, chunks in streams:
                tar = LayerTar(chunks, cancellation=cancellation, subject=file.layer.key)
                new.rewind(0)
                written = -1
                try:
                    written = _copied(tar, file, new)
                except InvalidLayer:
                    if one is not None:
                        raise
                    continue  # of an engine: it may be another layer
                if file.layer.diff_id and tar.diff_id != file.layer.diff_id:
                    found = other_content(file.layer, tar.diff_id)
                elif written == file.size:
                    new.commit()
                    return
        raise found or InvalidLayer(
            "The file is not in its layer any more.",
            subject=plain(file.path, 400),
            advice="List the files again.",
        )


def _copied(tar: LayerTar, file: StoredFile, new: NewFile) -> int:
    """The bytes of *file* that were written to *new*; -1 if it is not in *tar*, which is read to its end."""
    written = -1
    for header in tar.headers():
        if header.offset == file.offset and header.size == file.size and written < 0:
            written = 0
            for piece in tar.data():
                new.write(piece)
                written += len(piece)
    return written


def _failed(error: OSError, path: Path, doing: str) -> LongshoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _FULL(str(path), error.strerror or str(error))
    return _NOT_WRITTEN(str(path), error.strerror or str(error))


def suggested_name(path: str) -> str:
    """A harmless name for the file that is called *path* in its image: what is left of its last part."""
    name = plain(path.rpartition("/")[2], 120)
    kept = "".join(char for char in name if char not in '\\/:*?"<>|').lstrip(".").strip()
    return kept or "file"
