"""Advice of errors for who has no window: a person at a terminal, or a program.

Errors advise what the window offers. Here is the same for the others, part of a sentence by part, in one place.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

from longshore.errors import LongshoreError


class FrontEnd(enum.IntEnum):
    """Where the advice is read. The values are columns of the table."""

    TERMINAL = 1
    PROGRAM = 2


_USE_PATH = "put its CA file at"
_USE_PAIR = "Put client.cert and client.key, which the engine uses too, into"
_PEM = "They must be PEM files, from the registry's settings or the engine's certs.d folder."
#: The window's words, those for a terminal, and those for a program; in this order, because later ones are shorter.
TABLE: tuple[tuple[str, str, str], ...] = (
    (
        "Use Sign in…, then try again.",
        "Sign in, then try again.",
        "Sign in with docker login or longshore login, then try again.",
    ),
    (
        "Add the registry first, then use Sign in…",
        "Leave it out: longshore login asks for it.",
        "Leave it out; what docker login and longshore login stored is used.",
    ),
    ("Sign in…", "Sign in", "Sign in"),
    ("and Sign in ", "and sign in ", "and sign in "),
    ("Add the registry with", "Name the registry with", "Name the registry with"),
    ("add the registry with", "name the registry with", "name the registry with"),
    (
        "Or pin a repository by name.",
        "Or use longshore tags with a repository.",
        "Or use the name of a repository.",
    ),
    (
        "Pin a repository by name, or paste a reference into Pull….",
        "Use the name of a repository or an image.",
        "Use the name of a repository or an image.",
    ),
    (
        "Paste a reference into Pull…, or pin a repository by name.",
        "Use the name of an image.",
        "Use the name of an image.",
    ),
    (
        "The entries read so far are shown. Paste a reference for anything missing.",
        "Name an image with its tag instead.",
        "Name an image with its tag instead.",
    ),
    (", or sign in until Longshore closes", "", ""),
    ("Close other Longshore windows and", "Close other programs that change it, and",
     "Close other programs that change it, and"),
    (
        "trust it, or choose its CA file in the registry's settings. The engine checks it too: put the CA file at",
        _USE_PATH,
        _USE_PATH,
    ),
    (
        "mark the registry as insecure here",
        "use longshore --registry http://{registry}",
        "mark the registry as insecure in Longshore's settings",
    ),
    (
        "Choose a client certificate and its key in the registry's settings. The engine takes client.cert and "
        "client.key from",
        _USE_PAIR,
        _USE_PAIR,
    ),
    (
        "Choose them again in the registry's settings, as PEM files; see also the engine's certs.d folder.",
        _PEM,
        _PEM,
    ),
    ("Pull it, or choose another.", "See longshore images --from library.", "Pull it first."),
    (": see the list.", ": see longshore images.", "."),
    ("See longshore images --from library.", "See longshore images --from library.", "Pull it first."),
    ("See longshore images.", "See longshore images.", "Pull it first."),
    ("in Keys….", "with longshore keys.", "with longshore keys."),
    ("change --engine", "change --engine", "use another address"),
    ("name the engine with --engine or DOCKER_HOST", "name the engine with --engine or DOCKER_HOST",
     "name the engine, or set DOCKER_HOST"),
    ("use docker-daemon:NAME with --engine", "use docker-daemon:NAME with --engine",
     "use docker-daemon:NAME with its address"),
)  # fmt: skip


def adapted(advice: str, front_end: FrontEnd, registry: str = "") -> str:
    """*advice*, which is for the window, for *front_end*. *registry*: the host that the error concerns."""
    for row in TABLE:
        if row[0] in advice:
            advice = advice.replace(row[0], row[front_end].replace("{registry}", registry))
    return advice


@contextlib.contextmanager
def for_programs() -> Iterator[None]:
    """Adapt the advice of the errors that are raised inside. Also a decorator. Any thread."""
    try:
        yield
    except LongshoreError as error:
        error.advice = adapted(error.advice, FrontEnd.PROGRAM, error.registry)
        raise
