"""House rules for every test: nothing of the user's is touched, nothing is left running, nothing hushed up.

Three pytest plugins: :mod:`guards.private_home`, :mod:`guards.left_behind` and :mod:`guards.unexpected_logs`.
They are free of Qt, so that the core's tests can run where it is not installed.
"""
