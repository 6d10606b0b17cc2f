"""`@compiled`: numba functions that keep their types, and that call each other at little cost."""

from collections.abc import Callable, Sequence
from enum import Enum
from types import FunctionType
from typing import TypeVar, cast

import numba
from numba.core import types
from numba.core.compiler import CompilerBase

from cluster_sim.compiling.code_cache import in_model_cache
from cluster_sim.compiling.lowering import ForCallers, ForPython, ForPythonAtO1

Function = TypeVar("Function", bound=Callable[..., object])
types_of_enums: dict[type[Enum], types.Type] = {}
"""The numba type of each enumeration, which numba itself works out anew, member by member, at every call."""


def inlined(function: Function) -> Function:
    """Compile as `compiled` does, into each caller: for what is short and called at every step."""
    return compiled(function, forceinline=True)


def compiled_at_o1(function: Function) -> Function:
    """Compile as `compiled` does, but at LLVM's -O1 what Python calls: for what it calls a few times a run only."""
    return compiled(function, from_python=ForPythonAtO1)


def compiled(function: Function, *, forceinline: bool = False, from_python: type[CompilerBase] = ForPython) -> Function:
    """Compile to machine code without the interpreter, kept on disk.

    `_nrt=False` leaves out reference counts of arrays: the caller holds all state for as long as the call lasts, no
    compiled function makes an array, and the loop runs about ten times as fast.
    """
    options = {
        "error_model": "numpy",
        "boundscheck": False,
        "_nrt": False,
        "pipeline_class": from_python,
    }
    if forceinline:
        options["forceinline"] = True
    dispatcher = numba.njit(**options)(function)  # type: ignore[call-overload]  # _nrt is not in its types
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": ForCallers}
    called = numba.njit(**options)(under_another_name(function))  # type: ignore[call-overload]
    find_template = called.get_call_template

    def get_call_template(args: Sequence[types.Type], kws: dict[str, types.Type]) -> object:
        return find_template([widened(arg) for arg in args], {name: widened(arg) for name, arg in kws.items()})

    find_type = dispatcher.typeof_pyval

    def typeof_pyval(value: object) -> types.Type:
        kind = type(value)
        if not issubclass(kind, Enum):
            return widened(find_type(value))
        if kind not in types_of_enums:
            types_of_enums[kind] = widened(find_type(value))
        return types_of_enums[kind]

    dispatcher.typeof_pyval = typeof_pyval
    dispatcher.get_call_template = get_call_template
    dispatcher.get_overload = called.get_overload
    return cast("Function", in_model_cache(dispatcher))


def compiled_as_numba_does(function: Function) -> Function:
    """Compile as `numba.njit` does, kept on disk as all of ours is; without Python's lock when it runs."""
    return cast("Function", in_model_cache(numba.njit(nogil=True)(function)))


def under_another_name(function: Callable[..., object]) -> FunctionType:
    """The same function for calls from compiled code, which need no way in from Python: that takes half the compiling.

    Its name keeps the two apart in the cache.
    """
    assert isinstance(function, FunctionType)
    other = FunctionType(function.__code__, function.__globals__, function.__name__)
    other.__qualname__ = f"{function.__qualname__}.called"
    other.__module__ = function.__module__
    return other


def widened(argument: types.Type) -> types.Type:
    """The one type that all whole numbers are passed as, members of enums too.

    numba compiles a function anew for each constant and for each enum else.
    """
    plain = types.unliteral(argument)  # type: ignore[no-untyped-call]  # numba has no types
    return types.int64 if isinstance(plain, types.Integer | types.IntEnumMember) else plain
