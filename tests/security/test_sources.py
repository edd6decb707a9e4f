"""What the sources never do, read off their syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import watcher

ROOT = Path(watcher.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# These make objects, and run code, of whatever they are given.
UNPICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "jsonpickle", "marshal", "shelve"}
UNPICKLING |= {"multiprocessing", "yaml", "code", "runpy"}
RUNNING = {"eval", "exec", "compile", "__import__"}
SHELLS = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"}
INTERPRETERS = {"sh", "bash", "dash", "zsh", "/bin/sh", "/bin/bash", "/usr/bin/env"}
QUERIES = {"text", "exec_driver_sql", "execute", "executescript", "scalar", "scalars"}
QUERIES |= {"executemany", "literal_column"}
STATEMENTS = {"text", "statement", "sql"}


def never_done(tree: ast.AST) -> Iterator[str]:
    """What stands in the tree and must not, as it would be complained of."""
    put_together = _put_together(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
            yield from (name for name in modules if name.partition(".")[0] in UNPICKLING)
            yield from (name for name in names if name in SHELLS | {"ProcessPoolExecutor"})
        elif isinstance(node, ast.Call):
            yield from _called(node, put_together)
        elif isinstance(node, ast.List | ast.Tuple) and len(node.elts) > 1:
            first, second = node.elts[:2]
            if _text(first) in INTERPRETERS and _text(second).startswith("-"):
                yield "a shell"


def _put_together(tree: ast.AST) -> set[str]:
    """The names, wherever in the tree, that are given a text which is put together."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and not _is_constant(node.value)
    }


def _called(call: ast.Call, put_together: set[str]) -> Iterator[str]:
    match call.func:
        case ast.Name(id=name) if name in RUNNING:
            yield name
        case ast.Attribute(value=ast.Name(id="builtins"), attr=name) if name in RUNNING:
            yield name
        case ast.Name(id="import_module") | ast.Attribute(attr="import_module"):
            if not call.args or _text(call.args[0]).partition(".")[0] in UNPICKLING | {""}:
                yield "import_module"
        case ast.Attribute(attr=name) if name in SHELLS:
            yield name
        case ast.Attribute(attr=name) if name.startswith(("exec", "spawn")) and any(
            _text(argument) in INTERPRETERS for argument in call.args
        ):
            yield "a shell"
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in QUERIES:
            yield from _asked(call, put_together)
    for keyword in call.keywords:
        if keyword.arg == "shell" and not _is(keyword.value, False):
            yield "shell"


def _asked(call: ast.Call, put_together: set[str]) -> Iterator[str]:
    given = [keyword.value for keyword in call.keywords if keyword.arg in STATEMENTS]
    for query in [*call.args[:1], *given]:
        is_named = isinstance(query, ast.Name) and query.id in put_together
        if is_named or not _is_constant(query):
            yield f"a query that is put together: {ast.unparse(query)}"


def _text(node: ast.expr) -> str:
    """The text that it is, empty where it is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_constant(query: ast.expr) -> bool:
    """Whether text of it, if it is text, is the same each time: only constants are put into it."""
    match query:
        case ast.JoinedStr(values=parts):
            holes = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
            return all(isinstance(hole, ast.Name) and hole.id.isupper() for hole in holes)
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            return False
        case ast.Call(func=ast.Attribute(attr="format" | "join" | "replace")):
            return False
        case ast.IfExp(body=one, orelse=other):
            return _is_constant(one) and _is_constant(other)
    return True


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_unpickles_and_evaluates_nothing_and_has_no_shell(path: Path) -> None:
    assert list(never_done(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import os.path, marshal",
        "from os import system",
        "from concurrent.futures import ProcessPoolExecutor",
        "eval(x)",
        "exec('x')",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=flag)",
        "asyncio.create_subprocess_shell('ls')",
        "connection.exec_driver_sql(f'SELECT {name}')",
        "connection.execute(sa.text('SELECT ' + name))",
        "connection.execute(sa.text('SELECT %s' % name))",
        "connection.execute('SELECT {}'.format(name))",
        "connection.exec_driver_sql('A' if x else f'{name}')",
        "query = f'DELETE FROM {x}'\nconnection.execute(sa.text(query))",
        "query = 'SELECT ' + x\ncursor.execute(query)",
        "sa.literal_column(f'{x}')",
        "text(f'{x}')",
        "sa.text(text=f'{x}')",
        "sa.text(statement=f'{x}')",
        "cursor.executemany(f'{x}', rows)",
        "builtins.eval(x)",
        "importlib.import_module('pickle')",
        "importlib.import_module(x)",
        "subprocess.run(['sh', '-c', x])",
        "os.execlp('sh', 'sh', '-c', x)",
    ],
)
def test_it_would_be_seen(source: str) -> None:
    assert list(never_done(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "connection.execute(papers.select())",
        "connection.exec_driver_sql(f'SELECT {TABLE}')",
        "sa.text('SELECT 1')",
        "subprocess.run(['ls'], shell=False)",
        "re.compile('x')",
        "query = f'SELECT {TABLE}'\nsa.text(query)",
        "importlib.import_module('psycopg')",
        "subprocess.run(['ls', '-l'])",
    ],
)
def test_what_is_right_is_not_complained_of(source: str) -> None:
    assert not list(never_done(ast.parse(source)))
