"""What is known about one image. Immutable values; cross threads freely; no I/O.

All texts come from whoever made the image: clean them (``text.plain``) before they are shown. Sizes are in bytes.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from longshore.oci.image_config import HistoryEntry, RunConfig
from longshore.oci.platform import Platform
from longshore.transfers.transfer import Endpoint


@dataclass(frozen=True, slots=True)
class PlatformSize:
    """One image of an index. *size*: compressed bytes of configuration and layers, None if it was not read. *here*: an
    engine has it; None elsewhere. *config_digest*: "" if it was not read."""

    platform: Platform | None
    digest: str
    size: int | None
    here: bool | None = None
    config_digest: str = ""


@dataclass(frozen=True, slots=True)
class Attestation:
    """A manifest beside the images of an index that BuildKit wrote: provenance and SBOMs (buildkit,
    docs/attestations/attestation-storage.md).

    *subject*: the digest of the image that it describes, and *platform* that image's. *size*: compressed, None if it
    was not read. *predicate_types*: what it has, such as ``https://spdx.dev/Document``.
    """

    digest: str
    subject: str
    platform: Platform | None = None
    size: int | None = None
    predicate_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer. *digest*: of the compressed layer, "" for an engine's. *diff_id*: of the unpacked one, "" if unknown.

    *size*: compressed; *size_on_disk*: unpacked, of an engine. None if the place does not report it.
    """

    digest: str
    size: int | None = None
    media_type: str = ""
    diff_id: str = ""
    size_on_disk: int | None = None

    @property
    def name(self) -> str:
        """Its digest, in whichever form is known."""
        return self.digest or self.diff_id


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the history, a layer, or both. *layer*: the number of the layer in :attr:`Inspected.layers`, None for a
    line that made none. *entry*: None for a layer whose line is not known. *line*: the start of what it says, without
    what looks like a secret."""

    entry: HistoryEntry | None
    layer: int | None = None
    line: str = field(default="", compare=False)


class DocumentKind(enum.Enum):
    """What a document is."""

    INDEX = "index"
    MANIFEST = "manifest"
    CONFIG = "config"
    INSPECT = "inspect"  # what an engine returns: it keeps none of the others


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is stored. *digest*: verified; "" for what an engine returns, which has none."""

    kind: DocumentKind
    digest: str
    media_type: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found out about an image.

    *digest*: of the manifest or index; "" for an engine that does not keep it. *image_id*: of an engine.
    *size_on_disk*: in an engine. *platform*, *created* and what follows are of one image: the chosen platform's, this
    machine's, or the first. *artifact_type*: for something else than an image. *steps*: history and layers together,
    the lowest first; every layer is in it once. *history_fits*: the history has as many lines that made a layer as
    there are layers; otherwise no line is matched to a layer. *settings*: the rest of the configuration as names
    (``config.StopSignal``) and values.
    """

    end: Endpoint
    digest: str = ""
    media_type: str = ""
    artifact_type: str = ""
    image_id: str = ""
    repo_digests: tuple[str, ...] = ()
    size_on_disk: int | None = None
    platforms: tuple[PlatformSize, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    manifest_digest: str = ""
    config_digest: str = ""
    platform: Platform | None = None
    size_compressed: int | None = None
    created: datetime | None = None
    author: str = ""
    run: RunConfig = field(default_factory=RunConfig)
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    layers: tuple[Layer, ...] = ()
    steps: tuple[Step, ...] = ()
    history_fits: bool = True
    settings: tuple[tuple[str, str], ...] = ()
    documents: tuple[Document, ...] = ()

    @property
    def is_image(self) -> bool:
        """False for an artifact, such as a Helm chart."""
        return not self.artifact_type and (self.platform is not None or bool(self.platforms))

    def document(self, kind: DocumentKind) -> Document | None:
        """The document of that kind, None if there is none."""
        return next((one for one in self.documents if one.kind is kind), None)
