"""Creating the missing parts of a library keeps what exists, and links are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.errors import LibraryError
from longshore.library.library import Library
from transfertools.layouts import NAME, image, noise, put

ONE, TWO = image(noise(500, "one")), image(noise(400, "two"))
OTHER = NAME.with_tag("2")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "library")
    put(library, ONE)
    return library


@pytest.mark.parametrize("gone", [".longshore/ingest", ".longshore/leases"])
def test_creating_what_is_missing_keeps_the_list_and_the_marker(library: Library, gone: str) -> None:
    marker = library.path / "oci-layout"
    marker.write_text('{"imageLayoutVersion": "1.0.0", "by": "another program"}')
    (library.path / gone).rmdir()
    put(library, TWO, OTHER)
    assert [row.reference for row in library.images()] == [NAME, OTHER]
    assert "another program" in marker.read_text()


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
def test_a_document_that_is_a_link_is_refused_even_to_a_good_one(
    library: Library, tmp_path: Path, name: str
) -> None:
    path, elsewhere = library.path / name, tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    for attempt in (library.images, lambda: put(library, TWO, OTHER)):
        with pytest.raises(LibraryError) as caught:
            attempt()
        assert caught.value.subject == str(path)
    assert elsewhere.read_bytes() == before
