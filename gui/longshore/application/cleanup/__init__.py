"""Finds images that can be removed by rules, says what that frees, and removes them."""
