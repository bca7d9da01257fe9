"""The filters beside the words: those of one kind widen, others narrow; which images and tags pass each."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.states import Compared, Here, State
from longshore.models.columns import ImageColumn, Role
from longshore.models.images import ImageModel
from longshore.models.tags import TagModel
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.model import TagDetails
from qt.models.made import NOW, image, sha, texts


@pytest.fixture
def images(tested: Any) -> ImageModel:
    model: ImageModel = tested(ImageModel())
    own = ("docker.io/library/postgres@" + sha("x"),)
    model.set_images(
        [
            image("postgres:16", in_use=1, repo_digests=own),
            image("web:dev"),
            image("registry.acme.io/web:1"),
            image(None),
        ]
    )
    return model


def shown(model: ImageModel) -> list[str]:
    return texts(model, ImageColumn.REPOSITORY)


def test_filters_of_other_kinds_narrow(images: ImageModel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(images.choices_changed):
        images.set_chosen({"unused"})
    assert shown(images) == ["registry.acme.io/web", "web", "<none>"]
    images.set_chosen({"unused", "local"})
    assert shown(images) == ["web", "<none>"]
    assert (images.chosen, images.chosen_words) == (
        ["local", "unused"],
        "without a registry, unused by containers",
    )
    images.set_chosen({"unused", "local", "dangling"})
    assert shown(images) == ["<none>"]
    images.set_filter("web")
    assert shown(images) == []
    with qtbot.assertNotEmitted(images.choices_changed):
        images.set_chosen(["dangling", "unused", "local"])
    images.set_chosen(())
    assert shown(images) == ["registry.acme.io/web", "web"]


def test_states_that_arrive_change_what_passes(images: ImageModel) -> None:
    def state(name: str, found: State) -> None:
        reference = Reference.parse(name)
        images.set_states({(None, reference): Compared(Here(reference), found)})

    images.set_chosen({"newer"})
    assert shown(images) == []
    state("registry.acme.io/web:1", State.NEWER)
    assert shown(images) == ["registry.acme.io/web"]
    state("registry.acme.io/web:1", State.IN_SYNC)
    assert shown(images) == []
    # An image of containerd's store has a digest under its own name even if it never was in a registry.
    images.set_chosen({"local"})
    assert shown(images) == ["web", "<none>"]
    state("docker.io/library/postgres:16", State.ONLY_HERE)
    assert shown(images) == ["postgres", "web", "<none>"]


def test_the_library_has_no_containers(images: ImageModel) -> None:
    images.set_compressed(True)
    reasons = {choice.key: choice.why_not for choice in images.choices()}
    assert reasons == {"unused": "The library has no containers.", "dangling": "", "newer": "", "local": ""}


def test_platforms_are_wanted_once_and_those_of_one_kind_widen(images: ImageModel, qtbot: QtBot) -> None:
    assert not images.wants_platforms
    images.choices()
    assert not images.wants_platforms
    with qtbot.waitSignal(images.platforms_wanted):
        images.prepare_choices()
    with qtbot.assertNotEmitted(images.platforms_wanted, wait=10):
        images.want_platforms()
    images.set_platforms(
        {sha("web:dev"): ("linux/arm64",), sha("postgres:16"): ("linux/amd64", "linux/s390x")}
    )
    assert [choice.words for choice in images.choices()][4:] == [
        "linux/amd64",
        "linux/arm64",
        "linux/s390x",
    ]
    images.set_chosen({"platform:linux/amd64", "platform:linux/arm64"})
    assert shown(images) == ["postgres", "web"]
    cell = images.index(0, ImageColumn.PLATFORM)
    assert cell.data() == "amd64  s390x"
    assert "linux/amd64, linux/s390x" in cell.data(Qt.ItemDataRole.ToolTipRole)
    # An image that comes later shows what is known of it.
    images.set_images([image("web:dev")])
    assert texts(images, ImageColumn.PLATFORM) == ["arm64"]


def test_a_shown_column_wants_platforms(images: ImageModel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(images.platforms_wanted):
        assert images.index(0, ImageColumn.PLATFORM).data() == ""


def test_tags_by_what_is_known_of_them(tested: Any, qtbot: QtBot) -> None:
    model: TagModel = tested(TagModel())
    generation = model.reset("127.0.0.1:5000", "acme/web")
    signature = sha("1").replace(":", "-") + ".sig"
    model.append_tags(generation, ["1", "2", "chart", signature], False)
    amd64 = (Platform.parse("linux/amd64"),)
    model.set_details(
        generation,
        TagDetails("1", sha("1"), 1, amd64, NOW, OCI_INDEX),
        TagDetails("chart", sha("chart"), 1, (), None, OCI_MANIFEST, config=sha("config")),
    )
    model.settle_details()
    assert texts(model) == ["2", "1", "chart"]
    model.set_chosen({"kind:artifacts"})
    assert texts(model) == ["chart"]
    # Of tag 2 nothing is known: it is taken for an image, and not asked for.
    with qtbot.assertNotEmitted(model.details_requested):
        model.set_chosen({"kind:images"})
    assert texts(model) == ["2", "1"]
    model.set_chosen({"kind:artifacts", "kind:signatures"})
    assert set(texts(model)) == {"chart", signature}
    model.set_details(generation, TagDetails("2", sha("2"), 1, (), None, OCI_MANIFEST, config=sha("c")))
    model.settle_details()
    assert set(texts(model)) == {"chart", "2", signature}
    assert model.chosen_words == "charts and other artifacts, signatures, SBOMs and attestations"


def test_untagged_images_are_read_for_the_filter_and_shown_only_there(tested: Any, qtbot: QtBot) -> None:
    model: TagModel = tested(TagModel())
    untagged = next(choice for choice in model.choices() if choice.key == "kind:untagged")
    assert untagged.why_not == "This registry does not list untagged images."
    model.set_tells_untagged(True)
    generation = model.reset("harbor.acme.io", "team/app")
    model.append_tags(generation, ["1"], False)
    with qtbot.waitSignal(model.untagged_wanted) as wanted:
        model.set_chosen({"kind:untagged"})
    assert wanted.args == [generation]
    assert model.note == "No tag matches the filter"
    amd64 = (Platform.parse("linux/amd64"),)
    with qtbot.assertNotEmitted(model.details_requested):
        model.set_untagged(generation - 1, [TagDetails("", sha("old"), 1, amd64, NOW, "")])
        model.set_untagged(generation, [TagDetails("", sha("x"), 1, amd64, NOW, "")])
        model.want_details(0, 5)
    assert texts(model) == [sha("x")[:19]]
    row = model.index(0, 0)
    assert row.data(Role.REFERENCE) == Reference("harbor.acme.io", "team/app", None, sha("x"))
    assert (row.data(Role.TAG), row.data(Role.DIGEST)) == ("", sha("x"))
    assert model.shown_count == 2
    model.set_chosen(())
    assert (texts(model), model.shown_count) == (["1"], 1)
    # A refresh reads them again while they are shown.
    model.set_chosen({"kind:untagged"})
    again = model.reset("harbor.acme.io", "team/app")
    with qtbot.waitSignal(model.untagged_wanted) as wanted:
        model.append_tags(again, ["1"], False)
    assert wanted.args == [again]
    assert texts(model) == []
