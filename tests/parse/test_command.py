"""Shell text: which launches and installations it holds, with their flags and places."""

from __future__ import annotations

import json
import shlex
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfglint.parse.command import Command, parse_commands
from cfglint.parse.notebook import parse_notebook
from cfglint.parse.tree import Node, Opaque, Scalar, Sequence, plain
from cfglint.source import Source


def read(text: str, path: str = "run.sh") -> tuple[Source, tuple[Command, ...]]:
    source = Source(path, text)
    return source, parse_commands(source)


def only(text: str, path: str = "run.sh") -> Command:
    source, (command,) = read(text, path)
    assert source.slice(command.span).strip() == source.slice(command.span)
    return command


def flags(command: Command) -> dict[str, object]:
    return {flag.name: None if flag.value is None else _shown(flag.value) for flag in command.flags}


def _shown(node: Node) -> object:
    return f"?{node.reason}" if isinstance(node, Opaque) else plain(node)


def words(command: Command) -> list[object]:
    return [argument.value for argument in command.arguments]


@pytest.mark.parametrize(
    ("text", "launcher", "subcommand", "target", "arguments"),
    [
        ("python train.py a", "python", "", "train.py", ["a"]),
        ("python3.11 -u -X dev train.py", "python", "", "train.py", []),
        ("python -m pkg.train --x 1", "python", "", "pkg.train", []),
        ("/opt/bin/python train.py", "python", "", "train.py", []),
        ("$PYTHON train.py", "python", "", "train.py", []),
        ("./train.py a", "python", "", "./train.py", ["a"]),
        ("accelerate launch --num_processes 2 --multi_gpu t.py a", "accelerate launch", "", "t.py", ["a"]),
        ("accelerate launch -m pkg.train", "accelerate launch", "", "pkg.train", []),
        ("torchrun --standalone --nproc_per_node=2 t.py", "torchrun", "", "t.py", []),
        ("python -m torch.distributed.run --nnodes 1 t.py", "torchrun", "", "t.py", []),
        ("python -m torch.distributed.launch --use_env t.py", "torchrun", "", "t.py", []),
        ("python -m accelerate.commands.launch t.py", "accelerate launch", "", "t.py", []),
        ("deepspeed --include localhost:0 --module a.b", "deepspeed", "", "a.b", []),
        ("llamafactory-cli train a.yaml lr=1", "llamafactory-cli", "train", None, ["a.yaml", "lr=1"]),
        ("python -m llamafactory.cli train a.yaml", "llamafactory-cli", "train", None, ["a.yaml"]),
        ("swift sft --model m", "swift", "sft", None, []),
        ("megatron pt --model m", "megatron", "pt", None, []),
        ("trl dpo --config a.yaml", "trl", "dpo", None, []),
        ("axolotl train a.yml", "axolotl", "train", None, ["a.yml"]),
        ("python -m axolotl.cli.train a.yml", "axolotl", "train", None, ["a.yml"]),
        (
            "accelerate launch -m axolotl.cli.train a.yml",
            "accelerate launch",
            "",
            "axolotl.cli.train",
            ["a.yml"],
        ),
        ("tune run --nproc_per_node 2 rec --config c lr=1", "tune", "run", "rec", ["lr=1"]),
        ("pip install -q trl==0.9 -r r.txt peft", "pip", "install", None, ["trl==0.9", "peft"]),
        ("python -m pip install -U trl", "pip", "install", None, ["trl"]),
        ("uv pip install --system trl", "uv pip", "install", None, ["trl"]),
        ("uv add trl", "uv", "add", None, ["trl"]),
        ("conda install -y -c conda-forge trl", "conda", "install", None, ["trl"]),
        ("CUDA_VISIBLE_DEVICES=0 nohup python train.py &", "python", "", "train.py", []),
        ("env A=1 B=2 python train.py", "python", "", "train.py", []),
        ("uv run --with x train.py", "python", "", "train.py", []),
        ("uv run python train.py", "python", "", "train.py", []),
        ("srun --jobid 3 torchrun t.py", "torchrun", "", "t.py", []),
        ("srun bash -c 'torchrun t.py a'", "torchrun", "", "t.py", ["a"]),
        ("ray job submit --x y -- python3 train.py", "python", "", "train.py", []),
        ("cd a && python train.py | tee log", "python", "", "train.py", []),
        ("if x; then python train.py; fi", "python", "", "train.py", []),
        ("! time python train.py", "python", "", "train.py", []),
        ("(python train.py)", "python", "", "train.py", []),
        ("f() { python train.py; }", "python", "", "train.py", []),
        ("function f {\n python train.py\n}", "python", "", "train.py", []),
        ("case $1 in\n a|b) python train.py ;;\nesac", "python", "", "train.py", []),
        ("case $1 in a) python train.py ;; esac", "python", "", "train.py", []),
        ("for i in 1 2; do python train.py; done", "python", "", "train.py", []),
        ("for ((i=0; i<3; i++)); do python train.py; done", "python", "", "train.py", []),
        ('eval "python train.py"', "python", "", "train.py", []),
        ("CMD='torchrun t.py a'\n$CMD", "torchrun", "", "t.py", ["a"]),
        ('CMD=(torchrun t.py)\n"${CMD[@]}" a', "torchrun", "", "t.py", ["a"]),
    ],
)
def test_launches(
    text: str, launcher: str, subcommand: str, target: str | None, arguments: list[str]
) -> None:
    command = only(text)
    assert (command.launcher, command.subcommand) == (launcher, subcommand)
    assert (command.target.value if command.target else None) == target
    assert words(command) == arguments


@pytest.mark.parametrize(
    "text",
    [
        "",
        "echo python train.py",
        "python -c 'import x'",
        "accelerate config",
        "pip list",
        "# python train.py",
        "cat > a.sh <<EOF\npython train.py\nEOF",
        "cat > a.sh <<-'E F'\npython train.py\n\tE F\n",
        "uv venv",
        "ls train.py",
        "'unfinished python train.py",
    ],
)
def test_what_is_no_launch(text: str) -> None:
    assert read(text)[1] == ()


def test_flags_in_every_spelling() -> None:
    source, (command,) = read(
        "python train.py --a 1 --b=2 --c --d x y 'z z' --e -1e-3 --no-f \\\n"
        '  --g "a\\"$" --h \'\' --i \'x#5\' -j 7 --k={\\"a\\":1} # --l 1\n'
    )
    assert flags(command) == {
        "a": "1",
        "b": "2",
        "c": None,
        "d": ["x", "y", "z z"],
        "e": "-1e-3",
        "no-f": None,
        "g": 'a"$',
        "h": "",
        "i": "x#5",
        "j": "7",
        "k": '{"a":1}',
    }
    spans = {flag.name: source.slice(flag.span) for flag in command.flags}
    assert spans["a"] == "--a 1"
    assert spans["b"] == "--b=2"
    assert spans["d"] == "--d x y 'z z'"
    assert spans["h"] == "--h ''"
    values = {flag.name: source.slice(flag.value.span) for flag in command.flags if flag.value is not None}
    assert (values["a"], values["b"], values["d"], values["g"]) == ("1", "2", "x y 'z z'", '"a\\"$"')
    assert not command.open


@pytest.mark.parametrize(
    ("before", "written", "value"),
    [
        ("A=1", "$A", "1"),
        ("A='1 2'", '"${A}x"', "1 2x"),
        ("A=1; B=$A-2", "$B", "1-2"),
        ("export A=1", "$A", "1"),
        ("A=1\nA=2", "$A", "2"),
        ("A=4", "$((A * 2 + 1))", "9"),
        ("A=4", "$(( (A + 3) / 2 ))", "3"),
        ("", "${A:-5}", "5"),
        ("A=4", "${A:-5}", "4"),
        ("B=5", "${A:-$B}", "5"),
        ("", '$(dirname "$0")/x', "./x"),
        ('A=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)', "$A/x", "./x"),
        ("", "$A", "?environment variable"),
        ("", "$1", "?argument of the script"),
        ("A=$(date)", "$A", "?command substitution"),
        ("if x; then A=1; fi", "$A", "?assigned in a branch"),
        ("[ -z $A ] && A=1", "$A", "?assigned in a branch"),
        ("for A in 1 2; do :; done", "$A", "?assigned in a branch"),
        ("A=1\nA+=2", "$A", "?appended to"),
        ("A=$A", "$A", "?environment variable"),
        ("", "`date`", "?command substitution"),
        ("A=1", "$((A / 0))", "?command substitution"),
        ("", "${A##*/}", "?command substitution"),
    ],
)
def test_variables(before: str, written: str, value: str) -> None:
    source, commands = read(f"{before}\npython train.py --x {written} --y 1\n")
    (flag, _) = commands[-1].flags
    assert flag.value is not None
    assert _shown(flag.value) == value
    assert source.slice(flag.value.span) == written
    if isinstance(flag.value, Scalar):
        assert flag.value.weak == (":-" in written and before != "A=4")


def test_a_loop_changes_what_it_assigns() -> None:
    _, commands = read(
        "A=1\nB=1\nwhile x; do\n  python a.py --a $A --b $B\n  A=$((A + 1))\ndone\npython b.py --a $A --b $B"
    )
    assert [flags(command) for command in commands] == [
        {"a": "?assigned in a loop", "b": "1"},
        {"a": "?assigned in a branch", "b": "1"},
    ]


def test_arms_of_a_branch_do_not_see_each_other() -> None:
    _, commands = read("if x; then\n A=1\n python a.py --a $A\nelse\n python b.py --a $A\nfi\n")
    assert [flags(command) for command in commands] == [{"a": "1"}, {"a": "?assigned in a branch"}]


def test_variables_that_hold_flags() -> None:
    source, (command,) = read(
        'LR=1e-4\nMORE="--bf16 true \\\n  --lr $LR"\nARGS=(\n  --a 1 # why\n  --b "x y"\n)\nARGS+=(--c)\n'
        'python train.py "${ARGS[@]}" $MORE\n'
    )
    assert flags(command) == {"a": "1", "b": "x y", "c": None, "bf16": "true", "lr": "1e-4"}
    assert [source.slice(flag.span) for flag in command.flags] == [
        "--a 1",
        '--b "x y"',
        "--c",
        "--bf16 true",
        "--lr $LR",
    ]
    assert not command.open


def test_a_command_in_a_here_document() -> None:
    source, (command,) = read(
        "LR=5e-6\nread -r -d '' commands <<EOF\nopenrlhf.cli.train_sft \\\n"
        "   --max_len 2048 \\\n   --lr $LR\nEOF\n"
        "deepspeed --module $commands\n"
    )
    assert command.target is not None
    assert (command.target.value, command.module) == ("openrlhf.cli.train_sft", True)
    assert flags(command) == {"max_len": "2048", "lr": "5e-6"}
    assert source.slice(command.flags[0].span) == "--max_len 2048"


@pytest.mark.parametrize("word", ['"$@"', "$@", "$*", '"${UNKNOWN[@]}"', "x=$UNKNOWN"])
def test_unread_words_leave_a_command_open(word: str) -> None:
    assert only(f"python train.py --a 1 {word}").open
    assert only(f"python train.py {word} --a 1").open
    assert not only("python train.py --a $UNKNOWN").open


def test_launcher_flags_environment_and_names() -> None:
    source, (command,) = read(
        "export WANDB=off\nHIDDEN=1\nA=$X CUDA_VISIBLE_DEVICES='0,1' \\\n"
        "env FOO=2 accelerate launch --config_file z.yaml --use_deepspeed --mixed_precision bf16 "
        "t.py --x 1 > log 2>&1\n"
    )
    assert {flag.name: _shown(flag.value) if flag.value else None for flag in command.launcher_flags} == {
        "config_file": "z.yaml",
        "use_deepspeed": None,
        "mixed_precision": "bf16",
    }
    found = {name: node.value for name, node in command.environment.items()}
    assert found == {"WANDB": "off", "CUDA_VISIBLE_DEVICES": "0,1", "FOO": "2"}
    assert source.slice(command.environment["FOO"].span) == "2"
    assert source.slice(command.name_span) == "accelerate launch"
    assert source.slice(command.span).startswith("A=$X") or source.slice(command.span).startswith("env FOO")
    assert source.slice(command.span).endswith("--x 1")


def test_one_command_may_start_two() -> None:
    _, commands = read("python mason.py --cluster a -- source x \\&\\& accelerate launch --cpu t.py --lr 1")
    assert [(command.launcher, flags(command)) for command in commands] == [
        ("python", {"cluster": "a"}),
        ("accelerate launch", {"lr": "1"}),
    ]


def test_makefiles() -> None:
    source, (first, second) = read(
        "LR ?= 1e-4\nBS := 8\nARGS = --a 1 --b $(BS)\n\ntrain: data\n"
        "\t@python train.py --lr $(LR) \\\n\t\t--bs ${BS}\n"
        "\t-python eval.py --x $(MISSING)\n",
        "ft/Makefile",
    )
    assert flags(first) == {"lr": "1e-4", "bs": "8"}
    lr = first.flags[0].value
    assert isinstance(lr, Scalar)
    assert (lr.weak, source.slice(lr.span)) == (True, "$(LR)")
    assert flags(second) == {"x": "?environment variable"}


def test_parts_of_a_source() -> None:
    source = Source("a.md", "text\npython train.py --x 1\nmore")
    (command,) = parse_commands(source, "python train.py --x 1", 5)
    assert source.slice(command.flags[0].span) == "--x 1"


def test_lines_of_a_notebook() -> None:
    cell = {"cell_type": "code", "source": ['!python t.py --n "é" --m {lr} \\\n', "   --k 'a\"b'\n"]}
    source = Source("a.ipynb", json.dumps({"cells": [cell]}))
    script, _ = parse_notebook(source)
    (line,) = script.shell_lines
    (command,) = parse_commands(source, line.text, offsets=line.offsets)
    assert flags(command) == {"n": "é", "m": "?a Python value of the notebook", "k": 'a"b'}
    spans = [json.loads(f'"{source.slice(flag.span)}"') for flag in command.flags]
    assert spans == ['--n "é"', "--m {lr}", "--k 'a\"b'"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends(end: str) -> None:
    source, (command,) = read(end.join(["A=1", "python train.py --é 😀 \\", "  --x $A --y", "echo"]))
    assert flags(command) == {"é": "😀", "x": "1", "y": None}
    assert [source.slice(flag.span) for flag in command.flags] == ["--é 😀", "--x $A", "--y"]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "$(" * 10_000,
        "${a:-" * 10_000,
        "a=(" * 10_000,
        "if " * 10_000,
        '"' + "$(" * 5_000,
        "A=1\n" + "A=$A$A\n" * 60 + "python t.py --x $A",
        "A='x x'\n" + 'A="$A $A"\n' * 60 + "python t.py $A",
        "A=(x x)\n" + 'A=("${A[@]}" "${A[@]}")\n' * 40 + 'python t.py "${A[@]}"',
        "bash -c '" * 500,
        "env " * 20_000,
        "-- " * 20_000,
        "<<" * 1_000 + "\n",
        "while " * 10_000,
        "while x\n do A=1\n" * 5_000,
        "if x\n then A=1\n" * 5_000 + "fi\n" * 5_000,
        "".join(f"if x; then A{i}=1\n" for i in range(3_000)) + "else\n" * 3_000 + "fi\n" * 3_000,
        "read X <<E\n$X $X\nE\npython t.py $X",
        "done done } fi esac ) ) ;;",
    ],
)
def test_hostile_text_ends(text: str) -> None:
    read(text)


names = st.text(alphabet=string.ascii_letters + "_", min_size=1, max_size=8)


@given(
    st.lists(
        st.tuples(names, st.text(max_size=12).filter(lambda text: "\r" not in text and "\0" not in text)),
        max_size=6,
    )
)
def test_quoted_values_come_back_as_they_were(given_flags: list[tuple[str, str]]) -> None:
    text = "python train.py" + "".join(f" --{name}={shlex.quote(value)}" for name, value in given_flags)
    source, (command,) = read(text)
    assert [(flag.name, plain(flag.value)) for flag in command.flags if flag.value is not None] == given_flags
    for flag, (name, value) in zip(command.flags, given_flags, strict=True):
        assert source.slice(flag.span) == f"--{name}={shlex.quote(value)}"


@given(st.text(alphabet=string.printable + "é", max_size=80))
def test_any_text_is_read(text: str) -> None:
    source, commands = read(text + "\npython train.py --x 1")
    for command in commands:
        assert 0 <= command.span.start <= command.span.end <= len(source.text)


def test_sequences_have_spans() -> None:
    source, (command,) = read("python t.py --x a  b")
    value = command.flags[0].value
    assert isinstance(value, Sequence)
    assert source.slice(value.span) == "a  b"
