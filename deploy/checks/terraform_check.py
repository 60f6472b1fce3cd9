"""Terraform files against the providers' own schema: what `terraform validate` would say, as far as that goes without the providers' programs.

Checked: every type, argument, block and readable attribute there is; every required one given; every variable, local, module input and output
that is named exists, is described and is used; nothing that would put a secret into the state. Not checked: types of values, and what only Azure
and Databricks can tell, such as names that are taken and combinations that they refuse.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from deploy.checks.provider_schema import SCHEMA, plain
from deploy.checks.terraform_files import TERRAFORM, files, module_folders
from deploy.checks.terraform_form import form_problems

Node = dict[str, Any]
META = {"count", "depends_on", "for_each", "lifecycle", "provider", "connection", "provisioner"}
# What these are given stands in the state in the clear.
KEEPS_SECRETS = {"azuread_application_password", "azuread_service_principal_password", "azurerm_key_vault_secret", "databricks_obo_token",
                 "databricks_secret", "databricks_service_principal_secret", "databricks_token", "random_password"}  # fmt: skip
_RESOURCE = re.compile(r'(?<![\w."-])(data\.)?((?:azurerm|azuread|databricks)_\w+)\.(\w+)((?:\[[^\]]*\])?)(?:\.(\w+))?')
_NAMED = re.compile(r"(?<![\w.])(var|local)\.(\w+)")
_MODULE = re.compile(r"(?<![\w.])module\.(\w+)\.(\w+)")


@dataclass
class Module:
    """One folder: what its files declare, and every expression in them with the place where it stands."""

    folder: Path
    variables: Node = field(default_factory=dict)
    local_names: set[str] = field(default_factory=set)
    outputs: Node = field(default_factory=dict)
    calls: Node = field(default_factory=dict)
    resources: dict[tuple[str, str], Node] = field(default_factory=dict)

    @cached_property
    def expressions(self) -> list[str]:
        """All expressions, as text."""
        return [text for part in self.documents for text in _texts(part)]

    documents: list[Node] = field(default_factory=list)


def read_module(folder: Path) -> Module:
    """Read a folder's files."""
    import hcl2  # noqa: PLC0415  takes a second to build its grammar

    module = Module(folder)
    for path in sorted(folder.glob("*.tf")):
        document = _unquoted(hcl2.loads(path.read_text(encoding="utf-8")))
        module.documents.append(document)
        for kind, target in (("variable", module.variables), ("output", module.outputs), ("module", module.calls)):
            for entry in document.get(kind, ()):
                target.update(entry)
        for entry in document.get("locals", ()):
            module.local_names |= entry.keys() - {"__is_block__"}
        for kind, before in (("resource", ""), ("data", "data.")):
            for entry in document.get(kind, ()):
                module.resources.update({(before + of, name): body for of, named in entry.items() for name, body in named.items()})
    return module


def problems(root: Path, schema: Node) -> Iterator[str]:
    """Everything that is wrong below a folder."""
    for path in files(root):
        yield from (f"{path.relative_to(root)}:{problem}" for problem in form_problems(path.read_text(encoding="utf-8")))
    modules = {folder.resolve(): read_module(folder) for folder in module_folders(root)}
    for folder, module in modules.items():
        at = str(folder.relative_to(root.resolve()))
        yield from (f"{at}: {problem}" for problem in _declared(module))
        yield from (f"{at}: {problem}" for problem in _resources(module, schema["types"]))
        yield from (f"{at}: {problem}" for problem in _calls(module, modules))
        yield from (f"{at}: {problem}" for problem in _references(module, modules, schema["types"]))


def _declared(module: Module) -> Iterator[str]:
    named = {(kind, name) for text in module.expressions for kind, name in _NAMED.findall(text)}
    for name, body in module.variables.items():
        if not body.get("description") or "type" not in body:
            yield f"variable {name} has no type or does not say what it is"
        if ("var", name) not in named:
            yield f"variable {name} is used nowhere"
    for name, body in module.outputs.items():
        if not body.get("description"):
            yield f"output {name} does not say what it is"
    for kind, name in sorted(named):
        if name not in (module.variables if kind == "var" else module.local_names):
            yield f"{kind}.{name} is declared nowhere"
    for name in sorted(module.local_names - {name for kind, name in named if kind == "local"}):
        yield f"local {name} is used nowhere"


def _resources(module: Module, types: Node) -> Iterator[str]:
    for (kind, name), body in module.resources.items():
        at = f"{kind}.{name}"
        if kind in KEEPS_SECRETS:
            yield f"{at} puts a secret into the state"
        elif kind not in types:
            yield f"{at}: there is no such type in the schema (make deploy-schema after a new one)"
        else:
            yield from _block(body, types[kind], at, META)


def _block(body: Node, schema: Node, at: str, meta: set[str]) -> Iterator[str]:
    given = _blocks(body)
    arguments = {name: value for name, value in body.items() if name not in given and name not in meta | {"dynamic", "__is_block__", "timeouts"}}
    for name, value in arguments.items():
        if name not in schema["arguments"]:
            yield f"{at}: no argument {name}" + (", it is a block" if name in schema["blocks"] else "")
        else:
            yield from _object(value, schema["arguments"][name], f"{at}.{name}")
    for name, bodies in given.items():
        if name in meta:
            continue
        if name not in schema["blocks"]:
            yield f"{at}: no block {name}" + (", it is an argument" if name in schema["arguments"] else "")
            continue
        for inner in bodies:
            yield from _block(inner, schema["blocks"][name], f"{at}.{name}", set())
    needed = {name for part in ("arguments", "blocks") for name, of in schema[part].items() if of["required"]}
    for name in sorted(needed - arguments.keys() - given.keys()):
        yield f"{at}: {name} is missing"


def _object(value: Any, schema: Node, at: str) -> Iterator[str]:
    """A nested object that is written out; an expression that makes one cannot be looked into."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict) and "object" in schema:
            yield from _block({**one}, schema["object"], at, set())


def _blocks(body: Node) -> dict[str, list[Node]]:
    """The blocks of a body by name, those that a `dynamic` makes as well."""
    found = {name: value for name, value in body.items() if isinstance(value, list) and value and all(_is_block(one) for one in value)}
    for entry in found.pop("dynamic", []):
        for name, made in entry.items():
            if isinstance(made, dict):
                found.setdefault(name, [])
                found[name] = [*found[name], *made["content"]]
    return found


def _is_block(value: Any) -> bool:
    return isinstance(value, dict) and ("__is_block__" in value or all(_is_block(inner) for inner in value.values()))


def _calls(module: Module, modules: dict[Path, Module]) -> Iterator[str]:
    for name, body in module.calls.items():
        target = modules.get((module.folder / body["source"]).resolve())
        if target is None:
            yield f"module {name}: nothing lies at {body['source']}"
            continue
        given = body.keys() - {"source", "__is_block__", "providers", *META}
        needed = {variable for variable, of in target.variables.items() if "default" not in of}
        yield from (f"module {name}: no variable {one}" for one in sorted(given - target.variables.keys()))
        yield from (f"module {name}: {one} is missing" for one in sorted(needed - given))


def _references(module: Module, modules: dict[Path, Module], types: Node) -> Iterator[str]:
    for text in module.expressions:
        for name, output in _MODULE.findall(text):
            call = module.calls.get(name)
            target = modules.get((module.folder / call["source"]).resolve()) if call else None
            if target is None or output not in target.outputs:
                yield f"module.{name}.{output} is no output"
        for data, kind, name, index, attribute in _RESOURCE.findall(text):
            body = module.resources.get((f"{data}{kind}", name))
            if body is None:
                yield f"{data}{kind}.{name} is declared nowhere"
            elif attribute and (index or "for_each" not in body) and f"{data}{kind}" in types:
                known = {plain(one) for part in ("arguments", "blocks") for one in types[f"{data}{kind}"][part]}
                known |= {plain(one) for one in types[f"{data}{kind}"]["readable"]}
                if plain(attribute) not in known:
                    yield f"{data}{kind}.{name}.{attribute} cannot be read"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)


def _unquoted(value: Any) -> Any:
    """The parser keeps the quotes of labels and texts, and the comments."""
    if isinstance(value, dict):
        return {_unquoted(name): _unquoted(inner) for name, inner in value.items() if "_comments__" not in name}
    if isinstance(value, list):
        return [_unquoted(inner) for inner in value]
    return value[1:-1] if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"' else value


def main() -> int:
    """Print what is wrong."""
    found = list(problems(TERRAFORM, json.loads(SCHEMA.read_text(encoding="utf-8"))))
    count = len(list(files(TERRAFORM)))
    sys.stdout.write("".join(f"{problem}\n" for problem in found) + f"terraform: {count} files, {len(found)} problems\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
