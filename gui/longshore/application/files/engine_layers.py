"""The layers of an image in an engine, from the stream in which it saves the image.

An engine sends the whole image each time. The stream is checked like an archive and is read once; nothing of it is
written to disk. Engines name the layers in it in several ways, so each is known by the digest of its content.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from longshore.application.files.layers import ImageLayer, Stage, Told, Way, counted
from longshore.archives.scan import Scanner
from longshore.errors import InvalidInput

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.engine.engine import Engine
    from longshore.oci.platform import Platform
    from longshore.transfers.transfer import Endpoint


class EngineLayers:
    """See Layers. Raises ImageUnknown, InvalidInput for another *platform* than the engine's."""

    def __init__(self, end: Endpoint, engine: Engine, platform: Platform | None) -> None:
        self._engine = engine
        self._name = end.name.asked
        found = engine.image(self._name)
        if platform is not None and found.platform is not None and not platform.matches(found.platform):
            raise InvalidInput(
                "An engine shows one platform of an image.",
                subject=str(platform),
                advice=f"It has {found.platform}.",
            )
        self._size = found.size
        self.names = tuple(
            ImageLayer(number, "", diff_id) for number, diff_id in enumerate(found.diff_ids, 1)
        )

    def cost(self, wanted: Sequence[ImageLayer]) -> tuple[Way, int, str]:
        """See Layers."""
        return Way.SAVED, self._size if wanted else 0, ""

    def streams(
        self, wanted: Sequence[ImageLayer], told: Told, cancellation: Cancellation
    ) -> Generator[tuple[ImageLayer | None, Iterator[bytes]]]:
        """See Layers."""
        done = 0

        def received(size: int) -> None:
            nonlocal done
            done += size
            told(Stage.READING, min(done, self._size), self._size)

        with contextlib.closing(self._engine.save(self._name, cancellation)) as chunks:
            scanner = Scanner(
                counted(chunks, received), cancellation=cancellation, subject=self._engine.address.name
            )
            for streamed in scanner.files():
                if streamed.may_be_layer:
                    yield None, iter(streamed)

    def close(self) -> None:
        """See Layers."""
