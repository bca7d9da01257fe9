"""Errors in the user's language, and the remedies that are offered for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QTranslator
from PySide6.QtWidgets import QApplication

from longshore.engine.attempt import Attempt
from longshore.engine.failures import classify
from longshore.errors import (
    AccessDenied,
    CredentialsError,
    EngineLost,
    ListingUnsupported,
    LongshoreError,
    NotSigned,
    RateLimited,
    Remedy,
    SignInFailed,
    SignInRequired,
    TlsFailed,
)
from longshore.models.transfer_text import action_text
from longshore.oci.reference import Reference
from longshore.transfers.transfer import State
from longshore.words import errors
from qt.models.made import transfer

PULL = Attempt(Reference.parse("r.example/app:1"))
Translate = Callable[[dict[str, str]], None]


class Catalogue(QTranslator):
    def __init__(self, known: dict[str, str]) -> None:
        super().__init__()
        self.known = known

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, text: str, comment: str | None = None, n: int = -1) -> str:
        # None, and not "", means that there is no translation.
        return self.known.get(text) if context == "errors" else None  # type: ignore[return-value]


@pytest.fixture
def translate(qapp: QApplication) -> Iterator[Translate]:
    installed: list[Catalogue] = []

    def install(known: dict[str, str]) -> None:
        installed.append(Catalogue(known))
        QCoreApplication.installTranslator(installed[-1])

    yield install
    for catalogue in installed:
        QCoreApplication.removeTranslator(catalogue)


def test_an_error_is_translated_by_its_sentence_and_its_names_are_filled_in(translate: Translate) -> None:
    error = classify("toomanyrequests", PULL)
    sentence, english = error.sentences[0], error.message
    assert "{host}" in sentence and "r.example" in english
    translate({sentence: "Zu viele Anfragen an {host}."})
    assert errors.message(error) == "Zu viele Anfragen an r.example."
    assert errors.advice(error) == error.advice
    assert errors.told(error) == f"Zu viele Anfragen an r.example. {error.advice}"
    assert errors.whole(error).splitlines() == [errors.message(error), error.advice, "toomanyrequests"]
    assert error.message == english, "the log and the journal stay English"


def test_without_a_translation_the_english_is_shown(translate: Translate) -> None:
    error = LongshoreError("It failed.", advice="Try again.", detail="words")
    assert errors.whole(error) == "It failed.\nTry again.\nwords"
    translate({"It failed.": "Es ging nicht."})
    assert errors.told(error) == "Es ging nicht. Try again."
    assert errors.told(LongshoreError("Only this.")) == "Only this."


@pytest.mark.parametrize("shown", ["{host}: {0} {} {host!r}", "no name at all"])
def test_an_odd_translation_breaks_nothing(translate: Translate, shown: str) -> None:
    error = LongshoreError("{host} failed.", arguments={"host": "{host} \u202e!"})
    assert error.message == "{host} ! failed."
    translate({"{host} failed.": shown})
    assert errors.message(error) == shown.replace("{host}", "{host} !")


@pytest.mark.parametrize(
    ("error", "button", "menu"),
    [
        (SignInRequired("x", registry="r"), "Sign in…", "Sign in to r…"),
        (SignInFailed("x", registry="r"), "Sign in…", "Sign in to r…"),
        (AccessDenied("x", registry="r"), "Sign in…", "Sign in to r…"),
        (CredentialsError("x", registry="r"), "Sign in…", "Sign in to r…"),
        (TlsFailed("x", registry="r", certificate="c"), "Certificate…", "Certificate of r…"),
        (TlsFailed("x", registry="r"), "Settings…", "Settings of r…"),
        (ListingUnsupported("x", registry="r"), "Pin a repository by name…", "Pin a repository by name…"),
        (RateLimited("x", registry="r"), "Retry", "Retry"),
        (LongshoreError("x"), "Retry", "Retry"),
    ],
)
def test_what_is_offered(error: LongshoreError, button: str, menu: str) -> None:
    offer = errors.offer(error)
    assert (offer.remedy, offer.host) == (error.remedy, error.registry)
    assert (offer.button, offer.menu) == (button, menu)


def test_every_remedy_has_its_words() -> None:
    for remedy in Remedy:
        assert errors.offer(LongshoreError("x", remedy=remedy)).button


def test_an_offer_names_the_registry_as_it_is_called() -> None:
    offer = errors.offer(SignInRequired("x", registry="docker.io"), "Docker Hub")
    assert (offer.host, offer.notice) == ("docker.io", "Sign in to Docker Hub…")


def test_what_the_engine_refuses_to_trust_leads_to_the_certificate() -> None:
    failed = transfer(state=State.FAILED, error=classify("x509: signed by unknown authority", PULL))
    offer = errors.offer_of(failed)
    assert offer is not None
    assert (offer.remedy, offer.host, offer.notice) == (Remedy.CERTIFICATE, "r.example", "Certificate…")
    assert action_text(failed) == ""


def test_a_refused_image_is_named_and_its_row_leads_to_the_keys() -> None:
    error = NotSigned("The image is not signed.", registry="registry.acme.io")
    failed = transfer(state=State.FAILED, error=error)
    offer = errors.offer_of(failed)
    assert offer is not None and offer.remedy is Remedy.KEYS
    name = failed.request.source.reference
    assert name is not None
    assert errors.notice(failed, offer) == f"{name.familiar} was refused. The image is not signed."
    assert action_text(failed) == "Keys…"


def test_a_transfer_offers_nothing_that_only_time_or_nobody_can_mend() -> None:
    refused = SignInRequired("x", registry="r")
    for snapshot in (
        transfer(state=State.QUEUED, error=refused),
        transfer(state=State.FAILED, error=None),
        transfer(state=State.FAILED, error=RateLimited("x", registry="r")),
        transfer(state=State.FAILED, error=CredentialsError("x")),
    ):
        assert errors.offer_of(snapshot) is None
        assert action_text(snapshot) == ""
    assert action_text(transfer(state=State.FAILED, error=refused)) == "Sign in…"


def test_the_library_is_offered_after_the_second_attempt() -> None:
    lost = EngineLost("The connection to the engine was lost.", remedy=Remedy.LIBRARY)
    assert errors.offer_of(transfer(state=State.FAILED, error=lost, attempt=1)) is None
    failed = transfer(state=State.FAILED, error=lost, attempt=2)
    offer = errors.offer_of(failed)
    assert offer is not None and offer.remedy is Remedy.LIBRARY
    assert "acme/web:main in 2 attempts" in errors.notice(failed, offer)
