"""Who pays what."""


def split_evenly(cents, people):
    """Equal shares; odd cents go to the first people, one each."""
    if not people:
        raise ValueError("nobody to share with")
    share, odd = divmod(cents, len(people))
    return {name: share + (1 if place > odd else 0) for place, name in enumerate(people, start=1)}


def split_by_weight(cents, weights):
    """Shares in proportion to the weights; the largest remainders get the odd cents."""
    whole = sum(weights.values())
    if whole <= 0:
        raise ValueError("weights must add up to something")
    shares = {name: cents * weight // whole for name, weight in weights.items()}
    remainders = sorted(weights, key=lambda name: (-(cents * weights[name] % whole), name))
    for name in remainders[: cents - sum(shares.values())]:
        shares[name] += 1
    return shares
