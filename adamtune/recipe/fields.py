"""Finding one's way in the schema: which field stands at a key path, and which keys a section has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from adamtune.recipe.paths import KeyPath

Schema = type[BaseModel]


def section_of(annotation: Any) -> Schema | None:
    """The section that a field holds, or None where it holds a plain value."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def section_at(schema: Schema, path: KeyPath) -> Schema | None:
    """The section that stands at a key path, or None where there is none."""
    section: Schema | None = schema
    for key in path:
        field = section.model_fields.get(str(key)) if section is not None else None
        section = section_of(field.annotation) if field is not None else None
    return section


def field_at(schema: Schema, path: KeyPath) -> FieldInfo | None:
    """The field at a key path; the list's own field where the path ends in a position within a list."""
    keys = [key for key in path if isinstance(key, str)]
    section = section_at(schema, tuple(keys[:-1]))
    return section.model_fields.get(keys[-1]) if section is not None and keys else None


def all_keys(schema: Schema, prefix: str = "") -> Iterator[str]:
    """The dotted path of every field, sections before what stands in them."""
    for name, field in schema.model_fields.items():
        yield f"{prefix}{name}"
        section = section_of(field.annotation)
        if section is not None:
            yield from all_keys(section, f"{prefix}{name}.")


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The words of which a field takes one, or nothing where it takes other values too."""
    return tuple(map(str, get_args(field.annotation))) if get_origin(field.annotation) is Literal else ()


def example(field: FieldInfo | None) -> str | None:
    """A good value of a field as one writes it in YAML, or None where no one value is good."""
    return str(field.examples[0]) if field is not None and field.examples else None
