"""Text about what is attached to an image: what it is, what it says, how it is attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.application.attached.finding import How
from longshore.application.attached.kinds import Kind
from longshore.language import tr
from longshore.oci.digest import short
from longshore.oci.scan_result import Severity
from longshore.secrecy import without_likely_secrets
from longshore.words import errors, signatures, text, times
from longshore.words.artifacts import kind_name

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment, Found
    from longshore.application.attached.provenance import Provenance
    from longshore.application.attached.reading import Said
    from longshore.application.attached.registry_scans import RegistryScan
    from longshore.application.attached.sboms import Sbom
    from longshore.application.signatures.verifying import Verdict
    from longshore.oci.scan_result import ScanResult

#: Hexadecimal digits of a commit that are shown in a line.
_COMMIT = 7
#: The severities that a line counts; the others are added up.
_LOUD = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)


def title(attachment: Attachment, said: Said | None = None) -> str:
    """Return the title of *attachment*: what it is, and of an index the platform that it belongs to."""
    name = kind_name(attachment.kind if said is None else said.kind)
    if attachment.platform is None or not attachment.platform.known:
        return name
    return tr("{0} for {1}").replace("{0}", name).replace("{1}", text.safe(str(attachment.platform), 60))


def says(attachment: Attachment, said: Said | None = None) -> str:
    """Return what *attachment* says in one line; without *said*, what its types and annotations say."""
    if said is not None:
        if said.problem is not None:
            return errors.message(said.problem)
        if said.sbom is not None:
            return sbom(said.sbom)
        if said.provenance is not None:
            return provenance(said.provenance)
        if said.scan is not None:
            return scan(said.scan)
    if attachment.kind is Kind.SIGNATURE and "cosign" in attachment.media_type:
        return tr("made by cosign")
    # The kind names these already.
    named = (said.predicate if said is not None else "") or attachment.predicate
    return text.safe(named or attachment.artifact_type or attachment.media_type, 200)


def verdict_word(verdict: Verdict) -> str:
    """Return the verdict on a signature in a word."""
    return tr("verified") if verdict.signed else signatures.state_word(verdict.state)


def sbom(found: Sbom) -> str:
    """Return an SBOM in one line: ``SPDX 2.3, 214 packages, made by syft 1.18``."""
    parts = [text.safe(found.format, 40), packages(len(found.packages))]
    if found.tool:
        parts.append(tr("made by {0}").replace("{0}", text.safe(found.tool, 60)))
    return ", ".join(parts)


def packages(number: int) -> str:
    """Return a number of packages."""
    return tr("1 package") if number == 1 else tr("{0} packages").replace("{0}", f"{number:,}")


def provenance(found: Provenance) -> str:
    """Return provenance in one line: ``SLSA 1.0, GitHub Actions, acme/web@4be91d0``."""
    source = _foreign(found.source)
    place, _, path = source.removesuffix(".git").rpartition("://")[2].partition("/")
    source = path or place
    if source and found.revision:
        source = f"{source}@{_foreign(found.revision)[:_COMMIT]}"
    parts = [f"SLSA {text.safe(found.version, 10)}".strip(), builder(found), source]
    return ", ".join(part for part in parts if part)


def builder(found: Provenance) -> str:
    """Return the name of a builder: a service if it is a known one, otherwise its address."""
    named = _foreign(found.builder)
    if named.startswith("https://github.com/actions/"):
        return tr("GitHub Actions")
    if named.startswith("https://github.com/slsa-framework/slsa-github-generator"):
        return tr("GitHub Actions, SLSA generator")
    if named.startswith("https://gitlab.com/"):
        return tr("GitLab")
    if named.startswith("https://cloudbuild.googleapis.com/"):
        return tr("Google Cloud Build")
    if not named and "mobyproject.org/buildkit" in found.build_type:
        return tr("BuildKit")
    return named.rpartition("://")[2]


def facts(found: Provenance) -> list[tuple[str, str]]:
    """Return what provenance says as names and values, without empty ones."""
    built = [moment for moment in (found.finished, found.started) if moment is not None]
    took = None
    if found.started is not None and found.finished is not None:
        took = (found.finished - found.started).total_seconds()
    when = f"{times.moment_text(built[0])} ({times.age(built[0])})" if built else ""
    if took is not None and took > 0:
        when = tr("{0}, took {1}").replace("{0}", when).replace("{1}", times.duration(took))
    rows = [
        (tr("Builder"), _foreign(found.builder)),
        (tr("Build type"), _foreign(found.build_type)),
        (tr("Source"), _foreign(found.source)),
        (tr("Revision"), _foreign(found.revision)),
        (tr("Branch or tag"), _foreign(found.ref)),
        (tr("Entry point"), _foreign(found.entry_point)),
        (tr("Built"), when),
        (tr("Run"), _foreign(found.run)),
        (tr("Materials"), f"{found.materials:,}" if found.materials else ""),
    ]
    return [(name, value) for name, value in rows if value]


def scan(found: ScanResult) -> str:
    """Return the result of a scan in one line: ``Trivy 0.58: 1 critical, 3 high, 12 others``."""
    return f"{text.safe(found.scanner, 60)}: {severities(found)}"


def registry_scan(own: RegistryScan) -> str:
    """Return the result of a registry's own scan: ``Scanned by Harbor with Trivy 0.58: 1 critical``."""
    return (
        tr("Scanned by {0} with {1}").replace("{0}", own.by).replace("{1}", scan(own.result))
        if own.result.scanner != own.by
        else tr("Scanned by {0}").replace("{0}", scan(own.result))
    )


def severities(found: ScanResult) -> str:
    """Return the numbers of findings by severity, the worst first; ``no findings`` without any."""
    parts = [f"{number:,} {severity_name(one)}" for one, number in found.counts if one in _LOUD]
    rest = sum(number for one, number in found.counts if one not in _LOUD)
    if rest:
        parts.append(tr("1 other") if rest == 1 else tr("{0} others").replace("{0}", f"{rest:,}"))
    return ", ".join(parts) or tr("no findings")


def severity_name(severity: Severity) -> str:
    """Return the word for a severity."""
    return {
        Severity.CRITICAL: tr("critical"),
        Severity.HIGH: tr("high"),
        Severity.MEDIUM: tr("medium"),
        Severity.LOW: tr("low"),
        Severity.NEGLIGIBLE: tr("negligible"),
        Severity.UNKNOWN: tr("unknown"),
    }[severity]


def how(attachment: Attachment) -> str:
    """Return how *attachment* is attached."""
    match attachment.how:
        case How.REFERRER:
            return tr("referrer")
        case How.INDEX:
            return tr("in the index")
        case How.TAG:
            algorithm, _, rest = attachment.tag.partition("-")
            digits, _, ending = rest.partition(".")
            return tr("tag {0}").replace("{0}", text.safe(f"{algorithm}-{digits[:7]}….{ending}", 60))


def tooltip(attachment: Attachment) -> list[tuple[str, str]]:
    """Return everything that is known about *attachment* as names and values."""
    rows = [
        (tr("Attached to"), attachment.subject),
        (tr("How"), tr("tag {0}").replace("{0}", attachment.tag) if attachment.tag else how(attachment)),
        (tr("Media type"), attachment.media_type),
        (tr("Artifact type"), attachment.artifact_type),
        (tr("Statement"), attachment.predicate),
        (tr("Digest"), attachment.digest),
        (tr("Size"), text.size(attachment.size)),
        (tr("Created"), times.moment_text(attachment.created) if attachment.created is not None else ""),
        *((name, value) for name, value in attachment.annotations if len(value) < 200),
    ]
    return [(text.safe(name, 80), _foreign(value)) for name, value in rows if value]


def nothing(found: Found) -> str:
    """Return the sentence for an image with nothing attached."""
    if found.unlisted:
        return tr("Nothing was found, but {0} does not list everything.").replace(
            "{0}", text.safe(_place(found), 80)
        )
    return tr("Nothing is attached: no signature, SBOM or provenance.")


def incomplete(found: Found) -> list[str]:
    """Return sentences about what *found* lacks; none if it is complete."""
    out = []
    if found.unlisted:
        out.append(tr("There may be more: {0}").replace("{0}", text.safe(found.unlisted, 300)))
    if found.left_out:
        out.append(tr("{0} more are attached than are listed here.").replace("{0}", f"{found.left_out:,}"))
    return out


def unknown_form(attachment: Attachment, said: Said) -> str:
    """Return the sentence for a document in a form that is not read here."""
    named = f"{title(attachment, said)} {attachment.digest}"
    kind = text.safe(attachment.media_type, 100)
    return tr("{0}: Longshore does not read this form ({1}).").replace("{0}", named).replace("{1}", kind)


def _place(found: Found) -> str:
    return found.end.reference.domain if found.end.reference is not None else short(found.digest)


def _foreign(value: str) -> str:
    return text.safe(without_likely_secrets(value), 500)
