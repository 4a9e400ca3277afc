"""Writes where a later episode or the grading might look: home, site-packages, the runtime, its own next sandbox: refused or gone."""
for place in ("/opt/site/sitecustomize.py", "/opt/python/lib/x.pth", "/opt/runtime/x.py", "/usr/lib/python3/x.py", os.path.dirname(os.__file__) + "/planted.py"):
    refused(place, open, place, "w")
if os.path.exists("/tmp/planted") or os.path.exists("/workspace/../planted"):
    escaped("an earlier episode's file")
open("/tmp/planted", "w").close()
