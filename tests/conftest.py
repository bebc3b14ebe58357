"""Settings for all tests."""

from __future__ import annotations

from hypothesis import settings

# What a property needs of time says nothing about it on a loaded machine.
settings.register_profile("cfglint", deadline=None, max_examples=60)
settings.load_profile("cfglint")
