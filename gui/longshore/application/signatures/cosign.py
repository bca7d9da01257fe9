"""Keyless signatures, verified by the program ``cosign`` where it is installed.

They prove who signed by certificates and logs of Sigstore, whose current roots cosign keeps. Options: cosign-verify(1)
(sigstore/cosign, doc/cosign_verify.md). cosign reads the registry by itself, with Docker's credentials.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from longshore.application.signatures.verifying import Keyless
from longshore.credentials import program
from longshore.text import plain

if TYPE_CHECKING:
    from longshore.application.signatures.book import Key
    from longshore.oci.reference import Reference
    from longshore.registry.config import RegistryConfig

#: Seconds that cosign may take: it may update its roots first.
SECONDS = 30.0
#: Most identities that are tried for one image.
_MOST_IDENTITIES = 5
#: Secrets of other commands of cosign, which verifying does not need.
_NOT_PASSED = ("COSIGN_PASSWORD", "SIGSTORE_ID_TOKEN")


def keyless_verifier(
    reference: Reference, digest: str, config: RegistryConfig, environ: Mapping[str, str]
) -> Keyless | None:
    """What verifies the keyless signatures of the image *digest* in the repository of *reference*.

    None if cosign is not installed. Any worker thread; each call blocks for at most SECONDS.
    """
    found = shutil.which("cosign", path=environ.get("PATH", ""))
    if found is None:
        return None
    passed = {name: value for name, value in environ.items() if name not in _NOT_PASSED} | {"LC_ALL": "C"}
    calls = 0

    def verifies(key: Key) -> str:
        nonlocal calls
        calls += 1
        if calls > _MOST_IDENTITIES:
            return "Too many identities."
        command = [found, "verify", *_options(key, config), f"{reference.name}@{digest}"]
        try:
            result = program.run(command, b"", passed, SECONDS)
        except program.TimedOut:
            return "cosign did not finish in time."
        except program.TooMuchOutput:
            return "cosign printed too much."
        except OSError as error:
            return plain(f"cosign can't be started: {error.strerror or error}", 300)
        if result.code == 0:
            return ""
        lines = result.noise.decode("utf-8", "replace").strip().splitlines()
        return plain(lines[-1] if lines else f"cosign ended with code {result.code}.", 300)

    return verifies


def _options(key: Key, config: RegistryConfig) -> list[str]:
    # One argument each: what a person named may begin with a dash.
    options = [
        f"--certificate-identity={key.identity}",
        f"--certificate-oidc-issuer={key.issuer}",
        "--output=json",
    ]
    if config.insecure:
        options += ["--allow-insecure-registry", "--allow-http-registry"]
    elif config.is_loopback:
        options.append("--allow-http-registry")
    if config.ca_file is not None:
        options.append(f"--registry-cacert={config.ca_file}")
    return options
