"""The existing platforms: typed platforms are checked before they are requested from an engine or a registry.

The pairs are those that Go builds for (``go tool dist list`` of Go 1.24), because images use Go's platform names,
and ``wasi`` as engines name it. The variants are containerd's (platforms/database.go) and Go's (GOARM, GOARM64,
GOAMD64, GOPPC64, GOMIPS, GORISCV64, GO386).
"""

from __future__ import annotations

import difflib
import re

from longshore.errors import InvalidInput
from longshore.oci.platform import Platform
from longshore.text import plain

_SYSTEMS = {
    "aix": "ppc64",
    "android": "386 amd64 arm arm64",
    "darwin": "amd64 arm64",
    "dragonfly": "amd64",
    "freebsd": "386 amd64 arm arm64 riscv64",
    "illumos": "amd64",
    "ios": "amd64 arm64",
    "js": "wasm",
    "linux": "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x",
    "netbsd": "386 amd64 arm arm64",
    "openbsd": "386 amd64 arm arm64 mips64 ppc64 riscv64",
    "plan9": "386 amd64 arm",
    "solaris": "amd64",
    "wasi": "wasm wasm32",
    "wasip1": "wasm wasm32",
    "windows": "386 amd64 arm arm64",
}
_FLOATS = re.compile(r"hardfloat|softfloat")
_POWER = re.compile(r"power(8|9|10)")
_VARIANTS = {
    "386": re.compile(r"sse2|softfloat"),
    "amd64": re.compile(r"v[1-4]"),
    "arm": re.compile(r"v[5-8]"),
    "arm64": re.compile(r"v8(\.[0-9])?|v9(\.[0-5])?"),
    "mips": _FLOATS,
    "mips64": _FLOATS,
    "mips64le": _FLOATS,
    "mipsle": _FLOATS,
    "ppc64": _POWER,
    "ppc64le": _POWER,
    "riscv64": re.compile(r"rva2[0-3]u64"),
}
#: Every pair of a system and a processor that it runs on, without variants.
KNOWN = tuple(
    f"{system}/{processor}" for system, processors in _SYSTEMS.items() for processor in processors.split()
)


def parse_known(text: str) -> Platform:
    """Parse what a person typed, like :meth:`Platform.parse`. Any thread.

    Also raises InvalidInput for a platform that does not exist; its advice suggests the most similar one.
    """
    platform = Platform.parse(text)
    pair = plain(f"{platform.os}/{platform.architecture}", 80)
    if pair not in KNOWN:
        raise InvalidInput(f"There is no platform {pair}.", subject=text, advice=_advice(pair))
    variants = _VARIANTS.get(platform.architecture)
    if platform.variant and (variants is None or not variants.fullmatch(platform.variant)):
        raise InvalidInput(
            f"{platform.architecture} has no variant {plain(platform.variant, 40)}.",
            subject=text,
            advice=f"Leave out the variant to get the default: {pair}.",
        )
    return platform


def _advice(pair: str) -> str:
    system, _, processor = pair.partition("/")
    if system in _SYSTEMS:
        near = difflib.get_close_matches(processor, _SYSTEMS[system].split(), 1, 0.75)
        if near:
            return f"Did you mean {system}/{near[0]}?"
        return f"{system} images exist for {_SYSTEMS[system].replace(' ', ', ')}."
    close = difflib.get_close_matches(pair, KNOWN, 1, 0.8)
    return f"Did you mean {close[0]}?" if close else "Common platforms are linux/amd64 and linux/arm64."
