"""The Qt item models: what the window shows, kept filtered and sorted. QtCore and QtGui only, GUI thread
only.

Every model holds its own filtered, sorted list (a proxy over Python data is a hundred times slower),
survives any
index it is asked for, and never raises in ``data()``. Text for people is made here, in :mod:`.text`.
"""
