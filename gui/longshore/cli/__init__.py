"""The command line: the same as the window, without one. Knows no Qt; the window does not know it."""
