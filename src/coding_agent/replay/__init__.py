"""Replaying recorded episodes: today's code must re-derive what was written."""
