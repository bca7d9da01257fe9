"""What errors promise to the journal and to retries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from longshore import errors
from longshore.errors import LongshoreError

#: The journal keeps these for years: a class may be renamed, its code never.
CODES = {
    "InvalidInput": "input.invalid",
    "InvalidReference": "input.reference",
    "InvalidRegistryName": "input.registry",
    "InvalidContent": "content.invalid",
    "InvalidManifest": "content.manifest",
    "InvalidLayer": "content.layer",
    "InvalidLayout": "content.layout",
    "DigestMismatch": "content.digest",
    "EngineError": "engine.error",
    "EngineUnavailable": "engine.unavailable",
    "EngineLost": "engine.lost",
    "UnknownContext": "engine.context",
    "ImageUnknown": "engine.image-unknown",
    "ImageInUse": "engine.image-in-use",
    "DiskFull": "engine.disk-full",
    "EngineFailure": "engine.failure",
    "RegistryError": "registry.error",
    "RegistryUnreachable": "registry.unreachable",
    "TlsFailed": "registry.tls",
    "SignInRequired": "registry.sign-in-required",
    "SignInFailed": "registry.sign-in-failed",
    "AccessDenied": "registry.denied",
    "TagImmutable": "registry.tag-immutable",
    "NotInRegistry": "registry.not-found",
    "RateLimited": "registry.rate-limited",
    "RegistryFailure": "registry.failure",
    "UnexpectedReply": "registry.unexpected-reply",
    "ListingUnsupported": "registry.no-catalogue",
    "CredentialsError": "credentials.broken",
    "VerificationFailed": "transfer.verification",
    "LibraryError": "library.error",
    "NotALibrary": "library.not-one",
    "NotInLibrary": "library.unknown",
    "LibraryDamaged": "library.damaged",
    "LibraryBusy": "library.busy",
    "ArchiveError": "archive.error",
    "NotAnArchive": "archive.not-one",
    "ArchiveDamaged": "archive.damaged",
    "ArchiveRefused": "archive.refused",
}
#: Errors that may pass in a moment, without anybody doing anything.
TRANSIENT = {
    "EngineUnavailable",
    "EngineLost",
    "RegistryUnreachable",
    "RateLimited",
    "RegistryFailure",
    "LibraryBusy",
}


def below(kind: type[LongshoreError]) -> Iterator[type[LongshoreError]]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_codes_stay_and_only_what_passes_is_tried_again(name: str, code: str) -> None:
    kind = getattr(errors, name)
    assert kind.code == code
    assert kind.transient is (name in TRANSIENT)


def test_no_two_errors_share_a_code() -> None:
    codes = [each.code for each in below(LongshoreError) if each.__module__ == errors.__name__]
    assert len(set(codes)) == len(codes) >= len(CODES)
    assert not LongshoreError.transient
