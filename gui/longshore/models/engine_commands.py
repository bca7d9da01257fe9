"""Commands that make an engine trust a registry, to copy into a terminal: engines check registries themselves.

From Docker's documents "Verify repository client with certificates" and "Test an insecure registry".
"""

from __future__ import annotations

import json
import shlex

from longshore.language import tr
from longshore.registry.config import RegistryConfig

#: The folder of a system engine; a rootless one uses ~/.config/docker/certs.d.
_FOLDER = "/etc/docker/certs.d"


def engine_words(config: RegistryConfig, steps: str) -> str:
    """Return the explanation above *steps*, the result of :func:`engine_steps`."""
    if config.prefix:
        return tr("Engines can't use a registry with a path before /v2/, so Pull and Push are not available.")
    if not steps:
        return tr("The engine makes its own connections and needs no setup.")
    if config.is_loopback:
        return tr("Docker trusts local registries. On a remote engine, run as root:")
    return tr("The engine makes its own connections. On its machine, run as root:")


def engine_steps(config: RegistryConfig, trusted: str = "") -> str:
    """Return the commands, "" if none is needed. *trusted*: the file of a certificate to use instead of the CA file."""
    if config.prefix or config.is_hub:
        return ""
    folder = shlex.quote(f"{_FOLDER}/{config.host}")
    lines: list[str] = []
    authority = trusted or (str(config.ca_file) if config.ca_file is not None else "")
    copies = [(authority, "ca.crt")] if authority and not config.insecure else []
    if config.client_cert is not None:
        key = config.client_key or config.client_cert
        copies += [(str(config.client_cert), "client.cert"), (str(key), "client.key")]
    if copies:
        lines.append(f"mkdir -p {folder}")
        lines += [f"cp {shlex.quote(source)} {folder}/{name}" for source, name in copies]
    if config.insecure:
        if lines:
            lines.append("")
        setting = json.dumps({"insecure-registries": [config.host]})
        lines.append(tr("# in /etc/docker/daemon.json, then: systemctl restart docker"))
        lines.append(setting)
    return "\n".join(lines)
