"""What looks like a secret among the values of an image: the one definition for window and command line. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from longshore.secrecy import names_secret

#: Takes the place of a value that looks like a secret.
HIDDEN = "••••"
#: Names of variables whose values look like secrets, besides those that ``secrecy.names_secret`` knows.
_SECRET = re.compile(
    r"(?i)passw|passphrase|secret|token|credential|api_?key|access_?key|private_?key|auth(?!or)"
    r"|(?<![a-z])conn(?:ection)?_?(?:str(?:ings?)?)?(?![a-z])"
)
#: Characters of a value that are looked at; the rest, which no honest image has, is hidden: each takes time.
_LONGEST = 100_000
#: Characters of a name that are looked at.
_LONGEST_NAME = 300
#: ``user:password@`` in an address.
_USER = re.compile(r"(?<=://)[^/@\s:]{0,200}:[^/@\s]{1,500}(?=@)")
#: Tokens that begin as those of known services do, and private keys. Every repetition is possessive or bounded.
_TOKEN = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*+"
    r"|(?<![A-Za-z0-9_-])(?:gh[a-z]_[A-Za-z0-9_]{10,}+|github_pat_[A-Za-z0-9_]{10,}+|glpat-[\w.-]{10,}+"
    r"|xox[a-z]-[\w-]{10,}+|(?:AKIA|ASIA)[A-Z0-9]{12,}+|dckr_pat_[\w-]{10,}+|npm_[A-Za-z0-9]{20,}+|pypi-[\w-]{20,}+"
    r"|hf_[A-Za-z0-9]{20,}+|AIza[\w-]{30,}+|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}+"
    r"|sk-(?=[A-Za-z_-]{0,100}+[0-9])[\w-]{16,}+|eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+)?)",
    re.ASCII | re.DOTALL,
)
#: ``NAME=`` anywhere in a line: build arguments, ENV of a history, options, queries, connection strings.
_NAME = re.compile(r"(?<![A-Za-z0-9_.-])-{0,9}+([A-Za-z_][A-Za-z0-9_.-]{0,99}+)\s?=\s?")
#: One word of a shell, with what is quoted in it.
_WORD = re.compile(r"""(?:\\?"(?:[^"\\]|\\[^"])*+(?:\\?"|$)|'[^']*+(?:'|$)|\\.|[^\s"'\\])++""", re.DOTALL)
#: ``"name": "value"`` in a JSON document that is the value, its quotes escaped or not.
_MEMBER = re.compile(r"""\\?["']([A-Za-z_][\w.-]{0,99}+)\\?["']\s{0,4}:\s{0,4}\\?["']([^"'\\]++)""")
#: ``X-Api-Key: …``, ``Authorization: Bearer …``.
_HEADER = re.compile(
    r"(?i)(?<![\w-])((?:proxy-)?authorization|[a-z]{1,20}(?:-[a-z]{1,20}){0,4}-(?:token|key))(:\s{0,4})"
    r"((?:basic|bearer|token)\s{1,4})?[^\s\"'\\]++"
)
#: An option and its value, as two words of a line or of a list in JSON.
_OPTION = re.compile(r"""(?<![^\s"'\\])(--?[A-Za-z][\w-]{0,99}+)(\\?["'],\s{0,4}\\?["']|\s{1,20})(?![-\s])""")
#: Options whose values are a user and a password.
_SIGN_IN = frozenset({"-u", "-U", "--user", "--proxy-user"})
_SIGN_IN_VALUE = re.compile(r"""(["']?)([^\s"':/=]{0,200}+):([^"'\s]++)""")
_SIGN_IN_ASSIGNED = re.compile(r"""(?<![^\s"'\\])(--(?:proxy-)?user=["']?[^\s"':/=]{0,200}+:)([^"'\s\\]++)""")
#: Ends of the names of options that name a place of a secret, or none.
_NO_VALUE = ("-stdin", "-file", "-path", "-dir")


def _is_secret(name: str) -> bool:
    return _names_secret(name[:_LONGEST_NAME])


@functools.lru_cache(maxsize=2048)
def _names_secret(name: str) -> bool:
    return _SECRET.search(name) is not None or names_secret(name)


def masked(name: str, value: str) -> str:
    """*value* of the variable or label *name*, without what looks like a secret in it."""
    if not value:
        return value
    if _is_secret(name) and not (value.isdecimal() and "conn" in name.lower()):
        return HIDDEN
    if len(value) > _LONGEST:
        return masked(name, value[:_LONGEST]) + HIDDEN
    if ";" in value:
        # A connection string: the values may have blanks.
        return ";".join(_masked_parts(value.split(";")))
    return masked_line(value)


def _masked_parts(parts: Sequence[str]) -> Iterator[str]:
    hidden = False
    for part in parts:
        name, equals, value = part.partition("=")
        if equals and len(name) < _LONGEST_NAME and _is_secret(name.strip()):
            hidden = True
            yield f"{name}={HIDDEN}" if value else part
        elif hidden and part and not equals:
            yield HIDDEN  # the rest of a value that has a semicolon in it
        else:
            hidden = False
            yield masked_line(part)


def masked_line(line: str) -> str:
    """*line* of a history or a command, without what looks like a secret: values of assignments and options, tokens of
    known services, passwords in addresses."""
    if len(line) < 4:
        return line
    if len(line) > _LONGEST:
        return masked_line(line[:_LONGEST]) + HIDDEN
    line = _TOKEN.sub(HIDDEN, line)
    if "=" in line:
        line = _without_assigned(line)
    if "-" in line:
        line = _without_options(line)
    if ":" in line:
        line = _MEMBER.sub(_masked_member, line)
        line = _HEADER.sub(lambda found: f"{found[1]}{found[2]}{found[3] or ''}{HIDDEN}", line)
        line = _USER.sub(HIDDEN, line)
    return line


def _masked_member(found: re.Match[str]) -> str:
    if not _is_secret(found[1]):
        return found[0]
    return found[0][: found.start(2) - found.start()] + HIDDEN


def _without_assigned(line: str) -> str:
    out = []
    at = 0
    for found in _NAME.finditer(line):
        if found.start() < at or not _is_secret(found[1]):
            continue
        quote = line[found.start() - 1] if found.start() else ""
        if quote in ('"', "'"):
            end = line.find(quote, found.end())
            end = len(line) if end < 0 else end
        else:
            word = _WORD.match(line, found.end())
            end = found.end() if word is None else word.end()
        if end > found.end():
            out += [line[at : found.end()], HIDDEN]
            at = end
    return "".join([*out, line[at:]])


def _without_options(line: str) -> str:
    line = _SIGN_IN_ASSIGNED.sub(rf"\1{HIDDEN}", line)
    out = []
    at = 0
    for found in _OPTION.finditer(line):
        if found.start() < at:
            continue
        option, end = found[1], found.end()
        if option in _SIGN_IN:
            pair = _SIGN_IN_VALUE.match(line, end)
            if pair is not None and not (pair[2].isdecimal() and pair[3].isdecimal()):
                out += [line[at : pair.start(3)], HIDDEN]
                at = pair.end(3)
        elif _takes_secret(option):
            listed = not found[2].isspace()
            word = None if listed else _WORD.match(line, end)
            if listed:
                at_quote = line.find(found[2][-1], end)
                stop = len(line) if at_quote < 0 else at_quote
            else:
                stop = end if word is None else word.end()
            if stop > end:
                out += [line[at:end], HIDDEN]
                at = stop
    return "".join([*out, line[at:]])


def _takes_secret(option: str) -> bool:
    name = option.lstrip("-")
    return option.startswith("-") and _is_secret(name) and not name.lower().endswith(_NO_VALUE)


def masked_word(word: str, before: str = "") -> str:
    """One *word* of a command; *before* is the word in front of it."""
    if word and not word.startswith("-") and len(before) < 100 and before.startswith("-"):
        if before in _SIGN_IN and (pair := _SIGN_IN_VALUE.fullmatch(word)) is not None:
            return word if pair[2].isdecimal() and pair[3].isdecimal() else f"{pair[1]}{pair[2]}:{HIDDEN}"
        if "=" not in before and _takes_secret(before):
            return HIDDEN
    return masked_line(word)


def masked_words(words: Sequence[str]) -> list[str]:
    """The *words* of a command: entrypoint, command, health check."""
    return [masked_word(word, before) for before, word in zip(["", *words], words, strict=False)]


def environment(variables: Sequence[str], *, secrets: bool = False) -> list[tuple[str, str]]:
    """Names and values of *variables* (``NAME=value``). Values that look like secrets are hidden unless *secrets*."""
    pairs = [variable.partition("=")[::2] for variable in variables]
    return [(name, value if secrets else masked(name, value)) for name, value in pairs]
