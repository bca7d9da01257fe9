"""Docker's own credentials: ``config.json`` and credential helpers, shared with the docker CLI both ways.

Nothing here is ever written elsewhere; what is kept for one run only stays in memory.
"""

from longshore.credentials.credential import Credential
from longshore.credentials.saved import Fate, SavedSignIn
from longshore.credentials.store import CredentialStore, StoredIn, Whereabouts

__all__ = ["Credential", "CredentialStore", "Fate", "SavedSignIn", "StoredIn", "Whereabouts"]
