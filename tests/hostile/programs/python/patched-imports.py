"""Patches import, open, json and os in the process that runs it: only that process is lied to."""
import builtins, json

saved = builtins.open, json.dumps, os.write
try:
    builtins.open = json.dumps = None
finally:
    builtins.open, json.dumps, os.write = saved
