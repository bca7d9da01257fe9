"""What tags point to now: asked one by one with HEAD, and remembered on disk with the time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from longshore.application.states import There
from longshore.application.tag_digests import missing
from longshore.errors import LongshoreError, NotInRegistry
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import NO_RECORDER, TagRecorder
from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.registry.checked_tags import CheckedTag, CheckedTags


class TagChecks:
    """Thread-safe. Every method except :meth:`close` blocks, and none raises except Cancelled.

    *cache*: what is remembered, None to remember nothing. *recorder*: learns what tags point to.
    """

    def __init__(
        self, clients: Clients, cache: CheckedTags | None, recorder: TagRecorder = NO_RECORDER
    ) -> None:
        self._clients = clients
        self._cache = cache
        self._recorder = recorder

    def known(self, references: Iterable[Reference]) -> dict[Reference, There]:
        """What is remembered of *references*. Sends no requests."""
        if self._cache is None:
            return {}
        return {one: self._there(one, found) for one, found in self._cache.get(references).items()}

    def ask(
        self, reference: Reference, cancellation: Cancellation, *, since: datetime | None = None
    ) -> There:
        """Ask the registry of *reference* with one HEAD; no manifest is read, whatever the registry responds.

        *since*: an answer that another Longshore got after that is good enough. Raises Cancelled.
        """
        if since is not None and self._cache is not None:
            found = self._cache.get([reference]).get(reference)
            if found is not None and since <= found.asked <= datetime.now(UTC):
                return self._there(reference, found)
        asked, begun = datetime.now(UTC), time.monotonic()
        try:
            head = self._clients.registry(reference.domain).head(
                reference.path, reference.target, strictly=True, cancellation=cancellation
            )
        except NotInRegistry:
            head = None
        except LongshoreError as error:
            return There(error=error, asked=asked)
        digest = "" if head is None else head.digest
        if digest and reference.tag is not None:
            self._recorder.saw(RegistryPlace(reference.domain), {reference: digest}, begun)
        return self.note({reference: (digest, asked)})[reference]

    def note(self, found: Mapping[Reference, tuple[str, datetime]]) -> dict[Reference, There]:
        """Remember what references were found to point to at a time, "" for no such tag."""
        from longshore.registry.checked_tags import CheckedTag

        if self._cache is None:
            known = {one: CheckedTag(digest, asked) for one, (digest, asked) in found.items()}
        else:
            known = self._cache.put(found)
        return {one: self._there(one, known[one]) for one in found}

    def _there(self, reference: Reference, found: CheckedTag) -> There:
        there = There(found.digest, asked=found.asked, before=found.before)
        if not found.digest:
            return replace(there, error=missing(reference))
        return replace(there, details=self._clients.registry(reference.domain).known_details(found.digest))
