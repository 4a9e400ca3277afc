"""Topological order."""

import heapq


class Cycle(ValueError):
    """Targets that need each other."""


def order(needs):
    """Every target after all that it needs; ties are broken by the alphabet. Raises Cycle."""
    waiting = {target: len(set(below)) for target, below in needs.items()}
    users = {target: [] for target in needs}
    for target, below in needs.items():
        for name in set(below):
            users[name].append(target)
    ready = [target for target, count in waiting.items() if count <= 1]
    heapq.heapify(ready)
    done = []
    seen = set(ready)
    while ready:
        target = heapq.heappop(ready)
        done.append(target)
        for user in users[target]:
            waiting[user] -= 1
            if waiting[user] <= 0 and user not in seen:
                seen.add(user)
                heapq.heappush(ready, user)
    if len(done) != len(needs):
        raise Cycle(", ".join(sorted(set(needs) - set(done))))
    return done
