"""`repair`: a genuine search-based program repairer, no model.

texts       tool texts → facts                state       conversation → where the search stands
localise    failures, traces → blame          mutate/     source → small edits with priors
candidates  blame x prior → a ranked list     batch       many mutants in one command (`harness` runs them)
reproduce   examples in prose → a test        decide      facts → the next call
"""

from coding_agent.policies.repair.policy import RepairPolicy

__all__ = ["RepairPolicy"]
