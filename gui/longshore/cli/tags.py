"""``tags``: the tags of a repository, as the window shows them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longshore.application.name_patterns import matches, patterns
from longshore.cli import exit_codes
from longshore.cli.output import Output, error_values
from longshore.cli.repositories import count_of
from longshore.errors import InvalidInput, LongshoreError
from longshore.language import tr
from longshore.naturalsort import natural_key
from longshore.oci.attached_tags import is_digest_like
from longshore.oci.grammar import valid_tag
from longshore.oci.reference import Reference
from longshore.transfers.transfer import RegistryPlace
from longshore.words import errors, text, times

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.registry.model import TagDetails

#: Tags whose details are read before they are printed as objects.
_AT_ONCE = 120
_EPILOG = """\
The newest come first, by their natural order: 2.10, 2.9, 2.9-rc1. --quiet prints whole references,
with --details pinned to their digests.

--history shows what the tags pointed to before and after each change that Longshore made or saw. Its IDs
are those of the command undo.

--details reads the manifest of each tag, except on Docker Hub, where that would count as a pull and its API has
the details. Sizes are compressed, of this machine's platform or the first.

examples:
  longshore tags alpine --limit 10
  longshore tags ghcr.io/org/app --filter '1.* !*-rc*' --details
  longshore tags registry.example:5000/team/app --json
  longshore tags registry.example:5000/team/app --history
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("repository", metavar="REPOSITORY", help="such as alpine or ghcr.io/org/app")
    parser.add_argument(
        "--filter",
        metavar="PATTERNS",
        default="",
        help="only tags that match, such as '1.* !*-rc*' (! excludes)",
    )
    parser.add_argument("--details", action="store_true", help="also digest, size, date and platforms")
    parser.add_argument("--limit", metavar="N", type=count_of, help="only the newest N")
    parser.add_argument(
        "--history",
        action="store_true",
        help="what the tags pointed to, as far as Longshore changed or saw it",
    )
    parser.add_argument("--all", action="store_true", help="also the tags of signatures (sha256-…)")
    parser.set_defaults(run=tags)


def tags(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore tags``."""
    from longshore.application import listings
    from longshore.cancellation import Cancellation

    repository = Reference.parse_input(arguments.repository)
    if arguments.history and repository.digest is None:
        return _history(session, repository, arguments, output)
    if repository.tag is not None or repository.digest is not None:
        raise InvalidInput(
            "Name the repository only.",
            subject=repository.familiar,
            advice=f"Use {repository.familiar_name}, or longshore inspect {repository.familiar}.",
        )
    host, path = repository.domain, repository.path
    wanted = patterns(arguments.filter)
    cancellation = Cancellation()
    found = [
        tag
        for tag in listings.tags(session.clients.lister(host), host, path, cancellation=cancellation)
        if valid_tag(tag.name)
        and matches(wanted, tag.name)
        and (arguments.all or not is_digest_like(tag.name))
    ]
    found.sort(key=lambda tag: natural_key(tag.name), reverse=True)
    found = found[: arguments.limit]
    if not found:
        if not (output.as_json or output.quiet):
            # Not among the names on standard output.
            output.warning(tr("No tags match.") if arguments.filter else tr("The repository has no tags."))
        return exit_codes.DONE
    if not arguments.details:
        for tag in found:
            output.record("tag", _values(repository, tag.name, tag.details))
            output.result(repository.with_tag(tag.name).familiar if output.quiet else tag.name)
        return exit_codes.DONE
    rows: list[_Row] = []
    for start in range(0, len(found), _AT_ONCE):
        part, asked = found[start : start + _AT_ONCE], time.monotonic()
        details = listings.details(session.clients.registry(host), path, part, cancellation)
        read = [_Row(tag.name, one) for tag, one in zip(part, details, strict=True)]
        for row in read:
            _report(output, repository, row)
        rows += read
        seen = {repository.with_tag(row.tag): row.details.digest for row in read if row.details is not None}
        session.clients.recorder.saw(RegistryPlace(host), seen, asked)
    if not output.quiet:
        _table(output, rows)
    return exit_codes.of_codes([row.code for row in rows])


def _history(session: Session, repository: Reference, arguments: argparse.Namespace, output: Output) -> int:
    """Print the changes of the repository's tags, or of one, the latest first. The registry is not asked."""
    from longshore.cli.tag_values import change_table

    wanted = patterns(arguments.filter)
    found = session.tag_history.of_repository(RegistryPlace(repository.domain), repository)
    records = [
        record for record in found if matches(wanted, record.tag) and repository.tag in (None, record.tag)
    ][: arguments.limit]
    if records or output.as_json:
        change_table(output, records, session.library().path)
    else:
        output.line("No changes are known.")
    return exit_codes.DONE


@dataclass(frozen=True, slots=True)
class _Row:
    """A tag with its details, or with why they could not be read."""

    tag: str
    found: TagDetails | LongshoreError

    @property
    def error(self) -> LongshoreError | None:
        """Why there are no details; None if there are."""
        return self.found if isinstance(self.found, LongshoreError) else None

    @property
    def details(self) -> TagDetails | None:
        """The details, None if they could not be read."""
        return None if isinstance(self.found, LongshoreError) else self.found

    @property
    def code(self) -> int:
        """The exit code for this tag alone."""
        return exit_codes.DONE if self.error is None else exit_codes.of_error(self.error)


def _report(output: Output, repository: Reference, row: _Row) -> None:
    """Print what does not wait for the whole table."""
    values = _values(repository, row.tag, row.details)
    output.record("tag", {**values, "error": None if row.error is None else error_values(row.error)})
    if not output.quiet:
        return
    if row.details is None:
        assert row.error is not None
        output.error(row.error)
    else:
        output.result(f"{repository.with_tag(row.tag).familiar}@{row.details.digest}")


def _values(repository: Reference, tag: str, details: TagDetails | None) -> dict[str, Any]:
    """A tag in JSON. Fields are null where they were not read."""
    return {
        "repository": repository.name,
        "tag": tag,
        "reference": str(repository.with_tag(tag)),
        "digest": None if details is None else details.digest or None,
        "media_type": None if details is None else details.media_type or None,
        "size_compressed": None if details is None else details.size,
        "created": None
        if details is None or details.created is None
        else times.aware(details.created).isoformat(),
        "platforms": None if details is None else [str(platform) for platform in details.platforms],
    }


def _table(output: Output, rows: Sequence[_Row]) -> None:
    cells = []
    for row in rows:
        if row.details is None:
            assert row.error is not None
            cells.append([row.tag, "", "", "", errors.message(row.error)])
        else:
            one = row.details
            platforms = ", ".join(text.safe(str(platform)) for platform in one.platforms)
            cells.append([row.tag, one.digest, text.size(one.size), times.age(one.created), platforms])
    output.table(("TAG", "DIGEST", "SIZE", "CREATED", "PLATFORMS"), cells, elided=1, prose=4)
