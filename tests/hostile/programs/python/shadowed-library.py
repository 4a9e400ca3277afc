"""Shadows the modules that the runtime itself imports (json, hashlib, base64, struct, stat, traceback …) in the workspace."""
for name in ("json", "hashlib", "base64", "struct", "stat", "select", "traceback", "linecache", "gc", "secrets", "signal", "errno"):
    open("/workspace/%s.py" % name, "w").write("raise SystemExit('poisoned %s')" % name)
for name in os.listdir("/workspace"):
    if name[:-3] in ("json", "hashlib", "base64", "struct", "stat", "select", "traceback", "linecache", "gc", "secrets", "signal", "errno"):
        os.unlink("/workspace/" + name)
