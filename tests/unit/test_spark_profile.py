"""The local Spark's settings: closed to the network, in UTC, inside the home, without secrets; a changed one makes another server."""

from __future__ import annotations

import os
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from globalbev_assets.errors import TerminalError
from resources.settings import PROJECT, Environment, Settings, SparkMode
from resources.spark import open_session
from resources.spark_profile import java_options, python_environment, server_conf, session_conf, spark_conf, write_pools
from resources.spark_server_launch import Launch, _quoted


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "a home", spark_memory="2g", shop_dsn="postgresql://reader:geheim@shop/globalbev")


def test_nothing_listens_beyond_this_machine(settings: Settings) -> None:
    conf = spark_conf(settings) | server_conf(1, 2)
    assert {conf[name] for name in ("spark.driver.host", "spark.driver.bindAddress", "spark.connect.grpc.binding.address")} == {"127.0.0.1"}
    assert python_environment()["SPARK_LOCAL_IP"] == "127.0.0.1"


@pytest.mark.parametrize("mode", ["server", "in-process"])
@pytest.mark.parametrize("env", ["dev", "test", "prod"])
def test_where_steps_go_to_clusters_no_session_of_this_machine_is_opened(tmp_path: Path, env: Environment, mode: SparkMode) -> None:
    """A warm server of the same home would answer, and nobody would notice that the cluster had done nothing."""
    given = Settings(env=env, home=tmp_path, lake="abfss://lake@globalbev.dfs.core.windows.net", spark=mode)
    with pytest.raises(TerminalError, match="GB-3006"):
        open_session(given)
    assert list(tmp_path.iterdir()) == []


def test_days_are_utc_days_on_both_sides(settings: Settings) -> None:
    assert spark_conf(settings)["spark.sql.session.timeZone"] == "UTC" == session_conf()["spark.sql.session.timeZone"]
    assert "-Duser.timezone=UTC" in java_options(settings)
    assert python_environment()["TZ"] == "UTC"


def test_every_folder_is_in_the_home_even_of_a_relative_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resources.settings.PROJECT", tmp_path)
    settings = Settings(home=Path("here"))
    conf = spark_conf(settings)
    folders = [value for name, value in conf.items() if name.endswith((".dir", ".file"))]
    folders += [option.partition("=")[2] for option in java_options(settings) if "tmpdir" in option]
    assert len(folders) == 5
    assert all(folder.startswith(str(tmp_path / "here" / "spark")) for folder in folders)


def test_python_workers_run_in_this_environment_and_get_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GLOBALBEV_SHOP_DSN", "SPARK_HOME", "SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "geheim")
    monkeypatch.setenv("PYTHONPATH", "/else/where")
    environment = python_environment()
    assert "geheim" not in environment.values()
    assert environment["PYSPARK_PYTHON"] == sys.executable
    assert environment["PYTHONPATH"] == f"{PROJECT}{os.pathsep}/else/where"


def test_a_live_run_weighs_three_times_a_backfill(settings: Settings) -> None:
    pools = {pool.get("name"): pool.findtext("weight") for pool in ET.parse(write_pools(settings.home)).getroot()}
    assert pools == {"live": "3", "backfill": "1"}
    assert session_conf("backfill")["spark.scheduler.pool"] == "backfill"


def test_a_setting_that_changes_makes_another_server_and_the_same_ones_do_not(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.spark_server_launch.ensure_jars", lambda home: (home / "jars" / "delta.jar",))
    key = Launch(settings, 60).key
    assert Launch(settings.model_copy(), 60).key == key
    others = {
        Launch(settings.model_copy(update={"spark_memory": "3g"}), 60).key,
        Launch(settings.model_copy(update={"home": Path("/elsewhere")}), 60).key,
        Launch(settings, 61).key,
    }
    monkeypatch.setattr("resources.spark_server_launch.ensure_jars", lambda home: (home / "jars" / "delta-2.jar",))
    others.add(Launch(settings, 60).key)
    assert len(others | {key}) == 5


def test_an_argument_file_keeps_spaces_quotes_and_backslashes() -> None:
    assert _quoted('-Da=b "c" \\d') == '"-Da=b \\"c\\" \\\\d"'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('options {\n  key: "password"\n  value: "s3cret"\n}', "options {\n  X\n}"),
        ('key: "sslPassword" value: "s3cret \\" s3cret" key: "user" value: "u"', 'X key: "user" value: "u"'),
        ('value: "jdbc:postgresql://h/d?user=u&password=s3cret&ssl=true"', 'value: "jdbc:postgresql://h/d?user=u&X&ssl=true"'),
        ('key: "dbtable" value: "(select token from shop.orders) as rows"', 'key: "dbtable" value: "(select token from shop.orders) as rows"'),
    ],
)
def test_what_the_ui_shows_of_a_plan_has_no_secret(settings: Settings, text: str, shown: str) -> None:
    assert re.sub(spark_conf(settings)["spark.sql.redaction.string.regex"], "X", text) == shown
