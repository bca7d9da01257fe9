"""Every error that Longshore shows to a person, in one tree.

::

    LongshoreError
    ├── InvalidInput            what the user typed is not valid
    │   ├── InvalidReference
    │   └── InvalidRegistryName
    ├── InvalidContent          bytes from outside are not what they claim to be
    │   ├── InvalidManifest
    │   ├── InvalidLayout       an OCI image layout's own files
    │   ├── InvalidLayer        the tar of a layer
    │   └── DigestMismatch
    ├── EngineError
    │   ├── EngineUnavailable   no engine responds (``cause`` says why)
    │   ├── EngineLost          the connection to it was lost             (transient)
    │   ├── UnknownContext      DOCKER_CONTEXT or the current context does not exist
    │   ├── ImageUnknown        the engine has no such image
    │   ├── ImageInUse          removal refused
    │   ├── ContainerUnknown    the engine has no such container
    │   ├── RunRefused          a container was not started (``field`` says what to change)
    │   ├── DiskFull
    │   └── EngineFailure       anything else that the engine reports
    ├── RegistryError           (``registry`` names the host)
    │   ├── RegistryUnreachable refused, no such host, timed out, cut     (transient)
    │   ├── TlsFailed           certificate not trusted, TLS against plain HTTP and the reverse
    │   ├── SignInRequired      no credentials, and the registry requires some
    │   ├── SignInFailed        the credentials were refused
    │   ├── AccessDenied        signed in, but not allowed
    │   ├── TagImmutable        the registry does not allow moving this tag
    │   ├── NotInRegistry       unknown repository, tag, digest or blob
    │   ├── RateLimited         429 (``retry_after`` seconds)             (transient)
    │   ├── RegistryFailure     5xx                                       (transient)
    │   ├── UnexpectedReply     not what the protocol says; refused redirects and links
    │   ├── ListingUnsupported  the registry does not list its repositories
    │   └── NotSigned           the user's rule allows only signed images
    ├── CredentialsError        config.json or a credential helper is broken
    ├── VerificationFailed      the transfer ended, but the destination has other content
    │   └── TagMoved            a tag points to another image than when somebody decided about it
    ├── LibraryError            the embedded image store cannot be read or written
    │   ├── NotALibrary         the folder contains other files
    │   ├── NotInLibrary        no such image or blob there
    │   ├── LibraryDamaged      a blob does not match its digest
    │   └── LibraryBusy         another program keeps it locked           (transient)
    ├── BuildError              an image was not built
    │   ├── BuildFolderError    the folder, its Dockerfile or its ignore file cannot be used
    │   ├── BuildFailed         a step of the Dockerfile failed, or the Dockerfile is not valid
    │   └── BuilderUnsuitable   the Dockerfile needs what this builder does not have
    ├── ScanFailed              a scanner could not scan an image
    └── ArchiveError            an image archive (tar) cannot be read or written
        ├── NotAnArchive        the file is something else (a zip, a container's filesystem, …)
        ├── ArchiveDamaged      cut off, incomplete, or its content does not match its digests
        └── ArchiveRefused      malicious, or above the size limits

Each says what happened (``message``, one plain sentence), to what (``subject``), what to do next (``advice``), and
keeps the other side's own words (``detail``), made safe to show. None of them contains a secret: known secrets
(``secrecy``) are replaced here, and in ``detail`` also what looks like one. ``remedy`` is what the window offers to do
about it, at ``registry``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar, Unpack

from longshore.secrecy import without_likely_secrets
from longshore.text import filled, plain


class Remedy(enum.Enum):
    """What the user can do about an error in the window. The values are kept in the journal: never rename."""

    #: Only to try again.
    RETRY = "retry"
    #: Sign in to the registry, or sign in as someone else.
    SIGN_IN = "sign-in"
    #: Look at the registry's certificate: trust it, and see what the engine needs.
    CERTIFICATE = "certificate"
    #: Change how the registry is reached.
    SETTINGS = "settings"
    #: Name a repository, for a registry that lists none.
    PIN = "pin"
    #: Let the library pull instead of the engine.
    LIBRARY = "library"
    #: Change the keys and the rule for signatures.
    KEYS = "keys"


class Words(TypedDict, total=False):
    """The arguments that the class of an error passes to its base; see LongshoreError."""

    subject: str
    advice: str
    detail: str
    remedy: Remedy | None
    arguments: Mapping[str, object] | None


class LongshoreError(Exception):
    """Base of the tree. Immutable in practice; may cross threads.

    *message*: one plain sentence for a person, without the subject's raw words. *subject*: the reference, host or
    file concerned. *advice*: what the user can do. *detail*: the engine's or registry's own words (several lines
    allowed; cleaned and bounded here). *registry*: the host of the registry concerned, "" for none. *remedy*: if
    it is not that of the class. *arguments*: replace ``{name}`` in *message* and *advice*; the sentences are translated
    before that (``words.errors``).
    """

    #: Stable name, kept in the journal: never rename.
    code = "error"
    #: True when trying again later may work without the user doing anything.
    transient = False
    remedy = Remedy.RETRY

    def __init__(
        self,
        message: str,
        *,
        subject: str = "",
        advice: str = "",
        detail: str = "",
        registry: str = "",
        remedy: Remedy | None = None,
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        self.arguments = {name: plain(value, 500) for name, value in (arguments or {}).items()}
        #: Message and advice before the arguments were filled in, as catalogues translate them.
        self.sentences = (message, advice)
        if arguments:
            message, advice = filled(message, self.arguments), filled(advice, self.arguments)
        self.message = plain(message, 500)
        self.subject = plain(subject, 500)
        self.advice = plain(advice, 500)
        self.detail = without_likely_secrets(plain(detail, 8000, keep_lines=True, least=1))
        self.registry = plain(registry, 300)
        if not arguments:
            self.sentences = (self.message, self.advice)  # they may repeat what came from outside
        if remedy is not None:
            self.remedy = remedy
        super().__init__(self.message)


_Kind = TypeVar("_Kind", bound=LongshoreError, covariant=True)


class Sentence(NamedTuple, Generic[_Kind]):
    """A row of a table of errors: its class and what it says, with ``{name}`` for what differs from case to case."""

    kind: type[_Kind]
    message: str
    advice: str = ""
    remedy: Remedy | None = None

    def __call__(
        self, subject: str = "", detail: str = "", *, registry: str = "", **arguments: object
    ) -> _Kind:
        """The error, with *arguments* filled in. *registry*: the host, which a RegistryError needs."""
        more: dict[str, Any] = {"registry": registry} if registry else {}
        return self.kind(
            self.message,
            subject=subject,
            advice=self.advice,
            detail=detail,
            remedy=self.remedy,
            arguments=arguments,
            **more,
        )


class InvalidInput(LongshoreError):
    """What the user typed is not valid."""

    code = "input.invalid"


class InvalidReference(InvalidInput):
    """Not an image reference (distribution/reference grammar)."""

    code = "input.reference"


class InvalidRegistryName(InvalidInput):
    """Not a registry host, port and path."""

    code = "input.registry"


class InvalidContent(LongshoreError):
    """Bytes from outside are not what they claim to be."""

    code = "content.invalid"


class InvalidManifest(InvalidContent):
    """A manifest, index or image configuration that cannot be read."""

    code = "content.manifest"


class InvalidLayout(InvalidContent):
    """The files that make a folder or a tar an OCI image layout cannot be read."""

    code = "content.layout"


class InvalidLayer(InvalidContent):
    """The tar of a layer is damaged, something else, or exceeds the size limits."""

    code = "content.layer"


class NotInImage(LongshoreError):
    """The image does not have what was asked for, or not in a form that can be given."""

    code = "image.not-there"


class DigestMismatch(InvalidContent):
    """Content does not hash to its digest, or is not of its size."""

    code = "content.digest"


class EngineError(LongshoreError):
    """Base of what goes wrong with an engine."""

    code = "engine.error"


class UnavailableCause(enum.Enum):
    """Why no engine responds."""

    NOT_RUNNING = "not running"
    NO_SOCKET = "no socket"
    NO_PERMISSION = "no permission"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    TLS = "tls"
    UNSUPPORTED = "unsupported"


class EngineUnavailable(EngineError):
    """No engine responds at the address in ``subject``."""

    code = "engine.unavailable"
    transient = True

    def __init__(self, message: str, *, cause: UnavailableCause, **words: Unpack[Words]) -> None:
        super().__init__(message, **words)
        self.cause = cause


class EngineLost(EngineError):
    """The connection to the engine was lost while it worked."""

    code = "engine.lost"
    transient = True


class UnknownContext(EngineError):
    """The requested docker context does not exist."""

    code = "engine.context"


class ImageUnknown(EngineError):
    """The engine has no such image."""

    code = "engine.image-unknown"


class ImageInUse(EngineError):
    """The engine refuses to remove the image: containers or other tags use it."""

    code = "engine.image-in-use"


class ContainerUnknown(EngineError):
    """The engine has no such container (any more)."""

    code = "engine.container-unknown"


class RunField(enum.Enum):
    """What is entered to run a container."""

    IMAGE = "image"
    NAME = "name"
    COMMAND = "command"
    ENTRYPOINT = "entrypoint"
    PORTS = "ports"
    ENVIRONMENT = "environment"
    VOLUMES = "volumes"
    NETWORK = "network"
    DIRECTORY = "directory"
    USER = "user"


class RunRefused(EngineError):
    """The engine did not start a container. *field*: what has to be changed."""

    code = "engine.run-refused"

    def __init__(self, message: str, *, field: RunField, **words: Unpack[Words]) -> None:
        super().__init__(message, **words)
        self.field = field


class DiskFull(EngineError):
    """No space left where the engine (or we) write."""

    code = "engine.disk-full"


class EngineFailure(EngineError):
    """Anything else that the engine reports."""

    code = "engine.failure"


class RegistryError(LongshoreError):
    """Base of what goes wrong with a registry; ``registry`` is its host."""

    code = "registry.error"

    def __init__(self, message: str, *, registry: str, **words: Unpack[Words]) -> None:
        super().__init__(message, registry=registry, **words)
        self.subject = self.subject or self.registry


class RegistryUnreachable(RegistryError):
    """Refused, no such host, timed out, or the connection was cut.

    ``silent``: it did not respond in time, so every further try takes as long again.
    """

    code = "registry.unreachable"
    transient = True

    def __init__(self, message: str, *, registry: str, silent: bool = False, **words: Unpack[Words]) -> None:
        super().__init__(message, registry=registry, **words)
        self.silent = silent


class TlsFailed(RegistryError):
    """Certificate not trusted, or only one side uses TLS.

    ``certificate``: text lines about the registry's certificate (subject, issuer, dates, SHA-256
    fingerprint), empty if it could not be read. ``address``: host and port that presented it, if that is not the
    registry itself but its token service or storage.
    """

    code = "registry.tls"
    remedy = Remedy.SETTINGS

    def __init__(
        self,
        message: str,
        *,
        registry: str,
        certificate: str = "",
        address: str = "",
        **words: Unpack[Words],
    ) -> None:
        if certificate and words.get("remedy") is None:
            words["remedy"] = Remedy.CERTIFICATE
        super().__init__(message, registry=registry, **words)
        self.address = plain(address, 300)
        self.certificate = plain(certificate, 4000, keep_lines=True, least=1)


class SignInRequired(RegistryError):
    """No credentials, and the registry requires some."""

    code = "registry.sign-in-required"
    remedy = Remedy.SIGN_IN


class SignInFailed(RegistryError):
    """The credentials were refused."""

    code = "registry.sign-in-failed"
    remedy = Remedy.SIGN_IN


class AccessDenied(RegistryError):
    """Signed in (or anonymous where that is allowed), but not allowed to do this."""

    code = "registry.denied"
    remedy = Remedy.SIGN_IN


class TagImmutable(RegistryError):
    """The tag exists, and the registry does not allow moving it to another image."""

    code = "registry.tag-immutable"


class NotInRegistry(RegistryError):
    """Unknown repository, tag, digest or blob."""

    code = "registry.not-found"


class RateLimited(RegistryError):
    """429. ``retry_after`` in seconds, None when the registry does not say."""

    code = "registry.rate-limited"
    transient = True

    def __init__(
        self, message: str, *, registry: str, retry_after: float | None = None, **words: Unpack[Words]
    ) -> None:
        super().__init__(message, registry=registry, **words)
        self.retry_after = retry_after


class RegistryFailure(RegistryError):
    """The registry returns a 5xx, or does not find what it has just accepted."""

    code = "registry.failure"
    transient = True


class UnexpectedReply(RegistryError):
    """The registry violates its protocol (HTML instead of JSON, a link to another host, endless pages)."""

    code = "registry.unexpected-reply"


class ListingUnsupported(RegistryError):
    """The registry has no catalogue, or does not show it to this user."""

    code = "registry.no-catalogue"
    remedy = Remedy.PIN


class NotSigned(RegistryError):
    """The user's rule allows only signed images, and no signature by one of the keys was found on this one."""

    code = "registry.not-signed"
    remedy = Remedy.KEYS


class CredentialsError(LongshoreError):
    """config.json or a credential helper is broken; affects only the registry named in ``registry`` or ``subject``."""

    code = "credentials.broken"
    remedy = Remedy.SIGN_IN


class VerificationFailed(LongshoreError):
    """The transfer reported success, but the destination does not have the right content."""

    code = "transfer.verification"


class TagMoved(VerificationFailed):
    """A tag points to another image than when somebody decided what to do with it; it was left alone."""

    code = "registry.tag-moved"


class LibraryError(LongshoreError):
    """The embedded image store cannot be read or written; ``subject`` names its folder, or the part concerned."""

    code = "library.error"


class NotALibrary(LibraryError):
    """The folder is no image layout, and not empty: it is left alone."""

    code = "library.not-one"


class NotInLibrary(LibraryError):
    """The library has no such image, manifest or blob."""

    code = "library.unknown"


class LibraryDamaged(LibraryError):
    """A blob of the library does not match its digest. It was removed, so that the next pull fetches it again."""

    code = "library.damaged"


class LibraryBusy(LibraryError):
    """Another program holds the library's lock for longer than any operation takes."""

    code = "library.busy"
    transient = True


class ArchiveError(LongshoreError):
    """An image archive (tar) cannot be read or written."""

    code = "archive.error"


class NotAnArchive(ArchiveError):
    """The file is not an image archive."""

    code = "archive.not-one"


class ArchiveDamaged(ArchiveError):
    """The archive is cut off or incomplete, or its content does not match its digests."""

    code = "archive.damaged"


class ArchiveRefused(ArchiveError):
    """The archive is malicious, or exceeds the size limits."""

    code = "archive.refused"


class BuildError(LongshoreError):
    """An image was not built."""

    code = "build.error"


class BuildFolderError(BuildError):
    """The folder, its Dockerfile or its ignore file cannot be used; ``subject`` names the path."""

    code = "build.folder"


class BuildFailed(BuildError):
    """A step of the Dockerfile failed, or the Dockerfile is not valid. ``detail`` has the last lines of output."""

    code = "build.failed"


class BuilderUnsuitable(BuildError):
    """The Dockerfile needs what this builder does not have."""

    code = "build.builder"


class ScanFailed(LongshoreError):
    """A scanner could not scan an image. ``subject`` names the scanner, ``detail`` has its last lines of output."""

    code = "scan.failed"
