"""WWW-Authenticate, Link, Retry-After, addresses, proxies: parsers only."""

from __future__ import annotations

import email.utils
import time

import pytest

from longshore.oci.platform import Platform
from longshore.registry.addresses import at_home, joined, origin, repository_path, usable_name, usable_tag
from longshore.registry.certificate import _blocks
from longshore.registry.challenge import next_link, number, parse_challenges
from longshore.registry.client import _shown
from longshore.registry.failures import retry_after, said
from longshore.registry.proxies import proxy_for
from longshore.registry.vendors import read


def test_reads_quoted_strings_with_commas_and_quotes() -> None:
    found = parse_challenges([r'Basic realm="basic realm, with \"quotes\""'])
    assert [(one.scheme, one.parameters) for one in found] == [
        ("basic", {"realm": 'basic realm, with "quotes"'})
    ]


def test_reads_a_bearer_challenge() -> None:
    text = 'Bearer realm="https://auth.io/token",service="reg.io",scope="repository:a/b:pull,push repository:c:pull"'
    (found,) = parse_challenges([text])
    assert found.realm == "https://auth.io/token"
    assert found.parameters["scope"] == "repository:a/b:pull,push repository:c:pull"


@pytest.mark.parametrize(
    "headers",
    [
        ['Bearer realm="https://git.io/v2/token"', "Basic"],
        ['Bearer realm="https://git.io/v2/token", Basic'],
        ['Bearer realm="https://git.io/v2/token" , Basic realm=x'],
        ['bearer REALM = "https://git.io/v2/token",,BASIC realm="a, b"'],
    ],
)
def test_reads_several_challenges(headers: list[str]) -> None:
    found = parse_challenges(headers)
    assert [one.scheme for one in found] == ["bearer", "basic"]
    assert found[0].realm == "https://git.io/v2/token"


@pytest.mark.parametrize(
    "text", ["", ",,,", '"', 'realm="x"', "=", 'Basic realm="' + "x" * 100_000, "\x00\xff"]
)
def test_survives_nonsense(text: str) -> None:
    assert all(one.scheme == "basic" for one in parse_challenges([text]))


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('</v2/_catalog?last=t%2Fmulti&n=3>; rel="next"', "/v2/_catalog?last=t%2Fmulti&n=3"),
        ("<https://a.b/x>; rel=next", "https://a.b/x"),
        ('<?n=3&last=a,b>;title="a, b";rel="next"', "?n=3&last=a,b"),
        ('</first>; rel="first", </second>; REL="prev next"', "/second"),
        ('</first>; rel="prev"', None),
        ("/no/brackets; rel=next", None),
        ("</open; rel=next", None),
        ("</x> rel=next", None),
        ("</x>", None),
        ('</x>; rel="next', None),
        ('</x>; title="\\"; rel=prev"; rel=next', "/x"),
        ("</x>; rel=prev; rel=next", None),
        ("</x>; rel=nextish", None),
        ("</x>; crossorigin; rel=next", "/x"),
        ("</x> ; rel = next , </y>; rel=prev", "/x"),
        ("</x>; prel=next", None),
        ("", None),
    ],
)
def test_finds_the_next_page(header: str, link: str | None) -> None:
    assert next_link(header) == link


@pytest.mark.parametrize(
    ("text", "schemes"),
    [
        ("Negotiate, NTLM, Basic realm=x", ["negotiate", "ntlm", "basic"]),
        ('Basic realm="x" charset="UTF-8"', ["basic"]),
        ("Negotiate YII=, Basic", ["negotiate", "basic"]),
        ("Basic@ x", []),
        ('Basic realm="open, Bearer', ["basic"]),
        ("Basic realm=, Bearer", ["basic", "bearer"]),
    ],
)
def test_schemes_are_told_from_parameters(text: str, schemes: list[str]) -> None:
    assert [one.scheme for one in parse_challenges([text])] == schemes


# The regular expressions that once read these took practically for ever over a hundred bytes.
@pytest.mark.parametrize(
    "part",
    ['; a="b"', ";", "; ", ';a="', '="', "<x>;", "<", ",", " ,", '\\"', "a=", "a ", 'rel="next" ', "\t"],
)
@pytest.mark.parametrize("begin", ["", "<x>", "Bearer ", 'Bearer a="', "<x>; rel="])
def test_headers_are_read_in_time_that_grows_with_their_length(begin: str, part: str) -> None:
    text = begin + part * 200_000
    assert next_link(text + ";") in (None, "x")
    assert len(parse_challenges([text])) <= 16_384


@pytest.mark.parametrize("odd", ["²", "9" * 5000, "-1", "+1", "1_0", "1.0", "٣", "", "1 0", "0x1", "9" * 19])
def test_what_is_no_number(odd: str) -> None:
    assert number(odd) is None
    assert read.count(odd) is None
    assert retry_after({"Retry-After": odd}) in (None, 86_400)


def test_what_is_a_number() -> None:
    assert number(" 012 ") == 12 and number("9" * 18) == 10**18 - 1
    assert read.count("7") == 7 and read.count(True) is None


def test_certificates_of_a_file_are_found_in_time_that_grows_with_its_length() -> None:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    assert list(_blocks(f"x{begin}A{end}y{begin}B{end}")) == [f"{begin}A{end}", f"{begin}B{end}"]
    assert list(_blocks(begin * 200_000)) == []


@pytest.mark.parametrize(
    ("base", "link", "found"),
    [
        ("https://a.b/v2/_catalog?n=2", "?last=x", "https://a.b/v2/_catalog?last=x"),
        ("https://a.b/v2/_catalog", "/v2/_catalog?last=x#f", "https://a.b/v2/_catalog?last=x"),
        ("https://a.b/v2/x", "http://a.b/v2/y", "https://a.b/v2/y"),
        ("https://a.b:8443/v2/x", "http://a.b:8443/v2/y", "https://a.b:8443/v2/y"),
        ("https://a.b/v2/x", "http://c.d/v2/y", "http://c.d/v2/y"),
        ("https://a.b/v2/x", "//c.d/y", "https://c.d/y"),
    ],
)
def test_joins_links(base: str, link: str, found: str) -> None:
    assert joined(base, link) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://inner:5000/v2/a/blobs/uploads/1?_state=x", "https://reg.io/v2/a/blobs/uploads/1?_state=x"),
        ("http://reg.io:5000/v2/a", "https://reg.io/v2/a"),
        ("https://reg.io/v2/a", "https://reg.io/v2/a"),
        ("https://storage.io/bucket/v2/a", "https://storage.io/bucket/v2/a"),
        ("ftp://inner/v2/a", "ftp://inner/v2/a"),
        ("https://[/v2/", "https://[/v2/"),
    ],
)
def test_a_registry_that_names_another_host_for_itself_is_asked_where_it_was(url: str, found: str) -> None:
    assert at_home(url, "https://reg.io/v2/") == found
    assert at_home("https://x/v2/a", "https://reg.io/registry/v2/") == "https://x/v2/a"


@pytest.mark.parametrize(
    "link", ["ftp://a.b/", "https://u:p@a.b/", "javascript:x", "/a b", "/a\nb", "https://[/"]
)
def test_refuses_unusable_links(link: str) -> None:
    with pytest.raises(ValueError):
        joined("https://a.b/v2/", link)


def test_origins_know_default_ports() -> None:
    assert origin("https://A.b/") == origin("https://a.b:443/x")
    assert origin("http://a.b/") != origin("https://a.b/")
    assert origin("https://a.b/") != origin("https://a.b:8443/")


def test_names_cannot_lead_elsewhere() -> None:
    assert repository_path("team/App-1.x__y") == "team/App-1.x__y"
    for name in (
        "../x",
        "a//b",
        "a/../b",
        "/a",
        "a/",
        "a?b",
        "a#b",
        "a%2fb",
        "a b",
        "",
        "é",
        "a\n",
        "x" * 256,
    ):
        assert not usable_name(name)
    assert not any(map(usable_name, (None, 3, ["a"])))
    assert usable_tag("v1.0_x") and not any(
        map(usable_tag, ("", "a/b", "sha256:" + "a" * 64, ".a", "x" * 129, 3))
    )


def test_reads_retry_after() -> None:
    assert retry_after({"Retry-After": "7"}) == 7
    assert retry_after({}) is None
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({"Retry-After": "9" * 30}) == 86_400
    soon = retry_after({"Retry-After": email.utils.formatdate(time.time() + 30, usegmt=True)})
    assert soon is not None and 20 < soon <= 31
    assert retry_after({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}) == 0


def test_quotes_errors_and_not_web_pages() -> None:
    assert said(b'{"errors":[{"code":"DENIED","message":"no"},{"code":"X"}]}') == "DENIED: no; X"
    assert said(b"<html>big page</html>") == ""
    assert said(b'{"errors":null,"details":"bad"}') == "bad"
    assert said(b"plain words") == "plain words"
    assert said(b'{"errors":[3]}') in ("", '{"errors":[3]}')


_ENVIRON = {"HTTPS_PROXY": "http://up:1", "https_proxy": "http://low:2", "HTTP_PROXY": "plain:3"}
_SECURE = "http://up:1"


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("https://a.b/", "", _SECURE),
        ("http://a.b/", "", "http://plain:3"),
        ("https://127.0.0.1:5000/", "", ""),
        ("https://localhost/", "", ""),
        ("https://[::1]:5/", "", ""),
        ("https://a.b/", "*", ""),
        ("https://x.a.b/", "c.d, a.b", ""),
        ("https://xa.b/", "a.b", _SECURE),
        ("https://x.a.b/", ".a.b", ""),
        ("https://a.b/", ".a.b", _SECURE),
        ("https://x.a.b/", "*.a.b", ""),
        ("https://a.b/", "*.a.b", _SECURE),
        ("https://x.a.b:8443/", "a.b:8443", ""),
        ("https://a.b:8443/", "a.b:8443", ""),
        ("https://a.b/", "a.b:8443", _SECURE),
        ("https://10.1.2.3/", "10.0.0.0/8", ""),
        ("https://11.1.2.3/", "10.0.0.0/8", _SECURE),
        ("https://[2001:db8::1]/", "2001:db8::/32", ""),
        ("https://[2001:db8::1]/", "2001:db8::1", ""),
        ("https://[2001:db8::1]/", "2001:db8:0:0::1", ""),
        ("https://[2001:db8::1]:5000/", "[2001:db8::1]:5000", ""),
        ("https://[2001:db8::1]:5001/", "[2001:db8::1]:5000", _SECURE),
        ("https://[2001:db9::1]/", "2001:db8::/32", _SECURE),
        ("https://10.1.2.3/", "10.1.2.3", ""),
        ("https://10.1.2.3:444/", "10.1.2.3:443", _SECURE),
        ("https://10.1.2.3/", ".3, 1.2.3, 10.1.2.0/33", _SECURE),
        ("https://a.b/", ", ,", _SECURE),
    ],
)
def test_reads_the_proxies_of_the_environment(url: str, no_proxy: str, proxy: str) -> None:
    assert proxy_for(url, {**_ENVIRON, "no_proxy": no_proxy}) == proxy


def test_a_cgi_does_not_take_its_proxy_from_a_header() -> None:
    assert proxy_for("http://a.b/", {**_ENVIRON, "REQUEST_METHOD": "GET"}) == ""
    assert proxy_for("https://a.b/", {"ALL_PROXY": "http://all:9"}) == "http://all:9"
    assert proxy_for("https://a.b/", {"https_proxy": "http://low:2"}) == "http://low:2"


def test_of_many_platforms_a_row_keeps_those_that_can_be_ones() -> None:
    fine = [Platform("linux", f"cpu{number}") for number in range(150)]
    endless = Platform("linux", "a" * 10_000)
    assert _shown((endless, *fine[:10])) == tuple(fine[:10])
    assert _shown(tuple(fine)) == tuple(fine[:100])
