"""The tree of registries: lazy pages, notes, filter, drops."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QTreeView

from longshore.errors import ListingUnsupported, RegistryUnreachable, SignInRequired
from longshore.models import mime
from longshore.models.columns import NodeKind, NodeState, RegistryColumn, Role, Tone
from longshore.models.registries import RegistryModel
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from qt.models.made import entry, headers, sha, texts

Item = Qt.ItemDataRole
HOST = "127.0.0.1:5000"


@pytest.fixture
def model(tested):
    model = tested(RegistryModel())
    model.set_registries([entry("docker.io"), entry(HOST)])
    return model


def count_text(model, host=HOST):
    return model.index_of(host).siblingAtColumn(RegistryColumn.TAGS).data()


def listed(model, names, more=False, total=None):
    model.append_page(HOST, model.begin_listing(HOST), names, more, total)


def test_registries_before_they_are_listed(model):
    assert headers(model) == ["Registry / repository", "Tags", "Signed in"]
    assert texts(model) == ["Docker Hub", HOST]
    index = model.index_of(HOST)
    assert model.hasChildren(index) and model.rowCount(index) == 0 and model.canFetchMore(index)
    assert index.data(Role.NODE_KIND) == NodeKind.REGISTRY and index.data(Role.STATE) == NodeState.IDLE


def test_a_view_that_opens_a_registry_wants_its_first_page_once(model, qtbot):
    view = QTreeView()
    qtbot.addWidget(view)
    view.setModel(model)
    view.show()
    wanted = []
    model.page_requested.connect(lambda host, generation: wanted.append((host, generation)))
    view.expand(model.index_of(HOST))
    assert wanted == [(HOST, 1)]
    assert texts(model, 0, model.index_of(HOST)) == ["Loading…"]
    model.append_page(HOST, 1, ["acme/web", "acme/api"], False, None)
    assert texts(model, 0, model.index_of(HOST)) == ["acme/api", "acme/web"]
    assert count_text(model) == "2 repositories"
    assert view.isExpanded(model.index_of(HOST))
    assert wanted == [(HOST, 1)]


def test_repositories_that_nobody_can_pull_are_counted_and_named(model):
    """distribution 2771: a catalogue may contain names with capitals, which are not valid in references."""
    index = model.index_of(HOST)
    generation = model.begin_listing(HOST)
    model.append_page(HOST, generation, ["Test/someproject", "acme/api"], True, None)
    note = "Test/someproject can't be pulled: image names must be lowercase"
    assert texts(model, 0, index) == ["acme/api", note, "More…"]
    model.append_page(HOST, generation, ["Test/someproject", "Other"], False, None)
    note = "2 repositories can't be pulled, such as Test/someproject: image names must be lowercase"
    assert texts(model, 0, index) == ["acme/api", note]
    assert model.index(1, 0, index).data(Role.NODE_KIND) == NodeKind.NOTE
    assert count_text(model) == "1 repository"
    listed(model, ["Other"])
    assert texts(model, 0, index) == ["Other can't be pulled: image names must be lowercase"]
    listed(model, ["acme/api"])
    assert texts(model, 0, index) == ["acme/api"]


def test_pages_come_as_one_scrolls(model):
    wanted = []
    model.page_requested.connect(lambda host, generation: wanted.append((host, generation)))
    listed(model, [f"r{number:03}" for number in range(200)], more=True, total=1234)
    index = model.index_of(HOST)
    assert count_text(model) == "200 of 1,234 loaded"
    assert texts(model, 0, index)[-1] == "More…"
    model.want_more(model.index(10, 0, index))
    assert wanted == []
    model.want_more(model.index(190, 0, index))
    model.want_more(model.index(191, 0, index))
    assert wanted == [(HOST, 1)] and not model.canFetchMore(index)
    model.append_page(HOST, 1, ["r200"], True, None)
    assert count_text(model) == "201 of 1,234 loaded", "the total of one page also applies to the next"
    model.fetchMore(index)
    model.append_page(HOST, 1, [], False, None)
    assert count_text(model) == "201 repositories" and not model.canFetchMore(index)
    assert model.rowCount(index) == 201


def test_a_stale_generation_is_dropped(model):
    old = model.begin_listing(HOST)
    new = model.begin_listing(HOST)
    model.append_page(HOST, old, ["old"], False, None)
    model.fail(HOST, old, RegistryUnreachable("Cannot reach it", registry=HOST))
    assert model.state(HOST) == NodeState.LOADING
    model.append_page(HOST, new, ["new"], False, None)
    assert texts(model, 0, model.index_of(HOST)) == ["new"]
    assert model.begin_listing("gone.example") == 0


def test_a_refresh_keeps_the_rows_until_they_are_known_to_be_gone(model):
    listed(model, ["a", "b", "c", "d"])
    index = model.index_of(HOST)
    kept = QPersistentModelIndex(model.index_of(HOST, "d"))
    generation = model.begin_listing(HOST)
    assert texts(model, 0, index) == ["a", "b", "c", "d", "Loading…"]
    model.append_page(HOST, generation, ["a", "c"], True, None)
    assert texts(model, 0, index) == ["a", "c", "d", "More…"], "the page passed b; d may still come"
    model.append_page(HOST, generation, ["d", "e"], False, None)
    assert texts(model, 0, index) == ["a", "c", "d", "e"]
    assert kept.isValid() and kept.data() == "d"


@pytest.mark.parametrize(
    ("error", "state", "start", "count"),
    [
        (
            ListingUnsupported("Nothing listed", registry=HOST),
            NodeState.NO_CATALOGUE,
            "Nothing listed",
            "can't list",
        ),
        (
            RegistryUnreachable("Cannot reach 127.0.0.1:5000", registry=HOST),
            NodeState.FAILED,
            "Cannot reach 127.0.0.1:5000 — Retry",
            "can't list",
        ),
        (
            SignInRequired("Sign-in needed", registry=HOST),
            NodeState.FAILED,
            "Sign-in needed — Sign in…",
            "can't list",
        ),
    ],
)
def test_a_registry_that_does_not_list_says_why(model, error, state, start, count):
    model.fail(HOST, model.begin_listing(HOST), error)
    index = model.index_of(HOST)
    assert model.state(HOST) == state and count_text(model) == count
    note = model.index(0, 0, index)
    assert note.data().startswith(start) and index.data(Role.NOTE) == note.data()
    assert note.data(Role.NODE_KIND) == NodeKind.NOTE
    assert note.data(Role.REPOSITORY) == "" and note.data(Role.REFERENCE) is None
    assert note.data(Role.ERROR) is error
    assert not model.flags(note) & Qt.ItemFlag.ItemIsSelectable
    assert not model.canFetchMore(index)


def test_signed_in_column(model):
    def shown(**fields):
        model.set_registries([entry(HOST, **fields)])
        index = model.index_of(HOST).siblingAtColumn(RegistryColumn.SIGNED_IN)
        return index.data(), index.data(Role.TONE)

    assert shown() == ("", Tone.NONE)
    assert shown(user="ann") == ("ann", Tone.GOOD)
    assert shown(auth="none") == ("public", Tone.NONE)
    assert shown(auth="basic")[0] == "Sign in…"
    assert shown(auth="bearer")[0] == "anonymous"
    model.fail(HOST, model.begin_listing(HOST), SignInRequired("No", registry=HOST))
    assert shown(auth="bearer")[0] == "Sign in…"


def test_an_empty_registry_and_an_empty_filter_result(model):
    listed(model, [])
    index = model.index_of(HOST)
    assert texts(model, 0, index) == ["No repositories"] and count_text(model) == "0 repositories"
    listed(model, ["acme/web"])
    model.set_filter("nothing like it")
    assert texts(model, 0, index) == ["No repository matches the filter"]


def test_pins_stay_first_and_without_a_catalogue(model):
    model.set_registries([entry(HOST, pinned=("team/b", "Not Valid", "team/a"))])
    index = model.index_of(HOST)
    assert texts(model, 0, index) == ["team/a", "team/b"] and count_text(model) == "2 pinned"
    model.fail(HOST, model.begin_listing(HOST), ListingUnsupported("No", registry=HOST))
    assert texts(model, 0, index)[:2] == ["team/a", "team/b"] and texts(model, 0, index)[2:] == [
        "No",
        "Sign in…",
        "Pin a repository by name…",
        "Paste a reference…",
    ]
    assert count_text(model) == "2 pinned"
    listed(model, ["abc", "team/b"])
    assert texts(model, 0, index) == ["team/a", "team/b", "abc"]
    model.set_registries([entry(HOST, pinned=("abc",))])
    assert texts(model, 0, index) == ["abc", "team/b"], "an unlisted row goes with its pin"
    assert model.index_of(HOST, "abc").data(Role.PINNED)


def test_filter_looks_at_all_pages(model):
    wanted = []
    model.page_requested.connect(lambda host, generation: wanted.append(generation))
    listed(model, ["acme/web", "acme/api"], more=True)
    model.set_filter("WEB acme")
    index = model.index_of(HOST)
    assert texts(model, 0, index) == ["acme/web", "Searching the rest: 2 loaded…"]
    assert wanted == [1]
    model.append_page(HOST, 1, ["other", "team/acme-web"], True, None)
    assert wanted == [1, 1]
    model.append_page(HOST, 1, ["zebra"], False, None)
    assert texts(model, 0, index) == ["acme/web", "team/acme-web"]
    model.set_filter("")
    assert model.rowCount(index) == 5


def test_sort_and_tag_counts(model):
    listed(model, ["r10", "r9", "r1"])
    index = model.index_of(HOST)
    assert texts(model, 0, index) == ["r1", "r9", "r10"]
    model.sort(RegistryColumn.NAME, Qt.SortOrder.DescendingOrder)
    assert texts(model, 0, index) == ["r10", "r9", "r1"]
    model.set_tag_count(HOST, "r9", 1112)
    model.set_tag_count(HOST, "r10", 3)
    assert texts(model, RegistryColumn.TAGS, index) == ["3", "1,112", ""]
    model.sort(RegistryColumn.TAGS, Qt.SortOrder.DescendingOrder)
    assert texts(model, 0, index) == ["r9", "r10", "r1"]


def test_hub_names(model):
    model.append_page(
        "docker.io", model.begin_listing("docker.io"), ["postgres", "acme/web", "Bad Name"], False, None
    )
    index = model.index_of("docker.io")
    assert texts(model, 0, index)[:2] == ["acme/web", "library/postgres"]
    assert texts(model, 0, index)[2:] == ["Bad Name can't be pulled: image names must be lowercase"]
    official = model.index_of("docker.io", "library/postgres")
    assert official.data(Role.REFERENCE) == Reference("docker.io", "library/postgres")
    assert official.data(Role.COPY_TEXT) == "postgres"


def test_registries_come_go_and_keep_what_they_have(model):
    listed(model, ["a"])
    model.set_registries([entry("ghcr.io"), entry(HOST), entry("docker.io")])
    assert model.hosts == ["ghcr.io", HOST, "docker.io"]
    kept = QPersistentModelIndex(model.index_of(HOST, "a"))
    assert kept.data() == "a"
    model.set_registries([entry(HOST, title="Mine"), entry("ghcr.io")])
    assert texts(model) == ["Mine", "ghcr.io"] and kept.data() == "a" and kept.parent().data() == "Mine"
    stale = model.index_of(HOST, "a")
    model.set_registries([])
    assert not kept.isValid()
    assert model.data(stale) is None and not model.parent(stale).isValid() and not model.flags(stale)


def test_a_pushed_repository_appears(model):
    listed(model, ["a"])
    model.add_repository(HOST, "team/new")
    assert model.index_of(HOST, "team/new").isValid()
    model.add_repository("docker.io", "team/new")
    assert not model.index_of("docker.io", "team/new").isValid(), (
        "a registry that is not listed yet will list it itself"
    )


def test_ten_thousand_repositories_in_pages():
    model = RegistryModel()  # without Qt's tester, which would visit every row
    model.set_registries([entry(HOST)])
    generation = model.begin_listing(HOST)
    began = time.process_time()
    for page in range(50):
        names = [f"team{page:02}/app{number:03}" for number in range(200)]
        model.append_page(HOST, generation, names, page < 49, None)
    assert time.process_time() - began < 10
    assert model.rowCount(model.index_of(HOST)) == 10_000
    model.set_filter("app007")
    assert model.rowCount(model.index_of(HOST)) == 50
    model.deleteLater()


WEB = ImageName(Reference.parse("acme/web:1"), sha("w"))


def local_drag():
    return mime.encode(mime.DragKind.LOCAL, [WEB])


def test_local_images_are_dropped_on_registries_and_repositories(model, qtbot):
    listed(model, ["acme/web"])
    copy = Qt.DropAction.CopyAction
    registry, repository = model.index_of(HOST), model.index_of(HOST, "acme/web")
    assert model.drop_hint(registry, local_drag()) == (True, f"Push acme/web:1 to {HOST}")
    assert model.drop_hint(repository, local_drag()) == (True, f"Push acme/web:1 to {HOST}/acme/web")
    with qtbot.waitSignal(model.push_dropped) as caught:
        assert model.dropMimeData(local_drag(), copy, -1, -1, registry)
    assert caught.args == [[WEB], HOST, ""]
    nameless = mime.encode(mime.DragKind.LOCAL, [ImageName(None, sha("n"))])
    with qtbot.waitSignal(model.push_dropped) as caught:
        assert model.dropMimeData(nameless, copy, -1, -1, repository)
    assert caught.args == [[ImageName(None, sha("n"))], HOST, "acme/web"]


def test_drops_that_make_no_sense_say_so(model):
    listed(model, [])
    copy = Qt.DropAction.CopyAction
    note = model.index(0, 0, model.index_of(HOST))
    own = mime.encode(mime.DragKind.REMOTE, [ImageName(Reference.parse(f"{HOST}/a/b:1"))])
    for where, data in ((note, local_drag()), (QModelIndex(), local_drag()), (model.index_of(HOST), own)):
        fits, why = model.drop_hint(where, data)
        assert not fits and why
        assert not model.canDropMimeData(data, copy, -1, -1, where)
        assert not model.dropMimeData(data, copy, -1, -1, where)
    assert not model.canDropMimeData(local_drag(), Qt.DropAction.MoveAction, -1, -1, model.index_of(HOST))


def test_copies_between_registries(model, qtbot):
    listed(model, ["a/b"])
    remote = mime.encode(mime.DragKind.REMOTE, [ImageName(Reference.parse(f"{HOST}/a/b:1"))])
    assert not model.drop_hint(model.index_of(HOST), remote)[0]
    assert model.drop_hint(model.index_of("docker.io"), remote) == (True, f"Copy {HOST}/a/b:1 to Docker Hub")
    with qtbot.waitSignal(model.copy_dropped) as caught:
        assert model.dropMimeData(remote, Qt.DropAction.CopyAction, -1, -1, model.index_of("docker.io"))
    assert caught.args == [[Reference.parse(f"{HOST}/a/b:1")], "docker.io", ""]


def test_a_dragged_repository_is_a_reference_without_tag(model):
    listed(model, ["a/b"])
    indexes = [model.index_of(HOST), *(model.index(0, column, model.index_of(HOST)) for column in range(3))]
    dragged = mime.decode(model.mimeData(indexes))
    assert dragged.images == (ImageName(Reference.parse(f"{HOST}/a/b")),)


def test_every_cell_has_words(model):
    listed(model, ["a"], more=True)
    index = model.index_of(HOST)
    for parent in (QModelIndex(), index):
        for row in range(model.rowCount(parent)):
            for column in RegistryColumn:
                cell = model.index(row, column, parent)
                assert cell.data(Item.AccessibleTextRole) == cell.data()
                assert isinstance(cell.data(Item.AccessibleDescriptionRole), str)


def test_archives_are_dropped_on_registries_and_repositories(model, qtbot):
    listed(model, ["acme/web"])
    registry, repository = model.index_of(HOST), model.index_of(HOST, "acme/web")
    files = [Path("/tmp/a.tar"), Path("/tmp/b.tar")]
    assert model.drop_hint(registry, mime.encode_files(files[:1])) == (True, f"Load a.tar into {HOST}")
    assert model.drop_hint(repository, mime.encode_files(files)) == (
        True,
        f"Load 2 archives into {HOST}/acme/web",
    )
    assert not model.drop_hint(QModelIndex(), mime.encode_files(files))[0]
    with qtbot.waitSignal(model.load_dropped) as caught:
        assert model.dropMimeData(mime.encode_files(files), Qt.DropAction.CopyAction, -1, -1, repository)
    assert caught.args == [files, HOST, "acme/web"]
