"""Desktop integration outside the window: notifications, progress on the taskbar, a tray icon.

Notifications and the taskbar use the session's D-Bus. QtDBus does not work for this from Python: it sends every
number as INT32, but ``Notify`` takes a UINT32, so servers rightly refuse the call.
"""
