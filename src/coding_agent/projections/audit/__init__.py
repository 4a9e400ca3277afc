"""The audit: what in an episode's events looks like an attempt to earn a reward without the work. Changes nothing.

New patterns can be tried on every log ever written: nothing is run, and no recorded reward is touched. It looks at the
agent's edits, commands and calls, at what the grader undid, and at how the graded run ended.
`patterns.PATTERNS` is the list.
"""

from coding_agent.projections.audit.fold import Audit, audit
from coding_agent.projections.audit.patterns import PATTERNS, SEVERITIES, Finding, Pattern, Severity

__all__ = ["PATTERNS", "SEVERITIES", "Audit", "Finding", "Pattern", "Severity", "audit"]
