"""Mirrors: rules for copying whole repositories, their plans, their files and their schedules."""
