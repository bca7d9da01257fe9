"""Registries of all kinds in the window: with sign-in, unknown certificates or pinned names, and hostile ones."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.home import PrivateHome
from testbed.hostile import EndlessCatalogue
from testbed.images import seed_repository, small_image
from testbed.registry import PrivateRegistry
from testbed.steps import head_manifest, open_repository, push_selected, wait_status
from testbed.throttle import Throttle

Start = Callable[..., Window]


def menu(window: Window, registry: str, item: str) -> None:
    """Choose an item of the Registry menu for *registry*."""
    window.click_row("Registries", registry)
    window.keys("alt+r")
    window.click(window.wait_for(item, "menu item"))


def docker(home: PrivateHome, engine: PrivateEngine, *arguments: str, given: str = "") -> str:
    """Run the docker CLI on the engine, in the window's home."""
    done = subprocess.run(
        ["docker", *arguments],
        input=given,
        env=home.helper_environ({"DOCKER_HOST": engine.host}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def sign_in(window: Window, registry: PrivateRegistry) -> None:
    """Fill in and confirm the open sign-in sheet."""
    window.wait_for("User name", "text")
    window.type(registry.username)
    window.keys("Tab")
    window.type(registry.password)
    window.keys("Return")


def seed(registry: PrivateRegistry, repository: str) -> None:
    """Put one small image into the repository, tag 1."""
    server = registry.token_server
    token = server.make_token(registry.username, [f"repository:{repository}:pull,push"]) if server else ""
    seed_repository(
        registry.address,
        repository,
        ["1"],
        layers=[30_000],
        credentials=(registry.username, registry.password) if registry.auth == "htpasswd" else None,
        token=token,
        ca_file=registry.ca_file,
    )


def test_a_refused_push_goes_on_by_itself_after_the_sign_in(
    start: Start, testbed_engine: PrivateEngine, token_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    """The push fails because it needs a sign-in; the row offers one; then the push and a pull succeed."""
    seed(token_registry, "tokens/app")
    with testbed_engine.client() as client:
        small_image(client, "tokens/mine:1")
    window = start(token_registry)
    push_selected(window, "tokens/mine", "1", token_registry.address, waits=False)
    wait_status(window, "Failed")
    window.wait_text(f"Sign in to {token_registry.address} to push")
    # The row's offer is below the button of the pane above.
    offers = window.find_all("Sign in…", "push button", "button")
    window.click(max(offers, key=lambda node: node.center[1]))
    sign_in(window, token_registry)
    wait_status(window, "Succeeded")
    open_repository(window, token_registry.address, "tokens/app")
    window.click_row("Tags", "1")
    window.press("Pull")
    window.wait_row("Local images", f"{token_registry.address}/tokens/app", "1", timeout=40)
    # As with docker login, the refresh token is stored if the service issues one, and not the password.
    kept = (private_home.docker_config / "config.json").read_text("utf-8")
    assert "identitytoken" in kept
    docker(private_home, testbed_engine, "pull", f"{token_registry.address}/tokens/mine:1")
    assert token_registry.password not in window.output()


def test_who_may_not_push_is_told_so(
    start: Start, testbed_engine: PrivateEngine, token_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    server = token_registry.token_server
    assert server is not None
    server.users["reader"] = "only-reads"
    server.grant("reader", "*", ["pull"])
    docker(
        private_home, testbed_engine, "login", "-u", "reader", "--password-stdin", token_registry.address,
        given="only-reads",
    )  # fmt: skip
    with testbed_engine.client() as client:
        small_image(client, "forbidden/mine:1")
    window = start(token_registry)
    window.wait_row("Registries", token_registry.address, "reader")
    push_selected(window, "forbidden/mine", "1", token_registry.address, waits=False)
    row = wait_status(window, "Failed")
    assert any("not allowed to push" in cell for cell in row), row


def test_a_helper_is_shared_with_docker_both_ways_while_the_window_is_open(
    start: Start, testbed_engine: PrivateEngine, auth_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    private_home.write_keychain("kept")
    private_home.write_docker_config({"credsStore": "kept"})
    window = start(auth_registry, environ=private_home.helper_environ())
    address = auth_registry.address
    window.wait_row("Registries", address, "Sign in…")
    docker(
        private_home, testbed_engine, "login", "-u", auth_registry.username, "--password-stdin", address,
        given=auth_registry.password,
    )  # fmt: skip
    window.wait_row("Registries", address, auth_registry.username)
    menu(window, address, "Account…")
    window.wait_text("docker-credential-kept")
    window.wait_text("Sign-in verified")
    window.keys("Escape")
    docker(private_home, testbed_engine, "logout", address)
    window.wait_row("Registries", address, "Sign in…")
    # The other way round: Longshore stores the sign-in in the configured helper.
    window.press("Sign in…")
    window.wait_text("docker-credential-kept")
    sign_in(window, auth_registry)
    window.wait_row("Registries", address, auth_registry.username)
    assert address in private_home.keychain("kept")
    seed(auth_registry, "helper/app")
    docker(private_home, testbed_engine, "pull", f"{address}/helper/app:1")
    menu(window, address, "Sign out")
    window.wait_row("Registries", address, "Sign in…")
    assert address not in private_home.keychain("kept")


def test_a_missing_helper_harms_its_registry_alone(
    start: Start, auth_registry: PrivateRegistry, open_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    seed(open_registry, "public/app")
    private_home.write_docker_config({"credHelpers": {auth_registry.address: "gone"}})
    window = start(auth_registry, open_registry)
    window.wait_row("Registries", auth_registry.address, "unknown…")
    window.wait(
        lambda: any("docker-credential-gone" in " ".join(row) for row in window.table("Registries").rows),
        "the helper's name at the node",
    )
    open_repository(window, open_registry.address, "public/app")
    window.wait_row("Tags", "1")
    # For this run, a sign-in needs no helper.
    menu(window, auth_registry.address, "Sign in…")
    window.click(window.wait_for("Forget when Longshore closes", "check box"))
    window.wait_text("Kept in memory until Longshore closes")
    window.click(window.wait_for("User name", "text"))
    sign_in(window, auth_registry)
    window.wait_row("Registries", auth_registry.address, auth_registry.username)
    assert auth_registry.username not in (private_home.docker_config / "config.json").read_text("utf-8")


def test_a_certificate_is_looked_at_and_then_trusted(
    start: Start, testbed_engine: PrivateEngine, tls_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    seed(tls_registry, "sealed/trusted")
    assert tls_registry.ca_file is not None
    address, shown = tls_registry.address, tls_registry.ca_file.with_name("server.crt")
    window = start(tls_registry)
    row = window.wait(lambda: note_of(window, "certificate"), "the refusal")
    window.click(window.reveal("Registries", row))
    text = window.wait_text("SHA-256 fingerprint")
    assert fingerprint(shown) in text.replace("\n", "")
    assert "Issuer: CN=Longshore testbed CA" in text
    assert "/etc/docker/certs.d" in window.wait_text("certs.d")
    trust = window.wait_for("Trust", "push button", "button")
    assert not trust.enabled
    box = window.wait_for(
        "I have compared the fingerprint with the one from the registry's administrator", "check box"
    )
    window.click(box)
    window.wait(lambda: window.wait_for("Trust", "push button", "button").enabled, "the button")
    window.press("Trust")
    open_repository(window, address, "sealed/trusted")
    window.click_row("Tags", "1")
    window.press("Pull")
    wait_status(window, "Succeeded")
    kept = list((private_home.config / "longshore" / "certificates").iterdir())
    assert [file.stat().st_mode & 0o777 for file in kept] == [0o600]
    # The next run still trusts the certificate.
    window.stop()
    again = start(tls_registry)
    open_repository(again, address, "sealed/trusted")


def test_the_engine_is_told_by_the_lines_of_the_sheet(
    start: Start, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    """The engine refuses, until the sheet's commands configure it. (On 127.0.0.1 engines accept any certificate.)"""
    if not testbed_engine.is_ours:
        pytest.skip("a lent engine's /etc/docker is not ours to write to")
    with PrivateRegistry(tmp_path / "far", tls=True, host=own_address()) as far:
        seed(far, "sealed/far")
        window = start(far, environ={"NO_PROXY": own_address()})
        window.keys("ctrl+l")
        window.wait_for("Reference", "text")
        window.type(f"{far.address}/sealed/far:1")
        window.keys("Return")
        wait_status(window, "Failed")
        window.press("Certificate…")
        window.click(
            window.wait_for(
                "I have compared the fingerprint with the one from the registry's administrator", "check box"
            )
        )
        lines = window.wait_for("Commands for the engine", "text").text.splitlines()
        window.press("Trust")
        window.wait(lambda: not window.find("Trust", "push button", "button"), "the sheet to close")
        folder = testbed_engine.certificates
        for line in lines:  # as root on the engine's machine, whose /etc/docker/certs.d is this folder
            command = shlex.split(line.replace("/etc/docker/certs.d", str(folder)))
            assert command[0] in ("mkdir", "cp") and len(command) == 3
            subprocess.run(command, check=True)
        try:
            window.click_row("Transfers", "Failed")
            window.press("Retry")
            wait_status(window, "Succeeded")
        finally:
            shutil.rmtree(folder / far.address)


def test_settings_are_kept_and_files_that_are_none_refused(
    start: Start, open_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    window = start(open_registry)
    address = open_registry.address
    window.wait_row("Registries", address)
    menu(window, address, "Settings…")
    window.wait_for("Shown as", "text")
    window.type("Ours")
    window.click(window.wait_for("Certificate authority file", "text"))
    window.type("/nowhere/ca.crt")
    window.keys("Return")
    window.wait_text("No such file")
    window.click(window.wait_for("Certificate authority file", "text"))
    window.keys("ctrl+a", "Delete", "Return")
    window.wait_row("Registries", "Ours")
    assert '"title": "Ours"' in (private_home.config / "longshore" / "settings.json").read_text("utf-8")


def test_a_registry_behind_a_path_is_reached_by_its_settings(start: Start, tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path / "path", prefix="/images/") as registry:
        seed_repository(registry.address, "behind/app", ["1"], layers=[30_000], prefix="/images/")
        window = start(registry)
        menu(window, registry.address, "Settings…")
        window.click(window.wait_for("Path before /v2/", "text"))
        window.type("images")
        window.wait_text("Engines can't use a registry with a path")
        window.keys("Return")
        open_repository(window, registry.address, "behind/app")
        window.wait_row("Tags", "1")


def test_a_registry_that_does_not_list_is_used_by_pinned_names(
    start: Start, token_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    """Users who are not signed in may pull below ``free/`` and list nothing."""
    server = token_registry.token_server
    assert server is not None
    seed(token_registry, "free/app")
    server.grant("", "free/*", ["pull"])
    window = start(token_registry)
    address = token_registry.address
    window.wait_row("Registries", address)
    menu(window, address, "Pin a repository by name…")
    window.wait_for("Repository", "text")
    window.type("free/app")
    window.keys("Return")
    window.wait_row("Tags", "1")
    window.click_row("Tags", "1")
    window.press("Pull")
    wait_status(window, "Succeeded")
    server.revoke("")


def test_pages_without_end_are_survived(start: Start, open_registry: PrivateRegistry) -> None:
    seed(open_registry, "calm/app")
    with EndlessCatalogue() as hostile:
        window = start(hostile.address, open_registry)
        window.wait_row("Registries", hostile.address)
        window.click(window.wait_for("Filter repositories", "text"))
        window.type("calm")  # a filter reads every page there is
        window.wait(lambda: note_of(window, "stopped"), "the listing to be stopped")
        asked = hostile.asked
        window.wait_row("Registries", "calm/app")
        assert hostile.asked == asked < 60


def test_a_tag_is_removed_and_its_siblings_stay(start: Start, open_registry: PrivateRegistry) -> None:
    address = open_registry.address
    seed_repository(address, "remove/app", ["1.0", "1", "latest"], layers=[30_000])
    seed_repository(address, "remove/app", ["2.0"], layers=[20_000], seed="other")
    window = start(open_registry)
    open_repository(window, address, "remove/app")
    window.click_row("Tags", "1.0")
    window.keys("Delete")
    window.wait_text("Other tags of the image stay: latest, 1.")
    window.press("Remove")
    window.wait(lambda: "1.0" not in window.table("Tags").column("Tag"), "the tag to go")
    assert [head_manifest(address, "remove/app", tag) for tag in ("1.0", "1", "latest", "2.0")] == [
        404,
        200,
        200,
        200,
    ]


def test_a_tag_is_removed_with_its_siblings_named(start: Start, open_registry: PrivateRegistry) -> None:
    address = open_registry.address
    seed_repository(address, "remove/whole", ["1.0", "1", "latest"], layers=[30_000])
    seed_repository(address, "remove/whole", ["2.0"], layers=[20_000], seed="other")
    with Throttle(address) as line:
        line.fail_next(r"/blobs/uploads/", 405, 1000)  # so that only whole images can be deleted
        window = start(line.address)
        open_repository(window, line.address, "remove/whole")
        window.click_row("Tags", "1.0")
        window.keys("Delete")
        window.wait_text("2 more tags are removed with it")
        named = window.ask(do="table", name="Tags to remove", roles=["list"])
        assert sorted(cell for row in named["rows"] for cell in row) == ["1", "1.0   (selected)", "latest"]
        window.press("Remove")
        window.wait(lambda: window.table("Tags").column("Tag") == ["2.0"], "the tags to go")
        assert [head_manifest(address, "remove/whole", tag) for tag in ("1.0", "1", "latest", "2.0")] == [
            404,
            404,
            404,
            200,
        ]


def test_a_repository_is_cleaned_up_as_its_plan_says(
    start: Start, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    address = open_registry.address
    for days, tags in enumerate((["3.0", "latest"], ["2.1"], ["2.0", "lts"], ["1.0"], ["0.9"])):
        created = datetime.now(UTC) - timedelta(days=days)
        seed_repository(address, "clean/app", tags, layers=[20_000 + days], created=created, seed=tags[0])
    window = start(open_registry)
    open_repository(window, address, "clean/app")
    window.keys("alt+r")
    window.click(window.wait_for("Clean up…", "menu item"))
    window.wait_text("Nothing to remove.")  # there are fewer than ten images
    window.click(window.wait_for("beyond the newest … images", "spin button"))
    window.keys("ctrl+a")
    window.type("2")
    window.wait_row("Tags to remove", "0.9")
    assert sorted(window.table("Tags to remove").column("Tag")) == ["0.9", "1.0", "2.0", "lts"]
    window.click_row("Tags to remove", "lts", column=1)
    window.keys("space")
    window.wait_text("3 tags, frees up to")
    window.screenshot(tmp_path / "plan.png")
    window.press("Clean up")
    window.wait_text("3 tags removed, as planned.")
    window.press("Close")
    window.wait(lambda: len(window.table("Tags").rows) == 4, "the tags to go")
    found = {tag: head_manifest(address, "clean/app", tag) for tag in ("3.0", "latest", "2.1", "lts")}
    assert set(found.values()) == {200}
    assert {head_manifest(address, "clean/app", tag) for tag in ("2.0", "1.0", "0.9")} == {404}


def own_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anywhere:
        try:
            anywhere.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address: str = anywhere.getsockname()[0]
        return address


def note_of(window: Window, words: str) -> int:
    """The number of the first row of Registries with *words* in it; 0 (the first registry) if there is none."""
    rows = window.table("Registries").rows
    return next((number for number, row in enumerate(rows) if words in " ".join(row)), 0)


def fingerprint(certificate: Path) -> str:
    """The fingerprint that openssl prints."""
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint", "-sha256"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"=([0-9A-F:]+)", said)
    assert found is not None
    return found[1]
