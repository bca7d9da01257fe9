"""The contents of a reference in its registry, before a copy: its digest, its platforms, their sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.application.pushes import existing
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.manifest import Index
from longshore.oci.platform import Platform
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.inspection.pulling import PullChoices
    from longshore.application.requests import LocalPlace


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a reference.

    *size*: total compressed bytes, 0 if unknown. *platforms*: the platforms of an index with their compressed bytes, in
    its order, without attestations; empty if the reference does not point to an index.
    """

    digest: str
    size: int
    platforms: tuple[tuple[Platform, int], ...] = ()


class ContentsReader:
    """Reads contents from registries. GUI thread; the requests run in worker threads."""

    def __init__(self, clients: Clients, tasks: Tasks) -> None:
        self._clients = clients
        self._tasks = tasks

    def read(
        self,
        references: Iterable[Reference],
        found: Callable[[Reference, Contents | LongshoreError], None],
    ) -> None:
        """Report the contents of each reference, or the error, to *found*, one by one, in the GUI thread."""
        for reference in references:
            told = partial(found, reference)
            self._tasks.run(
                self._tasks.listing, partial(self._ask, reference), done=told, failed=told, name="contents"
            )

    def read_platforms(
        self, references: Iterable[Reference], found: Callable[[Reference, tuple[Platform, ...]], None]
    ) -> None:
        """Report the platforms of each index that one of *references* points to, to *found*, in the GUI thread."""

        def told(reference: Reference, platforms: tuple[Platform, ...]) -> None:
            if platforms:
                found(reference, platforms)

        for reference in references:
            self._tasks.run(
                self._tasks.listing,
                partial(self._ask_platforms, reference),
                done=partial(told, reference),
                name="platforms",
            )

    def read_choices(
        self,
        reference: Reference,
        place: LocalPlace,
        found: Callable[[Reference, PullChoices | LongshoreError], None],
    ) -> Cancellation:
        """Report what a pull of *reference* into *place* can choose from, first without and then with what is to fetch.

        Everything is reported to *found*, in the GUI thread. On Docker Hub it counts as a pull: only ask when the user
        does.
        """

        def costs(choices: PullChoices) -> None:
            found(reference, choices)
            if any(one.layers for one in choices.choices):
                self._tasks.run(
                    self._tasks.listing,
                    partial(self._with_costs, choices, place),
                    done=partial(found, reference),
                    failed=lambda _: None,  # the sizes are known all the same
                    name="what is to fetch",
                )

        return self._tasks.run(
            self._tasks.listing,
            partial(self._choices, reference, place),
            done=costs,
            failed=partial(found, reference),
            name="platforms to choose from",
        )

    def _choices(self, reference: Reference, place: LocalPlace, cancellation: Cancellation) -> PullChoices:
        from longshore.application.inspection.pulling import pull_choices

        return pull_choices(reference, place, self._clients, cancellation)

    def _with_costs(self, choices: PullChoices, place: LocalPlace, cancellation: Cancellation) -> PullChoices:
        from longshore.application.inspection.pulling import choices_here, with_costs
        from longshore.application.inspection.sharing import known_images

        here = choices_here(choices, place, self._clients)
        return with_costs(choices, known_images(place, self._clients, cancellation), here)

    def _ask_platforms(self, reference: Reference, cancellation: Cancellation) -> tuple[Platform, ...]:
        found = existing(self._clients, reference, cancellation)
        return () if found is None else found.platforms

    def _ask(self, reference: Reference, cancellation: Cancellation) -> Contents:
        client = self._clients.registry(reference.domain)
        manifest = client.manifest(reference, cancellation=cancellation)
        if not isinstance(manifest, Index):
            return Contents(manifest.digest, manifest.compressed_size)
        if reference.domain == DOCKER_HUB:
            # It counts every manifest read as a pull: sizes are not worth one pull each.
            unknown = tuple((child.platform, 0) for child in manifest.images if child.platform is not None)
            return Contents(manifest.digest, 0, unknown)
        details = client.platform_details(reference.path, manifest, cancellation=cancellation)
        platforms = tuple((one.platform, one.size) for one in details if one.platform is not None)
        return Contents(manifest.digest, sum(one.size for one in details), platforms)
