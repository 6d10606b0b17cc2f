"""How functions that compiled code alone calls are compiled: to code that is linked into their callers, and no further.

numba by itself optimises each function with all that it calls, and makes machine code of each, which for a deep tree of
calls is most of the time that compiling takes (docs/decisions/0020). Only what Python calls needs machine code.
"""

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, StateDict
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.typed_passes import NativeLowering


class LinkedLibrary(JITCodeLibrary):
    """Code that is linked into that of its callers, optimised there, and never made into machine code by itself."""

    def _optimize_final_module(self) -> None:
        """Leave it as it is."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerForCallers(NativeLowering):
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


class ForCallers(CompilerBase):
    """Compiles what compiled code alone calls."""

    def define_pipelines(self) -> list[PassManager]:
        """The usual passes, and another lowering."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (LowerForCallers, text) if each is NativeLowering else (each, text) for each, text in passes.passes
        ]
        passes.finalize()
        return [passes]
