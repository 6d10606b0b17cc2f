"""What is wrong with a definition, in plain words: where, what was found, what is allowed."""

import difflib
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from cluster_sim.refusal import InputError, Refusal

WRONG_KEY = "[key]"
"""What pydantic puts behind a key that is wrong by itself."""
Data = dict[str, JsonValue]
DataPath = tuple[str | int, ...]
"""Keys and indexes from the top of a definition down to one of its values."""


@dataclass(frozen=True)
class Contradiction:
    """A value that cannot be; `involves` names the other fields that the judgement rests on."""

    field: str
    found: str
    allowed: str
    involves: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A contradiction with where it stands in a file."""

    file: str
    line: int | None
    field: str
    found: str
    allowed: str

    @property
    def refusal(self) -> Refusal:
        """The same with its position in words, as compilers print theirs."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return Refusal(f"{where}: {self.field}" if self.field else where, self.found, self.allowed)

    def __str__(self) -> str:
        """Return one line of text."""
        return str(self.refusal)


class DefinitionError(InputError):
    """All that is wrong with one definition, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first, *also = [problem.refusal for problem in self.problems]
        super().__init__(first.where, first.found, first.allowed, also=also)
        self.args = (self.problems,)


@dataclass(frozen=True)
class Fault:
    """One error of the typed models, placed in the data; `example` is a value that would do."""

    path: DataPath
    found: str
    allowed: str
    is_unknown_key: bool = False
    example: object = None


def refused(found: object, allowed: str) -> PydanticCustomError:
    """Return the error that a field's own validator raises."""
    return PydanticCustomError("refused", "{found}: {allowed}", {"found": shown(found), "allowed": allowed})


def shown(value: object) -> str:
    """Return a value as a reader of the file would name it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return repr(value if len(value) <= 60 else value[:57] + "…")
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return str(value)[:60]


def choice(names: Sequence[str], *, near: str = "") -> str:
    """Return names as a phrase, led by the one that `near` may have meant."""
    meant = difflib.get_close_matches(near, names, n=1, cutoff=0.6) if near else []
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}" if names else "none"
    return f"{listed} (did you mean {meant[0]}?)" if meant else listed


def _step(here: JsonValue, dotted: str) -> tuple[str | int, str] | None:
    """Take the first step of a dotted path: the longest key that fits, or an item by its name or index."""
    if isinstance(here, dict):
        keys = [key for key in here if dotted == key or dotted.startswith(f"{key}.")]
        key = max(keys, key=len, default=None)
        return None if key is None else (key, dotted[len(key) + 1 :])
    if isinstance(here, list):
        first, _, rest = dotted.partition(".")
        named = [i for i, item in enumerate(here) if isinstance(item, dict) and item.get("name") == first]
        is_index = first.isdecimal() and first.isascii() and len(first) < 9 and int(first) < len(here)
        if named or is_index:
            return (named[0] if named else int(first)), rest
    return None


def inside(here: JsonValue, step: str | int) -> JsonValue:
    """Return the value of a key, or the item of an index."""
    if isinstance(here, dict):
        return here[str(step)]
    assert isinstance(here, list)
    return here[int(step)]


def is_in(here: JsonValue, step: str | int) -> bool:
    """Whether there is such a key or item."""
    return step in here if isinstance(here, dict) else isinstance(here, list) and step in range(len(here))


def locate(data: Data, dotted: str) -> tuple[DataPath, JsonValue, str]:
    """Return the deepest value on a dotted path: its path, itself, and what leads nowhere."""
    path: DataPath = ()
    here: JsonValue = data
    rest = dotted
    while rest and (step := _step(here, rest)) is not None:
        path, here, rest = (*path, step[0]), inside(here, step[0]), step[1]
    return path, here, rest


def whole_path(data: Data, dotted: str) -> DataPath:
    """Return a dotted path step by step, through what is there and on into what is not."""
    path, _, rest = locate(data, dotted)
    return (*path, *rest.split(".")) if rest else path


def dotted(data: Data, path: DataPath) -> str:
    """Return a path as text, with items called by their names where a name is theirs alone."""
    here: JsonValue = data
    words = list[str]()
    for step in path:
        name = _own_name(here, step)
        here = inside(here, step) if is_in(here, step) else None
        words.append(name or str(step) or "''")
    return ".".join(words)


def _own_name(items: JsonValue, index: str | int) -> str | None:
    """Return the name of a list's item, if no other item has it and a path can hold it."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items] if isinstance(items, list) else []
    name = names[index] if isinstance(index, int) and index < len(names) else None
    is_own = isinstance(name, str) and names.count(name) == 1 and "." not in name
    return name if isinstance(name, str) and is_own else None


def faults_of(model: type[BaseModel], error: ValidationError) -> list[Fault]:
    """Return pydantic's errors as faults, without those that only follow from others.

    A list is called short because its items are wrong, a default is missing because what it rests on is.
    """
    return [_fault(model, each) for each in error.errors(include_url=False) if not _follows(each)]


def _follows(error: ErrorDetails) -> bool:
    if error["type"] == "too_short":
        return bool(len(error["input"]) >= error["ctx"]["min_length"])
    if _is_word(error["loc"][-1:]):
        return isinstance(error["input"], dict)  # the union's mapping is what was meant
    return error["type"] == "default_factory_not_called"


def _is_word(steps: tuple[int | str, ...]) -> bool:
    """Whether a walk ends in a union's member that is a word, as pydantic names it: `literal['forever']`."""
    return str(*steps).startswith("literal[")


def _fault(model: type[BaseModel], error: ErrorDetails) -> Fault:
    """Return one pydantic error in our words, its path cleaned of union tags."""
    cursor = _Cursor(model, model, model)
    steps = error["loc"]
    for step in steps[:-1] if steps[-1:] == (WRONG_KEY,) else steps:
        cursor.step(step)
    path, example = cursor.path, cursor.example
    found, context = shown(error["input"]), error.get("ctx", {})
    match error["type"]:
        case "refused":
            return Fault(path, str(context["found"]), str(context["allowed"]), example=example)
        case "extra_forbidden":
            known = choice(list(_fields(cursor.owner)), near=str(path[-1]))
            return Fault(path, "an unknown key", known, is_unknown_key=True)
        case "missing":
            return Fault(path, "nothing", _such_as(example), example=example)
        case "union_tag_invalid":
            words = _listed(str(context["expected_tags"]), near=str(context["tag"]))
            return Fault((*path, "kind"), shown(context["tag"]), words)
        case "union_tag_not_found":
            return Fault((*path, "kind"), "nothing", choice(list(_by_kind(cursor.annotation))))
        case "model_attributes_type":
            kinds = choice(list(_by_kind(cursor.annotation)))
            return Fault(path, found, f"a mapping with a kind: {kinds}", example=example)
        case _:
            return Fault(path, found, _allowed(error), example=example)


def _allowed(error: ErrorDetails) -> str:
    """Return what a field of this error's type would take."""
    context = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            return _listed(str(context["expected"]), near=str(error["input"]))
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case "less_than_equal":
            return f"{context['le']} or less"
        case "too_short":
            return f"a list of {context['min_length']} or more"
        case "too_long":
            return f"a list of {context['max_length']} or fewer"
        case "string_too_short":
            return "a text that is not empty"
        case "string_pattern_mismatch":
            return f"a text that matches {context['pattern']}"
        case "int_type":
            return "a whole number"
        case "bool_type" | "bool_parsing":
            return "true or false"
        case "string_type":
            return "a text, in quotes where YAML would read something else"
        case "tuple_type":
            return "a list"
        case "dict_type" | "model_type":
            return "a mapping of keys to values"
        case _:
            return error["msg"][0].lower() + error["msg"][1:]


def _listed(quoted: str, *, near: str) -> str:
    """Turn pydantic's `'a', 'b' or 'c'` into a choice."""
    return choice(quoted.replace(" or ", ", ").replace("'", "").split(", "), near=near)


def _such_as(example: object) -> str:
    """Return what a required field takes, after its example."""
    match example:
        case None | list():
            return "a value, it is required"
        case dict():
            return f"a mapping, it is required, with {', '.join(example)}"
        case _:
            return f"a value, it is required, such as {example}"


@dataclass
class _Cursor:
    """Where a walk through the models stands: the last field, the model that declares it, what it holds."""

    model: type[BaseModel]
    annotation: object
    owner: type[BaseModel]
    field: str = ""
    path: DataPath = ()

    def step(self, step: str | int) -> None:
        """Go into a field, an item or an entry; a union's tag goes nowhere but chooses the member."""
        kinds = _by_kind(self.annotation)
        if len(kinds) > 1 and step in kinds:
            self.annotation = self.model = kinds[str(step)]
            return
        members = {model.__name__: model for model in _models(self.annotation)}
        if len(_parts(self.annotation)) > 1 and (step in members or _is_word((step,))):
            self.model = members.get(str(step), self.model)
            return
        self.path = (*self.path, step)
        if isinstance(step, str):
            self.owner, self.field = self.model, step
        self.annotation = _below(self.annotation, step)
        models = _models(self.annotation)
        self.model = models[0] if models else self.model

    @property
    def example(self) -> object:
        """The declared example of this field, or of one item when the walk ended in a list."""
        field = _fields(self.owner).get(self.field)
        if field is None or not field.examples:
            return None
        example: object = field.examples[0]
        in_list = bool(self.path) and isinstance(self.path[-1], int)
        return example[0] if in_list and isinstance(example, list) else example


def _below(annotation: object, step: str | int) -> object:
    """Return the annotation of one field, item or entry."""
    for model in _models(annotation):
        field = _fields(model).get(str(step))
        if field is not None:
            return field.annotation
    for part in _parts(annotation):
        if get_origin(part) in {tuple, dict}:
            return get_args(part)[1 if get_origin(part) is dict else 0]
    return None


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields under the names that a file gives them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _parts(annotation: object) -> list[object]:
    """Return the members of a union, or the thing itself, without `Annotated`."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [part for member in get_args(annotation) for part in _parts(member)]
    return [annotation]


def _models(annotation: object) -> list[type[BaseModel]]:
    return [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]


def _by_kind(annotation: object) -> dict[str, type[BaseModel]]:
    """Return the members of a union by the tag that each declares as its `kind`."""
    models = [model for model in _models(annotation) if "kind" in model.model_fields]
    return {str(get_args(model.model_fields["kind"].annotation)[0]): model for model in models}
