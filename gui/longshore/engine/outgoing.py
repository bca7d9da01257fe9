"""What is sent to an engine while it is made."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator


class Outgoing:
    """The outgoing chunks of an archive or a folder; remembers an error on our side. One thread."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._error: BaseException | None = None

    def chunks(self) -> Generator[bytes]:
        """The chunks, without empty ones."""
        try:
            for chunk in self._chunks:
                if chunk:  # an empty one would end the body
                    yield chunk
        except Exception as error:
            self._error = error
            raise

    @contextlib.contextmanager
    def errors_first(self) -> Iterator[None]:
        """Raise our own side's error unchanged: HTTP libraries take its OSError for one of the connection."""
        try:
            yield
        except Exception as error:
            if self._error is not None and error is not self._error:
                raise self._error from None
            raise
