"""Commands for transfers: the command line makes the same requests from them, and other programs do the same."""

from __future__ import annotations

import hashlib
import itertools
import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from longshore.application import archives, requests, stores
from longshore.application.clients import Clients
from longshore.application.command_lines import command_lines, mirror_line
from longshore.application.mirrors import planning
from longshore.application.mirrors.plan import MirrorPlan, MirrorTag, TagState
from longshore.application.mirrors.repositories import parse_namespace, parse_source
from longshore.application.mirrors.rules import Extras, MirrorRule
from longshore.application.terminal import Terminal
from longshore.cli import archives as cli_archives
from longshore.cli import copying, indexes, main, moving, parser
from longshore.cli.output import Output
from longshore.engine.address import EngineAddress, Origin, TlsFiles, current_address
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.index_parts import parts_of
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Operation,
    RegistryPlace,
    TransferRequest,
)

ID = "sha256:" + "1" * 64
DIGEST = "sha256:" + "d" * 64
AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
WEB = Reference.parse("r.io/acme/web:1")
HUB = Reference.parse("alpine:3.20")

CONFIGS = {
    "127.0.0.1:5000": RegistryConfig("127.0.0.1:5000"),
    "plain.io": RegistryConfig("plain.io", insecure=True),
    "own-ca.io": RegistryConfig("own-ca.io", ca_file=Path("/etc/own.pem")),
    "below.io": RegistryConfig("below.io", prefix="registry"),
}


class Desk:
    """A user's home with contexts and a library, and what the command line requests there."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._patch = patch
        for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CONFIG"):
            patch.delenv(name, raising=False)
        self.environ = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
        for name, value in self.environ.items():
            patch.setenv(name, value)
        self.library = LibraryPlace(home / "data" / "longshore" / "library")
        self.other_library = LibraryPlace(home / "a layout")
        self.engine = EnginePlace(current_address(None, self.environ))
        self.remote = EnginePlace(EngineAddress("tcp", "tcp://10.0.0.1:2375"))
        self.farm = EnginePlace(self.context("build-farm", "ssh://ann@farm.example"))

    def context(self, name: str, host: str, *, tls: bool = False) -> EngineAddress:
        """Store a Docker context."""
        key = hashlib.sha256(name.encode()).hexdigest()
        folder = self.home / ".docker" / "contexts" / "meta" / key
        folder.mkdir(parents=True)
        meta = {"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": tls}}}
        (folder / "meta.json").write_text(json.dumps(meta))
        return current_address(name, self.environ)

    def set(self, name: str, value: str) -> None:
        """Set a variable of the environment."""
        self.environ[name] = value
        self._patch.setenv(name, value)

    @property
    def terminal(self) -> Terminal:
        """The terminal as the window reads it."""
        return Terminal.read(
            self.environ, self.library.path, lambda host: CONFIGS.get(host) or RegistryConfig(host)
        )

    def lines(self, *wanted: TransferRequest) -> dict[str, list[str]]:
        """The lines of all programs."""
        return command_lines(wanted, self.terminal)

    def requested(self, line: str, known: Sequence[TransferRequest] = ()) -> list[TransferRequest]:
        """What the command line requests for *line*, where the sources of *known* exist."""
        asked: list[TransferRequest] = []

        def run(_session: object, wanted: Sequence[TransferRequest], *_: object) -> int:
            asked.extend(wanted)
            return 0

        def run_of_a_push(session: object, wanted: Sequence[TransferRequest], output: object) -> list[object]:
            run(session, wanted, output)
            return []

        sources = [end for request in known for end in parts_of(request) or (request.source,)]

        class Store:
            """The images of the sources."""

            def images(self) -> list[LocalImage]:
                return [
                    LocalImage(
                        None if end.reference is None or end.reference.digest else end.reference,
                        end.image_id,
                        datetime.now(UTC),
                        1,
                        repo_digests=(str(end.reference),),
                    )
                    for end in sources
                ]

        class Engine:
            """Answers."""

            def probe(self) -> None:
                return None

        def images_in(archive: ArchivePlace, _: object) -> list[Endpoint]:
            return [end for end in sources if end.place == archive]

        def plan(rule: MirrorRule, *_: object, **__: object) -> MirrorPlan:
            tags = [end.reference.tag for end in sources if end.reference is not None and end.reference.tag]
            return MirrorPlan(
                rule, tuple(MirrorTag(tag, TagState.MISSING) for tag in tags if rule.matches(tag))
            )

        with pytest.MonkeyPatch.context() as patch:
            for module in (moving, copying, cli_archives, indexes):
                patch.setattr(module, "run", run)
            patch.setattr(moving, "_run", run_of_a_push)
            patch.setattr(
                moving, "_checked", lambda _s, _e, targets, _o, keep: (dict.fromkeys(targets, ""), [])
            )
            patch.setattr(stores, "open_store", lambda *_: Store())
            patch.setattr(archives, "images_in", images_in)
            patch.setattr(planning, "plan_mirror", plan)
            patch.setattr(Clients, "engine", lambda *_: Engine())
            program, *words = shlex.split(line)
            assert program == "longshore"
            arguments = parser.command_parser(words).parse_args(words)
            session = main._session(arguments)
            try:
                assert arguments.run(session, arguments, Output(as_json=False, quiet=True)) == 0
            finally:
                session.close()
        return asked

    def there_and_back(self, *wanted: TransferRequest) -> list[str]:
        """The lines of longshore, after a check that they request exactly *wanted*."""
        lines = self.lines(*wanted)["longshore"]
        assert [one for line in lines for one in self.requested(line, wanted)] == list(wanted)
        return lines


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    home = tmp_path / "home"
    home.mkdir()
    return Desk(home, monkeypatch)


def registry(text: str) -> Endpoint:
    reference = Reference.parse(text)
    return Endpoint(RegistryPlace(reference.domain), reference)


def named(place: EnginePlace | LibraryPlace | ArchivePlace, reference: Reference | None = WEB) -> Endpoint:
    return Endpoint(place, reference, ID)


# -- the command line requests the same


def test_a_pull(desk: Desk) -> None:
    assert desk.there_and_back(requests.pull(HUB, desk.engine)) == ["longshore pull alpine:3.20"]
    assert desk.there_and_back(requests.pull(WEB, desk.library)) == [
        "longshore pull --to library r.io/acme/web:1"
    ]
    assert desk.there_and_back(requests.pull(WEB, desk.library, whole=True)) == [
        "longshore pull --to library --all-platforms r.io/acme/web:1"
    ]
    assert desk.there_and_back(requests.pull(WEB, desk.engine, only_signed=True)) == [
        "longshore pull --only-signed r.io/acme/web:1"
    ]
    several = [requests.pull(WEB, place, only_signed=True) for place in (desk.engine, desk.remote)]
    (line,) = desk.there_and_back(*several)
    assert "--only-signed" in line and "--native" not in line
    native = requests.pull(WEB, desk.engine, ARM, native=True)
    assert desk.there_and_back(native) == ["longshore pull --platform linux/arm64 --native r.io/acme/web:1"]
    assert desk.lines(native)["docker"] == ["docker pull --platform linux/arm64 r.io/acme/web:1"]
    both = [requests.natively(each) for each in several]
    (line,) = desk.there_and_back(*both)
    assert " --native --only-signed " in line
    assert desk.lines(both[0], several[0])["longshore"] == [
        "longshore pull --native --only-signed r.io/acme/web:1",
        "longshore pull --only-signed r.io/acme/web:1",
    ]
    assert not desk.lines(several[0]).get("docker"), "docker pull would not ask for a signature"
    assert desk.there_and_back(requests.pull(WEB, desk.engine, ARM)) == [
        "longshore pull --platform linux/arm64 r.io/acme/web:1"
    ]
    assert desk.there_and_back(requests.pull(WEB.with_digest(DIGEST), desk.engine)) == [
        f"longshore pull r.io/acme/web:1@{DIGEST}"
    ]


def test_engines_are_named_by_context_or_address(desk: Desk) -> None:
    assert desk.there_and_back(requests.pull(HUB, desk.farm)) == [
        "longshore pull --engine build-farm alpine:3.20"
    ]
    assert desk.there_and_back(requests.pull(HUB, desk.remote)) == [
        "longshore pull --engine tcp://10.0.0.1:2375 alpine:3.20"
    ]
    desk.set("DOCKER_CONTEXT", "build-farm")
    assert desk.there_and_back(requests.pull(HUB, desk.farm)) == ["longshore pull alpine:3.20"]
    assert desk.there_and_back(requests.pull(HUB, desk.engine)) == [
        "longshore pull --engine unix:///var/run/docker.sock alpine:3.20"
    ]
    desk.set("DOCKER_HOST", "tcp://10.0.0.1:2375")
    assert desk.there_and_back(requests.pull(HUB, desk.remote)) == ["longshore pull alpine:3.20"]


def test_an_engine_that_no_option_leads_to_has_no_line(desk: Desk) -> None:
    tls = EngineAddress("gone", "tcp://10.0.0.9:2376", Origin.CONTEXT, TlsFiles(Path("/gone/ca.pem")))
    assert desk.lines(requests.pull(HUB, EnginePlace(tls))) == {}
    kept = desk.context("kept", "tcp://10.0.0.9:2376", tls=True)
    assert desk.there_and_back(requests.pull(HUB, EnginePlace(kept))) == [
        "longshore pull --engine kept alpine:3.20"
    ]
    # The context of an old transfer leads elsewhere now: the address is exact.
    moved = EnginePlace(EngineAddress("build-farm", "tcp://10.0.0.7:2375", Origin.CONTEXT))
    assert desk.there_and_back(requests.pull(HUB, moved)) == [
        "longshore pull --engine tcp://10.0.0.7:2375 alpine:3.20"
    ]
    desk.set("DOCKER_TLS_VERIFY", "1")
    assert desk.lines(requests.pull(HUB, desk.remote)) == {}, "with these variables, the address means TLS"


def test_pulls_into_several_engines_are_one_line(desk: Desk) -> None:
    pulls = [requests.pull(HUB, place, ARM) for place in (desk.engine, desk.farm, desk.remote)]
    assert desk.there_and_back(*pulls) == [
        "longshore pull --engine unix:///var/run/docker.sock --engine build-farm"
        " --engine tcp://10.0.0.1:2375 --platform linux/arm64 alpine:3.20"
    ]
    assert desk.lines(*pulls)["docker"] == [
        "docker pull --platform linux/arm64 alpine:3.20",
        "docker --context build-farm pull --platform linux/arm64 alpine:3.20",
        "docker -H tcp://10.0.0.1:2375 pull --platform linux/arm64 alpine:3.20",
    ]


def test_several_transfers_are_a_line_each(desk: Desk) -> None:
    wanted = [requests.pull(HUB, desk.engine), requests.push(named(desk.engine), WEB)]
    assert desk.there_and_back(*wanted) == ["longshore pull alpine:3.20", "longshore push r.io/acme/web:1"]
    assert desk.lines(*wanted, wanted[0])["longshore"] == desk.lines(*wanted)["longshore"]
    # A program that cannot do all of them is not offered.
    assert set(desk.lines(*wanted)) == {"longshore", "docker"}
    assert set(desk.lines(*wanted, requests.pull(HUB, desk.library))) == {"longshore"}
    assert desk.lines() == {}


def test_a_push(desk: Desk) -> None:
    other = Reference.parse("r.io/acme/web:2")
    assert desk.there_and_back(requests.push(named(desk.engine), WEB)) == ["longshore push r.io/acme/web:1"]
    assert desk.there_and_back(requests.push(named(desk.farm), other)) == [
        "longshore push --engine build-farm r.io/acme/web:1 r.io/acme/web:2"
    ]
    assert desk.there_and_back(requests.push(named(desk.engine, None), WEB)) == [
        f"longshore push {ID} r.io/acme/web:1"
    ]
    assert desk.there_and_back(requests.push(named(desk.library), other)) == [
        "longshore push --from library r.io/acme/web:1 r.io/acme/web:2"
    ]


def test_an_index(desk: Desk) -> None:
    one, two = registry("r.io/acme/web:amd"), registry("docker.io/library/alpine:3.20")
    (line,) = desk.there_and_back(requests.index([one, two], registry("r.io/acme/web:1")))
    assert line == "longshore index r.io/acme/web:1 r.io/acme/web:amd alpine:3.20"
    made = requests.index([registry("r.io/acme/web:1"), two], registry("r.io/acme/web:1"), replacing=True)
    assert desk.there_and_back(made) == [
        "longshore index --replace r.io/acme/web:1 r.io/acme/web:1 alpine:3.20"
    ]
    layout = Endpoint(ArchivePlace(desk.home / "x.tar", "oci"), Reference.parse("web:1"))
    made = requests.index([one, two], layout, ref_name="web:1")
    (line,) = desk.there_and_back(made)
    assert line.endswith("x.tar:web:1 r.io/acme/web:amd alpine:3.20")
    made = requests.index([named(desk.farm), named(desk.library)], Endpoint(desk.library, WEB))
    (line,) = desk.there_and_back(made)
    assert line.startswith("longshore index --engine build-farm library:r.io/acme/web:1 docker-daemon:")
    # Only Longshore makes them like that, and only from one engine in one line.
    assert desk.lines(made).keys() == {"longshore"}
    assert desk.lines(requests.index([named(desk.farm), named(desk.engine)], registry("r.io/a:1"))) == {}


def test_archives(desk: Desk) -> None:
    path = desk.home / "it's a 'file': \"x\" $HOME.tar"
    quoted = shlex.quote(str(path))
    saved = requests.save(named(desk.engine), ArchivePlace(path))
    assert desk.there_and_back(saved) == [f"longshore save -o {quoted} r.io/acme/web:1"]
    loaded = requests.load(Endpoint(ArchivePlace(path), None), desk.engine)
    assert desk.there_and_back(loaded) == [f"longshore load {quoted}"]
    oci = requests.save(registry("r.io/acme/web:1"), ArchivePlace(desk.home / "a.tar.zst", "oci"), AMD)
    assert desk.there_and_back(oci) == [
        f"longshore save --from registry --format oci --platform linux/amd64 -o {desk.home}/a.tar.zst"
        " r.io/acme/web:1"
    ]
    pushed = requests.push(Endpoint(ArchivePlace(path), None, ID), WEB)
    assert desk.there_and_back(pushed) == [f"longshore load {quoted} --to r.io/acme/web:1"]


def test_a_path_that_could_act_on_a_terminal_has_no_line(desk: Desk) -> None:
    for name in ("a\nrm -rf x", "a\x1b[2J", "a\udcff", "a\0"):
        archive = ArchivePlace(desk.home / name)
        assert desk.lines(requests.save(named(desk.engine), archive)) == {}
        assert desk.lines(requests.load(Endpoint(archive, None), desk.engine)) == {}
        assert desk.lines(requests.pull(WEB, LibraryPlace(desk.home / name))) == {}


def test_a_path_with_a_dash_in_front(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.home)
    (line,) = desk.lines(requests.save(named(desk.engine), ArchivePlace(Path("-o.tar"))))["longshore"]
    (made,) = desk.requested(line, [requests.save(named(desk.engine), ArchivePlace(Path("x")))])
    assert made.destination.place == ArchivePlace(desk.home / "-o.tar")


def test_a_path_with_a_colon_is_named_only_where_no_name_follows(desk: Desk) -> None:
    archive, folder = ArchivePlace(desk.home / "a:b.tar"), LibraryPlace(desk.home / "a:b")
    assert "longshore" in desk.lines(requests.load(Endpoint(archive, None), desk.engine))
    assert desk.lines(requests.load(named(archive), desk.library)) == {}
    assert desk.lines(requests.carry(named(desk.engine), folder)) == {}


def test_every_pair_of_places(desk: Desk) -> None:
    """Each pair that the command line can name is requested again; the rest has no line."""
    ends: dict[str, Callable[[], Endpoint]] = {
        "engine": lambda: named(desk.engine),
        "farm": lambda: named(desk.farm),
        "library": lambda: named(desk.library),
        "other library": lambda: named(desk.other_library),
        "archive": lambda: Endpoint(ArchivePlace(desk.home / "a b.tar", "docker"), WEB),
        "oci archive": lambda: Endpoint(ArchivePlace(desk.home / "-c.tar", "oci"), WEB),
        "registry": lambda: registry("r.io/acme/web:1"),
        "other registry": lambda: registry("127.0.0.1:5000/web:2"),
    }
    without = set()
    for one, other in itertools.permutations(ends, 2):
        source, end = ends[one](), ends[other]()
        kept = source.image_id if end.reference == source.reference else ""
        end = replace(end, image_id="" if isinstance(end.place, RegistryPlace) else kept)
        wanted = requests.move(source, end)
        if "longshore" in desk.lines(wanted):
            desk.there_and_back(wanted)
        else:
            without.add((one, other))
    assert without == {("engine", "farm"), ("farm", "engine")}, "a command uses one engine"


def test_destinations_at_docker_hub_are_never_a_word_alone(desk: Desk) -> None:
    assert desk.there_and_back(requests.push(named(desk.engine), HUB)) == [
        "longshore push r.io/acme/web:1 docker.io/library/alpine:3.20"
    ]
    assert desk.there_and_back(requests.copy(WEB, HUB)) == [
        "longshore copy r.io/acme/web:1 docker.io/library/alpine:3.20"
    ]
    end = named(ArchivePlace(desk.home / "a.tar"), None)
    assert desk.there_and_back(requests.push(end, HUB)) == [
        f"longshore load {desk.home}/a.tar --to docker.io/library/alpine:3.20"
    ]


def test_a_layout_is_named_literally(desk: Desk) -> None:
    source, multi = registry("r.io/acme/web:1"), Reference.parse("multi:latest")
    folder, tar = desk.other_library, ArchivePlace(desk.home / "a.tar", "oci")
    for place, word in ((folder, f"'oci:{desk.home}/a layout:"), (tar, f"oci-archive:{desk.home}/a.tar:")):
        end = "'" if word.startswith("'") else ""
        typed = requests.move(source, Endpoint(place, multi), ref_name="multi")
        whole = requests.move(source, Endpoint(place, multi))
        assert desk.there_and_back(typed) == [f"longshore copy r.io/acme/web:1 {word}multi{end}"]
        assert desk.there_and_back(whole) == [
            f"longshore copy r.io/acme/web:1 {word}docker.io/library/multi:latest{end}"
        ]
        assert "skopeo" not in desk.lines(typed)
    # The library and docker's archives have whole names.
    for place in (desk.library, ArchivePlace(desk.home / "a.tar")):
        assert desk.lines(requests.move(source, Endpoint(place, multi), ref_name="multi")) == {}


def test_what_the_window_requests_between_local_places(desk: Desk) -> None:
    assert desk.there_and_back(requests.carry(named(desk.engine), desk.library)) == [
        "longshore copy docker-daemon:r.io/acme/web:1 library:r.io/acme/web:1"
    ]
    assert desk.there_and_back(requests.carry(named(desk.library), desk.farm)) == [
        "longshore copy --engine build-farm library:r.io/acme/web:1 docker-daemon:r.io/acme/web:1"
    ]
    archive = ArchivePlace(desk.home / "a.tar")
    loaded = requests.load(named(archive), desk.library)
    (line,) = desk.lines(loaded)["longshore"]
    assert line == f"longshore copy docker-archive:{desk.home}/a.tar:r.io/acme/web:1 library:r.io/acme/web:1"
    # The line names the image, and its id is found in the archive.
    (made,) = desk.requested(line)
    assert made == replace(loaded, source=Endpoint(archive, WEB), destination=Endpoint(desk.library, WEB))
    for place in (desk.engine, desk.library):
        nameless = requests.carry(named(place, None), desk.other_library)
        assert desk.lines(nameless) == {}, "a destination is named"


def test_copies_between_registries(desk: Desk) -> None:
    target = Reference.parse("127.0.0.1:5000/mirror/web:1")
    assert desk.there_and_back(requests.copy(WEB, target)) == [
        "longshore copy r.io/acme/web:1 127.0.0.1:5000/mirror/web:1"
    ]
    assert desk.there_and_back(requests.copy(WEB, target, [ARM, AMD], referrers=True)) == [
        "longshore copy --platform linux/amd64 --platform linux/arm64 --referrers"
        " r.io/acme/web:1 127.0.0.1:5000/mirror/web:1"
    ]
    one = replace(requests.copy(WEB, target), platform=Platform.parse("linux/arm/v7"))
    assert desk.there_and_back(one) == [
        "longshore copy --platform linux/arm/v7 r.io/acme/web:1 127.0.0.1:5000/mirror/web:1"
    ]
    by_digest = requests.copy(WEB.with_tag(None).with_digest(DIGEST), target)
    assert desk.there_and_back(by_digest) == [
        f"longshore copy r.io/acme/web@{DIGEST} 127.0.0.1:5000/mirror/web:1"
    ]


def test_an_index_of_one_platform_keeps_being_an_index(desk: Desk) -> None:
    target = Reference.parse("127.0.0.1:5000/mirror/web:1")
    assert desk.there_and_back(requests.copy(WEB, target, [AMD], referrers=True)) == [
        "longshore copy --tags 1 --platform linux/amd64 --referrers r.io/acme/web 127.0.0.1:5000/mirror/web"
    ]
    assert desk.lines(requests.copy(WEB, target.with_tag("2"), [AMD])) == {}


@pytest.mark.parametrize(
    "name",
    ["library", "oci", "engine", "docker-daemon", "docker-archive", "dir", "ostree", "docker", "sif"],
)
def test_repositories_that_are_called_like_a_place(desk: Desk, name: str) -> None:
    desk.there_and_back(requests.copy(Reference.parse(f"{name}:1"), WEB))
    desk.there_and_back(requests.copy(WEB, Reference.parse(f"{name}:5000/web:1")))


@pytest.mark.parametrize("name", ["deadbeef:1", f"{'a' * 64}:1", "sha256:abcdef", "image:1", "sudo:1"])
def test_names_that_look_like_something_else(desk: Desk, name: str) -> None:
    domain, _, tag = name.partition(":")
    reference = Reference("docker.io", domain, tag)
    desk.there_and_back(requests.pull(reference, desk.engine))
    desk.there_and_back(requests.push(named(desk.engine, reference), WEB))
    desk.there_and_back(requests.copy(reference, WEB))


def test_what_the_command_line_cannot_request_has_no_line(desk: Desk) -> None:
    pull = requests.pull(WEB, desk.engine)
    odd = Platform("linux", "amd64", os_version="10.0.17763.1")
    for request in (
        replace(pull, platform=odd),
        replace(pull, platform=Platform("linux", "z80")),
        replace(pull, options=(("unheard-of", "1"),)),
        replace(pull, operation=Operation.COPY, options=(("referrers", "1"),)),
        requests.push(Endpoint(desk.engine, None, "sha256:; rm -rf ~"), WEB),
        requests.pull(WEB, desk.other_library),
    ):
        assert "longshore" not in desk.lines(request)


def test_a_mirror_rule(desk: Desk) -> None:
    source, target = Reference.parse("library/oci"), Reference.parse("127.0.0.1:5000/oci")
    rule = MirrorRule("m", source, target)
    line = mirror_line(rule)
    assert line == "longshore copy --all-tags oci 127.0.0.1:5000/oci"
    known = [requests.copy(source.with_tag(tag), target.with_tag(tag)) for tag in ("1.0", "1.1-rc1", "2")]
    assert desk.requested(line, known) == known
    rule = MirrorRule("m", source, target, ("1.*", "!*-rc*"), (ARM, AMD), referrers=True)
    line = mirror_line(rule)
    assert line == (
        "longshore copy --tags '1.* !*-rc*' --platform linux/arm64 --platform linux/amd64 --referrers"
        " oci 127.0.0.1:5000/oci"
    )
    assert desk.requested(line, known) == [rule.request("1.0")]
    dashed = mirror_line(replace(rule, tags=("-x*", "1.*")))
    assert dashed is not None and desk.requested(dashed, known) == [
        replace(rule, tags=("-x*", "1.*")).request(tag) for tag in ("1.0", "1.1-rc1")
    ]
    for odd in ("a b", "a,b", "", "a\x1b"):
        assert mirror_line(replace(rule, tags=("*", odd))) is None


def test_a_mirror_rule_that_copy_has_no_words_for_runs_by_its_name() -> None:
    source, target = Reference.parse("library/oci"), Reference.parse("127.0.0.1:5000/oci")
    rule = MirrorRule("my oci's", source, target, newest=3)
    assert mirror_line(rule) == "longshore mirror run 'my oci'\"'\"'s'"
    for more in (
        MirrorRule("m", source, target, minimum_age_days=1),
        MirrorRule("m", source, target, extras=Extras.DELETE),
        MirrorRule("m", parse_source("r.io/a/*"), parse_namespace("127.0.0.1:5000/a")),
    ):
        assert mirror_line(more) == "longshore mirror run m"
    assert mirror_line(replace(rule, name="-m")) == "longshore mirror run -- -m"
    assert mirror_line(replace(rule, name="a\x1bb")) is None


# -- other programs


def test_docker(desk: Desk) -> None:
    other = Reference.parse("r.io/acme/web:2")
    archive = ArchivePlace(desk.home / "a b.tar")

    def docker(request: TransferRequest) -> list[str]:
        return desk.lines(request).get("docker", [])

    assert docker(requests.pull(HUB, desk.engine)) == ["docker pull alpine:3.20"]
    assert docker(requests.move(registry("r.io/acme/web:1"), Endpoint(desk.farm, other))) == [
        "docker --context build-farm pull r.io/acme/web:1 &&"
        " docker --context build-farm tag r.io/acme/web:1 r.io/acme/web:2"
    ]
    assert docker(requests.push(named(desk.engine), WEB)) == ["docker push r.io/acme/web:1"]
    assert docker(requests.push(named(desk.remote, None), WEB)) == [
        f"docker -H tcp://10.0.0.1:2375 tag {ID} r.io/acme/web:1 &&"
        " docker -H tcp://10.0.0.1:2375 push r.io/acme/web:1"
    ]
    assert docker(requests.save(named(desk.engine), archive)) == [
        f"docker save -o '{desk.home}/a b.tar' r.io/acme/web:1"
    ]
    assert docker(requests.load(Endpoint(archive, None), desk.engine)) == [
        f"docker load -i '{desk.home}/a b.tar'"
    ]
    assert docker(requests.carry(named(desk.engine), desk.farm)) == [
        "docker save r.io/acme/web:1 | docker --context build-farm load"
    ]


def test_docker_has_no_line_that_does_something_else(desk: Desk) -> None:
    packed = ArchivePlace(desk.home / "a.tar.gz")
    for request in (
        requests.pull(HUB, desk.library),
        requests.push(named(desk.library), WEB),
        requests.save(named(desk.engine), packed),
        requests.save(named(desk.engine), ArchivePlace(desk.home / "a.tar", "oci")),
        requests.load(named(packed), desk.engine),  # docker loads all images of an archive
        requests.carry(named(desk.engine), desk.library),
        requests.copy(HUB, WEB),
        requests.pull(Reference.parse("below.io/web:1"), desk.engine),
        replace(requests.push(named(desk.engine), WEB), platform=AMD),
        replace(requests.carry(named(desk.engine), desk.farm), destination=Endpoint(desk.farm, HUB)),
    ):
        assert "docker" not in desk.lines(request)


def test_skopeo(desk: Desk) -> None:
    target = Reference.parse("127.0.0.1:5000/web:1")
    archive = Endpoint(ArchivePlace(desk.home / "a b.tar", "oci"), WEB)

    def skopeo(request: TransferRequest) -> list[str]:
        return desk.lines(request).get("skopeo", [])

    assert skopeo(requests.copy(WEB, target)) == [
        "skopeo copy --all --preserve-digests --dest-tls-verify=false"
        " docker://r.io/acme/web:1 docker://127.0.0.1:5000/web:1"
    ]
    assert skopeo(requests.copy(Reference.parse(f"plain.io/web:1@{DIGEST}"), WEB)) == [
        "skopeo copy --all --preserve-digests --src-tls-verify=false"
        f" docker://plain.io/web@{DIGEST} docker://r.io/acme/web:1"
    ]
    assert skopeo(replace(requests.copy(HUB, WEB), platform=Platform.parse("linux/arm/v7"))) == [
        "skopeo --override-os linux --override-arch arm --override-variant v7 copy --preserve-digests"
        " docker://alpine:3.20 docker://r.io/acme/web:1"
    ]
    assert skopeo(requests.pull(HUB, desk.library, whole=True)) == [
        "skopeo copy --all --preserve-digests docker://alpine:3.20"
        f" oci:{desk.library.path}:docker.io/library/alpine:3.20"
    ]
    host = Platform.host()
    assert skopeo(requests.pull(HUB, desk.library)) == [
        f"skopeo --override-os linux --override-arch {host.architecture} copy --preserve-digests"
        f" docker://alpine:3.20 oci:{desk.library.path}:docker.io/library/alpine:3.20"
    ]
    assert skopeo(requests.save(registry("r.io/acme/web:1"), ArchivePlace(desk.home / "a b.tar", "oci"))) == [
        "skopeo copy --all --preserve-digests docker://r.io/acme/web:1"
        f" 'oci-archive:{desk.home}/a b.tar:r.io/acme/web:1'"
    ]
    assert skopeo(requests.move(archive, named(desk.other_library))) == [
        f"skopeo copy --all --preserve-digests 'oci-archive:{desk.home}/a b.tar:r.io/acme/web:1'"
        f" 'oci:{desk.home}/a layout:r.io/acme/web:1'"
    ]


def test_skopeo_has_no_line_that_does_something_else(desk: Desk) -> None:
    for request in (
        requests.pull(HUB, desk.engine),
        requests.push(named(desk.engine), WEB),
        requests.copy(HUB, WEB, [AMD]),
        requests.copy(HUB, WEB, referrers=True),
        requests.copy(HUB, Reference.parse("own-ca.io/web:1")),
        replace(requests.copy(HUB, WEB), platform=Platform.parse("linux/arm")),
        requests.save(registry("r.io/acme/web:1"), ArchivePlace(desk.home / "a.tar")),
        requests.save(registry("r.io/acme/web:1"), ArchivePlace(desk.home / "a.tar.gz", "oci")),
        requests.carry(named(desk.library, None), desk.other_library),
    ):
        assert "skopeo" not in desk.lines(request)


def test_regctl(desk: Desk) -> None:
    def regctl(request: TransferRequest) -> list[str]:
        return desk.lines(request).get("regctl", [])

    assert regctl(requests.copy(HUB, WEB)) == ["regctl image copy alpine:3.20 r.io/acme/web:1"]
    assert regctl(requests.copy(HUB, WEB, referrers=True)) == [
        "regctl image copy --referrers --digest-tags alpine:3.20 r.io/acme/web:1"
    ]
    assert regctl(replace(requests.copy(HUB, WEB), platform=ARM)) == [
        "regctl image copy --platform linux/arm64 alpine:3.20 r.io/acme/web:1"
    ]
    for request in (
        requests.copy(HUB, WEB, [AMD, ARM]),  # its --platforms leaves an index without its images
        requests.copy(HUB, Reference.parse("plain.io/web:1")),
        requests.copy(HUB, Reference.parse("127.0.0.1:5000/web:1")),
        requests.pull(HUB, desk.library),
        requests.push(named(desk.engine), WEB),
    ):
        assert regctl(request) == []


def test_an_image_named_by_a_digest(desk: Desk) -> None:
    pinned = ImageName(WEB.with_tag(None).with_digest(DIGEST), ID)
    desk.there_and_back(requests.push(Endpoint.of(desk.engine, pinned), WEB))
    assert "longshore" not in desk.lines(requests.carry(Endpoint.of(desk.engine, pinned), desk.library))
