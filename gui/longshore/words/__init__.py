"""The words for people, for a window and a terminal alike: sentences about transfers, errors, engines, sizes and times.

Pure functions of plain data, in the language of :mod:`longshore.language`. Knows no Qt.
"""
