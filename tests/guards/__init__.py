"""Rules for every test: it touches none of the user's files, leaves nothing running and hides no warnings.

Four pytest plugins: :mod:`guards.private_home`, :mod:`guards.fresh_secrets`, :mod:`guards.left_behind` and
:mod:`guards.unexpected_logs`. They do not use Qt, so that the core's tests can run where Qt is not installed.
"""
