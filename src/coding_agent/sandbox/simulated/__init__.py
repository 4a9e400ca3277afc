"""The `simulated` backend: a sandbox in memory, on whatever clock the event loop has. No process, no file, no thread.

For tests of everything above the sandbox: it keeps the protocol and answers as the real runtime does, takes its time
from a seed, and fails when it is told to. What it can not do is in `SimulatedBackend.lacks`.
"""

from coding_agent.sandbox.simulated.backend import SimulatedBackend
from coding_agent.sandbox.simulated.faults import NO_FAULTS, FaultPlan, Happening, SeededFaults

__all__ = ["NO_FAULTS", "FaultPlan", "Happening", "SeededFaults", "SimulatedBackend"]
