"""The configuration of an image: platform, creation time, layers, labels, history (OCI image-spec, config.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from longshore.errors import InvalidManifest
from longshore.oci.descriptor import strings
from longshore.oci.digest import valid_digest
from longshore.oci.foreign_json import CONFIG, parse_json
from longshore.oci.platform import Platform

#: Most bytes read of a configuration; real ones have a few kilobytes.
LARGEST_CONFIG = 8 * 1024 * 1024
_LONGEST_TIME = 64


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of an image's build. *empty_layer*: the step made no layer."""

    created: datetime | None = None
    created_by: str = ""
    comment: str = ""
    author: str = ""
    empty_layer: bool = False


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How an engine checks a container (Docker's image-spec v1.2: ``Healthcheck``). Times in seconds, 0: the default.

    *test*: as in the configuration: ``CMD`` or ``CMD-SHELL`` and the command, or ``NONE``. *retries*: 0: the default.
    """

    test: tuple[str, ...]
    interval: float = 0.0
    timeout: float = 0.0
    start_period: float = 0.0
    retries: int = 0

    @property
    def command(self) -> tuple[str, ...]:
        """The command without its kind; empty if the check is turned off."""
        if self.test[:1] == ("NONE",):
            return ()
        return self.test[1:] if self.test[:1] in (("CMD",), ("CMD-SHELL",)) else self.test


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a container of the image runs (OCI image-spec, config.md: ``config``). *ports*: ``80/tcp``.

    *environment*: ``NAME=value``; the values may be secrets. *stop_timeout*: in seconds, None for the default.
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = field(default=(), repr=False)
    user: str = ""
    working_directory: str = ""
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    health_check: HealthCheck | None = None
    stop_signal: str = ""
    stop_timeout: int | None = None
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The configuration inside an image. Immutable, any thread.

    All texts come from whoever made the image: clean them before they are shown. *created* is aware, in UTC,
    and None if absent or the zero time that reproducible builds write. *platform* is None for artifacts.
    *diff_ids*: digests of the uncompressed layers, lowest first.
    """

    created: datetime | None = None
    platform: Platform | None = None
    diff_ids: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    author: str = ""
    history: tuple[HistoryEntry, ...] = ()
    run: RunConfig = field(default_factory=RunConfig)

    @classmethod
    def from_bytes(cls, raw: bytes) -> ImageConfig:
        """Parse *raw*, at most 8 MiB.

        Raises InvalidManifest if it is not a JSON object or its diff ids are not digests. Other invalid fields
        are left out: a wrong label does not hide the platform.
        """
        if len(raw) > LARGEST_CONFIG:
            raise InvalidManifest("The image's configuration is too large.", detail=f"{len(raw)} bytes")
        try:
            document = parse_json(raw, CONFIG)
        except ValueError as error:
            raise InvalidManifest("The image's configuration can't be read.", detail=str(error)) from error
        if not isinstance(document, dict):
            raise InvalidManifest("The image's configuration can't be read.", detail="not a JSON object")
        run = document.get("config")
        run = run if isinstance(run, dict) else {}
        history = document.get("history")
        return cls(
            created=parse_time(document.get("created")),
            platform=_platform(strings(document)),
            diff_ids=_diff_ids(document.get("rootfs")),
            labels=strings(run.get("Labels")),
            author=_text(document.get("author")),
            history=tuple(_entry(item) for item in history if isinstance(item, dict))
            if isinstance(history, list)
            else (),
            run=run_config(run),
        )


def parse_time(value: object) -> datetime | None:
    """An RFC 3339 time as Go writes it (up to nine decimals), in UTC; None if absent, invalid or Go's zero time."""
    if not isinstance(value, str) or len(value) > _LONGEST_TIME:
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1 else None


def _platform(named: dict[str, str]) -> Platform | None:
    if not named.get("os") or not named.get("architecture"):
        return None
    return Platform.of(
        named["os"], named["architecture"], named.get("variant", ""), named.get("os.version", "")
    )


def _diff_ids(rootfs: object) -> tuple[str, ...]:
    if not isinstance(rootfs, dict):
        return ()
    found = rootfs.get("diff_ids")
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(item, str) and valid_digest(item) for item in found):
        raise InvalidManifest(
            "The image's configuration is broken.", detail="rootfs.diff_ids are not digests"
        )
    return tuple(found)


def _entry(item: dict[str, object]) -> HistoryEntry:
    return HistoryEntry(
        created=parse_time(item.get("created")),
        created_by=_text(item.get("created_by")),
        comment=_text(item.get("comment")),
        author=_text(item.get("author")),
        empty_layer=item.get("empty_layer") is True,
    )


def run_config(config: Mapping[str, object]) -> RunConfig:
    """What a container runs, from the ``config`` of an image or an engine's ``Config``. Invalid fields are left out."""
    stop_timeout = config.get("StopTimeout")
    return RunConfig(
        entrypoint=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        environment=_words(config.get("Env")),
        user=_text(config.get("User")),
        working_directory=_text(config.get("WorkingDir")),
        ports=_names(config.get("ExposedPorts")),
        volumes=_names(config.get("Volumes")),
        health_check=_health_check(config.get("Healthcheck")),
        stop_signal=_text(config.get("StopSignal")),
        stop_timeout=_count(stop_timeout) if stop_timeout is not None else None,
        shell=_words(config.get("Shell")),
        on_build=_words(config.get("OnBuild")),
    )


def _health_check(value: object) -> HealthCheck | None:
    if not isinstance(value, Mapping):
        return None
    test = _words(value.get("Test"))
    if not test:
        return None  # inherited from the base image
    seconds = {name: _count(value.get(name)) / 1e9 for name in ("Interval", "Timeout", "StartPeriod")}
    return HealthCheck(
        test, seconds["Interval"], seconds["Timeout"], seconds["StartPeriod"], _count(value.get("Retries"))
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)  # as old images have it
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _names(value: object) -> tuple[str, ...]:
    return tuple(sorted(value)) if isinstance(value, dict) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
