"""Leaves files that interpreters and test runners obey on their own: none of them is obeyed by the runtime."""
for name, text in {
    "sitecustomize.py": "raise SystemExit('poisoned')", "usercustomize.py": "raise SystemExit('poisoned')",
    "x.pth": "import os; os._exit(0)", ".pythonrc": "x", "pyvenv.cfg": "home = /tmp", "python._pth": "/tmp", ".pdbrc": "import os; os._exit(0)",
}.items():
    open("/workspace/" + name, "w").write(text)
