"""The sheets: window-modal, opened with ``open()`` (never ``exec()``), the verb on the confirming button.

Imported when first needed: none of them is on the way to the first paint.
"""
