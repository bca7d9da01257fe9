"""The composition root: arguments, logging, application, loop, wiring, and the order in which all of it ends."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from longshore import __version__
from longshore.display import why_no_display
from longshore.oci.errors import LongshoreError
from longshore.settings import Folders, Settings

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from longshore.registry.config import RegistryConfig
    from longshore.wiring import Wiring

#: Seconds after which a thread that computes gives the interpreter to one that waits for it. The window asks for it
#: many times in a paint, and each time would wait for up to Python's own 5 ms while transfers read their streams.
SWITCH_SECONDS = 0.0003
#: New objects before the youngest are looked through, and how many such looks before the older ones are.
COLLECTOR = (10_000, 20, 50)
#: The style of Qt that the theme is drawn on.
STYLE = "Fusion"
#: Exit codes: 0 all well, 2 wrong arguments or no display.
EXIT_USAGE = 2


def parser() -> argparse.ArgumentParser:
    """The command line. Needs no display."""
    out = argparse.ArgumentParser(
        prog="longshore",
        description="Move container images between an engine and registries.",
        epilog="DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG and the XDG folders are honoured.",
    )
    out.add_argument("--version", action="version", version=f"longshore {__version__}")
    out.add_argument(
        "--registry",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="show this registry too, for this run (repeatable)",
    )
    out.add_argument(
        "--engine",
        metavar="URL",
        help="the engine to use, e.g. unix:///var/run/docker.sock or tcp://host:2376",
    )
    out.add_argument("--debug", action="store_true", help="log more, and to the terminal as well")
    return out


def settle_collector() -> None:
    """Set the garbage collector to what a window can bear. Called once the first picture stands; GUI thread.

    What is there by then stays, and need not be walked through again. Nearly all of the rest ends by itself: rows and
    events make no cycles, so that a full walk through ten thousand rows, felt as a stall, seldom finds anything.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
    gc.enable()


def main(argv: Sequence[str] | None = None) -> int:
    """Run Longshore. Returns the exit code: 0, or 2 for wrong arguments and where no window can be opened."""
    arguments = parser().parse_args(argv)
    try:
        registries = _registries(arguments.registry)
    except LongshoreError as error:
        print(
            f"longshore: --registry {error.subject}: {error.message} {error.advice}".rstrip(), file=sys.stderr
        )
        return EXIT_USAGE
    reason = why_no_display(os.environ, sys.platform)
    if reason:
        print(f"longshore: {reason}", file=sys.stderr)
        return EXIT_USAGE

    sys.setswitchinterval(SWITCH_SECONDS)
    # What is imported and built for the first picture is no garbage; to look for some there only takes time.
    gc.disable()
    folders = Folders.of()
    from PySide6.QtWidgets import QApplication

    # The style is named here, since QApplication.setStyle() gives it back, and PySide then makes hundreds of names of
    # QStyle that nobody asks for.
    application = QApplication.instance() or QApplication([sys.argv[0], "-style", STYLE])
    assert isinstance(application, QApplication)
    application.setProperty("style", STYLE)
    application.setApplicationName("longshore")
    application.setDesktopFileName("app.longshore.Longshore")
    application.setApplicationVersion(__version__)
    # The loop ends by our own event, when everything is stopped, not when the window is gone.
    application.setQuitOnLastWindowClosed(False)

    from longshore.wiring import Wiring

    wiring = Wiring(
        folders, Settings(folders.config), os.environ, engine_url=arguments.engine, registries=registries
    )
    wiring.show()
    # The first picture, before anything that is not needed for it is imported (asyncio alone takes longer than it).
    application.processEvents()
    settle_collector()
    from longshore import log

    log.start(folders.state, debug=arguments.debug)
    _catch_what_escapes(wiring)
    try:
        _run(application, wiring)
    finally:
        log.stop()
    left = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.daemon
    ]
    if left:
        # A helper program or a dead network can hold a thread longer than anyone wants to wait for a closed window.
        # Everything worth keeping is on disk by now.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def _registries(texts: list[str]) -> list[RegistryConfig]:
    if not texts:
        return []  # nothing to import
    from longshore.registry.config import parse_registry

    return [parse_registry(text) for text in texts]


def _run(application: QApplication, wiring: Wiring) -> None:
    import asyncio

    import qasync

    async def run() -> None:
        ended = asyncio.Event()
        wiring.closed.connect(ended.set)
        wiring.start()
        await ended.wait()
        await wiring.close()

    loop = qasync.QEventLoop(application)
    with loop, _signals(wiring.quit):
        loop.run_until_complete(run())


@contextlib.contextmanager
def _signals(quit_now: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM close the window.

    Python runs its handlers between two bytecodes, and an idle Qt loop runs none: the byte that Python writes into a
    socket when a signal arrives wakes the loop.
    """
    import socket

    from PySide6.QtCore import QSocketNotifier

    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    notifier = QSocketNotifier(reader.fileno(), QSocketNotifier.Type.Read)

    def drain() -> None:
        with contextlib.suppress(BlockingIOError):
            reader.recv(64)

    notifier.activated.connect(drain)
    handlers = {
        number: signal.signal(number, lambda *_: quit_now()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        notifier.setEnabled(False)
        reader.close()
        writer.close()


def _catch_what_escapes(wiring: Wiring) -> None:
    """An exception nobody caught is logged whole and shown as one sentence; the window goes on."""
    import logging

    logger = logging.getLogger(__name__)
    logger.info("longshore %s, python %s", __version__, sys.version.split()[0])

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            wiring.quit()
            return
        logger.error("unexpected", exc_info=(kind, error, trace))
        wiring.unexpected()

    def thread_hook(arguments: threading.ExceptHookArgs) -> None:
        logger.error(
            "unexpected in %s",
            arguments.thread.name if arguments.thread else "a thread",
            exc_info=(
                arguments.exc_type,
                arguments.exc_value or arguments.exc_type(),
                arguments.exc_traceback,
            ),
        )

    sys.excepthook = hook
    threading.excepthook = thread_hook
