"""Desktop notifications: one appears when a transfer ends in the background, and a click on it opens the window."""

from __future__ import annotations

from collections.abc import Callable

from testbed.display import Xvfb
from testbed.driver import Window
from testbed.images import seed_repository
from testbed.notifications import NotificationServer
from testbed.registry import PrivateRegistry
from testbed.steps import pull_by_name, wait_status
from testbed.throttle import Throttle

Start = Callable[..., Window]


def test_a_note_tells_what_ended_behind_the_window_and_leads_back(
    start: Start, display: Xvfb, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seed_repository(open_registry.address, "noted/app", ["1"], layers=[3_000_000])
    throttle.bytes_per_second = 400_000
    with NotificationServer(display.environ()) as server:
        window = start(throttle.address)
        window.wait_row("Registries", throttle.address)
        pull_by_name(window, f"{throttle.address}/noted/app:none")
        wait_status(window, "Failed")
        pull_by_name(window, f"{throttle.address}/noted/app:1")
        wait_status(window, "Running")
        window.wait(
            lambda: any(0 < told["properties"]["progress"] < 1 for told in server.launcher),
            "docks to be told",
        )
        assert not server.notes, "the window is in front"
        display.xdotool("getactivewindow", "windowminimize")
        throttle.bytes_per_second = None
        window.wait(lambda: server.notes, "the note", timeout=40)
        assert server.notes[0]["summary"] == f"Pulled {throttle.address}/noted/app:1"
        assert server.notes[0]["hints"]["desktop-entry"] == "app.longshore.Longshore"

        server.click()
        note = server.notes[0]["note"]
        window.wait(lambda: note in server.closed, "the note to be taken back")
        window.wait_for("Transfers", "tree", "tree table", "table")
        window.wait(lambda: not server.launcher[-1]["properties"]["progress-visible"], "docks to be told")
        assert len(server.notes) == 1
