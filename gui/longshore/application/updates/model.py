"""The values of a plan of updates. Immutable; any thread."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from longshore.application import requests
from longshore.errors import LongshoreError
from longshore.oci.reference import DOCKER_HUB

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.engine.container_model import Container
    from longshore.oci.local_image import LocalImage
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference
    from longshore.transfers.transfer import TransferRequest


class Kind(enum.Enum):
    """The kinds of updates. The values are printed and part of the JSON: never rename."""

    #: The same tag points to another image now.
    MOVED = "tag moved"
    #: Another tag of the repository is a higher version of the same track.
    VERSION = "newer version"


class Held(enum.Enum):
    """Why an update is only listed. The values are printed and part of the JSON: never rename."""

    SNOOZED = "snoozed"
    TOO_NEW = "too new"
    #: There is a minimum age, and the image has no date.
    NO_DATE = "no date"
    #: The tag points to an image that is older than the one here, or not known to be newer.
    NOT_NEWER = "not newer"
    #: The user's rule allows only signed images there.
    NOT_SIGNED = "not signed"


@dataclass(frozen=True, slots=True)
class Fetch:
    """The compressed bytes that an update fetches, None if they are not known.

    *about*: which layers are here is an estimate. *at_most*: which layers are here is not known.
    """

    bytes: int | None = None
    about: bool = False
    at_most: bool = False


NOT_KNOWN = Fetch()


@dataclass(frozen=True, slots=True)
class Update:
    """One update of *image* in *place*: a pull of *target*.

    *before*: the digest that the tag had when the image was pulled, or else the image's id; *after*: the digest of
    *target* now. *created*: the date of the new image, in its own words or those of the registry. *platform*, *whole*:
    see ``requests.pull``: what is here now. *others*: further tags of the old image here. *containers*: those made from
    it. *not_newer*: the image of *target* is not newer than the one here. *left_out*: its platforms here that the
    update does not bring. *problem*: why size and date are not known.
    """

    place: LocalPlace
    image: LocalImage
    reference: Reference
    kind: Kind
    target: Reference
    before: str
    after: str
    fetch: Fetch = NOT_KNOWN
    created: datetime | None = None
    platform: Platform | None = None
    whole: bool = False
    others: tuple[Reference, ...] = ()
    containers: tuple[Container, ...] = ()
    left_out: tuple[Platform, ...] = ()
    held: Held | None = None
    not_newer: bool = False
    major: bool = False
    problem: LongshoreError | None = None

    @property
    def seen(self) -> str:
        """What a snooze until the next change refers to."""
        return self.after if self.kind is Kind.MOVED else self.target.tag or ""

    @property
    def request(self) -> TransferRequest:
        """The transfer that carries it out."""
        return requests.pull(self.target, self.place, self.platform, whole=self.whole)

    @property
    def counted(self) -> bool:
        """Whether Docker Hub counts it as a pull."""
        return self.target.domain == DOCKER_HUB


@dataclass(frozen=True, slots=True)
class Failure:
    """An image that could not be compared, or whose newer versions are not known."""

    reference: Reference
    error: LongshoreError
    place: LocalPlace | None = None


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """The updates, the held ones too, sorted by image.

    *failures*: images that could not be compared; of those that were asked for, also what can't be compared. *missing*:
    references that were asked for and are not here. *looked*: the number of images that were compared, *in_step* of
    those that are as their tag in the registry, *only_here* those that no registry has.
    """

    updates: tuple[Update, ...] = ()
    failures: tuple[Failure, ...] = ()
    missing: tuple[Reference, ...] = ()
    looked: int = 0
    in_step: int = 0
    only_here: tuple[Reference, ...] = ()

    @property
    def offered(self) -> tuple[Update, ...]:
        """The updates that are not held."""
        return tuple(one for one in self.updates if one.held is None)
