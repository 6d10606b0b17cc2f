"""`@by_reference`: tuples of arrays that compiled functions take as one pointer.

numba passes a NamedTuple by value, seven words an array, so that each call inside the loop would push hundreds of
words. Such a tuple is unpacked once, where Python calls in, and compiled functions hand each other its address: the
loop runs three times as fast (docs/decisions/0011).
"""

from typing import Any, TypeVar

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

Class = TypeVar("Class", bound=type[tuple[Any, ...]])


class Reference(types.Type):
    """The address of the tuple `whole`, which lives as long as the call from Python."""

    def __init__(self, whole: Any) -> None:
        self.whole = whole
        super().__init__(name=f"Reference({whole.name})")


@register_model(Reference)
class _Pointer(models.PrimitiveModel):
    def __init__(self, manager: Any, reference: Reference) -> None:
        super().__init__(manager, reference, manager.lookup(reference.whole).get_value_type().as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Reference, name: str) -> Any:  # type: ignore[override]  # declared as none
        if name not in reference.whole.fields:
            return None
        return reference.whole.types[reference.whole.fields.index(name)]


@lower_getattr_generic(Reference)
def _load_field(_: Any, builder: Any, reference: Reference, pointer: Any, name: str) -> Any:
    field = cgutils.gep_inbounds(builder, pointer, 0, reference.whole.fields.index(name))
    return _load_for_good(builder, field)


def _load_for_good(builder: Any, pointer: Any) -> Any:
    """Load, word by word, what stays as it is for as long as the call from Python lasts.

    Each load says so: LLVM must else take every number that is stored for one that may have changed an array's address.
    """
    kind = pointer.type.pointee
    if not isinstance(kind, ir.Aggregate):
        word = builder.load(pointer)
        word.set_metadata("invariant.load", builder.module.add_metadata([]))
        return word
    whole = ir.Constant(kind, ir.Undefined)
    for number in range(len(kind)):
        part = _load_for_good(builder, cgutils.gep_inbounds(builder, pointer, 0, number))
        whole = builder.insert_value(whole, part, number)
    return whole


@unbox(Reference)
def _unbox(reference: Reference, python: Any, call: Any) -> NativeValue:
    """Unpack the tuple in the frame of the way in from Python, and point to it there."""
    whole = call.unbox(reference.whole, python)
    pointer = cgutils.alloca_once_value(call.builder, whole.value)
    return NativeValue(pointer, is_error=whole.is_error, cleanup=whole.cleanup)


def by_reference(class_: Class) -> Class:
    """Let compiled functions take tuples of this class as one pointer."""
    whole_of = typeof_impl.dispatch(tuple)

    @typeof_impl.register(class_)
    def _(value: tuple[Any, ...], context: Any) -> Reference | None:
        whole = whole_of(value, context)
        return None if whole is None else Reference(whole)

    return class_
