"""A private engine, private registries and all other surroundings that Longshore is tested in.

Every part is real (dockerd, docker-registry, Xvfb), uses nothing of the user's (own sockets, data,
HOME and DOCKER_CONFIG), is a context manager, and leaves no process, mount or file behind.
All parts block and belong to the thread that made them, unless documented otherwise.
"""

from __future__ import annotations

from testbed.errors import EngineNotOurs, TestbedError, TestbedUnavailable, require

__all__ = ["EngineNotOurs", "TestbedError", "TestbedUnavailable", "require"]
