"""Finds the reference in pasted text: commands, lines of YAML and Dockerfiles, addresses of registry pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from longshore.errors import InvalidReference
from longshore.text import plain

_PROMPT = re.compile(r"(?:[$#%>\u276f\u279c]|PS [^>]*>|C:[^>]*>)\s+")
_YAML_IMAGE = re.compile(r"(?:-\s+)?[\"']?image[\"']?\s*:\s+(?P<value>.+)", re.IGNORECASE)
_FROM_LINE = re.compile(r"FROM\s+(?P<rest>.+)", re.IGNORECASE)
_YAML_COMMENT = re.compile(r"\s#.*$")
_TRANSPORT = re.compile(r"(?:docker|oci|registry)://", re.IGNORECASE)
_DIGEST_ALONE = re.compile(r"@?(?:sha256|sha512):[0-9a-fA-F]+")

_PROGRAMS = ("docker", "podman", "nerdctl")
# Options whose value is the next word. All others have no value or take it after "=".
_WITH_VALUE = frozenset(
    [
        # docker and nerdctl, before the command
        *("--config", "--context", "-c", "--host", "-H", "--log-level", "-l", "--tlscacert", "--tlscert"),
        *("--tlskey", "--namespace", "-n", "--address", "-a", "--snapshotter"),
        # the pull commands
        *("--platform", "--arch", "--os", "--variant", "--authfile", "--creds", "--cert-dir", "--policy"),
        *("--decryption-key", "--retry", "--retry-delay", "--unpack", "--verify", "--cosign-key"),
    ]
)
_ALL_TAGS = ("-a", "--all-tags")

_ADVICE = "Enter one reference, for example postgres:16 or registry.example.com/team/app:1.0."


def unwrap(text: str) -> tuple[str, str | None]:
    """The text of the reference in *text*, and of its platform if there is one. Neither is checked yet.

    Raises InvalidReference if *text* is a command or a page without exactly one reference.
    """
    text = text.replace("\\\n", " ").replace("\\\r\n", " ").strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        raise InvalidReference("This is more than one line.", advice=_ADVICE)
    line = _unquoted(lines[0]) if lines else ""
    prompt = _PROMPT.match(line)
    if prompt:
        line = line[prompt.end() :].strip()
    yaml = _YAML_IMAGE.fullmatch(line)
    if yaml:
        return _unquoted(_YAML_COMMENT.sub("", yaml.group("value")).rstrip(",")), None
    source = _FROM_LINE.fullmatch(line)
    if source:
        return _from_line(source.group("rest"), text)
    words = _words(line)
    if words and words[0] == "sudo":
        words = words[1:]
    if len(words) > 1 and words[0] in _PROGRAMS:
        return _pull(words)
    line = _TRANSPORT.sub("", line, count=1) if _TRANSPORT.match(line) else line
    if line.lower().startswith(("https://", "http://")):
        return _page(line), None
    if _DIGEST_ALONE.fullmatch(line):
        raise InvalidReference(
            "A digest alone does not name a repository.",
            subject=text,
            advice="Put the repository before it, as in postgres@sha256:….",
        )
    return line, None


def _unquoted(text: str) -> str:
    text = text.strip()
    for quote in ("“”", "\u2018\u2019", '""', "''", "``"):
        if len(text) >= 2 and text[0] == quote[0] and text[-1] == quote[1]:
            return text[1:-1].strip()
    return text


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # an open quote
        return line.split()


def _pull(words: Sequence[str]) -> tuple[str, str | None]:
    """``docker [options] [image] pull [options] REFERENCE``. Errors never repeat options: ``--creds`` is a secret."""
    named, platform, options = _sorted_out(words[1:])
    command = named[:2] if named[:1] == ["image"] else named[:1]
    if command not in (["pull"], ["image", "pull"]):
        said = plain(" ".join([words[0], *command]), 60)
        raise InvalidReference(f"“{said}” is not a pull command.", advice=_ADVICE)
    if any(option in _ALL_TAGS for option in options):
        raise InvalidReference(
            "One reference can't pull all tags of a repository.",
            advice="Select the tags in the repository's list and pull them.",
        )
    images = named[len(command) :]
    if len(images) != 1:
        said = "names no image" if not images else f"names {len(images)} images"
        raise InvalidReference(f"The pull command {said}.", subject=" ".join(images), advice=_ADVICE)
    return _TRANSPORT.sub("", images[0], count=1), platform


def _sorted_out(words: Sequence[str]) -> tuple[list[str], str | None, list[str]]:
    """The words that are not options, the platform, and the options without values."""
    named: list[str] = []
    options: list[str] = []
    platform: str | None = None
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif not word.startswith("-") or word == "-":
            named.append(word)
        elif word.startswith("--platform="):
            platform = word.partition("=")[2]
        elif word == "--platform" and index + 1 < len(words):
            platform, skip = words[index + 1], True
        elif word in _ALL_TAGS and "pull" in named:
            options.append(word)
        elif word in _WITH_VALUE:
            skip = True
        else:
            options.append(word)
    return named, platform, options


def _from_line(rest: str, text: str) -> tuple[str, str | None]:
    """``FROM [--platform=…] REFERENCE [AS name]`` of a Dockerfile."""
    named, platform, _ = _sorted_out(rest.split())
    if not named or (len(named) > 1 and (len(named) != 3 or named[1].lower() != "as")):
        raise InvalidReference("The FROM line does not name a single image.", subject=text, advice=_ADVICE)
    # Only the build knows the values of $BUILDPLATFORM and similar variables.
    return named[0], None if platform is not None and platform.startswith("$") else platform


def _page(url: str) -> str:
    """The reference that a registry's web page shows, or the address without its scheme."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise _unknown_page(url) from None
    if parts.username is not None or parts.password is not None:
        # Not repeated: it may contain a secret.
        raise InvalidReference("The address contains a user name or password.", advice=_ADVICE)
    path = [unquote(piece) for piece in parts.path.split("/") if piece]
    if host in ("hub.docker.com", "www.docker.com"):
        return _hub_page(path, url)
    if host == "quay.io" and path[:1] == ["repository"] and len(path) >= 3:
        return "/".join(["quay.io", *path[1:3]])
    if host == "github.com":
        return _github_page(path, url)
    if parts.query or parts.fragment or not path:
        raise _unknown_page(url)
    return f"{parts.netloc}{parts.path.rstrip('/')}"


def _hub_page(path: list[str], url: str) -> str:
    if path[:1] == ["_"] and len(path) >= 2:
        return path[1]
    if path[:1] == ["r"] and len(path) >= 3:
        return f"docker.io/{path[1]}/{path[2]}"
    if path[:2] == ["repository", "docker"] and len(path) >= 4:
        return f"docker.io/{path[2]}/{path[3]}"
    if path[:1] == ["layers"] and len(path) >= 4:
        return f"docker.io/{path[1]}/{path[2]}:{path[3]}"
    raise _unknown_page(url)


def _github_page(path: list[str], url: str) -> str:
    # /OWNER/REPOSITORY/pkgs/container/NAME and /orgs/OWNER/packages/container/package/NAME
    if len(path) >= 5 and path[2:4] == ["pkgs", "container"]:
        return f"ghcr.io/{path[0]}/{path[4]}".lower()
    if len(path) >= 6 and path[0] in ("orgs", "users") and path[2:5] == ["packages", "container", "package"]:
        return f"ghcr.io/{path[1]}/{path[5]}".lower()
    raise _unknown_page(url)


def _unknown_page(url: str) -> InvalidReference:
    shown = url.partition("?")[0].partition("#")[0]
    return InvalidReference("This address does not name an image.", subject=shown, advice=_ADVICE)
