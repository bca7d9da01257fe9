"""Transfers: the cells of a row in each state, its layers, and that thousands of changes make only a few signals."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QTreeView

from longshore.errors import AccessDenied, EngineLost
from longshore.models import mime, transition
from longshore.models.columns import NodeKind, Role, Tone, TransferColumn
from longshore.models.transfers import TransferModel
from longshore.oci.layer import LayerState
from longshore.oci.reference import Reference
from longshore.transfers.queue.mailbox import Changes
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    LibraryPlace,
    Moved,
    NoteKind,
    Operation,
    Phase,
    Plan,
    RegistryPlace,
    State,
    TransferNote,
    TransferRequest,
    Waiting,
)
from longshore.words import transfers as words
from qt.models.made import ENGINE, NOW, headers, layer, request, row_texts, sha, texts, transfer

Item = Qt.ItemDataRole
MB = 1_000_000


@pytest.fixture
def model(tested):
    return tested(TransferModel())


def apply(model, *snapshots, removed=(), order=None):
    model.apply(Changes(list(snapshots), list(removed), order))


def said(model, **fields):
    """Return the text of the Transferred column."""
    apply(model, transfer("a", **fields))
    return model.index(0, TransferColumn.TRANSFERRED).data()


def test_cells_of_a_running_pull(model):
    apply(
        model,
        transfer(
            state=State.RUNNING,
            permille=620,
            moved_bytes=44_600_000,
            total_bytes=72 * MB,
            speed=21_400_000.0,
            seconds_left=2.2,
        ),
    )
    assert headers(model) == [
        "Operation",
        "Source",
        "Destination",
        "Status",
        "Progress",
        "Transferred",
        "Speed",
        "Time left",
        "Finished",
    ]
    assert row_texts(model, 0) == [
        "Pull",
        "127.0.0.1:5000/acme/web:main",
        "default",
        "Running",
        "62 %",
        "44.6 of 72 MB",
        "21.4 MB/s",
        "2 s",
        "",
    ]
    progress = model.index(0, TransferColumn.PROGRESS)
    assert progress.data(Item.AccessibleTextRole) == "62 percent" and progress.data(Role.PERMILLE) == 620
    assert progress.data(Role.TONE) == Tone.ACTIVE
    destination = model.index(0, TransferColumn.DESTINATION).data(Item.AccessibleDescriptionRole)
    assert "unix:///var/run/docker.sock" in destination and "acme/web:main" in destination


def test_ends_of_every_place(model):
    web = Reference.parse("acme/web:1")
    archive = Endpoint(ArchivePlace(Path("/home/ann/web.tar")), None)
    library = Endpoint(LibraryPlace(Path("/lib")), web)
    engine, nameless = Endpoint(ENGINE, web), Endpoint(ENGINE, None, sha("x"))
    registry = Endpoint(RegistryPlace("r.io"), web.on("r.io"))
    for source, destination, expected in (
        (engine, registry, ["acme/web:1", "r.io/acme/web:1"]),
        (nameless, registry, [sha("x")[7:19], "r.io/acme/web:1"]),
        (engine, archive, ["acme/web:1", "web.tar"]),
        (archive, engine, ["web.tar", "default"]),
        (registry, library, ["r.io/acme/web:1", "Library"]),
    ):
        apply(model, transfer("a", request=TransferRequest(Operation.COPY, source, destination)))
        assert row_texts(model, 0)[1:3] == expected
        apply(model, removed=["a"])


def test_status_is_exactly_the_word_of_the_state(model):
    for state in State:
        apply(model, transfer("a", state=state))
        status = model.index(0, TransferColumn.STATUS)
        assert status.data() == state.value and status.data(Role.STATE) is state


def test_a_plan_in_words(model):
    plan = Plan(layers=12, total_bytes=1_900 * MB, here_layers=3, here_bytes=612 * MB, estimated=True)
    assert said(model, plan=plan) == "12 layers, 1.9 GB compressed, about 0.6 GB already here"
    assert (
        said(model, plan=replace(plan, estimated=False))
        == "12 layers, 1.9 GB compressed, 612 MB already here"
    )
    assert said(model, plan=Plan(1, 5 * MB)) == "1 layer, 5 MB compressed"
    push = request(operation=Operation.PUSH)
    apply(model, removed=["a"])
    assert said(model, plan=replace(plan, estimated=False), request=push).endswith("already there")
    assert said(model, state=State.PLANNING) == "Reading the manifest"
    archive = Endpoint(ArchivePlace(Path("a.tar")), None)
    load = TransferRequest(Operation.LOAD, archive, Endpoint(RegistryPlace("reg.example"), None))
    apply(model, removed=["a"])
    assert said(model, state=State.PLANNING, request=load) == "Checking the archive"


def test_progress_in_words(model):
    running = {"state": State.RUNNING, "moved_bytes": 44_600_000, "total_bytes": 72 * MB}
    assert said(model, **running) == "44.6 of 72 MB"
    plan = Plan(9, 190 * MB, 4, 118 * MB)
    assert said(model, **running, plan=plan) == "44.6 of 72 MB, 118 MB already here"
    assert said(model, **running, phase=Phase.EXTRACTING) == "44.6 of 72 MB, extracting"
    assert said(model, state=State.RUNNING, moved_bytes=0, phase=Phase.EXTRACTING) == "Extracting"
    assert said(model, **{**running, "total_bytes": None}) == "44.6 MB"
    assert said(model, **{**running, "state": State.CANCELLING}) == "Stopping…"
    assert said(model, **{**running, "state": State.CANCELLED}) == "Stopped at 44.6 of 72 MB"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"waiting_for": Waiting.ENGINE}, "Waiting for the engine"),
        ({"waiting_for": Waiting.SLOT}, "Waiting for a free slot"),
        ({"waiting_for": Waiting.HOLD}, "Queue paused"),
        ({"waiting_for": Waiting.PAUSED}, "Paused"),
        (
            {"waiting_for": Waiting.PAUSED, "moved_bytes": 5 * MB, "total_bytes": 20 * MB},
            "Paused at 5.0 of 20 MB",
        ),
        (
            {"waiting_for": Waiting.BACKOFF, "waiting_seconds": 5, "error": EngineLost("Connection lost.")},
            "Retrying in 5 s: connection lost",
        ),
        (
            {
                "waiting_for": Waiting.BACKOFF,
                "waiting_seconds": 8,
                "next_try": (2, 5),
                "error": EngineLost("Connection lost."),
            },
            "Retrying in 8 s (2 of 5): connection lost",
        ),
        (
            {"state": State.RUNNING, "permille": 0, "total_bytes": MB, "phase": Phase.WAITING},
            "Waiting for the engine",
        ),
        (
            {"state": State.RUNNING, "phase": Phase.WAITING, "plan": Plan(1, 5 * MB)},
            "Waiting for the engine: 1 layer, 5 MB compressed",
        ),
        (
            {"waiting_for": Waiting.RATE_LIMIT, "waiting_seconds": 40},
            "Retrying in 40 s: the registry's limit is reached",
        ),
    ],
)
def test_waiting_in_words(model, fields, expected):
    assert said(model, **fields) == expected


def test_handing_over_has_a_bar_and_no_speed(model):
    apply(
        model,
        transfer(
            state=State.RUNNING,
            permille=880,
            moved_bytes=240 * MB,
            total_bytes=240 * MB,
            speed=3e6,  # what was measured before all had arrived
            seconds_left=1.0,
            phase=Phase.HANDING_OVER,
        ),
    )
    cells = row_texts(model, 0)
    assert cells[TransferColumn.STATUS] == "Running"
    assert cells[TransferColumn.PROGRESS] == "88 %"
    assert model.index(0, TransferColumn.PROGRESS).data(Role.PERMILLE) == 880
    assert cells[TransferColumn.TRANSFERRED] == "Handing over to the engine, 240 MB"
    assert cells[TransferColumn.SPEED] == cells[TransferColumn.TIME_LEFT] == ""


def test_every_wait_and_every_phase_has_words_of_its_own():
    waits = [words.waiting_text(transfer(waiting_for=each, waiting_seconds=5.0)) for each in Waiting]
    assert all(waits) and len(set(waits)) == len(Waiting)
    phases = {phase: words.phase_text(phase) for phase in Phase}
    assert len(set(phases.values())) == len(Phase)
    assert [phase for phase, said_of in phases.items() if not said_of] == [Phase.MOVING], "numbers show it"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], ""),
        ([State.CANCELLED], "1 cancelled"),
        ([State.CANCELLED, State.CANCELLED, State.SUCCEEDED], "2 cancelled, 1 succeeded"),
        ([State.RUNNING, State.CANCELLED, State.SUCCEEDED], "1 running"),
        ([State.QUEUED, State.CANCELLED, State.FAILED], "1 queued, 1 failed"),
        ([State.INTERRUPTED, State.FAILED], "1 failed, 1 interrupted"),
        ([State.PLANNING, State.CANCELLING, State.RUNNING], "3 running"),
    ],
)
def test_every_transfer_is_in_the_summary(states, expected):
    rows = [transfer(str(number), state=state) for number, state in enumerate(states)]
    assert words.summary_text(rows, held=False) == expected
    extra = words.summary_text(rows, held=True, unsaved=True)
    assert extra == ", ".join(part for part in (expected, "queue paused", "history not saved") if part)


def test_what_really_moved_in_words(model):
    push = {"state": State.SUCCEEDED, "permille": 1000, "request": request(operation=Operation.PUSH)}
    moved = Moved(96 * MB, layers_moved=4, layers_mounted=5)
    assert said(model, **push, moved=moved) == "96 MB, 4 layers, 5 mounted"
    assert said(model, **push, moved=replace(moved, layers_skipped=2)).endswith(", 2 already there")
    assert said(model, **push, moved=Moved(layers_skipped=9)) == "Already up to date (9 layers)"
    over = (TransferNote(NoteKind.OVERWRITTEN, f"sha256:{'1' * 64}"),)
    assert said(model, **push, moved=Moved(layers_skipped=9), notes=over) == (
        "Tag moved, 9 layers already there"
    )
    copy = push | {"request": request(operation=Operation.COPY), "moved": Moved(layers_skipped=2)}
    assert said(model, **copy) == "Tag made, 2 layers already there"
    same = (TransferNote(NoteKind.UP_TO_DATE),)
    assert said(model, **copy, notes=same) == "Already up to date (2 layers)"
    apply(model, transfer("a", **push, started=NOW, finished=NOW + timedelta(seconds=7)))
    finished = model.index(0, TransferColumn.FINISHED)
    assert finished.data() and finished.data(Item.AccessibleDescriptionRole).endswith("took 7 s")
    assert row_texts(model, 0)[TransferColumn.SPEED] == row_texts(model, 0)[TransferColumn.TIME_LEFT] == ""


def test_a_success_with_less_in_it_than_asked_for_says_so_in_the_row(model):
    push = {"state": State.SUCCEEDED, "permille": 1000, "request": request(operation=Operation.PUSH)}
    notes = (TransferNote(NoteKind.ONE_PLATFORM, "linux/amd64"),)
    moved = Moved(MB, layers_moved=1)
    assert said(model, **push, moved=moved, notes=notes) == "Only linux/amd64: 1 MB, 1 layer"
    assert said(model, **push, moved=Moved(), notes=notes) == "Only linux/amd64: already up to date"
    (unfolded,) = texts(model, 0, model.index(0, 0))
    assert unfolded.startswith("Only linux/amd64 was pushed: ")


def test_a_failed_row_says_why_and_unfolds(model):
    error = AccessDenied(
        "Not allowed to push <here>",
        registry="r.io",
        advice="Sign in with write access.",
        detail="denied: requested access\n\nto the resource is denied",
    )
    layers = (layer("aaaaaaaaaaaa"),)
    assert said(model, state=State.RUNNING, permille=410, layers=layers) == ""
    assert (
        said(model, state=State.FAILED, permille=410, error=error, layers=layers)
        == "Not allowed to push <here>"
    )
    row = model.index(0, 0)
    assert texts(model, 0, row) == [
        "Not allowed to push <here>",
        "Sign in with write access.",
        "denied: requested access",
        "to the resource is denied",
        "aaaaaaaaaaaa",
    ]
    kinds = [model.index(number, 0, row).data(Role.NODE_KIND) for number in range(5)]
    assert kinds == [NodeKind.ADVICE] * 4 + [NodeKind.LAYER]
    cell = model.index(0, TransferColumn.TRANSFERRED)
    assert cell.data(Role.TONE) == Tone.BAD and cell.data(Role.ERROR) is error
    assert "&lt;here&gt;" in cell.data(Item.ToolTipRole) and "denied: requested" in cell.data(
        Item.ToolTipRole
    )
    assert "denied: requested access" in row.data(Role.COPY_TEXT)
    assert model.index(0, TransferColumn.PROGRESS).data(Role.PERMILLE) == 410, (
        "the bar stays where it stopped"
    )
    apply(model, transfer("a", state=State.QUEUED))
    assert not model.hasChildren(model.index(0, 0)), "after a retry the old text is gone"


def test_layers_in_words(model):
    layers = (
        layer("111111111111", LayerState.SKIPPED, 31 * MB, 31 * MB),
        layer("222222222222", LayerState.EXTRACTING, 20 * MB, 28 * MB),
        layer("333333333333", LayerState.TRANSFERRING, 13_200_000, 35_600_000),
        replace(layer("444444444444", LayerState.TRANSFERRING, 1, None), retrying_in=5),
        layer("555555555555", LayerState.WAITING, 0, 7 * MB),
    )
    apply(model, transfer(state=State.RUNNING, layers=layers))
    row = model.index(0, 0)
    shown = [[line[0], line[3], line[5]] for line in (row_texts(model, number, row) for number in range(5))]
    assert shown == [
        ["111111111111", "Already here", "31 MB"],
        ["222222222222", "Extracting", "20.0 of 28 MB"],
        ["333333333333", "Downloading", "13.2 of 35.6 MB"],
        ["444444444444", "Retrying in 5 s", "1 B"],
        ["555555555555", "Waiting", "7 MB"],
    ]
    assert model.index(3, TransferColumn.PROGRESS, row).data(Role.PERMILLE) == -1
    assert model.index(3, TransferColumn.PROGRESS, row).data(Item.AccessibleTextRole) == "unknown"
    apply(model, transfer("push", request=request(operation=Operation.PUSH), layers=layers))
    push = model.index(1, 0)
    assert model.index(2, TransferColumn.STATUS, push).data() == "Uploading"
    apply(model, transfer(state=State.FAILED, layers=layers))
    said = [model.index(number, TransferColumn.STATUS, row).data() for number in range(model.rowCount(row))]
    assert said[-5:] == ["Already here", *["Stopped"] * 4]
    states = [model.index(number, 0, row).data(Role.STATE) for number in range(model.rowCount(row))]
    assert states[-5:] == [LayerState.SKIPPED, *[State.FAILED] * 4], "their bars show where they stopped"


def test_the_same_layer_twice_is_two_rows(model):
    apply(model, transfer(layers=(layer("111111111111"), layer("111111111111", current=5))))
    apply(model, transfer(layers=(layer("111111111111"), layer("111111111111", current=500))))
    row = model.index(0, 0)
    assert [model.index(number, 4, row).data() for number in range(2)] == ["0 %", "50 %"]


def test_order_of_the_queue_filter_and_sort(model):
    apply(model, transfer("a"), transfer("b", permille=5), transfer("c", permille=900), order=["c", "a", "b"])

    def ids():
        return [model.index(row, 0).data(Role.TRANSFER_ID) for row in range(model.rowCount())]

    assert ids() == ["c", "a", "b"]
    kept = QPersistentModelIndex(model.index(1, 0))
    apply(model, order=["a", "b", "c"])
    assert ids() == ["a", "b", "c"] and kept.data(Role.TRANSFER_ID) == "a"
    model.sort(TransferColumn.PROGRESS, Qt.SortOrder.DescendingOrder)
    assert ids() == ["c", "b", "a"]
    model.sort(-1)
    assert ids() == ["a", "b", "c"]
    apply(model, transfer("d", request=request("redis:7")), removed=["b", "never there"])
    assert ids() == ["a", "c", "d"]
    model.set_filter("PULL redis")
    assert ids() == ["d"] and not model.index_of("a").isValid()
    apply(model, transfer("a", state=State.RUNNING, layers=(layer("1"),)))
    model.set_filter("")
    assert ids() == ["a", "c", "d"] and model.rowCount(model.index_of("a")) == 1
    assert model.states() == {State.RUNNING: 1, State.QUEUED: 2}
    assert model.snapshot("a").state is State.RUNNING and model.snapshot("b") is None


def test_sorted_by_what_moves_rows_move_a_moment_later(model, qtbot):
    apply(model, transfer("a", permille=1), transfer("b", permille=2))
    model.sort(TransferColumn.PROGRESS, Qt.SortOrder.DescendingOrder)
    apply(model, transfer("a", permille=3))
    assert model.index(0, 0).data(Role.TRANSFER_ID) == "b"
    qtbot.waitUntil(lambda: model.index(0, 0).data(Role.TRANSFER_ID) == "a")


def test_selection_expansion_and_indexes_survive(model, qtbot):
    view = QTreeView()
    qtbot.addWidget(view)
    view.setModel(model)
    view.show()
    layers = tuple(layer(f"{number:012}") for number in range(5))
    apply(model, transfer("a"), transfer("b", layers=layers))
    view.expand(model.index_of("b"))
    view.setCurrentIndex(model.index(3, 0, model.index_of("b")))
    apply(
        model, transfer("c"), transfer("b", layers=(layer("new"), *layers)), removed=["a"], order=["c", "b"]
    )
    assert view.isExpanded(model.index_of("b"))
    assert view.currentIndex().data() == "000000000003" and view.currentIndex().parent() == model.index_of(
        "b"
    )
    gone = view.currentIndex()
    apply(model, removed=["b", "c"])
    assert model.data(gone) is None and not model.parent(gone).isValid() and not model.flags(gone)
    assert not model.index(0, 0, QModelIndex()).isValid()


def test_random_changes_keep_persistent_indexes_true(model, monkeypatch):
    monkeypatch.setattr(transition, "MAX_RANGES", 3)  # small, so that both kinds of signals occur
    chance = random.Random(11)
    alive: set[str] = set()
    kept: list[tuple[QPersistentModelIndex, str, str]] = []
    for turn in range(60):
        changed = [
            transfer(
                f"t{chance.randrange(12)}",
                state=chance.choice(list(State)),
                permille=chance.randrange(1000),
                layers=tuple(
                    layer(f"l{number}") for number in chance.sample(range(9), chance.choice([0, 3, 8]))
                ),
                error=AccessDenied("No", registry="r", advice="Do", detail="x\ny"),
            )
            for _ in range(chance.choice([0, 1, 6]))
        ]
        alive |= {snapshot.id for snapshot in changed}
        removed = chance.sample(sorted(alive), min(len(alive), chance.choice([0, 1, 6])))
        removed = [name for name in removed if name not in {snapshot.id for snapshot in changed}]
        alive -= set(removed)
        order = chance.sample(sorted(alive), len(alive)) if turn % 3 == 0 else None
        apply(model, *changed, removed=removed, order=order)
        model.sort(chance.randrange(-1, 9))
        assert {model.index(row, 0).data(Role.TRANSFER_ID) for row in range(model.rowCount())} == alive
        for index, owner, name in kept:
            assert not index.isValid() or (index.data(Role.TRANSFER_ID), index.data()) == (owner, name)
        kept = [
            (QPersistentModelIndex(child), child.data(Role.TRANSFER_ID), child.data())
            for row in range(0, model.rowCount(), 2)
            for number in range(0, model.rowCount(model.index(row, 0)), 2)
            if (child := model.index(number, 0, model.index(row, 0))).data(Role.NODE_KIND) == NodeKind.LAYER
        ]


def test_thousands_of_changes_are_a_few_signals(model):
    def snapshots(step):
        return [
            transfer(
                f"t{number}",
                state=State.RUNNING,
                permille=step,
                layers=tuple(layer(f"{name:012}", current=step) for name in range(200)),
            )
            for number in range(8)
        ]

    plain = TransferModel()  # without Qt's tester, which would visit every row
    apply(plain, *snapshots(0))
    signals = []
    plain.dataChanged.connect(lambda *_: signals.append("data"))
    for signal in (plain.layoutChanged, plain.rowsInserted, plain.rowsRemoved):
        signal.connect(lambda *_: signals.append("rows"))
    times = []
    for step in range(1, 21):
        changes = Changes(snapshots(step), [], None)
        began = time.process_time()
        plain.apply(changes)
        times.append(time.process_time() - began)
    assert signals == ["data"] * 20 * 9, "one for the eight rows, one for the layers of each"
    assert min(times) < 0.05
    apply(plain, *snapshots(20))
    signals.clear()
    same = plain.snapshot("t0")
    apply(plain, same)
    assert signals == []
    plain.deleteLater()


def test_every_cell_has_words(model):
    error = AccessDenied("No", registry="r", advice="Do", detail="x")
    apply(model, transfer("a", state=State.FAILED, error=error, layers=(layer("1"),)))
    row = model.index(0, 0)
    for parent in (QModelIndex(), row):
        for number in range(model.rowCount(parent)):
            for column in TransferColumn:
                cell = model.index(number, column, parent)
                assert isinstance(cell.data(Item.AccessibleTextRole), str)
                assert isinstance(cell.data(Item.AccessibleDescriptionRole), str)


def test_an_archive_that_was_saved_is_dragged_as_a_file(model):
    where = Endpoint(ArchivePlace(Path("/tmp/app.tar")), Reference.parse("app:1"))
    save = TransferRequest(Operation.SAVE, Endpoint(ENGINE, Reference.parse("app:1")), where)
    apply(
        model,
        transfer("saved", request=save, state=State.SUCCEEDED),
        transfer("saving", request=save, state=State.RUNNING),
        transfer("pulled", state=State.SUCCEEDED),
    )
    draggable = [bool(model.flags(model.index(row, 0)) & Qt.ItemFlag.ItemIsDragEnabled) for row in range(3)]
    assert draggable == [True, False, False], "only complete archives can be dragged"
    data = model.mimeData([model.index(0, 0)])
    assert mime.dropped_files(data) == [Path("/tmp/app.tar")]
    assert not model.canDropMimeData(data, Qt.DropAction.MoveAction, 0, 0, QModelIndex())


def test_what_the_engine_takes_over_has_no_speed_in_the_summary():
    fetching = transfer(state=State.RUNNING, speed=2e6, phase=Phase.MOVING)
    handing = transfer(state=State.RUNNING, speed=5e6, phase=Phase.HANDING_OVER)
    assert words.summary_text([fetching, handing], held=False) == "2 running, 2 MB/s"
    assert words.summary_text([handing], held=False) == "1 running"
