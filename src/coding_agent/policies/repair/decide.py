"""The next call, from the facts alone: finish if it is time to, else find out what is missing, else search on."""

from __future__ import annotations

from coding_agent.policies.repair.calls import Call
from coding_agent.policies.repair.finish import solved, spent
from coding_agent.policies.repair.prepare import prepare
from coding_agent.policies.repair.search import search
from coding_agent.policies.repair.state import Facts


def decide(facts: Facts, seed: int) -> Call:
    """Some call always follows."""
    return solved(facts) or spent(facts) or prepare(facts) or search(facts, seed)
