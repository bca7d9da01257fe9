"""Printing of benchmark results: date and machine, and ratios with their spread."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path


def heading(what: str) -> None:
    """Print what is measured, when and on which machine: results without these cannot be compared."""
    processor = platform.machine()
    memory = ""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        memory = f", {pages / 2**30:.0f} GiB"
    except (OSError, ValueError):
        pass
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    print(f"\n{what}")
    print(
        f"  {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of {processor}{memory}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f}",
        flush=True,
    )


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median with minimum and maximum: ``1.07 (1.02 to 1.15, n = 5)``."""
    return (
        f"{statistics.median(values):.{digits}f} "
        f"({min(values):.{digits}f} to {max(values):.{digits}f}, n = {len(values)})"
    )


def ratio(name: str, ours: Sequence[float], peer: str, theirs: Sequence[float], unit: str = "s") -> None:
    """Print both medians and the ratio pair by pair: runs made one after the other are compared."""
    pairs = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(
        f"  {name}: {peer} {spread(theirs)} {unit}, Longshore {spread(ours)} {unit}, ratio {spread(pairs)}",
        flush=True,
    )
