"""Judging episodes and tasks."""
