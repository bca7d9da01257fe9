"""The user's language in a window: the installed catalogues of Qt, and the formats of the system's locale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLocale, QTime

from longshore.language import Language

if TYPE_CHECKING:
    from datetime import datetime


class QtLanguage(Language):
    """Qt's translators and default locale."""

    def translate(self, context: str, text: str, number: int = -1) -> str:
        """See Language."""
        return QCoreApplication.translate(context, text, "", number)

    def decimal(self, value: float, decimals: int, *, strip: bool = True) -> str:
        """See Language."""
        locale = QLocale()
        text = locale.toString(float(value), "f", decimals)
        point = locale.decimalPoint()
        if strip and point in text:
            text = text.rstrip(locale.zeroDigit()).removesuffix(point)
        return text

    def time_of_day(self, moment: datetime) -> str:
        """See Language."""
        return QLocale().toString(QTime(moment.hour, moment.minute), QLocale.FormatType.ShortFormat)
