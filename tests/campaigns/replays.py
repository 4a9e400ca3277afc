"""Sealed replay notices what is changed: each field of each recorded event, each rule of our own source."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from coding_agent.store.reader import read_records
from tests.campaigns import Cases, Size, campaign
from tests.campaigns.spread import beside
from tests.replay.field_mutations import mutations, noticed
from tests.replay.source_mutations import FEW, MUTATIONS, SourceMutation, said_of

GOLDEN = sorted((Path(__file__).parents[2] / "replays").glob("*.jsonl"))


@campaign(
    "Every changed field of every recorded event, sealed again, is reported at its event, a derived one by its name"
)
def fields(size: Size, folder: Path) -> Cases:
    """Each case is a file of its own, and all that the replay sees.

    Long: every value of every event; short: each field of each type of event once.
    """
    tried: set[str] = set()
    for path in GOLDEN:
        records = list(read_records(path))
        for mutation in mutations(records):
            if size == "short" and mutation.what in tried:
                continue
            tried.add(mutation.what)
            where = f"{path.name}, event {mutation.record.seq}, {mutation.what} {mutation.path}"
            yield None if noticed(records, mutation, folder) else where


@campaign("Every changed rule of our own source is noticed by a recorded episode", in_suite=False)
def rules(size: Size, folder: Path) -> Cases:
    """A case is one mutation in a process of its own; short: one of each area."""
    chosen = MUTATIONS if size == "long" else FEW
    for mutation, said in zip(chosen, beside(_alone, chosen), strict=True):
        yield f"{mutation.area}, {mutation.name}: {mutation.file}" if said == "nothing" else None


def _alone(mutation: SourceMutation) -> str:
    with TemporaryDirectory() as folder:
        return said_of(mutation, Path(folder), GOLDEN)
