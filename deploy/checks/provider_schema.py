"""The Terraform providers' own schema, cut down to what `deploy/terraform` uses, so that the quick checks need no download.

The packages `cdktn-provider-*` carry the schema in a jsii assembly (84 MB for azurerm alone). `make deploy-schema` reads it in the environment
`.iac` and writes `deploy/checks/provider_schema.json`; `make deploy-check` fails when that file is not what the packages say.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from deploy.checks.terraform_files import TERRAFORM, resource_types

SCHEMA = Path(__file__).with_name("provider_schema.json")
PROVIDERS = ("azurerm", "azuread", "databricks")
_LINK = re.compile(r"/docs/(?:resources|data-sources)/\w+#(\w+) ")
_VERSION = re.compile(r"registry\.terraform\.io/providers/\w+/\w+/([\d.]+)/")
_ABOUT = re.compile(r"/docs/(resources|data-sources)/\w+ (\w+)\}")
# Of Terraform itself, or of the generator; no argument of a resource.
_META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}

Node = dict[str, Any]


def assembly(site_packages: Path, provider: str) -> Node:
    """The jsii assembly of a provider's package."""
    (archive,) = (site_packages / f"cdktn_provider_{provider}" / "_jsii").glob("*.tgz")
    with tarfile.open(archive) as opened:
        content = opened.extractfile("package/.jsii") or _broken(archive)
        return json.loads(content.read())  # type: ignore[no-any-return]


def _broken(archive: Path) -> NoReturn:
    raise SystemExit(f"{archive} holds no assembly")


def schemas(document: Node, wanted: set[str]) -> Iterator[tuple[str, Node]]:
    """``type`` or ``data.type`` → arguments, blocks and what can be read, for the wanted ones."""
    types = document["types"]
    for fqn, kind in types.items():
        about = _ABOUT.search(kind.get("docs", {}).get("summary", ""))
        if kind["kind"] != "class" or about is None:
            continue
        name = ("data." if about[1] == "data-sources" else "") + about[2]
        if name in wanted and f"{fqn}Config" in types:
            outputs = sorted(
                {snake(found["name"]) for found in kind["properties"] if not found["name"].endswith("Input") and not found.get("static")}
            )
            yield name, {**_arguments(types, types[f"{fqn}Config"]), "readable": outputs}


def snake(name: str) -> str:
    """``vaultUri`` → ``vault_uri``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def plain(name: str) -> str:
    """A name without underscores: the generator puts them back in places that cannot be known (``ip4_address``, ``ip_4_address``)."""
    return name.replace("_", "").lower()


def version_of(document: Node) -> str:
    """The provider's version that the package was made from."""
    for kind in document["types"].values():
        found = _VERSION.search(kind.get("docs", {}).get("summary", ""))
        if found:
            return found[1]
    raise SystemExit("the package does not say which provider it was made from")


def cut(site_packages: Path, wanted: set[str]) -> Node:
    """The whole document that is kept beside this module."""
    found: Node = {"providers": {}, "types": {}}
    for provider in PROVIDERS:
        document = assembly(site_packages, provider)
        found["providers"][provider] = {"version": version_of(document), "package": f"{document['name']} {document['version']}"}
        found["types"] |= dict(schemas(document, wanted))
    found["types"] = dict(sorted(found["types"].items()))
    return found


def _arguments(types: Node, config: Node, depth: int = 0) -> Node:
    arguments: Node = {}
    blocks: Node = {}
    for found in config.get("properties", ()):
        docs = found.get("docs", {})
        link = _LINK.search(f"{docs.get('summary', '')} {docs.get('remarks', '')} ")
        if link is None or link[1] in _META:
            continue
        is_required, nested = not found.get("optional", False), _nested(found["type"])
        inner = _arguments(types, types[nested], depth + 1) if nested in types and depth < 6 else None
        if inner is not None and docs.get("summary", "").endswith(" block."):
            blocks[link[1]] = {"required": is_required, **inner}
        else:
            arguments[link[1]] = {"required": is_required, **({"object": inner} if inner else {})}
    return {"arguments": dict(sorted(arguments.items())), "blocks": dict(sorted(blocks.items()))}


def _nested(kind: Node) -> str:
    """The struct that a property holds, alone or in a list; empty when it holds none."""
    for found in [kind, *kind.get("union", {}).get("types", ())]:
        inner = found.get("collection", {}).get("elementtype", found)
        name: str = inner.get("fqn", "")
        if name and not name.startswith("cdktn."):
            return name
    return ""


def main() -> int:
    """Write the file, or with ``--check`` say whether it is current. Takes the site-packages of `.iac` as argument."""
    site_packages = Path(next(word for word in sys.argv[1:] if not word.startswith("-")))
    text = json.dumps(cut(site_packages, resource_types(TERRAFORM)), indent=1) + "\n"
    is_current = SCHEMA.is_file() and SCHEMA.read_text(encoding="utf-8") == text
    if "--check" in sys.argv:
        sys.stdout.write(f"provider schema: {'current' if is_current else 'not what the packages say: make deploy-schema'}\n")
        return 0 if is_current else 1
    SCHEMA.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{SCHEMA} is written, {len(text):,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
