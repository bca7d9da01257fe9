"""What a Dockerfile has that only BuildKit does."""

from __future__ import annotations

import pytest

from longshore.building.buildkit_only import Need, Needs, buildkit_needs


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("COPY --exclude=*.txt . /", "COPY --exclude"),
        ("copy --from=a --parents a/b /", "COPY --parents"),
        ("COPY --chmod=600 a /", "COPY --chmod"),
        ("ADD --checksum=sha256:00 http://h/f /", "ADD --checksum"),
        ("ADD --keep-git-dir=true http://h/r.git /", "ADD --keep-git-dir"),
        ("ONBUILD ADD --exclude=a . /", "ADD --exclude"),
        ("RUN --mount=type=cache,target=/c make", "RUN --mount"),
        ("RUN --network=none make", "RUN --network"),
        ("RUN --security=insecure make", "RUN --security"),
        ("ARG A=1 TARGETARCH", "TARGETARCH"),
        ("FROM --platform=$BUILDPLATFORM a", "BUILDPLATFORM"),
        ("FROM --platform=${TARGETPLATFORM} a", "TARGETPLATFORM"),
    ],
)
def test_what_is_needed(line: str, what: str) -> None:
    assert buildkit_needs(f"FROM a\n\n{line}\nCOPY --exclude=later . /\n", ()) == Needs(Need(3, what), False)


@pytest.mark.parametrize(
    "line",
    [
        "COPY --from=a --chown=1:1 a /",
        "RUN make --mount=x",
        "ADD --keep-git-dir=false http://h/r.git /",
        "ARG TARGETARCH=amd64",
        "ARG BUILDARCH",
        "FROM --platform=linux/amd64 a",
        "# COPY --exclude=a . /",
    ],
)
def test_what_the_classic_builder_has(line: str) -> None:
    assert buildkit_needs(f"FROM a\n{line}\n", {"BUILDARCH"}) == Needs(None, False)


def test_links() -> None:
    assert buildkit_needs("FROM a\nCOPY --link a /\n", ()) == Needs(None, True)
    assert buildkit_needs("FROM a\nCOPY --link=false a /\n", ()) == Needs(None, False)
