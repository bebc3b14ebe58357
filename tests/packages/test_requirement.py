from __future__ import annotations

import sys
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from cfglint.packages import requirement_text
from cfglint.packages.conda_spec import parse_conda_spec
from cfglint.packages.requirement import Requirement, Skipped, canonical_name, specifier_kind
from cfglint.packages.requirement_text import parse_requirement
from cfglint.packages.script_header import read_script_header
from cfglint.packages.sources import read_dependency_file
from cfglint.source import Source, Span


def parse(text: str) -> Requirement | Skipped:
    return parse_requirement(Source("requirements.txt", text), text, Span(0, len(text)), "requirements.txt")


@given(st.text("aZ09._-", min_size=1, max_size=12))
def test_names_compare_as_pep_503_says(name: str) -> None:
    assert canonical_name(name) == canonicalize_name(name)


@pytest.mark.parametrize(
    ("specifier", "kind"),
    [
        ("", "any"),
        ("==4.50.3", "pin"),
        ("===4.50.3", "pin"),
        (">=4.40,==4.50.3", "pin"),
        ("==4.50.*", "range"),
        ("!=4.50.0", "range"),
        (">=4.40", "range"),
    ],
)
def test_kind_of_a_specifier(specifier: str, kind: str) -> None:
    assert specifier_kind(specifier) == kind


@pytest.mark.parametrize(
    ("text", "name", "specifier", "kind", "version"),
    [
        ("transformers==4.50.3", "transformers", "==4.50.3", "pin", "==4.50.3"),
        (
            "Unsloth_Zoo >= 2025.3 , < 2025.4",
            "unsloth-zoo",
            ">=2025.3,<2025.4",
            "range",
            ">= 2025.3 , < 2025.4",
        ),
        ("trl (>=0.9)", "trl", ">=0.9", "range", ">=0.9"),
        ("torch==2.6.0+cu124", "torch", "==2.6.0+cu124", "pin", "==2.6.0+cu124"),
        ("peft~=0.11.0", "peft", "~=0.11.0", "range", "~=0.11.0"),
        ("trl==0.9.3.dev0", "trl", "==0.9.3.dev0", "pin", "==0.9.3.dev0"),
        ("unsloth[colab-new, cu121]==2024.8", "unsloth", "==2024.8", "pin", "==2024.8"),
        ("trl @ git+https://code.example/trl.git@main", "trl", "", "url", ""),
        ("unsloth[colab-new]@git+https://code.example/unsloth.git", "unsloth", "", "url", ""),
        (
            "git+https://code.example/org/transformers.git@v4.49.0#subdirectory=x",
            "transformers",
            "",
            "url",
            "",
        ),
        ("git+ssh://git@code.example/org/peft", "peft", "", "url", ""),
        ("git+https://code.example/x.git#egg=trl", "trl", "", "url", ""),
        ("https://index.example/trl-0.9.4-py3-none-any.whl", "trl", "==0.9.4", "pin", ""),
        ("x/torch-2.3.0%2Bcu121-cp311-cp311-linux_x86_64.whl", "torch", "==2.3.0+cu121", "pin", ""),
        (
            "flash-attn @ https://index.example/flash_attn-2.5.8-1-cp311-cp311-any.whl",
            "flash-attn",
            "==2.5.8",
            "pin",
            "",
        ),
    ],
)
def test_one_requirement(text: str, name: str, specifier: str, kind: str, version: str) -> None:
    found = parse(text)
    assert isinstance(found, Requirement)
    assert (found.name, found.specifier, found.kind) == (name, specifier, kind)
    assert found.place is not None
    assert found.place.source.slice(found.place.span) == text
    assert ((found.version_span and found.place.source.slice(found.version_span)) or "") == version


@pytest.mark.parametrize(
    "text",
    ["", "two words", "trl=0.9", "trl>=0.*", "trl~=1", "trl>", "trl==0.9 ; nonsense ==", "-x", "trl[a"],
)
def test_what_is_no_requirement_is_skipped(text: str) -> None:
    assert isinstance(parse(text), Skipped)


@pytest.mark.parametrize("text", [".", "./sub[train]", "../other", "/opt/x", "."])
def test_a_local_path_names_no_package(text: str) -> None:
    found = parse(text)
    assert isinstance(found, Skipped)
    assert "path" in found.reason


def test_the_marker_is_kept_apart() -> None:
    found = parse('numpy<2 ; python_version < "3.13"')
    assert isinstance(found, Requirement)
    assert (found.specifier, found.marker) == ("<2", 'python_version < "3.13"')


def test_a_text_that_the_source_escapes_has_the_whole_span_and_no_version_span() -> None:
    source = Source("x.json", '"trl\\u003e=0.9"')
    found = parse_requirement(source, "trl>=0.9", Span(1, len(source.text) - 1), "x.json")
    assert isinstance(found, Requirement)
    assert found.place is not None
    assert (found.specifier, found.version_span) == (">=0.9", None)
    assert source.slice(found.place.span) == "trl\\u003e=0.9"


NUMBERS = st.lists(st.integers(0, 2030).map(str), min_size=1, max_size=4).map(".".join)
SUFFIXES = st.sampled_from(
    ["", "", "a1", "rc2", ".post1", ".dev0", "rc1.dev3", "+cu124", "+cu12.1", ".*", "-1", ".dev", "x"]
)
CLAUSES = st.tuples(
    st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~=", "===", "="]),
    st.sampled_from(["", " "]),
    NUMBERS,
    SUFFIXES,
)
MARKER_PARTS = st.sampled_from(
    [
        "python_version < '3.9'",
        "extra=='a'",
        "( os_name",
        '== "nt" )',
        " and ",
        " or ",
        "(",
        ")",
        " not in ",
        "'x'",
        "and'",
    ]
)
MARKERS = st.lists(MARKER_PARTS, max_size=5).map(lambda parts: ";" + "".join(parts))
TEXTS = st.tuples(
    st.sampled_from(["trl", "Unsloth_Zoo", "a.b", "x1", "a-", "b_", "1"]),
    st.sampled_from(["", "", "[a]", "[a,b-c]", "[]", "[,]"]),
    st.sampled_from(["", " "]),
    st.lists(CLAUSES.map("".join), max_size=3).map(",".join),
    st.one_of(st.just(""), MARKERS),
).map("".join)


@given(TEXTS)
@example("trl==1.0.*,>=0.9")
@example("trl >= 1.0-1")
def test_the_plain_form_is_accepted_and_read_as_packaging_does(text: str) -> None:
    found = parse(text)
    try:
        parsed = Parsed(text)
    except InvalidRequirement:
        assert isinstance(found, Skipped) or requirement_text.is_location(text)
        return
    assert isinstance(found, Requirement)
    assert found.name == canonicalize_name(parsed.name)
    assert {clause for clause in found.specifier.split(",") if clause} == {
        str(clause) for clause in parsed.specifier
    }
    assert found.place is not None
    assert found.place.source.slice(found.place.span) == text.strip()


@given(st.text(max_size=40))
def test_no_text_crashes_the_reader(text: str) -> None:
    parse(text)


def test_plain_requirements_are_read_without_packaging() -> None:
    import subprocess

    code = (
        "import sys; from cfglint.source import Source;"
        "from cfglint.packages.requirements_txt import read_requirements;"
        "r = read_requirements(Source('r.txt', 'torch==2.6.0+cu124\\ntrl>=0.9,<0.12\\npeft\\n'));"
        "assert len(r) == 3; lazy = ('packaging', 'pydantic', 'importlib.metadata');"
        "print([name for name in sys.modules if name.startswith(lazy)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_messages_are_short_and_hold_no_credentials() -> None:
    found = parse("bad\tword git+https://name:secret@code.example/x " + "y" * 200)
    assert isinstance(found, Skipped)
    assert "secret" not in found.reason
    assert len(found.reason) < 130


@pytest.mark.parametrize(
    "unit",
    [" ", "a", "1.", "a ", "(", "[", ";", "'", "-", "a-1", "and ", ",", "==1,", "\\\n", "# /// script\n"],
)
def test_long_lines_take_no_long_time(unit: str) -> None:
    text = f"trl {unit * 20_000} !"
    start = time.process_time()
    parse(text)
    for path in ("requirements.txt", "Dockerfile", "environment.yml", "uv.lock"):
        read_dependency_file(Source(path, f"RUN pip install {text}" if path == "Dockerfile" else text))
    parse_conda_spec(Source("environment.yml", text), text, Span(0, len(text)), "environment.yml")
    read_script_header(Source("train.py", "# /// script\n" + text))
    assert time.process_time() - start < 5
