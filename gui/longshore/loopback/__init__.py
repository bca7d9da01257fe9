"""Gives an engine on this machine what Longshore fetched: a registry on 127.0.0.1, alive only while needed."""
