"""The use cases that a window can request. They return at once, and own the clients, the watch and the listings."""

from longshore.application.clients import Clients
from longshore.application.requests import LocalPlace
from longshore.application.sign_in import Account, Identity
from longshore.operations.operations import Operations
from longshore.operations.place_watch import PlaceState, PlaceStatus

__all__ = [
    "Account",
    "Clients",
    "Identity",
    "LocalPlace",
    "Operations",
    "PlaceState",
    "PlaceStatus",
]
