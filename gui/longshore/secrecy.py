"""Keeps the secrets in use out of all text from outside, because a server may echo what it was sent.

Code that sends a secret registers it with :func:`keep_out` first. ``text.plain`` and the errors, which handle all
text from outside, replace it in every form in which servers were seen to repeat it. In memory only, the latest
thousand.
"""

from __future__ import annotations

import base64
import functools
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

#: The replacement for a secret.
HIDDEN = "***"
#: Most secrets kept: one registry has at most 500 tokens.
_MOST = 1000
#: Characters at the end of a form by which it is found: tokens of one service begin alike.
_TAIL = 6
#: Shortest form, in characters, that is replaced anywhere; a shorter one could be a word of a sentence.
SURELY = 12

_lock = threading.Lock()
_known: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()
_by_tail: dict[str, tuple[str, ...]] = {}
_short: dict[tuple[str, str], re.Pattern[str]] = {}
_longest = 0


def keep_out(secret: str, user: str = "") -> None:
    """Replace *secret*, a password or token, in all text from outside from now on. *user*: the name used with it.

    Any thread.
    """
    global _longest
    if not secret:
        return
    key = (user, secret)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return
        forms = _forms(secret, user)
        _known[key] = forms
        for form in forms:
            _by_tail[form[-_TAIL:]] = (*_by_tail.get(form[-_TAIL:], ()), form)
            _longest = max(_longest, len(form))
        if len(secret) < _TAIL:
            _short[key] = re.compile(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])")
        if len(_known) > _MOST:
            old, gone = _known.popitem(last=False)
            _short.pop(old, None)
            for form in gone:
                rest = list(_by_tail.get(form[-_TAIL:], ()))
                rest.remove(form)
                if rest:
                    _by_tail[form[-_TAIL:]] = tuple(rest)
                else:
                    del _by_tail[form[-_TAIL:]]


def longest() -> int:
    """Characters of the longest form: the end of a cut text may contain the beginning of one. Any thread."""
    return _longest


def without_secrets(text: str, least: int = 1) -> str:
    """*text* with the secrets in use replaced. The time depends only on the length of *text*. Any thread.

    *least*: shortest form that is replaced, in characters; :data:`SURELY` for our own sentences, in which a short
    password may be a word.
    """
    spans: list[tuple[int, int]] = []
    if _may_contain(text):
        for end in range(_TAIL, len(text) + 1):
            for form in _by_tail.get(text[end - _TAIL : end], ()):
                if len(form) >= least and text.endswith(form, 0, end):
                    spans.append((end - len(form), end))
    if spans:
        text = _hidden(text, spans)
    if least < _TAIL:
        for pattern in tuple(_short.values()):
            text = pattern.sub(HIDDEN, text)
    lowered = text.lower()
    if "basic" in lowered or "bearer" in lowered:
        text = _after_scheme().sub(rf"\1\2{HIDDEN}", text)
    return text


def _may_contain(text: str) -> bool:
    """Whether it is worth to look at each character of *text*. The output of builds has a million lines."""
    tails = tuple(_by_tail)
    return len(tails) > len(text) or any(tail in text for tail in tails)


@functools.cache
def _after_scheme() -> re.Pattern[str]:
    """The pattern for the text after the name of a scheme, unless that is a word: "Basic authentication" stays.

    Compiled for the first text from outside, because the window opens without it.
    """
    return re.compile(
        r"(?i)\b(basic|bearer)(\s{1,4}|%20|\+|:)(?=[A-Z+/._~%-]*[0-9=])[A-Z0-9+/._~%-]{8,}={0,2}"
    )


def without_values(text: str, values: Iterable[str]) -> str:
    """*text* without *values*, in every form in which servers repeat them. Any thread.

    For one text: unlike secrets, such values may be words that are needed elsewhere. Those below six characters stay.
    """
    forms = {form for value in values if len(value) >= _TAIL for form in _forms(value, "")}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def names_secret(name: str) -> bool:
    """Whether *name*, of a variable or a build argument, says that its value is a password or token. Any thread."""
    parts = [part.rstrip("0123456789").lower() for part in _between_parts().split(name[:_LONGEST_NAME])]
    for part in parts:
        if part in _WHOLE or any(word in part for word in _WITHIN):
            return True
        if part.removesuffix("s").endswith(_ENDS) and part not in _NO_KEYS:
            return "public" not in parts and "pub" not in parts
    return False


#: Parts of names that say that a value is secret: whole ones, words anywhere in a part, and ends of one ("MYKEY").
_WHOLE = frozenset({"auth", "pass", "pwd", "pat", "netrc", "dockerconfig", "dsn", "jwt", "cookie", "cookies"})
_WITHIN = ("passw", "passphrase", "secret", "credential")
_ENDS = ("token", "key")
_NO_KEYS = frozenset({"monkey", "turkey", "hockey", "donkey", "whiskey", "hotkey", "hotkeys"})
_LONGEST_NAME = 1_000


@functools.cache
def _between_parts() -> re.Pattern[str]:
    return re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")


def holds_sign_in(value: str) -> bool:
    """Whether *value* contains a sign-in whatever its name is. Any thread.

    That is an address with a user name or password, as proxies and package indexes need, a private key, or a token that
    begins as those of a known service do.
    """
    return _sign_in().search(value) is not None


@functools.cache
def _sign_in() -> re.Pattern[str]:
    """Every repetition is bounded, or begins at a boundary."""
    return re.compile(
        r"://[^/\s:@]{0,200}:[^/\s@]{1,400}@|\bhttps?://[^/\s:@]{1,400}@|-----BEGIN [A-Z ]{0,40}KEY-----"
        r"|(?<![\w-])(?:gh[a-z]_\w{10,}|github_pat_\w{10,}|glpat-[\w-]{10,}|npm_\w{20,}|dckr_pat_[\w-]{10,}"
        r"|pypi-[\w-]{20,}|xox[a-z]-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|eyJ[\w-]{8,}\.[\w-]{8,})",
        re.ASCII,
    )


def is_hidden(value: str) -> bool:
    """Whether *value*, of a variable whose name is that of a secret, is replaced in output. Any thread.

    Short ones, words such as ``false`` and numbers are not: they are no secrets, and would hide what is needed.
    """
    word = value.strip().lower()
    return len(word) >= _TAIL and word not in _WORDS and not (word.isdecimal() and len(word) < SURELY)


_WORDS = frozenset({"enabled", "disabled", "default", "required", "optional", "always", "production"})


def without_likely_secrets(text: str) -> str:
    """*text*, another program's words about a failure, without what looks like a password or token.

    That is text after a name such as ``password=``, the sign-in of a URL, and JSON Web Tokens. The time depends only on
    the length of *text*. Any thread. Not for what is shown for its own sake, such as the commands of an image.
    """
    for pattern, replacement in _likely() if text else ():
        text = pattern.sub(replacement, text)
    return text


@functools.cache
def _likely() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The patterns and their replacements; every repetition is bounded or begins at a boundary."""
    name = r"(?i)((?:password|passwd|secret|token|api[_-]?key|signature|\bsig)"
    return (
        (re.compile(name + r"[\"']?\s{0,4}[:=]\s{0,4})(\"[^\"]{1,4000}\"|'[^']{1,4000}')"), rf"\1{HIDDEN}"),
        (re.compile(name + r"=)[^\s,;&}\"'*][^\s,;&}\"']*"), rf"\1{HIDDEN}"),
        (
            # A sentence may have a colon there, too: "password: none was given", ".../token: 401 Unauthorized".
            re.compile(
                r"(?i)(passw(?:or)?d:\s{0,4})(?=[^\s,;&}\"'0-9]{0,200}[0-9])[^\s,;&}\"'*][^\s,;&}\"']*"
            ),
            rf"\1{HIDDEN}",
        ),
        (re.compile(r"(?<=://)[^/\s:@]{1,200}:[^/\s@]{1,400}(?=@)"), HIDDEN),
        (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", re.ASCII), HIDDEN),
    )


def _hidden(text: str, spans: list[tuple[int, int]]) -> str:
    out: list[str] = []
    at = -1
    for begin, end in sorted(spans):
        if begin > at:
            out += [text[max(at, 0) : begin], HIDDEN]
        at = max(at, end)
    return "".join([*out, text[at:]])


def _forms(secret: str, user: str) -> tuple[str, ...]:
    """The forms in which servers repeat a secret: unchanged, in base64 (alone, with its user, within other data), in
    URLs, JSON, HTML and hexadecimal digits."""
    import html  # its table of names is large, and secrets are rare

    raw = secret.encode("utf-8", "surrogatepass")
    found = {secret, html.escape(secret), raw.hex(), raw.hex().upper()}
    for ascii_only in (True, False):
        found.add(json.dumps(secret, ensure_ascii=ascii_only)[1:-1])
    both = f"{user}:{secret}".encode("utf-8", "surrogatepass")
    for whole in (raw, both) if user else (raw,):
        coded = base64.b64encode(whole).decode()
        found |= {coded, coded.rstrip("=")}
    for before in range(3):
        # The base64 characters that depend only on the secret, for each possible offset.
        coded = base64.b64encode(b"\0" * before + raw).decode()
        found.add(coded[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6])
    found |= {form.translate(_URL_SAFE) for form in found}
    found |= {form.replace("/", "\\/") for form in found}
    for form in tuple(found):
        coded = quote(form, safe="")
        found |= {coded, _lower_escapes(coded), quote_plus(form), quote(form)}
    return tuple(form for form in found if len(form) >= _TAIL)


_URL_SAFE = str.maketrans("+/", "-_")


def _lower_escapes(coded: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), coded)
