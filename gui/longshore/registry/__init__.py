"""Registries: a client of the OCI distribution API, sign-in, paging, and the vendors' own listings.

Blocking, for worker threads; built on urllib3. Specifications: the OCI distribution specification 1.1 and, for
tokens, distribution's "Token Authentication Specification". No Qt, no engine.
"""
