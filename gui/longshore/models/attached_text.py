"""Rows of the list of attachments: their titles, icons and names of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.application.attached.kinds import Kind
from longshore.application.signatures.verifying import SignatureState
from longshore.language import tr
from longshore.models.attached import AttachedRow
from longshore.models.columns import Tone
from longshore.oci.digest import short
from longshore.oci.scan_result import Severity
from longshore.words import attached as words
from longshore.words import signatures as signature_words
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment
    from longshore.application.attached.reading import Said
    from longshore.application.attached.registry_scans import RegistryScan
    from longshore.application.signatures.verifying import Verdict
    from longshore.oci.scan_result import ScanResult

_ICONS = {
    Kind.SIGNATURE: "lock",
    Kind.BUNDLE: "lock",
    Kind.SBOM: "sbom",
    Kind.PROVENANCE: "recent",
    Kind.SCAN: "search",
    Kind.HELM_CHART: "repository",
}
_VERDICTS = {SignatureState.SIGNED: Tone.GOOD, SignatureState.BROKEN: Tone.BAD}
_ENDINGS = {
    Kind.SBOM: "sbom",
    Kind.PROVENANCE: "provenance",
    Kind.SCAN: "scan",
    Kind.SIGNATURE: "signature",
    Kind.BUNDLE: "bundle",
}


def row_of(
    attachment: Attachment, said: Said | None = None, verdict: Verdict | None = None, name: str = ""
) -> AttachedRow:
    """Return the row of *attachment*. *said*: what it says, None if it was not read yet. *verdict*: on a signature of
    the image *name*."""
    kind = attachment.kind if said is None else said.kind
    tip = "\n".join(f"{name}: {value}" for name, value in words.tooltip(attachment)[:20])
    tone = _tone(said.scan) if said is not None and said.scan is not None else Tone.NONE
    pill, says = "", words.says(attachment, said)
    if verdict is not None:
        pill, says = words.verdict_word(verdict), signature_words.explanation(verdict, name)
        tone = _VERDICTS.get(verdict.state, Tone.OUTLINE)
    return AttachedRow(
        words.title(attachment, said),
        says,
        text.size(attachment.size),
        said is not None and said.provenance is not None,
        _ICONS.get(kind, "info"),
        pill=pill,
        tone=tone,
        tip=f"{says}\n{tip}" if verdict is not None else tip,
        attachment=attachment,
        said=said,
    )


def own_scan_row(own: RegistryScan) -> AttachedRow:
    """Return the row of the registry's own scan."""
    title = tr("Scan by {0}").replace("{0}", own.by)
    return AttachedRow(title, words.scan(own.result), icon="search", tone=_tone(own.result), scan=own.result)


def scanned_row(result: ScanResult) -> AttachedRow:
    """Return the row of a scan that was run here."""
    return AttachedRow(
        tr("Scan on this machine"), words.scan(result), icon="search", tone=_tone(result), scan=result
    )


def file_name(attachment: Attachment, said: Said | None) -> str:
    """Return a name for the file of the document: ``sbom-1c9e8b0f.json``."""
    kind = attachment.kind if said is None else said.kind
    media = attachment.media_type
    ending = "json" if "json" in media or "in-toto" in media else "xml" if "xml" in media else "bin"
    return f"{_ENDINGS.get(kind, 'attachment')}-{short(attachment.digest)}.{ending}"


def _tone(result: ScanResult) -> Tone:
    worst = result.counts[0][0] if result.counts else None
    if worst in (Severity.CRITICAL, Severity.HIGH):
        return Tone.BAD
    return Tone.CAUTION if worst is Severity.MEDIUM else Tone.NONE
