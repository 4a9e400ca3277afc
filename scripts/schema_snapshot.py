"""The schema of the event format as a file, so that a change of it can not go unnoticed.

`tests/formats/schema_v1.json` lists every field of every event and value. This script adds what is new and allowed within
a format version: a new type of event or value, a new optional field after all others. Anything else it refuses: that is a
new version. (The order of fields means nothing, but it is in the bytes. A release that does not know a field writes it last
when it copies an event; as new fields are added last, its copy is the newer release's line byte for byte.)
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import attrs

from coding_agent.events import values
from coding_agent.events.codec import field_kinds
from coding_agent.events.schema import FORMAT, WIRE_NAMES

FILE = Path(__file__).parent.parent / "tests" / "formats" / f"schema_v{FORMAT}.json"
REQUIRED = "(required)"
Schema = dict[str, dict[str, Any]]


def described() -> Schema:
    """By class: its wire name and its fields (type, kind, default)."""
    found: Schema = {}
    classes: list[Any] = [
        *WIRE_NAMES,
        *(cls for cls in vars(values).values() if inspect.isclass(cls) and attrs.has(cls)),
    ]
    for cls in classes:
        hints = get_type_hints(cls, include_extras=True)
        fields = {
            name: {"type": _type(get_args(hints[name])[0]), "kind": kind.value, "default": _default(cls, name)}
            for name, kind in field_kinds(cls).items()
        }
        found[cls.__name__] = {"wire": WIRE_NAMES.get(cls), "fields": fields}
    return found


def problems(then: Schema, now: Schema) -> list[str]:
    """What changed in a way that a format version does not allow."""
    found = [f"{name} is gone" for name in then if name not in now]
    for name in then.keys() & now.keys():
        old, new = then[name], now[name]
        if old["wire"] != new["wire"]:
            found.append(f"{name}: its wire name was {old['wire']}, now it is {new['wire']}")
        for field, was in old["fields"].items():
            if new["fields"].get(field) != was:
                found.append(f"{name}.{field} was {was}, now it is {new['fields'].get(field, 'gone')}")
        if [field for field in old["fields"] if field in new["fields"]] != [*new["fields"]][: len(old["fields"])]:
            found.append(
                f"{name}: its fields are in another order; a new one comes last, where a copy by an older release has it"
            )
        for field in new["fields"].keys() - old["fields"].keys():
            if new["fields"][field]["default"] == REQUIRED:
                found.append(f"{name}.{field} is new and has no default: old logs do not have it")
    return sorted(found)


def _type(hint: Any) -> str:
    text = str(hint) if get_args(hint) or not isinstance(hint, type) else hint.__name__
    return text.replace("typing.", "").replace("coding_agent.events.values.", "")


def _default(cls: Any, name: str) -> Any:
    default = attrs.fields_dict(cls)[name].default
    if default is attrs.NOTHING:
        return REQUIRED
    factory = getattr(default, "factory", None)
    return repr(factory()) if factory else repr(default)


def main() -> int:
    """0: the snapshot holds the schema now. 1: it can not."""
    now = described()
    then = json.loads(FILE.read_text()) if FILE.exists() else {}
    wrong = problems(then, now)
    if wrong:
        sys.stderr.write("\n".join([f"not within format {FORMAT}; raise FORMAT and write an upcaster:", *wrong, ""]))
        return 1
    FILE.write_text(json.dumps(now, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
