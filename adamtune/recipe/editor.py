"""What a recipe may say, as a JSON Schema: editors complete keys and mark mistakes with it while one types.

It is made of the same models that check a recipe when it is loaded, and its defaults of
`configs/baseline.yaml`, so it cannot say anything else. A recipe that loads always fits it. Some
faults only loading finds: what lies on the disk, values that clash, a whole number written as 3.0.

Source: JSON Schema, draft 2020-12.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from adamtune.recipe.layers import ALTERNATIVES, ONLY_BESIDE
from adamtune.recipe.load import default_values
from adamtune.recipe.optimizers import NAMES, OPTIMIZERS, PACKAGE
from adamtune.recipe.reading import read_yaml
from adamtune.recipe.schema import Model, Options, Recipe
from adamtune.recipe.targets import PATTERN

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
TITLE: Final = "adamtune recipe"
EDITOR_LINE: Final = "# yaml-language-server: $schema={}"
"""First line of a recipe by which the YAML extension of VS Code, and others that speak its protocol, find a schema."""

Json = dict[str, Any]
_SET: Final[Json] = {"not": {"type": "null"}}


def recipe_schema(kinds: Mapping[str, type[BaseModel]], sources: Collection[str]) -> Json:
    """The schema of a recipe file, as plain data.

    Args:
        kinds: Schema of each model family's own options, by `model.kind`.
        sources: Known names for `data.source`.
    """
    whole = _inlined(Recipe.model_json_schema())
    sections = whole["properties"]
    sections["model"] = _model(kinds)
    sections["data"]["properties"]["source"] |= {"enum": [*sorted(sources), None]}
    sections["data"]["properties"]["python"]["pattern"] = PATTERN
    _fill(sections, default_values())
    for name in ("training", "optimizer", "clip", "schedule", "reinforcement"):
        sections[name]["type"] = ["object", "null"]  # a section with every line commented out
    sections["optimizer"]["properties"]["name"] |= _optimizer_names()
    sections["optimizer"]["allOf"] = _read_settings()
    sections["data"]["allOf"] = [_exactly_one("data"), *_only_beside("data")]
    sections["training"]["allOf"] = [{"not": _all_set("epochs", "steps")}]
    return {
        "$schema": DRAFT,
        "title": TITLE,
        **whole,
        "required": ["name", "task", "data", "model"],
        "allOf": _together(kinds),
    }


def _inlined(schema: Json) -> Json:
    """A schema of pydantic's without references, generated titles and its own idea of what is required."""
    definitions = schema.pop("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            node = {**definitions[node["$ref"].rpartition("/")[2]], **{k: v for k, v in node.items() if k != "$ref"}}
        plain = {key: walk(value) for key, value in node.items() if key not in ("properties", "title", "required")}
        if "properties" in node:
            plain["properties"] = {name: walk(field) for name, field in node["properties"].items()}
        if "examples" in node:
            plain["examples"] = [_value(example) for example in node["examples"]]
        return plain

    return walk(schema)  # type: ignore[no-any-return]


def _value(example: Any) -> Any:
    """An example is written as one writes it in YAML."""
    return read_yaml(example, source="example").data if isinstance(example, str) else example


def _model(kinds: Mapping[str, type[BaseModel]]) -> Json:
    """One branch for each family, and one for a function of the user's."""
    base = _inlined(Model.model_json_schema())
    own = base["properties"]
    code = {**_closed({key: own[key] for key in ("python", "args")}), "required": ["python"], "title": "python"}
    code["properties"]["python"] |= {"pattern": PATTERN}
    branches = [_branch(kind, schema) for kind, schema in sorted(kinds.items())]
    examples = [{"kind": "mlp", "hidden": [128]}] if "mlp" in kinds else []
    return {"description": base["description"], "examples": examples, "oneOf": [*branches, code]}


def _branch(kind: str, schema: type[BaseModel]) -> Json:
    made = _inlined(schema.model_json_schema())
    fields = made.get("properties", {})
    _fill(fields, _defaults_of(schema))
    which = {"const": kind, "description": "a built-in model family"}
    branch = _closed({"kind": which, **fields})
    return {**branch, "title": kind, "description": made.get("description", ""), "required": ["kind"]}


def _defaults_of(schema: type[BaseModel]) -> Json:
    try:
        return schema.model_validate({}).model_dump()
    except ValidationError:  # an option without a default
        return {}


def _closed(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _fill(properties: Json, defaults: Mapping[str, Any]) -> None:
    """Puts each key's default beside its description."""
    for name, value in defaults.items():
        if isinstance(value, Mapping) and "properties" in properties.get(name, {}):
            _fill(properties[name]["properties"], value)
        elif name in properties:
            properties[name]["default"] = value


def _all_set(*keys: str) -> Json:
    return {"required": [*keys], "properties": dict.fromkeys(keys, _SET)}


def _exactly_one(section: str) -> Json:
    keys = next([str(path[1]) for path in group] for group in ALTERNATIVES if group[0][0] == section)
    return {"oneOf": [_all_set(key) for key in keys]}


def _only_beside(section: str) -> list[Json]:
    pairs = [(str(key[1]), str(beside[1])) for key, beside in ONLY_BESIDE.items() if key[0] == section]
    nothing: Json = {"not": {"enum": [None, [], {}, ""]}}
    return [{"if": {"required": [key], "properties": {key: nothing}}, "then": _all_set(other)} for key, other in pairs]


def _optimizer_names() -> Json:
    """The names to complete, and those of the package, of which no list is kept."""
    return {"anyOf": [{"enum": [*NAMES]}, {"type": "string", "pattern": f"^{PACKAGE}/"}]}


def _read_settings() -> list[Json]:
    """No optimizer beside settings that it does not read; without a name it is that of the defaults."""
    unread = {known.name: sorted(known.unread) for known in OPTIMIZERS}
    default = default_values()["optimizer"]["name"]
    rules = []
    for name, keys in unread.items():
        named: Json = {"properties": {"name": {"const": name}}}
        rules.append({"if": named if name == default else named | {"required": ["name"]}, "then": _none_of(keys)})
    return rules


def _none_of(keys: Collection[str]) -> Json:
    return {"properties": dict.fromkeys(keys, False)}


def _together(kinds: Mapping[str, type[BaseModel]]) -> list[Json]:
    """What the task and the sections must have in common."""
    played = {"properties": {"task": {"const": "reinforcement"}}}
    environment = {"properties": {"data": _all_set("environment")}}
    examples = {"properties": {"data": {"anyOf": [_all_set("source"), _all_set("file")]}}}
    rules: list[Json] = [
        {"if": environment, "then": played},
        {"if": examples, "then": {"not": {**played, "required": ["task"]}}},
    ]
    for kind, options in sorted(kinds.items()):
        if issubclass(options, Options) and options.unfit:
            used = {"properties": {"model": {"required": ["kind"], "properties": {"kind": {"const": kind}}}}}
            rules.append({"if": used, "then": {"properties": {"task": {"not": {"enum": sorted(options.unfit)}}}}})
    return rules
