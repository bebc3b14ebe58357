"""Field tables: what each training library's settings were called, typed and defaulted to, release by release.

Reads released wheels and sdists with `ast`, never imports or builds them, and writes compact change histories into
``rules/facts/``. Run as ``python -m cfglint.authoring.fields --help``.
"""
