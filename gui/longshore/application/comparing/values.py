"""What a comparison of two images found. Immutable values; no I/O. Texts come from whoever made the images: clean them
before they are shown."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected, Layer


class Side(enum.Enum):
    """Where something is. The values are those of the JSON output: never rename."""

    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"


class ComparedLayer(NamedTuple):
    """A layer and where it is. The same content counts as the same layer, whatever is below it."""

    layer: Layer
    side: Side


class LineKind(enum.Enum):
    """What a line of the configuration is about. The values are those of the JSON output: never rename."""

    TYPE = "type"
    PLATFORM = "platform"
    PLATFORMS = "platforms"
    CREATED = "created"
    AUTHOR = "author"
    ENTRYPOINT = "entrypoint"
    COMMAND = "command"
    USER = "user"
    WORKING_DIRECTORY = "working_directory"
    VARIABLE = "variable"
    PORTS = "ports"
    VOLUMES = "volumes"
    HEALTH_CHECK = "health_check"
    STOP_SIGNAL = "stop_signal"
    SHELL = "shell"
    ON_BUILD = "on_build"
    LABEL = "label"
    ANNOTATION = "annotation"
    SETTING = "setting"


class ConfigLine(NamedTuple):
    """One line of both configurations. *name*: of a variable, a label, an annotation or a setting. *left*, *right*:
    None if that image has no such line. The values may be secrets (:meth:`shown`)."""

    kind: LineKind
    name: str
    left: str | None
    right: str | None

    @property
    def same(self) -> bool:
        """True if both are equal."""
        return self.left == self.right

    def shown(self, *, secrets: bool) -> tuple[str | None, str | None]:
        """Both values. Those that look like secrets are hidden unless *secrets*."""
        from longshore.application.inspection.secrets import masked, masked_line

        if secrets:
            return self.left, self.right
        left, right = (
            None if one is None else masked_line(masked(self.name, one)) for one in (self.left, self.right)
        )
        return left, right


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two images. *same*: they are one image: equal digests, or equal configurations, which name all layers.

    *fetch_left*, *fetch_right*: compressed bytes that a pull of that image fetches where the other is; None if a size
    or what is there is not known. *counted*: reading them counted as pulls, as on Docker Hub.
    """

    left: Inspected
    right: Inspected
    same: bool
    layers: tuple[ComparedLayer, ...]
    lines: tuple[ConfigLine, ...]
    fetch_left: int | None
    fetch_right: int | None
    counted: bool = False

    def bytes_of(self, side: Side) -> int | None:
        """The compressed bytes of the layers on *side*, each content once; None if a size is not known."""
        sizes = {one.layer.name: one.layer.size for one in self.layers if one.side is side}
        known = [size for size in sizes.values() if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    def count(self, side: Side) -> int:
        """The number of layers on *side*."""
        return sum(one.side is side for one in self.layers)


class ComparedPackage(NamedTuple):
    """A package of either SBOM. *left*, *right*: its versions there, sorted; empty if it is not there."""

    name: str
    type: str
    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def same(self) -> bool:
        """True if both have the same versions."""
        return self.left == self.right


@dataclass(frozen=True, slots=True)
class ComparedPackages:
    """The packages that the SBOMs of both name, by name. *missing*: why there is nothing to compare, with the side that
    has no SBOM; BOTH if neither has one."""

    packages: tuple[ComparedPackage, ...] = ()
    missing: Side | None = None
