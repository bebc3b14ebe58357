"""Field tables: what training libraries call, type and default their settings, release by release.

Reads released wheels and sdists with `ast`, never imports or builds them, and writes compact change
histories into ``rules/facts/``. Run as ``python -m cfglint.authoring.fields --help``.
"""
