"""``verify``: the signatures of images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.application import places
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.application.signatures.book import Key
    from longshore.application.signatures.verifying import Verdict
    from longshore.transfers.transfer import Endpoint

_EPILOG = f"""\
{places.HELP}
Verifies cosign's signatures and Sigstore bundles by keys, those of longshore keys or of --key. Keyless signatures are
verified by the program cosign, for the identities of longshore keys. A signature of an index covers all its platforms.

The exit code is 0 if every image is signed by one of the keys, 1 if none is, and 3 if only some are.

examples:
  longshore verify registry.example:5000/team/app:1.0
  longshore verify --key release.pub ghcr.io/org/app:1.2 --json
  longshore verify library:team/app:1.0
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("references", metavar="REF", nargs="+", help="the image")
    parser.add_argument(
        "--key",
        metavar="FILE",
        dest="keys",
        action="append",
        default=[],
        help="a public key (PEM), instead of those of longshore keys; can be repeated",
    )
    parser.set_defaults(run=verify)


def verify(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore verify``."""
    from longshore.application.signatures.book import key_of_file
    from longshore.application.signatures.scopes import EVERYWHERE
    from longshore.cancellation import Cancellation

    keys: list[Key] | None = [key_of_file(EVERYWHERE, Path(name)) for name in arguments.keys] or None
    codes = []
    for text in arguments.references:
        named = places.parse_place(text, session)
        session.check_engines()
        try:
            if isinstance(named.place, EnginePlace):
                raise InvalidInput(
                    "An engine keeps no signatures.",
                    subject=named.name,
                    advice="Verify the image in its registry.",
                )
            end = places.end_of(named, session)
            verdict = session.signatures.verify(end, session.clients, Cancellation(), keys=keys)
        except LongshoreError as error:
            output.error(error)
            codes.append(exit_codes.of_error(error))
            continue
        _show(end, verdict, output)
        codes.append(exit_codes.DONE if verdict.signed else exit_codes.FAILED)
    return codes[0] if len(codes) == 1 else exit_codes.of_codes(codes)


def _show(end: Endpoint, verdict: Verdict, output: Output) -> None:
    from longshore.words import signatures, transfers

    output.record("verification", values(end, verdict))
    name = transfers.image_name(end) or transfers.end_text(end, is_source=True)
    output.result(f"{name}: {signatures.state_text(verdict)}")
    output.line(f"  {verdict.digest}")
    reference = "" if end.reference is None else end.reference.name
    output.line(f"  {signatures.explanation(verdict, reference)}")


def values(end: Endpoint, verdict: Verdict) -> dict[str, Any]:
    """A verdict in JSON."""
    from longshore.words import signatures

    reference = end.reference
    return {
        **place_values(end.place),
        "reference": None if reference is None else str(reference),
        "digest": verdict.digest,
        "index": verdict.index,
        "state": verdict.state.value,
        "signer": verdict.name or None,
        "scope": None if verdict.scope is None or not verdict.scope.domain else str(verdict.scope),
        "signed_as": verdict.signed_as or None,
        "reason": None if verdict.reason is None else verdict.reason.value,
        "explanation": signatures.explanation(verdict, "" if reference is None else reference.name),
    }
