"""The resident runtime: standard library only, Python 3.8+, started before any agent code, one per sandbox.

It runs inside the sandbox as `coding_agent_runtime`, answers one request at a time over an inherited socket, and is
the only thing that touches the workspace. It knows nothing of events, tasks or policies.
"""
