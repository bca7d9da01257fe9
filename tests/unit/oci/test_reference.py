"""References by Docker's rules. The tables follow the cases of github.com/distribution/reference
(reference_test.go, normalize_test.go)."""

from __future__ import annotations

import random

import pytest

from longshore.errors import InvalidReference
from longshore.oci.reference import Reference, check_domain, check_path, check_tag, registry_name, valid_tag

HEX = "0123456789abcdef" * 4
SHA256 = "sha256:" + HEX
SHA512 = "sha512:" + HEX * 2

NORMALISED = [
    ("postgres", "docker.io", "library/postgres", None, None),
    ("postgres:16", "docker.io", "library/postgres", "16", None),
    (f"postgres@{SHA256}", "docker.io", "library/postgres", None, SHA256),
    (f"postgres:16@{SHA256}", "docker.io", "library/postgres", "16", SHA256),
    (f"a/b@{SHA512}", "docker.io", "a/b", None, SHA512),
    ("library/postgres", "docker.io", "library/postgres", None, None),
    ("team/app", "docker.io", "team/app", None, None),
    ("a/b/c/d", "docker.io", "a/b/c/d", None, None),
    ("docker.io/postgres", "docker.io", "library/postgres", None, None),
    ("docker.io/library/postgres", "docker.io", "library/postgres", None, None),
    ("index.docker.io/postgres", "docker.io", "library/postgres", None, None),
    ("index.docker.io/team/app:1", "docker.io", "team/app", "1", None),
    ("registry-1.docker.io/team/app", "registry-1.docker.io", "team/app", None, None),
    # No slash: never a registry, whatever it looks like.
    ("localhost", "docker.io", "library/localhost", None, None),
    ("localhost:5000", "docker.io", "library/localhost", "5000", None),
    ("foo.bar", "docker.io", "library/foo.bar", None, None),
    ("127.0.0.1", "docker.io", "library/127.0.0.1", None, None),
    ("sha256:" + HEX, "docker.io", "library/sha256", HEX, None),
    # With a slash: the first component is a registry if it looks like one.
    ("localhost/app", "localhost", "app", None, None),
    ("localhost:5000/app", "localhost:5000", "app", None, None),
    ("localhost:5000/app:1", "localhost:5000", "app", "1", None),
    ("foo.bar/app", "foo.bar", "app", None, None),
    ("foo/app", "docker.io", "foo/app", None, None),
    ("Foo/app", "Foo", "app", None, None),
    ("FOO.example/app:Tag", "FOO.example", "app", "Tag", None),
    ("127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b", None, None),
    ("[::1]/app", "[::1]", "app", None, None),
    ("[::1]:5000/app:1", "[::1]:5000", "app", "1", None),
    (f"[2001:db8::1]:5000/app@{SHA256}", "[2001:db8::1]:5000", "app", None, SHA256),
    ("xn--n3h.com/myimage", "xn--n3h.com", "myimage", None, None),
    ("a-b.com:80/x", "a-b.com:80", "x", None, None),
    # Paths.
    ("a/b__c", "docker.io", "a/b__c", None, None),
    ("a/b---c", "docker.io", "a/b---c", None, None),
    ("a/b.c_d-e", "docker.io", "a/b.c_d-e", None, None),
    ("foo_bar", "docker.io", "library/foo_bar", None, None),
    ("x.y/" + "a" * 255, "x.y", "a" * 255, None, None),
    ("a" * 247, "docker.io", "library/" + "a" * 247, None, None),
    (HEX + ":1", "docker.io", "library/" + HEX, "1", None),
    (HEX[1:], "docker.io", "library/" + HEX[1:], None, None),
    ("team/" + HEX, "docker.io", "team/" + HEX, None, None),
    # Tags.
    ("a:_x.Y-1", "docker.io", "library/a", "_x.Y-1", None),
    ("a:" + "t" * 128, "docker.io", "library/a", "t" * 128, None),
]


@pytest.mark.parametrize(("text", "domain", "path", "tag", "digest"), NORMALISED)
def test_normalised(text: str, domain: str, path: str, tag: str | None, digest: str | None) -> None:
    reference = Reference.parse(text)
    assert (reference.domain, reference.path, reference.tag, reference.digest) == (domain, path, tag, digest)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


# Text, and the words that the message must contain: what is wrong, and where.
REFUSED = [
    ("", "empty"),
    (":16", "repository is missing"),
    ("@" + SHA256, "repository is missing"),
    (" ", "space"),
    ("a b", "space"),
    ("postgres ", "space"),
    ("team/\tapp", "space"),
    ("Postgres", "“Postgres” has upper case"),
    ("team/App:1", "“team/App” has upper case"),
    ("localhost:5000/Team/app", "“Team/app” has upper case"),
    ("Foo.example/App", "“App” has upper case"),
    ("a:", "tag after “:” is missing"),
    ("a/b:@" + SHA256, "tag after “:” is missing"),
    ("a:.b", "“.b” begins with “.”"),
    ("a:-b", "“-b” begins with “-”"),
    ("a:b/c", "port “b”"),
    ("x.y/a:b/c", "“b/c” contains “/”"),
    ("a:ä", "“ä”"),
    ("a:1:2", "“1:2” contains “:”"),
    ("a:" + "t" * 129, "129 characters; at most 128"),
    ("a@", "digest after “@” is missing"),
    ("a@sha256", "“sha256” does not name its algorithm"),
    ("a@sha256:", "0 characters after “sha256:” instead of 64"),
    ("a@sha256:" + HEX[1:], "63 characters"),
    ("a@sha256:" + HEX + "0", "65 characters"),
    ("a@sha256:" + HEX.upper(), "must be lower case"),
    ("a@SHA256:" + HEX, "“SHA256” must be lower case"),
    ("a@sha256:" + "g" * 64, "“g”, which is not a hexadecimal"),
    ("a@md5:" + HEX[:32], "“md5” is unknown"),
    ("a@sha256+b64:" + HEX, "“sha256+b64” is unknown"),
    (f"a@{SHA256}@{SHA256}", "“@”"),
    (f"a@{SHA256}:1", "“:”"),
    (HEX, "image's id"),
    ("http://localhost/app", "can't start with “http://”"),
    ("https://hub.docker.com/_/postgres", "can't start with “https://”"),
    ("docker://a/b", "can't start with “docker://”"),
    ("a//b", "“/” with nothing before or after"),
    ("a/", "“/” with nothing before or after"),
    ("a.b/", "repository is missing"),
    ("/a", "“/” with nothing before or after"),
    ("a/b/", "“/” with nothing before or after"),
    ("a/../b", "“..”"),
    ("-a/b", "“-a”"),
    ("a/-b", "“-b”"),
    ("a/b-", "“b-”"),
    ("_a", "“_a”"),
    ("a___b", "“a___b” in the repository's name has consecutive separators"),
    ("a..b/c:1", "“a..b”"),
    ("x.y/a._b", "“a._b”"),
    ("a/b%20c", "“%”"),
    ("a/bö", "“ö”"),
    ("a/b\u200bc", "U+200B"),
    ("a/b\u202ec", "U+202E"),
    ("a\x00", "U+0000"),
    ("a\n", "space"),
    ("$IMAGE", "upper case"),
    ("$image", "“$”"),
    ("x.y/" + "a" * 256, "256 characters; at most 255"),
    ("a" * 248, "256 characters; at most 255"),
    ("my_host:5000/app", "“my_host:5000” contains “_”"),
    ("my_host.example/app", "“_”"),
    ("-x.example/app", "“-x.example” is not the name of a registry"),
    ("x..y/app", "“x..y” is not the name of a registry"),
    ("-web", "“-web” in the repository's name must begin and end"),
    ("team/web.", "“web.” in the repository's name must begin and end"),
    ("a..b", "“a..b” in the repository's name has consecutive separators"),
    ("reg.ist!ry/x", "contains “!”"),
    ("team/w_b~x", "contains “~”"),
    ("web:la.t!est", "contains “!”"),
    ("re_g.io/x", "contains “_”"),
    ("host:port/app", "port “port”"),
    ("host:/app", "port “”"),
    ("::1/app", "brackets"),
    ("2001:db8::1:5000/app", "brackets"),
    ("[::1/app", "closing “]”"),
    ("[fe80::1%eth0]/app", "zone"),
    ("[::g]/app", "not an IPv6 address"),
    ("[]/app", "“[”"),
    ("[::1]", "“[”"),
    ("[::1]:5000", "“[”"),
    ("user:secret@x.example/app", "a user name or password"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_refused_with_words_for_people(text: str, words: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert words in caught.value.message
    assert caught.value.advice, "every refusal shows how to write it"


@pytest.mark.parametrize(
    "text", ["x.y/" + "a" * 256, "x.y/A", "x.y/a:b!", "-x.example/app", "x.y/a@sha256:0", HEX]
)
def test_a_refusal_is_about_the_whole_reference(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert caught.value.subject == text


def test_the_advice_gives_an_example() -> None:
    for text, example in (("", "postgres:16"), ("a:", "latest"), ("A", "team/app"), ("a@x", "sha256:")):
        with pytest.raises(InvalidReference) as caught:
            Reference.parse(text)
        assert example in caught.value.advice


@pytest.mark.parametrize(
    "text", ["https://me:hunter2@registry.example/app", "me:hunter2@registry.example/app"]
)
def test_a_password_in_an_address_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert "hunter2" not in caught.value.message + caught.value.subject + caught.value.detail


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/postgres:16", "postgres:16"),
        (f"docker.io/library/postgres@{SHA256}", f"postgres@{SHA256}"),
        ("docker.io/team/app", "team/app"),
        ("docker.io/library/a/b", "library/a/b"),
        ("localhost/app", "localhost/app"),
        ("ghcr.io/library/app:1", "ghcr.io/library/app:1"),
        # The short forms of these would be read as something else.
        ("docker.io/foo.bar/app", "docker.io/foo.bar/app"),
        ("docker.io/localhost/app", "docker.io/localhost/app"),
        ("docker.io/library/" + HEX, "docker.io/library/" + HEX),
        ("docker.io/library/foo.bar", "foo.bar"),
    ],
)
def test_familiar(text: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert reference.familiar == familiar
    assert Reference.parse(familiar) == reference


def _generated(random_: random.Random) -> str:
    """A reference in any form that the grammar allows."""
    letters = "abcxyz0189"

    def word(alphabet: str, least: int = 1, most: int = 6) -> str:
        return "".join(random_.choices(alphabet, k=random_.randint(least, most)))

    def component() -> str:
        out = word(letters)
        for _ in range(random_.randint(0, 2)):
            out += random_.choice([".", "_", "__", "-", "--", "---"]) + word(letters)
        return out

    domain = random_.choice(
        [
            "",
            "",
            "docker.io/",
            "index.docker.io/",
            "localhost/",
            f"{word(letters)}.example/",
            f"{word(letters)}:{random_.randint(0, 70000)}/",
            f"10.0.0.{random_.randint(0, 255)}:5000/",
            f"[{word('abcdef0123456789:')}:]/",
            f"[::1]:{random_.randint(1, 9)}/",
            f"{word('ABC')}/",
        ]
    )
    # Without a registry, a first component like x.y_z would be taken for one.
    path = "/".join(
        [component() if domain else word(letters), *(component() for _ in range(random_.randint(0, 3)))]
    )
    tag = ""
    if random_.random() < 0.6:
        tag = ":" + random_.choice("aZ0_") + word("aZ0_.-", 0, random_.choice([3, 127]))
    digest = ""
    if random_.random() < 0.4:
        name, digits = random_.choice([("sha256", 64), ("sha384", 96), ("sha512", 128)])
        digest = f"@{name}:{word('0123456789abcdef', digits, digits)}"
    return domain + path + tag + digest


def test_whatever_the_grammar_allows_comes_back_the_same() -> None:
    random_ = random.Random(20)
    for _ in range(4000):
        text = _generated(random_)
        reference = Reference.parse(text)
        assert Reference.parse(str(reference)) == reference, text
        assert Reference.parse(reference.familiar) == reference, text
        assert Reference.parse_input(f"  '{text}' ") == reference, text
        assert str(Reference.parse(str(reference))) == str(reference), text


def test_whatever_is_typed_is_read_or_refused_in_words() -> None:
    random_ = random.Random(21)
    read = refused = 0
    for _ in range(6000):
        text = "".join(random_.choices("aB0._-/:@[]% \tä\u200b\n" + "abc" * 3, k=random_.randint(0, 14)))
        try:
            reference = Reference.parse(text)
        except InvalidReference as error:
            refused += 1
            assert error.message, text
            assert error.advice, text
            assert not error.message.endswith("is not an image reference."), (text, "no part is named")
        else:
            read += 1
            assert Reference.parse(str(reference)) == reference, text
    assert read > 100, "the alphabet should allow some valid references"
    assert refused > 1000


def test_parts_can_be_changed() -> None:
    reference = Reference.parse("team/app:1")
    assert str(reference.with_tag("2")) == "docker.io/team/app:2"
    assert str(reference.with_tag(None)) == "docker.io/team/app"
    assert str(reference.with_digest(SHA256)) == f"docker.io/team/app:1@{SHA256}"
    assert str(reference.on("[::1]:5000")) == "[::1]:5000/team/app:1"
    assert Reference.parse("x.y/app").on("docker.io") == Reference.parse("app")
    assert Reference.parse("x.y/app").on("index.docker.io") == Reference.parse("app")
    assert str(Reference.parse("app").with_default_tag()) == "docker.io/library/app:latest"
    assert Reference.parse(f"app@{SHA256}").with_default_tag().tag is None
    assert reference.with_default_tag() == reference


def test_no_invalid_one_can_be_made() -> None:
    reference = Reference.parse("team/app:1")
    for make in (
        lambda: reference.with_tag("a b"),
        lambda: reference.with_tag(""),
        lambda: reference.with_digest("sha256:1"),
        lambda: reference.on("a/b"),
        lambda: reference.on(""),
        lambda: Reference("x.y", "A"),
        lambda: Reference("docker.io", "a" * 250),
    ):
        with pytest.raises(InvalidReference):
            make()


def test_sorted_by_name_then_tag_with_and_without() -> None:
    wanted = ["a.example/x", "a.example/x:1", f"a.example/x:1@{SHA256}", "a.example/y", "b.example/a"]
    references = [Reference.parse(text) for text in reversed(wanted)]
    assert [str(reference) for reference in sorted(references)] == wanted
    assert len({*references, *references}) == len(wanted)
    assert not any(reference < Reference.parse(str(reference)) for reference in references)


def test_names() -> None:
    reference = Reference.parse("postgres:16")
    assert (reference.name, reference.familiar_name) == ("docker.io/library/postgres", "postgres")
    assert reference.registry_host == "registry-1.docker.io"
    assert reference.target == "16"
    assert Reference.parse("x.y:5/a").registry_host == "x.y:5"
    assert Reference.parse("x.y:5/a").target == "latest"
    assert reference.with_digest(SHA256).target == SHA256


def test_checks_of_parts() -> None:
    assert check_tag("1.0") == "1.0"
    assert check_path("team/app") == "team/app"
    assert check_domain("[::1]:5000") == "[::1]:5000"
    assert valid_tag("_") and not valid_tag("") and not valid_tag("a" * 129) and not valid_tag("a\n")
    for check, text, words in (
        (check_tag, "a b", "a space"),
        (check_path, "team/App", "upper case"),
        (check_path, "", "missing"),
        (check_domain, "a/b", "“/”"),
        (check_domain, "", "missing"),
    ):
        with pytest.raises(InvalidReference) as caught:
            check(text)
        assert words in caught.value.message


def test_only_docker_hub_has_a_name_of_its_own() -> None:
    names = {
        Reference.parse(text).domain: "" for text in ("postgres", "index.docker.io/a/b", "r.example:5000/a")
    }
    assert [registry_name(domain) for domain in names] == ["Docker Hub", "r.example:5000"]
