"""What the sources never do, read off their syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import watcher
from tests.security.forbidden import forbidden

ROOT = Path(watcher.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_unpickles_and_evaluates_nothing_and_has_no_shell(path: Path) -> None:
    assert list(forbidden(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import os.path, marshal",
        "import builtins",
        "import multiprocessing.pool as p",
        "from os import system",
        "from os import system as s",
        "from concurrent.futures import ProcessPoolExecutor",
        "concurrent.futures.ProcessPoolExecutor()",
        "sa.Column('x', sa.PickleType)",
        "eval(x)",
        "exec('x')",
        "f = eval",
        "map(compile, x)",
        "import os as o",
        "__builtins__['eval'](x)",
        "os.system('ls')",
        "run = os.popen",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=flag)",
        "asyncio.create_subprocess_shell('ls')",
        "subprocess.run(['sh', '-c', x])",
        "subprocess.run(['/usr/bin/sh', '-c', x])",
        "subprocess.run(['/usr/local/bin/bash', x])",
        "subprocess.run(['/usr/bin/env', x])",
        "SHELL = '/bin/dash'",
        "os.execlp('sh', 'sh', '-c', x)",
        "importlib.import_module('pickle')",
        "importlib.import_module(x)",
        "import_module(name=x)",
    ],
)
def test_what_runs_code_would_be_seen(source: str) -> None:
    assert list(forbidden(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "connection.exec_driver_sql(f'SELECT {name}')",
        "connection.exec_driver_sql('A' if x else f'{name}')",
        "connection.exec_driver_sql(statement=f'{x}')",
        "connection.exec_driver_sql(query.strip())",
        "connection.execute(sa.text('SELECT ' + name))",
        "connection.execute(sa.text('SELECT %s' % name))",
        "connection.execute('SELECT {}'.format(name))",
        "sa.text(f'{x}')",
        "sa.text(text=f'{x}')",
        "sa.text(*x)",
        "sa.text(**x)",
        "sa.text(self.query)",
        "sa.text(dedent(f'{x}'))",
        "sa.text(' '.join(parts).strip())",
        "sa.text(f'SELECT {TABLE}')",
        "TABLE = input()\nsa.text(f'SELECT {TABLE}')",
        "TABLE = 'papers'\nTABLE += x\nsa.text(f'SELECT {TABLE}')",
        "from elsewhere import TABLE\nsa.text(f'SELECT {TABLE}')",
        "W = 'x'\nsa.text(f'SELECT {W:{w}}')",
        "sa.sql.text(f'{x}')",
        "sqlalchemy.sql.expression.text(f'{x}')",
        "from sqlalchemy import text",
        "from sqlalchemy import text as t",
        "from sqlalchemy.sql import *",
        "from sqlalchemy import literal_column as l",
        "import sqlalchemy.sql as q",
        "import sqlalchemy as s",
        "import sqlalchemy as sa\nt = sa.text",
        "from sqlalchemy import sql\nt = sql.text",
        "from sqlalchemy import literal_column\nl = literal_column",
        "run = connection.exec_driver_sql",
        "run = cursor.execute",
        "sa.literal_column(f'{x}')",
        "sa.TextClause(x)",
        "sa.DDL(x)",
        "sa.CheckConstraint(x)",
        "CheckConstraint(sqltext=x)",
        "batch_op.create_check_constraint('name', x)",
        "papers.c.title.op(x)('a')",
        "papers.select().prefix_with('x')",
        "papers.select().with_hint(papers, x)",
        "sa.column(x, is_literal=True)",
        "cursor.execute(f'{x}')",
        "cursor.execute(query)",
        "cursor.executemany(f'{x}', rows)",
        "raw.executescript(x)",
        "def f(q): connection.execute(sa.text(q))",
        "def f(q: str): cursor.execute(q)",
        "def f(connection: sqlite3.Connection, q): connection.execute(q)",
        "def f(connection: sa.Connection, q): connection.exec_driver_sql(q)",
        "def f(connection: sa.Connection):\n connection = other()\n connection.execute(q)",
        "def f(q):\n with sqlite3.connect(p) as connection:\n  connection.execute(q)",
        "query = f'DELETE FROM {x}'\nconnection.execute(sa.text(query))",
        "query: str = f'{x}'\nsa.text(query)",
        "query = ''\nquery += name\nsa.text(query)",
        "sa.text((q := f'{x}'))",
        "self.q = f'{x}'\ncursor.execute(self.q)",
        "query = 'SELECT ' + x\ncursor.execute(query)",
    ],
)
def test_sql_that_is_not_written_out_would_be_seen(source: str) -> None:
    assert list(forbidden(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "import sqlalchemy as sa",
        "from sqlalchemy import CheckConstraint, Table",
        "def f(connection: sa.Connection, query): connection.execute(query)",
        "def f():\n with database.read() as connection:\n  connection.scalar(query)",
        "def f():\n connection = op.get_bind()\n connection.execute(papers.select())",
        "connection.execute(sa.text('SELECT 1'))",
        "TABLE = 'x'\nconnection.exec_driver_sql(f'SELECT {TABLE}')",
        "from watcher.store.schema import TABLE\nsa.text(f'SELECT {TABLE}')",
        "TABLE = 'x'\nQUERY = f'SELECT {TABLE}'\nsa.text(QUERY)",
        "connection.exec_driver_sql('BEGIN IMMEDIATE' if writes else 'BEGIN')",
        "sa.text('SELECT 1')",
        "cursor.execute('SELECT 1')",
        "from watcher.sources import clean\nclean.text(title, 60)",
        "said = answer.text",
        "schema.scalars()",
        "re.compile('x')",
        "subprocess.run(['ls'], shell=False)",
        "subprocess.run(['ls', '-l'])",
        "importlib.import_module('psycopg')",
    ],
)
def test_what_is_right_is_not_complained_of(source: str) -> None:
    assert not list(forbidden(ast.parse(source)))
