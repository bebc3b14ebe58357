"""Many files, the runs among them: who names whom, what lies beside whom, merged into one set of fields each."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from cfglint.model.run import Document, Run
from cfglint.model.value import KNOWN, UNSET, Value
from cfglint.parse.tree import Mapping
from cfglint.resolve.charge import engines, framework
from cfglint.resolve.context import with_context
from cfglint.resolve.families import family_fields
from cfglint.resolve.project import ParsedFile, Project
from cfglint.resolve.read import read_mapping
from cfglint.resolve.requirements import attach_packages

if TYPE_CHECKING:
    from cfglint.resolve.scripts import ScriptFacts

#: Namespaces that a script which was read whole states completely, by the calls that it does not make.
_SCRIPT_NAMESPACES = (
    "training",
    "data",
    "preference",
    "grpo",
    "lora",
    "adapter",
    "quantization",
    "tokenizer",
    "model",
    "trainer",
    "trainer_call",
)
_PATH = re.compile(r"\.(ya?ml|json)$")


def build_runs(
    project: Project, files: list[ParsedFile], target: dict[str, Any], environment: str = "auto"
) -> list[Run]:
    """All runs that the named files take part in, in the order of their files.

    Files that a named one names, or that name it, are read as well when they lie inside the project.
    """
    builder = _Builder(project, target, environment)
    wanted = with_context(project, files)
    for parsed in wanted:
        if parsed.commands:
            builder.commands(parsed)
    alone = [parsed for parsed in wanted if parsed.script is not None and parsed.file not in builder.claimed]
    for parsed, launch in [(parsed, _lone_launch_config(builder, wanted, parsed)) for parsed in alone]:
        if parsed.file not in builder.claimed:
            builder.script(parsed, launch)
    for parsed in wanted:
        if (
            parsed.dialect is not None
            and not parsed.dialect["satellite"]
            and parsed.file not in builder.claimed
        ):
            builder.config(parsed)
    for parsed in wanted:
        if parsed.dialect is not None and parsed.dialect["satellite"] and parsed.file not in builder.claimed:
            builder.config(parsed)
    for parsed in wanted:
        if parsed.requirements and parsed.file not in builder.claimed:
            builder.dependencies(parsed)
    return builder.runs


def _lone_launch_config(builder: _Builder, files: list[ParsedFile], script: ParsedFile) -> ParsedFile | None:
    """The accelerate config beside a script, where it is the folder's only one and the script its only training."""
    folder = os.path.dirname(script.file)
    beside = [
        parsed
        for parsed in files
        if os.path.dirname(parsed.file) == folder and parsed.file not in builder.claimed
    ]
    configs = [
        parsed for parsed in beside if parsed.dialect is not None and parsed.dialect["name"] == "accelerate"
    ]
    if len(configs) != 1 or any(
        parsed.dialect is not None and not parsed.dialect["satellite"] for parsed in beside
    ):
        return None
    scripts = [parsed for parsed in beside if parsed.script is not None]
    from cfglint.resolve.scripts import read_script

    trains = [parsed for parsed in scripts if read_script(builder.vocabulary, parsed.source, parsed.script)]
    return configs[0] if trains == [script] else None


class _Builder:
    """Builds runs one by one and remembers which files already stand in one."""

    def __init__(self, project: Project, target: dict[str, Any], environment: str) -> None:
        self.project = project
        self.vocabulary = project.vocabulary
        self.target = target
        self.environment = environment
        self.runs: list[Run] = []
        self.claimed: set[str] = set()

    # -- the kinds of runs ------------------------------------------------------------------------------------------

    def commands(self, parsed: ParsedFile) -> None:
        """One run for each launch command that starts a training that we can read."""
        from cfglint.resolve.gpus import requested_gpu
        from cfglint.resolve.launch import command_documents, launched_files

        for command in parsed.commands:
            named = launched_files(self.project, command, parsed.file)
            documents = command_documents(self.vocabulary, command, parsed.source)
            scripts = [file for file in named if file.script is not None]
            configs = [file for file in named if file.dialect is not None]
            if (
                not configs
                and not scripts
                and not any(document.fields for document in documents if document.dialect != "accelerate")
            ):
                continue
            given = next((file for file in named if file.script is None and file.dialect is None), None)
            facts = self.read(scripts[0], given) if scripts else []
            if scripts and not facts and not configs:
                continue
            parts: list[ScriptFacts | None] = [*facts] or [None]
            for part in parts:
                run = self.start(parsed)
                for document in documents:
                    self.add(run, document)
                for config in configs:
                    self.add_config(run, config)
                if part is not None:
                    self.add_script(run, scripts[0], part)
                self.finish(run, (configs or scripts or [parsed])[0], launched=True)
                for field, value in requested_gpu(parsed.source).items():
                    run.fields.setdefault(field, value)

    def script(self, parsed: ParsedFile, launch: ParsedFile | None = None) -> None:
        """The runs of a script that no launch command names, with the launch config that goes with it."""
        from cfglint.resolve.loaded import given_files

        givens: list[ParsedFile | None] = [*given_files(self.project, parsed.script)]
        for given in givens or [None]:
            for facts in self.read(parsed, given):
                run = self.start(parsed)
                if launch is not None:
                    self.add_config(run, launch)
                self.add_script(run, parsed, facts)
                self.finish(run, parsed)

    def read(self, parsed: ParsedFile, given: ParsedFile | None) -> list[ScriptFacts]:
        """The runs of a script with the settings that it takes out of files; its command line may give one."""
        from cfglint.resolve.loaded import Loaded
        from cfglint.resolve.scripts import read_script

        loaded = Loaded(self.project, parsed.file, given)
        return read_script(self.vocabulary, parsed.source, parsed.script, loaded)

    def config(self, parsed: ParsedFile) -> None:
        """The run of a config file that nothing launches."""
        run = self.start(parsed)
        self.add_config(run, parsed)
        self.finish(run, parsed)

    def dependencies(self, parsed: ParsedFile) -> None:
        """A dependency file that speaks for no run is one of its own."""
        run = self.start(parsed)
        self.finish(run, parsed)

    # -- adding to a run --------------------------------------------------------------------------------------------

    def start(self, parsed: ParsedFile) -> Run:
        run = Run()
        self.claim(run, parsed)
        return run

    def claim(self, run: Run, parsed: ParsedFile) -> None:
        self.claimed.add(parsed.file)
        if parsed.source not in run.sources:
            run.sources.append(parsed.source)

    def add_config(self, run: Run, parsed: ParsedFile) -> None:
        if parsed.dialect is None or not isinstance(parsed.tree, Mapping):
            return
        if any(
            document.source is parsed.source and document.layout.kind == "mapping"
            for document in run.documents
        ):
            return
        self.claim(run, parsed)
        self.add(run, read_mapping(self.vocabulary, parsed.dialect, parsed.source, parsed.tree), parsed)

    def add_script(self, run: Run, parsed: ParsedFile, facts: ScriptFacts) -> None:
        for file in (parsed, *facts.files):
            self.claim(run, file)
        run.steps_known = facts.whole
        run.steps = facts.steps
        run.fields.update(facts.step_fields)
        for document in facts.documents:
            self.add(run, document, parsed)
        if facts.whole and facts.trains:
            whole = (
                _SCRIPT_NAMESPACES
                if not parsed.script.parses_arguments
                else ("tokenizer", "quantization", "trainer_call")
            )
            run.provided.update(set(whole) - facts.hidden)
        if facts.unsloth:
            site = facts.steps.get("unsloth_load")
            run.fields.setdefault(
                "framework.unsloth", Value(KNOWN, True, site[0].place if site else None, "file")
            )
        if "adapter.method" not in run.fields and (
            "load_adapter" in facts.steps or "wrap_peft" in facts.steps
        ):
            site = facts.steps.get("load_adapter") or facts.steps["wrap_peft"]
            run.fields["adapter.method"] = Value(KNOWN, "adapter", site[0].place, "file")
        for call in parsed.script.calls:
            if call.callee.rsplit(".", 1)[-1] in (
                "parse_yaml_file",
                "parse_json_file",
                "load",
                "parse_yaml_and_config",
                "TrlParser",
            ):
                self.literal_configs(run, call, parsed)

    def literal_configs(self, run: Run, call: Any, parsed: ParsedFile) -> None:
        """A config that the script reads by a literal path is part of its run."""
        for argument in call.arguments:
            path = getattr(argument.value, "value", None)
            if isinstance(path, str) and _PATH.search(path):
                found = self.project.find(path, parsed.file)
                if found is not None:
                    self.add_config(run, self.project.open(found))

    def add(self, run: Run, document: Document, parsed: ParsedFile | None = None) -> None:
        """Merge a document: what stands there already wins, unless it is unset or a replaceable default."""
        run.documents.append(document)
        if document.dialect not in run.dialects:
            run.dialects.append(document.dialect)
        run.provided.update(document.provides)
        for field, value in document.fields.items():
            old = run.fields.get(field)
            if old is None or old.state == UNSET or (old.weak and not value.weak and value.state == KNOWN):
                run.fields[field] = value
        for field, rows in self.default_rows(document).items():
            run.default_rows.setdefault(field, rows)
        for key, value in document.links.items():
            self.follow(run, key.partition(":")[0], value, document, parsed)

    def default_rows(self, document: Document) -> dict[str, list[list[Any]]]:
        """The defaults that the document's dialect, or the call that it is, brings along."""
        if document.defaults is not None:
            return document.defaults
        rows: dict[str, list[list[Any]]] = self.vocabulary.dialects[document.dialect]["defaults"]
        return rows

    def follow(
        self, run: Run, kind: str, value: Value, document: Document, parsed: ParsedFile | None
    ) -> None:
        """A link: a path to another config, or the config itself written inline."""
        if value.state != KNOWN or not value.value:
            return
        layout = document.layout
        if isinstance(value.value, dict):
            if kind == "deepspeed" and value.place is not None:
                self.inline(run, kind, value, document)
            return
        near = (
            parsed.file
            if parsed is not None
            else layout.source.file or os.path.join(self.project.cwd, layout.source.path)
        )
        found = self.project.find(value.value, near) if isinstance(value.value, str) else None
        if found is None:
            return
        linked = self.project.open(found)
        if linked.dialect is None and isinstance(linked.tree, Mapping) and kind in self.vocabulary.dialects:
            linked.dialect = self.vocabulary.dialects[kind]
        if kind == "fsdp_config" and isinstance(linked.tree, Mapping):
            self.claim(run, linked)
        self.add_config(run, linked)

    def inline(self, run: Run, kind: str, value: Value, document: Document) -> None:
        """A DeepSpeed config written inside another file: its fields under its own namespace."""
        prefix = value.key + "."
        dialect = self.vocabulary.dialects[kind]
        for inner in list(document.fields.values()):
            if inner.key.startswith(prefix):
                name = f"{dialect['namespace']}.{inner.key[len(prefix) :]}"
                run.fields.setdefault(name, inner)
        run.provided.add(dialect["namespace"])

    # -- what follows from the whole --------------------------------------------------------------------------------

    def finish(self, run: Run, primary: ParsedFile, launched: bool = False) -> None:
        """Framework, packages, model family, target facts, and which namespaces nobody else can state."""
        attach_packages(self.project, run, primary, self.target, self.environment, self.claim)
        for key, value in self.target.items():
            if key in ("gpu", "gpu_capability", "processes", "python"):
                run.fields.setdefault(f"target.{key}", Value(KNOWN, value, None, "target"))
        if not run.documents:
            run.provided.clear()
        else:
            framework(self.vocabulary, run)
            engines(run, launched)
        run.fields.update(
            {
                field: value
                for field, value in family_fields(self.project, run, primary.file).items()
                if field not in run.fields
            }
        )
        self.runs.append(run)
