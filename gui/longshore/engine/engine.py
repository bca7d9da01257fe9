"""One engine: its properties, its images, and transfers in and out of it. Blocking; no asyncio, no Qt."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.engine.attempt import Attempt
from longshore.engine.model import (
    EngineEvent,
    EngineInfo,
    EventKind,
    ImageDescription,
    ImageDetails,
    ImageStore,
    SwarmNode,
)
from longshore.engine.outgoing import Outgoing
from longshore.engine.parsing import (
    EVENT_ACTIONS,
    engine_event,
    engine_info,
    image_details,
    local_images,
    swarm_nodes,
)
from longshore.engine.refusals import refusal
from longshore.engine.stream import Normaliser, StreamEvent, unpacking
from longshore.engine.unavailable import explain, no_version
from longshore.errors import EngineLost, InvalidReference, LongshoreError
from longshore.oci.handing_over import is_passing
from longshore.oci.layer import LayerProgress
from longshore.oci.local_image import LocalImage
from longshore.secrecy import keep_out

if TYPE_CHECKING:
    from longshore.credentials import Credential
    from longshore.engine.client import Client, Timeout
    from longshore.engine.containers import Containers
    from longshore.engine.podman_pull import PodmanPull
    from longshore.engine.usage import UsageReader
    from longshore.oci.disk_usage import DiskUsage
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference


#: Seconds for the engine to connect and to respond to a short query.
PROBE_SECONDS = 10.0
#: Seconds for lists and removals, which are slow on large stores.
CALL_SECONDS = 120.0
#: Bytes of an archive per chunk.
ARCHIVE_CHUNK = 256 * 1024

T = TypeVar("T")


class Engine:
    """A client of the engine at *address*. Does not connect when created.

    Every method blocks and may be called from any worker thread, several at a time. All of them raise EngineUnavailable
    if no engine responds, EngineLost if the connection breaks meanwhile, and EngineFailure for other errors of the
    engine. Those with a *cancellation* raise Cancelled within a fifth of a second of it, even before the engine has
    responded (except while connecting to another machine, which ends after ten seconds). The generators hold a
    connection until they end: callers that may stop reading early close them (contextlib.closing).
    """

    def __init__(self, address: EngineAddress) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._version = ""
        self._shared: Client | None = None
        self._store: ImageStore | None = None
        self._usage: UsageReader | None = None
        self._closed = False

    # -- the engine itself

    def probe(
        self, cancellation: Cancellation | None = None, *, seconds: float = PROBE_SECONDS
    ) -> EngineInfo:
        """Ask the engine for its properties. It has *seconds* to connect, and the same for each of two responses.

        Raises EngineUnavailable, whose cause gives the reason.
        """
        with self._short_job(cancellation, seconds) as client:
            found = engine_info(self._learn_version(client), client.info())
        self._store = found.store
        return found

    def swarm_nodes(
        self, cancellation: Cancellation | None = None, *, seconds: float = PROBE_SECONDS
    ) -> list[SwarmNode]:
        """The nodes of the swarm that the engine manages, by name. Raises EngineFailure if it is not a manager."""
        with self._short_job(cancellation, seconds) as client:
            self._learn_version(client)
            return swarm_nodes(client.nodes(), client.info())

    @property
    def platform(self) -> Platform:
        """The platform that the engine pulls by default. Asks the engine."""
        return self.probe().platform

    def events(self, cancellation: Cancellation) -> Generator[EngineEvent]:
        """The events of images and containers, endlessly.

        The first event is CONNECTED: from then on nothing is missed. Never ends normally: raises EngineLost or
        Cancelled.
        """
        actions = sorted(set().union(*EVENT_ACTIONS.values()))
        kinds = sorted(kind.value for kind in EVENT_ACTIONS)
        query = {"filters": json.dumps({"type": kinds, "event": actions})}
        with self._job(cancellation) as client, client.objects("GET", "/events", params=query) as lines:
            yield EngineEvent(EventKind.CONNECTED)
            for line in lines:
                event = engine_event(line)
                if event is not None:
                    yield event
            raise EngineLost("The engine closed its event stream.", subject=self.address.url)

    # -- images

    def images(self, *, passing: bool = False) -> list[LocalImage]:
        """The engine's images, a row per reference; untagged images are rows too.

        *passing*: with the names under which it is taking images over from a Longshore, or was when that one ended.
        """

        def ask(client: Client) -> list[LocalImage]:
            return local_images(client.images(), client.containers(all=True))

        return [image for image in self._call(ask) if passing or not is_passing(image.reference)]

    def image(self, ref_or_id: str) -> ImageDetails:
        """The details of one image. Raises ImageUnknown."""
        return self._call(lambda client: image_details(client.image_json(ref_or_id)), ref_or_id)

    def describe(self, ref_or_id: str) -> ImageDescription:
        """All that the engine reports about one image, its history included. Raises ImageUnknown."""
        from longshore.engine.describing import describe

        return self._call(lambda client: describe(client, ref_or_id), ref_or_id)

    def tag(self, source: str, target: Reference) -> None:
        """Give the image *source* (reference or id) the name *target*, which moves from any image that had it.

        The default tag is ``latest``. Raises ImageUnknown, and InvalidReference for a target with a digest.
        """
        if target.digest:
            raise InvalidReference(
                "A digest can't be used as an image's name.",
                subject=str(target),
                advice="Use a tag, such as :1.0.",
            )
        target = target.with_default_tag()
        self._call(lambda client: client.tag(source, target.name, target.tag), source)

    def remove(self, ref_or_id: str, force: bool = False) -> list[str]:
        """Remove a reference, and with the last one the image.

        Returns what was untagged and deleted, as the engine reports it. Raises ImageUnknown and ImageInUse.
        """

        def ask(client: Client) -> list[str]:
            rows: Any = client.remove_image(ref_or_id, force=force)
            return [str(text) for row in rows or () for text in row.values()]

        return self._call(ask, ref_or_id)

    def usage(self, cancellation: Cancellation, *, counting: bool = True) -> DiskUsage:
        """What the images take on disk, and share. Slow the first time: at most ``usage.SECONDS``. Raises Cancelled.

        *counting*: see ``UsageReader.read``.
        """
        from longshore.engine.usage import DF_SECONDS

        reader = self._usage_reader()
        # Known from the first probe: Podman takes two seconds to respond.
        store = self._store or self.probe(cancellation).store
        version = self._known_version()
        with (
            self._short_job(cancellation, CALL_SECONDS) as client,
            self._short_job(cancellation, DF_SECONDS) as df,
        ):
            client.speak(version)
            df.speak(version)
            return reader.read(client, df, store, version, cancellation, counting=counting)

    def diff_ids(self, cancellation: Cancellation) -> dict[str, tuple[str, ...]]:
        """The digests of the unpacked layers of all images, by the images' ids, the lowest first.

        Slow the first time, like :meth:`usage`, with which it shares what it remembers. Raises Cancelled.
        """
        store = self._store or self.probe(cancellation).store
        version = self._known_version()
        with self._short_job(cancellation, CALL_SECONDS) as client:
            client.speak(version)
            return self._usage_reader().diff_ids(client, store, cancellation)

    def _usage_reader(self) -> UsageReader:
        from longshore.engine.usage import UsageReader

        with self._lock:
            self._usage = self._usage or UsageReader()
            return self._usage

    # -- pull and push

    def pull(
        self,
        reference: Reference,
        *,
        platform: Platform | None = None,
        credential: Credential | None = None,
        cancellation: Cancellation,
    ) -> Generator[StreamEvent]:
        """Have the engine pull *reference* (``latest`` without tag and digest; a digest takes precedence over a tag).

        Ends with one Finished. Read it promptly: an engine waits for its reader. Raises the errors of
        failures.classify.
        """
        reference = reference.with_default_tag()
        attempt = Attempt(reference, signed_in=_signed_in(credential), platform=platform)
        query = {"fromImage": reference.name, "tag": reference.digest or reference.tag or ""}
        if platform is not None:
            query["platform"] = str(platform)
        return self._move(attempt, "/images/create", (), query, credential, cancellation)

    def take_over(
        self, reference: Reference, *, platform: Platform | None = None, cancellation: Cancellation
    ) -> Generator[StreamEvent]:
        """Have the engine pull *reference* from this machine's loopback, over plain HTTP and without credentials.

        Otherwise as :meth:`pull`. dockerd trusts 127.0.0.0/8 by itself; Podman has to be told.
        """
        if (self._store or self.probe(cancellation).store) is not ImageStore.PODMAN:
            return self.pull(reference, platform=platform, cancellation=cancellation)
        from longshore.engine import podman_pull

        attempt = Attempt(reference, platform=platform)
        return self._streamed(
            attempt,
            partial(podman_pull.PodmanPull, attempt),
            podman_pull.PATH,
            (),
            podman_pull.query(str(reference), platform),
            None,
            cancellation,
            versioned=False,
        )

    def push(
        self, reference: Reference, *, credential: Credential | None = None, cancellation: Cancellation
    ) -> Generator[StreamEvent]:
        """Have the engine push exactly the tag of *reference*. Ends with one Finished, whose digest is set.

        Raises InvalidReference without a tag (an engine would push all tags of the repository), and the errors of
        :meth:`pull`.
        """
        if not reference.tag or reference.digest:
            raise InvalidReference(
                "Only a tag can be pushed.", subject=str(reference), advice="Give the image a tag first."
            )
        attempt = Attempt(reference, pushing=True, signed_in=_signed_in(credential))
        return self._move(
            attempt, "/images/{0}/push", (reference.name,), {"tag": reference.tag}, credential, cancellation
        )

    def _move(
        self,
        attempt: Attempt,
        path: str,
        arguments: tuple[str, ...],
        query: dict[str, str],
        credential: Credential | None,
        cancellation: Cancellation,
    ) -> Generator[StreamEvent]:
        return self._streamed(
            attempt, partial(Normaliser, attempt), path, arguments, query, credential, cancellation
        )

    def _streamed(
        self,
        attempt: Attempt,
        reading: Callable[[], Normaliser | PodmanPull],
        path: str,
        arguments: tuple[str, ...],
        query: dict[str, str],
        credential: Credential | None,
        cancellation: Cancellation,
        *,
        versioned: bool = True,
    ) -> Generator[StreamEvent]:
        normaliser = reading()
        doing = f"{attempt.verb}ing {attempt.image}"
        # Always sent, even for anonymous access: otherwise the SDK would look for credentials itself.
        auth = {} if credential is None else credential.auth_config()
        for secret in ("password", "identitytoken"):
            # The engine repeats a registry's messages, and a registry may repeat the credentials it received.
            keep_out(auth.get(secret, ""), auth.get("username", ""))

        def refused(status: int, text: str) -> LongshoreError:
            from longshore.engine.failures import classify  # late: most pulls and pushes succeed

            return classify(text, attempt, status)

        with (
            self._job(cancellation, doing, refused) as client,
            client.objects("POST", path, *arguments, params=query, auth=auth, versioned=versioned) as lines,
        ):
            for line in lines:
                yield from normaliser.feed(line)
            yield normaliser.finish()

    # -- archives

    def save(self, name: str, cancellation: Cancellation) -> Generator[bytes]:
        """A tar archive of the image *name* (reference or id), in chunks. Raises ImageUnknown."""

        def failed(status: int, text: str) -> LongshoreError:
            return refusal(status, text, name)

        with (
            self._job(cancellation, "saving an image", failed) as client,
            client.exchange("GET", "/images/get", params={"names": [name]}) as response,
        ):
            while chunk := response.raw.read1(ARCHIVE_CHUNK):
                yield chunk

    def load(
        self,
        chunks: Iterable[bytes],
        cancellation: Cancellation,
        told: Callable[[LayerProgress], None] = lambda event: None,
    ) -> list[str]:
        """Load a tar archive of images. Returns the names (or ids) that the engine reports as loaded.

        *told* receives the unpacking progress of each layer, by diffID, once the engine has the whole archive; only the
        classic store reports it. Errors of *chunks* are raised unchanged.
        """
        source = Outgoing(chunks)
        loaded: list[str] = []
        with (
            source.errors_first(),
            contextlib.closing(source.chunks()) as body,
            self._job(cancellation, "loading images") as client,
            client.objects("POST", "/images/load", params={"quiet": "0"}, data=body) as lines,
        ):
            for line in lines:
                detail = line.get("errorDetail") or {}
                text = (detail.get("message") if isinstance(detail, dict) else "") or line.get("error")
                if text:
                    raise refusal(0, str(text), "")
                event = unpacking(line)
                if event is not None:
                    told(event)
                loaded += _loaded(str(line.get("stream") or ""))
        return loaded

    # -- containers

    @property
    def containers(self) -> Containers:
        """Its containers."""
        from longshore.engine.containers import Containers  # late: most uses of an engine need none

        return Containers(self)

    def job(
        self, cancellation: Cancellation, doing: str, failed: Callable[[int, str], LongshoreError]
    ) -> contextlib.AbstractContextManager[Client]:
        """See :class:`~longshore.engine.containers.Connection`."""
        return self._job(cancellation, doing, failed)

    def short(self, ask: Callable[[Client], T], failed: Callable[[int, str], LongshoreError]) -> T:
        """See :class:`~longshore.engine.containers.Connection`."""
        return self._call(ask, failed=failed)

    def close(self) -> None:
        """Close the connections; short calls still running end with EngineLost.

        Jobs end by their cancellations.
        """
        with self._lock:
            shared, self._shared = self._shared, None
            self._closed = True
        if shared is not None:
            shared.cut()
            shared.close()

    # -- helpers

    def _call(
        self,
        ask: Callable[[Client], T],
        subject: str = "",
        failed: Callable[[int, str], LongshoreError] | None = None,
    ) -> T:
        """The result of *ask* on the shared client."""
        version = self._known_version()
        with self._lock:
            if self._closed:
                raise EngineLost("The connection to the engine was closed.", subject=self.address.url)
            if self._shared is None:
                self._shared = self._new_client(CALL_SECONDS, version)
            client = self._shared
        return self._run(client, ask, failed or (lambda status, text: refusal(status, text, subject)))

    def _run(
        self,
        client: Client,
        ask: Callable[[Client], T],
        failed: Callable[[int, str], LongshoreError] = lambda status, text: refusal(status, text, ""),
    ) -> T:
        with self._explaining(failed):
            return ask(client)

    @contextlib.contextmanager
    def _short_job(self, cancellation: Cancellation | None, seconds: float) -> Iterator[Client]:
        """A separate client for a few short queries, interrupted by *cancellation*."""
        cancellation = cancellation or Cancellation()
        try:
            with (
                self._explaining(lambda status, text: refusal(status, text, "")),
                contextlib.closing(self._new_client(seconds)) as client,
                cancellation.waking(client.cut),
            ):
                yield client
        except Exception:
            cancellation.raise_if_cancelled()
            raise

    @contextlib.contextmanager
    def _job(
        self,
        cancellation: Cancellation,
        doing: str = "",
        failed: Callable[[int, str], LongshoreError] = lambda status, text: refusal(status, text, ""),
    ) -> Iterator[Client]:
        """A separate client for one long call, interrupted by *cancellation*."""
        cancellation.raise_if_cancelled()
        try:
            with (
                self._explaining(failed, doing),
                contextlib.closing(self._new_client((PROBE_SECONDS, None))) as client,
                cancellation.waking(client.cut),
            ):
                client.speak(self._version or self._learn_version(client)["ApiVersion"])
                yield client
        except Exception:
            # A cut connection looks like many errors, even like a message of the engine; the cancellation is the true
            # reason.
            cancellation.raise_if_cancelled()
            raise

    @contextlib.contextmanager
    def _explaining(self, failed: Callable[[int, str], LongshoreError], doing: str = "") -> Iterator[None]:
        """Turn errors of the layers below into ours."""
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        from longshore.engine.client import StatusError

        try:
            yield
        except StatusError as error:
            raise failed(error.status, error.text) from error
        except (RequestException, HTTPError, OSError, ValueError) as error:
            raise explain(self.address, error, doing=doing) from error

    def _known_version(self) -> str:
        """The engine's API version; asked for once, and again by every probe."""
        with self._lock:
            if self._version:
                return self._version
        with contextlib.closing(self._new_client(PROBE_SECONDS)) as client:
            self._run(client, self._learn_version)
        return self._version

    def _learn_version(self, client: Client) -> dict[str, Any]:
        """The response to ``/version``; from now on *client* and the shared client use the engine's own version.

        Never a pinned version: new engines refuse old ones.
        """
        from longshore.engine.client import StatusError

        try:
            answer: Any = client.version(api_version=False)
        except StatusError as error:
            # The server may not be an engine: its text is not a message about an image.
            raise no_version(self.address, error.status, error.text) from error
        version = answer.get("ApiVersion") if isinstance(answer, dict) else None
        if not isinstance(version, str) or not version:
            raise ValueError("the response to /version contains no API version")
        client.speak(version)
        with self._lock:
            self._version = version
            if self._shared is not None:
                self._shared.speak(version)
        found: dict[str, Any] = answer
        return found

    def _new_client(self, timeout: Timeout, version: str = "") -> Client:
        from longshore.engine.client import Client

        return Client(self.address, version, timeout)


def _signed_in(credential: Credential | None) -> bool:
    return credential is not None and bool(credential.auth_config())


def _loaded(text: str) -> list[str]:
    """The names in the engine's ``Loaded image: NAME`` lines."""
    found = []
    for line in text.splitlines():
        for start in ("Loaded image ID: ", "Loaded image: ", "Loaded image(s): "):
            if line.startswith(start):
                found += [each.strip() for each in line.removeprefix(start).split(",")]
                break
    return found
