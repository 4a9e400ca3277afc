"""The tools, alone and in a real workspace."""
