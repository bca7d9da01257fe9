"""What Amazon's scanner found: DescribeImageScanFindings, which requires the user's AWS keys.

Longshore has no AWS keys. The program ``aws`` finds them in all of their places, and is run where it is installed
(docs.aws.amazon.com, AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html). Not tried live.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from longshore.application.attached.fields import as_list, as_object, as_text, objects
from longshore.application.attached.scanning import Scanner, output_of, unreadable
from longshore.cancellation import Cancellation
from longshore.errors import ScanFailed
from longshore.oci.foreign_json import LISTING, parse_json
from longshore.oci.image_config import parse_time
from longshore.oci.reference import Reference
from longshore.oci.scan_result import Finding, ScanResult, Severity

_HOST = re.compile(
    r"([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]{1,40})\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
)


def command_line(program: Path, image: Reference, digest: str) -> list[str] | None:
    """The words that ask for the findings; None if *image* is not in a private registry of Amazon's."""
    found = _HOST.fullmatch(image.domain)
    if found is None:
        return None
    return [
        str(program),
        "ecr",
        "describe-image-scan-findings",
        f"--registry-id={found[1]}",
        f"--region={found[2]}",
        f"--repository-name={image.path}",
        f"--image-id=imageDigest={digest}",
        "--max-items=5000",
        "--output=json",
        "--no-cli-pager",
    ]


def scan_result(
    image: Reference, digest: str, environ: Mapping[str, str], cancellation: Cancellation
) -> ScanResult | None:
    """The findings in the manifest *digest*; None if it was not scanned, or the program is not installed. Blocks.

    Raises ScanFailed with the program's own words, Cancelled.
    """
    program = shutil.which("aws", path=environ.get("PATH", ""))
    command = None if program is None else command_line(Path(program), image, digest)
    if program is None or command is None:
        return None
    aws = Scanner("aws", Path(program))
    try:
        # It needs the keys that may be in its environment.
        out = output_of(aws, command, environ, lambda line: None, cancellation, subject=image.familiar)
    except ScanFailed as error:
        if "ScanNotFoundException" in error.detail:
            return None
        raise
    try:
        return findings(parse_json(out, LISTING))
    except ValueError as error:
        raise unreadable(aws, str(error)) from error


def findings(data: Any) -> ScanResult | None:
    """The result in a response; None if the scan is not complete."""
    answer = as_object(data)
    # "ACTIVE" is an enhanced scan, which never ends.
    if as_text(as_object(answer.get("imageScanStatus")).get("status")) not in ("COMPLETE", "ACTIVE"):
        return None
    found = as_object(answer.get("imageScanFindings"))
    return ScanResult.of("Amazon ECR", _findings(found), parse_time(found.get("imageScanCompletedAt")))


def _findings(found: Mapping[str, Any]) -> Iterator[Finding]:
    for one in objects(found.get("findings")):
        named = {as_text(each.get("key")): each.get("value") for each in objects(one.get("attributes"))}
        yield Finding.of(
            one.get("name"),
            Severity.of(one.get("severity")),
            named.get("package_name"),
            named.get("package_version"),
            "",
            one.get("description"),
        )
    for one in objects(found.get("enhancedFindings")):
        about = as_object(one.get("packageVulnerabilityDetails"))
        package = as_object(next(iter(as_list(about.get("vulnerablePackages"))), None))
        yield Finding.of(
            about.get("vulnerabilityId") or one.get("title"),
            Severity.of(one.get("severity")),
            package.get("name"),
            package.get("version"),
            package.get("fixedInVersion"),
            one.get("title"),
        )
