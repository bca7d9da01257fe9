"""Looks inside one image, wherever it is: ``inspecting.inspect`` reads it, ``values`` is what it returns."""
