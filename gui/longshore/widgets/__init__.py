"""The window: theme, delegates, panes, dialogs. Widgets are fed models and emit wishes; they never ask a network.

Everything here lives in the GUI thread.
"""
