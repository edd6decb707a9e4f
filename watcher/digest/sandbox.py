"""What templates of an operator's own run in: they reach nothing, and end in time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from typing_extensions import override

SECONDS = 5.0
"""How long a template may take; the built-in ones take milliseconds."""

_LONGEST = 1_000_000
"""Characters, or elements, that a template may make by multiplying."""

_TICKING = "ticking"


class Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's own, in which every loop and every call looks at the time."""

    intercepted_binops = frozenset("*")
    _ends = float("inf")

    def begin(self) -> None:
        """Let the time run from now on."""
        self.filters[_TICKING] = self._ticking
        self._ends = time.monotonic() + SECONDS

    @override
    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        self._tick()
        return super().call(context, obj, *args, **kwargs)

    @override
    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        for number, repeated in ((left, right), (right, left)):
            is_repeated = isinstance(number, int) and isinstance(repeated, (str, list, tuple))
            if is_repeated and number * len(repeated) > _LONGEST:
                raise jinja2.TemplateRuntimeError("it makes something too long")
        return super().call_binop(context, operator, left, right)

    @override
    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _TICKING, [], [], None, None, lineno=loop.lineno)
        return tree

    def _ticking(self, values: Iterable[object]) -> Iterator[object]:
        for value in values:
            self._tick()
            yield value

    def _tick(self) -> None:
        if time.monotonic() > self._ends:
            raise jinja2.TemplateRuntimeError(f"it takes more than {SECONDS:g} s")
