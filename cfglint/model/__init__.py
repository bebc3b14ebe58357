"""Frozen facts about a run: values, runs, findings; no I/O."""
