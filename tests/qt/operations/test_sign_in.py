"""Sign-ins at registries, on the event loop."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

from longshore.application.sign_in import Identity
from longshore.credentials import Credential, StoredIn
from longshore.errors import CredentialsError, LongshoreError, SignInFailed
from unit.registry.conftest import Asked, reply
from waiting import until

from .conftest import Desk, add

SAM = Credential("sam", "tide")
BASIC = "Basic " + base64.b64encode(b"sam:tide").decode()


def guarded(asked: Asked) -> Any:
    return reply({}) if asked.authorization == BASIC else reply({}, 401, WWW_Authenticate="Basic realm=x")


def test_a_sign_in_is_checked_kept_and_told(play, serve) -> None:
    server = serve(guarded)

    async def scene(desk: Desk) -> None:
        add(desk, server.host)
        sign_ins = desk.sign_ins
        switched: list[str] = []
        sign_ins.switched.connect(switched.append)
        answers: list[LongshoreError | None] = []
        sign_ins.sign_in(server.host, Credential("sam", "wrong"), keep=True, done=answers.append)
        await until(lambda: bool(answers))
        assert isinstance(answers[0], SignInFailed) and not desk.docker_config.exists()
        sign_ins.sign_in(server.host, SAM, keep=True, done=answers.append)
        await until(lambda: switched == [server.host])
        assert answers[1] is None
        assert sign_ins.account(server.host).user == "sam"
        assert sign_ins.account(server.host).kept.stored_in is StoredIn.CONFIG_FILE
        found: list[Identity] = []
        sign_ins.identify(server.host, found.append)
        await until(lambda: bool(found))
        assert (found[0].auth, found[0].account.user, found[0].refused) == ("basic", "sam", None)
        sign_ins.sign_out(server.host, answers.append)
        await until(lambda: len(switched) == 2)
        assert sign_ins.account(server.host).user == "" and SAM.secret not in desk.docker_config.read_text()

    play(scene)


def test_for_this_run_only_nothing_is_written(play, serve) -> None:
    server = serve(guarded)

    async def scene(desk: Desk) -> None:
        add(desk, server.host)
        sign_ins = desk.sign_ins
        sign_ins.sign_in(server.host, SAM, keep=False, done=lambda error: None)
        await until(lambda: sign_ins.account(server.host).user == "sam")
        assert sign_ins.account(server.host).kept.stored_in is StoredIn.THIS_RUN
        assert not desk.docker_config.exists()

    play(scene)


def test_who_closes_the_sheet_is_not_signed_in(play, serve) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(request: Asked) -> Any:
        if request.authorization:
            asked.set()
            go_on.wait(10)
        return guarded(request)

    server = serve(slow)

    async def scene(desk: Desk) -> None:
        add(desk, server.host)
        sign_ins = desk.sign_ins
        answers: list[LongshoreError | None] = []
        cancellation = sign_ins.sign_in(server.host, SAM, keep=True, done=answers.append)
        await until(asked.is_set)
        cancellation.cancel()
        go_on.set()
        await until(lambda: not desk.tasks._cancellations)
        assert answers == [] and not desk.docker_config.exists()
        assert desk.clients.credential(server.host) is None

    play(scene)


def test_a_missing_helper_troubles_its_registry_alone(play) -> None:
    async def scene(desk: Desk) -> None:
        add(desk, "a.example", "b.example")
        auth = base64.b64encode(b"sam:tide").decode()
        desk.write_docker_config(
            {"credHelpers": {"a.example": "gone"}, "auths": {"b.example": {"auth": auth}}}
        )
        sign_ins = desk.sign_ins
        sign_ins.load()
        await until(lambda: sign_ins.account("b.example").user == "sam")
        await until(lambda: sign_ins.account("a.example").trouble is not None)
        assert "docker-credential-gone" in sign_ins.kept_words("a.example")
        await until(lambda: "base64" in sign_ins.kept_words("docker.io"))

    play(scene)


def test_a_broken_file_leaves_this_run(play, serve) -> None:
    server = serve(guarded)

    async def scene(desk: Desk) -> None:
        add(desk, server.host)
        desk.write_docker_config({})
        desk.docker_config.write_text('{"auths": ')
        sign_ins = desk.sign_ins
        sign_ins.load()
        await until(lambda: sign_ins.account(server.host).trouble is not None)
        assert "can't be read" in sign_ins.kept_words(server.host)
        answers: list[LongshoreError | None] = []
        sign_ins.sign_in(server.host, SAM, keep=True, done=answers.append)
        await until(lambda: len(answers) == 1)
        assert isinstance(answers[0], CredentialsError) and "until Longshore closes" in answers[0].advice
        sign_ins.sign_in(server.host, SAM, keep=False, done=answers.append)
        await until(lambda: sign_ins.account(server.host).user == "sam")
        assert answers[1] is None and desk.docker_config.read_text() == '{"auths": '

    play(scene)


def test_what_the_docker_cli_changes_is_noticed(play) -> None:
    async def scene(desk: Desk) -> None:
        add(desk, "a.example", "b.example")
        sign_ins = desk.sign_ins
        switched: list[str] = []
        sign_ins.switched.connect(switched.append)
        sign_ins.start()
        try:
            # Not even the folder exists yet.
            await until(lambda: sign_ins.account("b.example").kept is not None)
            for user in ("sam", "eve"):
                entry = {"auth": base64.b64encode(f"{user}:x".encode()).decode()}
                desk.write_docker_config({"auths": {"a.example": entry}})
                await until(lambda user=user: sign_ins.account("a.example").user == user)
            desk.docker_config.unlink()
            await until(lambda: sign_ins.account("a.example").user == "")
            assert switched == ["a.example"] * 3
        finally:
            sign_ins.stop()

    play(scene)


# -- sign-ins that other programs overwrite


def entry(user: str, secret: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode()}


OTHERS = {"o.example": entry("other", "1")}


async def quiet(desk: Desk) -> None:
    """Wait until all changes have been processed."""
    await until(lambda: not desk.tasks._tasks and not desk.sign_ins._settled.isActive())


async def signed_in(desk: Desk, host: str) -> list[LongshoreError]:
    """Sign Sam in at *host*, guarded; return the list of reported losses."""
    add(desk, host)
    desk.write_docker_config({"auths": {}})
    lost: list[LongshoreError] = []
    desk.sign_ins.lost.connect(lost.append)
    desk.sign_ins.start()
    answers: list[LongshoreError | None] = []
    desk.sign_ins.sign_in(host, SAM, keep=True, done=answers.append)
    await until(lambda: answers == [None] and desk.sign_ins.account(host).user == "sam")
    await quiet(desk)
    return lost


def stored(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(desk.docker_config.read_text())
    return found


def test_a_stale_write_of_docker_is_undone_once_and_then_reported(play, serve) -> None:
    server = serve(guarded)

    async def scene(desk: Desk) -> None:
        lost = await signed_in(desk, server.host)
        try:
            # As docker login o.example does if it has read the file before Sam signed in.
            desk.write_docker_config({"auths": OTHERS})
            await until(lambda: server.host in stored(desk)["auths"])
            assert stored(desk)["auths"] == {**OTHERS, server.host: entry("sam", "tide")}
            assert lost == [] and desk.sign_ins.account(server.host).user == "sam"
            # The second loss is only reported.
            await quiet(desk)
            desk.write_docker_config({"auths": {**OTHERS, "p.example": entry("p", "1")}})
            await until(lambda: len(lost) == 1)
            assert isinstance(lost[0], CredentialsError) and server.host in lost[0].message
            await until(lambda: desk.sign_ins.account(server.host).user == "")
            assert server.host not in stored(desk)["auths"]
            assert desk.sign_ins._guarded == {}
        finally:
            desk.sign_ins.stop()

    play(scene)


def test_docker_logout_is_not_fought(play, serve) -> None:
    server = serve(guarded)

    async def scene(desk: Desk) -> None:
        lost = await signed_in(desk, server.host)
        try:
            desk.write_docker_config({"auths": {}})
            await until(lambda: desk.sign_ins.account(server.host).user == "")
            assert stored(desk) == {"auths": {}} and lost == []
            assert desk.sign_ins._guarded == {}
        finally:
            desk.sign_ins.stop()

    play(scene)


def test_what_others_add_beside_it_is_no_overwriting(play, serve) -> None:
    server = serve(guarded)

    async def scene(desk: Desk) -> None:
        lost = await signed_in(desk, server.host)
        add(desk, "o.example")
        try:
            both = {"auths": {server.host: entry("sam", "tide"), **OTHERS}}
            desk.write_docker_config(both)
            await until(lambda: desk.sign_ins.account("o.example").user == "other")
            desk.write_docker_config({"auths": OTHERS})  # docker logout, with another sign-in left
            await until(lambda: desk.sign_ins.account(server.host).user == "")
            assert stored(desk) == {"auths": OTHERS} and lost == []
        finally:
            desk.sign_ins.stop()

    play(scene)


def test_a_sign_in_is_guarded_for_a_while_and_until_it_is_changed_here(play, serve, monkeypatch) -> None:
    server = serve(guarded)

    async def scene(desk: Desk) -> None:
        await signed_in(desk, server.host)
        try:
            assert desk.sign_ins._guarded.keys() == {server.host}
            # A sign-in for this run only is not in the file, so the file is not guarded any more.
            desk.sign_ins.sign_in(server.host, SAM, keep=False, done=lambda error: None)
            await until(lambda: desk.sign_ins._guarded == {})
            desk.sign_ins.sign_in(server.host, SAM, keep=True, done=lambda error: None)
            await until(lambda: desk.sign_ins._guarded.keys() == {server.host})
            desk.sign_ins.sign_out(server.host, lambda error: None)
            await until(lambda: desk.sign_ins._guarded == {})
            monkeypatch.setattr("longshore.operations.sign_in.GUARDED", -1.0)
            desk.sign_ins.sign_in(server.host, SAM, keep=True, done=lambda error: None)
            await until(lambda: desk.sign_ins._guarded.keys() == {server.host})
            await quiet(desk)
            desk.write_docker_config({"auths": OTHERS})
            await until(lambda: desk.sign_ins.account(server.host).user == "")
            assert stored(desk) == {"auths": OTHERS} and desk.sign_ins._guarded == {}
        finally:
            desk.sign_ins.stop()

    play(scene)


def test_a_file_that_is_damaged_meanwhile_decides_nothing(play, serve) -> None:
    server = serve(guarded)

    async def scene(desk: Desk) -> None:
        lost = await signed_in(desk, server.host)
        try:
            desk.docker_config.write_text("{")
            await until(lambda: desk.sign_ins.account(server.host).trouble is not None)
            assert desk.docker_config.read_text() == "{" and lost == []
            desk.write_docker_config({"auths": OTHERS})
            await until(lambda: server.host in stored(desk)["auths"])
        finally:
            desk.sign_ins.stop()

    play(scene)


def test_an_empty_file_is_mentioned_where_one_signs_in(play) -> None:
    async def scene(desk: Desk) -> None:
        add(desk, "a.example")
        desk.write_docker_config({})
        desk.sign_ins.load()
        await until(lambda: "base64" in desk.sign_ins.kept_words("a.example"))
        assert "is empty" not in desk.sign_ins.kept_words("a.example")
        desk.docker_config.write_bytes(b"")
        desk.sign_ins.load()
        await until(lambda: "is empty" in desk.sign_ins.kept_words("a.example"))

    play(scene)
