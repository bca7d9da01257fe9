"""What a build is asked for, as the request of a transfer and back."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from longshore.errors import LongshoreError
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.secrecy import holds_sign_in, is_hidden, keep_out, names_secret
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    FolderPlace,
    Operation,
    TransferRequest,
)

#: The value of the option ``builder`` for the program ``docker buildx``; without it the engine's own builder runs.
BUILDX = "buildx"
#: Beginnings of the names of options, before the name of a build argument or label.
_ARGUMENT, _ENVIRONMENT, _SECRET = "argument ", "environment ", "secret "
_LABEL, _HIDDEN_LABEL = "label ", "hidden label "
#: Requests whose secret values are kept in memory.
_MOST_KEPT = 200


@dataclass(frozen=True, slots=True)
class Build:
    """A build: the folder and its options. Immutable.

    *dockerfile*: relative to the folder, or absolute; None: the folder's own. *tags*: the names that the image gets.
    *arguments*: build arguments with their values, None: from the environment when it runs. Values of arguments and
    labels that are secrets are not part of the request, and so of the journal: they are kept in memory for it
    (:func:`keep_secrets`).
    """

    folder: Path
    place: EnginePlace
    tags: tuple[Reference, ...] = ()
    dockerfile: Path | None = None
    target: str = ""
    arguments: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None
    no_cache: bool = False
    pull: bool = False
    builder: str = ""

    def request(self) -> TransferRequest:
        """The transfer of this build. Keeps the values of secret arguments and labels in memory for it."""
        first, *further = self.tags or (None,)
        options = {
            "tags": " ".join(str(tag) for tag in further),
            "file": "" if self.dockerfile is None else str(self.dockerfile),
            "target": self.target,
            "no-cache": "1" if self.no_cache else "",
            "pull": "1" if self.pull else "",
            "builder": self.builder,
        }
        found = {name: value for name, value in options.items() if value}
        secrets = self.secrets()
        for name, value in self.arguments.items():
            if name in secrets:
                found[_SECRET + name] = ""
            elif value is None:
                found[_ENVIRONMENT + name] = ""
            else:
                found[_ARGUMENT + name] = value
        hidden = self.hidden_labels()
        for name, value in self.labels.items():
            found |= {_HIDDEN_LABEL + name: ""} if name in hidden else {_LABEL + name: value}
        request = TransferRequest(
            Operation.BUILD,
            Endpoint(FolderPlace(self.folder), None),
            Endpoint(self.place, first),
            self.platform,
            tuple(sorted(found.items())),
        )
        if secrets or hidden:
            kept = {_SECRET + name: value for name, value in secrets.items()}
            keep_secrets(request, kept | {_HIDDEN_LABEL + name: value for name, value in hidden.items()})
        return request

    def secrets(self) -> dict[str, str]:
        """The arguments whose values are not written anywhere."""
        return _secret(self.arguments)

    def hidden_labels(self) -> dict[str, str]:
        """The labels whose values are not written anywhere, although the image will show them."""
        return _secret(self.labels)

    @classmethod
    def of(cls, request: TransferRequest) -> Build:
        """The build that *request* asks for, without the secret values that are not in memory any more.

        Raises ValueError or a LongshoreError for any other request.
        """
        folder, place = request.source.place, request.destination.place
        if not isinstance(folder, FolderPlace) or not isinstance(place, EnginePlace):
            raise ValueError("a build goes from a folder to an engine")
        options = dict(request.options)
        first = request.destination.reference
        tags = [*([] if first is None else [first])]
        tags += [Reference.parse(text) for text in options.get("tags", "").split()]
        kept = kept_secrets(request)
        arguments: dict[str, str | None] = {}
        labels: dict[str, str] = {}
        for name, value in options.items():
            if name.startswith(_ARGUMENT):
                arguments[name.removeprefix(_ARGUMENT)] = value
            elif name.startswith(_ENVIRONMENT):
                arguments[name.removeprefix(_ENVIRONMENT)] = None
            elif name.startswith(_SECRET):
                arguments[name.removeprefix(_SECRET)] = kept.get(name)
            elif name.startswith(_LABEL):
                labels[name.removeprefix(_LABEL)] = value
            elif name.startswith(_HIDDEN_LABEL) and name in kept:
                labels[name.removeprefix(_HIDDEN_LABEL)] = kept[name]
        return cls(
            folder.path,
            place,
            tuple(tags),
            Path(options["file"]) if options.get("file") else None,
            options.get("target", ""),
            arguments,
            labels,
            request.platform,
            no_cache="no-cache" in options,
            pull="pull" in options,
            builder=options.get("builder", ""),
        )


def names_of(request: TransferRequest) -> list[Reference]:
    """The names that the image of a build gets; those that can't be read are left out."""
    found = [] if request.destination.reference is None else [request.destination.reference]
    for text in dict(request.options).get("tags", "").split():
        with contextlib.suppress(LongshoreError):
            found.append(Reference.parse(text))
    return found


def lost_secrets(request: TransferRequest) -> list[str]:
    """The names of arguments and labels of *request* whose values were in the memory of a program that has ended."""
    kept = kept_secrets(request)
    hidden = [name for name, _ in request.options if name.startswith((_SECRET, _HIDDEN_LABEL))]
    return [name.removeprefix(_SECRET).removeprefix(_HIDDEN_LABEL) for name in hidden if name not in kept]


def _secret(values: Mapping[str, str | None]) -> dict[str, str]:
    return {
        name: value
        for name, value in values.items()
        if value is not None and (names_secret(name) or holds_sign_in(value))
    }


_lock = threading.Lock()
_kept: OrderedDict[TransferRequest, dict[str, str]] = OrderedDict()


def keep_secrets(request: TransferRequest, secrets: Mapping[str, str]) -> None:
    """Keep *secrets*, by the names of their options, in memory for *request*, and out of all text from outside. Any
    thread."""
    for value in secrets.values():
        if is_hidden(value):
            keep_out(value)
    with _lock:
        _kept[request] = dict(secrets)
        _kept.move_to_end(request)
        if len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)


def kept_secrets(request: TransferRequest) -> dict[str, str]:
    """The values that this program keeps for *request*. Any thread."""
    with _lock:
        return dict(_kept.get(request, {}))
