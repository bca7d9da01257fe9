"""Two images beside each other: layers, lines, packages, and the bytes that a pull would fetch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from longshore.application.attached import finding
from longshore.application.attached import reading as attached
from longshore.application.attached.finding import Attachment, How
from longshore.application.attached.kinds import Kind
from longshore.application.attached.reading import Said
from longshore.application.attached.sboms import Package, Sbom
from longshore.application.clients import Clients
from longshore.application.comparing import reading
from longshore.application.comparing.comparison import compare, compare_packages, missing_bytes
from longshore.application.comparing.values import (
    ComparedPackage,
    ComparedPackages,
    ConfigLine,
    LineKind,
    Side,
)
from longshore.application.inspection.values import Inspected, Layer
from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.errors import InvalidContent
from longshore.oci.image_config import RunConfig
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, EnginePlace, LibraryPlace, RegistryPlace
from longshore.words import comparing as words

WEB = Reference.parse("registry.acme.io/web:1")
REMOTE = Endpoint(RegistryPlace("registry.acme.io"), WEB)
LIBRARY = Endpoint(LibraryPlace(Path("/library")), WEB)
ENGINE = Endpoint(EnginePlace(EngineAddress("default", "unix:///docker.sock")), WEB)
CONFIG = 10  # bytes of each configuration


def sha(name: str) -> str:
    return "sha256:" + name.encode().hex().ljust(64, "0")


def image(*layers: str, end: Endpoint = REMOTE, **fields: object) -> Inspected:
    """An image whose layers have 100 bytes for each character of their names, in an engine without sizes."""
    in_engine = isinstance(end.place, EnginePlace)
    made = tuple(
        Layer("", diff_id=sha(f"d{one}"))
        if in_engine
        else Layer(sha(one), 100 * len(one), diff_id=sha(f"d{one}"))
        for one in layers
    )
    size = sum({one.digest: one.size or 0 for one in made}.values()) + CONFIG
    found = Inspected(
        end,
        manifest_digest="" if in_engine else sha("m" + "".join(layers)),
        config_digest="" if in_engine else sha("c" + "".join(layers)),
        image_id=sha("c" + "".join(layers)) if in_engine else "",
        size_compressed=None if in_engine else size,
        layers=made,
        platform=Platform.parse("linux/amd64"),
    )
    return replace(found, **fields)  # type: ignore[arg-type]


def layers(left: Inspected, right: Inspected) -> list[tuple[str, str]]:
    names = {sha(one): one for one in ("a", "b", "c", "d", "x", "y", "big")}
    names |= {sha(f"d{one}"): one for one in list(names.values())}
    return [(names[one.layer.name], one.side.value) for one in compare(left, right).layers]


def test_layers_that_both_have_and_where_the_others_lie() -> None:
    found = layers(image("a", "b", "x"), image("a", "c", "b", "y"))
    assert found == [("a", "both"), ("c", "right"), ("b", "both"), ("y", "right"), ("x", "left")]
    assert layers(image("a"), image("x", "a")) == [("x", "right"), ("a", "both")]
    assert layers(image(), image("a")) == [("a", "right")]
    # The same content twice, and in another order: it is the same content.
    assert layers(image("a", "b", "a"), image("b", "a")) == [("a", "both"), ("b", "both"), ("a", "both")]


def test_an_engine_is_compared_by_unpacked_layers_and_sizes_come_from_the_other_side() -> None:
    compared = compare(image("a", "b", end=ENGINE), image("a", "c"))
    assert [(one.side, one.layer.size) for one in compared.layers] == [
        (Side.BOTH, 100),
        (Side.RIGHT, 100),
        (Side.LEFT, None),
    ]
    assert (compared.count(Side.BOTH), compared.bytes_of(Side.BOTH), compared.bytes_of(Side.LEFT)) == (
        1,
        100,
        None,
    )
    assert (compared.fetch_left, compared.fetch_right) == (None, 100 + CONFIG)


@pytest.mark.parametrize("there", [REMOTE, LIBRARY, ENGINE])
def test_what_a_pull_fetches(there: Endpoint) -> None:
    assert missing_bytes(image("a", "big", "c"), image("a", "c", end=there)) == (
        # An engine knows a layer only on top of the same layers.
        300 + 100 + CONFIG if there is ENGINE else 300 + CONFIG
    )
    assert missing_bytes(image("a", "b"), image("a", "b", end=there)) == 0
    assert missing_bytes(image("a", "b"), image(end=there)) == 200 + CONFIG


def test_a_layer_that_was_compressed_again_is_fetched_unless_an_engine_has_it() -> None:
    again = replace(image("a"), config_digest=sha("other"), layers=(Layer(sha("z"), 90, diff_id=sha("da")),))
    again = replace(again, manifest_digest=sha("mz"), size_compressed=90 + CONFIG)
    assert missing_bytes(again, image("a", end=LIBRARY)) == 90 + CONFIG
    assert missing_bytes(again, image("a", end=ENGINE)) == CONFIG


def test_each_content_is_fetched_once_and_an_unknown_size_is_no_number() -> None:
    assert missing_bytes(image("x", "x"), image("a")) == 100 + CONFIG
    unsized = image("a")
    assert missing_bytes(replace(unsized, layers=(Layer(sha("z")),)), image("b")) is None
    assert missing_bytes(replace(unsized, size_compressed=None), image("b")) is None


def test_one_image_under_two_names_and_in_an_engine() -> None:
    assert compare(image("a"), image("a", end=LIBRARY)).same
    assert compare(image("a"), image("a", end=ENGINE)).same
    assert not compare(image("a"), image("b")).same
    assert not compare(Inspected(REMOTE), Inspected(REMOTE)).same  # nothing is known of either


def lines(left: Inspected, right: Inspected) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (one.kind.value, one.name, one.left, one.right) for one in compare(left, right).lines if not one.same
    ]


def test_lines_that_differ() -> None:
    left = image(
        run=RunConfig(command=("serve", "a b"), environment=("PATH=/bin", "OLD=1"), user="0"),
        labels=(("note", "x"),),
        settings=(("config.Cmd", "[]"), ("os.features", "[]"), ("docker_version", "20")),
    )
    right = image(
        run=RunConfig(command=("serve",), environment=("PATH=/sbin", "NEW="), user="0"),
        labels=(("note", "x"), ("more", "")),
        platform=Platform.parse("linux/arm64"),
        settings=(("docker_version", "28"),),
    )
    assert lines(left, right) == [
        ("platform", "", "linux/amd64", "linux/arm64"),
        ("command", "", "serve 'a b'", "serve"),
        ("variable", "NEW", None, ""),
        ("variable", "OLD", "1", None),
        ("variable", "PATH", "/bin", "/sbin"),
        ("label", "more", None, ""),
        ("setting", "docker_version", "20", "28"),
        ("setting", "os.features", "[]", None),
    ]
    # An engine's document has other names: nothing is said about them.
    in_engine = image(end=ENGINE, settings=(("GraphDriver.Name", "x"),))
    assert all(kind != "setting" for kind, *_ in lines(in_engine, right))


def test_secrets_are_hidden_and_still_compared() -> None:
    line = ConfigLine(LineKind.VARIABLE, "DB_PASSWORD", "hunter2", "hunter3")
    assert not line.same
    assert line.shown(secrets=False) == ("••••", "••••")
    assert line.shown(secrets=True) == ("hunter2", "hunter3")
    assert ConfigLine(LineKind.VARIABLE, "TOKEN", None, "x").shown(secrets=False) == (None, "••••")
    command = ConfigLine(LineKind.COMMAND, "", "serve API_TOKEN=abc", "serve")
    assert command.shown(secrets=False) == ("serve API_TOKEN=••••", "serve")
    setting = ConfigLine(LineKind.SETTING, "auth_token", None, '"x"')
    assert setting.shown(secrets=False) == (None, "••••")
    assert ConfigLine(LineKind.USER, "", "0", "1").shown(secrets=False) == ("0", "1")


def test_a_chart_is_compared_as_what_it_is() -> None:
    helm = "application/vnd.cncf.helm.config.v1+json"
    chart = image("a", platform=None, artifact_type=helm, settings=(("version", "1.0"),))
    newer = image("b", platform=None, artifact_type=helm, settings=(("version", "1.1"),))
    assert lines(chart, newer) == [("setting", "version", "1.0", "1.1")]
    assert lines(chart, image("c"))[0] == ("type", "", helm, None)
    assert words.what(chart) == helm


def test_packages_by_name_and_type() -> None:
    left = [Package("openssl", "3.0", purl="pkg:deb/debian/openssl@3.0"), Package("zlib", "1")]
    right = [
        Package("openssl", "3.1", purl="pkg:deb/debian/openssl@3.1"),
        Package("openssl", "2", purl="pkg:pypi/openssl@2"),
        Package("zlib", "1"),
        Package("zlib", "1"),
    ]
    found = compare_packages(left, right)
    assert found == (
        ComparedPackage("openssl", "deb", ("3.0",), ("3.1",)),
        ComparedPackage("openssl", "pypi", (), ("2",)),
        ComparedPackage("zlib", "", ("1",), ("1",)),
    )
    assert [one.same for one in found] == [False, False, True]


def test_sentences() -> None:
    same = compare(image("a"), image("a", end=LIBRARY))
    assert words.verdict(same) == "Both are the same image."
    assert (
        words.fetched(same, Side.LEFT) == "Pulling the left image fetches nothing if the right one is there."
    )
    some = compare(image("a", "b"), image("a", "c"))
    assert words.verdict(some) == "1 layer is the same, 100 B."
    assert (
        words.fetched(some, Side.RIGHT) == "Pulling the right image fetches 110 B if the left one is there."
    )
    assert words.verdict(compare(image("a"), image("b"))) == "They share no layer."
    unknown = words.fetched(compare(image("a", end=ENGINE), image("b")), Side.LEFT)
    assert unknown.endswith("is not known: an engine reports no compressed sizes.")
    assert words.value("a\x1b[31m\nb") == "a[31m b"
    assert words.value(None) == "–"
    assert words.no_packages(ComparedPackages(missing=Side.LEFT)) == "The left image has no SBOM attached."
    assert words.no_packages(ComparedPackages()) == "The SBOMs name no packages."
    assert words.no_packages(ComparedPackages(compare_packages([Package("a")], []))) == ""


def test_an_sbom_that_cannot_be_read_has_no_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Attachment(Kind.SBOM, How.REFERRER, sha("a"), sha("a"), "", "text/spdx", 1)
    broken = Said(Kind.SBOM, problem=InvalidContent("It can't be read."))
    rows = [
        Said(Kind.SBOM, sbom=Sbom("SPDX 2.3", (Package("a"),))),
        Said(Kind.PROVENANCE, problem=broken.problem),
    ]
    monkeypatch.setattr(finding, "find", lambda *_: None)
    monkeypatch.setattr(attached, "read_all", lambda _1, _2, _3, tell: [tell(there, one) for one in rows])
    compared = compare(image(), image())
    found = reading.read_packages(compared, cast(Clients, None), Cancellation())
    assert [one.name for one in found.packages] == ["a"]
    for bad, told in ((broken, "can't be read"), (Said(Kind.SBOM), "form of SBOM")):
        rows[1:] = [bad]
        with pytest.raises(InvalidContent, match=told):
            reading.read_packages(compared, cast(Clients, None), Cancellation())
