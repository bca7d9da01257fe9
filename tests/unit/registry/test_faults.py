"""Hostile, broken and slow servers."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.errors import (
    DigestMismatch,
    InvalidReference,
    ListingUnsupported,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    UnexpectedReply,
)
from waiting import wait_until

from .conftest import Answer, Asked, reply

SAM = Credential("sam", "tide")


def catalogue(names: list[Any], **headers: str) -> Answer:
    return reply({"repositories": names}, **headers)


# -- paging


def test_follows_links_in_several_forms(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if "last=b" in asked.path:
            return catalogue(["c"], Link=f'<{asked.server.url}/v2/_catalog?last=c>; rel="next"')
        if "last=c" in asked.path:
            return catalogue(["d"])
        return catalogue(["a", "b"], Link="<?last=b&n=2>; rel=next")

    client = connect(serve(script))
    page = client.repositories(n=2)
    names = list(page.items)
    while page.next is not None:
        page = client.repositories(page.next)
        names += page.items
    assert names == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "link",
    ["<http://127.0.0.1:1/pages?last=b>; rel=next", "<https://evil.example/>; rel=next",
     "<ftp://x/>; rel=next", "<http://u:p@127.0.0.1/>; rel=next", "</v2/_catalog?n=2>; rel=next"],
)  # fmt: skip
def test_links_that_lead_away_or_back_are_stopped_and_said(serve, connect, link: str) -> None:
    server = serve(lambda asked: catalogue(["a", "b"], Link=link))
    client = connect(server, SAM)
    page = client.repositories(n=2)
    assert page.items == ["a", "b"]
    assert page.next is not None
    before = len(server.asked)
    for _ in range(2):
        with pytest.raises(UnexpectedReply, match="next page"):
            client.repositories(page.next)
    assert len(server.asked) == before


def test_a_circle_of_links_is_stopped(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        return catalogue(
            [asked.path[-1]], Link=f"<?last={'a' if asked.path.endswith('b') else 'b'}>; rel=next"
        )

    client = connect(serve(script))
    page = client.repositories()
    with pytest.raises(UnexpectedReply, match="already read"):
        for _ in range(10):
            page = client.repositories(page.next)


def test_pages_for_ever_are_stopped(serve, connect) -> None:
    count = iter(range(10_000))
    repeating = serve(lambda asked: catalogue(["a", "b"], Link=f"<?last={next(count)}>; rel=next"))
    empty = serve(lambda asked: catalogue([], Link=f"<?last={next(count)}>; rel=next"))
    for server in (repeating, empty):
        client = connect(server)
        page = client.repositories()
        with pytest.raises(UnexpectedReply, match="its pages repeat"):
            for _ in range(50):
                page = client.repositories(page.next)


def test_odd_entries_harm_only_themselves(serve, connect) -> None:
    odd = ["good/one", None, 3, "", "../x", "a\u202eb", "x?y", ["z"], "good/one", "good/two"]
    client = connect(serve(lambda asked: catalogue(odd)))
    assert client.repositories().items == ["good/one", "good/two"]


def test_null_and_missing_lists_are_empty(serve, connect) -> None:
    client = connect(serve(lambda asked: reply({"tags": None} if "tags" in asked.path else {})))
    assert client.tags("a/b").items == []
    assert client.repositories().items == []


def test_a_smaller_page_is_asked_for_where_large_ones_are_refused(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if "n=1000" in asked.path:
            return reply({"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]}, 400)
        return catalogue(["a"])

    assert connect(serve(script)).repositories(n=5000).items == ["a"]


@pytest.mark.parametrize("status", [404, 405, 403, 501, 400])
def test_no_catalogue_is_said(serve, connect, status: int) -> None:
    def script(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate="Basic realm=x")
        return reply({}, status)

    with pytest.raises(ListingUnsupported) as caught:
        connect(serve(script), SAM).repositories()
    assert "Pin" in caught.value.advice


def test_docker_hub_has_no_catalogue(connect) -> None:
    with pytest.raises(ListingUnsupported):
        connect("docker.io").repositories()


def test_only_what_is_below_the_namespace(serve, connect) -> None:
    server = serve(lambda asked: catalogue(["team/a", "teams/b", "team", "team/c"]))
    assert connect(server, namespace="team").repositories().items == ["team/a", "team/c"]


# -- responses that violate the protocol


@pytest.mark.parametrize(
    "answer",
    [reply(b"<html>Welcome</html>", Content_Type="text/html"), reply(b"{"), reply([1]), reply({"tags": "a"}),
     reply(b"[" * 200_000), reply(b"")],
)  # fmt: skip
def test_what_is_not_json(serve, connect, answer: Answer) -> None:
    with pytest.raises(UnexpectedReply):
        connect(serve(lambda asked: answer)).tags("a/b")


def test_an_answer_without_end_is_not_read(serve, connect) -> None:
    client = connect(serve(lambda asked: reply(b'{"tags": ["' + b"x" * (9 << 20) + b'"]}')))
    with pytest.raises(UnexpectedReply, match="exceeds"):
        client.tags("a/b")


def test_a_web_page_is_no_registry(serve, connect) -> None:
    with pytest.raises(UnexpectedReply, match="web page"):
        connect(serve(lambda asked: reply(b"<html>", Content_Type="text/html"))).check()
    with pytest.raises(UnexpectedReply):
        connect(serve(lambda asked: None)).check()


def test_a_manifest_that_does_not_match_its_digest(serve, connect) -> None:
    raw = (
        b'{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:'
        + b"a" * 64
        + b'","size":1},"layers":[]}'
    )
    kind = "application/vnd.oci.image.manifest.v1+json"
    right = "sha256:" + hashlib.sha256(raw).hexdigest()
    server = serve(lambda asked: reply(raw, Content_Type=kind, Docker_Content_Digest=right))
    client = connect(server)
    assert client.manifest("a/b", "1").digest == right
    with pytest.raises(DigestMismatch):
        client.manifest("a/b", "sha256:" + "0" * 64)
    server.script = lambda asked: reply(raw, Content_Type=kind, Docker_Content_Digest="sha256:" + "1" * 64)
    with pytest.raises(DigestMismatch):
        client.manifest("a/b", "1")


def test_a_head_without_a_digest_reads_the_manifest(serve, connect) -> None:
    raw = (
        b'{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:'
        + b"a" * 64
        + b'","size":1},"layers":[]}'
    )
    kind = "application/vnd.oci.image.manifest.v1+json"
    found = connect(serve(lambda asked: reply(raw, Content_Type=kind))).head("a/b", "1")
    assert found is not None and found.digest == "sha256:" + hashlib.sha256(raw).hexdigest()


def test_names_that_cannot_be_are_not_asked_for(serve, connect) -> None:
    server = serve(lambda asked: reply({}))
    client = connect(server)
    for call in (
        lambda: client.tags("../../etc"),
        lambda: client.manifest("a/b", "x/../y"),
        lambda: client.blob_size("a/b", "sha256:zz"),
    ):
        with pytest.raises(InvalidReference):
            call()
    assert server.asked == []


# -- redirects


def test_credentials_do_not_follow_to_another_host(serve, connect) -> None:
    storage = serve(lambda asked: reply(b"content"))

    def script(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate="Basic realm=x")
        return reply({}, 307, Location=f"{storage.url}/bucket?sig=1")

    digest = "sha256:" + hashlib.sha256(b"content").hexdigest()
    client = connect(serve(script), SAM)
    with client.read_blob("a/b", digest) as blob:
        assert b"".join(blob) == b"content"
    assert storage.paths() == ["/bucket?sig=1"]
    assert storage.asked[-1].authorization == ""


def test_credentials_stay_on_the_same_host(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate="Basic realm=x")
        return reply({"tags": ["1"]}) if "there" in asked.path else reply({}, 301, Location="/v2/there")

    assert connect(serve(script), SAM).tags("a/b").items == ["1"]


@pytest.mark.parametrize(
    "location", ["/v2/a/b/tags/list?n=1000", "ftp://a/", "http://u:p@127.0.0.1/", "http://[/"]
)
def test_redirects_without_end_or_sense(serve, connect, location: str) -> None:
    server = serve(lambda asked: reply({}, 302, Location=location))
    with pytest.raises(UnexpectedReply, match="redirect"):
        connect(server).tags("a/b")
    assert len(server.paths()) <= 6


# -- limits, failures, cuts


def test_a_short_rate_limit_is_waited_out_and_a_long_one_told(serve, connect) -> None:
    answers = [reply({}, 429, Retry_After="0"), reply({}, 503), reply({"tags": ["1"]})]
    client = connect(serve(lambda asked: answers.pop(0) if asked.path != "/v2/" else reply({})))
    assert client.tags("a/b").items == ["1"]
    server = serve(lambda asked: reply({}, 429, Retry_After="3600") if asked.path != "/v2/" else reply({}))
    with pytest.raises(RateLimited) as caught:
        connect(server).tags("a/b")
    assert caught.value.retry_after == 3600
    assert len(server.paths()) == 1


def test_failures_are_tried_again_a_bounded_number_of_times(serve, connect) -> None:
    server = serve(
        lambda asked: reply(b"<html>Bad gateway</html>", 502) if asked.path != "/v2/" else reply({})
    )
    with pytest.raises(RegistryFailure):
        connect(server).tags("a/b")
    assert len(server.paths()) == 3
    cutting = serve(lambda asked: "cut" if asked.path != "/v2/" else reply({}))
    with pytest.raises(RegistryUnreachable):
        connect(cutting).tags("a/b")
    assert len(cutting.paths()) == 3


def test_an_answer_cut_short_is_asked_for_again(serve, connect) -> None:
    answers = [Answer(200, b'{"tags": ["1', length=100), reply({"tags": ["1"]})]
    client = connect(serve(lambda asked: answers.pop(0) if asked.path != "/v2/" else reply({})))
    assert client.tags("a/b").items == ["1"]


def test_nobody_there(connect, serve) -> None:
    server = serve(lambda asked: None)
    host = server.host
    client = connect(server)
    server.close()
    with pytest.raises(RegistryUnreachable, match="Nothing is listening"):
        client.tags("a/b")
    with pytest.raises(RegistryUnreachable, match="was not found"):
        connect("registry.invalid").tags("a/b")
    assert host


def test_a_silent_server_times_out(serve, connect) -> None:
    client = connect(serve(lambda asked: "silent"), read_seconds=0.3)
    with pytest.raises(RegistryUnreachable, match="does not respond") as caught:
        client.tags("a/b")
    assert caught.value.silent


def test_a_silent_server_is_asked_once(serve, connect) -> None:
    server = serve(lambda asked: "silent" if "tags" in asked.path else reply({}))
    with pytest.raises(RegistryUnreachable, match="does not respond"):
        connect(server, read_seconds=0.3).tags("a/b")
    assert len(server.paths()) == 1


def test_an_answer_that_drips_in_times_out(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        out = asked.handler.wfile
        out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not asked.server.ending.wait(0.05):  # endless, as far as this test is concerned
            out.write(b" ")
        return "cut"

    client = connect(serve(script), read_seconds=0.2)
    with pytest.raises(RegistryUnreachable):
        client.tags("a/b")


def test_errors_name_no_secrets(serve, connect) -> None:
    server = serve(
        lambda asked: reply({}, 401, WWW_Authenticate="Basic realm=x") if not asked.authorization else "cut"
    )
    with pytest.raises(RegistryUnreachable) as caught:
        connect(server, Credential("sam", "geheim")).tags("a/b")
    seen: BaseException | None = caught.value
    while seen is not None:
        assert "geheim" not in repr(seen) + repr(vars(seen))
        seen = seen.__cause__ or seen.__context__


# -- cancelling

#: Seconds after which a reader would give up by itself: more than a test may take.
NEVER = 600.0


def _cancel_soon(server: Any, cancellation: Cancellation, requests: int) -> threading.Thread:
    def wait() -> None:
        wait_until(lambda: len(server.paths()) >= requests)
        cancellation.cancel()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_cancels_before_the_first_byte_of_an_answer(serve, connect) -> None:
    server = serve(lambda asked: "silent" if "tags" in asked.path else reply({}))
    client = connect(server, read_seconds=NEVER)
    for _ in range(2):
        cancellation = Cancellation()
        thread = _cancel_soon(server, cancellation, len(server.paths()) + 1)
        with pytest.raises(Cancelled):
            client.tags("a/b", cancellation=cancellation)
        thread.join()


def test_cancels_on_a_kept_connection(serve, connect) -> None:
    server = serve(lambda asked: "silent" if "slow" in asked.path else reply({"tags": []}))
    client = connect(server, read_seconds=NEVER)
    client.tags("a/b")
    cancellation = Cancellation()
    thread = _cancel_soon(server, cancellation, 2)
    with pytest.raises(Cancelled):
        client.tags("a/slow", cancellation=cancellation)
    thread.join()
    assert client.tags("a/b").items == []


@pytest.mark.parametrize("length", [10_000_000, None, -1])
def test_cancels_in_the_middle_of_a_blob(serve, connect, length: int | None) -> None:
    going = threading.Event()

    def script(asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        out = asked.handler.wfile
        out.write(b"HTTP/1.1 200 OK\r\n")
        if length is None:
            out.write(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        elif length < 0:
            out.write(b"Connection: close\r\n\r\nhello")
        else:
            out.write(b"Content-Length: %d\r\n\r\nhello" % length)
        going.set()
        return "silent"

    client = connect(serve(script), read_seconds=NEVER)
    cancellation = Cancellation()
    with (
        pytest.raises(Cancelled),
        client.read_blob("a/b", "sha256:" + "a" * 64, cancellation=cancellation) as blob,
    ):
        for piece in blob:
            assert piece == b"hello"
            assert going.wait(5)
            threading.Timer(0.05, cancellation.cancel).start()


def test_cancels_while_it_waits_to_try_again(serve, connect) -> None:
    server = serve(lambda asked: reply({}, 503, Retry_After="5") if asked.path != "/v2/" else reply({}))
    cancellation = Cancellation()
    thread = _cancel_soon(server, cancellation, 1)
    with pytest.raises(Cancelled):
        connect(server).tags("a/b", cancellation=cancellation)
    thread.join()


def test_nothing_is_sent_when_cancelled_before(serve, connect) -> None:
    server = serve(lambda asked: reply({}))
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        connect(server).tags("a/b", cancellation=cancellation)
    assert server.asked == []


def test_not_found_names_what_was_asked_for(serve, connect) -> None:
    with pytest.raises(NotInRegistry) as caught:
        connect(serve(lambda asked: None)).manifest("a/b", "9")
    assert caught.value.subject == "a/b:9"
    assert connect(serve(lambda asked: None)).head("a/b", "9") is None
