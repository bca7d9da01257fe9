"""``keys``: whose signatures are trusted where, and where only signed images are fetched."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.cli import exit_codes
from longshore.cli.mirror_options import add_action
from longshore.cli.output import Output
from longshore.errors import InvalidInput

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.application.signatures.book import Key

_KEYS = """\
SCOPE is a registry (registry.example.com), a repository (registry.example.com/team/app), or a pattern for repositories
(registry.example.com/team/*; * is any text without /, ** is any text). All keys whose scope covers an image count.

Where the rule "only signed" holds, every pull, copy, save and mirror of an image that is not signed by one of these
keys is refused, in the window and in all commands. What is fetched is exactly the image that was verified. A registry
is meant by its name: a rule for registry.example.com is not one for its address, or for another name of it. Only the
names of this machine (localhost, 127.0.0.1, ::1) mean the same. What an engine fetches by itself (for a build, or by
docker pull) is not checked.

examples:
  longshore keys add registry.example.com/team/* release.pub --name release@example.com
  longshore keys add ghcr.io/org/* --identity ann@example.com --issuer https://accounts.google.com
  longshore keys only-signed registry.example.com/team/*
  longshore keys list
"""
_ADD = """\
FILE is a public key as PEM text, such as cosign.pub: ECDSA, RSA or Ed25519. A key of the same scope and name is
replaced. --identity and --issuer name who signs without a key; only the program cosign can verify that.

examples:
  longshore keys add registry.example.com release.pub --name release@example.com
  longshore keys add ghcr.io/org/* --identity ann@example.com --issuer https://accounts.google.com
"""
_REMOVE = """\
The rule of the scope stays; end it with longshore keys only-signed --off.

examples:
  longshore keys remove registry.example.com release@example.com
  longshore keys remove registry.example.com
"""
_RULE = """\
examples:
  longshore keys only-signed registry.example.com/team/*
  longshore keys only-signed --off registry.example.com/team/*
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _KEYS
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    one = add_action(actions, "list", "List keys and rules.", "examples:\n  longshore keys list --json\n")
    one.set_defaults(run=list_keys)
    one = add_action(actions, "add", "Trust a key for a registry, a repository or a pattern.", _ADD)
    one.add_argument("scope", metavar="SCOPE", help="a registry, a repository or a pattern")
    one.add_argument("file", metavar="FILE", nargs="?", help="the public key (PEM)")
    one.add_argument("--name", default="", help="the name to show (default: the file's, or the identity)")
    one.add_argument("--identity", default="", help="the name in the certificate of a keyless signature")
    one.add_argument("--issuer", metavar="URL", default="", help="who certifies the identity")
    one.set_defaults(run=add_key)
    one = add_action(actions, "remove", "Remove keys.", _REMOVE)
    one.add_argument("scope", metavar="SCOPE", help="the scope of the keys")
    one.add_argument("name", metavar="NAME", nargs="?", default="", help="only the key of this name")
    one.set_defaults(run=remove_keys)
    one = add_action(actions, "only-signed", "Fetch only signed images from a scope.", _RULE)
    one.add_argument("scope", metavar="SCOPE", help="a registry, a repository or a pattern")
    one.add_argument("--off", action="store_true", help="end the rule")
    one.set_defaults(run=only_signed)


def list_keys(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore keys list``."""
    found = session.signatures.book.read()
    rows = []
    for key in found.keys:
        values = _values(key)
        output.record("key", values)
        rows.append((str(key.scope), key.name, values["type"], (values["fingerprint"] or key.issuer)[:64]))
    if rows:
        output.table(("SCOPE", "NAME", "TYPE", "FINGERPRINT"), rows, elided=(0, 3))
    elif not found.only_signed:
        output.line("No keys yet. Add one: longshore keys add SCOPE FILE")
    for scope in found.only_signed:
        output.record("only_signed", {"scope": str(scope), "on": True})
        output.line(f"Only signed images: {scope}")
    return exit_codes.DONE


def add_key(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore keys add``."""
    from longshore.application.signatures.book import key_of_file, key_of_identity
    from longshore.application.signatures.scopes import parse_scope

    scope = parse_scope(arguments.scope)
    by_identity = bool(arguments.identity or arguments.issuer)
    if by_identity == (arguments.file is not None):
        raise InvalidInput(
            "Name either the file of a public key, or an identity with its issuer.",
            advice="See longshore keys add --help.",
        )
    if by_identity:
        key = key_of_identity(scope, arguments.identity, arguments.issuer, arguments.name)
    else:
        key = key_of_file(scope, Path(arguments.file), arguments.name)
    replaced = session.signatures.book.add(key)
    output.record("key", _values(key))
    output.line(f"{'Replaced' if replaced else 'Added'} {key.name} for {key.scope}.")
    return exit_codes.DONE


def remove_keys(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore keys remove``."""
    from longshore.application.signatures.scopes import parse_scope

    scope = parse_scope(arguments.scope)
    count = session.signatures.book.remove(scope, arguments.name)
    if not count:
        raise InvalidInput(
            "There is no such key.",
            subject=f"{scope} {arguments.name}".strip(),
            advice="See longshore keys list.",
        )
    output.record("keys_removed", {"scope": str(scope), "name": arguments.name or None, "count": count})
    output.line(f"Removed {count} {'key' if count == 1 else 'keys'} of {scope}.")
    if scope in session.signatures.book.read().only_signed:
        output.warning(f"The rule for {scope} still allows only signed images.")
    return exit_codes.DONE


def only_signed(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore keys only-signed``."""
    from longshore.application.signatures.scopes import parse_scope

    scope, on = parse_scope(arguments.scope), not arguments.off
    book = session.signatures.book
    book.set_only_signed(scope, on)
    output.record("only_signed", {"scope": str(scope), "on": on})
    output.line(f"{scope}: {'only signed images are fetched' if on else 'unsigned images are fetched, too'}.")
    if on and not any(key.scope.server == scope.server for key in book.read().keys):
        output.warning(f"There is no key for {scope} yet, so nothing is fetched from there.")
    return exit_codes.DONE


def _values(key: Key) -> dict[str, Any]:
    """A key in JSON."""
    public = None
    kind = "keyless"
    if key.pem:
        try:
            public = key.public_key
            kind = public.kind
        except InvalidInput:
            kind = "damaged"
    return {
        "scope": str(key.scope),
        "name": key.name,
        "type": kind,
        "fingerprint": None if public is None else public.fingerprint,
        "pem": key.pem or None,
        "identity": key.identity or None,
        "issuer": key.issuer or None,
    }
