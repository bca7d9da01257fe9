"""Steps that several black-box tests perform in the window."""

from __future__ import annotations

import http.client

from testbed.driver import Window

_ANY = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
OPERATION, SOURCE, DESTINATION, STATUS, PROGRESS, TRANSFERRED = range(6)


def head_manifest(address: str, repository: str, tag: str) -> int:
    """The status that a registry returns for a tag."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(
            "HEAD",
            f"/v2/{repository}/manifests/{tag}",
            headers={
                "Accept": "application/vnd.docker.distribution.manifest.v2+json, "
                "application/vnd.oci.image.manifest.v1+json"
            },
        )
        return connection.getresponse().status
    finally:
        connection.close()


def manifest_digest(address: str, repository: str, tag: str) -> str:
    """The digest that a tag points to in a registry, "" if there is none."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers={"Accept": _ANY})
        answer = connection.getresponse()
        return answer.headers.get("Docker-Content-Digest", "") if answer.status == 200 else ""
    finally:
        connection.close()


def wait_status(window: Window, status: str, timeout: float = 40) -> list[str]:
    """Wait until a transfer has this status; returns its row."""

    def found() -> list[str]:
        # Read once: between two reads the row may become another transfer's.
        rows = window.table("Transfers").rows
        return next((row for row in rows if len(row) > STATUS and row[STATUS] == status), [])

    return window.wait(found, f"a transfer that is {status}", timeout)


def open_repository(window: Window, registry: str, repository: str) -> None:
    """Select a repository, so that its tags are shown."""
    window.wait_row("Registries", registry)
    window.click_row("Registries", repository)


def pull_by_name(window: Window, reference: str) -> None:
    """Pull with the dialog of Ctrl+L."""
    window.keys("ctrl+l")
    window.wait_for("Reference", "text")
    window.keys("ctrl+a")
    window.type(reference)
    window.keys("Return")
    window.wait(lambda: window.find("Reference", "text") is None, "the box to close")


def push_selected(window: Window, repository: str, tag: str, registry: str, *, waits: bool = True) -> None:
    """Push a local image with the button. *waits*: wait until the registry has reported that the tag is new."""
    window.click_row("Registries", registry)
    window.click_row("Local images", repository, tag)
    window.press("Push")
    window.wait_for("Resulting references")
    if waits:
        window.wait_row("Resulting references", "new tag")
    window.keys("Return")
