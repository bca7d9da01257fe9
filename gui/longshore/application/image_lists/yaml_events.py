"""The events of a YAML text, by ruamel.yaml; importing it takes 50 ms, so import this late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scanner import Scanner, ScannerError

#: Most characters of a tag. The scanner needs time in the square of its length.
_LONGEST_TAG = 1_000


class _Scanner(Scanner):
    """The scanner, with a limit for tags."""

    def scan_tag(self) -> Any:
        mark = self.reader.get_mark()
        if len(self.reader.prefix(_LONGEST_TAG).split(maxsplit=1)[0]) >= _LONGEST_TAG:
            raise ScannerError("while scanning a tag", mark, "the tag is too long", mark)
        return super().scan_tag()


def events(text: str) -> Iterator[Any]:
    """The events of *text*. Raises YAMLError, and some others for escapes of what is no character."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _Scanner
    yield from yaml.parse(text)
