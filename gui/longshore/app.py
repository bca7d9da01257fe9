"""The composition root: arguments, logging, application, event loop, wiring, and the order of shutting down."""

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
from longshore.arguments import add_common
from longshore.display import drop_odd_settings, let_go, why_no_display, why_no_qt
from longshore.errors import LongshoreError
from longshore.settings import Folders, Settings
from longshore.widgets.desktop.probe import NOWHERE, BusProbe

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from longshore.registry.config import RegistryConfig
    from longshore.wiring import Wiring

#: Seconds after which a computing thread lets a waiting thread run. The window needs the interpreter many times per
#: paint, and each time would wait for up to Python's default of 5 ms while transfers read their streams.
SWITCH_SECONDS = 0.0003
#: The Qt style that the theme is built on.
STYLE = "Fusion"
#: Seconds that an orderly shutdown may take: a hanging disk or program must not keep the process alive.
CLOSE_SECONDS = 20.0
#: Milliseconds to wait for the first paint: a window on another desktop, or a minimized one, is painted later.
PICTURE_MS = 300
#: Exit codes: 0 success, 1 unexpected end, 2 wrong arguments or no display.
EXIT_FAILED, EXIT_USAGE = 1, 2


def parser() -> argparse.ArgumentParser:
    """The parser of the command line. Needs no display."""
    out = argparse.ArgumentParser(
        prog="longshore",
        description="Move container images between an engine and registries.",
        epilog="DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG and the XDG folders are used.",
    )
    add_common(out)
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Run Longshore. Returns the exit code: 0, 1 if it ended unexpectedly, 2 for wrong arguments or no display."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Nothing has to be saved yet, and nobody wants to see a traceback of the imports.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = parser().parse_args(argv)
    try:
        registries = _registries(arguments.registry)
    except LongshoreError as error:
        return _say(f"--registry {error.subject}: {error.message} {error.advice}".rstrip(), EXIT_USAGE)
    environ = dict(os.environ)
    bus = BusProbe(environ)
    reason = why_no_qt() or why_no_display(os.environ, sys.platform)
    if reason:
        return _say(reason, EXIT_USAGE)

    sys.setswitchinterval(SWITCH_SECONDS)
    # Objects imported and built for the first paint are not garbage; collecting only takes time. From then on Collector
    # does it.
    gc.disable()
    folders = Folders.of()
    odd = drop_odd_settings(os.environ)
    try:
        application, wiring = _make_window(folders, arguments, environ, registries, bus, odd)
        with _signals(wiring.quit):
            wiring.show()
            _await_picture(wiring)
            from longshore.wiring.collector import Collector

            Collector(wiring)
            from longshore import log

            log.start(folders.state, debug=arguments.debug)
            _catch_what_escapes(wiring)
            _log_warnings(odd)
            code = _run(application, wiring)
    except Exception as error:
        log.start(folders.state, debug=arguments.debug)
        code = _unexpected_end(error, folders)
    finally:
        log.stop()
    left = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.daemon
    ]
    if left or code:
        # A helper program or a dead network can block a thread longer than anyone wants to wait for a closed window,
        # and after losing its display Qt cannot shut down. Everything worth keeping is on disk by now.
        _exit_now(code)
    return code


def _make_window(
    folders: Folders,
    arguments: argparse.Namespace,
    environ: dict[str, str],
    registries: list[RegistryConfig],
    bus: BusProbe,
    odd: list[str],
) -> tuple[QApplication, Wiring]:
    """The application and its window, not shown yet. Appends to *odd* what the log should report about the setup."""
    from PySide6.QtWidgets import QApplication

    mute = bus.mute()
    if mute:
        odd.append(f"{mute} does not respond; accessibility and a global menu are off until the next start.")
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = NOWHERE
    # The style is named here because QApplication.setStyle() returns it, and PySide then creates hundreds of unused
    # names of QStyle.
    application = QApplication.instance() or QApplication([sys.argv[0], "-style", STYLE])
    assert isinstance(application, QApplication)
    let_go()
    application.setProperty("style", STYLE)
    application.setApplicationName("longshore")
    application.setDesktopFileName("app.longshore.Longshore")
    application.setApplicationVersion(__version__)
    # Our own event ends the loop when everything is stopped, not the end of the window.
    application.setQuitOnLastWindowClosed(False)

    from longshore import language
    from longshore.models.language import QtLanguage
    from longshore.wiring import Wiring

    language.use(QtLanguage())
    wiring = Wiring(
        folders, Settings(folders.config), environ, engine_url=arguments.engine, registries=registries
    )
    return application, wiring


def _await_picture(wiring: Wiring) -> None:
    """Handle events until the window is painted: what it did without is imported then (asyncio alone takes longer)."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    wiring.window.painted.connect(loop.quit)
    wiring.closing.connect(loop.quit)
    QTimer.singleShot(PICTURE_MS, loop, loop.quit)
    loop.exec()


def _say(sentence: str, code: int) -> int:
    """Print *sentence* to the terminal and return *code*."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(f"longshore: {sentence}", file=sys.stderr)
    return code


def _unexpected_end(error: Exception, folders: Folders) -> int:
    """Handle an unexpected error at start or end: details in the log, one sentence on the terminal."""
    import logging

    logging.getLogger(__name__).info("longshore cannot go on", exc_info=error)
    return _say(
        f"Something unexpected went wrong ({type(error).__name__}), and Longshore had to close. "
        f"The log in {folders.state} has the details.",
        EXIT_FAILED,
    )


def _log_warnings(sentences: list[str]) -> None:
    import logging

    for sentence in sentences:
        logging.getLogger(__name__).warning("%s", sentence)


def _exit_now(code: int) -> None:
    """End the process without waiting for threads and without shutting down Qt."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def _registries(texts: list[str]) -> list[RegistryConfig]:
    if not texts:
        return []  # nothing to import
    from longshore.registry.config import parse_registry

    return [parse_registry(text) for text in texts]


def _run(application: QApplication, wiring: Wiring) -> int:
    """Run the loop until everything has stopped. Returns the exit code: 1 if the display was lost."""
    import asyncio

    import qasync

    deadline = threading.Timer(CLOSE_SECONDS, _give_up)
    deadline.daemon = True
    deadline.name = "longshore-close"
    wiring.closing.connect(deadline.start)

    async def run() -> None:
        if wiring.quitting:
            return  # a signal came before the loop
        ended = asyncio.Event()
        wiring.closed.connect(ended.set)
        wiring.start()
        await ended.wait()
        await wiring.close()

    loop = qasync.QEventLoop(application)
    task = loop.create_task(run())

    def left_by_qt() -> None:
        if not task.done():
            wiring.abandon()

    # Qt ends its loop by itself when the connection to the display breaks, and would immediately do so again. This
    # signal comes before the last events are handled, when coroutines would find no loop any more.
    application.aboutToQuit.connect(left_by_qt)
    try:
        loop.run_until_complete(task)
    except RuntimeError:
        if task.done():
            raise
        return _say("The connection to the display was lost. All transfers were stopped.", EXIT_FAILED)
    loop.close()
    return 0


def _give_up() -> None:
    """Exit because the orderly shutdown took too long. Called in its own thread."""
    import logging

    logging.getLogger(__name__).error("not closed within %d s; not waiting any longer", CLOSE_SECONDS)
    _exit_now(EXIT_FAILED)


@contextlib.contextmanager
def _signals(quit_now: Callable[[], None]) -> Iterator[None]:
    """Close the window on SIGINT, SIGTERM and SIGHUP. A signal that was ignored at the start (nohup) stays ignored.

    Python runs its handlers between any two bytecodes, even during the start or while a lock is held. So the handler
    does nothing: the byte that Python writes to a socket when a signal arrives wakes the loop, and the loop closes the
    window between two events.
    """
    import socket

    from PySide6.QtCore import QSocketNotifier

    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    notifier = QSocketNotifier(reader.fileno(), QSocketNotifier.Type.Read)
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        numbers.append(signal.SIGHUP)
    taken = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]

    def arrived() -> None:
        with contextlib.suppress(BlockingIOError):
            if set(reader.recv(64)) & set(taken):
                quit_now()

    notifier.activated.connect(arrived)
    for number in taken:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_IGN)  # everything is stopped: another signal changes nothing
        signal.set_wakeup_fd(before)
        notifier.setEnabled(False)
        reader.close()
        writer.close()


def _catch_what_escapes(wiring: Wiring) -> None:
    """Log uncaught exceptions with their traceback and show them as one sentence; the window stays open."""
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
