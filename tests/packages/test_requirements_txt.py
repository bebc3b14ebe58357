from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfglint.packages.requirement import Requirement, Skipped
from cfglint.packages.requirements_txt import read_requirements
from cfglint.source import Source, UnreadableError

TEXT = """\
# pinned for the A100 nodes: transformers==4.0.0
--extra-index-url https://index.example/simple
transformers==4.50.3  # do not raise
trl>=0.9,<0.12 ; python_version >= "3.9"
accelerate==1.2.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
git+https://code.example/org/peft.git@main
-e git+https://code.example/org/unsloth.git#egg=unsloth
deepspeed >=0.14, \\
    <0.15
-e .
torch==${TORCH}
two words
--frobnicate
--pre
numpy
"""


def test_each_line_with_its_span(facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = read_requirements(Source("requirements.txt", TEXT))
    assert facts(found) == [
        ("transformers", "==4.50.3", "pin", "transformers==4.50.3", "==4.50.3"),
        ("trl", ">=0.9,<0.12", "range", 'trl>=0.9,<0.12 ; python_version >= "3.9"', ">=0.9,<0.12"),
        ("accelerate", "==1.2.0", "pin", "accelerate==1.2.0", "==1.2.0"),
        ("peft", "", "url", "git+https://code.example/org/peft.git@main", ""),
        ("unsloth", "", "url", "git+https://code.example/org/unsloth.git#egg=unsloth", ""),
        ("deepspeed", ">=0.14,<0.15", "range", "deepspeed >=0.14, \\\n    <0.15", ""),
        ("numpy", "", "any", "numpy", ""),
    ]
    assert [line for line, _ in skipped(found)] == [12, 13, 14, 15]
    assert "TORCH" in skipped(found)[1][1]


def test_windows_line_ends_and_continuations(facts) -> None:  # type: ignore[no-untyped-def]
    found = read_requirements(Source("requirements.txt", "trl==0.9.4 \\\r\n  --hash=sha256:aa\r\npeft\r\n"))
    assert facts(found) == [
        ("trl", "==0.9.4", "pin", "trl==0.9.4", "==0.9.4"),
        ("peft", "", "any", "peft", ""),
    ]


def test_a_comment_line_does_not_continue() -> None:
    found = read_requirements(Source("requirements.txt", "# old \\\ntrl==0.9.4\n"))
    assert [entry.name for entry in found if isinstance(entry, Requirement)] == ["trl"]


def opener(files: dict[str, str]):  # type: ignore[no-untyped-def]
    def open_file(path: str) -> Source:
        if path.startswith(".."):
            raise UnreadableError("outside the project")
        if path not in files:
            raise UnreadableError("no such file")
        return Source(path, files[path])

    return open_file


@pytest.mark.parametrize(
    "line",
    [
        "-r sub/base.txt",
        "-rsub/base.txt",
        "--requirement=sub/base.txt",
        "-c sub/base.txt",
        "--constraint sub/base.txt",
    ],
)
def test_included_files_are_read_with_their_own_places(line: str) -> None:
    files = {"sub/base.txt": "trl==0.9.4\n-r more.txt\n", "sub/more.txt": "peft==0.11.1\n"}
    found = read_requirements(Source("requirements.txt", f"torch\n{line}\n"), opener(files))
    assert [(entry.name, entry.origin) for entry in found if isinstance(entry, Requirement)] == [
        ("torch", "requirements.txt"),
        ("trl", "sub/base.txt"),
        ("peft", "sub/more.txt"),
    ]


def test_a_loop_of_includes_ends() -> None:
    files = {"a.txt": "-r b.txt\ntrl\n", "b.txt": "-r a.txt\n-r b.txt\npeft\n"}
    found = read_requirements(Source("a.txt", files["a.txt"]), opener(files))
    assert [entry.name for entry in found if isinstance(entry, Requirement)] == ["peft", "trl"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-r ../other/base.txt", "outside the project"),
        ("-r missing.txt", "no such file"),
        ("-r https://index.example/base.txt", "not fetched"),
        ("-r ${WHICH}.txt", "environment variable"),
        ("-r", "names no file"),
    ],
)
def test_what_is_not_followed_says_why(line: str, reason: str) -> None:
    found = read_requirements(Source("requirements.txt", f"trl\n{line}\n"), opener({}))
    assert isinstance(found[1], Skipped)
    assert found[1].line == 2
    assert reason in found[1].reason


NAMES = st.sampled_from(["trl", "peft", "unsloth_zoo", "flash-attn", "Torch"])
PINS = st.tuples(st.sampled_from(["==", ">=", "<", "~="]), st.integers(0, 9), st.integers(0, 99)).map(
    lambda p: f"{p[0]}{p[1]}.{p[2]}"
)
TAILS = st.sampled_from(["", "  # why", " --hash=sha256:aa", " \\\n    --hash=sha256:aa", "\t"])
HEADS = st.sampled_from(["", "\n", "# trl==0.1\n", "--pre\n", "\u00fc \U0001f600 ?\n"])


@given(st.lists(st.tuples(HEADS, NAMES, PINS, TAILS), max_size=6))
def test_spans_slice_to_the_requirement(lines: list[tuple[str, str, str, str]]) -> None:
    text = "\n".join(head + name + pin + tail for head, name, pin, tail in lines)
    source = Source("requirements.txt", text)
    found = [entry for entry in read_requirements(source) if isinstance(entry, Requirement)]
    slices = [
        (source.slice(entry.place.span), source.slice(entry.version_span))
        for entry in found
        if entry.place and entry.version_span
    ]
    assert slices == [(name + pin, pin) for _, name, pin, _ in lines]


@given(st.text(st.sampled_from("ab=<>#\\\n\r -;[]@${}:/.'\"1é"), max_size=60))
def test_no_text_crashes_the_reader(text: str) -> None:
    for entry in read_requirements(Source("requirements.txt", text)):
        if isinstance(entry, Requirement) and entry.place:
            assert entry.place.span.start < entry.place.span.end <= len(text)
