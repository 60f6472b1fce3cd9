"""A Databricks workspace on 127.0.0.1, for rehearsals and tests: REST as the step launcher, Pipes and the SDK call it, and clusters that are processes.

What it takes seriously: DBFS reads see whole files, policies are enforced, a step runs where this project is not installed, an eviction is a kill -9.
What it does not have: Unity Catalog's tables and grants, networks, notebooks, and more than one node. It serves nobody outside this machine.
"""

from __future__ import annotations

from .workspace import Workspace

__all__ = ["Workspace"]
