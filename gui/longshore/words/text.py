"""Text for numbers and names, in SI units (1 kB is 1000 B). Times are in :mod:`.times`."""

from __future__ import annotations

import re

from longshore import language
from longshore.language import tr
from longshore.text import plain

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def safe(text: str, limit: int = 300) -> str:
    """Return foreign text, made safe to show in one line. Fast if it needs no cleaning."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    return plain(text, limit)


def capital(words: str) -> str:
    """Return *words* with a capital, to begin a cell or a line."""
    return words[:1].upper() + words[1:]


def continued(words: str) -> str:
    """Return *words* as they continue a line: without the first capital, unless an acronym or a name begins them."""
    if len(words) > 1 and words[0].isupper() and words[1].islower():
        return words[0].lower() + words[1:]
    return words


# -- sizes


def _scaled(value: float) -> tuple[float, int]:
    """Return *value* in its unit, and the unit's index. Rounding counts: 999,900 B are 1 MB, not 1000 kB."""
    unit = 0
    while unit < len(_UNITS) - 1 and round(value, 0 if unit == 0 or value >= 100 else 2) >= 1000:
        value /= 1000
        unit += 1
    return value, unit


def _number(value: float, decimals: int, *, strip: bool = True) -> str:
    return language.current().decimal(value, decimals, strip=strip)


def _decimals(value: float, unit: int) -> int:
    if unit == 0 or value >= 100:
        return 0
    return 1 if value >= 10 else (2 if unit >= 3 else 1)


def size(number: float | None) -> str:
    """Return *number* of bytes as ``44.6 MB`` or ``1.31 GB``; empty for None."""
    if number is None or number < 0:
        return ""
    value, unit = _scaled(number)
    return f"{_number(value, _decimals(value, unit))} {_UNITS[unit]}"


def about_size(number: float) -> str:
    """Return *number* of bytes with few digits, for estimates: ``0.6 GB``."""
    value, unit = _scaled(number)
    if unit and value >= 500 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{_number(value, 0 if unit == 0 or value >= 10 else 1)} {_UNITS[unit]}"


def size_of(moved: int, total: int | None) -> str:
    """Return *moved* of *total* bytes, in the unit of the total: ``44.6 of 72 MB``."""
    if not total or total < 0:
        return size(moved)
    moved = min(max(moved, 0), total)
    value, unit = _scaled(total)
    if moved in (0, total):
        part = _number(value if moved else 0, _decimals(value, unit))
    else:
        # Keep the decimals, so that the text does not jump while it counts.
        part = _number(moved / 1000**unit, min(max(unit - 1, 0), 2), strip=False)
    return tr("{moved} of {total}").replace("{moved}", part).replace("{total}", size(total))


def speed(bytes_per_second: float | None) -> str:
    """Return a speed as ``21.4 MB/s``; empty if unknown."""
    if bytes_per_second is None or bytes_per_second < 0:
        return ""
    return f"{size(bytes_per_second)}/s"


def percent(permille: int | None) -> str:
    """Return a percentage as ``62 %``; empty if unknown. 100 % only for exactly 1000."""
    return "" if permille is None or permille < 0 else f"{permille // 10} %"


def percent_spoken(permille: int | None) -> str:
    """Return a percentage for screen readers: ``62 percent``, ``unknown``."""
    if permille is None or permille < 0:
        return tr("unknown")
    return tr("{number} percent").replace("{number}", str(permille // 10))


# -- names

_DIGEST = re.compile(r"([a-z0-9]{1,32}):([0-9a-fA-F]{12,128})")


def short_digest(digest: str) -> str:
    """Return the short form of a digest: ``sha256:1c9e0a8b12cd``."""
    match = _DIGEST.fullmatch(digest)
    return f"{match[1]}:{match[2][:12]}" if match else safe(digest, 40)


# -- counts (English spells out the singular; other languages have plural forms for %n)


def repositories(count: int) -> str:
    """Return a count: ``214 repositories``."""
    if count == 1:
        return tr("1 repository")
    return tr("{count} repositories").replace("{count}", f"{count:,}")


def pinned(count: int) -> str:
    """Return a count: ``3 pinned``."""
    return tr("%n pinned", count)


def containers(count: int) -> str:
    """Return a count: ``2 containers``; empty for none."""
    if count <= 0:
        return ""
    return tr("1 container") if count == 1 else tr("%n containers", count)


def layers(count: int) -> str:
    """Return a count: ``12 layers``."""
    return tr("1 layer") if count == 1 else tr("%n layers", count)


def archives(count: int) -> str:
    """Return a count: ``3 archives``."""
    return tr("1 archive") if count == 1 else tr("%n archives", count)


def images(count: int) -> str:
    """Return a count: ``3 images``."""
    return tr("1 image") if count == 1 else tr("%n images", count)
