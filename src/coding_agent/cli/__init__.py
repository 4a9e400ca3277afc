"""The command line: one file per command. Policy and sandbox are chosen here; everything else is called."""
