"""Unity Catalog from the contracts: every script as a golden file, and the rules that hold for all of them."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalbev_assets.contracts.masking import masks_of
from globalbev_assets.contracts.model import Column, Contract, Rule, Source
from globalbev_assets.contracts.names import TableName
from globalbev_assets.errors import TerminalError
from globalbev_assets.governance.changes import TableState, changes
from globalbev_assets.governance.grants import readers
from globalbev_assets.governance.masks import MASKS, effective_masks, filtered_column
from globalbev_assets.governance.principals import ROLES, Groups
from globalbev_assets.governance.scripts import HEAD, unity_contracts, unity_scripts
from globalbev_assets.governance.sql import column, principal, qualified, sql, text
from globalbev_assets.governance.tables import checks, column_tags, keys, plain, table_statements
from globalbev_assets.operations.lake_views import lake_contracts
from globalbev_assets.transforms.schemas import table_properties
from tests.unit.cli_runs import document, make_home, run
from tests.unit.contract_files import packaged

GOLDEN = Path(__file__).parents[1] / "golden" / "unity"
LAKE = "abfss://lake@stglobalbevdev.dfs.core.windows.net"
AGAIN = f"run `globalbev contract unity --catalog globalbev_dev --lake {LAKE} --out {GOLDEN.relative_to(Path(__file__).parents[2])}` and look at the difference"
LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'")
QUOTED = re.compile(r"`[a-z_][a-z0-9_]*`|`[a-z][a-z0-9 -]*`")


def statements(scripts: dict[str, str]) -> list[str]:
    """All statements, in the order of execution; no literal of ours holds a semicolon before a line's end."""
    return [one.strip() for body in scripts.values() for one in body.removeprefix(HEAD).split(";\n") if one.strip()]


def contract(*columns: Column, layer: str = "silver", rules: tuple[Rule, ...] = ()) -> Contract:
    return Contract(TableName(layer, "things"), "1.0.0", "sales", "Things.", "a@globalbev.example", columns, Source("by_key"), rules, team="sales")  # type: ignore[arg-type]


def only(parts: list[str], word: str) -> list[str]:
    return [part for part in parts if word in part]


def test_every_script_is_what_its_golden_file_says() -> None:
    made = unity_scripts(packaged(), "globalbev_dev", lake=LAKE)
    kept = {str(path.relative_to(GOLDEN)): path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*.sql")}
    assert sorted(made.keys() ^ kept.keys()) == [], AGAIN
    assert [name for name in made if made[name] != kept[name]] == [], AGAIN


def test_every_table_of_the_lake_has_a_script() -> None:
    scripts = unity_scripts(packaged(), "globalbev_dev")
    assert {f"20_tables/{name.layer}/{name.table}.sql" for name in lake_contracts(packaged())} <= scripts.keys()


def test_catalogs_differ_in_nothing_but_their_name_and_groups() -> None:
    dev, prod = (unity_scripts(packaged(), f"globalbev_{name}") for name in ("dev", "prod"))
    renamed = {name: body.replace("globalbev_dev", "globalbev_prod").replace("globalbev-dev-", "globalbev-prod-") for name, body in dev.items()}
    assert renamed == prod


def test_no_personal_column_is_without_a_mask_tag_and_a_policy_for_it() -> None:
    policies = unity_scripts(packaged(), "globalbev_dev")["40_masks.sql"]
    for found in unity_contracts(packaged()).values():
        tagged = {name: values.get("globalbev_mask") for name, values in column_tags(found).items()}
        for name in masks_of(found):
            assert tagged[name] in MASKS, (found.name, name)
            assert f"has_tag_value('globalbev_mask', '{tagged[name]}')" in policies


@pytest.mark.parametrize(("kind", "mask", "function"), [
    ("string", "redact", "redact"), ("string", "prefix3", "prefix3"), ("string", "year", "redact"), ("date", "year", "year_date"),
    ("timestamp", "year", "year_timestamp"), ("bigint", "sha256_salted", "empty"), ("decimal(18,4)", "redact", "empty"), ("string", None, "redact"),
])  # fmt: skip
def test_a_mask_fits_the_type_of_its_column(kind: str, mask: str | None, function: str) -> None:
    """A function that gave text for a number would fail each query of the table."""
    found = contract(Column("secret", kind, is_pii=True, mask=mask, classification="restricted"))
    assert effective_masks(found)["secret"].name == function


def test_bronze_and_the_salt_are_for_no_analyst() -> None:
    grants = statements({"grants": unity_scripts(packaged(), "globalbev_dev")["50_grants.sql"]})
    analysts = only(grants, "`globalbev-dev-analysts`")
    assert only(analysts, ".`silver`.`customers`")
    assert only(analysts, "`bronze`") + only(analysts, "`ops`") + only(analysts, "`quarantine`") == []
    assert only(grants, "mask_salt") + only(grants, "market_access") == []
    readers_of_ops = {re.findall(r"TO `([^`]+)`", one)[0] for one in only(grants, "SELECT ON SCHEMA `globalbev_dev`.`ops`")}
    assert readers_of_ops == {"globalbev-dev-etl"}


def test_only_the_pipeline_may_write() -> None:
    grants = statements({"grants": unity_scripts(packaged(), "globalbev_dev")["50_grants.sql"]})
    writers = {re.findall(r"TO `([^`]+)`", one)[0] for one in grants if re.match(r"GRANT (MODIFY|CREATE|ALL|APPLY|MANAGE)", one)}
    assert writers == {"globalbev-dev-etl"}


def test_a_restricted_column_without_a_mask_closes_the_table_to_analysts() -> None:
    secret = Column("secret", "string", classification="restricted")
    groups = Groups("globalbev_dev")
    assert groups.role("analysts") not in readers(contract(secret), groups)
    assert groups.role("analysts") in readers(contract(Column("open", "string")), groups)
    assert groups.role("analysts") not in readers(contract(Column("open", "string"), layer="bronze"), groups)


def test_a_check_lets_null_pass_in_words() -> None:
    """Delta takes an unknown for a violation."""
    columns = (Column("status", "string"), Column("share", "decimal(18,6)"))
    rules = (
        Rule("accepted:status", "accepted_values", "quarantine", "status", values=("it's", "paid")),
        Rule("range:share", "range", "quarantine", "share", passes_null=False, minimum=Decimal("0"), maximum=Decimal("1E+2")),
        Rule("warns", "range", "warn", "share", minimum=Decimal("0")),
    )
    made = [str(one) for one in changes(contract(*columns, rules=rules), "lake", None, None)]
    assert only(made, "ADD CONSTRAINT") == [
        r"ALTER TABLE `lake`.`silver`.`things` ADD CONSTRAINT `accepted_status` CHECK (`status` IS NULL OR `status` IN ('it\'s', 'paid'))",
        "ALTER TABLE `lake`.`silver`.`things` ADD CONSTRAINT `range_share` CHECK (`share` IS NOT NULL AND `share` >= 0 AND `share` <= 100)",
    ]


def test_no_table_has_both_a_check_and_a_mask_or_filter() -> None:
    """Databricks refuses the two beside each other, at the second deployment at the latest."""
    for name, contract in unity_contracts(packaged()).items():
        said = "\n".join(map(str, changes(contract, "c", None, None)))
        if effective_masks(contract) or filtered_column(contract):
            assert " CHECK (" not in said, name


def test_a_foreign_keys_name_is_one_in_its_schema() -> None:
    contracts = unity_contracts(packaged())
    added = [str(one) for one in keys(contracts, "c") if " FOREIGN KEY " in str(one)]
    names = [(statement.split("`.`")[1], statement.split(" ADD CONSTRAINT ")[1].split()[0]) for statement in added]
    assert len(names) == len(set(names)) > 10


def test_keys_are_made_before_what_refers_to_them_and_in_one_script() -> None:
    """Dropping a key drops the references to it, in other tables: two tasks side by side would be at each other's tables."""
    made = [str(one) for one in keys(unity_contracts(packaged()), "c")]
    assert max(number for number, one in enumerate(made) if " PRIMARY KEY" in one) < min(
        number for number, one in enumerate(made) if " FOREIGN KEY " in one
    )
    elsewhere = {name: body for name, body in unity_scripts(packaged(), "c").items() if name != "30_keys.sql"}
    assert [name for name, body in elsewhere.items() if " PRIMARY KEY" in body or " FOREIGN KEY" in body] == []


def test_a_table_that_is_as_its_contract_says_gets_no_commit() -> None:
    """A script of the bundle is executed at each deployment, and a run that writes at that moment would be overtaken."""
    for name, body in unity_scripts(packaged(), "c", lake=LAKE).items():
        if name.startswith("20_tables/"):
            others = [
                one
                for one in statements({name: body})
                if not re.match(r"CREATE TABLE IF NOT EXISTS|ALTER TABLE \S+ (ALTER COLUMN \S+ )?SET TAGS", one)
            ]
            assert others == []
    for found in unity_contracts(packaged()).values():
        known = plain(found)
        state = TableState(
            known.description,
            {one.name: one.description for one in known.columns},
            table_properties(found) | {f"delta.constraints.{name}": str(condition) for name, condition in checks(found).items()},
        )
        assert list(changes(found, "c", LAKE, state)) == [], found.name


def test_no_reader_of_a_script_takes_a_description_for_its_end() -> None:
    described = [
        "\n".join(part) for part in (re.findall(r"COMMENT (?:IS )?'((?:[^'\\]|\\.)*)'", body) for body in unity_scripts(packaged(), "c").values())
    ]
    assert "".join(described)
    assert [one for one in described if "\\" in one or ";" in one] == []


def test_an_external_table_lies_where_the_pipeline_writes_it() -> None:
    created = [str(next(table_statements(found, "globalbev_dev", f"{LAKE}/"))) for found in unity_contracts(packaged()).values()]
    assert all(re.search(r"LOCATION '(.+)'$", one)[1].startswith(f"{LAKE}/") for one in created)  # type: ignore[index]
    assert any(one.endswith(f"LOCATION '{LAKE}/silver/orders'") for one in created)


@pytest.mark.parametrize("lake", ["/srv/lake", "abfss://lake@a.example.com", "abfss://lake@account.dfs.core.windows.net/x'y", "s3://lake"])
def test_a_lake_elsewhere_is_refused(lake: str) -> None:
    with pytest.raises(TerminalError) as caught:
        unity_scripts(packaged(), "globalbev_dev", lake=lake)
    assert caught.value.code == "GB-3204"


def test_nothing_is_dropped_but_constraints() -> None:
    for enforcement in ("policies", "columns"):
        dropping = only(statements(unity_scripts(packaged(), "globalbev_dev", enforcement)), "DROP ")  # type: ignore[arg-type]
        assert [one for one in dropping if not re.search(r"DROP (CONSTRAINT|PRIMARY KEY) IF EXISTS", one)] == []


def test_masks_hang_on_a_column_once() -> None:
    """A column with a policy's mask and one of its own cannot be read at all."""
    by_policy, by_column = ("\n".join(statements(unity_scripts(packaged(), "globalbev_dev", kind))) for kind in ("policies", "columns"))
    assert "SET MASK" not in by_policy
    assert "CREATE OR REPLACE POLICY" not in by_column
    assert "is_account_group_member" not in by_policy
    assert by_column.count("SET MASK") == sum(len(masks_of(found)) for found in unity_contracts(packaged()).values())
    assert by_column.count("SET ROW FILTER") == 2


@given(st.text())
def test_a_literal_ends_where_it_ends(value: str) -> None:
    assert LITERAL.fullmatch(text(value).text.replace("\n", ""))


@pytest.mark.parametrize("part", ["orders", "`orders`", "'; DROP TABLE x; --", "select", "", "A--"])
def test_a_plain_string_gets_into_no_statement(part: str) -> None:
    with pytest.raises(TerminalError) as caught:
        sql("ALTER TABLE", part)
    assert caught.value.code == "GB-3201"


@pytest.mark.parametrize("make", [lambda: column("a`b"), lambda: qualified("lake", "x y"), lambda: principal("a`b"), lambda: principal("Group")])
def test_a_name_that_is_none_is_refused(make: object) -> None:
    with pytest.raises(TerminalError):
        make()  # type: ignore[operator]


def test_a_role_that_there_is_not_has_no_group() -> None:
    assert Groups("globalbev_dev").role("etl") == "globalbev-dev-etl"
    with pytest.raises(KeyError):
        Groups("globalbev_dev").role("etI")
    assert "etl" in ROLES


class TestCommand:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        return make_home(tmp_path, monkeypatch)

    def test_the_scripts_are_written_and_then_current(self, tmp_path: Path) -> None:
        out = tmp_path / "unity"
        count = len(unity_scripts(packaged(), "globalbev_test"))
        words = ("contract", "unity", "--catalog", "globalbev_test", "--out", str(out))
        assert run(*words).stdout == f"{out}: {count} scripts, {count} written, 0 no longer made\n"
        assert run(*words, "--check").stdout == f"{out}: {count} scripts, 0 differ, 0 no longer made\n"
        (out / "00_schemas.sql").write_text("old")
        (out / "20_tables" / "gone.sql").write_text(HEAD)
        (out / "mine.sql").write_text("select 1")
        done = run(*words, "--check")
        assert (done.exit_code, done.stderr.splitlines()[0]) == (2, "GB-3203 The scripts for Unity Catalog do not say what the contracts say.")
        assert document(*words)["gone"] == ["20_tables/gone.sql"]
        assert (out / "mine.sql").exists()
        assert not (out / "20_tables" / "gone.sql").exists()

    def test_without_a_folder_they_are_printed(self) -> None:
        printed = run("contract", "unity").stdout
        assert all(body in printed for body in unity_scripts(packaged(), "globalbev_dev").values())

    def test_a_wrong_choice_is_told(self) -> None:
        assert "Choose policies or columns." in run("contract", "unity", "--masks", "both").stderr
        assert "--out" in run("contract", "unity", "--check").stderr
        assert run("contract", "unity", "--catalog", "a b").stderr.startswith("GB-1010 ")
