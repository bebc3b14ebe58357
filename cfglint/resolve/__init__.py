"""Trees to runs: dialects, links, defaults, families, versions."""
