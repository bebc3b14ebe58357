"""Dependency files to version sets."""
