"""The push sheet warns of platforms that a push leaves behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from longshore.engine.model import ImageDetails, ImagePlatform
from longshore.oci.image_name import ImageName
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    LibraryPlace,
    Operation,
    RegistryPlace,
    TransferRequest,
)
from longshore.widgets.dialogs.archive import LoadSheet
from longshore.widgets.dialogs.push import PushSheet
from longshore.widgets.theme import Theme
from qt.models.made import ENGINE
from qt.widgets.conftest import find_nothing

AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
APP = ImageName(Reference.parse("team/app:1.0"))
TARGET = Reference.parse("one.example/team/app:1.0")


def details(*platforms: ImagePlatform) -> ImageDetails:
    return ImageDetails("sha256:1", (), (), None, 1, AMD, (), platforms=platforms)


@pytest.fixture
def sheet(light: Theme, qtbot: QtBot) -> PushSheet:
    made = PushSheet(None, [APP], ENGINE, [("docker.io", ""), ("one.example", "")], "one.example")
    qtbot.addWidget(made)
    return made


def test_it_asks_what_the_engine_has(sheet: PushSheet, qtbot: QtBot) -> None:
    with qtbot.waitSignal(sheet.images_requested) as asked:
        sheet.look()
    assert asked.args == [[APP]]
    assert sheet.losses.isHidden()


def test_an_engine_that_has_one_platform_of_several(sheet: PushSheet) -> None:
    sheet.set_local(APP, details(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=False)))
    assert sheet.losses.text() == (
        "Only linux/amd64 will be pushed: the engine lacks the other platforms of team/app:1.0."
    )
    assert not sheet.losses.isHidden()
    assert sheet.confirm.isEnabled(), "this is only a warning"
    sheet.set_local(APP, details(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=True)))
    assert sheet.losses.isHidden()


def test_a_tag_that_has_more_platforms_than_it_will_have(sheet: PushSheet) -> None:
    sheet.set_platforms(TARGET, (AMD, ARM))
    assert sheet.losses.isHidden(), "nothing is known of the image yet"
    sheet.set_local(APP, details())
    assert sheet.losses.text() == (
        "one.example/team/app:1.0 has linux/amd64, linux/arm64 now; after this push, only linux/amd64."
    )
    tag = sheet.targets.table.item(0, 3)
    assert tag is not None
    tag.setText("2.0")
    assert sheet.losses.isHidden(), "a new tag loses no platforms"
    tag.setText("not a tag")
    assert sheet.losses.isHidden()
    tag.setText("1.0")
    assert not sheet.losses.isHidden()
    sheet.set_local(APP, details(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=True)))
    assert sheet.losses.isHidden(), "all platforms are pushed"


D1, D2, ID = (f"sha256:{digit * 64}" for digit in "12a")


def result(sheet: PushSheet) -> str:
    cell = sheet.targets.table.item(0, 4)
    assert cell is not None
    return cell.text()


def named(image_id: str, *repo_digests: str, platforms: tuple[ImagePlatform, ...] = ()) -> ImageDetails:
    return replace(details(*platforms), image_id=image_id, repo_digests=repo_digests)


def test_an_index_is_offered_where_a_push_loses_platforms(sheet: PushSheet, qtbot: QtBot) -> None:
    sheet.set_local(APP, details())
    assert sheet.index_button.isHidden()
    (source, target), *_ = sheet.targets.good()
    sheet.set_platforms(target, (AMD, ARM))
    assert not sheet.index_button.isHidden() and sheet.copy_button.isHidden()
    with qtbot.waitSignal(sheet.index_requested) as asked:
        sheet.index_button.click()
    assert asked.args == [source, target]


def test_a_copy_is_offered_where_the_engine_lacks_platforms(sheet: PushSheet, qtbot: QtBot) -> None:
    there = ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=False)
    sheet.set_local(APP, details(*there))
    assert sheet.copy_button.isHidden(), "no registry is known that has them"
    sheet.set_local(APP, replace(details(*there), repo_digests=("odd", f"r.io/app@{D1}")))
    (_, target), *_ = sheet.targets.good()
    with qtbot.waitSignal(sheet.copy_requested) as asked:
        sheet.copy_button.click()
    assert asked.args == [Reference.parse(f"r.io/app@{D1}").with_tag(target.tag), target]


@pytest.mark.parametrize(
    ("there", "local", "said"),
    [
        # containerd's store and other places use the manifest's digest as an image's id.
        (D1, named(D1), "already there"),
        (
            D1,
            named(D1, platforms=(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=True))),
            "already there",
        ),
        # An index with missing platforms is not pushed as it is.
        (
            D1,
            named(D1, platforms=(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=False))),
            "may replace existing",
        ),
        # A classic engine remembers digests of the same repository.
        (D1, named(ID, f"one.example/team/app@{D2}", f"one.example/team/app@{D1}"), "already there"),
        (D1, named(ID, f"one.example/team/app@{D2}"), "replaces existing"),
        (D1, named(ID, f"one.example/team/other@{D1}", f"team/app@{D1}"), "may replace existing"),
        (D1, named(ID), "may replace existing"),
        (None, named(D1), "new tag"),
    ],
)
def test_a_tag_that_is_there_already(
    sheet: PushSheet, there: str | None, local: ImageDetails, said: str
) -> None:
    sheet.targets.set_existing(TARGET, there)
    sheet.set_local(APP, local)
    assert result(sheet) == said
    replaced = "existing tag" in sheet.targets.summary.text()
    assert replaced == ("existing" in said)
    assert ("may be moved" in sheet.targets.summary.text()) == ("may" in said)


def test_an_index_that_a_classic_engine_would_replace(sheet: PushSheet) -> None:
    """It remembers the digest of the index, and pushes the image of one platform."""
    sheet.targets.set_existing(TARGET, D1)
    sheet.set_local(APP, named(ID, f"one.example/team/app@{D1}"))
    assert result(sheet) == "already there"
    sheet.set_platforms(TARGET, (AMD, ARM))
    assert result(sheet) == "may replace existing"
    # containerd's store pushes the index.
    sheet.set_local(APP, named(D1, platforms=(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=True))))
    assert result(sheet) == "already there"


def test_nothing_is_known_of_the_image_yet(sheet: PushSheet) -> None:
    sheet.targets.set_existing(TARGET, D1)
    assert result(sheet) == "may replace existing"


def test_an_image_of_the_library_is_called_by_its_digest(light: Theme, qtbot: QtBot) -> None:
    library = LibraryPlace(Path("/library"))
    made = PushSheet(None, [replace(APP, image_id=D1)], library, [("one.example", "")], "one.example")
    qtbot.addWidget(made)
    made.targets.set_existing(TARGET, D1)
    assert result(made) == "already there"
    made.targets.set_existing(TARGET, D2)
    assert result(made) == "replaces existing"


def test_it_wishes_for_a_push_of_what_was_dropped(light: Theme, qtbot: QtBot) -> None:
    """The request has the dragged name and image id."""
    images = [replace(APP, image_id=ID), ImageName(None, D1)]
    made = PushSheet(None, images, ENGINE, [("one.example", "")], "one.example", "team/app")
    qtbot.addWidget(made)
    for row, tag in enumerate(("1.0", "2.0")):
        cell = made.targets.table.item(row, 3)
        assert cell is not None
        cell.setText(tag)
    find_nothing(made)
    with qtbot.waitSignal(made.transfers_requested) as wish:
        made.confirm.click()
    registry = RegistryPlace("one.example")
    assert wish.args == [
        [
            TransferRequest(Operation.PUSH, Endpoint(ENGINE, APP.reference, ID), Endpoint(registry, TARGET)),
            TransferRequest(
                Operation.PUSH, Endpoint(ENGINE, None, D1), Endpoint(registry, TARGET.with_tag("2.0"))
            ),
        ]
    ]


def test_an_image_of_an_archive_is_loaded_and_shown_with_its_file(light: Theme, qtbot: QtBot) -> None:
    archive = ArchivePlace(Path("/tmp/a.tar"))
    source = Endpoint(archive, APP.reference, D1)
    made = LoadSheet(None, [source], [("one.example", "")], "one.example")
    qtbot.addWidget(made)
    assert made.windowTitle() == "Load team/app:1.0 (a.tar)"
    made.targets.set_existing(TARGET, D1)
    cell = made.targets.table.item(0, 4)
    assert cell is not None and cell.text() == "already there"
    with qtbot.waitSignal(made.transfers_requested) as wish:
        made.confirm.click()
    target = Endpoint(RegistryPlace("one.example"), TARGET)
    assert wish.args == [[TransferRequest(Operation.LOAD, source, target)]]
