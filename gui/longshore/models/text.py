"""Numbers, times and names as a person reads them. SI units (1 kB is 1000 B). GUI thread only."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from longshore.text import plain

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_CONTEXT = "models"
_LONG_AGO = timedelta(days=365 * 20)


def tr(text: str, number: int = -1) -> str:
    """*text* in the user's language; ``%n`` in it becomes *number*."""
    return QCoreApplication.translate(_CONTEXT, text, "", number)


def safe(text: str, limit: int = 300) -> str:
    """Text from outside, safe to show in one line. Fast for what needs no cleaning."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    return plain(text, limit)


def tooltip(text: str) -> str | None:
    """*text* as a tooltip that shows exactly it: Qt guesses rich text, so it is escaped and said to be
    rich."""
    if not text:
        return None
    return f'<span style="white-space:pre-wrap">{html.escape(text)}</span>'


# -- sizes


def _scaled(value: float) -> tuple[float, int]:
    """*value* in its unit, and which unit. Rounding decides too: 999,900 B are 1 MB, not 1000 kB."""
    unit = 0
    while unit < len(_UNITS) - 1 and round(value, 0 if unit == 0 or value >= 100 else 2) >= 1000:
        value /= 1000
        unit += 1
    return value, unit


def _number(value: float, decimals: int, *, strip: bool = True) -> str:
    locale = QLocale()
    text = locale.toString(float(value), "f", decimals)
    point = locale.decimalPoint()
    if strip and point in text:
        text = text.rstrip(locale.zeroDigit()).removesuffix(point)
    return text


def _decimals(value: float, unit: int) -> int:
    if unit == 0 or value >= 100:
        return 0
    return 1 if value >= 10 else (2 if unit >= 3 else 1)


def size(number: float | None) -> str:
    """*number* of bytes, as ``44.6 MB`` or ``1.31 GB``; empty for None."""
    if number is None or number < 0:
        return ""
    value, unit = _scaled(number)
    return f"{_number(value, _decimals(value, unit))} {_UNITS[unit]}"


def about_size(number: float) -> str:
    """*number* of bytes with few digits, for estimates: ``0.6 GB``."""
    value, unit = _scaled(number)
    if unit and value >= 500 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{_number(value, 0 if unit == 0 or value >= 10 else 1)} {_UNITS[unit]}"


def size_of(moved: int, total: int | None) -> str:
    """*moved* of *total* bytes, in the unit of the total: ``44.6 of 72 MB``."""
    if not total or total < 0:
        return size(moved)
    moved = min(max(moved, 0), total)
    value, unit = _scaled(total)
    if moved in (0, total):
        part = _number(value if moved else 0, _decimals(value, unit))
    else:
        # The decimals stay, so that the text does not jump while it counts.
        part = _number(moved / 1000**unit, min(max(unit - 1, 0), 2), strip=False)
    return tr("{moved} of {total}").replace("{moved}", part).replace("{total}", size(total))


def speed(bytes_per_second: float | None) -> str:
    """``21.4 MB/s``; empty when not known."""
    if bytes_per_second is None or bytes_per_second < 0:
        return ""
    return f"{size(bytes_per_second)}/s"


def percent(permille: int | None) -> str:
    """``62 %``; empty when not known. 100 % only for exactly 1000."""
    return "" if permille is None or permille < 0 else f"{permille // 10} %"


def percent_spoken(permille: int | None) -> str:
    """The same for who listens: ``62 percent``, ``not known``."""
    if permille is None or permille < 0:
        return tr("not known")
    return tr("{number} percent").replace("{number}", str(permille // 10))


# -- times


def duration(seconds: float | None) -> str:
    """``2 s``, ``1 min 20 s``, ``1 h 5 min``, ``2 d 3 h``; empty when not known."""
    if seconds is None or seconds < 0 or seconds != seconds or seconds > 365 * 86400:
        return ""
    whole = max(1, round(seconds)) if seconds > 0 else 0
    if whole < 60:
        return tr("%n s", whole)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return tr("%n min", minutes) + (" " + tr("%n s", rest) if rest else "")
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return tr("%n h", hours) + (" " + tr("%n min", minutes) if minutes else "")
    days, hours = divmod(hours, 24)
    return tr("%n d", days) + (" " + tr("%n h", hours) if hours else "")


def aware(moment: datetime) -> datetime:
    """*moment* with a time zone; without one it is taken as UTC, as engines and registries mean it."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago *moment* was: ``2 hours ago``, ``yesterday``; a date where an age would say nothing."""
    if moment is None:
        return ""
    moment = aware(moment)
    passed = (now or datetime.now(UTC)) - moment
    seconds = passed.total_seconds()
    if passed > _LONG_AGO or seconds < -3600:
        return moment.date().isoformat()  # reproducible builds and wrong clocks
    if seconds < 60:
        return tr("just now")
    days = int(seconds // 86400)
    for amount, one, many in (
        (days // 365, "1 year ago", "%n years ago"),
        (days // 30, "1 month ago", "%n months ago"),
        (days // 7, "1 week ago", "%n weeks ago"),
        (days, "yesterday", "%n days ago"),
        (int(seconds // 3600), "1 hour ago", "%n hours ago"),
    ):
        # Up to eight weeks are told in weeks: "5 weeks ago" says more than "1 month ago".
        if amount and not (many == "%n months ago" and amount < 2):
            return tr(one) if amount == 1 else tr(many, amount)
    minutes = int(seconds // 60)
    return tr("1 min ago") if minutes == 1 else tr("%n min ago", minutes)


def short_age(moment: datetime | None, now: datetime | None = None) -> str:
    """The age of :func:`age` in as few letters as it takes: ``2 h``, ``3 d``, ``6 wk``."""
    if moment is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - aware(moment)).total_seconds()
    if seconds > _LONG_AGO.total_seconds() or seconds < -3600:
        return aware(moment).date().isoformat()
    days = int(seconds // 86400)
    for amount, words in (
        (days // 365, "{0} y"),
        (days // 30 if days >= 60 else 0, "{0} mo"),
        (days // 7, "{0} wk"),
        (days, "{0} d"),
        (int(seconds // 3600), "{0} h"),
        (int(seconds // 60), "{0} min"),
    ):
        if amount > 0:
            return tr(words).format(amount)
    return tr("now")


def moment_text(moment: datetime | None) -> str:
    """Date and time in the user's zone and manner, for tooltips; empty for None."""
    if moment is None:
        return ""
    try:
        local = aware(moment).astimezone()
    except (OverflowError, ValueError, OSError):
        return moment.isoformat(" ", "seconds")
    return local.strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: datetime | None, now: datetime | None = None) -> str:
    """The time of day if *moment* is today, otherwise date and time; in the user's zone."""
    if moment is None:
        return ""
    local = aware(moment).astimezone()
    today = (now or datetime.now(UTC)).astimezone().date()
    locale = QLocale()
    stamp = QDateTime.fromSecsSinceEpoch(int(local.timestamp()))
    time = locale.toString(stamp.time(), QLocale.FormatType.ShortFormat)
    return time if local.date() == today else f"{local.date().isoformat()} {time}"


# -- names

_DIGEST = re.compile(r"([a-z0-9]{1,32}):([0-9a-fA-F]{12,128})")


def short_digest(digest: str) -> str:
    """``sha256:1c9e0a8b12cd`` of a whole digest."""
    match = _DIGEST.fullmatch(digest)
    return f"{match[1]}:{match[2][:12]}" if match else safe(digest, 40)


# -- counts (English needs its singular spelled out; other languages have plural forms for %n)


def repositories(count: int) -> str:
    """``214 repositories``."""
    if count == 1:
        return tr("1 repository")
    return tr("{count} repositories").replace("{count}", f"{count:,}")


def pinned(count: int) -> str:
    """``3 pinned``."""
    return tr("%n pinned", count)


def containers(count: int) -> str:
    """``2 containers``; empty for none."""
    if count <= 0:
        return ""
    return tr("1 container") if count == 1 else tr("%n containers", count)


def layers(count: int) -> str:
    """``12 layers``."""
    return tr("1 layer") if count == 1 else tr("%n layers", count)


def archives(count: int) -> str:
    """``3 archives``."""
    return tr("1 archive") if count == 1 else tr("%n archives", count)


def images(count: int) -> str:
    """``3 images``."""
    return tr("1 image") if count == 1 else tr("%n images", count)
