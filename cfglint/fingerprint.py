"""A finding's identity that survives moved lines: for baselines, SARIF and GitLab."""

from __future__ import annotations

import zlib


def fingerprint(rule: str, path: str, route: str, text: str) -> str:
    """Sixteen hexadecimal digits over the rule, the path, the canonical place and the text there; no line numbers."""
    data = "\0".join((rule, path, route, " ".join(text.split()))).encode()
    return f"{zlib.crc32(data):08x}{zlib.adler32(data[::-1]):08x}"
