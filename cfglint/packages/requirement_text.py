"""One PEP 508 requirement text, or a bare URL or path as pip takes it, to a Requirement with spans.

The plain form (name, extras, version clauses, usual markers) is recognised here, so that reading a
requirements file does not pay for importing ``packaging``; anything else is accepted or refused by
``packaging.requirements``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cfglint.model.value import Place
from cfglint.packages.requirement import Requirement, Skipped, canonical_name, skipped_at, specifier_kind
from cfglint.source import Source, Span

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_HEAD = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*")
_URL = re.compile(r"@\s*(?P<url>\S+)(?:\s+;(?P<marker>.*))?", re.DOTALL)
_RELEASE = r"v?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|rc|alpha|beta)\d*)?(?:\.post\d+)?(?:\.dev\d+)?"
_LOCAL = r"(?:\+[A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*)?"
_CLAUSE = rf"\s*(?:(?:==|!=)\s*{_RELEASE}(?:{_LOCAL}|\.\*)|(?:<=|>=|<|>)\s*{_RELEASE}|~=\s*\d+(?:\.\d+)+)\s*"
_PLAIN = re.compile(rf"{_CLAUSE}(?:,{_CLAUSE})*", re.ASCII)
_PLAIN_EXTRAS = re.compile(rf"\[\s*(?:{_NAME}(?:\s*,\s*{_NAME})*)?\s*\]", re.ASCII)
_VARIABLE = (
    r"(?:python_version|python_full_version|os_name|sys_platform|platform_(?:machine|system)|extra"
    r"|platform_python_implementation|implementation_name)"
)
_TEXT = r"(?:'[^'()]*'|\"[^\"()]*\")"
_COMPARED = rf"[\s(]*{_VARIABLE}\s*(?:[=!]=|[<>]=?)\s*{_TEXT}[\s)]*"
_PLAIN_MARKER = re.compile(rf"{_COMPARED}(?:(?:and|or)\b{_COMPARED})*")
#: Longer than any requirement that a person or tool writes (code points).
_LENGTH_LIMIT = 2000
_BLANKS = re.compile(r"\s+")
_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*)://|file:")
_EGG = re.compile(rf"[#&]egg=({_NAME})")
_WHEEL = re.compile(r"(?P<name>[^/\\-]+)-(?P<version>\d[^-]*)(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl")
_PERCENT = re.compile(r"%2[bB]")


def parse_requirement(source: Source, text: str, span: Span, origin: str) -> Requirement | Skipped:
    """Read one requirement.

    ``text`` is what the tool sees, ``span`` covers it in ``source``. Where the two differ (an escaped
    string), the place is the whole span and there is no version span.
    """
    exact = source.slice(span) == text
    stripped = text.strip()
    start = span.start + text.index(stripped) if exact else span.start
    place = Place(source, Span(start, start + len(stripped)) if exact else span)
    if not stripped:
        return skipped_at(source, span.start, "an empty requirement")
    if is_location(stripped):
        return _location(stripped, place, origin)
    parts = _split(stripped)
    if parts is None or not (_is_plain(parts) or _valid(stripped)):
        return skipped_at(source, start, "not a valid requirement", stripped)
    name = canonical_name(parts.name)
    marker = (parts.marker or "").strip()
    if parts.url:
        wheel = _wheel(parts.url)
        specifier = f"=={wheel['version']}" if wheel else ""
        return Requirement(name, specifier, "pin" if wheel else "url", place, None, marker, origin)
    specifier = _BLANKS.sub("", parts.specifier)
    version_span = None
    if exact and specifier:
        version_span = Span(start + parts.at, start + parts.at + len(parts.specifier))
    return Requirement(name, specifier, specifier_kind(specifier), place, version_span, marker, origin)


class _Parts(NamedTuple):
    """The parts of a PEP 508 text; ``at`` is where the specifier stands, ``marker`` is None without ";"."""

    name: str
    extras: str
    url: str
    specifier: str
    at: int
    marker: str | None


def _split(text: str) -> _Parts | None:
    head = _HEAD.match(text)
    if head is None or len(text) > _LENGTH_LIMIT:
        return None
    at = head.end()
    if text.startswith("@", at):
        url = _URL.fullmatch(text, at)
        return _Parts(head["name"], head["extras"] or "", url["url"], "", at, url["marker"]) if url else None
    written, semicolon, marker = text[at:].partition(";")
    specifier = written.strip()
    if specifier.startswith("(") and specifier.endswith(")"):
        at += 1
        inner = specifier[1:-1]
        at += len(inner) - len(inner.lstrip())
        specifier = inner.strip()
    return _Parts(head["name"], head["extras"] or "", "", specifier, at, marker if semicolon else None)


def _is_plain(parts: _Parts) -> bool:
    """Whether a requirement is valid beyond doubt."""
    specifier, extras, marker = parts.specifier, parts.extras, parts.marker
    return (
        re.fullmatch(_NAME, parts.name) is not None
        and (not specifier or _PLAIN.fullmatch(specifier) is not None)
        and (not extras or _PLAIN_EXTRAS.fullmatch(extras) is not None)
        and (marker is None or (_PLAIN_MARKER.fullmatch(marker) is not None and _is_nested(marker)))
    )


def _is_nested(marker: str) -> bool:
    depth = 0
    for char in marker:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


def is_location(text: str) -> bool:
    """Whether pip takes the text as a URL, repository or path rather than as a name."""
    head = text.split(";")[0].strip()
    name = _HEAD.match(head)
    if name is not None and head.startswith("@", name.end()):
        return False
    return (
        head.startswith((".", "/", "~/", "\\"))
        or _SCHEME.match(head) is not None
        or head.endswith((".whl", ".tar.gz", ".zip"))
        or ("/" in head and not re.search(r"[<>=!~]", head))
    )


def _location(text: str, place: Place, origin: str) -> Requirement | Skipped:
    head, _, marker = text.partition(" ;")
    head = head.strip()
    wheel = _wheel(head)
    if wheel is not None:
        return Requirement(
            canonical_name(wheel["name"]), f"=={wheel['version']}", "pin", place, None, marker.strip(), origin
        )
    egg = _EGG.search(head)
    name = egg[1] if egg else _repository_name(head)
    if not name:
        return skipped_at(place.source, place.span.start, "a local path or URL that names no package", head)
    return Requirement(canonical_name(name), "", "url", place, None, marker.strip(), origin)


def _repository_name(url: str) -> str:
    """The last part of a repository's URL; pip would build it to learn the name, nearly always the same."""
    if not url.startswith(("git+", "hg+", "svn+", "bzr+")):
        return ""
    path = url.split("://", 1)[-1].split("#")[0].partition("/")[2].split("@")[0]
    name = path.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return name if re.fullmatch(_NAME, name) else ""


def _wheel(url: str) -> re.Match[str] | None:
    """The wheel that a URL or path ends in; its file name says which version it is."""
    return None if len(url) > _LENGTH_LIMIT else _WHEEL.search(_PERCENT.sub("+", url.split("#")[0]))


def _valid(text: str) -> bool:
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parsed

    try:
        Parsed(text)
    except InvalidRequirement:
        return False
    return True
