"""What each command does: plain functions that print and return an exit code, or raise a DseError. `dse.cli` only parses."""
