"""``repositories`` and ``search``: what the registries pane of the window shows."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.text import plain
from longshore.words import text, times

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.registry.listing import Lister, RepositoryInfo

#: Results of a search, as in ``docker search``.
_SEARCH_LIMIT = 25
_REPOSITORIES = """\
A registry that does not list its repositories for you says so: sign in, or use longshore tags with a repository.

examples:
  longshore repositories registry.example:5000
  longshore repositories ghcr.io/org --filter api
  longshore repositories docker.io --quiet --limit 100
"""
_SEARCH = """\
Docker Hub, Quay, Harbor and others search by themselves. In other registries the listed names are searched.

examples:
  longshore search nginx
  longshore search --registry quay.io --limit 10 prometheus
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    if command == "repositories":
        parser.epilog = _REPOSITORIES
        parser.add_argument("host", metavar="HOST", help="the registry, or a namespace of it: ghcr.io/org")
        parser.add_argument(
            "--filter", metavar="TEXT", default="", help="only repositories with this text in the name"
        )
        parser.add_argument("--limit", metavar="N", type=count_of, help="at most so many (default: all)")
        parser.set_defaults(run=repositories)
    else:
        parser.epilog = _SEARCH
        parser.add_argument("text", metavar="TEXT", help="what to search for")
        parser.add_argument(
            "--registry",
            metavar="HOST",
            dest="host",
            default=DOCKER_HUB,
            help="the registry (default: Docker Hub)",
        )
        parser.add_argument(
            "--limit",
            metavar="N",
            type=count_of,
            default=_SEARCH_LIMIT,
            help=f"at most so many results (default: {_SEARCH_LIMIT})",
        )
        parser.set_defaults(run=search)


def count_of(value: str) -> int:
    """A number of one or more from the command line, for argparse."""
    if not (value.isascii() and value.isdecimal()) or len(value) > 9 or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of 1 or more.")
    return int(value)


def repositories(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore repositories``."""
    wanted = arguments.filter.casefold()
    return _show(
        session,
        arguments,
        output,
        "",
        lambda one: wanted in one.name.casefold(),
        empty="No repositories found.",
    )


def search(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore search``."""
    query = " ".join(arguments.text.split())
    if not query:
        raise InvalidInput("The search text is empty.", advice="For example: longshore search nginx")
    return _show(
        session,
        arguments,
        output,
        query,
        lambda _: True,
        empty=f"No repository matches “{plain(query, 60)}”.",
    )


def _show(
    session: Session,
    arguments: argparse.Namespace,
    output: Output,
    query: str,
    passes: Callable[[RepositoryInfo], bool],
    *,
    empty: str,
) -> int:
    from longshore.application import listings
    from longshore.cancellation import Cancellation

    lister, host = _lister(session, arguments.host)
    listed = listings.repositories(lister, host, query, cancellation=Cancellation())
    found: Iterator[RepositoryInfo] = islice(filter(passes, listed), arguments.limit)
    if output.as_json or output.quiet:
        for one in found:  # as they come: a registry may have many pages
            output.record("repository", _values(host, one))
            output.result(_familiar(host, one.name))
        return exit_codes.DONE
    rows = list(found)
    if not rows:
        output.line(empty)
        return exit_codes.DONE
    _table(output, host, rows)
    return exit_codes.DONE


def _lister(session: Session, typed: str) -> tuple[Lister, str]:
    """The lister of a registry, or of a namespace of it, and the registry's host. Raises InvalidRegistryName."""
    from longshore.registry.config import parse_registry
    from longshore.registry.listing import lister_for

    config = parse_registry(typed)
    host, clients = config.host, session.clients
    if not config.namespace:
        return clients.lister(host), host
    known = replace(session.registries.config(host), namespace=config.namespace)
    return lister_for(known, clients.registry(host), clients.credential, environ=session.environ), host


def _values(host: str, one: RepositoryInfo) -> dict[str, Any]:
    """A repository in JSON. null: the registry does not report it."""
    return {
        "repository": f"{host}/{one.name}",
        "description": one.description or None,
        "stars": one.stars,
        "official": one.official,
        "private": one.private,
        "tags": one.tag_count,
        "updated": None if one.updated is None else times.aware(one.updated).isoformat(),
    }


def _familiar(host: str, name: str) -> str:
    """The name as other commands take it. A name that references cannot have is shown as the registry lists it."""
    try:
        return Reference(host, name).familiar_name
    except LongshoreError:
        return plain(f"{host}/{name}")


def _table(output: Output, host: str, rows: Iterable[RepositoryInfo]) -> None:
    """The columns that some of *rows* have."""
    cells = [
        {
            "REPOSITORY": text.safe(_familiar(host, one.name)),
            "TAGS": "" if one.tag_count is None else f"{one.tag_count:,}",
            "STARS": "" if one.stars is None else f"{one.stars:,}",
            "OFFICIAL": "official" if one.official else "",
            "ACCESS": "private" if one.private else "",
            "UPDATED": times.age(one.updated),
            "DESCRIPTION": text.safe(one.description),
        }
        for one in rows
    ]
    header = [column for column in cells[0] if any(row[column] for row in cells)]
    prose = header.index("DESCRIPTION") if "DESCRIPTION" in header else None
    output.table(header, [[row[column] for column in header] for row in cells], prose=prose)
