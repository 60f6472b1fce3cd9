"""Our events stand among a run's own, and Dagster's messages take our form."""

# No `from __future__ import annotations` here: Dagster reads the annotations of the functions that it is given.
import json
import logging
import threading
from collections.abc import Iterator
from contextvars import copy_context

import dagster as dg
import pytest

from resources.logs.dagster_console import console_logger
from resources.logs.dagster_run import shown_in_run
from resources.logs.events import LOGGER, bound, emit


@pytest.fixture
def everything() -> Iterator[None]:
    logger, level = logging.getLogger(LOGGER), logging.getLogger(LOGGER).level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(level)


def test_what_another_thread_says_while_dagster_stores_a_result_is_kept(everything: None) -> None:
    """Tables are published side by side: Dagster's own listening stops between two values of the step."""
    may_speak, has_spoken = threading.Event(), threading.Event()

    def speak() -> None:
        may_speak.wait(10)
        emit("server.ended", pid=2)
        has_spoken.set()

    @dg.op(out={"one": dg.Out(io_manager_key="slow"), "two": dg.Out()})
    def step(context: dg.OpExecutionContext) -> Iterator[dg.Output[int]]:
        with shown_in_run(context.log, context.run_id), bound(run_id=context.run_id):
            thread = threading.Thread(target=copy_context().run, args=(speak,))
            thread.start()
            emit("server.ended", pid=1)
            yield dg.Output(1, "one")
            thread.join()
            yield dg.Output(2, "two")

    class Slow(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None:  # noqa: ARG002
            may_speak.set()
            assert has_spoken.wait(10)

        def load_input(self, context: dg.InputContext) -> None:
            """Nothing is read."""

    @dg.job(resource_defs={"slow": dg.IOManagerDefinition.hardcoded_io_manager(Slow())})
    def job() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance)
        said = [entry.user_message for entry in instance.all_logs(done.run_id) if not entry.is_dagster_event]
    assert said == ["server.ended pid=1", "server.ended pid=2"]


def test_another_runs_events_are_not_this_runs(everything: None) -> None:
    class Log:
        def __init__(self) -> None:
            self.said: list[str] = []

        def log(self, level: int, msg: str, *, extra: dict[str, object]) -> None:  # noqa: ARG002
            self.said.append(msg)

    log = Log()
    with shown_in_run(log, "mine"):
        with bound(run_id="mine"):
            emit("server.ended", pid=1)
        with bound(run_id="other"):
            emit("server.ended", pid=2)
        emit("server.ended", pid=3)
    emit("server.ended", pid=4)
    assert log.said == ["server.ended pid=1"]


def test_dagsters_messages_take_our_form_and_one_a_day_is_left_out(everything: None, capfd: pytest.CaptureFixture[str]) -> None:
    @dg.asset
    def table(context: dg.AssetExecutionContext) -> None:
        context.log.info("of jane@example.com")
        with shown_in_run(context.log, context.run_id), bound(run_id=context.run_id):
            emit("server.ended", pid=1)

    logger = console_logger("json")
    job = dg.define_asset_job("job", executor_def=dg.in_process_executor)
    found = dg.Definitions(assets=[table], jobs=[job], loggers={"ours": logger}).resolve_job_def("job")
    with dg.DagsterInstance.ephemeral() as instance:
        found.execute_in_process(instance=instance, run_config={"loggers": {"ours": {"config": {"log_level": "DEBUG"}}}})
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    events = [line["event"] for line in lines]
    assert {"dagster.message", "dagster.step_start", "dagster.run_success"} <= set(events)
    assert not {"dagster.asset_materialization", "server.ended"} & set(events)
    (message,) = [line for line in lines if line["event"] == "dagster.message"]
    assert (message["message"], message["step"], message["level"]) == ("of ***", "table", "info")
