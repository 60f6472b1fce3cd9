"""What a workspace said, as one of our errors: what it means, what to do, and whether another cluster may help."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from globalbev_assets.errors import GlobalBevError, TerminalError, TransientError
from resources.databricks_settings import wrong_python


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: Databricks' result and termination code, its message, and the end of what the step wrote to standard error."""

    result: str = ""
    code: str = ""
    message: str = ""
    stderr: str = ""


@dataclass(frozen=True)
class _Known:
    signs: tuple[str, ...]
    error: GlobalBevError


_SIGN_IN = TerminalError(
    "GB-3021",
    "The workspace does not accept the sign-in.",
    valid="a service principal's id and secret (auth oauth or azure), or a token that has not run out",
    todo="Renew it; for jobs that run for hours use GLOBALBEV_DATABRICKS_AUTH=oauth, which renews by itself.",
)
_SILENT = TransientError("GB-3020", "The workspace does not answer.", todo="Look at GLOBALBEV_DATABRICKS_HOST and the network; then run again.")
# What the API answers, by the kind of the SDK's error, its code and its words, the most certain first.
_ANSWERS: Sequence[_Known] = (
    _Known(
        ("DBFS root is disabled", "DBFS is disabled", "DBFS_DISABLED"),
        TerminalError(
            "GB-3023",
            "This workspace has no DBFS, which the step launcher needs.",
            valid="a workspace whose DBFS root is on, or GLOBALBEV_COMPUTE=pipes",
            todo="Set GLOBALBEV_COMPUTE=pipes (docs/adr/0020-step-launcher-and-pipes.md), or have DBFS switched on.",
        ),
    ),
    _Known(("Invalid access token", "Credential was not sent", "UNAUTHENTICATED", "Unauthenticated", "expired"), _SIGN_IN),
    _Known(
        ("PERMISSION_DENIED", "does not have the permission", "PermissionDenied"),
        TerminalError(
            "GB-3022",
            "The sign-in is not allowed to do this.",
            valid="CAN_USE on the policy and the pool, and a workspace entitlement for job clusters",
            todo="Have the service principal granted what the message names (deploy/).",
        ),
    ),
    _Known(
        ("Cluster validation error", "Validation failed for"),
        TerminalError(
            "GB-3024", "The cluster policy refuses the cluster.", todo="Correct the setting that it names, or have the policy changed (deploy/)."
        ),
    ),
    _Known(
        ("does not exist", "Can't find an instance pool", "RESOURCE_DOES_NOT_EXIST", "NotFound"),
        TerminalError(
            "GB-3032", "The workspace does not have what the settings name.", todo="Correct the id; it belongs to this workspace and no other."
        ),
    ),
    _Known(("TemporarilyUnavailable", "TooManyRequests", "RequestLimitExceeded", "DeadlineExceeded", "InternalError"), _SILENT),
)
_SIGN_IN_FAILED = re.compile(r"(default|oauth-m2m|azure-client-secret|pat) auth: |invalid_client|unauthorized_client")
_CODES = {
    "LIBRARY_INSTALLATION_ERROR": TerminalError(
        "GB-3029", "The libraries cannot be installed on the cluster.", todo="Look at the cluster's Libraries tab; the pins are those of uv.lock."
    ),
    "USER_CANCELED": TerminalError("GB-3028", "Somebody cancelled the run in the workspace.", todo="Run again when it may run."),
}
_FULL = TransientError(
    "GB-3035",
    "The workspace has no room for another run or cluster now.",
    valid="as many clusters at once as policy, pool and quota allow",
    todo="Let fewer runs go at once (max_concurrent_runs, GLOBALBEV_DATABRICKS_PARALLEL), or raise the limit that it names.",
)
# INVALID_CLUSTER_REQUEST says so of a policy's limit, and CLUSTER_ERROR of a pool's, in words alone.
_FULL_CODES = ("CLUSTER_REQUEST_LIMIT_EXCEEDED", "WORKSPACE_RUN_LIMIT_EXCEEDED")
_FULL_WORDS = re.compile(r"INSTANCE_POOL_MAX_CAPACITY|max_clusters_per_user|(?i:maximum number of (?:active )?clusters)")
_LOST = ("CLUSTER_ERROR", "CLOUD_FAILURE", "DRIVER_ERROR", "INTERNAL_ERROR", "SERVICE_FAULT")
_LOST_WORDS = ("was terminated", "Cluster terminated", "reclaimed", "Driver is", "driver has stopped", "lost", "SPOT")
_OWN = "RUN_EXECUTION_ERROR"  # the step's own failure, whose words may be any


def answered(error: BaseException) -> GlobalBevError | None:
    """What the API answered, if it is known; None when the error is not the workspace's, whatever its words."""
    import requests  # noqa: PLC0415  a second of imports with the SDK's, in these environments only
    from databricks.sdk.errors.base import DatabricksError  # noqa: PLC0415  as above

    said = _one_line(str(error))
    if isinstance(error, DatabricksError):
        text = f"{type(error).__name__} {error.error_code or ''}: {error}"
        known = next((known for known in _ANSWERS if any(sign in text for sign in known.signs)), None)
        return _saying(known.error, said) if known else None
    is_given_up = isinstance(error, TimeoutError) and isinstance(error.__cause__, (DatabricksError, requests.RequestException))
    if is_given_up or (isinstance(error, requests.RequestException) and not isinstance(error, ValueError)):
        return _saying(_SILENT, f"{said} ({_one_line(str(error.__cause__))})" if is_given_up else said)
    if isinstance(error, ValueError) and _SIGN_IN_FAILED.match(said):  # the SDK's own kind when no token is to be had
        return _saying(_SIGN_IN, said)
    return None


def ended(end: RunEnd, runtime: str = "") -> GlobalBevError:
    """Why a run that did not succeed ended: what the step wrote says most, then the workspace's code, then its words."""
    return _written(end, runtime) or _coded(end) or _unknown(end)


def _written(end: RunEnd, runtime: str) -> GlobalBevError | None:
    wrong = re.search(r"GB-3004 Python ([\d.]+) here, ([\d.]+) there", end.stderr)
    if wrong:
        return wrong_python(runtime, *wrong.groups())
    if "Secret does not exist" in end.stderr or re.search(r"Scope \S+ does not exist", end.stderr):
        return TerminalError(
            "GB-3030",
            "A secret of the sources is missing in the scope.",
            got=_last_line(end.stderr),
            valid="one secret a variable that the contracts name, such as globalbev-shop-dsn",
            todo="Put it into the Key Vault behind the scope (deploy/).",
        )
    return None


def _coded(end: RunEnd) -> GlobalBevError | None:
    if end.result == "TIMEDOUT":
        return TerminalError(
            "GB-3027",
            "The step took longer than it may.",
            got=end.message,
            valid="GLOBALBEV_DATABRICKS_TIMEOUT_MINUTES",
            todo="Raise it, or run fewer days.",
        )
    if end.code in _FULL_CODES or (end.code != _OWN and _FULL_WORDS.search(end.message)):
        return _saying(_FULL, end.message)
    if end.code in _CODES or end.result == "CANCELED":
        return _saying(_CODES.get(end.code, _CODES["USER_CANCELED"]), end.message)
    if end.code in _LOST and "waiting for the cluster" in end.message:
        return TransientError(
            "GB-3025", "The cluster did not start.", got=_one_line(end.message), todo="Use another node type or a pool if it stays so."
        )
    if end.code in _LOST or (end.code != _OWN and not end.message.startswith("Workload failed") and any(word in end.message for word in _LOST_WORDS)):
        return TransientError(
            "GB-3026", "The cluster was lost while the step ran.", got=_one_line(end.message), todo="Nothing: the step is tried again."
        )
    return None


def _unknown(end: RunEnd) -> GlobalBevError:
    return TerminalError(
        "GB-3031",
        "The step could not begin on the cluster.",
        got=_last_line(end.stderr) or _one_line(end.message),
        todo="Read the run's page in the workspace; the log of this step has what it wrote.",
    )


def never_started(seconds: float) -> TransientError:
    """A cluster that is still pending after so long."""
    return TransientError(
        "GB-3033",
        "The cluster did not start in time; its run was cancelled.",
        got=f"pending for {seconds:.0f} s",
        valid="GLOBALBEV_DATABRICKS_START_S, 900 by default",
        todo="Look at quota, pool and network of the workspace; an instance pool starts in seconds.",
    )


def still_running(run_id: int) -> TransientError:
    """An earlier attempt's run whose end is not certain."""
    return TransientError(
        "GB-3020",
        "The workspace does not answer.",
        got=f"nothing certain about the run {run_id} of an earlier attempt, which may still publish",
        todo="Look at GLOBALBEV_DATABRICKS_HOST and the network, and cancel that run in the workspace; then run again.",
    )


def was_ended() -> TerminalError:
    """Dagster was told to end the run."""
    return TerminalError("GB-3034", "The run was ended before the step was through.", todo="Run again; what was published is not published again.")


def _saying(error: GlobalBevError, got: str) -> GlobalBevError:
    return type(error)(error.code, error.what, got=_one_line(got), valid=error.valid, todo=error.todo)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
