"""A private engine, private registries and everything else that Longshore is tried on.

Every part is real (dockerd, docker-registry, Xvfb), takes nothing of the user's (own sockets, data,
HOME and DOCKER_CONFIG), is a context manager, and leaves no process, mount or file behind.
The parts block and belong to the thread that made them, unless they say otherwise.
"""

from __future__ import annotations

from testbed.errors import EngineNotOurs, TestbedError, TestbedUnavailable, require

__all__ = ["EngineNotOurs", "TestbedError", "TestbedUnavailable", "require"]
