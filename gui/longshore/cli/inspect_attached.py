"""``inspect --attached``, ``--packages`` and ``--findings``: what is attached to an image, and what it says."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from longshore.application.attached.kinds import Kind
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.streams import report, write
from longshore.errors import InvalidInput, LongshoreError
from longshore.language import tr
from longshore.words import attached as words
from longshore.words import text, times

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment, Found
    from longshore.application.attached.provenance import Provenance
    from longshore.application.attached.reading import Said
    from longshore.application.attached.registry_scans import RegistryScan
    from longshore.application.attached.sboms import Package
    from longshore.application.session import Session
    from longshore.oci.scan_result import Finding, ScanResult
    from longshore.transfers.transfer import Endpoint

HELP = """\
--attached lists signatures, SBOMs, provenance and whatever else is attached: referrers, the tags of cosign
(sha256-….sig), and the attestations of an index. It reads manifests, which Docker Hub counts as pulls. For an image of
an engine it looks in the registry that the image comes from. --packages lists the packages that the attached SBOMs
name, --findings what attached scan results found, and the registry's own scan (Harbor, Quay, Amazon ECR). Nothing of
this is verified. --scan runs trivy or grype, whichever is installed, and prints its findings; its own words go to
standard error. --format csv prints packages or findings for a spreadsheet.
"""


def add(parser: argparse.ArgumentParser, which: argparse._MutuallyExclusiveGroup) -> None:
    """Add the options to ``inspect``. *which*: the group of those that exclude each other."""
    which.add_argument(
        "--attached",
        action="store_true",
        help="what is attached: signatures, SBOMs, provenance, scan results",
    )
    which.add_argument("--packages", action="store_true", help="the packages that the attached SBOMs name")
    which.add_argument("--findings", action="store_true", help="what the attached scan results found")
    which.add_argument(
        "--scan", action="store_true", help="scan it with trivy or grype, where one is installed"
    )
    parser.add_argument(
        "--scanner", choices=("trivy", "grype"), help="of --scan (default: the first that is installed)"
    )
    parser.add_argument(
        "--format",
        choices=("table", "csv"),
        default="table",
        help="of --packages, --findings and --scan (default: table)",
    )


def asked(arguments: argparse.Namespace) -> bool:
    """Whether *arguments* ask for this. Raises InvalidInput for a format of something else."""
    listed = arguments.packages or arguments.findings or arguments.scan
    if arguments.format == "csv" and not listed:
        raise InvalidInput("--format csv needs --packages, --findings or --scan.")
    if arguments.scanner and not arguments.scan:
        raise InvalidInput("--scanner needs --scan.")
    if arguments.format == "csv" and arguments.json:
        raise InvalidInput("--format csv and --json exclude each other.")
    return bool(arguments.attached or listed)


def run(session: Session, arguments: argparse.Namespace, output: Output, end: Endpoint) -> int:
    """Print what is attached to the image at *end*, or scan it."""
    if arguments.scan:
        return _scan(session, arguments, output, end)
    from longshore.application.attached import reading
    from longshore.application.attached.finding import find
    from longshore.cancellation import Cancellation

    cancellation = Cancellation()
    found = find(end, session.clients, cancellation, arguments.platform)
    rows: list[tuple[Attachment, Said]] = []
    reading.read_all(found, session.clients, cancellation, lambda *row: rows.append(row))
    own = None if arguments.packages else _own_scan(session, found, output)
    if arguments.packages:
        packages = [(one, package) for one, said in rows if said.sbom for package in said.sbom.packages]
        known = not any(said.problem or unknown_form(arguments, said) for _, said in rows)
        _packages(output, packages, csv=arguments.format == "csv", known=known)
    elif arguments.findings:
        findings = [(_of(one), finding) for one, said in rows if said.scan for finding in said.scan.findings]
        findings += [(_of_scan(own), finding) for finding in own.result.findings] if own else []
        known = not any(said.problem or unknown_form(arguments, said) for _, said in rows)
        _findings(output, findings, csv=arguments.format == "csv", known=known)
    else:
        _attached(output, found, rows, own)
    whole = not found.left_out
    for one, said in rows:
        if said.problem is not None:
            output.error(said.problem, at=f"{words.title(one, said)} {one.digest}")
            whole = False
        elif unknown_form(arguments, said):
            output.warning(words.unknown_form(one, said))
            whole = False
    for sentence in words.incomplete(found):
        output.warning(sentence)
    return exit_codes.DONE if whole else exit_codes.SOME_FAILED


def unknown_form(arguments: argparse.Namespace, said: Said) -> bool:
    """Whether *said* is of a document that *arguments* ask for, in a form that is not read here, such as XML."""
    if arguments.packages:
        return said.kind is Kind.SBOM and said.sbom is None
    return bool(arguments.findings) and said.kind is Kind.SCAN and said.scan is None


def _scan(session: Session, arguments: argparse.Namespace, output: Output, end: Endpoint) -> int:
    from longshore.application.attached import scanning
    from longshore.cli.interrupting import cancelled_by_signal

    found = scanning.installed(session.environ)
    wanted = [one for one in found if arguments.scanner in (None, one.name)]
    if not wanted:
        name = arguments.scanner or tr("trivy or grype")
        raise LongshoreError(
            "No scanner was found.", advice=tr("Install {name} to scan images.").replace("{name}", name)
        )

    def told(line: str) -> None:
        if not output.quiet:
            report(f"{line}\n")

    with cancelled_by_signal(also_ended=True) as cancellation:
        result = scanning.scan(wanted[0], end, session.environ, told, cancellation)
    image = None if end.reference is None else str(end.reference)
    output.record("scan", {"reference": image, "scan": scan_values(result)})
    if arguments.format != "csv":
        output.line(words.scan(result))
    if result.findings or arguments.format == "csv":
        _findings(output, [(_NOWHERE, one) for one in result.findings], csv=arguments.format == "csv")
    return exit_codes.DONE


def _own_scan(session: Session, found: Found, output: Output) -> RegistryScan | None:
    """The result of the registry's own scan. What prevents it is a warning: the rest is shown."""
    from longshore.application.attached.registry_scans import registry_scan
    from longshore.cancellation import Cancellation

    try:
        return registry_scan(found, session.clients, Cancellation())
    except LongshoreError as error:
        output.warning(tr("The registry's own scan is not shown: {0}").replace("{0}", error.message))
        return None


def _attached(
    output: Output, found: Found, rows: list[tuple[Attachment, Said]], own: RegistryScan | None = None
) -> None:
    for one, said in rows:
        output.record("attachment", attachment_values(found, one, said))
    if own is not None:
        image = None if found.end.reference is None else str(found.end.reference)
        output.record(
            "registry_scan",
            {"reference": image, "by": own.by, "digest": own.digest, "scan": scan_values(own.result)},
        )
    if output.quiet:
        for one, _ in rows:
            output.result(one.digest)
        return
    if own is not None:
        output.line(words.registry_scan(own))
    if not rows:
        output.line(words.nothing(found))
        return
    output.table(
        [tr("Attached"), tr("What it says"), tr("Size"), tr("How"), tr("Digest")],
        [
            [words.title(one, said), words.says(one, said), text.size(one.size), words.how(one), one.digest]
            for one, said in rows
        ],
        elided=[4],
        prose=1,
        spare=[3],
    )
    for one, said in rows:
        if said.provenance is not None:
            output.line("")
            output.line(words.title(one, said))
            for name, value in words.facts(said.provenance):
                output.line(f"  {name + ':':<15}{value}")


def _packages(
    output: Output, rows: list[tuple[Attachment, Package]], *, csv: bool, known: bool = True
) -> None:
    """Print *rows*; for people, each package once. *known*: all documents were read."""
    for one, package in rows:
        output.record(
            "package",
            {
                "name": package.name,
                "version": package.version or None,
                "licence": package.licence or None,
                "type": package.type or None,
                "purl": package.purl or None,
                **_of(one),
            },
        )
    once = list(dict.fromkeys(package for _, package in rows))
    if csv:
        from longshore.application.attached.exporting import packages_csv

        write(packages_csv(once))
        return
    if not once:
        if known:
            output.line(tr("No SBOM is attached to this image."))
        return
    output.table(
        [tr("Package"), tr("Version"), tr("Licence"), tr("Type")],
        [
            [
                text.safe(one.name, 200),
                text.safe(one.version, 100),
                text.safe(one.licence, 200),
                text.safe(one.type, 40),
            ]
            for one in once
        ],
        elided=[0, 1],
        prose=2,
        spare=[3],
    )


def _findings(
    output: Output, rows: list[tuple[dict[str, Any], Finding]], *, csv: bool, known: bool = True
) -> None:
    for where, finding in rows:
        output.record("finding", {**finding_values(finding), **where})
    once = list(dict.fromkeys(finding for _, finding in rows))
    if csv:
        from longshore.application.attached.exporting import findings_csv

        write(findings_csv(once))
        return
    if not once:
        if known:
            output.line(tr("No scan result with findings is attached to this image."))
        return
    output.table(
        [tr("Severity"), tr("Vulnerability"), tr("Package"), tr("Version"), tr("Fixed in"), tr("Title")],
        list(_cells(once)),
        elided=[2, 3],
        prose=5,
        spare=[5],
    )


def _cells(findings: Iterable[Finding]) -> Iterator[list[str]]:
    for one in findings:
        named = (one.name, one.package, one.version, one.fixed, one.title)
        yield [words.severity_name(one.severity), *(text.safe(value, 200) for value in named)]


#: Where a finding of a scan that was run now is from.
_NOWHERE = {"digest": None, "manifest_digest": None, "subject": None, "platform": None}


def attachment_values(found: Found, one: Attachment, said: Said) -> dict[str, Any]:
    """An attachment in JSON."""
    return {
        "reference": None if found.end.reference is None else str(found.end.reference),
        "image_digest": found.digest,
        "what": said.kind.value,
        "how": one.how.value,
        **_of(one),
        "tag": one.tag or None,
        "media_type": one.media_type or None,
        "artifact_type": one.artifact_type or None,
        "predicate_type": said.predicate or one.predicate or None,
        "size": one.size,
        "created": None if one.created is None else one.created.isoformat(),
        "annotations": dict(one.annotations),
        "in_envelope": said.signed,
        "sbom": None
        if said.sbom is None
        else {
            "format": said.sbom.format,
            "packages": len(said.sbom.packages),
            "tool": said.sbom.tool or None,
            "created": None if said.sbom.created is None else said.sbom.created.isoformat(),
        },
        "provenance": None if said.provenance is None else provenance_values(said.provenance),
        "scan": None if said.scan is None else scan_values(said.scan),
        "problem": None if said.problem is None else said.problem.message,
    }


def _of(one: Attachment) -> dict[str, Any]:
    return {
        "digest": one.digest,
        "manifest_digest": one.manifest,
        "subject": one.subject,
        "platform": None if one.platform is None else str(one.platform),
    }


def _of_scan(own: RegistryScan) -> dict[str, Any]:
    return {
        "digest": own.digest,
        "manifest_digest": own.digest,
        "subject": own.digest,
        "platform": None,
    }


def provenance_values(found: Provenance) -> dict[str, Any]:
    """Provenance in JSON."""
    from longshore.secrecy import without_likely_secrets

    def said(value: str) -> str | None:
        return without_likely_secrets(value) or None

    return {
        "slsa": found.version,
        "builder": said(found.builder),
        "build_type": said(found.build_type),
        "source": said(found.source),
        "revision": said(found.revision),
        "ref": said(found.ref),
        "entry_point": said(found.entry_point),
        "run": said(found.run),
        "started": None if found.started is None else times.aware(found.started).isoformat(),
        "finished": None if found.finished is None else times.aware(found.finished).isoformat(),
        "materials": found.materials,
    }


def scan_values(found: ScanResult) -> dict[str, Any]:
    """The result of a scan in JSON, without its findings."""
    return {
        "scanner": found.scanner,
        "counts": {severity.value: number for severity, number in found.counts},
        "finished": None if found.finished is None else times.aware(found.finished).isoformat(),
    }


def finding_values(one: Finding) -> dict[str, Any]:
    """A finding in JSON."""
    return {
        "severity": one.severity.value,
        "vulnerability": one.name or None,
        "package": one.package or None,
        "version": one.version or None,
        "fixed": one.fixed or None,
        "title": one.title or None,
    }
