#!/usr/bin/env python3
"""Makes up change events, and others, for Debezium's ExtractNewRecordState, the same for the same seed; record-unwrap.sh
records what becomes of them.

    make_unwrap_cases.py COUNT [SEED] | record-unwrap.sh > FOLDER/smt-cases.jsonl
"""

import json
import sys

from make_cases import Maker

CLASS = "io.debezium.transforms.ExtractNewRecordState"
MODES = ["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"]
REFERENCES = ["op", "ts_ms", "ts_us", "table", "db", "lsn", "snapshot", "source.table", "source.ts_ms", "transaction.id", "id",
              "total_order", "data_collection_order", "before.name", "before.id", "after.id", "after.name", "extra"]
WHOLE = ["source", "before", "after", "transaction"]
ODD_REFERENCES = ["missing", "source.missing", "nothing.id", "op.id", "a.b.c", ":x", "op:",
                  "op:a:b", "", ".", "source.", ".table", "updateDescription", "schema", " ", "::", "name"]
NEW_NAMES = ["OP", "name", "a.b", "x y", "__deleted", "id", "é"]
PREFIXES = ["", "__", "x-", "_", " "]
HEADERS = ["drop", "other", "__op", "drop"]


class Events(Maker):
    def reference(self, whole):
        reference = self.pick(ODD_REFERENCES if self.chance(0.12) else REFERENCES)
        if whole and self.chance(0.02):
            reference = self.pick(WHOLE)
        if self.chance(0.25):
            reference += ":" + self.pick(NEW_NAMES)
        return f" {reference} " if self.chance(0.05) else reference

    def references(self, whole):
        return ",".join(self.reference(whole) for _ in range(self.random.randint(0, 4) or 1))

    def config(self):
        config = {}
        if self.chance(0.9):
            config["delete.tombstone.handling.mode"] = self.pick(MODES)
            if self.chance(0.05):
                config["delete.tombstone.handling.mode"] = self.pick(["REWRITE", "Drop", "none", "", " rewrite", "delete_to_tombstone"])
        if self.chance(0.1):
            config[self.pick(["delete.handling.mode", "drop.tombstones", "delete.handling.mode.x"])] = self.pick(["rewrite", "none", "true", "false"])
        for kind in ["fields", "headers"]:
            if self.chance(0.45):
                config[f"add.{kind}"] = self.references(kind == "fields")
            if self.chance(0.25):
                config[f"add.{kind}.prefix"] = self.pick(PREFIXES)
        if self.chance(0.25):
            config["route.by.field"] = self.pick(["name", "name", "id", "missing", "__deleted", "", "nested", " name"])
        if self.chance(0.4):
            config["drop.fields.header.name"] = self.pick(["drop", "drop", "drop", "none", "", " "])
            if self.chance(0.6):
                config["drop.fields.keep.schema.compatible"] = self.pick(["true", "false", "false", "x"] if self.chance(0.1) else ["true", "false"])
            if self.chance(0.5):
                config["drop.fields.from.key"] = self.pick(["true", "false"])
        if self.chance(0.25):
            config["replace.null.with.default"] = self.pick(["true", "false"])
        return config

    def row_schema(self):
        fields = [["id", self.pick(["int32", "int64"])], ["name", self.text_schema()]]
        for name in self.some(["qty", "price", "nested", "list", "at", "__op", "__deleted", "b.c"], 0, 4):
            if name == "nested":
                schema = {"type": "struct", "optional": True, "fields": [["x", "int32?"], ["y", self.text_schema()]]}
            elif name == "list":
                schema = {"type": "array", "items": "string", "optional": True}
            else:
                schema = {"qty": "int32?", "price": "decimal(2)?", "at": "timestamp?"}.get(name, "string?")
                if schema == "int32?" and self.chance(0.5):
                    schema = {"type": "int32", "optional": True, "default": 7}
            fields.append([name, schema])
        if self.chance(0.3):
            self.random.shuffle(fields)
        schema = {"type": "struct", "name": "srv.t.Value", "fields": fields, "optional": self.chance(0.9)}
        if self.chance(0.2):
            schema |= self.pick([{"version": 2}, {"doc": "rows"}, {"parameters": {"a": "b"}}])
        return schema

    def text_schema(self):
        schema = {"type": "string", "optional": self.chance(0.7)}
        if self.chance(0.4):
            schema["default"] = self.pick(["anon", "", "a b"])
        return schema

    def row(self, schema):
        """A value under a schema of rows."""
        value = {}
        for name, field in schema["fields"]:
            optional = field.endswith("?") if isinstance(field, str) else field.get("optional")
            if optional and self.chance(0.25):
                continue
            kind = (field if isinstance(field, str) else field["type"]).rstrip("?")
            if kind == "struct":
                value[name] = self.row(field)
            elif kind == "array":
                value[name] = [self.pick(["a", "b"]) for _ in range(self.random.randint(0, 2))]
            elif kind == "string":
                value[name] = self.pick(["topic-a", "two", "", " ", "é/x", "x" * 30])
            else:
                value[name] = self.scalar(kind)
        return value

    def source(self):
        known = [["version", "string"], ["ts_ms", "int64"], ["snapshot", {"type": "string", "optional": True, "default": "false"}],
                 ["db", "string"], ["schema", "string"], ["table", "string"], ["lsn", "int64?"]]
        fields = [field for field in known if self.chance(0.85)]
        return {"type": "struct", "name": "srv.Source", "fields": fields, "optional": self.chance(0.15)}

    def event(self):
        """The schema of a change event, and one under it."""
        row = self.row_schema()
        before = row if self.chance(0.95) else self.row_schema()
        transaction = {"type": "struct", "name": "event.block", "optional": True,
                       "fields": [["id", "string"], ["total_order", "int64"], ["data_collection_order", "int64"]]}
        parts = {"before": (before, 0.95), "after": (row, 0.97), "source": (self.source(), 0.94), "transaction": (transaction, 0.9),
                 "op": (self.pick(["string", "string", "string", "string?"]), 0.95), "ts_ms": ("int64?", 0.9), "ts_us": ("int64?", 0.5),
                 "extra": ({"type": "string", "optional": True, "default": "d"}, 0.2)}
        fields = [[name, schema] for name, (schema, part) in parts.items() if self.chance(part)]
        schema = {"type": "struct", "fields": fields, "optional": self.chance(0.05)}
        schema["name"] = "srv.t.Envelope" if self.chance(0.94) else self.pick(["Envelope", "srv.Envelope.x", "srv.t.envelope", ".Envelope", "xEnvelope"])
        if self.chance(0.03):
            del schema["name"]
        op = self.pick(["c", "r", "u", "d", "d", "t", "m"]) if self.chance(0.95) else self.pick(["", "x"])
        value = {}
        for name, field in fields:
            optional = field.endswith("?") if isinstance(field, str) else field["optional"]
            if name == "op":
                value["op"] = op
            elif name in ("before", "after"):
                there = (op in "ud" if name == "before" else op in "cru") if self.chance(0.95) else self.chance(0.5)
                if there or not optional:
                    value[name] = self.row(field)
            elif optional and self.chance(0.2):
                continue
            elif isinstance(field, dict) and field["type"] == "struct":
                value[name] = self.row(field)
            else:
                value[name] = self.scalar("int64") if name.startswith("ts") else "e"
        return schema, value

    def header(self):
        name = self.pick(HEADERS)
        names = self.some(["id", "name", "qty", "price", "missing", "nested", "__deleted", "__op", "k"], 0, 4)
        if name == "drop" and self.chance(0.9):
            if self.chance(0.5):
                return {"key": name, "schema": {"type": "array", "items": "string", "optional": True}, "value": names}
            return {"key": name, "value": {"list": [{"string": field} for field in names]}}
        schema = self.pick(["string", "int32"])
        return {"key": name, "schema": schema, "value": "id" if schema == "string" else 5}

    def record(self):
        record = {"topic": "srv.t", "partition": self.pick([None, 0, 3]), "timestamp": self.pick([None, 0, 1700000000123])}
        if self.chance(0.8):
            schema = {"type": "struct", "name": "srv.t.Key", "fields": [["id", "int32"], ["k", "string?"]][: self.random.randint(1, 2)]}
            record |= {"key_schema": schema, "key": {"id": 1}}
        elif self.chance(0.5):
            record["key"] = {"map": {"id": {"int32": 1}, "k": {"string": "x"}}} if self.chance(0.5) else {"string": "k"}
        if self.chance(0.87):
            record["value_schema"], record["value"] = self.event()
            if self.chance(0.05):
                record["value_schema"]["optional"] = True
                record["value"] = None
        elif self.chance(0.7):
            record["value"] = None
        else:
            record["value"] = self.pick([{"string": "x"}, {"map": {"op": {"string": "c"}, "after": {"map": {"id": {"int32": 1}}}}}, {"int64": 5}])
        if self.chance(0.6):
            record["headers"] = [self.header() for _ in range(self.random.randint(1, 3))]
        if self.chance(0.4):
            record |= {"offset": 9, "partition": record["partition"] or 0}
        return record


def main():
    events = Events(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    for number in range(int(sys.argv[1])):
        case = {"id": f"Unwrap-{number:05}", "smt": CLASS, "config": events.config(), "input": events.record()}
        print(json.dumps(case))


if __name__ == "__main__":
    main()
