"""House rules for every test: nothing of the user's is touched, nothing is left running, nothing hushed up.

Four pytest plugins: :mod:`guards.private_home`, :mod:`guards.fresh_secrets`, :mod:`guards.left_behind` and
:mod:`guards.unexpected_logs`.
They are free of Qt, so that the core's tests can run where it is not installed.
"""
