"""The Qt item models of the window's data, filtered and sorted. They use only QtCore and QtGui, in the GUI thread.

Every model holds its own filtered, sorted list (a proxy over Python data is a hundred times slower), accepts any
index, and never raises in ``data()``. Text for people is made here, in :mod:`.text`.
"""
