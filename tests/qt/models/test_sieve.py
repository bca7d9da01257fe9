"""Filters: words as people type them, and references and pull commands as they paste them."""

from __future__ import annotations

import pytest

from longshore.models import sieve
from longshore.models.columns import Role
from longshore.models.images import ImageModel
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from qt.models.made import entry, image, sha, texts

_HOST = "127.0.0.1:5000"
_DIGEST = sha("the one")


@pytest.fixture
def images() -> ImageModel:
    model = ImageModel()
    model.set_images(
        [
            image(f"{_HOST}/acme/web:1.9"),
            image(f"{_HOST}/acme/web:1.9.1", repo_digests=(f"{_HOST}/acme/web@{_DIGEST}",)),
            image(f"{_HOST}/acme/web:latest"),
            image("acme/web:1.9"),
            image("postgres:16"),
            image("postgres:16.4"),
        ]
    )
    return model


def _shown(model: ImageModel, words: str) -> list[str]:
    model.set_filter(words)
    return [model.index(row, 0).data(Role.COPY_TEXT) for row in range(model.rowCount())]


@pytest.mark.parametrize(
    ("pasted", "named"),
    [
        (f"docker pull {_HOST}/acme/web:1.9", [f"{_HOST}/acme/web:1.9"]),
        (f"$ docker pull --platform linux/arm64 {_HOST}/acme/web:1.9", [f"{_HOST}/acme/web:1.9"]),
        (f"docker pull {_HOST}/acme/web", [f"{_HOST}/acme/web:latest"]),
        ("docker pull postgres:16", ["postgres:16"]),
        ("image: postgres:16", ["postgres:16"]),
        (f"{_HOST}/acme/web@{_DIGEST}", [f"{_HOST}/acme/web:1.9.1"]),
        (f"docker pull {_HOST}/acme/web@{_DIGEST}", [f"{_HOST}/acme/web:1.9.1"]),
        (f"{_HOST}/acme/web:1.9", [f"{_HOST}/acme/web:1.9", f"{_HOST}/acme/web:1.9.1"]),
        ("docker.io/library/postgres:16", ["postgres:16", "postgres:16.4"]),
    ],
)
def test_images_are_found_by_what_is_pasted(images: ImageModel, pasted: str, named: list[str]) -> None:
    assert sorted(_shown(images, pasted)) == sorted(named)


@pytest.mark.parametrize(
    ("typed", "count"),
    [("web", 4), ("web 1.9", 3), ("postgres:16", 2), ("ACME/WEB", 4), ("docker push x", 0), ("", 6)],
)
def test_words_work_as_ever(images: ImageModel, typed: str, count: int) -> None:
    assert len(_shown(images, typed)) == count


def _repositories(model: RegistryModel, words: str) -> list[tuple[str, str]]:
    model.set_filter(words)
    found = []
    for number in range(model.rowCount()):
        parent = model.index(number, 0)
        found += [(str(parent.data()), name) for name in texts(model, 0, parent)]
    return found


@pytest.fixture
def registries() -> RegistryModel:
    model = RegistryModel()
    hosts = (_HOST, "127.0.0.1:5001")
    model.set_registries([entry(host) for host in hosts])
    for host in hosts:
        generation = model.begin_listing(host)
        model.append_page(host, generation, ["acme/web", "acme/web-old", "team/api"], False, 3)
    return model


@pytest.mark.parametrize(
    ("pasted", "named"),
    [
        (f"{_HOST}/acme/web:1.9", [(_HOST, "acme/web")]),
        (f"{_HOST}/acme/web@{_DIGEST}", [(_HOST, "acme/web")]),
        (f"docker pull {_HOST}/team/api:2", [(_HOST, "team/api")]),
        (
            "team/api:2",
            [(_HOST, "team/api"), ("127.0.0.1:5001", "team/api")],
        ),
    ],
)
def test_repositories_are_found_by_what_is_pasted(
    registries: RegistryModel, pasted: str, named: list[tuple[str, str]]
) -> None:
    found = [pair for pair in _repositories(registries, pasted) if "filter" not in pair[1]]
    assert found == named


def test_a_host_with_its_port_is_a_word(registries: RegistryModel) -> None:
    found = [pair for pair in _repositories(registries, _HOST) if "filter" not in pair[1]]
    assert {host for host, _ in found} == {_HOST} and len(found) == 3


@pytest.fixture
def tags() -> TagModel:
    model = TagModel()
    model.append_tags(model.reset(_HOST, "acme/web"), ["1.9", "1.9.1", "latest"], False)
    return model


@pytest.mark.parametrize(
    ("pasted", "named"),
    [
        (f"{_HOST}/acme/web:1.9", ["1.9"]),
        (f"docker pull {_HOST}/acme/web:1.9", ["1.9"]),
        ("acme/web:1.9", ["1.9"]),
        (f"{_HOST}/acme/web", ["1.9", "1.9.1", "latest"]),
        (f"{_HOST}/acme/other:1.9", []),
        ("127.0.0.1:5001/acme/web:1.9", []),
        ("1.9", ["1.9", "1.9.1"]),
    ],
)
def test_tags_are_found_by_what_is_pasted(tags: TagModel, pasted: str, named: list[str]) -> None:
    tags.set_filter(pasted)
    assert sorted(texts(tags)) == named


def test_a_filter_that_stays_is_read_anew_for_another_repository(tags: TagModel) -> None:
    tags.set_filter(f"{_HOST}/team/api:2")
    assert texts(tags) == []
    tags.append_tags(tags.reset(_HOST, "team/api"), ["1", "2"], False)
    assert texts(tags) == ["2"]


def test_the_history_looks_for_the_reference_of_a_command() -> None:
    assert sieve.searched(f"docker pull {_HOST}/acme/web:1.9") == f"{_HOST}/acme/web:1.9"
    assert sieve.searched("acme web") == "acme web"


def test_what_is_too_long_to_be_a_reference_is_words() -> None:
    assert not sieve.for_images("").passing([]) and not sieve.for_images("")
    long = "docker pull " + "a" * 3000
    assert sieve.searched(long) == long
