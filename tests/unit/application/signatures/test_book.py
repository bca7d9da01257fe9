"""The file with keys and rules: shared, durable, and never forgotten because it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from longshore.application.signatures.book import MOST, Key, KeyBook, key_of_file, key_of_identity
from longshore.application.signatures.listing import listed
from longshore.application.signatures.scopes import parse_scope
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.reference import Reference
from signaturetools import signer

TEAM = parse_scope("r.example.com/team/*")
APP = Reference.parse("r.example.com/team/app:1")


@pytest.fixture
def book(tmp_path: Path) -> KeyBook:
    return KeyBook(tmp_path / "config" / "keys.json")


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return key_of_file(TEAM, signer().write(tmp_path / "release.pub"))


def test_a_key_is_kept_with_its_name_and_found_for_its_repositories(book: KeyBook, key: Key) -> None:
    assert book.read().keys == ()
    assert book.add(key) is False
    assert book.add(key) is True
    found = KeyBook(book.path).read()
    assert found.of(APP) == (key,)
    assert found.of(Reference.parse("r.example.com/other/app")) == ()
    assert (found.keys[0].name, found.keys[0].pem.encode()) == ("release", signer().pem)
    assert found.rule(APP) is None
    book.set_only_signed(TEAM, True)
    assert book.read().rule(APP) == TEAM
    assert book.remove(TEAM, "other") == 0
    assert book.remove(TEAM) == 1
    # Without a key, the rule still holds.
    assert book.read().rule(APP) == TEAM
    book.set_only_signed(TEAM, False)
    assert book.read().only_signed == ()


def test_two_programs_and_unknown_fields_are_merged(book: KeyBook, key: Key) -> None:
    other = KeyBook(book.path)
    other.read()
    book.add(key)
    document = json.loads(book.path.read_bytes())
    document["later"] = 1
    document["keys"][0]["added"] = "2026"
    book.path.write_text(json.dumps(document))
    other.set_only_signed(TEAM, True)
    assert book.read().only_signed == (TEAM,)
    document = json.loads(book.path.read_bytes())
    assert (document["later"], document["keys"][0]["added"]) == (1, "2026")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2}',
        '{"keys": {}}',
        '{"keys": [1]}',
        '{"keys": [{"scope": "a b", "name": "x", "pem": "y"}]}',
        '{"keys": [{"scope": "r.example.com", "name": "x"}]}',
        '{"keys": [{"scope": "r.example.com", "name": "x", "pem": 1}]}',
        '{"only_signed": ["a b"]}',
        '{"only_signed": [null]}',
        json.dumps({"only_signed": ["r.example.com"] * (MOST + 1)}),
    ],
)
def test_a_damaged_file_is_an_error_and_stays(book: KeyBook, key: Key, text: str) -> None:
    book.path.parent.mkdir()
    book.path.write_text(text)
    for _ in range(2):
        with pytest.raises(LongshoreError, match="can't be read"):
            book.read()
    for change in (lambda: book.add(key), lambda: book.set_only_signed(TEAM, True)):
        with pytest.raises(LongshoreError, match="can't be read"):
            change()
    assert book.path.read_text() == text
    book.path.write_text("{}")
    assert book.read().keys == ()


def test_a_key_that_was_damaged_by_hand_is_named(book: KeyBook, key: Key) -> None:
    book.add(key)
    book.path.write_text(
        book.path.read_text().replace("BEGIN PUBLIC KEY-----\\n", "BEGIN PUBLIC KEY-----\\n!")
    )
    (damaged,) = book.read().keys
    with pytest.raises(InvalidInput, match="damaged") as told:
        _ = damaged.public_key
    assert told.value.subject == "release (r.example.com/team/*)"
    assert [row.kind for row in listed(book.read(), "r.example.com")] == ["damaged"]


def test_what_cannot_be_written_is_told(tmp_path: Path, key: Key) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LongshoreError, match="not saved"):
        KeyBook(tmp_path / "file" / "keys.json").add(key)


def test_files_that_are_no_public_keys_are_named_and_not_stored(book: KeyBook, tmp_path: Path) -> None:
    private = tmp_path / "cosign.key"
    private.write_bytes(signer().private_pem)
    with pytest.raises(InvalidInput, match="private key") as refused:
        key_of_file(TEAM, private)
    assert refused.value.subject == str(private)
    huge = tmp_path / "huge.pub"
    huge.write_bytes(b"x" * (1 << 20))
    for path in (huge, tmp_path, tmp_path / "absent"):
        with pytest.raises(InvalidInput, match="can't be read"):
            key_of_file(TEAM, path)
    assert not book.path.exists()


def test_names_and_identities_are_checked(tmp_path: Path) -> None:
    path = signer().write(tmp_path / "release.pub")
    assert key_of_file(TEAM, path, "release@example.com").name == "release@example.com"
    for name in ("x" * 81, "a\nb", "\x1b[31mred"):
        with pytest.raises(InvalidInput):
            key_of_file(TEAM, path, name)
    made = key_of_identity(TEAM, "ann@example.com", "https://accounts.example.com")
    assert (made.name, made.pem) == ("ann@example.com", "")
    for identity, issuer in (("", "x"), ("x", ""), ("a\nb", "x"), ("x" * 600, "y")):
        with pytest.raises(InvalidInput):
            key_of_identity(TEAM, identity, issuer)
