"""Choosing one version of several."""

from releases.requirement import Requirement
from releases.version import Version


class NoVersion(LookupError):
    """Nothing fits."""


def choose(texts, requirement="", pre_releases=False):
    """The newest version that fits, as it was written; pre-releases only when asked for. Raises NoVersion."""
    wanted = Requirement(requirement)
    fitting = []
    for text in texts:
        version = Version(text)
        if wanted.allows(version) and (version.is_final or pre_releases):
            fitting.append((version, text))
    if not fitting:
        raise NoVersion(requirement or "any version")
    return max(fitting)[1]
