"""How values are written: sizes, durations and rates (`64MiB`, `33ms`, `25GB/s`), counts, axis labels."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import isnan
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, JsonValue, PlainSerializer
from pydantic import WithJsonSchema as Schema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.scenario.problems import refused

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30
LABEL_PATTERN: Final = r"^[A-Za-z0-9_-]+$"
LARGEST: Final = 2**63 - 1
LONGEST_NS: Final = 10**15
"""Eleven days: instants, deadlines and what is drawn around them stay far below 2⁶³ ns."""
MOST: Final = 2**31 - 1
MOST_RATE: Final = 10**9
"""One each nanosecond."""
_WRITTEN: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z/]+)", re.ASCII)
_BYTE_UNITS: Final = {
    "B": 1,
    "KiB": KIB,
    "MiB": MIB,
    "GiB": GIB,
    "TiB": 1 << 40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}
_BIT_UNITS: Final = {"b": 1, "kb": 10**3, "Mb": 10**6, "Gb": 10**9}


@dataclass(frozen=True)
class Quantity:
    """A kind of amount: what its whole number counts, its units, and how examples of it look."""

    noun: str
    counted: str
    units: Mapping[str, Fraction]
    examples: tuple[str, ...]
    largest: int = LARGEST

    def parse(self, written: object) -> int:
        """Return the amount as a whole number; ValueError says what is wrong and what is allowed."""
        if written == "0" or (type(written) is int and written == 0):
            return 0
        if isinstance(written, int | float) and not isinstance(written, bool):
            raise refused(written, f"a number with its unit, for example {self.examples[0]}")
        match = _WRITTEN.fullmatch(written.strip()) if isinstance(written, str) else None
        if match is None:
            raise refused(written, f"a {self.noun} such as {' or '.join(self.examples)}")
        return self._whole(match[0], match[1], match[2])

    def _whole(self, written: str, number: str, unit: str) -> int:
        if unit not in self.units:
            raise refused(written, f"a {self.noun} in {', '.join(self.units)}, such as {self.examples[0]}")
        amount = Fraction(Decimal(number)) * self.units[unit]
        if amount.denominator != 1:
            raise refused(written, f"a {self.noun} that is a whole number of {self.counted}")
        if amount > self.largest:
            raise refused(written, f"a {self.noun} of at most {self.largest} {self.counted}")
        return int(amount)

    def parse_or(self, word: str) -> Callable[[object], int | str]:
        """Return a reader of the amount that leaves one word, such as `auto`, as it is."""
        return lambda written: word if written == word else self.parse(written)

    def schema(self, word: str = "") -> JsonSchemaValue:
        """Return the JSON Schema of the written form: a text with a unit, a bare zero, or the word."""
        units = "|".join(self.units)
        pattern = rf"[0-9]+(\.[0-9]+)? ?({units})|0" + (f"|{word}" if word else "")
        examples = [*self.examples, word] if word else list(self.examples)
        return {
            "type": ["string", "integer"],
            "pattern": f"^({pattern})$",
            "minimum": 0,
            "maximum": 0,
            "examples": examples,
        }


SIZE: Final = Quantity(
    "size", "bytes", {unit: Fraction(factor) for unit, factor in _BYTE_UNITS.items()}, ("4GiB", "64MiB")
)
DURATION: Final = Quantity(
    "duration",
    "nanoseconds",
    {unit: Fraction(ns) for unit, ns in [("ns", 1), ("us", 10**3), ("ms", 10**6), ("s", 10**9), ("min", 60 * 10**9)]},
    ("33ms", "10s"),
    LONGEST_NS,
)
RATE: Final = Quantity(
    "rate",
    "bytes a second",
    {f"{unit}/s": Fraction(factor) for unit, factor in _BYTE_UNITS.items()}
    | {f"{unit}/s": Fraction(bits, 8) for unit, bits in _BIT_UNITS.items()},
    ("25GB/s", "10Gb/s"),
)


def format_bytes(size_bytes: int) -> str:
    """Return a size in the largest binary unit that leaves it whole: `64MiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size_bytes and size_bytes % _BYTE_UNITS[unit] == 0:
            return f"{size_bytes // _BYTE_UNITS[unit]}{unit}"
    return f"{size_bytes}B"


def format_duration(duration_ns: int) -> str:
    """Return a duration in the largest of s, ms, us, ns that is not above it, exactly: `16.666667ms`."""
    for unit, ns in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if duration_ns >= ns:
            whole, rest = divmod(duration_ns, ns)
            decimals = str(rest).zfill(len(str(ns)) - 1).rstrip("0")
            return f"{whole}.{decimals}{unit}" if decimals else f"{whole}{unit}"
    return f"{duration_ns}ns"


def format_rate(bytes_per_second: int) -> str:
    """Return a rate in the largest decimal unit that leaves it whole: `25GB/s`."""
    for unit in ("GB", "MB", "kB"):
        if bytes_per_second and bytes_per_second % _BYTE_UNITS[unit] == 0:
            return f"{bytes_per_second // _BYTE_UNITS[unit]}{unit}/s"
    return f"{bytes_per_second}B/s"


@dataclass(frozen=True)
class Written:
    """Marks a field whose JSON Schema is that of a written quantity."""

    quantity: Quantity
    word: str = ""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the quantity's schema in place of the integer's."""
        del schema, handler
        return self.quantity.schema(self.word)


def _bytes_or_auto(size: int | Literal["auto"]) -> str:
    return "auto" if size == "auto" else format_bytes(size)


Bytes = Annotated[
    int,
    Written(SIZE),
    BeforeValidator(SIZE.parse),
    PlainSerializer(format_bytes, return_type=str, when_used="json"),
]
BytesOrAuto = Annotated[
    int | Literal["auto"],
    Written(SIZE, "auto"),
    BeforeValidator(SIZE.parse_or("auto")),
    PlainSerializer(_bytes_or_auto, return_type=str, when_used="json"),
]
DurationNs = Annotated[
    int,
    Written(DURATION),
    BeforeValidator(DURATION.parse),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]
DurationOrForever = Annotated[
    int | Literal["forever"],
    Written(DURATION, "forever"),
    BeforeValidator(DURATION.parse_or("forever")),
    PlainSerializer(
        lambda span: span if span == "forever" else format_duration(span), return_type=str, when_used="json"
    ),
]
BytesPerSecond = Annotated[
    int,
    Written(RATE),
    BeforeValidator(RATE.parse),
    PlainSerializer(format_rate, return_type=str, when_used="json"),
]


BytesPerSecondOrAuto = Annotated[
    int | Literal["auto"],
    Written(RATE, "auto"),
    BeforeValidator(RATE.parse_or("auto")),
    PlainSerializer(lambda rate: rate if rate == "auto" else format_rate(rate), return_type=str, when_used="json"),
]


def _frame_rate(written: object) -> Fraction:
    """Read `60` or `30000/1001` frames a second."""
    is_fraction = isinstance(written, str) and re.fullmatch(r"[0-9]{1,9}(/0*[1-9][0-9]{0,8})?", written)
    if type(written) is int or isinstance(written, Fraction) or is_fraction:
        rate = Fraction(str(written))
        if 1 <= rate <= 1000 and rate.numerator * rate.denominator <= MOST_RATE:
            return rate
    raise refused(written, "1 to 1000 frames a second, whole or as a fraction such as 30000/1001")


def _price(value: object) -> float:
    """Read a number, `.inf` included, not below zero."""
    if value == "inf":
        return float("inf")
    if isinstance(value, int | float) and not isinstance(value, bool) and not isnan(value) and value >= 0:
        return float(value)
    raise refused(value, "a number of 0 or more, or .inf")


def _whole_pages(size: int) -> int:
    if size % PAGE_BYTES:
        above = format_bytes(size + PAGE_BYTES - size % PAGE_BYTES)
        raise refused(format_bytes(size), f"a multiple of 4KiB, the next one up is {above}")
    return size


def _page_of(*sizes: int) -> Callable[[int], int]:
    """Return a check that a size is one of the page sizes given."""
    names = [format_bytes(size) for size in sizes]
    allowed = f"{', '.join(names[:-1])} or {names[-1]}"

    def check(size: int) -> int:
        if size not in sizes:
            raise refused(format_bytes(size), allowed)
        return size

    return check


def _even(size: int) -> int:
    if size % 2:
        raise refused(size, f"an even number, the next one up is {size + 1}")
    return size


def _area_count(areas: object) -> object:
    if areas == "auto" or (type(areas) is int and areas > 0 and areas & (areas - 1) == 0):
        return areas
    raise refused(areas, "auto or a power of two (1, 2, 4 …)")


def _align_mask(mask: int) -> int:
    if mask & (mask + 1):
        raise refused(mask, "0, or a power of two less one such as 4095")
    return mask


def _scale(written: object) -> Fraction:
    """Read `2` or `3/2`, a factor by which sizes are multiplied."""
    is_fraction = isinstance(written, str) and re.fullmatch(r"[0-9]{1,6}(/0*[1-9][0-9]{0,5})?", written)
    if type(written) is int or isinstance(written, Fraction) or is_fraction:
        scale = Fraction(str(written))
        if Fraction(1, 1000) <= scale <= 1000:
            return scale
    raise refused(written, "1/1000 to 1000, whole or as a fraction such as 3/2")


def label_of(value: object) -> str:
    """Return the label of a plain axis value: its text, with `-` for what a label cannot hold."""
    if isinstance(value, dict | list):
        raise refused(value, "plain values in a list; give others a label each, label: value")
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)


def _labelled(values: object) -> object:
    """Turn a list of axis values into a mapping label → value, and check the labels."""
    if not isinstance(values, list | dict) or not values:
        raise refused(values, "a list of values, or a mapping label: value")
    pairs = list(values.items()) if isinstance(values, dict) else [(label_of(value), value) for value in values]
    labels = [str(label) for label, _ in pairs]
    for label in labels:
        if not re.fullmatch(LABEL_PATTERN, label):
            raise refused(label, "a label of letters, digits, _ and -")
        if labels.count(label) > 1:
            raise refused(f"{label} twice", "values whose labels differ")
    return dict(zip(labels, (value for _, value in pairs), strict=True))


def _labels(written: object) -> object:
    """Read one label, or a list of them."""
    if isinstance(written, dict) or written == []:
        raise refused(written, "a label of the axis, or a list of them")
    return tuple(label_of(label) for label in (written if isinstance(written, list | tuple) else [written]))


Count = Annotated[int, Field(strict=True, ge=1, le=MOST)]
RatePerSecond = Annotated[int, Field(strict=True, ge=1, le=MOST_RATE)]
PixelCount = Annotated[int, Field(strict=True, ge=16, le=16384), AfterValidator(_even)]
AreaCount = Annotated[
    int | Literal["auto"],
    BeforeValidator(_area_count),
    Schema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1}]}),
]
Granule = Annotated[Bytes, AfterValidator(_page_of(PAGE_BYTES, 2 * MIB, GIB))]
AlignMask = Annotated[int, Field(strict=True, ge=0, le=(256 << 10) - 1), AfterValidator(_align_mask)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
FolioBytes = Annotated[Bytes, AfterValidator(_page_of(PAGE_BYTES, 2 * MIB, GIB))]
PageBytes = Annotated[Bytes, AfterValidator(_whole_pages)]
FrameRate = Annotated[
    Fraction,
    BeforeValidator(_frame_rate),
    PlainSerializer(lambda fps: fps.numerator if fps.denominator == 1 else str(fps), when_used="json"),
    Schema({"type": ["integer", "string"], "minimum": 1, "maximum": 1000, "pattern": "^[0-9]+(/[0-9]+)?$"}),
]
Scale = Annotated[
    Fraction,
    BeforeValidator(_scale),
    PlainSerializer(lambda scale: scale.numerator if scale.denominator == 1 else str(scale), when_used="json"),
    Schema({"type": ["integer", "string"], "minimum": 1, "maximum": 1000, "pattern": "^[0-9]+(/[0-9]+)?$"}),
]
Price = Annotated[
    float,
    BeforeValidator(_price),
    PlainSerializer(lambda value: "inf" if value == float("inf") else value, when_used="json"),
    Schema({"type": ["number", "string"], "minimum": 0, "pattern": "^inf$"}),
]
Axis = Annotated[
    dict[str, JsonValue],
    BeforeValidator(_labelled),
    Schema(
        {
            "type": ["array", "object"],
            "minItems": 1,
            "minProperties": 1,
            "propertyNames": {"pattern": LABEL_PATTERN},
        }
    ),
]
Labels = Annotated[
    tuple[str, ...],
    BeforeValidator(_labels),
    Schema({"type": ["string", "number", "array"], "minItems": 1}),
]
Label = Annotated[str, BeforeValidator(label_of), Schema({"type": ["string", "number"]})]
