"""JSON schemas in words, as an outline, and as a small example."""

from __future__ import annotations

import json

WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false", "null": "null"}
SIZES = (("minLength", "maxLength", "characters"), ("minItems", "maxItems", "entries"))


class Schemas:
    """The schemas of an OpenAPI document, whose references they follow; one that lies inside of itself is only named there.

    `sent` says whether a person has to write them, to whom it matters what may be left out.
    """

    def __init__(self, document: dict, sent: bool = True):
        self._named, self._sent = document.get("components", {}).get("schemas", {}), sent

    def follow(self, schema: dict, inside: tuple[str, ...] = ()) -> tuple[dict, tuple[str, ...]]:
        """What a reference means, and the names that one is inside of there."""
        if len(schema.get("allOf", ())) == 1:
            schema = schema["allOf"][0]
        if "$ref" not in schema:
            return schema, inside
        name = schema["$ref"].rpartition("/")[2]
        if name in inside:
            return {"title": self._named[name].get("title", name), "type": "object"}, inside
        return self.follow(self._named[name], (*inside, name))

    def words(self, schema: dict, inside: tuple[str, ...] = ()) -> str:
        """Such as `number, from 0 to 1; 0.5 if left out`."""
        schema, inside = self.follow(schema, inside)
        default = schema.get("default") if self._sent else None
        tail = "" if default in (None, [], {}) else f"; {plain(default)} if left out"
        if "const" in schema:
            return plain(schema["const"])
        if "enum" in schema:
            return f"one of {', '.join(map(plain, schema['enum']))}{tail}"
        if choices := alternatives(schema):
            return " or ".join(dict.fromkeys(self.words(each, inside) for each in choices)) + tail
        if schema.get("type") == "array":
            return f"list of {self.words(schema.get('items', {}), inside)}{bounds(schema)}{tail}"
        if is_file(schema):
            return "a file"
        if schema.get("type") == "object":
            return schema.get("title", "object")
        return WORDS.get(schema.get("type"), "anything") + bounds(schema) + tail

    def outline(self, schema: dict, depth: int = 1, inside: tuple[str, ...] = ()) -> str:
        """JSON with kinds of values in place of values; a name that may be left out of what is sent has a question mark."""
        schema, inside = self.follow(schema, inside)
        if schema.get("properties"):
            needed = schema.get("required", ()) if self._sent else schema["properties"]
            pad = "  " * depth
            lines = []
            for name, each in schema["properties"].items():
                mark, value = "" if name in needed else "?", self.outline(each, depth + 1, inside)
                lines.append(f"{pad}{json.dumps(name)}{mark}: {value}{comment(each)}")
            return "\n".join(["{", *lines, "  " * (depth - 1) + "}"])
        if schema.get("type") == "array" and "items" in schema:
            return f"[{self.outline(schema['items'], depth, inside)}, ...]{bounds(schema)}"
        if isinstance(schema.get("additionalProperties"), dict):
            return f"{{NAME: {self.outline(schema['additionalProperties'], depth, inside)}, ...}}"
        if choices := alternatives(schema):
            return " or ".join(dict.fromkeys(self.outline(each, depth, inside) for each in choices))
        return self.words(schema, inside)

    def example(self, schema: dict, inside: tuple[str, ...] = ()):
        """A small value that fits: what must be there, and no more."""
        schema, inside = self.follow(schema, inside)
        for key in ("examples", "enum"):
            if schema.get(key):
                return schema[key][0]
        for key in ("example", "const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        if choices := alternatives(schema):
            return self.example(choices[0], inside)
        match schema.get("type"):
            case "array":
                return [self.example(schema["items"], inside)] if schema.get("minItems") else []
            case "object":
                needed, properties = schema.get("required", ()), schema.get("properties", {})
                return {name: self.example(each, inside) for name, each in properties.items() if name in needed}
            case "number" | "integer":
                return schema.get("minimum", schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else 0)
            case "boolean":
                return True
        return "TEXT"


def alternatives(schema: dict) -> list[dict]:
    """What a value may be instead."""
    return schema.get("anyOf") or schema.get("oneOf") or []


def is_file(schema: dict) -> bool:
    """Whether a form's field is a file."""
    return schema.get("format") == "binary" or "contentMediaType" in schema


def bounds(schema: dict) -> str:
    """Such as `, at most 64 characters`; "" where there are none."""
    told, at = [], {key: number(value) for key, value in schema.items() if isinstance(value, (int, float))}
    for least, most, unit in SIZES:
        if schema.get(least) and most in at:
            told.append(f"{at[least]} to {at[most]} {unit}")
        elif most in at or schema.get(least):
            told.append(f"at most {at[most]} {unit}" if most in at else f"at least {at[least]} {unit}")
    if "minimum" in at and "maximum" in at:
        told.append(f"from {at['minimum']} to {at['maximum']}")
    else:
        told += [f"{word} {at[key]}" for key, word in (("minimum", "at least"), ("maximum", "at most")) if key in at]
    told += [f"{word} {at[key]}" for key, word in (("exclusiveMinimum", "above"), ("exclusiveMaximum", "below")) if key in at]
    told += [f"of the form {schema['pattern']}"] if "pattern" in schema else []
    return "".join(f", {text}" for text in told)


def number(value: float) -> str:
    """1,000 for 1000.0."""
    return f"{int(value):,}" if value == int(value) else str(value)


def comment(schema: dict) -> str:
    """A field's description behind its kind."""
    return f"  # {schema['description']}" if schema.get("description") else ""


def plain(value) -> str:
    """A value as it is said, or written in an address."""
    return value if isinstance(value, str) else json.dumps(value)
