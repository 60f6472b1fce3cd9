"""Where a person reads on: links that checks and materialisations show in the UI."""

from __future__ import annotations

import dagster as dg


def document(path: str, docs_url: str | None) -> dg.MetadataValue[str]:
    """A document of this project: a link where ``GLOBALBEV_DOCS_URL`` says where the project can be read, else its path, without the section."""
    return dg.MetadataValue.url(f"{docs_url.rstrip('/')}/{path}") if docs_url else dg.MetadataValue.path(path.partition("#")[0])
