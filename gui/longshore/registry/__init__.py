"""The registry's room: a client of the OCI distribution API, its sign-in, paging and the vendors' own listings.

Blocking, for worker threads; urllib3 below. Specifications: the OCI distribution specification 1.1 and, for tokens,
distribution's "Token Authentication Specification". No Qt, no engine.
"""
