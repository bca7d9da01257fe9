"""The user's language: translations and the format of numbers and times. English until a front end sets another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Language:
    """English. A subclass brings other languages; see ``models.language``. Its methods are called from any thread."""

    def translate(self, context: str, text: str, number: int = -1) -> str:
        """Return *text* of the catalogue's *context* in this language, with ``%n`` replaced by *number* if that is not
        negative."""
        return text.replace("%n", str(number)) if number >= 0 else text

    def decimal(self, value: float, decimals: int, *, strip: bool = True) -> str:
        """Return *value* rounded to *decimals*; *strip*: without zeros at the end."""
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").removesuffix(".") if strip and "." in text else text

    def time_of_day(self, moment: datetime) -> str:
        """Return hours and minutes of *moment*, in its own time zone."""
        return moment.strftime("%H:%M")


_current = Language()


def use(language: Language) -> None:
    """Use *language* from now on, in all threads."""
    global _current
    _current = language


def current() -> Language:
    """The language in use."""
    return _current


def tr(text: str, number: int = -1) -> str:
    """Return *text* in the user's language, with ``%n`` replaced by *number*."""
    return _current.translate("models", text, number)
