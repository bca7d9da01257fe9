"""What an update brings: the bytes it fetches, the date of the new image, and the platform that is here now."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from longshore.application.states import State, There, judge
from longshore.application.updates.model import NOT_KNOWN, Fetch
from longshore.cancellation import Cancelled
from longshore.errors import LongshoreError, NotInRegistry, RegistryUnreachable
from longshore.oci.manifest import DOCKER_LIST, OCI_INDEX, Index, Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import DOCKER_HUB
from longshore.side_by_side import ask_all
from longshore.transfers.transfer import EnginePlace
from longshore.transfers.ways import planning
from longshore.transfers.ways.deadline import within

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.requests import LocalPlace
    from longshore.application.states import Compared
    from longshore.cancellation import Cancellation
    from longshore.engine.model import ImageDetails
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference
    from longshore.registry.client import RegistryClient
    from longshore.registry.model import TagDetails

#: Seconds that the questions about one update may take.
SECONDS = 20.0
#: Most images of an index whose layers are counted.
_MOST_PLATFORMS = 64


@dataclass(frozen=True, slots=True)
class Form:
    """The form in which an image is here, so that an update keeps it. See ``Update`` for the fields.

    *wanted*: the platform whose layers are fetched.
    """

    wanted: Platform
    platform: Platform | None = None
    whole: bool = False
    left_out: tuple[Platform, ...] = ()


@dataclass(frozen=True, slots=True)
class Weight:
    """What is known of the new image. *problem*: why it is not all."""

    fetch: Fetch = NOT_KNOWN
    created: datetime | None = None
    problem: LongshoreError | None = None


class Weigher:
    """Weighs the updates of one plan. Thread-safe; every call blocks."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._memory = planning.LayerMemory()
        self._lock = threading.Lock()
        self._forms: dict[tuple[LocalPlace, str], Form] = {}
        self._platforms: dict[LocalPlace, Platform] = {}

    def form(self, place: LocalPlace, image: LocalImage) -> Form:
        """The form in which *image* is in *place*, asked for once. Raises LongshoreError."""
        key = (place, image.image_id)
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = self._form(place, image)
        return found

    def _form(self, place: LocalPlace, image: LocalImage) -> Form:
        if isinstance(place, EnginePlace):
            engine = self._clients.engine(place.address)
            own = self._platforms.get(place)
            if own is None:
                own = self._platforms[place] = engine.platform
            return engine_form(engine.image(image.image_id), own)
        details = self._clients.library(place.path).details(image.image_id)
        host = Platform.host()
        if details.image.media_type in (OCI_INDEX, DOCKER_LIST):
            return Form(host, whole=True)
        own = next((one.platform for one in details.platforms if one.platform is not None), None)
        if own is None or own.matches(host):
            return Form(host)
        return Form(own, own)

    def weigh(
        self,
        place: LocalPlace,
        listed: Sequence[LocalImage],
        target: Reference,
        digest: str,
        form: Form,
        cancellation: Cancellation,
    ) -> Weight:
        """What a pull of *target*, which points to *digest*, into *place* brings. Raises Cancelled.

        On Docker Hub, where reading a manifest counts as a pull, only what its API reports.
        """
        try:
            with within(cancellation, SECONDS) as bounded:
                client = self._clients.registry(target.domain)
                if client.registry.is_hub:
                    return self._at_hub(client, target, digest, form, bounded)
                if isinstance(place, EnginePlace):
                    return self._for_engine(client, place, listed, target, digest, form, bounded)
                return self._for_library(client, place, target, digest, form, bounded)
        except Cancelled:
            cancellation.raise_if_cancelled()
            return Weight(
                problem=RegistryUnreachable(
                    "The registry did not respond in time.", registry=target.domain, subject=target.familiar
                )
            )
        except LongshoreError as error:
            return Weight(problem=error)

    def _at_hub(
        self, client: RegistryClient, target: Reference, digest: str, form: Form, cancellation: Cancellation
    ) -> Weight:
        found = _hub_details(self._clients, client, target, form.wanted, cancellation)
        if found.digest != digest:
            return Weight()  # the tag has just moved again
        size = None if form.whole else found.size
        return Weight(Fetch(size, at_most=size is not None), found.created)

    def _for_engine(
        self,
        client: RegistryClient,
        place: EnginePlace,
        listed: Sequence[LocalImage],
        target: Reference,
        digest: str,
        form: Form,
        cancellation: Cancellation,
    ) -> Weight:
        _, manifest = planning.image_manifest(client, target.path, digest, form.wanted, cancellation)
        config = client.config(target.path, manifest, cancellation=cancellation)
        layers = planning.layers_of(manifest, config.diff_ids)
        engine = self._clients.engine(place.address)
        ids = dict.fromkeys(image.image_id for image in listed)
        with self._lock:  # or each thread would ask for the layers of all images here at first
            here = self._memory.longest_prefix(engine, config.diff_ids, ids, cancellation)
        missing = {layer.digest: layer.size or 0 for layer in layers[here:]}
        for layer in layers[:here]:
            missing.pop(layer.digest, None)
        return Weight(Fetch(sum(missing.values()), about=here > 0), config.created)

    def _for_library(
        self,
        client: RegistryClient,
        place: LocalPlace,
        target: Reference,
        digest: str,
        form: Form,
        cancellation: Cancellation,
    ) -> Weight:
        assert not isinstance(place, EnginePlace)
        _, own = planning.image_manifest(client, target.path, digest, form.wanted, cancellation)
        created = client.config(target.path, own, cancellation=cancellation).created
        manifests = [own]
        if form.whole:
            manifests = list(_children(client, target, digest, cancellation))
        library = self._clients.library(place.path)
        blobs = {blob.digest: blob.size for one in manifests for blob in (one.config, *one.layers)}
        fetched = sum(size for blob, size in blobs.items() if library.blob_size(blob) is None)
        return Weight(Fetch(fetched), created)


def date_of(clients: Clients, target: Reference, cancellation: Cancellation) -> datetime | None:
    """The date of the image that *target* points to, None if it has none. On Docker Hub that of its push, because
    reading the image counts as a pull. Blocks. Raises RegistryError, Cancelled."""
    client = clients.registry(target.domain)
    if client.registry.is_hub:
        return _hub_details(clients, client, target, Platform.host(), cancellation).created
    return client.tag_details(target.path, target.target, cancellation=cancellation).created


def with_hub(
    clients: Clients, compared: Sequence[Compared], cancellation: Cancellation
) -> Sequence[Compared]:
    """*compared*, where those whose state is not known because reading the manifest would count as a pull are judged
    again by what Docker Hub's API reports. Blocks; raises Cancelled."""
    return ask_all(partial(_with_hub, clients), compared, cancellation)


def _with_hub(clients: Clients, one: Compared, cancellation: Cancellation) -> Compared:
    here = one.here
    doubtful = one.state is State.UNKNOWN and one.digest and here.known
    if here.reference.domain != DOCKER_HUB or not doubtful:
        return one
    client = clients.registry(DOCKER_HUB)
    try:
        details = _hub_details(clients, client, here.reference, Platform.host(), cancellation)
    except LongshoreError:
        return one
    if details.digest != one.digest:
        return one
    return judge(here, There(one.digest, details, asked=one.asked))


def _hub_details(
    clients: Clients,
    client: RegistryClient,
    target: Reference,
    platform: Platform,
    cancellation: Cancellation,
) -> TagDetails:
    """What is known of a tag without a pull: what was read before, or what the API reports."""
    found = client.tag_details(
        target.path, target.target, platform=platform, cheaply=True, cancellation=cancellation
    )
    if found.size is None or found.created is None:
        told = clients.lister(target.domain).tag_info(target.path, target.target, cancellation=cancellation)
        if told is not None and told.details is not None and told.details.digest == found.digest:
            return told.details
    return found


def engine_form(details: ImageDetails, own: Platform) -> Form:
    """The form of an image that an engine describes; *own*: what the engine pulls by default.

    The platform is named only where the engine would take another one, because old engines refuse to be told.
    """
    here = [one.platform for one in details.platforms if one.here]
    if not here and details.platform is not None and details.platform.known:
        here = [details.platform]
    chosen = next((one for one in here if one.matches(own)), None)
    if chosen is not None or not here:
        return Form(own, left_out=tuple(one for one in here if one is not chosen))
    return Form(here[0], here[0], left_out=tuple(here[1:]))


def _children(
    client: RegistryClient, target: Reference, digest: str, cancellation: Cancellation
) -> Iterable[Manifest]:
    """The manifests of an index, or the single manifest, as far as the registry has them."""
    top = client.manifest(target.path, digest, cancellation=cancellation)
    if isinstance(top, Manifest):
        yield top
        return
    assert isinstance(top, Index)
    for child in top.manifests[:_MOST_PLATFORMS]:
        try:
            found = client.manifest(target.path, child.digest, cancellation=cancellation)
        except NotInRegistry:
            continue
        if isinstance(found, Manifest):
            yield found
