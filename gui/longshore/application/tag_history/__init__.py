"""The tag history: what each tag pointed to, when, and who changed it here. No Qt."""
