"""What our sources may not do, read off a syntax tree.

SQL is a text that is written out: whatever takes it as text is given a literal, one with constants
in it, or the name of such a constant. All else is refused, however it was put together.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

# These make objects, and run code, of whatever they are given.
UNPICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "jsonpickle", "marshal", "shelve"}
UNPICKLING |= {"multiprocessing", "yaml", "code", "runpy", "builtins"}
RUNNING = {"eval", "exec", "compile", "__import__", "__builtins__"}
SHELLS = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"}
NEVER = SHELLS | {"ProcessPoolExecutor", "PickleType"}
# SQL as text that nothing here needs.
NEVER |= {"prefix_with", "suffix_with", "with_hint", "with_statement_hint"}
INTERPRETERS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"}

SQL = {"text", "exec_driver_sql", "literal_column", "DDL", "TextClause", "CheckConstraint"}
SQL |= {"executemany", "executescript", "op", "bool_op"}
EXECUTING = {"execute", "scalar", "scalars", "stream", "stream_scalars"}
"""These take text only from a driver's connection: SQLAlchemy's own refuses it."""
STATEMENTS = {"text", "statement", "sql", "sqltext", "opstring"}


def forbidden(tree: ast.Module) -> Iterator[str]:
    """What stands in the tree and must not, as it would be complained of."""
    yield from _imported(tree)
    yield from _mentioned(tree)
    yield from _renamed(tree)
    constants = _constants(tree)
    ours = {name for module, name in _origins(tree) if module.partition(".")[0] == "watcher"}
    for node, is_safe in _calls(tree, {}):
        yield from _started(node)
        for query in _queries(node, ours, is_safe):
            if not _is_constant(query, constants):
                yield f"SQL that is not written out: {ast.unparse(query)}"


def _origins(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each module that is imported or imported from, and a name that is bound by it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.asname or alias.name) for alias in node.names)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        of = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            top = (of or alias.name).partition(".")[0]
            if top in UNPICKLING or (of and alias.name in NEVER | RUNNING):
                yield f"{of} {alias.name}"
            if alias.name == "os" and alias.asname:
                yield "os by another name"
            if top == "sqlalchemy" and (
                alias.name in {"text", "*"}
                or (alias.asname and (of, alias.name, alias.asname) != ("", "sqlalchemy", "sa"))
            ):
                yield f"SQLAlchemy's {alias.name} by another name than sa.{alias.name}"


def _mentioned(tree: ast.AST) -> Iterator[str]:
    """Names that may not stand anywhere."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) if name in RUNNING:
                yield name
            case ast.Attribute(value=ast.Name(id="os"), attr="system"):
                yield "system"
            case ast.Attribute(attr=name) if name in NEVER - {"system"}:
                yield name
            case ast.Constant(value=str(text)) if PurePosixPath(text).name in INTERPRETERS:
                yield f"a shell: {text}"
            case ast.Constant(value="/usr/bin/env" | "/bin/env"):
                yield "a program by way of env"


def _renamed(tree: ast.AST) -> Iterator[str]:
    """What takes SQL may be called only, not handed on."""
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    foreign = {name for module, name in _origins(tree) if module.startswith("sqlalchemy")}
    for node in ast.walk(tree):
        match node:
            case ast.expr() if node in called:
                continue
            case ast.Name(id=name, ctx=ast.Load()) if name in SQL - {"text", "op"}:
                yield f"{name} by another name"
            case ast.Attribute(attr="text") if _root(node) not in foreign:
                continue
            case ast.Attribute(attr=name) if name in SQL | EXECUTING:
                yield f"{name} by another name"


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _started(call: ast.Call) -> Iterator[str]:
    """A shell, or a module that is named only as the program runs."""
    match call.func:
        case ast.Name(id="import_module") | ast.Attribute(attr="import_module"):
            named = call.args[0] if call.args else None
            if not isinstance(named, ast.Constant) or str(named.value).startswith(
                tuple(UNPICKLING)
            ):
                yield "import_module"
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg == "shell" and not (
            isinstance(value, ast.Constant) and value.value is False
        ):
            yield "shell"
        if keyword.arg == "is_literal":
            yield "a column that is SQL"


def _calls(node: ast.AST, safe: dict[str, bool]) -> Iterator[tuple[ast.Call, bool]]:
    """Every call, and whether it is made on what is known for SQLAlchemy's own connection."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        safe = safe | _bound(node)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            match child.func:
                case ast.Attribute(value=ast.Name(id=name)):
                    yield child, safe.get(name, False)
                case _:
                    yield child, False
        yield from _calls(child, safe)


def _bound(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> dict[str, bool]:
    """The names a function binds, and whether all that they are bound to is such a connection."""
    bound: dict[str, bool] = {}
    given = function.args
    for parameter in (*given.posonlyargs, *given.args, *given.kwonlyargs):
        annotation = parameter.annotation
        bound[parameter.arg] = annotation is not None and ast.unparse(annotation) == "sa.Connection"
    known = set()
    for node in ast.walk(function):
        match node:
            case ast.withitem(
                context_expr=ast.Call(func=ast.Attribute(attr="read" | "write")),
                optional_vars=ast.Name() as name,
            ):
                known.add(name)
            case ast.Assign(targets=[ast.Name() as name], value=ast.Call(func=called)) if (
                ast.unparse(called) == "op.get_bind"
            ):
                known.add(name)
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound[node.id] = bound.get(node.id, True) and node in known
    return bound


def _queries(call: ast.Call, ours: set[str], is_safe: bool) -> Iterator[ast.expr]:
    """What the call takes as SQL."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=owner), attr="text") if owner in ours:
            return
        case ast.Attribute(attr="create_check_constraint"):
            yield from call.args[1:]
        case ast.Attribute(attr=name) if name in SQL or (name in EXECUTING and not is_safe):
            yield from call.args[:1]
        case ast.Name(id=name) if name in SQL - {"text", "op"}:
            yield from call.args[:1]
        case _:
            return
    yield from (each.value for each in call.keywords if each.arg is None or each.arg in STATEMENTS)


def _constants(tree: ast.Module) -> set[str]:
    """UPPERCASE names that are imported, or bound once, by the module itself, to a constant."""
    names = {
        name for module, name in _origins(tree) if name.isupper() and module.startswith("watcher")
    }
    bound = Counter(
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if name.isupper() and bound[name] == 1 and _is_constant(value, names):
            names.add(name)
    return names


def _is_constant(query: ast.expr, constants: set[str]) -> bool:
    match query:
        case ast.Name(id=name):
            return name in constants
        case ast.JoinedStr(values=parts):
            return all(_is_constant(part, constants) for part in parts)
        case ast.FormattedValue(value=value, format_spec=None):
            return _is_constant(value, constants)
        case ast.IfExp(body=one, orelse=other):
            return _is_constant(one, constants) and _is_constant(other, constants)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="sa"), attr="text")):
            return True  # looked at by itself
    return isinstance(query, ast.Constant)
