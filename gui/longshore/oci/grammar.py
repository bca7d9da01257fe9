"""The grammar of image references, and messages that say how a text violates it.

Rules and limits are those of github.com/distribution/reference (regexp.go, normalize.go, reference.go), which
the Docker engine, the docker CLI and containerd use.
"""

from __future__ import annotations

import re

from longshore.errors import InvalidReference
from longshore.oci.digest import check_digest
from longshore.text import plain

#: Docker Hub's name in references.
DOCKER_HUB = "docker.io"
OFFICIAL = "library"
LARGEST_PATH = 255  # characters, without the registry
LARGEST_TAG = 128

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"

domain_pattern = re.compile(_DOMAIN)
path_pattern = re.compile(_PATH)
tag_pattern = re.compile(_TAG)
#: Groups: path, tag, text after "@".
remainder_pattern = re.compile(rf"({_PATH})(?::({_TAG}))?(?:@(.*))?", re.DOTALL)

_BARE_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_COMPONENT_PATTERN = re.compile(_COMPONENT)

_EXAMPLE = "For example: postgres:16 or registry.example.com/team/app:1.0."
_PATH_ADVICE = "Names can contain a-z, 0-9 and, between them, “.”, “_”, “-” and “/”, for example team/app."
_TAG_ADVICE = "Tags can contain letters, digits, “_”, “.” and “-”, at most 128, for example 1.0 or latest."
_DOMAIN_ADVICE = "A registry is a host with an optional port: registry.example.com or 127.0.0.1:5000."


def valid_tag(text: str) -> bool:
    """True if *text* is a valid tag. Any thread."""
    return tag_pattern.fullmatch(text) is not None


def check_tag(text: str) -> str:
    """Return *text* if it is a valid tag; raise InvalidReference that says what is wrong. Any thread."""
    if valid_tag(text):
        return text
    raise InvalidReference(_tag_problem(text), subject=text, advice=_TAG_ADVICE)


def check_path(text: str) -> str:
    """Return *text* if it is a valid repository path (without the registry); raise InvalidReference. Any thread."""
    if path_pattern.fullmatch(text) and len(text) <= LARGEST_PATH:
        return text
    raise InvalidReference(_path_problem(text), subject=text, advice=_PATH_ADVICE)


def check_domain(text: str) -> str:
    """Return *text* if it is a valid registry in references; raise InvalidReference. Any thread."""
    if domain_pattern.fullmatch(text):
        return text
    raise InvalidReference(_domain_problem(text), subject=text, advice=_DOMAIN_ADVICE)


def split_domain(name: str) -> tuple[str, str]:
    """Registry and remainder of a reference as Docker splits it (normalize.go, splitDockerDomain).

    The part before the first “/” is a registry only if it is ``localhost`` or contains “.”, “:” or an upper
    case letter, which no path may have. Otherwise the whole name is a path on Docker Hub.
    """
    first, slash, rest = name.partition("/")
    if not slash:
        return DOCKER_HUB, f"{OFFICIAL}/{name}"
    if first == "index.docker.io":
        domain, remainder = DOCKER_HUB, rest
    elif first == "localhost" or "." in first or ":" in first or first.lower() != first:
        domain, remainder = first, rest
    else:
        domain, remainder = DOCKER_HUB, name
    if domain == DOCKER_HUB and "/" not in remainder:
        remainder = f"{OFFICIAL}/{remainder}"
    return domain, remainder


def is_identifier(text: str) -> bool:
    """True for 64 hexadecimal digits: an image id, which engines refuse as a repository name."""
    return _BARE_IDENTIFIER.fullmatch(text) is not None


def explain(text: str) -> InvalidReference:
    """The error for *text*, which is not a reference. It names the first invalid part and gives an example."""
    if "://" in text:  # may contain a password: not repeated
        scheme = plain(text.partition("://")[0], 40)
        return InvalidReference(f"A reference can't start with “{scheme}://”.", advice=_EXAMPLE)
    if "/" in text.partition("@")[2]:  # may contain a password: not repeated
        return InvalidReference(
            "A reference can't contain a user name or password before “@”.", advice=_EXAMPLE
        )
    if is_identifier(text):
        return InvalidReference(
            "64 hexadecimal digits are an image's id, not the name of a repository.",
            subject=text,
            advice="Enter the repository instead of the id. " + _EXAMPLE,
        )
    if not text:
        return InvalidReference("The reference is empty.", advice=_EXAMPLE)
    if any(char.isspace() for char in text):
        return InvalidReference(
            f"“{plain(text, 100)}” contains a space; image names can't.", subject=text, advice=_EXAMPLE
        )
    try:
        _check_parts(text)
    except InvalidReference as error:
        return InvalidReference(error.message, subject=text, advice=error.advice)
    return InvalidReference(f"“{plain(text, 100)}” is not an image reference.", subject=text, advice=_EXAMPLE)


def _check_parts(text: str) -> None:
    named, at, digest = text.partition("@")
    domain, remainder = split_domain(named)
    path, colon, tag = remainder.partition(":")
    check_domain(domain)
    if "/" not in named:
        check_path(path.removeprefix(f"{OFFICIAL}/"))  # the error must not show a prefix that nobody typed
    check_path(path)
    if colon:
        check_tag(tag)
    if at:
        check_digest(digest)


def _path_problem(path: str) -> str:
    shown = plain(path, 100)
    if not path:
        return "The name of the repository is missing."
    if len(path) > LARGEST_PATH:
        return f"The repository's name has {len(path)} characters; at most {LARGEST_PATH} are allowed."
    if path.lower() != path:
        return f"The repository's name “{shown}” has upper case letters; it must be lower case."
    if path.startswith("/") or path.endswith("/") or "//" in path:
        return f"The repository's name “{shown}” has a “/” with nothing before or after it."
    strange = _first_strange(path, "abcdefghijklmnopqrstuvwxyz0123456789._-/")
    if strange:
        return f"The repository's name “{shown}” contains {strange}, which is not allowed there."
    for component in path.split("/"):
        if _COMPONENT_PATTERN.fullmatch(component):
            continue
        part = plain(component, 100)
        if component[0] in "._-" or component[-1] in "._-":
            return f"“{part}” in the repository's name must begin and end with a letter or a digit."
        return f"“{part}” in the repository's name has consecutive separators; only “-” and “__” may repeat."
    return f"“{shown}” is not the name of a repository."


def _tag_problem(tag: str) -> str:
    shown = plain(tag, 60)
    if not tag:
        return "The tag after “:” is missing."
    strange = _first_strange(tag, "", also_letters=True)
    if strange:
        return f"The tag “{shown}” contains {strange}, which is not allowed there."
    if tag[0] in ".-":
        return f"The tag “{shown}” begins with “{tag[0]}”; it must begin with a letter, a digit or “_”."
    return f"The tag “{shown}” has {len(tag)} characters; at most {LARGEST_TAG} are allowed."


def _domain_problem(domain: str) -> str:
    shown = plain(domain, 100)
    if not domain:
        return "The registry's name before the first “/” is missing."
    host, colon, port = domain.rpartition(":")
    if domain.startswith("["):
        inside, bracket, after = domain[1:].partition("]")
        if not bracket:
            return f"The registry's address “{shown}” is missing its closing “]”."
        if "%" in inside:
            return f"The registry's address “{shown}” has a zone, which references can't contain."
        if not after or re.fullmatch(r":[0-9]+", after):
            return f"The registry's address “{shown}” is not an IPv6 address."
    elif domain.count(":") > 1:
        return f"An IPv6 address needs brackets, as in [{plain(domain, 60)}]."
    if colon and not re.fullmatch(r"[0-9]+", port):
        return f"The registry's port “{plain(port, 40)}” in “{shown}” is not a number."
    strange = _first_strange(host if colon else domain, ".-", also_letters=True, underscore=False)
    if strange:
        return f"The registry's name “{shown}” contains {strange}, which is not allowed there."
    return f"“{shown}” is not the name of a registry."


def _first_strange(text: str, allowed: str, *, also_letters: bool = False, underscore: bool = True) -> str:
    """The first character that is not allowed, in words; empty if there is none."""
    for char in text:
        if char in allowed:
            continue
        if char == "_" and underscore:
            continue
        if also_letters and char.isascii() and (char.isalnum() or char in ".-"):
            continue
        shown = plain(char)
        if char.isspace():
            return "a space"
        return f"“{shown}”" if shown else f"an invisible character (U+{ord(char):04X})"
    return ""
