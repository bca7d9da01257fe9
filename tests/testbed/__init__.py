"""A private engine, private registries and everything else that Longshore is tested with.

Every part is real (dockerd, docker-registry, Xvfb), has its own sockets, data, HOME and DOCKER_CONFIG
instead of the user's, is a context manager, and leaves no process, mount or file behind.
All parts block and belong to the thread that made them, unless documented otherwise.
"""

from __future__ import annotations

from testbed.errors import EngineNotOurs, TestbedError, TestbedUnavailable, require

__all__ = ["EngineNotOurs", "TestbedError", "TestbedUnavailable", "require"]
