"""cfglint: a linter and dependency-version auditor for LLM fine-tuning runs."""

__version__ = "0.1.0"
