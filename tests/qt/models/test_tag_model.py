"""Tags: names first, details as they come, and the comparison with the local images."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

from longshore.application.states import Compared, Here, State
from longshore.errors import NotInRegistry, RegistryUnreachable
from longshore.models import mime
from longshore.models.columns import Role, TagColumn, Tone
from longshore.models.tags import TagModel
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.listing import TagInfo
from longshore.registry.model import TagDetails
from qt.models.made import NOW, headers, row_texts, sha, texts

Item = Qt.ItemDataRole
DESC = Qt.SortOrder.DescendingOrder
HOST = "127.0.0.1:5000"


def details(tag, days=1.0, size=70_000_000, platforms=("linux/amd64", "linux/arm64")):
    created = None if days is None else NOW - timedelta(days=days)
    return TagDetails(tag, sha(tag), size, tuple(Platform.parse(one) for one in platforms), created, "")


@pytest.fixture
def model(tested):
    return tested(TagModel())


def listed(model, names, more=False, repository="acme/web"):
    generation = model.reset(HOST, repository)
    model.append_tags(generation, names, more)
    return generation


def known(model, *some):
    model.set_details(model.generation, *some)
    model.settle_details()


def test_cells(model):
    generation = listed(model, ["2.4.0", "edge"])
    assert headers(model) == ["Tag", "Digest", "Size", "Platforms", "Created", "State", "Signature"]
    assert row_texts(model, 0) == ["2.4.0", "", "", "", "", "", ""]
    model.set_details(
        generation, details("2.4.0", 3, platforms=("linux/amd64", "linux/arm/v7", "windows/amd64"))
    )
    model.settle_details()
    assert row_texts(model, 0) == [
        "2.4.0",
        sha("2.4.0")[:19],
        "70 MB",
        "amd64  arm/v7  windows/amd64",
        "3 days ago",
        "",
        "",
    ]
    index = model.index(0, TagColumn.DIGEST)
    assert index.data(Role.DIGEST) == sha("2.4.0") and sha("2.4.0") in index.data(Item.ToolTipRole)
    assert index.data(Role.REFERENCE) == Reference(HOST, "acme/web", "2.4.0")
    assert index.data(Role.COPY_TEXT) == f"{HOST}/acme/web:2.4.0"
    assert "compressed" in model.index(0, TagColumn.SIZE).data(Item.AccessibleDescriptionRole)


def test_newest_first_once_all_dates_are_known_newest_version_first_until_then(model):
    listed(model, ["1.9", "1.10", "1.2", "edge"])
    assert texts(model) == ["1.10", "1.9", "1.2", "edge"]
    known(model, details("1.2", 1), details("1.9", 5), details("edge", 0.1))
    assert texts(model) == ["1.10", "1.9", "1.2", "edge"], "rows do not move while dates arrive"
    known(model, details("1.10", 3))
    assert texts(model) == ["edge", "1.2", "1.10", "1.9"]


def test_sort_by_columns(model):
    listed(model, ["1.9", "1.10", "1.2"])
    known(model, details("1.2", 1, size=5), details("1.9", 5, size=9))
    expected = {
        (TagColumn.TAG, False): ["1.2", "1.9", "1.10"],
        (TagColumn.TAG, True): ["1.10", "1.9", "1.2"],
        (TagColumn.CREATED, True): ["1.2", "1.9", "1.10"],
        (TagColumn.CREATED, False): ["1.9", "1.2", "1.10"],
        (TagColumn.SIZE, True): ["1.9", "1.2", "1.10"],
        (TagColumn.PLATFORMS, False): ["1.9", "1.2", "1.10"],
        (TagColumn.STATE, False): ["1.10", "1.9", "1.2"],
        (-1, False): ["1.10", "1.9", "1.2"],
    }
    for (column, descending), tags in expected.items():
        model.sort(column, DESC if descending else Qt.SortOrder.AscendingOrder)
        assert texts(model) == tags, (column, descending)


def test_details_gather_and_move_rows_without_losing_them(model, qtbot):
    generation = listed(model, [f"1.{number}" for number in range(50)])
    model.sort(TagColumn.CREATED, DESC)
    kept = QPersistentModelIndex(model.index(7, 0))
    tag = kept.data()
    moved = []
    model.layoutChanged.connect(lambda *_: moved.append(1))
    for number in range(50):
        model.set_details(generation, details(f"1.{number}", number + 1))
    assert moved == []
    qtbot.waitUntil(lambda: bool(moved))
    assert moved == [1], "all details are sorted in once"
    assert texts(model)[:3] == ["1.0", "1.1", "1.2"] and kept.data() == tag


def test_details_are_wanted_for_what_is_seen_and_once(model):
    wanted = []
    model.details_requested.connect(lambda generation, tags: wanted.append((generation, tags)))
    generation = listed(model, ["5", "4", "3", "2", "1"])
    model.want_details(0, 1)
    model.want_details(0, 2)
    assert wanted == [(generation, ["5", "4"]), (generation, ["3"])]
    model.sort(TagColumn.TAG)
    assert wanted[2:] == [(generation, ["1", "2"])], "other rows are visible now"
    model.want_details(-5, 900)
    assert len(wanted) == 3
    again = listed(model, ["5", "4", "3", "2", "1", "6"])
    assert (
        again != generation and wanted[3][0] == again and set(wanted[3][1]) == {"1", "2", "3", "4", "5", "6"}
    )
    model.want_all_details()
    assert len(wanted) == 4


def test_what_cannot_be_read_says_so(model):
    generation = listed(model, ["1"])
    error = NotInRegistry("The manifest is gone", registry=HOST, advice="Refresh")
    model.details_failed(generation - 1, "1", error)
    assert row_texts(model, 0)[1] == ""
    model.details_failed(generation, "1", error)
    assert row_texts(model, 0)[1] == "can't be read"
    assert "The manifest is gone Refresh" in model.index(0, TagColumn.DIGEST).data(Item.ToolTipRole)
    known(model, details("1"))
    assert model.index(0, 0).data(Role.ERROR) is None


def test_stale_generations_are_dropped(model):
    old = model.reset(HOST, "acme/web")
    new = model.reset(HOST, "acme/api")
    model.append_tags(old, ["old"], False)
    model.set_details(old, details("old"))
    model.fail(old, RegistryUnreachable("x", registry=HOST))
    assert model.rowCount() == 0 and model.loading and model.error is None
    model.append_tags(new, ["new"], False)
    assert texts(model) == ["new"] and not model.loading


def test_a_refresh_keeps_rows_until_they_are_known_to_be_gone(model):
    listed(model, ["1", "2", "3"])
    kept = QPersistentModelIndex(model.index(0, 0))
    generation = model.reset(HOST, "acme/web")
    assert model.rowCount() == 3
    model.append_tags(generation, ["3", "4"], True)
    assert texts(model) == ["4", "3", "2", "1"] and model.has_more
    model.append_tags(generation, [], False)
    assert texts(model) == ["4", "3"] and kept.data() == "3"


def test_notes(model):
    notes = []
    model.note_changed.connect(notes.append)
    assert model.note == "Select a repository to see its tags"
    generation = model.reset(HOST, "a/b")
    model.append_tags(generation, [], False)
    model.fail(model.reset(HOST, "a/c"), RegistryUnreachable("Cannot reach it", registry=HOST))
    listed(model, ["1"])
    model.set_filter("zzz")
    model.set_filter("")
    listed(model, ["sha256-" + "a" * 64 + ".sig"])
    model.reset("", "")
    assert notes == [
        "Loading tags…",
        "This repository has no tags",
        "Loading tags…",
        "Cannot reach it",
        "Loading tags…",
        "",
        "No tag matches the filter",
        "",
        "Only digest tags, which are hidden",
        "Select a repository to see its tags",
    ]


def test_tags_that_stand_for_a_digest_are_hidden_until_asked_for(model):
    signature = "sha256-" + "a" * 64 + ".sig"
    listed(model, ["1", signature, "sha256-" + "b" * 64, "sha256-short", "not a tag"])
    assert texts(model) == ["1", "sha256-short"] and model.hidden_count == 2
    model.set_show_digest_like(True)
    assert signature in texts(model) and model.rowCount() == 4


def test_filter_looks_at_tag_and_digest(model):
    listed(model, ["1.0-Alpine", "1.0", "2.0-alpine"])
    known(model, details("1.0"))
    model.set_filter("ALPINE 1")
    assert texts(model) == ["1.0-Alpine"]
    model.set_filter(sha("1.0")[:20])
    assert texts(model) == ["1.0"]


def compared(tag: str, state: State) -> dict[Reference, Compared]:
    reference = Reference(HOST, "acme/web", tag)
    return {reference: Compared(Here(reference), state, sha(tag))}


def test_states(model, qtbot):
    listed(model, ["3", "2", "1"])
    assert [row_texts(model, at)[TagColumn.STATE] for at in range(3)] == ["", "", ""], (
        "the local images are not known"
    )
    asked = {Reference(HOST, "acme/web", "2"): None, Reference(HOST, "acme/other", "1"): None}
    model.set_states(asked, known=True)
    assert [row_texts(model, at)[TagColumn.STATE] for at in range(3)] == ["only there", "", "only there"]
    with qtbot.waitSignal(model.dataChanged) as changed:
        model.set_states({**asked, **compared("2", State.NEWER)}, known=True)
    assert changed.args[0] == changed.args[1] == model.index(1, TagColumn.STATE), "only what has changed"
    cell = model.index(1, TagColumn.STATE)
    assert (cell.data(Role.STATE), cell.data(), cell.data(Role.TONE)) == (State.NEWER, "newer", Tone.CAUTION)
    with qtbot.assertNotEmitted(model.dataChanged):
        model.set_states({**asked, **compared("2", State.NEWER)}, known=True)
    model.set_states({}, known=True)
    assert cell.data() == "only there", "its image was removed"
    model.set_states({}, known=False)
    assert cell.data() == ""


def test_states_are_those_of_the_shown_repository(model):
    model.set_states(compared("1", State.DIFFERS), known=True)
    listed(model, ["1"], repository="acme/other")
    assert row_texts(model, 0)[TagColumn.STATE] == "only there"
    listed(model, ["1"])
    assert row_texts(model, 0)[TagColumn.STATE] == "differs"


def test_what_needs_attention_comes_first(model):
    listed(model, ["6", "5", "4", "3", "2", "1"])
    states = [State.UNKNOWN, State.IN_SYNC, State.ONLY_HERE, State.NEWER, State.DIFFERS]
    found = {}
    for number, state in enumerate(states):
        found |= compared(str(number + 1), state)
    model.sort(TagColumn.STATE)
    model.set_states(found, known=True)
    model.settle_details()
    assert [row_texts(model, at)[TagColumn.STATE] for at in range(6)] == [
        *("newer", "differs", "only here", "unknown", "in sync", "only there")
    ]


def test_what_has_changed_moves_alone(model, qtbot):
    tags = [str(number) for number in range(9, 0, -1)]
    listed(model, tags)
    found = {one: state for tag in tags for one, state in compared(tag, State.IN_SYNC).items()}
    model.sort(TagColumn.STATE)
    model.set_states(found, known=True)
    model.settle_details()
    assert texts(model) == tags
    news = {**compared("3", State.NEWER), **compared("5", State.DIFFERS)}
    model.set_states({**found, **news}, known=True, changed=news)
    model.settle_details()
    assert texts(model) == ["3", "5", *(tag for tag in tags if tag not in ("3", "5"))]
    found |= news
    again = {
        Reference(HOST, "acme/web", "7"): Compared(Here(Reference(HOST, "acme/web", "7")), State.IN_SYNC)
    }
    with qtbot.assertNotEmitted(model.layoutChanged), qtbot.waitSignal(model.dataChanged):
        model.set_states({**found, **again}, known=True, changed=again)
        model.settle_details()


def test_details_of_local_images_are_reported(model):
    reported = []
    model.details_known.connect(reported.append)
    model.set_states({Reference(HOST, "acme/web", "1"): None}, known=True)
    generation = listed(model, ["2", "1"])
    model.set_details(generation, details("1"), details("2"))
    model.settle_details()
    assert reported == [{Reference(HOST, "acme/web", "1"): details("1")}]


def test_drag_carries_the_tags(model):
    listed(model, ["1", "2"])
    dragged = mime.decode(model.mimeData([model.index(0, 0), model.index(0, 3), model.index(1, 0)]))
    assert dragged.kind is mime.DragKind.REMOTE
    assert [each.shown for each in dragged.images] == [f"{HOST}/acme/web:2", f"{HOST}/acme/web:1"]
    assert (
        not model.flags(QModelIndex()) and not model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsDropEnabled
    )


def test_ten_thousand_tags_with_details_are_no_work():
    model = TagModel()
    generation = model.reset(HOST, "acme/web")
    began = time.process_time()
    names = [f"1.{number}" for number in range(10_000)]
    for start in range(0, 10_000, 1000):
        model.append_tags(generation, names[start : start + 1000], start < 9000)
    model.sort(TagColumn.CREATED, DESC)
    for name in names:
        model.set_details(generation, details(name))
    model.settle_details()
    assert time.process_time() - began < 10
    assert model.rowCount() == 10_000
    model.deleteLater()


def test_details_that_a_vendor_lists_are_not_asked_for_once_more(model):
    wanted = []
    model.details_requested.connect(lambda _generation, names: wanted.append(names))
    generation = model.reset(HOST, "acme/web")
    model.want_details(0, 10)
    whole = TagInfo("3", details("3"), complete=True)
    part = TagInfo("2", details("2", platforms=()), complete=False)
    model.append_tags(generation, [whole, part, TagInfo("1")], True, 40)
    assert (model.expected, model.total, model.shown_count) == (40, 3, 3)
    assert texts(model, TagColumn.SIZE) == ["70 MB", "70 MB", ""]
    assert wanted == [["2", "1"]] and model.awaited_details == 1
    model.append_tags(generation, [TagInfo("3", details("3", size=8_000_000), complete=True)], False)
    assert texts(model, TagColumn.SIZE)[0] == "8 MB" and model.expected is None


def test_hidden_tags_do_not_count_as_shown(model):
    listed(model, ["1", f"sha256-{'a' * 64}.sig", f"sha256-{'b' * 64}", f"sha256-{'c' * 64}.sbom"])
    assert (model.total, model.hidden_count, model.shown_count) == (4, 3, 1)
    model.set_show_digest_like(True)
    assert model.shown_count == 4 and model.rowCount() == 4
