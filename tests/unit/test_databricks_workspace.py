"""The workspace of this machine, by Databricks' own SDK and by hand: its shapes, its refusals, and that nobody else reaches it."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service import jobs

from sandbox.databricks import Workspace
from sandbox.databricks.answers import ApiError
from sandbox.databricks.cluster import Runtime
from sandbox.databricks.deployed import policy
from sandbox.databricks.ground import RUNTIME, VALUES
from sandbox.databricks.policy import enforce

RULES = policy("job", {**VALUES, "pipeline_client_id": "etl"})

CLUSTER = {
    "spark_version": RUNTIME,
    "node_type_id": "Standard_DS3_v2",
    "autoscale": {"min_workers": 1, "max_workers": 4},
    "data_security_mode": "SINGLE_USER",
    "custom_tags": {"env": "test"},
    "spark_conf": {"spark.sql.session.timeZone": "UTC"},
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with Workspace(tmp_path, Runtime(Path(sys.executable)), start_s=60, policies={"jobs": RULES}, secrets={"globalbev": {"a-key": "värde"}}) as found:
        yield found


@pytest.fixture
def client(workspace: Workspace) -> WorkspaceClient:
    return WorkspaceClient(host=workspace.host, token=workspace.principals.new_token("etl"), auth_type="pat")


def submitted(client: WorkspaceClient, cluster: dict[str, Any] | None = None, **more: Any) -> int:
    document = {
        "task_key": "t",
        "spark_python_task": {"python_file": "dbfs:/main.py"},
        "new_cluster": {**CLUSTER, "policy_id": "jobs", **(cluster or {})},
    }
    return int(client.jobs.submit(run_name="x", tasks=[jobs.SubmitTask.from_dict(document)], **more).bind()["run_id"])


def test_it_listens_to_this_machine_only(workspace: Workspace) -> None:
    """By what the system has bound for it, not by the address that it tells."""
    port = urlsplit(workspace.host).port
    bound = [socket.laddr for socket in psutil.Process().net_connections("tcp") if socket.status == psutil.CONN_LISTEN and socket.laddr.port == port]
    assert [address.ip for address in bound] == ["127.0.0.1"]


def test_a_file_in_blocks_is_there_once_it_is_closed(workspace: Workspace, client: WorkspaceClient) -> None:
    content = bytes(range(256)) * 5000
    handle = client.dbfs.create("/a//b.bin", overwrite=True).handle
    client.dbfs.add_block(handle, base64.b64encode(content[: 1024 * 1024]).decode())
    with pytest.raises(NotFound):
        client.dbfs.read("/a/b.bin")
    client.dbfs.add_block(handle, base64.b64encode(content[1024 * 1024 :]).decode())
    client.dbfs.close(handle)
    first = client.dbfs.read("dbfs:/a/b.bin", length=1024 * 1024)
    rest = client.dbfs.read("/a/b.bin", length=1024 * 1024, offset=1024 * 1024)
    assert base64.b64decode(first.data or "") + base64.b64decode(rest.data or "") == content
    with pytest.raises(DatabricksError, match="already exists"):
        client.dbfs.create("/a/b.bin", overwrite=False)


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was(workspace: Workspace, client: WorkspaceClient) -> None:
    block = 1024 * 1024
    for letter in (b"a", b"b"):
        workspace.dbfs.write(workspace.dbfs.local("/events"), letter * (2 * block + 10))
        if letter == b"a":
            first = client.dbfs.read("/events", length=block)
    rest = [client.dbfs.read("/events", length=block, offset=number * block) for number in (1, 2)]
    parts = [base64.b64decode(part.data or "") for part in (first, *rest)]
    assert [(set(part), len(part)) for part in parts] == [(set(b"a"), block), (set(b"a"), block), (set(b"a"), 10)]
    assert base64.b64decode(client.dbfs.read("/events", length=1).data or "") == b"b"


@pytest.mark.parametrize("path", ["/../secrets", "/a/../../b", "dbfs:/a/../.."])
def test_no_path_leads_out_of_it(client: WorkspaceClient, path: str) -> None:
    with pytest.raises(InvalidParameterValue, match="invalid"):
        client.dbfs.read(path)


def test_a_block_of_more_than_a_mebibyte_is_refused(client: WorkspaceClient) -> None:
    handle = client.dbfs.create("/large", overwrite=True).handle
    with pytest.raises(DatabricksError, match="maximum block size"):
        client.dbfs.add_block(handle, base64.b64encode(bytes(1024 * 1024 + 1)).decode())


def test_an_empty_file_is_read_as_empty_data(workspace: Workspace, client: WorkspaceClient) -> None:
    client.dbfs.close(client.dbfs.create("/empty", overwrite=True).handle)
    token = workspace.principals.new_token("by hand")
    answer = requests.get(f"{workspace.host}/api/2.0/dbfs/read?path=/empty", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert answer.json() == {"bytes_read": 0, "data": ""}


@pytest.mark.parametrize(("header", "status"), [(None, 401), ("Basic abc", 401), ("Bearer dapi-wrong", 403)])
def test_who_is_not_known_gets_nothing(workspace: Workspace, header: str | None, status: int) -> None:
    answer = requests.get(f"{workspace.host}/api/2.0/dbfs/list?path=/", headers={"Authorization": header} if header else {}, timeout=5)
    assert answer.status_code == status
    assert set(answer.json()) == {"error_code", "message"}


def test_a_service_principal_signs_in_by_oauth(workspace: Workspace) -> None:
    client_id, secret = workspace.principals.new_client()
    client = WorkspaceClient(host=workspace.host, client_id=client_id, client_secret=secret, auth_type="oauth-m2m")
    client.dbfs.mkdirs("/here")
    assert [entry.path for entry in client.dbfs.list("/")] == ["/here"]
    assert {call.principal for call in workspace.calls if "/dbfs/" in call.path} == {client_id}
    with pytest.raises(Exception, match="invalid_client"):
        WorkspaceClient(host=workspace.host, client_id=client_id, client_secret="wrong", auth_type="oauth-m2m").dbfs.mkdirs("/there")


def test_a_secret_is_given_and_a_missing_one_is_named(client: WorkspaceClient) -> None:
    assert base64.b64decode(client.secrets.get_secret("globalbev", "a-key").value or "").decode() == "värde"
    with pytest.raises(NotFound, match="scope: globalbev and key: other"):
        client.secrets.get_secret("globalbev", "other")


def test_a_run_waits_is_shown_and_is_cancelled(workspace: Workspace, client: WorkspaceClient) -> None:
    run_id = submitted(client)
    run = client.jobs.get_run(run_id)
    assert (run.state.life_cycle_state.value, run.job_id, run.tasks[0].cluster_instance) == ("PENDING", 77, None)  # type: ignore[union-attr, index]
    client.jobs.cancel_run(run_id).result()
    ended = client.jobs.get_run(run_id)
    assert (ended.state.life_cycle_state.value, ended.state.result_state.value) == ("TERMINATED", "CANCELED")  # type: ignore[union-attr]
    assert workspace.runs.get(run_id).cluster["azure_attributes"]["availability"] == "SPOT_WITH_FALLBACK_AZURE"


def test_the_same_idempotency_token_is_the_same_run(client: WorkspaceClient) -> None:
    assert submitted(client, idempotency_token="once") == submitted(client, idempotency_token="once") != submitted(client)


def test_who_may_only_look_submits_nothing(workspace: Workspace) -> None:
    token = workspace.principals.new_token("analyst")
    workspace.principals.without.add("analyst")
    with pytest.raises(PermissionDenied, match="analyst"):
        submitted(WorkspaceClient(host=workspace.host, token=token, auth_type="pat"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spark_version": "15.4.x-scala2.12"}, "spark_version, the value must be rehearsal"),
        ({"node_type_id": "Standard_E64_v5"}, "node_type_id"),
        ({"autoscale": {"min_workers": 1, "max_workers": 50}}, "autoscale.max_workers, the value must be at most 4"),
        ({"instance_pool_id": "globalbev-pool"}, "instance_pool_id, the value must not be present"),
        ({"azure_attributes": {"availability": "ON_DEMAND_AZURE"}}, "the value must be SPOT_WITH_FALLBACK_AZURE"),
        ({"custom_tags": {"env": "prod"}}, "custom_tags.env, the value must be test"),
        ({"policy_id": "other"}, "policy other does not exist"),
    ],
)
def test_a_cluster_outside_the_policy_is_refused_by_attribute(client: WorkspaceClient, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParameterValue, match=said):
        submitted(client, change)


def test_a_policy_fills_in_what_it_fixes_and_keeps_settings_with_dots_whole() -> None:
    found = enforce({**RULES, "spark_conf.spark.speculation": {"type": "fixed", "value": "false"}}, CLUSTER)
    assert found["azure_attributes"] == {"availability": "SPOT_WITH_FALLBACK_AZURE", "first_on_demand": 1, "spot_bid_max_price": -1}
    assert found["spark_conf"] == {"spark.sql.session.timeZone": "UTC", "spark.speculation": "false"}
    assert found["autoscale"] == {"min_workers": 1, "max_workers": 4}


@pytest.mark.parametrize(
    ("rule", "value", "passes"),
    [
        ({"type": "forbidden"}, "x", False),
        ({"type": "blocklist", "values": ["x"]}, "x", False),
        ({"type": "blocklist", "values": ["y"]}, "x", True),
        ({"type": "regex", "pattern": "x+"}, "xx", True),
        ({"type": "regex", "pattern": "x+"}, "xy", False),
        ({"type": "range", "minValue": 2}, 1, False),
        ({"type": "unlimited"}, "x", True),
        ({"type": "allowlist", "values": [1]}, None, False),
        ({"type": "allowlist", "values": [1], "isOptional": True}, None, True),
    ],
)
def test_each_kind_of_rule(rule: dict[str, Any], value: Any, passes: bool) -> None:
    cluster = {} if value is None else {"attribute": value}
    if passes:
        assert enforce({"attribute": rule}, cluster) == cluster
    else:
        with pytest.raises(ApiError, match="Validation failed for attribute"):
            enforce({"attribute": rule}, cluster)


def test_a_volume_takes_and_gives_files(client: WorkspaceClient, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"{not json")
    client.files.create_directory("/Volumes/c/s/v/folder")
    with (tmp_path / "x").open("rb") as stream:
        client.files.upload("/Volumes/c/s/v/folder/x", stream, overwrite=True)
    assert client.files.get_metadata("/Volumes/c/s/v/folder/x").content_length == 9
    assert client.files.download("/Volumes/c/s/v/folder/x").contents.read() == b"{not json"  # type: ignore[union-attr]
    assert [entry.name for entry in client.files.list_directory_contents("/Volumes/c/s/v/folder")] == ["x"]
    client.files.delete("/Volumes/c/s/v/folder/x")
    with pytest.raises(NotFound):
        client.files.get_metadata("/Volumes/c/s/v/folder/x")
