"""What Overview says about an image: the facts that are known from its row, and those that were read."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from longshore.application.attached.kinds import Kind, kind_of_type
from longshore.application.inspection.access import Access
from longshore.application.inspection.secrets import masked, masked_line
from longshore.application.inspection.sharing import base_image
from longshore.language import tr
from longshore.models.columns import Tone
from longshore.models.facts import MOST, Fact, Section
from longshore.models.state_cells import state_text, state_tone
from longshore.words import errors, text, times
from longshore.words.artifacts import artifact_name

if TYPE_CHECKING:
    from datetime import datetime

    from longshore.application.inspection.access import PullAccess
    from longshore.application.inspection.values import Inspected
    from longshore.application.signatures.verifying import Verdict
    from longshore.application.states import State
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError

#: The key of the offer to find out who can pull.
WHO = "who"
#: The keys of the offers to verify the signature, and to look at the keys for it.
SIGNATURE, KEYS = "signature", "keys"
#: Longest values that are shown, and that a tooltip shows.
_LONG, _WHOLE = 2000, 4000
#: The labels that have names of their own (OCI image-spec, annotations.md), in their order.
_PREFIX = "org.opencontainers.image."


def known_labels() -> dict[str, str]:
    """The names for people of the labels that OCI defines."""
    names = {
        "title": tr("Title"),
        "description": tr("Description"),
        "version": tr("Version"),
        "revision": tr("Revision"),
        "created": tr("Built"),
        "authors": tr("Authors"),
        "vendor": tr("Vendor"),
        "licenses": tr("Licences"),
        "url": tr("Website"),
        "documentation": tr("Documentation"),
        "source": tr("Source"),
        "ref.name": tr("Name"),
        "base.name": tr("Base image"),
        "base.digest": tr("Base digest"),
    }
    return {_PREFIX + name: words for name, words in names.items()}


def about(
    subject: Subject,
    found: Inspected | None,
    *,
    own_size: str = "",
    access: PullAccess | None = None,
    signature: Verdict | LongshoreError | None = None,
) -> Section:
    """The facts without a title. *own_size*: what the image shares with others, in words. *signature*: what was found
    out about it, None if it was not."""
    facts = list(_about(subject, found, own_size, access))
    facts.insert(_behind_digests(facts), signature_fact(subject, signature))
    return Section("about", "", tuple(facts))


def _behind_digests(facts: list[Fact]) -> int:
    """The place behind the last digest."""
    return max((number + 1 for number, fact in enumerate(facts) if fact.copies), default=len(facts))


def _about(
    subject: Subject, found: Inspected | None, own_size: str, access: PullAccess | None
) -> Iterable[Fact]:
    if subject.state is not None:
        yield Fact("", state_text(subject.state), more=text.safe(subject.reason), pill=_tone(subject.state))
    reference = subject.end.reference
    if reference is None:
        yield Fact(tr("Reference"), tr("none: no tag points to it"), dim=True)
    else:
        yield Fact(tr("Reference"), text.safe(reference.familiar, 600))
    yield from _digests(subject, found)
    if subject.names:
        names = "\n".join(text.safe(name.familiar) for name in subject.names[:20])
        own = reference and reference.name
        tags = [name.tag if name.tag and name.name == own else name.familiar for name in subject.names[:20]]
        yield Fact(tr("Also tagged"), ", ".join(map(text.safe, tags)), more=names, copied=names)
    if found is not None and not found.is_image:
        kind = found.artifact_type or found.media_type
        yield Fact(tr("Kind"), artifact_name(kind) or tr("unknown"), more=text.safe(kind))
        yield from _chart(found, kind)
    yield from _platform(subject, found)
    created = _created(subject, found)
    if created is not None:
        yield Fact(tr("Created"), times.age(created), more=times.moment_text(created))
    yield from _sizes(subject, found, own_size)
    if found is not None and (base := base_image(found)) is not None and base.name:
        yield Fact(
            tr("Base image"), text.safe(base.name), more=text.safe(f"{base.name} {base.digest}".strip())
        )
    if subject.is_remote:
        yield _who(access)
    if subject.image is not None and subject.is_in_engine:
        used = text.containers(subject.image.in_use)
        yield Fact(tr("Used by"), used or tr("no container"), dim=not used)
    if found is not None and found.author:
        yield Fact(tr("Author"), text.safe(found.author))


def _chart(found: Inspected, kind: str) -> Iterable[Fact]:
    """What a Helm chart says of itself in its configuration (helm.sh/docs/topics/charts, Chart.yaml)."""
    if kind_of_type(kind) is not Kind.HELM_CHART:
        return
    said = dict(found.settings)
    names = {
        "name": tr("Chart"),
        "version": tr("Version"),
        "appVersion": tr("App version"),
        "description": tr("Description"),
    }
    for key, name in names.items():
        if value := text.safe(said.get(key, ""), _LONG).strip():
            yield Fact(name, value, more=text.safe(said[key], _WHOLE))


def _tone(state: State) -> Tone:
    """Here every state is a pill: there is only one."""
    tone = state_tone(state)
    return Tone.QUIET if tone is Tone.NONE else tone


def _digests(subject: Subject, found: Inspected | None) -> Iterable[Fact]:
    digest = (found.digest if found is not None else "") or subject.digest
    image_id = found.image_id if found is not None else ""
    if not image_id and subject.image is not None and subject.is_in_engine:
        image_id = subject.image.image_id
    if not image_id and found is not None and found.is_image and not subject.is_in_engine:
        image_id = found.config_digest  # as classic engines have it
    if digest:
        yield _digest(tr("Digest"), digest)
    if image_id and image_id != digest:
        yield _digest(tr("Image ID"), image_id)
    if found is not None and found.platforms and found.manifest_digest not in ("", digest):
        yield _digest(tr("Manifest"), found.manifest_digest)


def _digest(name: str, digest: str) -> Fact:
    whole = text.safe(digest)
    return Fact(name, text.short_digest(digest), more=whole, copied=whole, fixed=True, copies=True)


def _platform(subject: Subject, found: Inspected | None) -> Iterable[Fact]:
    platforms = subject.tag.platforms if subject.tag is not None else ()
    if found is not None and len(found.platforms) > 1:
        known = [text.safe(str(one.platform or tr("unknown"))) for one in found.platforms]
        yield Fact(tr("Platforms"), ", ".join(known), more="\n".join(known))
        if found.platform is not None:
            yield Fact(tr("Shown here"), text.safe(str(found.platform)))
    elif found is not None and found.platform is not None:
        yield Fact(tr("Platform"), text.safe(str(found.platform)))
    elif platforms:
        name = tr("Platform") if len(platforms) == 1 else tr("Platforms")
        yield Fact(name, ", ".join(text.safe(str(one)) for one in platforms))


def _created(subject: Subject, found: Inspected | None) -> datetime | None:
    for one in (found, subject.tag, subject.image):
        if one is not None and one.created is not None:
            return one.created
    return None


def _sizes(subject: Subject, found: Inspected | None, own_size: str) -> Iterable[Fact]:
    on_disk = found.size_on_disk if found is not None else None
    compressed = found.size_compressed if found is not None else None
    if found is None and subject.image is not None:
        if subject.is_in_engine:
            on_disk = subject.image.size
        else:
            compressed = subject.image.size
    if compressed is None and subject.tag is not None:
        compressed = subject.tag.size
    parts = []
    if on_disk is not None:
        parts.append(tr("{0} on disk").format(text.size(on_disk)))
    if compressed is not None:
        parts.append(tr("{0} compressed").format(text.size(compressed)))
    if parts:
        exact = [f"{number:,} B" for number in (on_disk, compressed) if number is not None]
        yield Fact(tr("Size"), ", ".join(parts), more=", ".join(exact))
    if own_size:
        yield Fact("", own_size, dim=True)


def _who(access: PullAccess | None) -> Fact:
    name = tr("Who can pull")
    if access is None:
        return Fact(name, tr("not checked"), key=WHO, dim=True, offer=tr("Check"))
    if access.access is Access.ANYONE:
        return Fact(name, tr("anyone"))
    if access.access is Access.SIGNED_IN:
        return Fact(name, tr("signed-in users only"))
    why = "" if access.reason is None else errors.told(access.reason)
    return Fact(name, tr("unknown"), key=WHO, more=why, dim=True, offer=tr("Check again"))


def signature_fact(subject: Subject, found: Verdict | LongshoreError | None) -> Fact:
    """The line about the signatures of *subject*."""
    from longshore.errors import LongshoreError
    from longshore.words import signatures

    name = tr("Signature")
    if found is None:
        return Fact(name, tr("not checked"), key=SIGNATURE, dim=True, offer=tr("Check"))
    if isinstance(found, LongshoreError):
        again = tr("Check again")
        return Fact(name, tr("not known"), key=SIGNATURE, more=errors.told(found), dim=True, offer=again)
    reference = subject.end.reference
    why = signatures.explanation(found, "" if reference is None else reference.name)
    state = signatures.state_text(found)
    value = signatures.signer_text(found) if found.signed else state
    if found.reason is not None:
        value = f"{state}: {text.continued(why)}"
    # Keys help where a signature is by somebody who is not known here.
    helps = found.reason in signatures.HELPED_BY_KEYS and subject.is_remote
    offer = tr("Keys…") if helps else ""
    return Fact(name, value, key=KEYS if helps else "", more=why, dim=value == state, offer=offer)


def starts_with(found: Inspected) -> Section:
    """What a container of the image runs."""
    run = found.run
    rows = [
        (tr("Entrypoint"), _command(run.entrypoint)),
        (tr("Command"), _command(run.command)),
        (tr("User"), run.user),
        (tr("Directory"), run.working_directory),
        (tr("Ports"), ", ".join(run.ports)),
        (tr("Volumes"), ", ".join(run.volumes)),
        (tr("Health check"), _health(found)),
        (tr("Stop signal"), run.stop_signal),
    ]
    facts = [_fixed(name, value) for name, value in rows if value]
    return Section("starts", tr("Starts with"), tuple(facts))


def _command(words: tuple[str, ...]) -> str:
    return masked_line(shlex.join(words))


def _health(found: Inspected) -> str:
    check = found.run.health_check
    if check is None:
        return ""
    return masked_line(" ".join(check.command)) or tr("turned off")


def _fixed(name: str, value: str) -> Fact:
    return Fact(name, text.safe(value, _LONG), more=text.safe(value, _WHOLE), fixed=True)


def labels(found: Inspected) -> list[Section]:
    """Labels and annotations: those that OCI defines first, by their names."""
    return [
        section
        for section in (
            _labelled("labels", tr("Labels"), found.labels),
            _labelled("annotations", tr("Annotations"), found.annotations),
        )
        if section.facts
    ]


def _labelled(key: str, title: str, pairs: tuple[tuple[str, str], ...]) -> Section:
    known = known_labels()
    order = {name: number for number, name in enumerate(known)}
    ordered = sorted(pairs[: 2 * MOST], key=lambda pair: (order.get(pair[0], len(order)), pair[0]))
    facts = [
        Fact(
            known.get(name) or text.safe(name, 200),
            text.safe(masked(name, value), _LONG) or tr("empty"),
            more=text.safe(f"{name}={masked(name, value)}", _WHOLE),
            copied=text.safe(masked(name, value), _WHOLE),
            dim=not value,
        )
        for name, value in ordered[:MOST]
    ]
    return Section(key, title, tuple(facts), extent=str(len(pairs)), folded=True)
