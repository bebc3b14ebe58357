"""Everything that the field table of a library takes from one release."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping

from cfglint.authoring.fields.class_fields import Declared, class_fields, function_fields
from cfglint.authoring.fields.constants import enum_members, is_enum
from cfglint.authoring.fields.deepspeed_keys import json_keys
from cfglint.authoring.fields.history import Snapshot
from cfglint.authoring.fields.module_tree import Located, ModuleTree
from cfglint.authoring.fields.requirements import requirements
from cfglint.authoring.fields.targets import Library


def snapshot(
    library: Library, version: str, files: Mapping[str, str], inherited: Collection[str] = ()
) -> Snapshot:
    """Read one release. What it does not have is left out.

    `inherited` are the settings that bases in other libraries are known to have.
    """
    tree = ModuleTree(files)
    classes: dict[str, Declared] = {}
    for name in library.classes:
        located = find(tree, name)
        if located is not None:
            classes[name] = class_fields(located, tree, inherited)
    for name in library.functions:
        owner, _, method = name.partition(".")
        located = find(tree, owner)
        declared = function_fields(located, method, tree) if located else None
        if declared is not None:
            classes[name] = declared
    if library.keys and (keys := json_keys(tree)) is not None:
        classes["DeepSpeedConfig"] = keys
    named = {
        row["enum"] for declared in classes.values() for row in declared.fields.values() if "enum" in row
    }
    enums = {}
    for name in sorted({*library.enums, *named}):
        located = find(tree, name)
        if located is not None and is_enum(located, tree):
            enums[name] = tuple(enum_members(located, tree).values())
    return Snapshot(version, classes, enums, requirements(files, library.extras))


def find(tree: ModuleTree, name: str) -> Located | None:
    """The class or function of that name: the one that the most public module defines."""
    for module in tree.defining(name):
        node = module.bindings.get(name)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            return Located(module, node)
    return None
