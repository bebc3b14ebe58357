"""One PEP 508 requirement text, or a bare URL or path as pip takes it, to a Requirement with spans.

The plain form (name, extras, version clauses, usual markers) is recognised here, so that reading a
requirements file does not pay for importing ``packaging``; anything else is accepted or refused by
``packaging.requirements``.
"""

from __future__ import annotations

import re

from cfglint.model.value import Place
from cfglint.packages.requirement import Requirement, Skipped, canonical_name, skipped_at, specifier_kind
from cfglint.source import Source, Span

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_SHAPE = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*"
    r"(?:@\s*(?P<url>\S+)(?:\s+;(?P<url_marker>.*))?"
    r"|(?P<open>\()?\s*(?P<specifier>[^;()]*?)\s*(?(open)\))\s*(?:;(?P<marker>.*))?)\s*",
    re.DOTALL | re.ASCII,
)
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
    shape = _SHAPE.fullmatch(stripped)
    if shape is None:
        return skipped_at(source, start, f"not a valid requirement: {stripped}")
    written = shape["specifier"] or ""
    marker = (shape["marker"] or shape["url_marker"] or "").strip()
    if not _is_plain(shape) and not _valid(stripped):
        return skipped_at(source, start, f"not a valid requirement: {stripped}")
    name = canonical_name(shape["name"])
    if shape["url"] is not None:
        wheel = _wheel(shape["url"])
        specifier = f"=={wheel['version']}" if wheel else ""
        return Requirement(name, specifier, "pin" if wheel else "url", place, None, marker, origin)
    specifier = _BLANKS.sub("", written)
    version_span = (
        Span(start + shape.start("specifier"), start + shape.end("specifier"))
        if exact and specifier
        else None
    )
    return Requirement(name, specifier, specifier_kind(specifier), place, version_span, marker, origin)


def _is_plain(shape: re.Match[str]) -> bool:
    """Whether a requirement is valid beyond doubt."""
    specifier, extras = shape["specifier"], shape["extras"]
    marker = shape["marker"] if shape["url"] is None else shape["url_marker"]
    return (
        re.fullmatch(_NAME, shape["name"]) is not None
        and (not specifier or _PLAIN.fullmatch(specifier) is not None)
        and (extras is None or _PLAIN_EXTRAS.fullmatch(extras) is not None)
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
    if " @ " in head or re.match(rf"{_NAME}\s*(?:\[[^\]]*\])?\s*@", head):
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
        return skipped_at(
            place.source, place.span.start, f"a local path or URL that names no package: {head}"
        )
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
    return _WHEEL.search(_PERCENT.sub("+", url.split("#")[0]))


def _valid(text: str) -> bool:
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parsed

    try:
        Parsed(text)
    except InvalidRequirement:
        return False
    return True
