"""``login``, ``logout`` and ``whoami``: Docker's own credentials."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from longshore.application import sign_in
from longshore.application.session import Session
from longshore.application.sign_in import Account, Identity
from longshore.cancellation import Cancellation
from longshore.cli import exit_codes, secret_input
from longshore.cli.output import Output
from longshore.cli.parser import Refused
from longshore.credentials import Credential, StoredIn, Whereabouts
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.reference import DOCKER_HUB
from longshore.text import plain

_LOGIN = """\
The password is asked for, or read from standard input; it is never an argument, which other users and the shell's
history could see. It is verified with the registry and stored where docker login stores it.

examples:
  longshore login
  longshore login ghcr.io --username ann
  pass show registry | longshore login registry.example:5000 --username ann --password-stdin
"""
_LOGOUT = """\
examples:
  longshore logout
  longshore logout ghcr.io
"""
_WHOAMI = """\
examples:
  longshore whoami
  longshore whoami ghcr.io --check
"""
_NOT_AN_ARGUMENT = (
    "A password is not taken as an argument, because other users and the shell's history could see it. Pipe it in "
    "with --password-stdin, or leave it out to be asked for it."
)


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    if command == "login":
        parser.epilog = _LOGIN
        _add_host(parser)
        parser.add_argument(
            "--username", "-u", metavar="NAME", help="the user name (default: it is asked for)"
        )
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password or token from standard input"
        )
        parser.add_argument("--password", "-p", nargs="?", action=Refused, words=_NOT_AN_ARGUMENT)
        parser.set_defaults(run=login)
    elif command == "logout":
        parser.epilog = _LOGOUT
        _add_host(parser)
        parser.set_defaults(run=logout)
    else:
        parser.epilog = _WHOAMI
        parser.add_argument(
            "hosts", metavar="HOST", nargs="*", help="only these registries (default: all that are known)"
        )
        parser.add_argument(
            "--check", action="store_true", help="ask each registry whether it accepts the sign-in"
        )
        parser.set_defaults(run=whoami)


def _add_host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "host", metavar="HOST", nargs="?", default=DOCKER_HUB, help="the registry (default: Docker Hub)"
    )


def login(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore login``."""
    from longshore.words.sign_in import destination_words

    host = _host(session, arguments.host)
    user = "" if arguments.username is None else _user_name(arguments.username)
    if session.registries.config(host).insecure:
        output.warning("This registry is marked as insecure: your password may be sent unencrypted.")
    try:
        if arguments.password_stdin:
            if not user:
                raise InvalidInput("The user name is missing.", advice="Add --username NAME.")
            secret = secret_input.piped()
        else:
            known = "" if user else sign_in.account_at(session.clients, host).user
            user = user or _user_name(secret_input.asked("User name", known))
            secret = secret_input.asked_secretly("Password or token")
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    credential = Credential(user, secret)
    sign_in.sign_in(session.clients, host, credential, keep=True, cancellation=Cancellation())
    kept = session.clients.credentials.keeper(host)
    output.record("sign_in", {"registry": host, "user": plain(user, 500), **_kept_values(kept)})
    output.line(f"Signed in to {host} as {plain(user)}. {destination_words(kept)}")
    return exit_codes.DONE


def logout(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore logout``."""
    host = _host(session, arguments.host)
    account = sign_in.account_at(session.clients, host)
    # Also if nobody seems to be signed in, or if that is unknown: this removes all that is left.
    session.clients.credentials.forget(host, cancellation=Cancellation())
    output.record("sign_out", {"registry": host, "user": plain(account.user, 500) or None})
    signed_in = account.user or account.trouble is not None
    output.line(f"Signed out of {host}." if signed_in else f"Not signed in to {host}.")
    return exit_codes.DONE


def whoami(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore whoami``."""
    from longshore.side_by_side import ask_all

    hosts = [_host(session, text) for text in arguments.hosts] or _known_hosts(session)
    found = ask_all(
        lambda host, cancellation: _look(session, host, arguments.check, cancellation), hosts, Cancellation()
    )
    for one in found:
        output.record("account", _values(one, checked=arguments.check))
    header = ("REGISTRY", "ACCOUNT", "STORED IN", *(["CHECK"] if arguments.check else []))
    output.table(header, [_row(one)[: len(header)] for one in found], elided=2)
    troubles = [trouble_of(one, named=bool(arguments.hosts)) for one in found]
    for trouble in troubles:
        if trouble is not None:
            output.error(trouble)
    return exit_codes.of_codes(
        [exit_codes.DONE if one is None else exit_codes.of_error(one) for one in troubles]
    )


def _look(session: Session, host: str, check: bool, cancellation: Cancellation) -> Identity:
    if check:
        return sign_in.identity_at(session.clients, host, cancellation)
    return Identity(host, sign_in.account_at(session.clients, host), "", "", None)


def trouble_of(found: Identity, *, named: bool) -> LongshoreError | None:
    """What went wrong at a registry. Where nobody is signed in, nothing did, unless the user *named* it."""
    if not (named or found.account.user):
        return found.account.trouble
    return found.account.trouble or found.refused or _missing(found)


def _missing(found: Identity) -> LongshoreError | None:
    """The error for a registry that was asked, that requires a sign-in, and where nobody is signed in."""
    from longshore.errors import SignInRequired

    if found.account.user or found.auth in ("", "none"):
        return None
    return SignInRequired("Not signed in.", registry=found.host)


def _known_hosts(session: Session) -> list[str]:
    """The registries in the book, then others where Docker has a sign-in. Raises CredentialsError."""
    known = [config.host for config in session.registries.configs()]
    return list(dict.fromkeys([*known, *filter(_is_host, session.clients.credentials.registries())]))


def _is_host(text: str) -> bool:
    from longshore.registry.config import parse_registry

    try:
        return parse_registry(text).host == text
    except LongshoreError:
        return False


def _host(session: Session, text: str) -> str:
    """The registry that *text* names. Raises InvalidRegistryName."""
    from longshore.registry.config import parse_registry

    config = parse_registry(text)
    session.registries.use(config)
    return config.host


def _user_name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > secret_input.LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            "The user name is missing or not valid.", advice="Use the name of your account at the registry."
        )
    return name


def _values(found: Identity, *, checked: bool) -> dict[str, Any]:
    from longshore.cli.output import error_values

    account = found.account
    trouble = account.trouble or found.refused
    stored = _kept_values(account.kept if account.user else None)
    more = {"authentication": found.auth or None, "accepted": _accepted(found)} if checked else {}
    return {
        "registry": found.host,
        "user": plain(account.user, 500) or None,
        **stored,
        **more,
        "error": None if trouble is None else error_values(trouble),
    }


def _accepted(found: Identity) -> bool | None:
    """Whether the registry accepts the sign-in; None if that is unknown or there is nothing to accept."""
    from longshore.errors import SignInFailed

    if not found.account.user or found.auth == "none":
        return None
    if found.refused is None:
        return True
    return False if isinstance(found.refused, SignInFailed) else None


def _kept_values(kept: Whereabouts | None) -> dict[str, Any]:
    return {
        "stored_in": None if kept is None else kept.stored_in.value,
        "helper": kept.name if kept is not None and kept.name else None,
        "path": None if kept is None or kept.path is None else str(kept.path),
    }


def _row(found: Identity) -> Sequence[str]:
    from longshore.errors import RegistryUnreachable

    account = found.account
    user = "Unknown" if account.trouble is not None else plain(account.user) or "Not signed in"
    if found.refused is not None:
        unreachable = "Unreachable" if isinstance(found.refused, RegistryUnreachable) else "Failed"
        check = "Refused" if _accepted(found) is False else unreachable
    elif found.auth == "none":
        check = "Public"
    else:
        check = "Accepted" if account.user else ""
    return (found.host, user, _place(account) if account.user else "", check)


def _place(account: Account) -> str:
    kept = account.kept
    if kept is None:
        return ""
    return f"docker-credential-{kept.name}" if kept.stored_in is StoredIn.HELPER else plain(kept.path or "")
