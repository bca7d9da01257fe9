"""Writes rules as the configuration of regsync (regclient, ``cmd/regsync/config.go``, version 1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from longshore.application.mirrors.patterns import SPECIAL
from longshore.application.mirrors.regular_expressions import to_expression
from longshore.application.mirrors.repositories import Namespace, RepositoryPattern
from longshore.application.mirrors.rules import BESIDE, Extras, MirrorRule
from longshore.oci.reference import DOCKER_HUB
from longshore.registry.config import RegistryConfig
from longshore.text import plain


class Exported(NamedTuple):
    """The YAML, a sentence for everything that does not carry over, and the number of rules that are left out."""

    text: str
    notes: list[str]
    left_out: int


def to_regsync(
    rules: Iterable[MirrorRule],
    config_of: Callable[[str], RegistryConfig],
    schedules: Mapping[str, str],
) -> Exported:
    """The YAML for *rules*. Any thread.

    *config_of*: how a registry is reached. *schedules*: by the name of the rule, in cron's five fields. Passwords are
    never written: regsync reads Docker's own.
    """
    lines = ["version: 1"]
    notes: list[str] = []
    entries: list[str] = []
    hosts: dict[str, None] = {}
    left_out = 0
    for rule in rules:
        entry = _entry(rule, schedules.get(rule.name, ""), notes)
        if entry is None:
            left_out += 1
            continue
        hosts |= {rule.source.domain: None, rule.destination.domain: None}
        entries.append(f"  # {plain(rule.name, 200)}")
        entries += [f"  {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(_lines(entry))]
    registries = [found for host in hosts if (found := _registry(config_of(host), notes))]
    if registries:
        lines.append("creds:")
        for found in registries:
            lines += [f"  {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(_lines(found))]
    lines += ["sync:", *entries] if entries else ["sync: []"]
    return Exported("\n".join(lines) + "\n", notes, left_out)


def _entry(rule: MirrorRule, schedule: str, notes: list[str]) -> dict[str, Any] | None:
    def note(words: str) -> None:
        notes.append(f"{plain(rule.name, 200)}: {words}")

    source, target = rule.source.name, rule.destination.name
    entry: dict[str, Any] = {"source": source, "target": target, "type": "repository"}
    if isinstance(rule.source, RepositoryPattern) and isinstance(rule.destination, Namespace):
        root = _root(rule.source, rule.destination)
        if rule.source.domain == DOCKER_HUB:
            note("regsync cannot list the repositories of Docker Hub. The rule is left out.")
            return None
        if root is None:
            note(
                "regsync keeps the whole path of a repository, so that the destination would have to end with "
                f"{rule.source.namespace}. The rule is left out."
            )
            return None
        entry = {"source": rule.source.domain, "target": root, "type": "registry"}
        if rule.source.path != "**":
            entry["repos"] = {"allow": [to_expression(rule.source.path, path=True)]}
    sets = _tag_sets(rule)
    entry |= {"tags": sets[0]} if len(sets) == 1 and sets[0] else {"tagSets": sets} if len(sets) > 1 else {}
    if rule.platforms:
        entry["platforms"] = [str(platform) for platform in rule.platforms]
        note("platforms: regsync keeps the index whole and leaves out the images of other platforms.")
    if rule.referrers:
        entry |= {"referrers": True, "digestTags": True}
    if rule.newest:
        note(f"newest: {rule.newest} has no equivalent. regsync copies all tags that match.")
    if rule.minimum_age_days:
        note(
            f"minimum_age_days: {rule.minimum_age_days} has no equivalent. regsync copies new images at once."
        )
    if rule.extras is Extras.DELETE:
        note("extras: delete has no equivalent. regsync deletes nothing.")
    if schedule:
        entry["schedule"] = schedule
    else:
        note(
            "It has no schedule of its own: regsync once runs it, regsync server needs an interval or a schedule."
        )
    return entry


def _root(source: RepositoryPattern, destination: Namespace) -> str | None:
    """The target that puts each repository where the rule does, by its whole path; None if there is none."""
    if not source.namespace:
        return destination.name
    path = f"/{destination.path}"
    if not path.endswith(f"/{source.namespace}"):
        return None
    return f"{destination.domain}{path.removesuffix(f'/{source.namespace}')}"


def _tag_sets(rule: MirrorRule) -> list[dict[str, list[str]]]:
    """What the patterns mean: a tag ``sha256-…`` is included only by a pattern that begins so."""
    denied = [to_expression(pattern[1:]) for pattern in rule.tags if pattern.startswith("!")]
    takes = [pattern for pattern in rule.tags if pattern and not pattern.startswith("!")]
    usual = [pattern for pattern in takes if not pattern.startswith(BESIDE)]
    beside = [pattern for pattern in takes if pattern.startswith(BESIDE)]
    sets: list[dict[str, list[str]]] = []
    if usual:
        wide = [f"{BESIDE}.*"] if any(pattern[0] in SPECIAL for pattern in usual) else []
        allowed = [] if "*" in usual else [to_expression(pattern) for pattern in usual]
        sets.append(_without_empty({"allow": allowed, "deny": wide + denied}))
    if beside:
        allowed = [to_expression(pattern) for pattern in beside]
        sets.append(_without_empty({"allow": allowed, "deny": denied}))
    return sets


def _without_empty(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {key: value for key, value in found.items() if value}


def _registry(config: RegistryConfig, notes: list[str]) -> dict[str, Any] | None:
    """How regsync reaches a registry, if it must be told."""
    if config.ca_file or config.client_cert or config.prefix:
        notes.append(f"{config.host}: its certificates and path are not exported. Add them to creds.")
    if config.insecure:
        notes.append(
            f"{config.host}: exported with an untrusted certificate. For plain HTTP write tls: disabled."
        )
        return {"registry": config.host, "tls": "insecure"}
    return {"registry": config.host, "tls": "disabled"} if config.is_loopback else None


def _lines(value: dict[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, one in value.items():
        if isinstance(one, dict):
            lines += [f"{indent}{key}:", *_lines(one, indent + "  ")]
        elif isinstance(one, list):
            lines.append(f"{indent}{key}:")
            for item in one:
                if isinstance(item, dict):
                    inner = _lines(item, indent + "    ")
                    lines += [f"{indent}  - {inner[0].strip()}", *inner[1:]]
                else:
                    lines.append(f"{indent}  - {json.dumps(item)}")
        else:
            # A JSON text is a YAML text, and needs no rules about what must be quoted.
            lines.append(f"{indent}{key}: {json.dumps(one)}")
    return lines
