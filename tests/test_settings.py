"""Settings: where they are looked for, what they may say, and what a mistake is answered with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cfglint.settings import Settings, SettingsError, load_settings, merge, read_settings

FULL = """\
[project]
name = "x"

[tool.cfglint]
select = ["fp16-on-bf16-native-model", "LRN"]
ignore = ["GEN001"]
fail-on = "error"
exclude = ["old/"]
rules = ["house-rules"]
preview = true
target = {gpu = "T4", processes = 8, transformers = "4.50.0", offline = true}
output-format = "concise"
environment = "../.venv"

[tool.cfglint.per-file-ignores]
"examples/**" = ["LRN001"]
"""


def write(folder: Path, name: str, text: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def load(start: Path, root: Path) -> Settings:
    return load_settings(str(start), str(root))


def test_every_setting(tmp_path: Path) -> None:
    file = write(tmp_path, "pyproject.toml", FULL)
    assert load(tmp_path, tmp_path) == Settings(
        select=("fp16-on-bf16-native-model", "LRN"),
        ignore=("GEN001",),
        fail_on="error",
        exclude=("old/",),
        rules=(str(tmp_path / "house-rules"),),
        preview=True,
        target={"gpu": "T4", "processes": "8", "transformers": "4.50.0", "offline": "true"},
        per_file_ignores={"examples/**": ("LRN001",)},
        output_format="concise",
        environment=str(tmp_path / "../.venv"),
        file=file,
        folder=str(tmp_path),
    )


def test_the_nearest_file_upward_to_the_root_counts(tmp_path: Path) -> None:
    write(tmp_path, "cfglint.toml", "preview = true\n")
    root, deep = tmp_path / "root", tmp_path / "root/a/b"
    deep.mkdir(parents=True)
    assert load(deep, root) == Settings()
    write(root, "pyproject.toml", '[tool.cfglint]\nfail-on = "info"\n')
    assert load(deep, root).fail_on == "info"
    write(root, "cfglint.toml", 'fail-on = "error"\n')
    assert load(deep, root).fail_on == "error"
    write(root / "a", "pyproject.toml", "[tool.other]\n# not cfglint\n")
    assert load(deep, root).fail_on == "error"
    write(root / "a", "pyproject.toml", "[tool.cfglint]\n")
    assert load(deep, root).fail_on == "warning"


def test_a_byte_order_mark_and_crlf_are_read(tmp_path: Path) -> None:
    (tmp_path / "cfglint.toml").write_bytes(b"\xef\xbb\xbfpreview = true\r\n")
    assert load(tmp_path, tmp_path).preview


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fail_on = 1", 'fail_on: no such setting; did you mean "fail-on"?'),
        ("colour = 1", "colour: no such setting"),
        (
            'fail-on = "warn"',
            'fail-on: expected one of "info", "warning", "error", not "warn"; did you mean "warning"?',
        ),
        ("fail-on = true", 'fail-on: expected one of "info", "warning", "error", not true'),
        ('select = "LRN"', 'select: expected a list of strings, not "LRN"'),
        ("exclude = [1]", "exclude: expected a list of strings, not a list"),
        ("preview = 1", "preview: expected true or false, not 1"),
        ("environment = 3.5", "environment: expected a string, not 3.5"),
        ('target = "T4"', 'target: expected a table, not "T4"'),
        ("target = {gpu = []}", "target.gpu: expected a string, a number, or true or false, not a list"),
        ("per-file-ignores = []", "per-file-ignores: expected a table of lists, not a list"),
        (
            'per-file-ignores = {"a/*.yaml" = "x"}',
            'per-file-ignores."a/*.yaml": expected a list of strings, not "x"',
        ),
        ("ignore = 2026-01-01", "ignore: expected a list of strings, not a date or time"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "cfglint.toml", text)
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, tmp_path)
    assert str(caught.value) == f"cfglint.toml: {message}"
    (tmp_path / "cfglint.toml").unlink()
    write(tmp_path / "sub", "pyproject.toml", f"[tool.cfglint]\n{text}\n")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "sub", tmp_path)
    assert str(caught.value) == f"sub/pyproject.toml: tool.cfglint.{message}"


def test_a_broken_file_is_an_error_and_not_ignored(tmp_path: Path) -> None:
    write(tmp_path, "cfglint.toml", "preview = \n")
    with pytest.raises(SettingsError, match=r"cfglint\.toml: not valid TOML: .*line 1"):
        load(tmp_path, tmp_path)
    (tmp_path / "cfglint.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load(tmp_path, tmp_path)
    write(tmp_path, "cfglint.toml", "a = " + "[" * 100_000)
    with pytest.raises(SettingsError, match="not valid TOML"):
        load(tmp_path, tmp_path)
    (tmp_path / "cfglint.toml").unlink()
    write(tmp_path, "pyproject.toml", "[tool]\ncfglint = 1\n")
    with pytest.raises(SettingsError, match=r"tool\.cfglint: expected a table"):
        load(tmp_path, tmp_path)


def test_a_file_that_was_named_must_say_something(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        read_settings(str(tmp_path / "cfglint.toml"))
    with pytest.raises(SettingsError, match=r"has no \[tool\.cfglint\]"):
        read_settings(write(tmp_path, "pyproject.toml", "[project]\n"))
    assert read_settings(write(tmp_path, "other.toml", "preview = true")).preview


def test_the_command_line_goes_before_the_file_and_the_file_before_the_defaults() -> None:
    settings = Settings(select=("A",), fail_on="error", target={"gpu": "T4", "trl": "0.9"})
    merged = merge(settings, {"select": ("B",), "fail_on": None, "target": {"gpu": "H100"}, "preview": False})
    assert merged.select == ("B",)
    assert merged.fail_on == "error"
    assert merged.target == {"gpu": "H100", "trl": "0.9"}
    assert merged.output_format == "text"


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n"])
def test_a_project_without_settings_pays_for_no_parser(tmp_path: Path, text: str) -> None:
    write(tmp_path, "pyproject.toml", text)
    code = (
        "import sys; from cfglint.settings import load_settings; "
        "load_settings(sys.argv[1], sys.argv[1]); "
        "sys.exit(bool({'tomllib', 'tomli', 'difflib', 'pydantic'} & set(sys.modules)))"
    )
    root = str(Path(__file__).parents[1])
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=root)
