"""The fields of attached documents that are read; everything else is dropped while a document is parsed."""

from __future__ import annotations

_ENVELOPES = "dsseEnvelope messageSignature payload payloadType predicateType predicate Data _type"
_SPDX = """
    spdxVersion packages name versionInfo licenseConcluded licenseDeclared externalRefs referenceType referenceLocator
    creationInfo creators created primaryPackagePurpose
    @graph type specVersion software_packageVersion software_packageUrl spdxId @id from to relationshipType
    simplelicensing_licenseExpression createdUsing
"""
_CYCLONEDX = """
    bomFormat specVersion metadata timestamp tools components version purl group licenses license id expression services
"""
_PROVENANCE = """
    builder buildType invocation configSource uri digest sha1 sha256 gitCommit entryPoint buildStartedOn buildFinishedOn
    buildInvocationId invocationId materials buildDefinition externalParameters workflow repository ref path
    resolvedDependencies runDetails startedOn finishedOn https://mobyproject.org/buildkit@v1#metadata buildkit_metadata
    vcs source revision
"""
_SCANS = """
    runs tool driver rules properties security-severity shortDescription text defaultConfiguration level results ruleId
    ruleIndex rule index message suppressions kind
    SchemaVersion ArtifactName CreatedAt Results Target Class Vulnerabilities VulnerabilityID PkgName InstalledVersion
    FixedVersion Severity Title
    matches vulnerability severity fix versions state description artifact descriptor scanner result scanFinishedOn
    Trivy Version
"""
ALL = frozenset(f"{_ENVELOPES} {_SPDX} {_CYCLONEDX} {_PROVENANCE} {_SCANS}".split())
