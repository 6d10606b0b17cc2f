"""How functions that compiled code alone calls are compiled: to code that is linked into their callers, and no further.

Their indices never count from an array's end; numba asks that of each, in a fifth of the loop's time.

numba by itself optimises each function with all that it calls, and makes machine code of each, which for a deep tree of
calls is most of the time that compiling takes (docs/decisions/0020). Only what Python calls needs machine code.

Three things of numba's are exchanged while one of our functions is compiled, and put back after it. They are the
process's, so whoever compiles at the same time would meet them: nobody does, since numba's compiler lock is held.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, ClassVar

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import config, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, StateDict
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.targetconfig import TargetConfig
from numba.core.typed_passes import NativeLowering
from numba.np import arrayobj


class LinkedLibrary(JITCodeLibrary):
    """Code that is linked into that of its callers, optimised there, and never made into machine code by itself."""

    def _optimize_final_module(self) -> None:
        """Leave it as it is."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@contextmanager
def exchanged(owner: object, name: str, ours: object) -> Iterator[None]:
    """Exchange something of numba's, in the whole process, while this thread holds the compiler lock."""
    assert global_compiler_lock.is_locked(), "another thread could compile with what is meant for our functions"
    numbas_own = getattr(owner, name)
    setattr(owner, name, ours)
    try:
        yield
    finally:
        setattr(owner, name, numbas_own)


def plain_indices() -> AbstractContextManager[None]:
    """Lower indices as they are: numba would else ask of each whether it counts from the end, which ours never do.

    With NUMBA_BOUNDSCHECK=1 one that does is an IndexError, as one past the end is.
    """
    return exchanged(arrayobj, "fix_integer_index", as_it_is)


def as_it_is(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """An index as an address needs it; `size` would be added to a negative one."""
    del size
    return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)


def values_of(flags: TargetConfig) -> dict[str, object]:
    """All options of a compilation with their values, as numba's own does, which asks for each default anew."""
    return {**defaults_of(type(flags)), **flags._values}  # noqa: SLF001


@cache
def defaults_of(kind: type[TargetConfig]) -> dict[str, object]:
    """The defaults of all options."""
    return {name: option.default for name, option in kind.options.items()}


def quick_comparisons() -> AbstractContextManager[None]:
    """Compare options of compilations quickly, as each look-up of a function does (1 to 13 % of the compiling)."""
    return exchanged(TargetConfig, "values", values_of)


def effort(level: int) -> AbstractContextManager[None]:
    """Let LLVM optimise at a level (`-O1` to `-O3`); numba's 3 takes longer than 2 and made nothing of ours faster."""
    usual = config.OPT  # type: ignore[attr-defined]  # made at import, by numba
    return exchanged(config, "OPT", type(usual)(level))


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerForPython(NativeLowering):
    """The lowering of a function that Python calls."""

    _name = "lower_for_python"
    level: ClassVar[int] = 2

    def run_pass(self, state: StateDict) -> bool:
        """Lower it."""
        with plain_indices(), effort(self.level):
            return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerForPythonAtO1(LowerForPython):
    """The lowering of a function that Python calls now and then."""

    _name = "lower_for_python_at_o1"
    level = 1


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerForCallers(LowerForPython):
    """The lowering of a function that compiled code alone calls."""

    _name = "lower_for_callers"

    def run_pass(self, state: StateDict) -> bool:
        """Lower it, and let callers find it."""
        state.library = LinkedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        desc = lowered.fndesc
        key = _dynfunc.make_function(desc.lookup_module(), desc.qualname, "", 0, lowered.env, (state.library,))
        state.targetctx.insert_user_function(key, desc, [state.library])
        state["cr"] = lowered._replace(cfunc=key)
        return True


class ForPython(CompilerBase):
    """Compiles what Python calls."""

    lowering: ClassVar[type[NativeLowering]] = LowerForPython

    def define_pipelines(self) -> list[PassManager]:
        """The usual passes, and another lowering."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (self.lowering, text) if each is NativeLowering else (each, text) for each, text in passes.passes
        ]
        passes.finalize()
        return [passes]

    def _compile_core(self) -> Any:
        with quick_comparisons():
            return super()._compile_core()


class ForPythonAtO1(ForPython):
    """Compiles what Python calls now and then, while compiled code calls it all the time."""

    lowering = LowerForPythonAtO1


class ForCallers(ForPython):
    """Compiles what compiled code alone calls."""

    lowering = LowerForCallers
