"""Connects the window to the operations: passes on the requests of panes and shows the results."""

from longshore.wiring.wiring import Wiring

__all__ = ["Wiring"]
