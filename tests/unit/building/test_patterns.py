"""Patterns of ``.dockerignore``: the tables of moby/patternmatcher, and what hostile patterns cost."""

from __future__ import annotations

import random
import re

import pytest

from longshore.building.patterns import BadPatternError, Matcher, clean, read_patterns
from longshore.errors import InvalidInput

#: patternmatcher_test.go, TestMatches: pattern, path, whether it matches.
MATCHES = [
    ("**", "file", True),
    ("**", "file/", True),
    ("**/", "file", True),
    ("**/", "file/", True),
    ("**", "/", True),
    ("**/", "/", True),
    ("**", "dir/file", True),
    ("**/", "dir/file", True),
    ("**", "dir/file/", True),
    ("**/", "dir/file/", True),
    ("**/**", "dir/file", True),
    ("**/**", "dir/file/", True),
    ("dir/**", "dir/file", True),
    ("dir/**", "dir/file/", True),
    ("dir/**", "dir/dir2/file", True),
    ("dir/**", "dir/dir2/file/", True),
    ("**/dir", "dir", True),
    ("**/dir", "dir/file", True),
    ("**/dir2/*", "dir/dir2/file", True),
    ("**/dir2/*", "dir/dir2/file/", True),
    ("**/dir2/**", "dir/dir2/dir3/file", True),
    ("**/dir2/**", "dir/dir2/dir3/file/", True),
    ("**file", "file", True),
    ("**file", "dir/file", True),
    ("**/file", "dir/file", True),
    ("**file", "dir/dir/file", True),
    ("**/file", "dir/dir/file", True),
    ("**/file*", "dir/dir/file", True),
    ("**/file*", "dir/dir/file.txt", True),
    ("**/file*txt", "dir/dir/file.txt", True),
    ("**/file*.txt", "dir/dir/file.txt", True),
    ("**/file*.txt*", "dir/dir/file.txt", True),
    ("**/**/*.txt", "dir/dir/file.txt", True),
    ("**/**/*.txt2", "dir/dir/file.txt", False),
    ("**/*.txt", "file.txt", True),
    ("**/**/*.txt", "file.txt", True),
    ("a**/*.txt", "a/file.txt", True),
    ("a**/*.txt", "a/dir/file.txt", True),
    ("a**/*.txt", "a/dir/dir/file.txt", True),
    ("a/*.txt", "a/dir/file.txt", False),
    ("a/*.txt", "a/file.txt", True),
    ("a/*.txt**", "a/file.txt", True),
    ("a[b-d]e", "ae", False),
    ("a[b-d]e", "ace", True),
    ("a[b-d]e", "aae", False),
    ("a[^b-d]e", "aze", True),
    (".*", ".foo", True),
    (".*", "foo", False),
    ("abc.def", "abcdef", False),
    ("abc.def", "abc.def", True),
    ("abc.def", "abcZdef", False),
    ("abc?def", "abcZdef", True),
    ("abc?def", "abcdef", False),
    ("a\\\\", "a\\", True),
    ("**/foo/bar", "foo/bar", True),
    ("**/foo/bar", "dir/foo/bar", True),
    ("**/foo/bar", "dir/dir2/foo/bar", True),
    ("abc/**", "abc", False),
    ("abc/**", "abc/def", True),
    ("abc/**", "abc/def/ghi", True),
    ("**/.foo", ".foo", True),
    ("**/.foo", "bar.foo", False),
    ("a(b)c/def", "a(b)c/def", True),
    ("a(b)c/def", "a(b)c/xyz", False),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", True),
    (
        "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        True,
    ),
    ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", True),
    ("a\\*b", "a*b", True),
]

#: patternmatcher_test.go, matchTests (those of Go's filepath.Match); None: the pattern is not valid.
MATCH = [
    ("abc", "abc", True),
    ("*", "abc", True),
    ("*c", "abc", True),
    ("a*", "a", True),
    ("a*", "abc", True),
    ("a*", "ab/c", True),
    ("a*/b", "abc/b", True),
    ("a*/b", "a/c/b", False),
    ("a*b*c*d*e*/f", "axbxcxdxe/f", True),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/f", True),
    ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", False),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", False),
    ("a*b?c*x", "abxbbxdbxebxczzx", True),
    ("a*b?c*x", "abxbbxdbxebxczzy", False),
    ("ab[c]", "abc", True),
    ("ab[b-d]", "abc", True),
    ("ab[e-g]", "abc", False),
    ("ab[^c]", "abc", False),
    ("ab[^b-d]", "abc", False),
    ("ab[^e-g]", "abc", True),
    ("a\\*b", "a*b", True),
    ("a\\*b", "ab", False),
    ("a?b", "a☺b", True),
    ("a[^a]b", "a☺b", True),
    ("a???b", "a☺b", False),
    ("a[^a][^a][^a]b", "a☺b", False),
    ("[a-ζ]*", "α", True),
    ("*[a-ζ]", "A", False),
    ("a?b", "a/b", False),
    ("a*b", "a/b", False),
    ("[\\]a]", "]", True),
    ("[\\-]", "-", True),
    ("[x\\-]", "x", True),
    ("[x\\-]", "-", True),
    ("[x\\-]", "z", False),
    ("[\\-x]", "x", True),
    ("[\\-x]", "-", True),
    ("[\\-x]", "a", False),
    ("[]a]", "]", None),
    ("[-]", "-", None),
    ("[x-]", "x", None),
    ("[x-]", "-", None),
    ("[x-]", "z", None),
    ("[-x]", "x", None),
    ("[-x]", "-", None),
    ("[-x]", "a", None),
    ("\\", "a", None),
    ("[a-b-c]", "a", None),
    ("[", "a", None),
    ("[^", "a", None),
    ("[^bc", "a", None),
    ("a[", "a", None),
    ("a[", "ab", None),
    ("*x", "xxx", True),
]

#: patternmatcher_test.go, multiPatternTests and the tests of single cases: patterns, path, whether it is excluded.
SEVERAL = [
    (["**", "!util/docker/web"], "util/docker/web/foo", False),
    (["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", True),
    (
        ["**", "!dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl"],
        "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        False,
    ),
    (["**", "!dist/*.whl"], "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", False),
    (["*"], "fileutils.go", True),
    (["*.go"], "fileutils.go", True),
    (["!fileutils.go", "*.go"], "fileutils.go", True),
    (["docs", "!docs/README.md"], "docs/README.md", False),
    (["docs/", "!docs/README.md"], "docs/README.md", False),
    (["docs/*", "!docs/README.md"], "docs/README.md", False),
    (["*.go", "!fileutils.go"], "fileutils.go", False),
    ([], "any/path/there", False),
    (["docs", "  !docs/README.md"], "docs/README.md", False),
    (["docs", "!docs/README.md  ", ""], "docs/README.md", False),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), MATCHES)
def test_the_table_of_patternmatcher(pattern: str, path: str, matches: bool) -> None:
    # A path from a folder ends in no slash; the table has some that do, whose last part is empty.
    assert Matcher([pattern]).excludes(path) is matches


@pytest.mark.parametrize(("pattern", "path", "matches"), MATCH)
def test_the_table_of_filepath_match(pattern: str, path: str, matches: bool | None) -> None:
    if matches is None:
        with pytest.raises(BadPatternError):
            Matcher([pattern])
    else:
        assert Matcher([pattern]).excludes(path) is matches


@pytest.mark.parametrize(("patterns", "path", "excluded"), SEVERAL)
def test_several_patterns(patterns: list[str], path: str, excluded: bool) -> None:
    assert Matcher(patterns).excludes(path) is excluded


def test_what_go_makes_of_other_signs() -> None:
    # A caret is an anchor in the expression, once the pattern needs one.
    assert not Matcher(["a^b*"]).excludes("a^bc")
    assert Matcher(["a^b"]).excludes("a^b")
    assert Matcher(["^a*"]).excludes("ab")
    # A backslash before a letter reaches the expression.
    assert Matcher([r"v\d"]).excludes("v7")
    assert not Matcher([r"v\d"]).excludes("vd")
    # A star in a class is translated like any other.
    assert Matcher(["x[*]"]).excludes("x[[]")
    # The dot of "**" matches no newline.
    assert not Matcher(["**/a/*.b"]).excludes("x\ny/a/c.b")
    assert Matcher(["*.b"]).excludes("x\ny.b")


@pytest.mark.parametrize("pattern", ["[z-a]*", "[Local-Only]/", r"a\y*", "[[:alpha:]]", "!", "x" * 5000])
def test_patterns_that_go_refuses(pattern: str) -> None:
    with pytest.raises(BadPatternError):
        Matcher([pattern])


def test_excluded_folders_that_are_searched() -> None:
    matcher = Matcher(["docs", "!docs/a/README.md", "!**/x"])
    assert matcher.enters("docs")
    assert matcher.enters("docs/a")
    assert not matcher.enters("docs/b")
    assert not matcher.enters("doc")


def test_parent_results_are_used_for_what_is_inside() -> None:
    matcher = Matcher(["a", "!a/b", "a/b/c"])
    excluded, above = matcher.matches("a", None)
    assert excluded
    excluded, above = matcher.matches("a/b", above)
    assert not excluded
    assert matcher.matches("a/b/c", above)[0]
    assert not matcher.matches("a/b/d", above)[0]


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("", "."),
        ("/", "/"),
        ("//a", "/a"),
        ("a//b/", "a/b"),
        ("a/./../b", "b"),
        ("../a", "../a"),
        ("/../a", "/a"),
    ],
)
def test_paths_are_cleaned_as_in_go(written: str, cleaned: str) -> None:
    assert clean(written) == cleaned


def test_the_file_of_ignorefile_test() -> None:
    content = (
        "test1\n/test2\n/a/file/here\n\nlastfile\n# a comment\n! /inverted/abs/path\n#!\n # kept\r\n\\#x\n"
    )
    assert read_patterns("\ufeff" + content) == [
        *("test1", "test2", "a/file/here", "lastfile", "!inverted/abs/path", "# kept", "\\#x"),
    ]


@pytest.mark.parametrize("line", ["!", "! ", "[", "a["])
def test_a_line_that_is_no_pattern_is_named(line: str) -> None:
    with pytest.raises(InvalidInput, match=r"Line 3 of the ignore file is not a valid pattern\."):
        read_patterns(f"ok\n# comment\n{line}\n")


def test_states_agree_with_a_regular_expression() -> None:
    """The same patterns as an expression of Python, on short texts where it cannot take long."""
    chance = random.Random(7)
    pieces = ["a", "b", ".", "/", "*", "?", "**/", "[ab]", "[^a]", "**"]
    for _ in range(1500):
        pattern = (
            "a" + "".join(chance.choice(pieces) for _ in range(chance.randint(1, 6))) + chance.choice("ab")
        )
        cleaned = clean(pattern)
        if "***" in cleaned:
            continue
        expression = re.escape(cleaned).replace(r"\*\*/", "(.*/)?").replace(r"\*\*", "(.*/)?")
        expression = expression.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        expression = expression.replace(r"\[ab\]", "[ab]").replace(r"\[\^a\]", "[^a]").replace(r"\^", "^")
        matcher = Matcher([cleaned])
        for _ in range(20):
            path = "a" + "".join(chance.choice("ab./") for _ in range(chance.randint(0, 7)))
            expected = re.fullmatch(expression, path) is not None
            assert matcher.matches(path, None)[0] is expected, (cleaned, path, expression)


def test_a_hostile_pattern_takes_linear_time() -> None:
    """Backtracking would need longer than the universe has existed."""
    matcher = Matcher(["*a" * 1000 + "x*", "**/a" * 900 + "?x*", "[^b]*" * 800 + "x?"])
    path = "a" * 4000
    assert not matcher.excludes(path)
    assert not matcher.excludes("/".join(["a" * 20] * 50))
