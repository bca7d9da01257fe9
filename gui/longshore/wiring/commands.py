"""Commands for what is selected, as *Copy as command* offers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import QObject, Slot

from longshore.application import requests
from longshore.application.mirrors.rules import MirrorRule
from longshore.application.terminal import Terminal
from longshore.engine.container_model import RunRequest
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.transfers.transfer import EnginePlace, TransferRequest
from longshore.widgets.command_menu import Lines
from longshore.widgets.main_window import MainWindow

#: Maximum rows to make lines for: a menu opens at once.
MOST = 200


class Commands(QObject):
    """Makes the lines for rows, sheets and rules. GUI thread.

    Docker's contexts are read in a worker, at the start and whenever the list of engines opens or the place changes.
    """

    def __init__(self, window: MainWindow, operations: Operations, environ: Mapping[str, str]) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._environ = environ
        self._terminal: Terminal | None = None
        window.image_pane.lines_of = self.of_images
        window.registry_pane.lines_of = self.of_references
        window.transfer_pane.lines_of = self.of_requests
        window.image_pane.engines_requested.connect(self.read)
        operations.images.status_changed.connect(self.read)
        self.read()

    @Slot()
    def read(self) -> None:
        """Read what a command finds in a terminal now."""
        library = self._operations.images.library.path
        registry = self._operations.registries.book.config
        tasks = self._operations.tasks
        tasks.run(
            tasks.quick,
            lambda _: Terminal.read(self._environ, library, registry),
            done=self._found,
            name="read contexts for commands",
        )

    def _found(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def of_requests(self, wanted: Sequence[TransferRequest]) -> Lines:
        """Return the lines of transfers; none for very many."""
        from longshore.application.command_lines import command_lines

        if self._terminal is None or len(wanted) > MOST:
            return {}
        return command_lines(wanted, self._terminal)

    def of_references(self, references: Iterable[Reference]) -> Lines:
        """Return the lines that pull *references* into the current place."""
        place = self._operations.images.status.place
        if place is None:
            return {}
        return self.of_requests([requests.pull(one, place) for one in references])

    def of_images(self, images: Iterable[LocalImage]) -> Lines:
        """Return the lines that pull *images* again, or push those that their registry does not have."""
        places = self._window.image_pane.selected_places()
        place = places[0] if len(places) == 1 else None if places else self._operations.images.status.place
        wanted = [None if place is None else requests.to_share(image, place) for image in images]
        return self.of_requests([one for one in wanted if one is not None]) if all(wanted) else {}

    def of_run(self, request: RunRequest, place: EnginePlace, secrets: bool) -> Lines:
        """Return the lines that run the same container. *secrets*: with values that are left out otherwise."""
        from longshore.application.run_lines import docker_line, longshore_line

        if self._terminal is None:
            return {}
        name = self._terminal.engine(place.address)
        found = {
            "longshore": longshore_line(request, name, secrets=secrets),
            "docker": docker_line(request, name, secrets=secrets),
        }
        return {program: [line] for program, line in found.items() if line}

    def of_rule(self, rule: MirrorRule) -> Lines:
        """Return the line that runs a mirror rule once."""
        from longshore.application.command_lines import mirror_line

        line = mirror_line(rule)
        return {} if line is None else {"longshore": [line]}
