"""The parts of a plan that ask nobody: forms of images, what is held, what stays, sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.requests import LocalPlace
from longshore.application.updates.model import Fetch, Held, Kind, Update
from longshore.application.updates.newer import candidates
from longshore.application.updates.planning import Wanted, admitted
from longshore.application.updates.snoozes import Snooze
from longshore.application.updates.weighing import Form, engine_form
from longshore.cancellation import Cancellation
from longshore.engine.address import current_address
from longshore.engine.container_model import Container, ContainerState
from longshore.engine.model import ImageDetails, ImagePlatform
from longshore.errors import InvalidInput, LongshoreError, NotSigned
from longshore.oci.local_image import LocalImage
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.registry.pull_budget import PullBudget
from longshore.transfers.clients import Admission
from longshore.transfers.transfer import Endpoint, EnginePlace, LibraryPlace, RegistryPlace
from longshore.words import updates as words

ENGINE = EnginePlace(current_address("unix:///tmp/none.sock", {}))
LIBRARY = LibraryPlace(Path("/tmp/library"))
AMD, ARM, RISC = (Platform("linux", name) for name in ("amd64", "arm64", "riscv64"))
NOW = datetime(2026, 11, 27, tzinfo=UTC)
ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")


def update(name: str = "docker.io/library/web:1.4", place: LocalPlace = ENGINE, **more: Any) -> Update:
    reference = Reference.parse(name)
    made = Update(place, LocalImage(reference, ONE, NOW, 1), reference, Kind.MOVED, reference, ONE, TWO)
    return replace(made, **more)


def details(platform: Platform | None, *platforms: ImagePlatform) -> ImageDetails:
    return ImageDetails(ONE, (), (), None, 1, platform, (), platforms=platforms)


@pytest.mark.parametrize(
    ("image", "form"),
    [
        (details(AMD), Form(AMD)),
        (details(None), Form(AMD)),
        (details(ARM), Form(ARM, ARM)),  # told, or the engine would take its own
        (details(AMD, ImagePlatform(ARM, False), ImagePlatform(AMD, True)), Form(AMD)),
        (
            details(AMD, ImagePlatform(ARM, True), ImagePlatform(AMD, True)),
            Form(AMD, left_out=(ARM,)),
        ),
        (details(ARM, ImagePlatform(ARM, True), ImagePlatform(RISC, True)), Form(ARM, ARM, left_out=(RISC,))),
    ],
)
def test_an_update_keeps_the_platform_that_is_here(image: ImageDetails, form: Form) -> None:
    assert engine_form(image, AMD) == form


def test_an_age_that_is_not_known_is_not_old_enough() -> None:
    wanted = Wanted(minimum_age=7, now=NOW)
    assert wanted.age_of(None) is Held.NO_DATE
    assert wanted.age_of(NOW - timedelta(days=6)) is Held.TOO_NEW
    assert wanted.age_of((NOW - timedelta(days=8)).replace(tzinfo=None)) is None
    assert Wanted(now=NOW).age_of(None) is None


def test_a_snooze_is_of_one_kind_of_update() -> None:
    reference = Reference.parse("web:1.4")
    wanted = Wanted(snoozes={(str(reference), Kind.VERSION): Snooze(None, "1.5")}, now=NOW)
    assert wanted.snoozed(reference, Kind.VERSION, "1.5")
    assert not wanted.snoozed(reference, Kind.VERSION, "1.6")
    assert not wanted.snoozed(reference, Kind.MOVED, ONE)


def test_the_newest_of_a_track_here_gets_the_update() -> None:
    tags = ["16.3", "16.4", "16.5", "16.4-alpine", "16.6-alpine"]
    here = ["16.3", "16.4", "16.4-alpine"]
    assert candidates("16.3", tags, here, major=False) == []
    assert candidates("16.4", tags, here, major=False) == ["16.5"]
    assert candidates("16.4-alpine", tags, here, major=False) == ["16.6-alpine"]


def test_what_stays_of_old_images() -> None:
    other = Reference.parse("web:stable")
    keeps = update(others=(other,), containers=(Container("1", "db", ContainerState.RUNNING),))
    assert words.remains([keeps]) == [
        "The old image of web:1.4 keeps web:stable.",
        "The container db keeps the old image until you create it again.",
    ]
    # With all its tags updated, nothing names it any more.
    both = [keeps, update("web:stable", others=(keeps.reference,))]
    assert words.remains(both)[0] == "The old image stays without a tag until you clean up."
    assert words.remains([update(place=LIBRARY)]) == ["The library removes the old image."]
    version = update(kind=Kind.VERSION, target=Reference.parse("web:1.5"))
    assert words.remains([version]) == ["web:1.4 stays beside the newer version."]
    assert (words.before(version), words.after(version)) == ("1.4", "1.5")
    many = [
        update(f"acme.io/app:{number}", others=(other,), image=LocalImage(None, f"sha256:{number}", NOW, 1))
        for number in range(5)
    ]
    assert words.remains(many) == ["5 old images keep other tags."]
    assert words.remains([update(left_out=(ARM,))])[-1] == "web:1.4: linux/arm64 here is not updated."


@pytest.mark.parametrize(
    ("fetches", "shown"),
    [
        ([Fetch(1_000_000), Fetch(2_000_000)], "3 MB to fetch"),
        ([Fetch(1_000_000), Fetch(2_000_000, about=True)], "about 3 MB to fetch"),
        ([Fetch(1_000_000), Fetch(2_000_000, at_most=True)], "up to 3 MB to fetch"),
        ([Fetch(3_000_000), Fetch()], "at least 3 MB to fetch"),
        ([Fetch()], "size not known"),
    ],
)
def test_a_sum_is_as_exact_as_its_parts(fetches: list[Fetch], shown: str) -> None:
    assert words.total(update(fetch=one) for one in fetches) == shown


def test_why_an_update_waits() -> None:
    held = update(held=Held.SNOOZED)
    key = (str(held.reference), Kind.MOVED)
    assert words.held(held, {key: Snooze(date(2026, 12, 1), "")}, 0) == "snoozed until 2026-12-01"
    assert words.held(held, {key: Snooze(None, TWO)}, 0) == "snoozed until the next change"
    assert words.held(update(held=Held.NO_DATE), {}, 7) == "age not known, minimum age 7 days"
    assert words.held(update(held=Held.NOT_NEWER), {}, 0) == "not newer than the image here"
    assert words.held(update(held=Held.NOT_SIGNED), {}, 0) == "not signed, only signed images are allowed"
    assert words.held(update(), {}, 7) == ""


def test_what_docker_hub_counts() -> None:
    there = update("ghcr.io/acme/web:1")
    assert words.hub_cost([there], None) == ""
    assert words.hub_cost([update(), there], None) == "Counts as 1 pull on Docker Hub."
    budget = PullBudget(76, 100, None, NOW)
    assert words.hub_cost([update(), update()], budget) == "Counts as 2 of 76 pulls left on Docker Hub."


def test_what_the_rules_refuse_is_held() -> None:
    class Rules:
        """The rules, as a gate. *refusal*: of all images."""

        refusal: LongshoreError | None = None

        def admit(self, end: Endpoint, *more: object, required: bool = False) -> Admission | None:
            asked.append(end)
            if self.refusal is not None:
                raise self.refusal
            return None

    asked: list[Endpoint] = []
    clients = Clients({}, RegistryConfig)
    clients.gate = rules = Rules()
    moved = update("reg.io/web:1.4")
    assert admitted(clients, moved, Cancellation()) == moved
    assert asked == [Endpoint(RegistryPlace("reg.io"), moved.target)]
    rules.refusal = NotSigned("no", registry="reg.io")
    assert admitted(clients, moved, Cancellation()) == replace(moved, held=Held.NOT_SIGNED)
    snoozed = replace(moved, held=Held.SNOOZED)
    assert admitted(clients, snoozed, Cancellation()) == snoozed
    rules.refusal = InvalidInput("damaged")
    assert admitted(clients, moved, Cancellation()).problem is rules.refusal
    asked.clear()
    # Docker Hub would count it as a pull.
    assert admitted(clients, update(), Cancellation()) == update()
    assert asked == []
