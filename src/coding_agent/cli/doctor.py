"""`coding-agent doctor`."""

from __future__ import annotations

import anyio
import click

from coding_agent.cli import exits
from coding_agent.cli.output import out, print_json
from coding_agent.cli.sandboxes import sandbox_option
from coding_agent.sandbox.registry import make_backend


@click.command(epilog=exits.HELP)
@sandbox_option("kind", default="bubblewrap", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(kind: str, as_json: bool) -> int:
    """Try every promise of the sandbox on this machine, with real attempts to break it.

    Example: coding-agent doctor
    """
    backend = make_backend(kind)
    probes = anyio.run(backend.probe)
    if as_json:
        print_json({"sandbox": kind, "probes": probes, "lacks": backend.lacks})
    else:
        for probe in probes:
            out.print("[green]holds [/]" if probe.holds else "[red]FAILS [/]", probe.promise)
            for text in (probe.detail, probe.remedy and f"remedy: {probe.remedy}"):
                if text:
                    out.print(f"       {text}", markup=False)
        out.print(f"not promised by {kind}: {', '.join(backend.lacks)}", markup=False)
    if all(probe.holds for probe in probes):
        return exits.OK
    return exits.NO_SANDBOX
