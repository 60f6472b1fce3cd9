"""The workflows' own rules: pinned, least rights, no secrets, one order of environments, a rollback in one job. GitHub's schema: `make deploy-check`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.terraform_check import read_module
from deploy.checks.terraform_files import TERRAFORM
from deploy.release.plan import GIVE_UP_S

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
PATHS = sorted(FOLDER.glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
RIGHTS = {"contents": {"read"}, "id-token": {"write"}}
every = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def workflow(name: str) -> dict[str, Any]:
    found = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    return {("on" if key is True else key): value for key, value in found.items()}


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    return workflow(path.stem)["jobs"]  # type: ignore[no-any-return]


def test_there_are_workflows() -> None:
    assert {path.stem for path in PATHS} == {"ci", "deploy", "deploy-environment", "rollback", "cloud-checks"}


@every
def test_an_action_of_others_is_pinned_by_its_commit(path: Path) -> None:
    """A tag can be moved to other code; a commit cannot."""
    used = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert [line for line in used if not line.startswith("uses: ./") and not PINNED.match(line)] == []


def test_an_action_has_one_version_everywhere() -> None:
    versions: dict[str, set[str]] = {}
    for path in PATHS:
        for name, version in re.findall(r"uses: ([\w./-]+)@(\S+ # \S+)", path.read_text()):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@every
def test_a_job_has_the_least_rights_and_an_end(path: Path) -> None:
    assert workflow(path.stem)["permissions"] == {}
    for name, job in jobs(path).items():
        assert all(value in RIGHTS[right] for right, value in job["permissions"].items()), name
        assert "uses" in job or job["timeout-minutes"] <= 60, name


@every
def test_who_signs_in_runs_in_an_environment(path: Path) -> None:
    """The federated credential is bound to the environment, and so is the approval."""
    for name, job in jobs(path).items():
        if "id-token" in job["permissions"] and "uses" not in job:
            assert job["environment"], name
        if "id-token" not in job["permissions"]:
            assert "azure/login" not in str(job), name


@every
def test_no_secret_is_named_and_no_input_gets_into_a_script(path: Path) -> None:
    assert "secrets." not in path.read_text()
    for name, job in jobs(path).items():
        for step in job.get("steps", ()):
            assert "${{" not in step.get("run", ""), (name, step.get("name"))
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, name


@every
def test_a_script_stops_at_its_first_error(path: Path) -> None:
    for name, job in jobs(path).items():
        for step in job.get("steps", ()):
            script = step.get("run", "")
            assert "\n" not in script.strip() or script.startswith("set -euo pipefail\n"), (name, step.get("name"))


def test_the_runner_is_chosen_by_what_github_knows_before_the_environment() -> None:
    """Variables of an environment are empty in ``runs-on``: a fallback would always be taken, silently."""
    for name in ("deploy-environment", "rollback", "cloud-checks"):
        text = (FOLDER / f"{name}.yml").read_text()
        (chosen,) = re.findall(r"runs-on: (.+)", text)
        assert re.fullmatch(r"\$\{\{ vars\[format\('RUNNER_\{0\}', (inputs|matrix)\.environment\)\] \|\| 'ubuntu-24\.04' \}\}", chosen), name
        named = set(re.findall(r"vars\.(\w+)", text))
        assert not any(variable.startswith("RUNNER") for variable in named)


@pytest.mark.parametrize("name", ["deploy-environment", "rollback"])
def test_nothing_of_prod_is_done_on_a_runner_that_cannot_reach_it(name: str) -> None:
    (job,) = jobs(FOLDER / f"{name}.yml").values()
    assert job["steps"][0]["if"] == "inputs.environment == 'prod' && runner.environment == 'github-hosted'"
    assert "exit 1" in job["steps"][0]["run"]


def test_the_way_is_tests_dev_test_prod_with_one_image() -> None:
    found = workflow("deploy")["jobs"]
    assert found["tests"]["uses"].endswith("/ci.yml")
    assert (found["image"]["needs"], found["dev"]["needs"], found["test"]["needs"], found["prod"]["needs"]) == (
        "tests", "image", ["image", "dev"], ["image", "test"],
    )  # fmt: skip
    assert {found[name]["with"]["environment"] for name in ("dev", "test", "prod")} == {"dev", "test", "prod"}
    assert {found[name]["with"]["image"] for name in ("dev", "test", "prod")} == {"${{ needs.image.outputs.image }}"}


def test_what_waits_for_its_approval_holds_up_no_other_environment() -> None:
    """A run that waits has its workflow's group for as long as it waits, up to thirty days; each environment has a group of its own."""
    assert "concurrency" not in workflow("deploy")


def test_what_is_newer_is_not_put_back() -> None:
    (job,) = workflow("deploy-environment")["jobs"].values()
    (checkout,) = (step for step in job["steps"] if "actions/checkout" in step.get("uses", ""))
    assert checkout["with"]["fetch-depth"] == 0, "a single commit has no ancestors"
    assert '--commit "$GITHUB_SHA"' in job["steps"][-1]["run"]


def test_a_column_is_there_before_its_tag_and_a_mask_before_the_code_that_fills_it() -> None:
    (job,) = workflow("deploy-environment")["jobs"].values()
    scripts = "\n".join(step.get("run", "") for step in job["steps"])
    words = [
        "deploy.release.order",
        "terraform apply",
        "python -m deploy.release.tables",
        "bundle run apply_contracts",
        'python -m deploy.release "$ENVIRONMENT"',
    ]
    assert [scripts.index(word) for word in words] == sorted(scripts.index(word) for word in words)


def test_a_rollback_is_one_job_and_waits_for_a_deployment() -> None:
    (back,) = workflow("rollback")["jobs"].values()
    (forth,) = workflow("deploy-environment")["jobs"].values()
    assert back["concurrency"] == forth["concurrency"] == {"group": "release-${{ inputs.environment }}", "cancel-in-progress": False}
    assert back["timeout-minutes"] * 60 >= GIVE_UP_S + 600, "set-up, what it waits for at most, and the tables"
    assert "python -m deploy.release" in back["steps"][-1]["run"]
    assert "python -m deploy.release" in forth["steps"][-1]["run"]


def test_what_needs_a_cloud_is_not_part_of_a_change_s_checks() -> None:
    assert "azure" not in (FOLDER / "ci.yml").read_text()
    assert set(workflow("cloud-checks")["on"]) == {"workflow_dispatch", "schedule"}


@every
def test_the_bundle_finds_its_python(path: Path) -> None:
    """The CLI takes the first python3 on the path; a runner's own has no databricks-bundles, and the deployment would end there."""
    lines = [line.strip() for line in path.read_text().splitlines() if re.search(r"\bdatabricks bundle ", line)]
    assert [line for line in lines if not line.startswith("uv run --frozen databricks bundle ")] == []
    assert bool(lines) is (path.stem in {"deploy-environment", "cloud-checks"})


@every
def test_databricks_is_signed_in_to_by_tokens_that_renew(path: Path) -> None:
    """`az login` by OIDC gets no token for another service once some minutes have passed (AADSTS700024)."""
    text = path.read_text()
    assert set(re.findall(r"DATABRICKS_AUTH_TYPE: (.+)", text)) <= {"github-oidc-azure"}
    if "DATABRICKS_AUTH_TYPE" in text:
        assert {"ARM_CLIENT_ID", "ARM_TENANT_ID"} <= set(re.findall(r"^ +(ARM_\w+): ", text, re.MULTILINE))


def test_an_image_comes_from_another_subscription_by_the_registrys_id() -> None:
    (script,) = (step["run"] for step in workflow("deploy-environment")["jobs"]["deploy"]["steps"] if "az acr import" in step.get("run", ""))
    assert '--registry "$SOURCE_REGISTRY_ID" --source "${IMAGE#*/}"' in script


@pytest.mark.parametrize("name", ["deploy-environment", "cloud-checks"])
def test_terraform_is_told_all_that_it_asks_for(name: str) -> None:
    (job,) = workflow(name)["jobs"].values()
    told = {key.removeprefix("TF_VAR_") for key in job["env"] if key.startswith("TF_VAR_")}
    for environment in ("dev", "test", "prod"):
        declared = read_module(TERRAFORM / "environments" / environment).variables
        assert {variable for variable, of in declared.items() if "default" not in of} | {"is_github"} == told
        assert told <= declared.keys()


def test_every_variable_of_an_environment_is_told_of() -> None:
    """Who sets up GitHub reads deploy/README.md; a variable that is missing there is missed by the first deployment."""
    used = {name for path in PATHS for name in re.findall(r"vars\.(\w+)", path.read_text())}
    step = (ROOT / "deploy" / "README.md").read_text().split("**GitHub.**")[1].split("**Merge to main.**")[0]
    assert used <= set(re.findall(r"`([A-Z_]+)`", step))
    assert len(used) > 10


def test_ci_leaves_no_check_out() -> None:
    deployment = workflow("ci")["jobs"]["deployment"]["steps"]
    assert deployment[-1]["run"] == "make deploy-check ARGS=--all"
    assert any("actionlint@v" in step.get("run", "") for step in deployment)
    assert any("setup-terraform" in step.get("uses", "") for step in deployment)
