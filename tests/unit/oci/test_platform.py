"""Platforms: what they mean, and which images run where."""

from __future__ import annotations

import platform

import pytest

from longshore.errors import InvalidInput
from longshore.oci.platform import Platform


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("linux/x86_64", Platform("linux", "amd64")),
        ("Linux/aarch64", Platform("linux", "arm64")),
        ("linux/arm64/v8", Platform("linux", "arm64", "v8")),
        ("linux/arm64/8", Platform("linux", "arm64", "v8")),
        ("linux/arm/7", Platform("linux", "arm", "v7")),
        ("linux/armhf", Platform("linux", "arm", "v7")),
        ("linux/armv7l", Platform("linux", "arm", "v7")),
        ("linux/i686", Platform("linux", "386")),
        ("macos/arm64", Platform("darwin", "arm64")),
        (" linux/s390x ", Platform("linux", "s390x")),
    ],
)
def test_parse(text: str, wanted: Platform) -> None:
    assert Platform.parse(text) == wanted
    assert Platform.parse(str(wanted)) == wanted


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux/$ARCH"])
def test_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Platform.parse(text)
    assert "linux/amd64" in caught.value.advice


def test_shown_as_named() -> None:
    assert str(Platform("linux", "arm64", "v8")) == "linux/arm64/v8"
    assert str(Platform("windows", "amd64", "", "10.0.17763.1")) == "windows/amd64"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm", "linux/arm/v7", True),
        ("linux/amd64", "linux/amd64/v1", True),
        ("linux/amd64", "linux/amd64/v3", False),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/amd64", "windows/amd64", False),
        ("linux/386", "linux/amd64", False),
    ],
)
def test_matches_is_about_meaning(one: str, other: str, same: bool) -> None:
    assert Platform.parse(one).matches(Platform.parse(other)) is same
    assert Platform.parse(other).matches(Platform.parse(one)) is same


def test_windows_builds_agree_but_for_the_patch_level() -> None:
    here = Platform("windows", "amd64", os_version="10.0.17763.1234")
    assert here.matches(Platform("windows", "amd64", os_version="10.0.17763.99"))
    assert here.matches(Platform("windows", "amd64"))
    assert not here.matches(Platform("windows", "amd64", os_version="10.0.20348.1"))


def test_what_runs_where() -> None:
    def runs(text: str) -> list[str]:
        return [str(platform) for platform in Platform.parse(text).runs()]

    assert runs("linux/amd64") == ["linux/amd64"]
    assert runs("linux/amd64/v3") == ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64/v1"]
    assert runs("linux/arm") == ["linux/arm", "linux/arm/v6", "linux/arm/v5"]
    assert runs("linux/arm64") == ["linux/arm64", *(f"linux/arm/v{n}" for n in (8, 7, 6, 5))]
    assert runs("linux/s390x") == ["linux/s390x"]


def test_host_is_a_linux_platform_in_gos_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert Platform.host() == Platform("linux", "amd64")
    monkeypatch.setattr(platform, "machine", lambda: "ARM64")  # as Windows reports it
    assert Platform.host() == Platform("linux", "arm64")


def test_known() -> None:
    assert Platform("linux", "amd64").known
    assert not Platform("unknown", "unknown").known
    assert not Platform("", "").known
