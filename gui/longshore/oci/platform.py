"""Operating system and processor of an image (OCI image-spec, image-index.md: the ``platform`` property)."""

from __future__ import annotations

import platform as this_machine
import re
from collections.abc import Iterator
from dataclasses import dataclass

from longshore.errors import InvalidInput
from longshore.text import plain

# Names that uname, Windows and people use, with Go's names for them (containerd/platforms database.go).
_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i486": ("386", ""),
    "i586": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv5l": ("arm", "v5"),
    "armv6l": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv8l": ("arm", "v8"),
    "loongarch64": ("loong64", ""),
    "powerpc64le": ("ppc64le", ""),
}
_SYSTEMS = {"macos": "darwin"}
# The variant that an architecture without a variant means.
_DEFAULT_VARIANTS = {"arm": "v7", "arm64": "v8", "amd64": "v1"}
_COMPONENT = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """A platform by Go's names, which images use. Immutable, any thread.

    *variant* of the processor (``v7``) and *os_version* (Windows builds, ``10.0.17763.1234``) are empty when
    not named. The spelling is kept for display (``linux/arm64/v8``); :meth:`matches` treats it as equal to
    ``linux/arm64``.
    """

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Parse ``os/architecture[/variant]``. Names such as x86_64 and aarch64 become Go's names.

        Raises InvalidInput, whose message says what is wrong.
        """
        parts = text.strip().split("/")
        if not 2 <= len(parts) <= 3 or not all(_COMPONENT.fullmatch(part) for part in parts):
            raise InvalidInput(
                f"“{plain(text, 80)}” is not a platform.",
                subject=text,
                advice="A platform is written as system/processor, for example linux/amd64 or linux/arm/v7.",
            )
        return cls.of(*parts)

    @classmethod
    def of(cls, system: str, architecture: str, variant: str = "", os_version: str = "") -> Platform:
        """A platform from names that machines and manifests use. Aliases are replaced."""
        system = system.lower()
        architecture, implied = _ARCHITECTURES.get(architecture.lower(), (architecture.lower(), ""))
        variant = variant.lower()
        if (architecture, variant) == ("arm64", "8") or (architecture == "arm" and variant.isdecimal()):
            variant = "v" + variant
        return cls(_SYSTEMS.get(system, system), architecture, variant or implied, os_version)

    @classmethod
    def host(cls) -> Platform:
        """The platform of Linux containers on this machine, also if the machine runs macOS or Windows."""
        return cls.of("linux", this_machine.machine() or "amd64")

    @property
    def known(self) -> bool:
        """False for ``unknown/unknown``, the platform of attestations in an index."""
        return self.os not in ("", "unknown") and self.architecture not in ("", "unknown")

    def matches(self, other: Platform) -> bool:
        """True if both mean the same platform, with default variants; ``os_version`` counts only if both name one."""
        return self._meaning == other._meaning and _same_build(self.os_version, other.os_version)

    def runs(self) -> Iterator[Platform]:
        """This platform, then older ones whose images also run on it, best first (containerd/platforms compare.go)."""
        system, architecture, variant = self._meaning
        number = int(variant[1:]) if re.fullmatch(r"v[0-9]", variant) else 0
        yield self
        if architecture in ("arm", "amd64"):
            oldest = 5 if architecture == "arm" else 1
            for older in range(number - 1, oldest - 1, -1):
                yield Platform(system, architecture, f"v{older}", self.os_version)
        elif architecture == "arm64":
            for older in range(8, 4, -1):
                yield Platform(system, "arm", f"v{older}", self.os_version)

    @property
    def _meaning(self) -> tuple[str, str, str]:
        plainly = Platform.of(self.os, self.architecture, self.variant)
        return (
            plainly.os,
            plainly.architecture,
            plainly.variant or _DEFAULT_VARIANTS.get(plainly.architecture, ""),
        )

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def _same_build(one: str, other: str) -> bool:
    """True if two Windows builds agree in their first three numbers; the fourth is the patch level."""
    return not one or not other or one.split(".")[:3] == other.split(".")[:3]
