"""What all definitions have in common."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A frozen definition that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, serialize_by_alias=True)
