"""Environments for child processes, without the user's settings."""

from __future__ import annotations

import os
from pathlib import Path

from testbed.processes import SYSTEM_PATH


def bare_environ(home: Path) -> dict[str, str]:
    """PATH, LANG and a private HOME: all that daemons need. No proxies, no DOCKER_*."""
    return {
        "PATH": f"{os.environ.get('PATH', '')}{os.pathsep}{SYSTEM_PATH}",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(home),
    }
