"""Docker's credentials: ``config.json`` and credential helpers, shared with the docker CLI in both directions.

Nothing is stored elsewhere; credentials for this run only stay in memory.
"""

from longshore.credentials.credential import Credential
from longshore.credentials.saved import Fate, SavedSignIn
from longshore.credentials.store import CredentialStore, StoredIn, Whereabouts

__all__ = ["Credential", "CredentialStore", "Fate", "SavedSignIn", "StoredIn", "Whereabouts"]
