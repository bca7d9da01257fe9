"""The use cases a widget may ask for: pull, push, tag, remove, refresh. Returns at once; no widgets here."""

from longshore.operations.book import RegistryBook
from longshore.operations.engine_watch import EngineState, EngineStatus
from longshore.operations.operations import Operations, PushTarget
from longshore.operations.services import Services

__all__ = ["EngineState", "EngineStatus", "Operations", "PushTarget", "RegistryBook", "Services"]
