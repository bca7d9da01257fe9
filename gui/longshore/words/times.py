"""Text for times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from longshore import language
from longshore.language import tr

_LONG_AGO = timedelta(days=365 * 20)


def duration(seconds: float | None) -> str:
    """Return a duration as ``2 s``, ``1 min 20 s``, ``1 h 5 min``, ``2 d 3 h``; empty if unknown."""
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
    """Return *moment* with a time zone; without one it counts as UTC, as engines and registries use it."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """Return the age of *moment*: ``2 hours ago``, ``yesterday``; a date if an age would be meaningless."""
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
        # Up to eight weeks are shown in weeks: "5 weeks ago" says more than "1 month ago".
        if amount and not (many == "%n months ago" and amount < 2):
            return tr(one) if amount == 1 else tr(many, amount)
    minutes = int(seconds // 60)
    return tr("1 min ago") if minutes == 1 else tr("%n min ago", minutes)


def short_age(moment: datetime | None, now: datetime | None = None) -> str:
    """Return the age of :func:`age` in its shortest form: ``2 h``, ``3 d``, ``6 wk``."""
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
    """Return date and time in the user's time zone and format, for tooltips; empty for None."""
    if moment is None:
        return ""
    try:
        local = aware(moment).astimezone()
    except (OverflowError, ValueError, OSError):
        return moment.isoformat(" ", "seconds")
    return local.strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: datetime | None, now: datetime | None = None) -> str:
    """Return the time of day if *moment* is today, otherwise date and time; in the user's time zone."""
    if moment is None:
        return ""
    local = aware(moment).astimezone()
    today = (now or datetime.now(UTC)).astimezone().date()
    time = language.current().time_of_day(local)
    return time if local.date() == today else f"{local.date().isoformat()} {time}"
