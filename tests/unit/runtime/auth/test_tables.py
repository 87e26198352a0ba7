import importlib.util
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, MetaData, create_engine, inspect

from kkt_adapter.runtime import migrations
from kkt_adapter.runtime.auth import tables

VERSIONS = Path(str(migrations.__file__)).parent / "versions"


def migrated(connection: Connection, revision: str) -> None:
    (path,) = VERSIONS.rglob(f"{revision}.py")
    spec = importlib.util.spec_from_file_location(f"revision_{revision}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with Operations.context(MigrationContext.configure(connection)):
        module.upgrade()


def shape(engine: Engine, table: str) -> dict[str, Any]:
    found = inspect(engine)
    return {
        "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
        "primary key": found.get_pk_constraint(table)["constrained_columns"],
        "unique": [(u["name"], u["column_names"]) for u in found.get_unique_constraints(table)],
    }


@pytest.mark.parametrize("table", sorted(tables.metadata.tables))
def test_the_migration_makes_the_tables_the_code_works_with(tmp_path: Path, table: str) -> None:
    by_migration = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    by_code = create_engine(f"sqlite:///{tmp_path}/made.db")
    with by_migration.begin() as connection:
        migrated(connection, "0002_accounts")
        migrated(connection, "0017_shops")
    metadata: MetaData = tables.metadata
    metadata.create_all(by_code)
    assert shape(by_migration, table) == shape(by_code, table)
    assert set(inspect(by_migration).get_table_names()) == set(metadata.tables)
    by_migration.dispose()
    by_code.dispose()
