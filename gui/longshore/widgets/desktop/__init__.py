"""What the desktop around the window can show: notes, progress on the taskbar, an icon in the tray.

Notes and the taskbar go over the session's D-Bus. QtDBus cannot be used for it from Python: it makes every number an
INT32, and ``Notify`` has a UINT32 among its arguments, which servers rightly refuse.
"""
