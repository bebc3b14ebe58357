"""Scripts: which calls they make, with which values, and where those stand."""

from __future__ import annotations

import ast
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfglint.parse.python import parse_python
from cfglint.parse.script import Call, Script
from cfglint.parse.tree import FilePart, Mapping, Node, Opaque, ParseError, Scalar, Sequence, plain
from cfglint.source import Source, Span, decode_source


def read(text: str) -> tuple[Source, Script]:
    source = Source("train.py", text)
    return source, parse_python(source)


def call(script: Script, name: str) -> Call:
    return next(call for call in script.calls if call.callee.rpartition(".")[2] == name)


def value_of(text: str, name: str = "x", callee: str = "Config") -> Node:
    """The value of one argument, checked to stand where its text says."""
    source, script = read(text)
    argument = call(script, callee).argument(name)
    assert argument is not None
    written = source.slice(argument.value.span)
    if isinstance(argument.value, Scalar):
        assert argument.value.raw == written
    assert source.slice(argument.span) == f"{name}={written}"
    return argument.value


def known(text: str) -> object:
    node = value_of(text)
    assert not isinstance(node, Opaque), node
    return plain(node)


def reason(text: str) -> str:
    node = value_of(text)
    assert isinstance(node, Opaque), node
    return node.reason


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-4", 1e-4),
        ("-1", -1),
        ("True", True),
        ("None", None),
        ("'a' 'b'", "ab"),
        ("2 * 4", 8),
        ("1024 ** 2 // 3", 349525),
        ("1 - -1", 2),
        ("[1, 'a']", [1, "a"]),
        ("(1,)", [1]),
        ("{'all'}", ["all"]),
        ("['q', *['k', 'v']]", ["q", "k", "v"]),
        ("[1] + [2]", [1, 2]),
        ("{'a': {'b': 1}}", {"a": {"b": 1}}),
        ("dict(a=1, b=dict(c=2))", {"a": 1, "b": {"c": 2}}),
        ("{**{'a': 1}, 'b': 2}", {"a": 1, "b": 2}),
        ("not True", False),
        ("1 if True else 2", 1),
        ("3 if unknown else 3", 3),
        ("None or 5", 5),
        ("'a' == 'a'", True),
        ("'a' in ['a', 'b']", True),
        ("'t5' in 'flan-t5-xl'", True),
        ("'t5' not in 'flan-t5-xl'", False),
        ("len(['q', 'v'])", 2),
        ("len('q')", 1),
        ("PromptTuningInit.TEXT", "TEXT"),
        ("int('4')", 4),
        ("float('1e-4')", 1e-4),
        ("'org/name'.split('/')[-1]", "name"),
        ("f'out-{4}-{\"a\"}'", "out-4-a"),
        ("torch.bfloat16", "bfloat16"),
        ("torch.half", "float16"),
        ("getattr(torch, 'bfloat16')", "bfloat16"),
        ("IntervalStrategy.STEPS", "steps"),
        ("SchedulerType.COSINE", "cosine"),
        ("SchedulerType.REDUCE_ON_PLATEAU", "reduce_lr_on_plateau"),
        ("TaskType.CAUSAL_LM", "CAUSAL_LM"),
        ("TaskType.CAUSAL_LM.value", "CAUSAL_LM"),
        ("{'a': [7]}['a'][0]", 7),
    ],
)
def test_literals_and_what_follows_from_them(written: str, value: object) -> None:
    imports = "import torch\nfrom transformers import IntervalStrategy, SchedulerType\nfrom peft import PromptTuningInit, TaskType\n"
    found = known(f"{imports}Config(x={written})")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("bs = 4\nConfig(x=bs)", 4),
        ("bs: int = 4\nConfig(x=bs)", 4),
        ("a, b = 1, 2\nConfig(x=b)", 2),
        ("a = 2\nb = a * 2\nConfig(x=b)", 4),
        ("a = 2\ndef f():\n    Config(x=a)", 2),
        ("def f():\n    a = 2\n    Config(x=a)", 2),
        ("x = 1\nx = 2\nConfig(x=x)", 2),
        ("if __name__ == '__main__':\n    a = 2\n    Config(x=a)", 2),
        ("if c:\n    a = 2\n    Config(x=a)", 2),
        ("cfg = {'a': 1}\nConfig(x=cfg['a'])", 1),
        ("cfg = {'a': 1}\nConfig(x=cfg.get('b', 3))", 3),
        ("class C:\n    a = 2\nConfig(x=C.a)", 2),
        ("class C:\n    a = 2\nc = C()\nConfig(x=c.a)", 2),
        ("from types import SimpleNamespace\nc = SimpleNamespace(a=2)\nConfig(x=c.a)", 2),
        ("c = load()\nc.a = 2\nConfig(x=c.a)", 2),
        ("def f(a=1):\n    Config(x=a)\nf(2)", 2),
        ("def f(a=1):\n    Config(x=a)\nf(a=3)", 3),
        ("def f(a=1):\n    Config(x=a)\nf()", 1),
    ],
)
def test_names_with_one_meaning(text: str, value: object) -> None:
    node = value_of(text)
    assert isinstance(node, Scalar)
    assert (node.value, node.weak) == (value, False)


@pytest.mark.parametrize(
    "text",
    [
        "def f(a=2):\n    Config(x=a)",
        "def f(a=2):\n    Config(x=a)\nfire.Fire(f)",
        "def f(a=2):\n    Config(x=a)\nf()\nf(3)",
        "p = ArgumentParser()\np.add_argument('--a', default=2)\nargs = p.parse_args()\nConfig(x=args.a)",
        "p = ArgumentParser()\np.add_argument('--a', type=int, default='2')\n"
        "args = p.parse_args()\nConfig(x=args.a)",
        "def g():\n    p = ArgumentParser()\n    p.add_argument('--a-b', dest='a', default=2)\n"
        "    return p.parse_args()\ndef main(args):\n    Config(x=args.a)\nmain(g())",
        "@dataclass\nclass A:\n    a: int = 2\n"
        "(args,) = HfArgumentParser(A).parse_args_into_dataclasses()\nConfig(x=args.a)",
        "@dataclass\nclass A:\n    a: int = field(default=2)\ndef f(args: A):\n    Config(x=args.a)",
        "@click.command()\n@click.option('--a', default=2)\ndef f(a):\n    Config(x=a)\nf()",
        "def f(a: int = typer.Option(2)):\n    Config(x=a)\ntyper.run(f)",
    ],
)
def test_defaults_that_a_command_line_may_replace_are_weak(text: str) -> None:
    node = value_of(text)
    assert isinstance(node, Scalar)
    assert (node.value, node.weak) == (2, True)
    assert "default of" in node.note


@pytest.mark.parametrize("test", ["args.y", "args.x == 2", "args.x in (1, 2)", "args.z"])
def test_a_default_counts_in_a_branch_that_asks_for_another_option_or_for_it(test: str) -> None:
    node = value_of(
        "p.add_argument('--x', default=2)\np.add_argument('--y', action='store_true')\n"
        f"args = p.parse_args()\nif {test}:\n    Config(x=args.x)"
    )
    assert isinstance(node, Scalar)
    assert (node.value, node.weak) == (2, True)


def test_cells_of_a_marimo_notebook_share_their_names() -> None:
    _, script = read(
        "import marimo\napp = marimo.App()\n@app.cell\ndef _():\n    from unsloth import FastModel\n"
        "    length = 2048\n    return FastModel, length\n@app.cell(hide_code=True)\n"
        "def _(FastModel, length):\n    model = FastModel.from_pretrained('m', max_seq_length=length)\n"
        "    return (model,)\n"
    )
    found = call(script, "from_pretrained")
    assert (found.callee, found.scope) == ("unsloth.FastModel.from_pretrained", "")
    assert not script.local_imports
    assert [getattr(argument.value, "value", None) for argument in found.arguments] == ["m", 2048]


def test_a_store_true_option_is_a_weak_false() -> None:
    node = value_of("p.add_argument('--x', action='store_true')\nargs = p.parse_args()\nConfig(x=not args.x)")
    assert isinstance(node, Scalar)
    assert (node.value, node.weak) == (True, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Config(x=torch.cuda.is_bf16_supported())", "depends on the GPU"),
        ("Config(x=not is_bfloat16_supported())", "depends on the GPU"),
        ("ok = torch.cuda.is_bf16_supported()\nConfig(x=ok)", "depends on the GPU"),
        (
            "Config(x=torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)",
            "depends on the GPU",
        ),
        ("import os\nConfig(x=os.environ.get('X', '1'))", "environment variable"),
        ("import os\nConfig(x=int(os.getenv('X', '1')))", "environment variable"),
        ("Config(x=BitsAndBytesConfig(load_in_4bit=True))", "call"),
        ("Config(x=missing)", "undefined name"),
        ("if c:\n    a = 1\nConfig(x=a)", "assigned in a branch"),
        ("a = 1\nif c:\n    a = 2\nConfig(x=a)", "assigned more than once"),
        ("a = 1\nfor i in y:\n    Config(x=a)\n    a = 2", "assigned more than once"),
        ("a = 1\na += 1\nConfig(x=a)", "not a plain assignment"),
        ("a = 1\ndef g():\n    global a\n    a = 2\nConfig(x=a)", "assigned more than once"),
        ("for a in (1, 2):\n    Config(x=a)", "not a plain assignment"),
        ("cs = [Config(x=a) for a in (1, 2)]", "not a plain assignment"),
        ("a = 1\ng = lambda a: Config(x=a)", "function parameter"),
        ("def f(a):\n    Config(x=a)", "function parameter"),
        ("a = ['q']\na.append('k')\nConfig(x=a)", "changed after it was assigned"),
        ("a = {'k': 1}\na['k'] = 2\nConfig(x=a['k'])", "changed after it was assigned"),
        ("c = load()\nc.a = 1\nc.a = 2\nConfig(x=c.a)", "assigned more than once"),
        ("model = AutoModel.from_pretrained('m')\nConfig(x=model.config)", "attribute"),
        ("Config(x=1 if flag else 2)", "undefined name"),
        ("Config(x=10 ** 10 ** 10)", "too large to read"),
        ("Config(x=f'{1:100000000}')", "f-string"),
        ("Config(x=1 / 0)", "expression"),
        (
            "p.add_argument('--x', default=16)\nargs = p.parse_args()\nif args.x in (4, 8):\n    Config(x=args.x)",
            "its default does not lead here",
        ),
        (
            "def f(x=None):\n    if x is None:\n        pass\n    else:\n        Config(x=x == 4)",
            "its default does not lead here",
        ),
    ],
)
def test_what_is_not_static_says_why(text: str, why: str) -> None:
    assert reason(f"import torch\n{text}") == why


LOADED = "import json, os, yaml\nfrom omegaconf import OmegaConf\nfrom pathlib import Path\n"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "c = yaml.safe_load(open('a.yaml'))\nConfig(x=c['t']['lr'])",
            FilePart("a.yaml", "yaml", ("t", "lr")),
        ),
        (
            "with open('a.yaml') as f:\n    c = yaml.safe_load(f)\nConfig(x=c['lr'])",
            FilePart("a.yaml", "yaml", ("lr",)),
        ),
        (
            "c = json.loads(Path('a.json').read_text())\nConfig(x=c['l'][0])",
            FilePart("a.json", "json", ("l", 0)),
        ),
        ("c = OmegaConf.load('a.yaml')\nConfig(x=c.t.lr)", FilePart("a.yaml", "omegaconf", ("t", "lr"))),
        (
            "c = yaml.safe_load(open('a.yaml'))\nConfig(x=float(c['lr']))",
            FilePart("a.yaml", "yaml", ("lr",), convert="float"),
        ),
        (
            "def read(path):\n    with open(path) as f:\n        return yaml.safe_load(f)\n"
            "def main(c):\n    Config(x=c['lr'])\nmain(read('a.yaml'))",
            FilePart("a.yaml", "yaml", ("lr",)),
        ),
        (
            "p.add_argument('--c', default='a.yaml')\nargs = p.parse_args()\n"
            "c = yaml.safe_load(open(args.c))\nConfig(x=c['lr'])",
            FilePart("a.yaml", "yaml", ("lr",), weak=True),
        ),
        (
            "c = yaml.safe_load((Path(__file__).parent / 'a.yaml').read_text())\nConfig(x=c['lr'])",
            FilePart("a.yaml", "yaml", ("lr",)),
        ),
        (
            "c = yaml.safe_load(open(os.path.join(os.path.dirname(__file__), 'a.yaml')))\nConfig(x=c['lr'])",
            FilePart("a.yaml", "yaml", ("lr",)),
        ),
        (
            "import sys\nc = yaml.safe_load(open(sys.argv[1]))\nConfig(x=c['lr'])",
            FilePart("", "yaml", ("lr",)),
        ),
        ("c = yaml.safe_load(open('a.yaml'))\nc['lr'] = 1\nConfig(x=c['lr'])", None),
        ("c = yaml.safe_load(open('a.yaml'))\nConfig(x=c['lr'] * 2)", None),
        ("c = pickle.load(open('a.yaml'))\nConfig(x=c['lr'])", None),
    ],
)
def test_what_a_script_takes_out_of_a_file(text: str, part: FilePart | None) -> None:
    node = value_of(LOADED + text)
    assert isinstance(node, Opaque)
    assert node.origin == part


def test_a_default_for_a_key_that_a_file_may_lack() -> None:
    node = value_of(LOADED + "c = yaml.safe_load(open('a.yaml'))\nConfig(x=c.get('lr', 2))")
    assert isinstance(node, Opaque)
    assert node.origin is not None
    assert isinstance(node.origin.default, Scalar)
    assert (node.origin.keys, node.origin.default.value) == (("lr",), 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("def f():\n    return 2\nConfig(x=f())", 2),
        ("def f(a):\n    return a + 1\nConfig(x=f(1))", 2),
        ("def f(a):\n    return a + 1\nf(5)\nConfig(x=f(1))", None),
        ("def f(a):\n    if a:\n        return 1\n    return 2\nConfig(x=f(0))", None),
        ("def f():\n    if c:\n        return 2\nConfig(x=f())", None),
        ("@g\ndef f():\n    return 2\nConfig(x=f())", None),
        ("async def f():\n    return 2\nConfig(x=f())", None),
        ("def f():\n    return f()\nConfig(x=f())", None),
    ],
)
def test_functions_of_the_script_with_one_result(text: str, value: object) -> None:
    node = value_of(text)
    assert (node.value if isinstance(node, Scalar) else None) == value


def test_nested_lists_of_names_do_not_multiply() -> None:
    lines = ["a0 = [1, 1]"] + [f"a{i} = [a{i - 1}, a{i - 1}]" for i in range(1, 60)]
    assert reason("\n".join([*lines, "Config(x=a30)"])) == "too large to read"


@pytest.mark.parametrize(
    ("text", "callee"),
    [
        ("import transformers as hf\nhf.Trainer()", "transformers.Trainer"),
        ("from trl import SFTConfig as C\nC()", "trl.SFTConfig"),
        ("import peft\npeft.PeftModel.from_pretrained(m, p)", "peft.PeftModel.from_pretrained"),
        ("import torch.nn as nn\nnn.Linear(1, 1)", "torch.nn.Linear"),
        ("import torch.nn\ntorch.nn.Linear(1, 1)", "torch.nn.Linear"),
        ("from .model import build\nbuild()", ".model.build"),
        ("model.train()", "*.train"),
        ("a.b.train()", "*.train"),
        ("f().train()", "f"),
        (
            "from transformers import TrainingArguments\nclass A(TrainingArguments): pass\nA()",
            "transformers.TrainingArguments",
        ),
        ("from trl import SFTConfig\nC = SFTConfig\nC()", "trl.SFTConfig"),
        ("def build(): pass\nbuild()", "build"),
        ("import peft\ndef f(peft):\n    peft.go()", "*.go"),
        (
            "try:\n    from trl import SFTConfig as C\n"
            "except ImportError:\n    from transformers import TrainingArguments as C\nC()",
            "trl.SFTConfig",
        ),
        (
            "from unsloth import *\nFastLanguageModel.from_pretrained()",
            "unsloth.FastLanguageModel.from_pretrained",
        ),
    ],
)
def test_callees_are_resolved_through_imports(text: str, callee: str) -> None:
    _, script = read(text)
    assert script.calls[0].callee == callee


def test_a_call_in_full() -> None:
    source, script = read(
        "from trl import SFTConfig\n"
        "extra = {'r': 8}\n"
        "class T:\n"
        "    def go(self, **kw):\n"
        "        if kw:\n"
        "            self.a, b = SFTConfig('é', lr=1e-4, **extra, **kw).to(*xs)\n"
    )
    first, second = script.calls
    assert (first.callee, first.target, first.scope, first.open) == ("trl.SFTConfig", "self.a", "T.go", True)
    assert len(first.branch) == 1
    assert [argument.name for argument in first.arguments] == ["", "lr", "r"]
    assert source.slice(first.arguments[2].span) == "'r': 8"
    assert source.slice(first.span) == "SFTConfig('é', lr=1e-4, **extra, **kw)"
    assert source.slice(first.name_span) == "SFTConfig"
    assert (second.callee, second.receiver) == ("*.to", source.slice(first.span))
    assert (second.open, source.slice(second.name_span)) == (True, "to")
    assert first.argument("missing", 0) is first.arguments[0]


@pytest.mark.parametrize(
    ("text", "names", "is_open"),
    [
        ("C(**{'a': 1, 'b': 2})", ["a", "b"], False),
        ("C(**dict(a=1))", ["a"], False),
        ("k = {'a': 1}\nC(**k, b=2)", ["a", "b"], False),
        ("k = {'a': 1, **other}\nC(**k)", ["a"], True),
        ("k = {'a': 1}\nk.update(b=2)\nC(**k)", [], True),
        ("def f(**k):\n    C(a=1, **k)", ["a"], True),
        ("C(*[1, 2])", ["", ""], False),
        ("C(*args)", [], True),
    ],
)
def test_unpacked_arguments(text: str, names: list[str], is_open: bool) -> None:
    _, script = read(text)
    found = call(script, "C")
    assert [argument.name for argument in found.arguments] == names
    assert found.open == is_open


def test_branches_tell_apart_what_may_not_run_together() -> None:
    _, script = read(
        "a()\nif x:\n    b()\nelse:\n    c()\ntry:\n    d()\nexcept E:\n    e()\n"
        "for i in y:\n    f()\nwith z:\n    g()\n"
        "if __name__ == '__main__':\n    h()\n"
    )
    branch = {call.callee: call.branch for call in script.calls}
    assert branch["a"] == branch["g"] == branch["h"] == ()
    inside = [branch[name] for name in "bcdef"]
    assert len(set(inside)) == 5
    assert () not in inside


def test_settings() -> None:
    source, script = read(
        "args.bf16 = True\ntokenizer.pad_token = tokenizer.eos_token\n"
        "os.environ['X'] = '0'\nm.a, m.b = 1, f()\nm.c += 1\nfor m.d in y: pass\n"
    )
    found = {setting.target: setting for setting in script.settings}
    assert list(found) == ["args.bf16", "tokenizer.pad_token", 'os.environ["X"]', "m.a", "m.b", "m.c", "m.d"]
    assert plain(found["args.bf16"].value) is True
    assert source.slice(found["args.bf16"].span) == "args.bf16 = True"
    assert found["tokenizer.pad_token"].text == "tokenizer.eos_token"
    assert plain(found['os.environ["X"]'].value) == "0"
    assert plain(found["m.a"].value) == 1
    assert isinstance(found["m.c"].value, Opaque)
    assert isinstance(found["m.d"].value, Opaque)


def test_definitions_and_imports() -> None:
    source, script = read(
        "import numpy as np\nfrom transformers import Trainer\nfrom . import data\nimport mymodule\n"
        "class A(Trainer):\n    def f(self): pass\nclass B(A, np.x): pass\n"
    )
    assert [(item.name, item.bases) for item in script.definitions] == [
        ("A", ("transformers.Trainer",)),
        ("A.f", ()),
        ("B", ("transformers.Trainer", "numpy.x")),
    ]
    assert source.slice(script.definitions[1].span) == "def f(self): pass"
    assert script.imports["np"] == "numpy"
    assert script.local_imports == (".", "mymodule")
    assert not script.parses_arguments


@pytest.mark.parametrize(
    "text",
    [
        "from transformers import HfArgumentParser\np = HfArgumentParser(A)",
        "import argparse\nargparse.ArgumentParser().parse_args()",
        "import hydra\n@hydra.main\ndef f(cfg): pass",
        "import fire\nfire.Fire(main)",
    ],
)
def test_scripts_that_take_options(text: str) -> None:
    assert read(text)[1].parses_arguments


def test_exported_notebooks_have_shell_lines() -> None:
    source, script = read(
        "# !pip install comment\n"
        "get_ipython().system('pip install \"trl==0.9\"')\n"
        "get_ipython().run_line_magic('pip', 'install peft')\n"
        "get_ipython().run_cell_magic('capture', '', 'import os\\n!pip install a\\n    !pip install b\\n')\n"
    )
    assert [line.text for line in script.shell_lines] == [
        'pip install "trl==0.9"',
        "pip install peft",
        "pip install a",
        "pip install b",
    ]
    assert source.slice(script.shell_lines[0].span) == 'pip install "trl==0.9"'


def test_calls_in_f_strings_stand_where_the_f_string_does() -> None:
    source, script = read("é = 1\nprint(f'''a\n{g(x=2)}''')\n")
    assert source.slice(call(script, "g").span) == "f'''a\n{g(x=2)}'''"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_wide_text(end: str) -> None:
    lines = ["# é😀", "s = '😀'; y = f(x='é😀', z=1)", "\tif_ = g(", "  x=2)"]
    text = end.join([lines[0], lines[1], "if 1:", lines[2], lines[3], ""])
    source, script = read(text)
    found = {argument.name: source.slice(argument.value.span) for argument in call(script, "f").arguments}
    assert found == {"x": "'é😀'", "z": "1"}
    argument = call(script, "g").argument("x")
    assert argument is not None
    assert source.slice(argument.span) == "x=2"


def test_byte_order_mark_and_empty() -> None:
    source = decode_source(b"\xef\xbb\xbff(x=1)", "a.py")
    assert source.slice(parse_python(source).calls[0].span) == "f(x=1)"
    assert read("")[1].calls == ()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "x = " + "[" * 10_000 + "]" * 10_000,
        "x = " + "-" * 10_000 + "1",
        "x = " + "1 + " * 10_000 + "1",
        "x = a" + ".b" * 10_000,
        "x = a" + "()" * 10_000,
        "f(x=" + "not " * 3_000 + "1)",
        "".join(" " * depth + "if x:\n" for depth in range(300)),
        "if x: pass\n" + "elif x: pass\n" * 10_000,
    ],
)
def test_deep_nesting_is_read_or_refused(text: str) -> None:
    try:
        read(text)
    except ParseError as error:
        assert error.message


@pytest.mark.parametrize(
    ("text", "offset"), [("x = 1\ny = = 2\n", 10), ("é = 'a\n", 4), ("x\0", 1), ("print 'a'", 0)]
)
def test_a_syntax_error_says_where(text: str, offset: int) -> None:
    with pytest.raises(ParseError) as caught:
        read(text)
    assert caught.value.offset == offset


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(ParseError):
        read("x = '\ud800'")


def test_odd_escapes_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read("x = '\\d'\nx is 1")


literals = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(literals, st.text(alphabet="aé😀 #", max_size=6))
def test_any_literal_is_read_as_python_reads_it(value: object, before: str) -> None:
    written = repr(value)
    source, script = read(f"s = {before!r}; f(x={written})")
    argument = script.calls[0].argument("x")
    assert argument is not None
    assert plain(argument.value) == ast.literal_eval(written)
    assert source.slice(argument.value.span) == written
    _check_spans(source, argument.value, argument.value.span)


def _check_spans(source: Source, node: Node, outer: Span) -> None:
    assert outer.start <= node.span.start <= node.span.end <= outer.end
    if isinstance(node, Scalar):
        assert ast.literal_eval(source.slice(node.span)) == node.value
    elif isinstance(node, Sequence):
        for item in node.items:
            _check_spans(source, item, node.span)
    elif isinstance(node, Mapping):
        for entry in node.entries:
            _check_spans(source, entry.key, node.span)
            _check_spans(source, entry.value, node.span)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_python(Source("a.py", text))
    except ParseError as error:
        assert 0 <= error.offset <= len(text)
