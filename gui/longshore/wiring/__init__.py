"""Introduces the window to the operations: what a pane wishes is asked for, what comes of it is shown."""

from longshore.wiring.wiring import Wiring

__all__ = ["Wiring"]
