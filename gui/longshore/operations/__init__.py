"""The use cases: what a window may ask for. Returns at once; owns the clients, the watch and the listings."""

from longshore.operations.accounts import Account, Identity
from longshore.operations.engine_watch import EngineState, EngineStatus
from longshore.operations.moving import PushTarget
from longshore.operations.operations import Operations
from longshore.operations.services import Services

__all__ = ["Account", "EngineState", "EngineStatus", "Identity", "Operations", "PushTarget", "Services"]
