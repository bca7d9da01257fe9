"""Every error that Longshore shows to a person, in one tree.

::

    LongshoreError
    ├── InvalidInput            the user typed something that cannot be
    │   ├── InvalidReference
    │   └── InvalidRegistryName
    ├── InvalidContent          bytes from outside are not what they claim to be
    │   ├── InvalidManifest
    │   ├── InvalidLayout       an OCI image layout's own files
    │   └── DigestMismatch
    ├── EngineError
    │   ├── EngineUnavailable   no engine answers (``cause`` says why)
    │   ├── EngineLost          it answered and then went away            (transient)
    │   ├── UnknownContext      DOCKER_CONTEXT or the current context does not exist
    │   ├── ImageUnknown        the engine has no such image
    │   ├── ImageInUse          removal refused
    │   ├── DiskFull
    │   └── EngineFailure       anything else the engine says
    ├── RegistryError           (``registry`` names the host)
    │   ├── RegistryUnreachable refused, no such host, timed out, cut     (transient)
    │   ├── TlsFailed           certificate not trusted, TLS against plain HTTP and the reverse
    │   ├── SignInRequired      no credentials, and the registry wants some
    │   ├── SignInFailed        the credentials were refused
    │   ├── AccessDenied        signed in, and still not allowed
    │   ├── TagImmutable        the registry does not let this tag be moved
    │   ├── NotInRegistry       unknown repository, tag, digest or blob
    │   ├── RateLimited         429 (``retry_after`` seconds)             (transient)
    │   ├── RegistryFailure     5xx                                       (transient)
    │   ├── UnexpectedReply     not what the protocol says; refused redirects and links
    │   └── ListingUnsupported  the registry has no catalogue for us
    ├── CredentialsError        config.json or a helper is broken
    ├── VerificationFailed      the transfer ended, and the destination does not hold what it should
    ├── LibraryError            the embedded image store cannot be read or written
    │   ├── NotALibrary         the folder holds other things
    │   ├── NotInLibrary        no such image or blob there
    │   ├── LibraryDamaged      a blob is not what its name promises
    │   └── LibraryBusy         another program does not let go of it     (transient)
    └── ArchiveError            a tar archive of images cannot be read or written
        ├── NotAnArchive        the file is something else (a zip, a container's filesystem, …)
        ├── ArchiveDamaged      cut off, incomplete, or its content is not what its digests promise
        └── ArchiveRefused      made to do harm, or beyond all measure

Each says what happened (``message``, one plain sentence), to what (``subject``), what to do next (``advice``), and
keeps the other side's own words (``detail``), made safe to show. No secrets in any of them: what is known to be one
(``oci.secrecy``) is replaced here.
"""

from __future__ import annotations

import enum

from longshore.text import plain


class LongshoreError(Exception):
    """Base of the tree. Immutable in practice; may cross threads.

    *message*: one plain sentence for a person, without the subject's raw words. *subject*: the reference, host or
    file concerned. *advice*: what the user can do. *detail*: the engine's or registry's own words (several lines
    allowed; cleaned and bounded here).
    """

    #: Stable name, kept in the journal: never rename.
    code = "error"
    #: True when trying again later may work without the user doing anything.
    transient = False

    def __init__(self, message: str, *, subject: str = "", advice: str = "", detail: str = "") -> None:
        self.message = plain(message, 500)
        self.subject = plain(subject, 500)
        self.advice = plain(advice, 500)
        self.detail = plain(detail, 8000, keep_lines=True, least=1)
        super().__init__(self.message)


class InvalidInput(LongshoreError):
    """Something the user typed cannot be."""

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


class DigestMismatch(InvalidContent):
    """Content does not hash to its digest, or is not of its size."""

    code = "content.digest"


class EngineError(LongshoreError):
    """Base of what goes wrong with an engine."""

    code = "engine.error"


class UnavailableCause(enum.Enum):
    """Why no engine answers."""

    NOT_RUNNING = "not running"
    NO_SOCKET = "no socket"
    NO_PERMISSION = "no permission"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    TLS = "tls"
    UNSUPPORTED = "unsupported"


class EngineUnavailable(EngineError):
    """No engine answers at the address in ``subject``."""

    code = "engine.unavailable"
    transient = True

    def __init__(
        self, message: str, *, cause: UnavailableCause, subject: str = "", advice: str = "", detail: str = ""
    ) -> None:
        super().__init__(message, subject=subject, advice=advice, detail=detail)
        self.cause = cause


class EngineLost(EngineError):
    """The engine went away while it worked."""

    code = "engine.lost"
    transient = True


class UnknownContext(EngineError):
    """The docker context asked for does not exist."""

    code = "engine.context"


class ImageUnknown(EngineError):
    """The engine has no such image."""

    code = "engine.image-unknown"


class ImageInUse(EngineError):
    """The engine refuses to remove the image: containers or other tags use it."""

    code = "engine.image-in-use"


class DiskFull(EngineError):
    """No space left where the engine (or we) write."""

    code = "engine.disk-full"


class EngineFailure(EngineError):
    """Anything else the engine says."""

    code = "engine.failure"


class RegistryError(LongshoreError):
    """Base of what goes wrong with a registry; ``registry`` is its host."""

    code = "registry.error"

    def __init__(
        self, message: str, *, registry: str, subject: str = "", advice: str = "", detail: str = ""
    ) -> None:
        super().__init__(message, subject=subject or registry, advice=advice, detail=detail)
        self.registry = plain(registry, 300)


class RegistryUnreachable(RegistryError):
    """Refused, no such host, timed out, or the connection was cut.

    ``silent``: it did not answer in time, so that every further try costs as long again.
    """

    code = "registry.unreachable"
    transient = True

    def __init__(
        self,
        message: str,
        *,
        registry: str,
        subject: str = "",
        advice: str = "",
        detail: str = "",
        silent: bool = False,
    ) -> None:
        super().__init__(message, registry=registry, subject=subject, advice=advice, detail=detail)
        self.silent = silent


class TlsFailed(RegistryError):
    """Certificate not trusted, or one side speaks TLS and the other does not.

    ``certificate``: text lines about the certificate the registry showed (subject, issuer, dates, SHA-256
    fingerprint), empty if none could be had. ``address``: host and port that showed it, where that is not the registry
    itself but its token service or storage.
    """

    code = "registry.tls"

    def __init__(
        self,
        message: str,
        *,
        registry: str,
        subject: str = "",
        advice: str = "",
        detail: str = "",
        certificate: str = "",
        address: str = "",
    ) -> None:
        super().__init__(message, registry=registry, subject=subject, advice=advice, detail=detail)
        self.address = plain(address, 300)
        self.certificate = plain(certificate, 4000, keep_lines=True, least=1)


class SignInRequired(RegistryError):
    """No credentials, and the registry wants some."""

    code = "registry.sign-in-required"


class SignInFailed(RegistryError):
    """The credentials were refused."""

    code = "registry.sign-in-failed"


class AccessDenied(RegistryError):
    """Signed in (or anonymous where that is allowed), and not allowed to do this."""

    code = "registry.denied"


class TagImmutable(RegistryError):
    """The tag exists, and the registry does not let it be moved to another image."""

    code = "registry.tag-immutable"


class NotInRegistry(RegistryError):
    """Unknown repository, tag, digest or blob."""

    code = "registry.not-found"


class RateLimited(RegistryError):
    """429. ``retry_after`` in seconds, None when the registry does not say."""

    code = "registry.rate-limited"
    transient = True

    def __init__(
        self,
        message: str,
        *,
        registry: str,
        retry_after: float | None = None,
        subject: str = "",
        advice: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(message, registry=registry, subject=subject, advice=advice, detail=detail)
        self.retry_after = retry_after


class RegistryFailure(RegistryError):
    """The registry answers with a 5xx, or does not find what it has just taken."""

    code = "registry.failure"
    transient = True


class UnexpectedReply(RegistryError):
    """The registry answers outside its protocol (HTML for JSON, a link to another host, a page for ever)."""

    code = "registry.unexpected-reply"


class ListingUnsupported(RegistryError):
    """The registry has no catalogue, or keeps it from us."""

    code = "registry.no-catalogue"


class CredentialsError(LongshoreError):
    """config.json or a credential helper is broken; harms only the registry named in ``subject``."""

    code = "credentials.broken"


class VerificationFailed(LongshoreError):
    """The transfer ended well by its own account, and the destination does not hold what it should."""

    code = "transfer.verification"


class LibraryError(LongshoreError):
    """The embedded image store cannot be read or written; ``subject`` names its folder, or what in it."""

    code = "library.error"


class NotALibrary(LibraryError):
    """The folder is no image layout, and not empty: it is left alone."""

    code = "library.not-one"


class NotInLibrary(LibraryError):
    """The library has no such image, manifest or blob."""

    code = "library.unknown"


class LibraryDamaged(LibraryError):
    """A blob of the library is not what its name promises. It was taken out, so that the next pull brings it anew."""

    code = "library.damaged"


class LibraryBusy(LibraryError):
    """Another program holds the library's lock for longer than anything takes."""

    code = "library.busy"
    transient = True


class ArchiveError(LongshoreError):
    """A tar archive of images cannot be read or written."""

    code = "archive.error"


class NotAnArchive(ArchiveError):
    """The file is no archive of images, but something else."""

    code = "archive.not-one"


class ArchiveDamaged(ArchiveError):
    """The archive is cut off or incomplete, or its content is not what its digests promise."""

    code = "archive.damaged"


class ArchiveRefused(ArchiveError):
    """The archive is made to do harm, or is beyond all measure."""

    code = "archive.refused"
