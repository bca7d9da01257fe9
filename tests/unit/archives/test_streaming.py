"""What is larger than any document passes an archive's scanner in pieces."""

from __future__ import annotations

import pytest

from archivetools import tar_of
from longshore.archives import scan
from longshore.archives.scan import Scanner
from longshore.cancellation import Cancellation


@pytest.mark.parametrize(("size", "whole"), [(3000, True), (3001, False)])
def test_only_what_may_be_a_document_is_kept_in_memory(
    monkeypatch: pytest.MonkeyPatch, size: int, whole: bool
) -> None:
    monkeypatch.setattr(scan, "LARGEST_CONFIG", 3000)
    tar = tar_of([("layer.tar", b"x" * size), ("manifest.json", b"[]")])
    chunks = [tar[at : at + 512] for at in range(0, len(tar), 512)]
    pieces = [list(streamed) for streamed in Scanner(chunks, cancellation=Cancellation()).files()]
    (found,) = pieces
    assert b"".join(found) == b"x" * size
    assert (len(found) == 1) is whole
