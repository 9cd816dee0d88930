"""The command line: one file per command, wired up in `bot.__main__`."""
