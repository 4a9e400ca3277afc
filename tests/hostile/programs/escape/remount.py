"""Makes the read-only system writable again by a remount: refused, and nothing there can be written."""
for place in (b"/", b"/usr", b"/opt/site", b"/opt/python", b"/dev"):
    denied("remount", 165, 40, b"none", place, None, 32 | 4096, None)
for place in ("/", "/usr/bin", "/etc", "/dev", "/opt/site", "/opt/runtime/coding_agent_runtime"):
    refused(place, open, place + "/planted", "w")
