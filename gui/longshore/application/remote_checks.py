"""Checks of what is behind a connection or another program: engines, registries, credential helpers, proxies."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import SplitResult, unquote, urlsplit

from longshore.application.checks import Check, Job, Verdict, failed, of_error, passed, warned
from longshore.application.session import Session
from longshore.application.sign_in import account_at
from longshore.cancellation import Cancellation
from longshore.credentials.config_file import ConfigFile
from longshore.credentials.helper import Helper, default_helper
from longshore.engine.address import EngineAddress, Origin, known_addresses
from longshore.errors import (
    CredentialsError,
    EngineUnavailable,
    LongshoreError,
    SignInFailed,
    UnavailableCause,
)
from longshore.registry.config import RegistryConfig
from longshore.secrecy import HIDDEN, keep_out

#: Seconds that an engine has for each of its responses, a helper for each call, a proxy to accept a connection.
_ENGINE_SECONDS = 5.0
_HELPER_SECONDS = 6.0
_PROXY_SECONDS = 4.0
#: A certificate that expires within this time is worth a warning.
_SOON = timedelta(days=14)
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def remote_jobs(session: Session) -> list[Job]:
    """The checks of engines, credentials, registries and proxies."""
    # First: from here on no text contains the passwords of proxies.
    proxies = _proxies(session.environ)
    session.clients.credentials.helper_seconds = _HELPER_SECONDS
    return [
        *_engine_jobs(session),
        *_credential_jobs(session),
        *(
            Job("registry", one.host, partial(_registry, session, one))
            for one in session.registries.configs()
        ),
        *(Job("proxy", name, partial(_proxy, name, url)) for name, url in proxies.items()),
        *_exceptions(session.environ),
    ]


# -- engines


def _engine_jobs(session: Session) -> list[Job]:
    try:
        chosen = [place.address for place in session.engines()]
    except LongshoreError as error:
        check = of_error("engine", "current", error)
        return [Job("engine", "current", lambda _: [check]), *_other_engines(session, [])]
    return [
        *(Job("engine", one.name, partial(_engine, session, one, True)) for one in chosen),
        *_other_engines(session, chosen),
    ]


def _other_engines(session: Session, chosen: Sequence[EngineAddress]) -> list[Job]:
    return [
        Job("engine", one.name, partial(_engine, session, one, False))
        for one in known_addresses(session.environ)
        if one not in chosen
    ]


def _engine(
    session: Session, address: EngineAddress, current: bool, cancellation: Cancellation
) -> list[Check]:
    from longshore.engine.model import ImageStore

    where = f"{address.name} ({address.url})"
    try:
        info = session.clients.engine(address).probe(cancellation, seconds=_ENGINE_SECONDS)
    except LongshoreError as error:
        nobody_chose_it = address.origin in (Origin.DEFAULT, Origin.SOCKET)
        absent = isinstance(error, EngineUnavailable) and error.cause is UnavailableCause.NO_SOCKET
        if nobody_chose_it and absent and not current:
            return []
        return [of_error("engine", where, error, Verdict.PROBLEM if current else Verdict.WARNING)]
    make = "Podman" if info.store is ImageStore.PODMAN else "Docker"
    store = "" if info.store is ImageStore.PODMAN else f", {info.store.value} image store"
    use = ", the current engine" if current else ""
    return [passed("engine", where, f"{make} {info.version}, {info.platform}{store}{use}.")]


# -- credentials


def _credential_jobs(session: Session) -> list[Job]:
    path = session.clients.credentials.path
    try:
        config = ConfigFile.read(path)
        names = config.helpers()
        if not config.mentions_credentials:
            names = [name for name in [default_helper(session.environ)] if name]
    except CredentialsError as error:
        check = of_error("docker-config", str(path), error)
        return [Job("docker-config", str(path), lambda _: [check])]
    return [
        Job("docker-config", str(path), lambda _: [_config(config)]),
        *(Job("credential-helper", name, partial(_helper, session.environ, name)) for name in names),
    ]


def _config(config: ConfigFile) -> Check:
    where = str(config.path)
    if config.empty:
        return warned(
            "docker-config",
            where,
            "The file is empty and is treated as missing.",
            "Remove it, or sign in again.",
        )
    if not config.found:
        return passed("docker-config", where, "The file does not exist: nobody is signed in.")
    if not config.has_secrets:
        return passed("docker-config", where, "The file can be read and contains no passwords.")
    with contextlib.suppress(OSError):
        if config.path.stat().st_mode & 0o077:
            return warned(
                "docker-config",
                where,
                "The file contains passwords (base64, not encrypted), and other users may read it.",
                f"Run: chmod 600 {where}",
            )
    return passed(
        "docker-config", where, "The file can be read. It contains passwords (base64, not encrypted)."
    )


def _helper(environ: Mapping[str, str], name: str, cancellation: Cancellation) -> list[Check]:
    try:
        count = len(Helper(name, environ, _HELPER_SECONDS).users())
    except CredentialsError as error:
        return [of_error("credential-helper", name, error)]
    return [
        passed("credential-helper", name, f"It runs, and has {count} sign-in{'' if count == 1 else 's'}.")
    ]


# -- registries


def _registry(session: Session, config: RegistryConfig, cancellation: Cancellation) -> list[Check]:
    host = config.host
    account = account_at(session.clients, host)
    if account.trouble is not None:
        return [of_error("registry", host, account.trouble)]
    client = session.clients.registry(host)
    try:
        info = client.check(cancellation=cancellation)
    except SignInFailed as error:
        advice = f"Sign in again with longshore login {host}."
        return [failed("registry", host, error.message, advice, error.detail)]
    except LongshoreError as error:
        # Docker Hub is always in the list, also where nobody uses it.
        unused = config.is_hub and not account.user
        return [of_error("registry", host, error, Verdict.WARNING if unused else Verdict.PROBLEM)]
    signed_in = f"signed in as {account.user}" if account.user else "not signed in"
    state = "no sign-in required" if info.auth == "none" else signed_in
    encrypted = info.url.startswith("https://")
    found = client.certificate(cancellation=cancellation).certificate if encrypted else None
    if found is not None and found.ends - datetime.now(UTC) < _SOON:
        return [
            warned(
                "registry",
                host,
                f"It responds ({state}), but its certificate expires on {found.ends:%Y-%m-%d}.",
                "Ask the registry's administrator to renew it.",
            )
        ]
    secure = f"certificate valid until {found.ends:%Y-%m-%d}" if found is not None else "HTTPS"
    return [passed("registry", host, f"It responds: {state}, {secure if encrypted else 'plain HTTP'}.")]


# -- proxies


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """The proxies that are set, by the name of their variable. Their passwords are kept out of all texts."""
    found = {}
    for variable in _PROXIES:
        name = variable if environ.get(variable) else variable.lower()
        value = environ.get(name, "").strip()
        if value:
            found[name] = value if "://" in value else f"http://{value}"
            # By hand: also from a value that is not a valid address.
            user, _, password = found[name].partition("://")[2].rpartition("@")[0].partition(":")
            for secret in {password, unquote(password)}:
                keep_out(secret, user)
    return found


def _proxy(name: str, url: str, cancellation: Cancellation) -> list[Check]:
    parts, host = _parsed(url)
    if parts is None or not host or parts.scheme not in ("http", "https"):
        # Without the value: where it has a password is unknown.
        return [
            failed(
                "proxy",
                name,
                "The value is not the address of a proxy that Longshore supports.",
                f"Set {name} to an address such as http://proxy.example:3128.",
            )
        ]
    port = parts.port or (443 if parts.scheme == "https" else 80)
    shown = f"{parts.scheme}://{f'{HIDDEN}@' if '@' in parts.netloc else ''}{parts.netloc.rpartition('@')[2]}"
    try:
        with socket.create_connection((host, port), _PROXY_SECONDS):
            return [passed("proxy", name, f"{shown} accepts connections.")]
    except OSError as error:
        why = "does not respond" if isinstance(error, TimeoutError) else "can't be reached"
        return [
            failed(
                "proxy",
                name,
                f"The proxy {shown} {why}.",
                f"Correct or unset {name}, or list hosts that need no proxy in NO_PROXY.",
                error.strerror or "",
            )
        ]


def _exceptions(environ: Mapping[str, str]) -> list[Job]:
    """What is reached without a proxy, if that is set."""
    name = "NO_PROXY" if environ.get("NO_PROXY") else "no_proxy"
    value = environ.get(name, "").strip()
    return (
        [Job("proxy", name, lambda _: [passed("proxy", name, f"Without a proxy: {value}")])] if value else []
    )


def _parsed(url: str) -> tuple[SplitResult | None, str]:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None, ""
    return parts, parts.hostname or ""
