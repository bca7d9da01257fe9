"""What looks like a secret among the values of an image: the one definition for window and command line. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Takes the place of a value that looks like a secret.
HIDDEN = "••••"
#: Names of variables whose values look like secrets.
_SECRET = re.compile(
    r"(?i)(passw|passphrase|secret|token|credential|api_?key|access_?key|private_?key|auth(?!or))"
)
#: ``user:password@`` in an address.
_USER = re.compile(r"(?<=://)[^/@\s:]{0,200}:[^/@\s]{1,500}(?=@)")
#: ``NAME=value`` in an instruction: build arguments and ENV of a history.
_ASSIGNED = re.compile(
    r"""(?<![^\s"'])([A-Za-z_][A-Za-z0-9_.-]{0,99}+)=("[^"]{1,2000}+"|'[^']{1,2000}+'|[^\s"']{1,2000}+)"""
)


def masked(name: str, value: str) -> str:
    """*value* of the variable or label *name*, without what looks like a secret in it."""
    if not value:
        return value
    return HIDDEN if _SECRET.search(name[:300]) else _USER.sub(HIDDEN, value)


def masked_line(line: str) -> str:
    """*line* of a history or a command, without the values of assignments that look like secrets, and passwords in
    addresses."""
    hidden = _ASSIGNED.sub(
        lambda found: f"{found[1]}={HIDDEN}" if _SECRET.search(found[1]) else found[0], line
    )
    return _USER.sub(HIDDEN, hidden)


def environment(variables: Sequence[str], *, secrets: bool = False) -> list[tuple[str, str]]:
    """Names and values of *variables* (``NAME=value``). Values that look like secrets are hidden unless *secrets*."""
    pairs = [variable.partition("=")[::2] for variable in variables]
    return [(name, value if secrets else masked(name, value)) for name, value in pairs]
