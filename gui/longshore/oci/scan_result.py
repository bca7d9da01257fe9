"""What a scan for vulnerabilities found, whoever scanned: values only. Immutable, any thread."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

#: Longest text of a field of a finding, in characters.
_LONGEST = 500


class Severity(enum.Enum):
    """How severe a finding is, the worst first. The values are those of the JSON output: never rename."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEGLIGIBLE = "negligible"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, text: object) -> Severity:
        """The severity that a scanner calls *text*; UNKNOWN for every other word."""
        return _WORDS.get(text.strip().lower(), cls.UNKNOWN) if isinstance(text, str) else cls.UNKNOWN

    @classmethod
    def of_score(cls, score: float) -> Severity:
        """The severity of a CVSS score (FIRST, CVSS v3.1 specification, "Qualitative Severity Rating Scale")."""
        for least, severity in ((9.0, cls.CRITICAL), (7.0, cls.HIGH), (4.0, cls.MEDIUM), (0.1, cls.LOW)):
            if score >= least:
                return severity
        return cls.NEGLIGIBLE


_WORDS = {
    "critical": Severity.CRITICAL,
    "defcon1": Severity.CRITICAL,  # Clair's word for the very worst
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "negligible": Severity.NEGLIGIBLE,
    "informational": Severity.NEGLIGIBLE,
    "none": Severity.NEGLIGIBLE,
}
#: The severities in order, the worst first.
SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. *name*: of the vulnerability or the rule. *fixed*: the version that repairs it, "" if none is known.
    The texts come from the scanner: clean them before they are shown."""

    name: str
    severity: Severity
    package: str = ""
    version: str = ""
    fixed: str = ""
    title: str = ""

    @classmethod
    def of(
        cls,
        name: object,
        severity: Severity,
        package: object = "",
        version: object = "",
        fixed: object = "",
        title: object = "",
    ) -> Finding:
        """A finding of whatever a document has in these places; what is not text is left out."""
        named = (_text(one) for one in (package, version, fixed, title))
        return cls(_text(name), severity, *named)


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The result of one scan. *scanner*: its name and version. *counts*: findings by severity, the worst first, without
    those of which there are none. *findings*: the worst first; fewer than counted if only the
    numbers are known."""

    scanner: str
    counts: tuple[tuple[Severity, int], ...]
    findings: tuple[Finding, ...] = ()
    finished: datetime | None = None

    @property
    def total(self) -> int:
        """How many findings there are."""
        return sum(number for _, number in self.counts)

    @classmethod
    def of(cls, scanner: str, findings: Iterable[Finding], finished: datetime | None = None) -> ScanResult:
        """The result with *findings*, which are counted and sorted."""
        order = {severity: number for number, severity in enumerate(SEVERITIES)}
        every = sorted(findings, key=lambda one: order[one.severity])
        counted = dict.fromkeys(SEVERITIES, 0)
        for one in every:
            counted[one.severity] += 1
        return cls(scanner[:_LONGEST], counts_of(counted), tuple(every), finished)


def counts_of(numbers: dict[Severity, int]) -> tuple[tuple[Severity, int], ...]:
    """*numbers*, the worst first, without zeros."""
    return tuple((severity, numbers[severity]) for severity in SEVERITIES if numbers.get(severity, 0) > 0)


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
