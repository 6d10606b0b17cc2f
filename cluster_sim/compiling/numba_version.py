"""Which numba is allowed: the versions that this room was tested with, and all of their private parts that it uses.

Another numba fails at once, with the reason. To go on with its plain `njit` would give the same results, but it would
compile for minutes, run several times slower, and be a way that nobody tests. A next version needs a run of the tests,
and another number here and in pyproject.toml.
"""

import pkgutil
from collections.abc import Sequence

import numba

TESTED = "0.68"
"""The first two numbers of the version."""

PRIVATE = (
    "llvmlite.ir:Aggregate",
    "llvmlite.ir:Constant",
    "llvmlite.ir:Undefined",
    "numba._dynfunc:make_function",
    "numba.core.caching:CompileResultCacheImpl._locator_classes",
    "numba.core.caching:FunctionCache._impl_class",
    "numba.core.caching:InTreeCacheLocator.get_suitable_cache_subpath",
    "numba.core.cgutils:alloca_once_value",
    "numba.core.cgutils:gep_inbounds",
    "numba.core.codegen:JITCodeLibrary._finalize_dynamic_globals",
    "numba.core.codegen:JITCodeLibrary._finalize_final_module",
    "numba.core.codegen:JITCodeLibrary._optimize_final_module",
    "numba.core.compiler:CompilerBase._compile_core",
    "numba.core.compiler:DefaultPassBuilder.define_nopython_pipeline",
    "numba.core.compiler:Flags.nrt",
    "numba.core.compiler:Flags.no_compile",
    "numba.core.compiler:StateDict",
    "numba.core.compiler_lock:global_compiler_lock.is_locked",
    "numba.core.compiler_machinery:PassManager.finalize",
    "numba.core.compiler_machinery:register_pass",
    "numba.core.config:BOUNDSCHECK",
    "numba.core.config:OPT",
    "numba.core.dispatcher:Dispatcher.get_call_template",
    "numba.core.dispatcher:Dispatcher.get_overload",
    "numba.core.targetconfig:TargetConfig.values",
    "numba.core.typed_passes:NativeLowering.run_pass",
    "numba.core.types:Type",
    "numba.core.types:unliteral",
    "numba.core.typing.templates:AttributeTemplate.generic_resolve",
    "numba.np.arrayobj:fix_integer_index",
)


def check_numba(version: str = numba.__version__, private: Sequence[str] = PRIVATE) -> None:
    """ImportError unless numba is of a tested version and has all private parts that are used."""
    if ".".join(version.split(".")[:2]) != TESTED:
        raise refused(version)
    missing = [name for name in private if not is_there(name)]
    if missing:
        raise refused(f"{version} without {', '.join(name.replace(':', '.') for name in missing)}")


def is_there(name: str) -> bool:
    """Whether there is a thing of that name, `module:attribute`."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def refused(found: str) -> ImportError:
    """What was found, what is allowed and the way out."""
    return ImportError(
        f"numba: found {found}, allowed: {TESTED}, whose private parts compile the model; "
        f"python -m pip install --force-reinstall 'numba=={TESTED}.*'",
        name="numba",
    )
