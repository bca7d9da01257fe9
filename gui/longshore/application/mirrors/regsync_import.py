"""Reads the configuration of regsync (regclient, ``cmd/regsync/config.go``, version 1) as rules.

A rule never copies more than its entry did: an entry with a filter that has no equivalent is left out. Everything that
does not carry over is named with its line.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from longshore.application.mirrors.patterns import literal
from longshore.application.mirrors.regular_expressions import Untranslatable, to_patterns
from longshore.application.mirrors.repositories import RepositoryPattern, check_repository, parse_namespace
from longshore.application.mirrors.rules import MirrorRule
from longshore.application.mirrors.rules_file import MOST_RULES, text, texts, truth
from longshore.application.mirrors.yaml_file import Fields, Items, Node
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.platform import Platform
from longshore.oci.reference import DEFAULT_TAG, Reference
from longshore.text import plain

#: Keys that have no equivalent, and what that means.
_WITHOUT = {
    "backup": "tags that are overwritten get no backup",
    "ratelimit": "Longshore waits by itself when a registry limits its requests",
    "parallel": "how many transfers run at once is a setting of Longshore",
    "referrerFilters": "all referrers are copied",
    "referrerSource": "referrers are read beside their images",
    "referrerTarget": "referrers are written beside their images",
    "referrerSlow": "it has no meaning here",
    "fastCheck": "unchanged tags never need more than a request at each side",
    "forceRecursive": "unchanged images are not copied again",
    "includeExternal": "layers that only their vendor may distribute are not copied",
    "mediaTypes": "all types of images are copied",
    "hooks": "no commands are run",
    "blobLimit": "it has no meaning here",
    "cacheCount": "it has no meaning here",
    "cacheTime": "it has no meaning here",
    "skipDockerConfig": "Docker's own credentials are used",
    "userAgent": "it has no meaning here",
}
_KNOWN = {"source", "target", "type", "tags", "tagSets", "repos", "platform", "platforms"}
_DEFAULTS = {"referrers", "digestTags", "interval", "schedule"}


@dataclass(frozen=True, slots=True)
class Note:
    """Something that does not carry over. *text*: safe to show."""

    line: int
    text: str


@dataclass(slots=True)
class Imported:
    """The rules of a file, and what does not carry over."""

    rules: list[MirrorRule] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    #: Entries that did not become rules.
    left_out: int = 0

    def note(self, line: int, words: str) -> None:
        """Add a note."""
        self.notes.append(Note(line, plain(words, 400)))


class _LeftOut(Exception):
    """An entry cannot become a rule. Its text says why; *line* is where."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


def from_regsync(document: Fields) -> Imported:
    """The rules of a regsync configuration. Raises InvalidInput if it is none. Any thread."""
    out = Imported()
    top = {key: (line, value) for key, line, value in document.pairs()}
    entries = top.get("sync", (0, None))[1]
    if not isinstance(entries, Items):
        raise InvalidInput(
            "The file has no list with the key sync.", advice="Check that it is a configuration of regsync."
        )
    if len(entries.items) > MOST_RULES:
        raise InvalidInput("The file has more than {count} entries.", arguments={"count": MOST_RULES})
    defaults: dict[str, tuple[int, Node]] = {}
    for key, (line, value) in top.items():
        if key == "version":
            if _text(value) not in ("0", "1"):
                raise InvalidInput("This version of regsync's configuration is not known.")
        elif key == "creds":
            _creds(value, out)
        elif key == "defaults" and isinstance(value, Fields):
            for name, at, one in value.pairs():
                _name_unknown("defaults.", name, _DEFAULTS, at, out)
                if name in _DEFAULTS:
                    defaults[name] = (at, one)
        elif key not in ("sync", "defaults") and not key.startswith("x-"):
            out.note(line, f"{key}: this key is not known.")
    for entry in entries.items:
        try:
            if not isinstance(entry, Fields):
                raise _LeftOut(entry.line, "an entry must have keys")
            _add(entry, defaults, out)
        except _LeftOut as left:
            out.left_out += 1
            out.note(left.line, f"{left}. The entry at line {entry.line} is left out.")
        except LongshoreError as error:
            out.left_out += 1
            out.note(entry.line, f"{error.message} {error.advice} The entry is left out.")
    return out


def _add(entry: Fields, defaults: dict[str, tuple[int, Node]], out: Imported) -> None:
    own: dict[str, tuple[int, Node]] = {}
    for key, line, value in entry.pairs():
        own[key] = (line, value)
    for key, (line, _) in own.items():
        _name_unknown("", key, _KNOWN | _DEFAULTS, line, out)
    values = defaults | own
    for key in ("source", "target", "type"):
        if key not in own or not _text(own[key][1]):
            raise _LeftOut(entry.line, f"it has no {key}")
    source = _resolved("source", own, "")
    target = _resolved("target", own, source)
    kind = _text(own["type"][1])
    rule = _ends(kind, own["type"][0], source, target, values)
    options = {key: values[key] for key in ("referrers", "digestTags") if key in values}
    rule = replace(
        rule,
        platforms=_platforms(values, out),
        referrers=any(_truth(key, line, value) for key, (line, value) in options.items()),
    )
    found = [rule] if kind == "image" else [replace(rule, tags=tags) for tags in _tag_sets(values, out)]
    for one in found:
        named = replace(one, name=_free_name(one, out))
        out.rules.append(named)
        for key in ("interval", "schedule"):
            if key in values and (key in own or not ({"interval", "schedule"} & own.keys())):
                line, value = values[key]
                out.note(
                    line,
                    f"{key}: {_text(value)} is not carried over. "
                    f'Use longshore mirror schedule "{named.name}" daily.',
                )


def _ends(kind: str, line: int, source: str, target: str, values: dict[str, tuple[int, Node]]) -> MirrorRule:
    if source.startswith("ocidir:") or target.startswith("ocidir:"):
        raise _LeftOut(line, "rules copy between registries, not folders")
    if kind == "registry":
        pattern = "**"
        repos = values.get("repos")
        if repos is not None:
            pattern = _repositories(*repos)
        made = RepositoryPattern(source.rstrip("/"), pattern)
        # regsync keeps the whole path of each repository, a rule what is below the fixed part of its pattern.
        return MirrorRule(made.name, made, parse_namespace(f"{target.rstrip('/')}/{made.namespace}"))
    one, other = Reference.parse(source), Reference.parse(target)
    if kind == "repository":
        for end in (source, target):
            check_repository(end)
        return MirrorRule(one.familiar_name, one, other)
    if kind != "image":
        raise _LeftOut(line, "its type is none of registry, repository and image")
    if one.digest or other.digest:
        raise _LeftOut(line, "rules copy tags, not digests")
    tag = one.tag or DEFAULT_TAG
    if tag != (other.tag or DEFAULT_TAG):
        raise _LeftOut(line, "rules keep the names of tags")
    return MirrorRule(
        one.with_tag(tag).familiar, one.with_tag(None), other.with_tag(None), tags=(literal(tag),)
    )


def _repositories(line: int, repos: Node) -> str:
    if not isinstance(repos, Fields):
        raise _LeftOut(line, "repos must have keys")
    patterns: list[str] = []
    for key, at, value in repos.pairs():
        if key != "allow":
            raise _LeftOut(at, f"repos.{key} has no equivalent")
        for expression in _texts(f"repos.{key}", at, value):
            try:
                patterns += to_patterns(expression, path=True)
            except Untranslatable as why:
                raise _LeftOut(at, f"repos.allow {expression}: {why}") from None
    if len(patterns) > 1:
        raise _LeftOut(line, "repos.allow needs several patterns, and a rule has one")
    return patterns[0] if patterns else "**"


def _tag_sets(values: dict[str, tuple[int, Node]], out: Imported) -> list[tuple[str, ...]]:
    """The tag patterns of the rules that an entry becomes: one rule for each of its sets."""
    sets: list[Node] = []
    if "tagSets" in values:
        line, found = values["tagSets"]
        if not isinstance(found, Items):
            raise _LeftOut(line, "tagSets must be a list")
        sets += found.items
    if "tags" in values:
        sets.append(values["tags"][1])
    return [_tags(one, out) for one in sets] or [("*",)]


def _tags(one: Node, out: Imported) -> tuple[str, ...]:
    if not isinstance(one, Fields):
        raise _LeftOut(one.line, "tags must have keys")
    allowed: list[str] = []
    denied: list[str] = []
    some = False
    for key, line, value in one.pairs():
        if key not in ("allow", "deny"):
            raise _LeftOut(line, f"tags.{key} has no equivalent")
        for expression in _texts(f"tags.{key}", line, value):
            some = some or key == "allow"
            try:
                found = to_patterns(expression)
                if any(pattern.startswith("!") or not pattern for pattern in found):
                    raise Untranslatable("no tag is like that")
            except Untranslatable as why:
                if key == "deny":
                    raise _LeftOut(line, f"tags.deny {expression}: {why}") from None
                out.note(line, f"tags.allow {expression}: {why}. These tags are not copied.")
                continue
            if key == "allow":
                allowed += found
            else:
                denied += [f"!{pattern}" for pattern in found]
    if some and not allowed:
        raise _LeftOut(one.line, "no expression of tags.allow has an equivalent")
    return (*(allowed or ["*"]), *denied)


def _platforms(values: dict[str, tuple[int, Node]], out: Imported) -> tuple[Platform, ...]:
    found: list[Platform] = []
    for key in ("platform", "platforms"):
        if key in values:
            line, value = values[key]
            names = _texts(key, line, value)
            found += [Platform.parse(name) for name in names]
            if names:
                out.note(
                    line,
                    f"{key}: Longshore makes an index of these platforms only, which has another digest.",
                )
    return tuple(dict.fromkeys(found))


def _creds(value: Node, out: Imported) -> None:
    for one in value.items if isinstance(value, Items) else ():
        if not isinstance(one, Fields):
            continue
        keys = {key: (line, found) for key, line, found in one.pairs()}
        host = _text(keys["registry"][1]) if "registry" in keys else ""
        for key, (line, _) in keys.items():
            if key in ("user", "pass", "token", "credHelper", "credExpire", "credHost", "repoAuth"):
                out.note(line, f"creds.{key}: not carried over. Use longshore login {host}.")
            elif key != "registry":
                out.note(line, f"creds.{key}: not carried over. It is a setting of the registry {host}.")


def _name_unknown(where: str, key: str, known: set[str], line: int, out: Imported) -> None:
    if key in _WITHOUT:
        out.note(line, f"{where}{key}: not carried over; {_WITHOUT[key]}.")
    elif key not in known:
        out.note(line, f"{where}{key}: this key is not known.")


def _resolved(key: str, own: dict[str, tuple[int, Node]], source: str) -> str:
    """The text of *key* with the one template that needs nothing from outside. Others are never guessed."""
    line, value = own[key]
    found = _text(value)
    out: list[str] = []
    while "{{" in found:
        before, _, rest = found.partition("{{")
        action, closed, found = rest.partition("}}")
        if not closed or action.strip() != ".Sync.Source" or not source:
            raise _LeftOut(line, f"{key}: the template {{{{{action}}}}} can't be resolved")
        out += [before, source]
    return "".join([*out, found]).strip()


def _free_name(rule: MirrorRule, out: Imported) -> str:
    taken = {one.name for one in out.rules}
    name, number = rule.name, 2
    while name in taken:
        name, number = f"{rule.name} {number}", number + 1
    return name


def _text(node: Node) -> str:
    try:
        return text(node)
    except ValueError:
        return ""


def _texts(key: str, line: int, node: Node) -> list[str]:
    try:
        return texts(node)
    except ValueError:
        raise _LeftOut(line, f"{key} must be a list of texts") from None


def _truth(key: str, line: int, node: Node) -> bool:
    try:
        return truth(node)
    except ValueError:
        raise _LeftOut(line, f"{key} must be true or false") from None
