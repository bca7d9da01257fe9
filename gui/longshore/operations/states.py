"""The column State: what the registries have of the images that are shown. Checked in the background with HEAD."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from longshore.application import states
from longshore.application.clients import Clients
from longshore.application.registries import RegistryBook
from longshore.application.states import Compared, Here, State, There
from longshore.application.tag_checks import TagChecks
from longshore.application.tag_digests import bare, missing
from longshore.errors import InvalidInput
from longshore.models.images import ImageModel
from longshore.models.state_cells import Named
from longshore.models.tags import TagModel
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.operations.place_watch import PlaceState, PlaceStatus
from longshore.operations.state_asking import Question, StateAsking, kept
from longshore.operations.tasks import Tasks
from longshore.transfers.tag_changes import NO_RECORDER, TagRecorder
from longshore.transfers.transfer import EnginePlace, LibraryPlace, RegistryPlace, TransferSnapshot

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.oci.local_image import LocalImage
    from longshore.registry.model import TagDetails
    from longshore.registry.pull_budget import PullBudget

#: Milliseconds between two looks for states that are out of date.
_TICK = 60_000
#: Milliseconds between two updates of the tables: answers come by the dozen, and tables are sorted for each update.
_PAUSE = 250
#: Seconds within which what is heard again is no news.
_ECHO = 60
#: Why the state of an image is not known whose registry is not to be asked.
CHECKS_OFF = "Checks are off in the settings of this registry."


class States(QObject):
    """The states of the shown images. GUI thread; every method returns at once, :meth:`heard` in any thread.

    A registry is asked about a tag with one HEAD, at most every :attr:`minutes`, and never for a manifest. What is
    known from elsewhere (listed tags, transfers, removals, other Longshores) is not asked again.
    """

    changed = Signal(object)  # frozenset[Reference] whose state has changed
    checked = Signal()  # the age of the check or the budget of Docker Hub has changed
    _heard = Signal(object)  # dict[Reference, str | None]; emitted in any thread

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        book: RegistryBook,
        images: ImageModel,
        tags: TagModel,
        status: Callable[[LocalPlace | None], PlaceStatus],
        recorder: TagRecorder = NO_RECORDER,
    ) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._book = book
        self._images = images
        self._tags = tags
        self._status = status
        self._recorder = recorder
        self._checks = TagChecks(clients, clients.checked_tags(), recorder)
        self._asking = StateAsking(clients, tasks, self._checks)
        self._asking.answered.connect(self._answered)
        self._asking.ended.connect(self.checked)
        #: Minutes until a tag is asked again, 0 for only when the user asks.
        self.minutes = 60
        self._heres: dict[Named, tuple[LocalImage, Here]] = {}
        self._by_reference: dict[Reference, list[tuple[Named, Here]]] = {}
        self._there: dict[Reference, There] = {}
        self._states: dict[Named, Compared] = {}
        #: The current place, and the states of its images; None while one is not known.
        self._at: LocalPlace | None = None
        self._current: dict[Reference, Compared | None] = {}
        self._stopped = False
        self._budget: PullBudget | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK)
        self._timer.timeout.connect(self._tick)
        #: References whose state may have changed since the last update of the tables.
        self._dirty: set[Reference] = set()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._update_dirty)
        #: The references of all shown images, for any thread.
        self._wanted: frozenset[Reference] = frozenset()
        self._heard.connect(self._take_news, Qt.ConnectionType.QueuedConnection)
        images.rows_seen.connect(self._seen)
        tags.details_known.connect(self._details_known)

    # -- what is known

    def state_of(self, reference: Reference, place: LocalPlace | None = None) -> Compared | None:
        """The state of *reference* in a shown place, None while it is not known. *place* None: the current one.

        A reference that the place does not have is *only there*.
        """
        named = bare(reference)
        here = place if any(part.place == place for part in self._images.parts) else self._home()
        if (here, named) in self._heres:
            return self._states.get((here, named))
        if self._status(here).state is not PlaceState.READY:
            return None
        return Compared(Here(named), State.ONLY_THERE)

    @property
    def asked(self) -> datetime | None:
        """When the registries were asked about the shown images: the oldest of the answers; None if there is none."""
        return min((one.asked for one in self._states.values() if one.asked is not None), default=None)

    @property
    def budget(self) -> PullBudget | None:
        """The pulls that Docker Hub still allows, as it last reported; None if it has not."""
        self._budget = self._clients.budget_of(DOCKER_HUB) or self._budget
        return self._budget

    def _home(self) -> LocalPlace | None:
        """The current place as the model names it: None if no other is shown."""
        alone = all(part.place is None for part in self._images.parts)
        return None if alone else self._status(None).place

    # -- when to ask

    def start(self) -> None:
        """Check in the background from now on."""
        self._timer.start()

    def stop(self) -> None:
        """Check no more."""
        self._stopped = True
        self._timer.stop()
        self._pause.stop()
        self._asking.stop()

    def choose(self, minutes: int) -> None:
        """Set :attr:`minutes`."""
        self.minutes = minutes
        self._tick()

    @Slot()
    def look(self) -> None:
        """Compare the images that are listed now; those that are new are looked up on disk, and then asked about."""
        before, self._heres = self._heres, {}
        unproved: dict[Named, Here] = {}
        for part in self._images.parts:
            status = self._status(part.place)
            picked = isinstance(status.place, LibraryPlace)
            sure = picked or (status.info is not None and states.lists_only_proof(status.info))
            for image in part.images:
                if image.reference is None:
                    continue
                key = part.place, bare(image.reference)
                known = before.get(key)
                if known is None or known[0] != image or (known[1].picked, known[1].sure) != (picked, sure):
                    here = states.here_of(image, picked=picked, sure=sure)
                    assert here is not None
                    known = image, here
                    if states.lacks_pull(here):
                        unproved[key] = here
                self._heres[key] = known
        self._group()
        self._wanted = frozenset(self._by_reference)
        self._there = {one: there for one, there in self._there.items() if one in self._by_reference}
        self._dirty.clear()
        gone = self._states.keys() - self._heres.keys()
        for key in gone:
            del self._states[key]
        self._judge(self._by_reference, gone=gone)
        self._recall(self._by_reference)
        self._prove(unproved)

    def _group(self) -> None:
        self._by_reference = {}
        for key, (_, here) in self._heres.items():
            self._by_reference.setdefault(key[1], []).append((key, here))

    def _prove(self, wanted: Mapping[Named, Here]) -> None:
        """Look up how images were pulled whose engine does not say it."""
        if wanted:
            self._tasks.run(
                self._tasks.states,
                lambda _: {
                    key: (here, states.with_pull(self._recorder, here)) for key, here in wanted.items()
                },
                done=self._proved,
                name="known pulls",
            )

    def _proved(self, found: Mapping[Named, tuple[Here, Here]]) -> None:
        proved: set[Reference] = set()
        for key, (before, now) in found.items():
            image, here = self._heres.get(key, (None, None))
            if image is not None and here is before and now is not before:
                self._heres[key] = image, now
                proved.add(key[1])
        if proved:
            self._group()
            self._judge(proved)
            self._recall(proved)

    def _recall(self, references: Iterable[Reference]) -> None:
        """Look up on disk what is known of the tags *references*, and then ask about them."""
        if fresh := [one for one in references if one not in self._there and not self._alone(one)]:
            self._tasks.run(
                self._tasks.states,
                lambda _: self._checks.known(fresh),
                done=lambda found: self._remembered(fresh, found),
                name="known states",
            )

    def _remembered(self, wanted: Iterable[Reference], found: Mapping[Reference, There]) -> None:
        self._answered({one: there for one, there in found.items() if one not in self._there})
        self._ask_outdated(one for one in wanted if one in self._by_reference)

    @Slot()
    def _tick(self) -> None:
        self._ask_outdated(self._by_reference)
        self.checked.emit()

    def _ask_outdated(self, references: Iterable[Reference]) -> None:
        if not self.minutes or self._stopped:
            return
        now = datetime.now(UTC)
        since = now - timedelta(minutes=self.minutes)
        self._asking.ask(
            Question(self._here(one), since=since, reading=False)
            for one in references
            if self._may_ask(one) and _outdated(self._there.get(one), since, now)
        )

    def _here(self, reference: Reference) -> Here:
        """The image of *reference* in the first place that has it."""
        return self._by_reference[reference][0][1]

    def _may_ask(self, reference: Reference) -> bool:
        ready = any(
            self._status(place).state is PlaceState.READY
            for (place, _), _ in self._by_reference.get(reference, ())
        )
        return ready and not self._alone(reference) and self._book.config(reference.domain).checks

    def _alone(self, reference: Reference) -> bool:
        return all(states.ours_alone(here) for _, here in self._by_reference[reference])

    @Slot()
    def check(self) -> None:
        """Ask about all shown images again now, because the user wants to know; reads the manifests of tags that moved,
        except on Docker Hub."""
        wanted = [one for one in self._by_reference if self._may_ask(one)]
        self._asking.ask((Question(self._here(one), since=None, reading=True) for one in wanted), first=True)

    def switched(self, host: str) -> None:
        """Ask *host* again: somebody else is signed in, or its settings changed."""
        self._asking.forget(host)
        concerned = [one for one in self._by_reference if one.domain == host]
        for one in concerned:
            there = self._there.get(one)
            if there is not None and there.error is not None:
                del self._there[one]
        self._judge(concerned)
        self._ask_outdated(concerned)

    @Slot(object)
    def _seen(self, images: list[LocalImage]) -> None:
        self._asking.hurry(bare(one.reference) for one in images if one.reference is not None)

    # -- what becomes known

    def heard(self, news: dict[Reference, str | None]) -> None:
        """Take what tags of registries point to now; see ``TagNews``. Any thread."""
        wanted = self._wanted
        named = {one if one.tag and not one.digest else bare(one): digest for one, digest in news.items()}
        if found := {one: digest for one, digest in named.items() if one in wanted}:
            with contextlib.suppress(RuntimeError):  # the window is gone
                self._heard.emit(found)

    @Slot(object)
    def _take_news(self, news: dict[Reference, str | None]) -> None:
        since = datetime.now(UTC) - timedelta(seconds=_ECHO)
        self._note(
            {
                one: digest
                for one, digest in news.items()
                if (old := self._there.get(one)) is None
                or old.digest != digest
                or old.asked is None
                or old.asked < since
            }
        )

    @Slot(object)
    def transferred(self, snapshot: TransferSnapshot) -> None:
        """Take what a successful transfer showed about the tag that it read."""
        source, destination = snapshot.request.source, snapshot.request.destination
        if destination.reference is not None and isinstance(destination.place, EnginePlace):
            # The image may have been listed before the pull was in the tag history.
            here = self._by_reference.get(bare(destination.reference), ())
            self._prove({key: one for key, one in here if states.lacks_pull(one)})
        if source.reference is None or not isinstance(source.place, RegistryPlace):
            return
        whole = isinstance(destination.place, EnginePlace) and snapshot.request.platform is None
        # One platform of an index has its own digest, which is not the tag's.
        self._note({bare(source.reference): snapshot.digest if whole and snapshot.digest else None})

    @Slot(object)
    def _details_known(self, found: dict[Reference, TagDetails]) -> None:
        now = datetime.now(UTC)
        local = {
            one: details for one, details in found.items() if one in self._by_reference and details.digest
        }
        self._answered(
            {one: There(details.digest, _complete(details), asked=now) for one, details in local.items()}
        )
        self._remember({one: details.digest for one, details in local.items()})

    def _note(self, found: Mapping[Reference, str | None]) -> None:
        now = datetime.now(UTC)
        known = {one: digest for one, digest in found.items() if digest is not None}
        self._answered(
            {
                one: There(digest, asked=now) if digest else There(error=missing(one), asked=now)
                for one, digest in known.items()
            }
        )
        self._remember(known)
        again = [
            one for one in found if one not in known and one in self._by_reference and self._may_ask(one)
        ]
        self._asking.ask(Question(self._here(one), since=None, reading=False) for one in again)

    def _remember(self, found: Mapping[Reference, str]) -> None:
        if not found:
            return
        now = datetime.now(UTC)
        self._tasks.run(
            self._tasks.states,
            lambda _: self._checks.note({one: (digest, now) for one, digest in found.items()}),
            done=self._answered,
            name="note states",
        )

    @Slot(object)
    def _answered(self, found: dict[Reference, There]) -> None:
        for one, there in found.items():
            old = self._there.get(one)
            if old is not None and old.digest == there.digest and there.details is None:
                there = replace(there, details=old.details)
            self._there[one] = kept(old, there)
        self._dirty.update(found)
        if not self._pause.isActive():
            self._update_dirty()

    @Slot()
    def _update_dirty(self) -> None:
        """Update the tables at once, and then not for :data:`_PAUSE`."""
        dirty, self._dirty = self._dirty, set()
        if dirty:
            self._pause.start()
            self._judge(one for one in dirty if one in self._by_reference)
            self.checked.emit()

    def _judge(self, references: Iterable[Reference], *, gone: set[Named] | None = None) -> None:
        """Compare *references* again. *gone*: the images are listed anew, and these are no more; None: they are as
        before."""
        changed: set[Named] = set(gone or ())
        for one in references:
            for key, here in self._by_reference[one]:
                found = self._judged(here)
                if found == self._states.get(key):
                    continue
                changed.add(key)
                if found is None:
                    self._states.pop(key, None)
                else:
                    self._states[key] = found
        home = self._home()
        self._images.set_states(dict(self._states), changed=changed if gone is None else None)
        if gone is not None or home != self._at:
            self._at = home
            self._current = {
                one: self._states.get((place, one)) for place, one in self._heres if place == home
            }
            told = None
        else:
            told = {one for place, one in changed if place == home}
            self._current = {**self._current, **{one: self._states.get((home, one)) for one in told}}
        self._tags.set_states(self._current, known=self._status(home).state is PlaceState.READY, changed=told)
        if changed:
            self.changed.emit(frozenset(one for _, one in changed))

    def _judged(self, here: Here) -> Compared | None:
        there = self._there.get(here.reference)
        if there is None and not states.ours_alone(here):
            if not self._book.config(here.reference.domain).checks:
                return Compared(here, State.UNKNOWN, error=InvalidInput(CHECKS_OFF))
            return None
        return states.judge(here, there or There())


def _outdated(there: There | None, since: datetime, now: datetime) -> bool:
    """Whether to ask again. A time in the future says nothing: a clock was wrong."""
    return there is None or there.asked is None or not since <= there.asked <= now + timedelta(minutes=1)


def _complete(details: TagDetails) -> TagDetails | None:
    """*details* unless they are only the digest."""
    return details if details.size is not None or details.created is not None else None
