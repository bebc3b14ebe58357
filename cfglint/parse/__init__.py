"""Text to trees: YAML, JSON, Python, notebooks, commands."""
