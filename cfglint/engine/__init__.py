"""The condition language at run time: evaluate rules on runs."""
