"""Every async test runs on asyncio and on trio."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.grouping import pytest_xdist_make_scheduler  # noqa: F401  a hook
from tests.sizes import longer_than

# How long an example takes is the machine's affair, and what a commit is judged by is the same each time: new examples
# are looked for with `pytest --hypothesis-profile explore`.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", settings.get_profile("explore"), derandomize=True)
settings.load_profile("suite")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is in a suite that a shell began in the background, and in every process that tests then press Ctrl-C in.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what has grown past 300 lines, or 40 of a function; `test_architecture` fails at 450 and 60."""
    for place in longer_than(300, 40):
        terminalreporter.write_line(f"long: {place}")
