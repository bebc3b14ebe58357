from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfglint.packages.install_lines import read_install_lines, read_shell_script
from cfglint.packages.requirement import Requirement
from cfglint.source import Source, Span


def shell(text: str) -> list:  # type: ignore[type-arg]
    return read_shell_script(Source("setup.sh", text))


@pytest.mark.parametrize(
    "command",
    [
        "pip install trl==0.9.4",
        "!pip install trl==0.9.4",
        "%pip install -qU trl==0.9.4",
        "! pip3 install trl==0.9.4",
        "pip3.11 --no-cache-dir install trl==0.9.4",
        "/opt/venv/bin/pip install trl==0.9.4",
        "python -m pip install trl==0.9.4",
        "python3.10 -u -m pip --quiet install --upgrade trl==0.9.4",
        "!{sys.executable} -m pip install trl==0.9.4",
        "uv pip install --system trl==0.9.4",
        "uv --quiet pip install trl==0.9.4",
        "uv add --dev trl==0.9.4",
        "sudo -E pip install trl==0.9.4",
        "PIP_NO_CACHE_DIR=1 pip install trl==0.9.4",
        "conda run -n train pip install trl==0.9.4",
        "conda install -y -c conda-forge trl==0.9.4",
        "if true; then pip install trl==0.9.4; fi",
        "(cd x && pip install trl==0.9.4)",
        "pip install 'trl==0.9.4'",
        'pip install "trl==0.9.4" > log.txt 2>&1',
        "pip install -i https://index.example/simple --trusted-host index.example trl==0.9.4",
        "pip install --index-url=https://index.example/simple trl==0.9.4  # trl==0.1",
        "pip install \\\n    --upgrade \\\n    trl==0.9.4",
        "bash -lc 'pip install trl==0.9.4'",
        "cat <<EOF > notes\npip install peft\nEOF\npip install trl==0.9.4",
    ],
)
def test_the_requirement_of_an_install_command(command: str, facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = shell(command)
    assert facts(found) == [("trl", "==0.9.4", "pin", "trl==0.9.4", "==0.9.4")]
    assert skipped(found) == []


@pytest.mark.parametrize(
    "command",
    [
        "pip uninstall -y trl",
        "echo pip install trl",
        "# pip install trl",
        "pip download trl",
        "apt-get install -y python3-pip",
        "python -m build install",
        "npm install trl",
        "git add trl && uv sync",
        "conda activate install",
    ],
)
def test_other_commands_install_nothing(command: str) -> None:
    assert shell(command) == []


def test_a_version_without_quotes_is_a_redirection(facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = shell("pip install peft trl>=0.9 torch==2.4.0")
    assert facts(found) == [
        ("peft", "", "any", "peft", ""),
        ("trl", "", "any", "trl", ""),
        ("torch", "==2.4.0", "pin", "torch==2.4.0", "==2.4.0"),
    ]
    [(line, reason)] = skipped(found)
    assert line == 1
    assert reason.startswith("trl>=0.9: not quoted")


@pytest.mark.parametrize("word", ["$TRL", '"trl==$VERSION"', "trl==${V:-0.9}", "$(cat pins)", "`cat pins`"])
def test_a_word_that_the_shell_computes_is_skipped(word: str, facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = shell(f"pip install {word} peft")
    assert facts(found) == [("peft", "", "any", "peft", "")]
    assert "variable" in skipped(found)[0][1]


def test_a_python_value_in_a_notebook_line_is_skipped(skipped) -> None:  # type: ignore[no-untyped-def]
    text = "!pip install trl=={version}"
    found = read_install_lines(Source("t.ipynb", text), text, Span(0, len(text)))
    assert skipped(found) == [(1, "trl=={version}: depends on a variable")]


def test_single_quotes_keep_a_dollar_sign(skipped) -> None:  # type: ignore[no-untyped-def]
    assert "not a valid requirement" in skipped(shell("pip install 'trl==$V'"))[0][1]


def test_requirements_files_that_a_command_names_are_read() -> None:
    def open_file(path: str) -> Source:
        assert path == "sub/reqs.txt"
        return Source(path, "trl==0.9.4\n")

    source = Source("sub/setup.sh", "pip install -U -r reqs.txt peft")
    found = read_shell_script(source, open_file)
    assert [(entry.name, entry.origin) for entry in found if isinstance(entry, Requirement)] == [
        ("trl", "sub/reqs.txt"),
        ("peft", "sub/setup.sh"),
    ]


def test_editable_urls_and_local_projects(facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = shell(
        'pip install -e . && pip install -e "git+https://code.example/o/trl.git#egg=trl" git+https://code.example/o/peft'
    )
    assert [fact[:3] for fact in facts(found)] == [("trl", "", "url"), ("peft", "", "url")]
    assert len(skipped(found)) == 1


def test_conda_packages_by_their_pip_names(facts) -> None:  # type: ignore[no-untyped-def]
    found = shell(
        "mamba create -n train python=3.10 pytorch=2.1.0 'conda-forge::datasets>=2.0' transformers=4.40"
    )
    assert facts(found) == [
        ("python", "==3.10.*", "range", "python=3.10", "=3.10"),
        ("torch", "==2.1.0", "pin", "pytorch=2.1.0", "=2.1.0"),
        ("datasets", ">=2.0", "range", "conda-forge::datasets>=2.0", ">=2.0"),
        ("transformers", "==4.40.*", "range", "transformers=4.40", "=4.40"),
    ]


def test_places_in_a_notebook_are_those_of_the_file(facts) -> None:  # type: ignore[no-untyped-def]
    line = 'pip install "trl==0.9.4" \'peft<1\' \\\n  "torch==2.4.0" é\n'
    raw = '{"source": ' + json.dumps(line, ensure_ascii=False) + ', "x": "torch==2.4.0"}'
    start = raw.index("pip")
    source, span = Source("t.ipynb", raw), Span(start, raw.index(', "x"') - 1)
    offsets = [start]
    for char in line:
        offsets.append(offsets[-1] + len(json.dumps(char, ensure_ascii=False)) - 2)
    by_offset = read_install_lines(source, line, span, None, offsets)
    found = read_install_lines(source, line, span)
    assert found == by_offset
    assert facts(found)[:3] == [
        ("trl", "==0.9.4", "pin", "trl==0.9.4", "==0.9.4"),
        ("peft", "<1", "range", "peft<1", "<1"),
        ("torch", "==2.4.0", "pin", "torch==2.4.0", "==2.4.0"),
    ]


WORDS = st.sampled_from(["trl==0.9.4", "'trl>=0.9'", '"trl<1"', "peft", "-q", "--upgrade"])
GLUE = st.sampled_from([" ", "  ", " \\\n  ", "\t"])


@given(st.lists(st.tuples(GLUE, WORDS), max_size=8))
def test_spans_slice_to_the_words(parts: list[tuple[str, str]]) -> None:
    source = Source("setup.sh", "pip install" + "".join(glue + word for glue, word in parts))
    found = [entry for entry in read_shell_script(source) if isinstance(entry, Requirement)]
    expected = [word.strip("'\"") for _, word in parts if not word.startswith("-")]
    assert [source.slice(entry.place.span) for entry in found if entry.place] == expected


@given(st.text(st.sampled_from("pi install\"'\\$(){}`<>&|;#\n=-rc."), max_size=60))
def test_no_text_crashes_the_reader(text: str) -> None:
    for entry in shell("pip install " + text):
        if isinstance(entry, Requirement) and entry.place:
            assert 0 <= entry.place.span.start < entry.place.span.end <= len(text) + 12


def test_variables_of_the_script_are_followed(facts, skipped) -> None:  # type: ignore[no-untyped-def]
    found = shell(
        "TRL=0.9.4\nPACKAGES='peft==0.11.1 torch'\npip install trl==$TRL $PACKAGES vllm==${V:-0.8.0}\n"
    )
    assert facts(found) == [
        ("trl", "==0.9.4", "pin", "trl==$TRL", ""),
        ("peft", "==0.11.1", "pin", "peft==0.11.1", "==0.11.1"),
        ("torch", "", "any", "torch", ""),
    ]
    assert skipped(found) == [(3, "vllm==${V:-0.8.0}: depends on a variable")]
