"""The sheets: window-modal, opened with ``open()`` (never ``exec()``), with the verb on the confirming button.

They are imported when first needed, because the first paint needs none of them.
"""
