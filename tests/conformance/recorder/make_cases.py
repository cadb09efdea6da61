#!/usr/bin/env python3
"""Makes up cases of transforms and converters, the same for the same seed; record.sh records them.

    make_cases.py smt COUNT [SEED]       | record.sh > FOLDER/smt-cases.jsonl
    make_cases.py converter COUNT [SEED] | record.sh > FOLDER/converter-cases.jsonl
"""

import json
import random
import sys

STRINGS = ["", "a", "héllo", "42", "-1", " 7", "7 ", "+5", "300", "1.5", "1e3", "1E400", "NaN", "Infinity", "-Infinity", "true", "TRUE",
           "yes", "0x1F", "1_000", "9223372036854775808", "-128", "128", "32768", "2147483648", "1.7976931348623157E308", "4.9E-324",
           "2024-02-29", "2024-02-30", "2024-02-29 12:34:56", "2024-02-29T12:34:56.789Z", "1.0d", "1f", "a.b", "null", "x" * 40]
INTS = {
    "int8": [0, 1, -1, 127, -128, 42],
    "int16": [0, 1, -1, 300, 32767, -32768],
    "int32": [0, 1, -1, 300, 70000, 2147483647, -2147483648],
    "int64": [0, 1, -1, 300, 1700000000123, 9223372036854775807, -9223372036854775808, 2**53 + 1],
}
FLOATS = [0.0, -0.0, 1.0, -1.5, 300.7, 1e7, 9999999.0, 1e-3, 9.99e-4, 1e-5, 1.23456789012345e10, 1e20, -1e20, 3.4e38, 2147483648.5, "NaN", "Infinity", "-Infinity", 0.1, 123456.789]
FLOATS32 = [0.0, -0.0, 1.0, -1.5, 300.75, 1e7, 9999999.0, 0.0009765625, 1e10, 1e20, "NaN", "Infinity", 0.5, 16777216.0]
DECIMALS = ["0", "0.00", "1.50", "-12.345", "123456789012345678901234567890.12", "1E+3", "0.0000001"]
DATES = [0, 86400000, 1709164800000, -86400000, 1483401600000]
TIMES = [0, 1, 86399999, 45296789]
STAMPS = [0, 1, -1, 1483425001864, 1709210096789, 253402300799999, -62135596800000, 951782400000]
SCALARS = ["boolean", "int8", "int16", "int32", "int64", "float32", "float64", "string", "bytes"]
LOGICAL = ["date", "time", "timestamp", "decimal(2)"]
NAMES = ["a", "b", "c", "id", "x.y", "name", "é"]
PATTERNS = ["yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSSX", "yyyyMMdd", "dd/MM/yy", "MMM d, yyyy", "EEE, d MMM yyyy HH:mm:ss Z",
            "hh:mm a", "HH:mm:ss.SSS", "yyyy-DDD", "yy", "MMMM", "EEEE", "yyyy.MM.dd G", "k:mm", "K:mm a", "u", "F", "w", "W", "''yyyy''", "z", "XXX", "yyyyy", "M", "S", "SSSSSS"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, options):
        return self.random.choice(options)

    def chance(self, part):
        return self.random.random() < part

    def some(self, options, least=1, most=3):
        return self.random.sample(options, min(len(options), self.random.randint(least, most)))

    def scalar(self, kind):
        """The value of a type, as under a schema."""
        if kind == "boolean":
            return self.chance(0.5)
        if kind in INTS:
            return self.pick(INTS[kind]) if self.chance(0.8) else self.random.randint(min(INTS[kind]), max(INTS[kind]))
        if kind == "float32":
            return self.pick(FLOATS32)
        if kind == "float64":
            return self.pick(FLOATS) if self.chance(0.7) else self.random.uniform(-1, 1) * 10 ** self.random.randint(-12, 22)
        if kind == "string":
            return self.pick(STRINGS)
        if kind == "bytes":
            return self.pick(["", "AAEC/w==", "aGk="])
        if kind == "date":
            return self.pick(DATES)
        if kind == "time":
            return self.pick(TIMES)
        if kind == "timestamp":
            return self.pick(STAMPS)
        scale = int(kind[8:-1])
        return "%s%d.%0*d" % (self.pick(["", "-"]), self.random.randint(0, 10 ** self.random.randint(1, 25)), scale, self.random.randint(0, 10**scale - 1)) if scale else str(self.random.randint(-999, 999))

    def tagged(self, depth=2, kinds=None):
        """A value without a schema."""
        if self.chance(0.08):
            return None
        if depth and not kinds and self.chance(0.2):
            if self.chance(0.5):
                return {"map": {name: self.tagged(depth - 1) for name in self.some(NAMES, 0, 3)}}
            return {"list": [self.tagged(depth - 1) for _ in range(self.random.randint(0, 3))]}
        kind = self.pick(kinds or SCALARS[:8] + ["string", "int64", "date", "decimal"])
        if kind == "date":
            return {"date": self.pick(STAMPS)}
        if kind == "decimal":
            return {"decimal": self.pick(DECIMALS)}
        if kind == "bytes":
            kind = "string"
        return {kind: self.scalar(kind)}

    def schema(self, depth=2, kinds=None):
        """A schema, and a value under it."""
        kind = self.pick(kinds or SCALARS + LOGICAL + (["struct", "array", "map"] if depth else []))
        if kind == "struct":
            return self.struct(depth - 1)
        if kind == "array":
            items, _ = self.schema(depth - 1, SCALARS[:8])
            values = [self.under(items) for _ in range(self.random.randint(0, 3))]
            schema = {"type": "array", "items": items}
            return self.finished(schema, values)
        if kind == "map":
            values, _ = self.schema(depth - 1, SCALARS[:8])
            schema = {"type": "map", "keys": "string", "values": values}
            return self.finished(schema, {name: self.under(values) for name in self.some(NAMES, 0, 3)})
        if self.chance(0.5):
            optional = self.chance(0.5)
            value = None if optional and self.chance(0.25) else self.scalar(kind)
            return kind + ("?" if optional else ""), value
        if kind in LOGICAL:
            return kind, self.scalar(kind)
        schema = {"type": kind}
        if self.chance(0.3):
            schema["doc"] = "what it is"
        if self.chance(0.5):
            schema["default"] = self.scalar(kind)
            if kind in ("float32", "float64") and isinstance(schema["default"], str):
                schema["default"] = 1.5
        return self.finished(schema, self.scalar(kind))

    def finished(self, schema, value):
        if self.chance(0.4):
            schema["optional"] = True
            if self.chance(0.3):
                value = None
        if self.chance(0.2):
            schema["name"] = "of." + schema["type"]
            if self.chance(0.5):
                schema["version"] = 3
        return schema, value

    def under(self, schema):
        """Another value under a schema of `schema`, without containers."""
        kind = schema if isinstance(schema, str) else schema["type"]
        optional = kind.endswith("?") or (not isinstance(schema, str) and schema.get("optional"))
        return None if optional and self.chance(0.2) else self.scalar(kind.rstrip("?"))

    def struct(self, depth=1, names=None):
        fields, values = [], {}
        for name in names or self.some(NAMES, 1, 5):
            schema, value = self.schema(depth)
            fields.append([name, schema])
            values[name] = value
        schema = {"type": "struct", "fields": fields}
        if self.chance(0.3):
            schema["name"] = "shop.Order"
        if self.chance(0.15):
            schema["version"] = 1
        if self.chance(0.15):
            schema["doc"] = "an order"
        if self.chance(0.1):
            schema["parameters"] = {"p": "q"}
        return schema, values

    def side(self, record, side, container=0.85, kinds=None):
        """Gives a record a key or value."""
        if self.chance(0.5):
            if self.chance(container):
                schema, value = self.struct()
            else:
                schema, value = self.schema(1, kinds)
            record[side + "_schema"] = schema
            record[side] = value
        else:
            record[side + "_schema"] = None
            if self.chance(container):
                record[side] = {"map": {name: self.tagged() for name in self.some(NAMES, 0, 5)}}
            else:
                record[side] = self.tagged(2, kinds)

    def record(self, side, **more):
        record = {"topic": self.pick(["test", "a-topic", "a.b"]), "partition": self.pick([0, 3])}
        if self.chance(0.3):
            record["offset"] = self.pick([0, 41])
        if self.chance(0.6):
            record["timestamp"] = self.pick([0, 1483425001864, 1709210096789])
        self.side(record, side, **more)
        if self.chance(0.3):
            record["headers"] = []
            for _ in range(self.random.randint(1, 4)):
                schema, value = self.schema(0)
                record["headers"].append({"key": self.pick(["h1", "h2", "trace"]), "schema": schema, "value": value})
        return record

    def fields(self, record, side, least=1, most=3):
        """Names of fields, mostly of those that are there."""
        schema = record.get(side + "_schema")
        names = [field[0] for field in schema["fields"]] if isinstance(schema, dict) and "fields" in schema else []
        value = record.get(side)
        if not names and isinstance(value, dict) and "map" in value:
            names = list(value["map"])
        names = names or NAMES
        return [name if self.chance(0.9) else self.pick(NAMES) for name in self.some(names, least, most)]

    def smt(self):
        name = self.pick(["Cast"] * 4 + ["MaskField"] * 2 + ["TimestampConverter"] * 4 + ["Flatten"] * 2 + ["HeaderFrom"] * 2 + ["InsertHeader"] * 2
                         + ["DropHeaders", "HoistField", "SetSchemaMetadata", "TimestampRouter", "ExtractField", "InsertField", "ReplaceField", "ValueToKey", "RegexRouter", "Filter"])
        sided = name in ("Cast", "MaskField", "TimestampConverter", "Flatten", "HeaderFrom", "HoistField", "SetSchemaMetadata", "ExtractField", "InsertField", "ReplaceField")
        key = sided and self.chance(0.15)
        side = "key" if key else "value"
        config, record = {}, self.record(side)
        if name == "Cast":
            types = ["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"]
            if self.chance(0.25):
                record = self.record(side, container=0.1)
                config["spec"] = self.pick(types)
            else:
                config["spec"] = ",".join(f"{field}:{self.pick(types)}" for field in self.fields(record, side))
        elif name == "MaskField":
            config["fields"] = ",".join(self.fields(record, side))
            if self.chance(0.5):
                config["replacement"] = self.pick(["***", "7", "1.5", "300", "x y", "-1"])
        elif name == "TimestampConverter":
            if self.chance(0.5):
                kind = self.pick(["string", "int64", "timestamp", "date", "time", "int32"])
                if self.chance(0.5):
                    record["value_schema"] = kind + self.pick(["", "?"])
                    record["value"] = self.scalar(kind)
                else:
                    record["value_schema"] = None
                    record["value"] = {"date": self.pick(STAMPS)} if kind in ("timestamp", "date", "time") else {kind: self.scalar(kind)}
                key, side = False, "value"
            else:
                config["field"] = self.fields(record, side, 1, 1)[0]
            config["target.type"] = self.pick(["string", "unix", "Date", "Time", "Timestamp"])
            if self.chance(0.8) or config["target.type"] == "string":
                config["format"] = self.pick(PATTERNS)
            if self.chance(0.5):
                config["unix.precision"] = self.pick(["nanoseconds", "microseconds", "milliseconds", "seconds"])
        elif name == "Flatten":
            if self.chance(0.5):
                config["delimiter"] = self.pick(["_", "", "::"])
        elif name == "HeaderFrom":
            fields = self.fields(record, side)
            config = {"fields": ",".join(fields), "headers": ",".join(f"h-{field}" for field in fields), "operation": self.pick(["move", "copy"])}
        elif name == "InsertHeader":
            literal = self.pick(STRINGS + ["[1,2,3]", "[1,\"a\"]", "{\"a\":1}", "12:34:56.789Z", "2024-02-29T12:34:56.789Z", "[]", "{}", "\"q\"", "1.0", "1e5", "[1.5,2]"])
            config = {"header": "h", "value.literal": literal}
        elif name == "DropHeaders":
            config["headers"] = ",".join(self.some(["h1", "h2", "none"]))
        elif name == "HoistField":
            config["field"] = self.pick(NAMES)
        elif name == "SetSchemaMetadata":
            if self.chance(0.7):
                config["schema.name"] = "new.Name"
            if self.chance(0.6):
                config["schema.version"] = self.pick(["1", "7", "-1"])
        elif name == "TimestampRouter":
            if self.chance(0.7):
                config["timestamp.format"] = self.pick(PATTERNS)
            if self.chance(0.7):
                config["topic.format"] = self.pick(["${topic}_${timestamp}", "x-${timestamp}", "${timestamp}", "${topic}", "$topic-${timestamp}-${timestamp}"])
        elif name == "ExtractField":
            config["field"] = self.fields(record, side, 1, 1)[0]
            if self.chance(0.2):
                config["field.syntax.version"] = "V2"
        elif name == "InsertField":
            for field in self.some(["topic.field", "partition.field", "timestamp.field", "static.field"], 1, 3):
                config[field] = self.pick(["t", "a", "id"]) + self.pick(["", "?", "!"])
            if "static.field" in config:
                config["static.value"] = "s"
        elif name == "ReplaceField":
            if self.chance(0.5):
                config["exclude"] = ",".join(self.fields(record, side))
            if self.chance(0.3):
                config["include"] = ",".join(self.fields(record, side))
            if self.chance(0.5):
                config["renames"] = ",".join(f"{field}:{field}2" for field in self.fields(record, side))
        elif name == "ValueToKey":
            config["fields"] = ",".join(self.fields(record, "value"))
        elif name == "RegexRouter":
            config = {"regex": self.pick(["(.*)", "a(.*)", "([a-z]+)[.-](.*)", "te?st"]), "replacement": self.pick(["$1-x", "y", "$2.$1", "x$0"])}
        if name in ("Cast", "MaskField", "TimestampConverter", "HeaderFrom", "ExtractField", "InsertField", "ReplaceField", "ValueToKey", "SetSchemaMetadata") and self.chance(0.25):
            config["replace.null.with.default"] = self.pick(["true", "false"])
        suffix = ("$Key" if key else "$Value") if sided else ""
        return {"smt": name + suffix, "config": config, "input": record}

    def converter(self):
        package = "org.apache.kafka.connect."
        name = self.pick(["json.JsonConverter"] * 6 + ["storage.StringConverter", "storage.SimpleHeaderConverter"] * 2 + ["converters.IntegerConverter", "converters.LongConverter", "converters.DoubleConverter", "converters.FloatConverter", "converters.ShortConverter", "converters.BooleanConverter", "converters.ByteArrayConverter"])
        case = {"converter": package + name, "config": {}}
        if "Header" in name:
            case["header"] = True
        if "Json" in name:
            case["config"]["schemas.enable"] = self.pick(["true", "false"])
            if self.chance(0.3):
                case["config"]["decimal.format"] = "NUMERIC"
            if self.chance(0.2):
                case["config"]["replace.null.with.default"] = "false"
        if self.chance(0.6):
            case["dir"] = "from"
            if self.chance(0.7):
                case["schema"], case["value"] = self.schema(2)
            else:
                case["schema"], case["value"] = None, self.tagged(2, None if self.chance(0.7) else SCALARS[:8])
            if "String" in name:  # it writes the addresses of byte arrays
                case["schema"], case["value"] = self.schema(0, SCALARS[:8] + LOGICAL) if self.chance(0.6) else (None, self.tagged(2))
        else:
            case["dir"] = "to"
            if "Json" in name and self.chance(0.8):
                case["text"] = json.dumps(self.json(2), ensure_ascii=self.chance(0.5))
            elif "converters" in name:
                case["bytes_b64"] = self.pick(["AA==", "AQ==", "AAE=", "AAAAAQ==", "/////w==", "AAAAAAAAAAE=", "P/gAAAAAAAA=", ""])
            else:
                case["text"] = self.pick(STRINGS + ["[1,2,300]", "{\"a\":1,\"b\":2}", "[1,\"a\"]", "[2024-02-29]", "\"q\\\"x\"", "{\"a\":[1,2]}", "[[1],[2]]", "[true,false]", "12:34:56.789Z", "-1.50", ".5", "5."])
        return case

    def json(self, depth):
        if depth and self.chance(0.6):
            if self.chance(0.6):
                return {self.pick(NAMES): self.json(depth - 1) for _ in range(self.random.randint(0, 3))}
            return [self.json(depth - 1) for _ in range(self.random.randint(0, 3))]
        return self.pick([None, True, 1, -1, 2**31, 2**63 - 1, 1.5, 1e20, 1e-7, "a", "é", "", 0])


def main():
    what, count = sys.argv[1], int(sys.argv[2])
    maker = Maker(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    for number in range(count):
        case = maker.smt() if what == "smt" else maker.converter()
        print(json.dumps({"id": f"made-{number}", **case}, ensure_ascii=False))


if __name__ == "__main__":
    main()
