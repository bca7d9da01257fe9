"""What cells of tags and images offer besides their text: tooltips, text for screen readers, errors, short forms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt

from longshore.application.states import Compared, Here, State
from longshore.errors import NotInRegistry
from longshore.models.columns import Dress, ImageColumn, Role, TagColumn, Tone
from longshore.models.images import ImageModel
from longshore.models.tags import TagModel
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.model import TagDetails
from longshore.words import times
from qt.models.made import NOW, image, sha

_Item = Qt.ItemDataRole
_HOST = "127.0.0.1:5000"
_CREATED = NOW - timedelta(days=3)
_GONE = NotInRegistry("The tag is gone.", registry=_HOST, advice="Refresh the list.")


@pytest.fixture
def tags(tested: Any) -> TagModel:
    """A model in which 2.4.0 is the same here, edge differs, broken cannot be read, and later is not known yet."""
    model: TagModel = tested(TagModel())
    generation = model.reset(_HOST, "acme/web")
    model.append_tags(generation, ["2.4.0", "edge", "broken", "later"], False)
    for tag in ("2.4.0", "edge"):
        platforms = (Platform("linux", "amd64"), Platform("linux", "arm64", "v8"))
        model.set_details(generation, TagDetails(tag, sha(tag), 70_000_000, platforms, _CREATED, ""))
    model.details_failed(generation, "broken", _GONE)
    model.settle_details()
    states = {"2.4.0": State.IN_SYNC, "edge": State.DIFFERS, "broken": None}
    model.set_states(
        {
            Reference(_HOST, "acme/web", tag): None
            if state is None
            else Compared(Here(Reference(_HOST, "acme/web", tag)), state, created=_CREATED)
            for tag, state in states.items()
        },
        known=True,
    )
    return model


def _at(model: QAbstractItemModel, key: str, column: int, role: int) -> Any:
    role_of_key = Role.TAG
    for row in range(model.rowCount()):
        if model.index(row, 0).data(role_of_key) == key:
            return model.index(row, column).data(role)
    raise AssertionError(key)


def _plain(tooltip: object) -> str:
    """Return the text of a tooltip without its markup."""
    words = str(tooltip or "").removeprefix('<span style="white-space:pre-wrap">').removesuffix("</span>")
    assert "<" not in words, words
    return words


@pytest.mark.parametrize(
    ("tag", "column", "words"),
    [
        ("2.4.0", TagColumn.TAG, f"{_HOST}/acme/web:2.4.0"),
        ("2.4.0", TagColumn.DIGEST, sha("2.4.0")),
        ("2.4.0", TagColumn.SIZE, "70 MB compressed"),
        ("2.4.0", TagColumn.PLATFORMS, "linux/amd64, linux/arm64/v8"),
        ("2.4.0", TagColumn.CREATED, times.moment_text(_CREATED)),
        ("2.4.0", TagColumn.STATE, f"{_HOST} has the same image under this tag."),
        (
            "edge",
            TagColumn.STATE,
            f"The tag points to an image at {_HOST} that is not newer, created 3 days ago.",
        ),
        ("broken", TagColumn.TAG, f"{_HOST}/acme/web:broken"),
        ("broken", TagColumn.DIGEST, "The tag is gone. Refresh the list."),
        ("broken", TagColumn.SIZE, "The tag is gone. Refresh the list."),
        ("broken", TagColumn.PLATFORMS, "The tag is gone. Refresh the list."),
        ("broken", TagColumn.CREATED, "The tag is gone. Refresh the list."),
        ("broken", TagColumn.STATE, ""),
        ("later", TagColumn.TAG, f"{_HOST}/acme/web:later"),
        ("later", TagColumn.DIGEST, ""),
        ("later", TagColumn.CREATED, ""),
        ("later", TagColumn.STATE, "There is no local image with this name."),
    ],
)
def test_tooltips_of_tags_tell_all(tags: TagModel, tag: str, column: TagColumn, words: str) -> None:
    assert _plain(_at(tags, tag, column, _Item.ToolTipRole)) == words
    assert _at(tags, tag, column, _Item.AccessibleDescriptionRole) == words


@pytest.mark.parametrize("column", list(TagColumn))
def test_errors_of_tags_are_there_in_every_column(tags: TagModel, column: TagColumn) -> None:
    assert _at(tags, "broken", column, Role.ERROR) is _GONE
    for tag in ("2.4.0", "later"):
        assert _at(tags, tag, column, Role.ERROR) is None


def test_only_the_digest_of_a_tag_says_that_it_cannot_be_read(tags: TagModel) -> None:
    shown = {column: _at(tags, "broken", column, _Item.DisplayRole) for column in TagColumn}
    assert shown == {
        TagColumn.TAG: "broken",
        TagColumn.DIGEST: "can't be read",
        **dict.fromkeys((TagColumn.SIZE, TagColumn.PLATFORMS, TagColumn.CREATED, TagColumn.STATE), ""),
        TagColumn.SIGNATURE: "",
    }
    assert _at(tags, "broken", TagColumn.DIGEST, Role.FIXED_WIDTH) is False, "an error text is not a digest"
    assert _at(tags, "2.4.0", TagColumn.DIGEST, Role.FIXED_WIDTH) is True


def test_an_error_goes_when_details_come(tags: TagModel) -> None:
    tags.set_details(tags.generation, TagDetails("broken", sha("b"), 5, (), _CREATED, ""))
    tags.settle_details()
    assert _at(tags, "broken", TagColumn.TAG, Role.ERROR) is None
    assert _plain(_at(tags, "broken", TagColumn.DIGEST, _Item.ToolTipRole)) == sha("b")


def test_states_and_tones_of_tags(tags: TagModel) -> None:
    assert _at(tags, "2.4.0", TagColumn.TAG, Role.STATE) is State.IN_SYNC
    assert _at(tags, "edge", TagColumn.TAG, Role.STATE) is State.DIFFERS
    assert _at(tags, "later", TagColumn.TAG, Role.STATE) is State.ONLY_THERE
    tones = {tag: _at(tags, tag, TagColumn.STATE, Role.TONE) for tag in ("2.4.0", "edge", "later")}
    assert tones == {"2.4.0": Tone.GOOD, "edge": Tone.BAD, "later": Tone.NONE}
    assert _at(tags, "2.4.0", TagColumn.SIZE, Role.TONE) is None
    assert [_at(tags, "2.4.0", column, Role.DIM) for column in TagColumn] == [
        *(False, True, False, True, True, True, True)
    ]
    assert [_at(tags, "2.4.0", column, Role.STRONG) for column in TagColumn] == [True, *[False] * 6]


def test_short_forms_of_tags(tags: TagModel) -> None:
    assert _at(tags, "2.4.0", TagColumn.CREATED, Role.SHORT) == ("3 d",)
    assert _at(tags, "later", TagColumn.CREATED, Role.SHORT) == ()
    assert not _at(tags, "2.4.0", TagColumn.TAG, Role.SHORT)


def test_headers_of_tags_explain_what_is_not_plain(tags: TagModel) -> None:
    said = [
        _plain(tags.headerData(column, Qt.Orientation.Horizontal, _Item.ToolTipRole)) for column in TagColumn
    ]
    assert said[TagColumn.SIZE].startswith("Compressed")
    assert "the same" in said[TagColumn.STATE]
    assert [bool(words) for words in said] == [False, False, True, False, False, True, True]


# -- images


@pytest.fixture
def images(tested: Any) -> ImageModel:
    model: ImageModel = tested(ImageModel())
    model.set_images(
        [
            image("registry.acme.io/platform/tools/collector:1", created=_CREATED, in_use=2),
            image("registry.acme.io/acme/web:2", size=184_000_000),
            image("mirror.acme.io/acme/web:2", created=None),
            image("postgres:16"),
            image(None),
        ]
    )
    reference = Reference.parse(_COLLECTOR)
    model.set_states({(None, reference): Compared(Here(reference), State.NEWER)})
    return model


def _image(model: ImageModel, name: str, column: ImageColumn, role: int) -> Any:
    return model.index(model.index_of(Reference.parse(name)).row(), column).data(role)


_COLLECTOR = "registry.acme.io/platform/tools/collector:1"


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (ImageColumn.REPOSITORY, _COLLECTOR),
        (ImageColumn.TAG, _COLLECTOR),
        (ImageColumn.IMAGE_ID, sha(_COLLECTOR)),
        (ImageColumn.CREATED, times.moment_text(_CREATED)),
        (ImageColumn.SIZE, "184 MB (184,000,000 bytes on disk)"),
        (ImageColumn.IN_USE, "2 containers"),
        (ImageColumn.STATE, "The tag points to another image at registry.acme.io now."),
    ],
)
def test_tooltips_of_images_tell_all(images: ImageModel, column: ImageColumn, words: str) -> None:
    assert _plain(_image(images, _COLLECTOR, column, _Item.ToolTipRole)) == words
    assert _image(images, _COLLECTOR, column, _Item.AccessibleDescriptionRole) == words


def test_states_of_images(images: ImageModel) -> None:
    def cell(name: str) -> tuple[object, object, object]:
        index = images.index(images.index_of(Reference.parse(name)).row(), ImageColumn.STATE)
        return index.data(), index.data(Role.STATE), index.data(Role.TONE)

    assert cell(_COLLECTOR) == ("newer", State.NEWER, Tone.CAUTION)
    assert cell("postgres:16") == ("", None, Tone.NONE), "nothing disturbing while it is being asked"
    unnamed = images.index(images.rowCount() - 1, ImageColumn.STATE)
    assert unnamed.data() == "only here" and "No tag" in unnamed.data(_Item.AccessibleDescriptionRole)
    images.sort(ImageColumn.STATE)
    assert images.index(0, ImageColumn.STATE).data() == "newer"
    images.set_states({})
    assert images.index(0, ImageColumn.STATE).data() == "only here", "it is sorted again"


def test_names_of_images_are_shortened_as_long_as_no_other_reads_the_same(images: ImageModel) -> None:
    def short(name: str) -> object:
        return _image(images, name, ImageColumn.REPOSITORY, Role.SHORT)

    assert short(_COLLECTOR) == ("…/platform/tools/collector", "…/tools/collector", "…/collector")
    assert short("postgres:16") == ()
    assert short("registry.acme.io/acme/web:2") == short("mirror.acme.io/acme/web:2") == ()
    images.set_images([image(_COLLECTOR), image("registry.acme.io/acme/web:2")])
    assert short("registry.acme.io/acme/web:2") == ("…/acme/web", "…/web")
    images.set_images([image("web:1"), image("registry.acme.io/acme/web:2")])
    assert short("registry.acme.io/acme/web:2") == ("…/acme/web",), "another repository is also called web"


def test_short_ages_of_images(images: ImageModel) -> None:
    assert _image(images, _COLLECTOR, ImageColumn.CREATED, Role.SHORT) == ("3 d",)
    assert _image(images, "mirror.acme.io/acme/web:2", ImageColumn.CREATED, Role.SHORT) == ("",)
    assert _image(images, _COLLECTOR, ImageColumn.TAG, Role.SHORT) == ()


def test_a_new_row_says_so_until_it_is_seen(images: ImageModel, qtbot: Any) -> None:
    reference = Reference.parse("postgres:16")
    with qtbot.waitSignal(images.dataChanged) as changed:
        images.mark_fresh(reference)
    assert changed.args[0].row() == changed.args[1].row() == images.index_of(reference).row()
    assert images.fresh_count == 1
    assert "New" in _image(images, "postgres:16", ImageColumn.TAG, _Item.AccessibleDescriptionRole)
    assert _image(images, _COLLECTOR, ImageColumn.TAG, Role.FRESH) is False
    with qtbot.assertNotEmitted(images.dataChanged):
        images.mark_fresh(reference)
        images.mark_fresh(Reference.parse("not/here:1"))
    with qtbot.waitSignal(images.dataChanged):
        images.seen([images.index_of(reference)])
    assert images.fresh_count == 0
    assert _image(images, "postgres:16", ImageColumn.TAG, _Item.AccessibleDescriptionRole) == "postgres:16"


@pytest.mark.parametrize(
    ("passed", "short"),
    [
        (timedelta(seconds=20), "now"),
        (timedelta(minutes=20), "20 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=47), "1 d"),
        (timedelta(days=6), "6 d"),
        (timedelta(days=14), "2 wk"),
        (timedelta(days=59), "8 wk"),
        (timedelta(days=60), "2 mo"),
        (timedelta(days=364), "12 mo"),
        (timedelta(days=365), "1 y"),
        (timedelta(hours=-5), (NOW + timedelta(hours=5)).date().isoformat()),
    ],
)
def test_ages_in_short(passed: timedelta, short: str) -> None:
    assert times.short_age(NOW - passed, NOW) == short
    assert times.short_age(None) == ""


def _role_by_role(model: QAbstractItemModel, row: int, column: int) -> Dress:
    index = model.index(row, column)
    return Dress(
        index.data(_Item.DisplayRole) or "",
        index.data(Role.TONE) or Tone.NONE,
        bool(index.data(Role.STRONG)),
        bool(index.data(Role.DIM)),
        bool(index.data(Role.FIXED_WIDTH)),
    )


def test_what_is_painted_is_what_the_roles_say(tags, images):
    for model in (tags, images):
        cells = [(row, column) for row in range(model.rowCount()) for column in range(model.columnCount())]
        assert cells
        for row, column in cells:
            assert model.dress(model.index(row, column)) == _role_by_role(model, row, column)
        assert model.dress(QModelIndex()) == Dress()
        for column in range(model.columnCount()):
            shown = [model.index(row, column).data() or "" for row in range(model.rowCount())]
            assert list(model.texts(column, range(model.rowCount() + 5))) == shown
