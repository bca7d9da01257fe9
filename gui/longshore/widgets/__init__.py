"""The window: theme, delegates, panes, dialogs. Widgets show models and emit requests; they never use the network.

Everything here runs in the GUI thread.
"""
