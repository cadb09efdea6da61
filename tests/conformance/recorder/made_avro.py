"""Made-up cases of Avro: Connect's schemas with values, and Avro's schemas with bytes."""

import base64
import json
import struct

from made_data import FLOATS, FLOATS32, SCALARS, STRINGS

AVRO = "io.confluent.connect.avro."
CONNECT = "org.apache.kafka.connect.data."
KEYS = ["enhanced.avro.schema.support", "generalized.sum.type.support", "ignore.default.for.nullables", "scrub.invalid.names", "allow.optional.map.keys", "discard.type.doc.default"]
RECORD_NAMES = ["R", "a.b.R", "a.b.S", "S", "shop.Order", "c.R", "T", "d.e.f.T"]
ODD_NAMES = ["a b.R", "1st", "x.2nd", "é.ü", "ü", "x-y", "a..b", ".a", "a.", "a.b-c.D", "$", "日本", "R$Inner", "a.b.R$Inner", " ", "..", AVRO + "ConnectDefault", AVRO + "ConnectDefault2", AVRO + "ConnectDefaults.X", "int", "a.string", "_", "a/b.c%d"]
GOOD_FIELDS = ["a", "b", "c", "id", "name", "A", "_x", "f1", "key", "value"]
ODD_FIELDS = ["x.y", "x y", "1a", "é", "a-b", "$", "", "😀", "x%", "a_b", "a*b", "ß1", "a\u0301"]
SYMBOLS = ["A", "B", "RED", "x1", "_u"]
ODD_SYMBOLS = ["é", "a b", "1", "a.b", ""]
TEXTS = ["", "d", "what it is", "é\n\"q\""]
PROPS = [("avro.java.string", "String"), ("avro", "x"), ("avroX", "7"), ("p", "q"), ("", "é"), ("order", "ignore"), ("logicalType", "date")]


class Avro:
    """A mixture for a maker of data."""

    def avro_case(self):
        while True:
            self.parts_left = 400
            try:
                return self.avro_try()
            except RecursionError:
                pass  # It holds itself and did not end.

    def part(self):
        self.parts_left -= 1
        if self.parts_left < 0:
            raise RecursionError

    def avro_try(self):
        case = {"avro": self.pick(["from", "to"]), "config": self.avro_config()}
        if case["avro"] == "from":
            if self.chance(0.08):
                case["schema"], case["value"] = None, self.tagged(3)
            else:
                self.used = []
                case["schema"] = self.connect(3)
                case["value"] = self.connect_value(case["schema"])
        else:
            self.types, self.count, self.space = {}, 0, None
            schema = self.avro_schema(3)
            case["avro_schema"] = json.dumps(schema, ensure_ascii=False)
            value = self.avro_bytes(schema, None)
            # The bytes of bytes alone have no length.
            kind = schema["type"] if isinstance(schema, dict) else schema
            case["bytes_b64"] = base64.b64encode(value[1:] if kind == "bytes" else value).decode()
            if self.chance(0.15):
                case["version"] = self.pick([1, 1, 1, 2])
        return case

    def avro_back(self, case):
        """The case that reads what another one wrote; `None`: it wrote nothing."""
        expect = case["expect"]
        if case["avro"] != "from" or not expect.get("bytes_b64"):
            return None
        config = case["config"] if self.chance(0.5) else self.avro_config()
        return {"id": case["id"] + "-back", "avro": "to", "config": config, "avro_schema": expect["avro_schema"], "bytes_b64": expect["bytes_b64"]}

    def avro_config(self):
        config = {key: "true" for key in KEYS if self.chance(0.25)}
        for key in ("connect.meta.data", "flatten.singleton.unions"):
            if self.chance(0.2):
                config[key] = "false"
        if self.chance(0.05):
            config["schemas.cache.config"] = self.pick(["1", "10"])
        return config

    # Connect's schemas

    def connect(self, depth, top=True):
        self.part()
        if self.used and self.chance(0.08):
            return self.pick(self.used)
        kinds = SCALARS + ["date", "time", "timestamp", "decimal", "decimal", "enum", "enum", "fixed"] + ["struct", "struct", "array", "map", "union"] * (2 if depth else 0)
        kind = self.pick(kinds + ["struct"] * (15 if top else 0))
        schema = getattr(self, "connect_" + kind, self.connect_scalar)(kind, depth - 1)
        parameters = schema.setdefault("parameters", {})
        if self.chance(0.35):
            schema["optional"] = True
        is_logical = kind in ("date", "time", "timestamp", "decimal")
        if self.chance(0.12) and "name" not in schema and not is_logical:
            schema["name"] = self.name()
        if self.chance(0.12) and not is_logical:
            schema["version"] = self.pick([1, 2, 0, 7])
        if self.chance(0.15):
            schema["doc"] = self.pick(TEXTS)
        if self.chance(0.12):
            key, value = self.pick(PROPS)
            parameters[key] = value
        if self.chance(0.05):
            parameters[AVRO + "field.default"] = "true"
        if self.chance(0.05):
            parameters[self.pick([AVRO + "record.doc", "connect.record.doc", "connect.enum.doc", AVRO + "enum.doc.R"])] = self.pick(TEXTS)
        if not parameters:
            del schema["parameters"]
        if self.chance(0.25):
            value = self.connect_value({**schema, "optional": False})
            if value is not None:
                schema["default"] = value
        # Java does not take two defaults that are structs for the same.
        if kind == "struct" and '"default": {' not in json.dumps(schema):
            self.used.append(schema)
        return schema

    def name(self):
        return self.pick(RECORD_NAMES) if self.chance(0.8) else self.pick(ODD_NAMES)

    def connect_scalar(self, kind, depth):
        return {"type": kind}

    def connect_decimal(self, _, depth):
        schema = {"type": "decimal(%d)" % self.pick([0, 2, 2, 5, 9, -2, 70])}
        if self.chance(0.5):
            schema["parameters"] = {"connect.decimal.precision": self.pick(["9", "20", "64", "1", "2", "0", "-1"])}
        if self.chance(0.15):
            schema.setdefault("parameters", {})["connect.fixed.size"] = self.pick(["4", "12", "30"])
        return schema

    def connect_enum(self, _, depth):
        kind = self.pick([AVRO + "Enum", AVRO + "Enum", CONNECT + "Enum"])
        name = self.name()
        symbols = self.some(SYMBOLS, 1, 4) if self.chance(0.95) else self.some(SYMBOLS + ODD_SYMBOLS, 0, 5)
        parameters = {kind: name}
        for place, symbol in enumerate(symbols):
            parameters[kind + "." + symbol] = symbol if kind.startswith(AVRO) else str(place)
        simple = name.split(".")[-1]
        if self.chance(0.3):
            parameters[AVRO + "enum.doc." + simple] = self.pick(TEXTS)
        if self.chance(0.3):
            parameters[AVRO + "enum.default." + simple] = self.pick(symbols + ["A"])
        schema = {"type": "string", "parameters": parameters}
        if self.chance(0.8):
            schema["name"] = name if self.chance(0.9) else self.name()
        return schema

    def connect_fixed(self, _, depth):
        return {"type": "bytes", "name": self.name(), "parameters": {"connect.fixed.size": self.pick(["0", "1", "4", "4", "5", "16"])}}

    def connect_array(self, _, depth):
        return {"type": "array", "items": self.connect(depth, False)}

    def connect_map(self, _, depth):
        keys = {"type": "string"}
        if self.chance(0.4):
            keys = self.pick([{"type": "string", "optional": True}, {"type": "int32"}, {"type": "boolean"}, {"type": "int64", "optional": True}, {"type": "string", "name": "K", "doc": "k"}, {"type": "int8"}, {"type": "date"}, None]) or self.connect(0, False)
        return {"type": "map", "keys": keys, "values": self.connect(depth, False)}

    def connect_union(self, _, depth):
        general = self.chance(0.4)
        fields = []
        for place in range(self.random.randint(1, 4)):
            schema = {**self.connect(depth, False)}
            if self.chance(0.9):
                schema["optional"] = True
            name = "connect_union_field_%d" % place if general else schema.get("name", schema["type"]).split(".")[-1]
            if all(name != other for other, _ in fields):
                fields.append([name, schema])
        schema = {"type": "struct", "fields": fields}
        if general:
            schema["parameters"] = {CONNECT + "Union": "connect_union_0"}
        if not general or self.chance(0.5):
            schema["name"] = "connect_union_0" if general else AVRO + "Union"
        return schema

    def connect_struct(self, _, depth):
        names = self.some(GOOD_FIELDS, 1, 5) if self.chance(0.95) else []
        if self.chance(0.12):
            names += self.some(ODD_FIELDS, 1, 2)
        schema = {"type": "struct", "fields": [[name, self.connect(depth, False)] for name in names if name]}
        if self.chance(0.7):
            schema["name"] = self.name()
        if self.chance(0.15):
            schema["parameters"] = {AVRO + "record.doc": self.pick(TEXTS)}
        if names and self.chance(0.15):
            schema.setdefault("parameters", {})[AVRO + "field.doc." + self.pick(names)] = self.pick(TEXTS)
        return schema

    def connect_value(self, schema):
        self.part()
        kind = schema["type"]
        if (schema.get("optional") or "default" in schema) and self.chance(0.25):
            return None
        parameters = schema.get("parameters", {})
        if kind == "array":
            return [self.connect_value(schema["items"]) for _ in range(self.random.randint(0, 3))]
        if kind == "map":
            pairs = [[self.connect_value(schema["keys"]), self.connect_value(schema["values"])] for _ in range(self.pick([0, 1, 1, 2]))]
            return list({json.dumps(pair[0]): pair for pair in pairs}.values())
        if kind == "struct":
            fields = schema["fields"]
            if schema.get("name") == AVRO + "Union" or CONNECT + "Union" in parameters:
                chosen = self.pick(fields)[0] if fields and self.chance(0.95) else None
                return {name: self.connect_value(of) if name == chosen or self.chance(0.02) else None for name, of in fields}
            return {name: self.connect_value(of) for name, of in fields}
        if kind == "string":
            for enum in (AVRO + "Enum", CONNECT + "Enum"):
                symbols = [key[len(enum) + 1:] for key in parameters if key.startswith(enum + ".")]
                if symbols and self.chance(0.95):
                    return self.pick(symbols)
            return self.pick(STRINGS)
        if kind == "bytes" and "connect.fixed.size" in parameters and self.chance(0.95):
            return base64.b64encode(bytes(self.random.randint(0, 255) for _ in range(int(parameters["connect.fixed.size"])))).decode()
        if kind == "timestamp":
            return self.moment()
        if kind == "date":
            return self.random.randint(-800000, 2932896) * 86400000
        if kind.startswith("decimal") and "connect.fixed.size" in parameters and self.chance(0.8):
            scale = int(kind[8:-1])
            bits = 8 * int(parameters["connect.fixed.size"])
            least, most = (2 ** (bits - 9), 2 ** (bits - 1) - 1) if self.chance(0.9) else (0, 99)
            return "%d%s" % (self.pick([-1, 1]) * self.random.randint(least, most), "E%+d" % -scale if scale else "")
        return self.scalar(kind)

    # Avro's schemas

    def avro_schema(self, depth, union=True):
        if self.types and self.chance(0.1):
            name = self.pick(list(self.types))
            if union or not isinstance(self.types[name], list):
                return name
        kinds = ["primitive"] * 5 + ["logical"] * 3 + ["enum", "fixed"] + ["record", "array", "map", "union", "entries"] * (2 if depth else 0) + ["record"] * (10 if depth == 3 else 0)
        kind = self.pick(kinds)
        if kind == "union" and not union:
            kind = "record"
        return getattr(self, "avro_" + kind)(depth - 1)

    def avro_primitive(self, depth):
        kind = self.pick(["boolean", "int", "int", "long", "float", "double", "bytes", "string", "string"])
        if self.chance(0.6):
            return kind
        schema = {"type": kind}
        if kind == "int" and self.chance(0.5):
            schema["connect.type"] = self.pick(["int8", "int16", "int8", "int16", "int32"] if self.chance(0.9) else ["x", 5])
        return self.with_props(schema)

    def avro_logical(self, depth):
        decimal = {"logicalType": "decimal"}
        for key, some in (("precision", [9, 20, 64, 64, 4]), ("scale", [0, 2, 5, 2])):
            if self.chance(0.9):
                decimal[key] = self.pick(some)
        schema = self.pick([
            {"type": "int", "logicalType": "date"}, {"type": "int", "logicalType": "time-millis"}, {"type": "long", "logicalType": "timestamp-millis"},
            {"type": "long", "logicalType": self.pick(["time-micros", "timestamp-micros", "local-timestamp-millis", "Timestamp-Millis", "timestamp-nanos", "date"])},
            {"type": "int", "logicalType": self.pick(["DATE", "Time-Millis", "x", 5, "timestamp-millis"])},
            {"type": "string", "logicalType": self.pick(["uuid", "date", "decimal"])},
            {"type": "bytes", **decimal}, {"type": "bytes", **decimal},
            {"type": "fixed", "size": self.pick([1, 9, 12]), **decimal, **({"scale": 1.5} if self.chance(0.03) else {})},
        ])
        schema = {**schema}
        if self.chance(0.05):
            schema["precision"] = self.pick(["x", 1.5, None, -1, 0])
        if schema["type"] == "fixed":
            schema = {"type": "fixed", **self.avro_name(), **{key: value for key, value in schema.items() if key != "type"}}
            self.define(schema)
        if self.chance(0.1):
            schema["connect.type"] = "int8"
        return self.with_props(schema, 0.3, CONNECT + self.pick(["Date", "Time", "Timestamp", "Decimal"]))

    def avro_name(self):
        self.count += 1
        made = {"name": self.pick(["N", "N", "R", "Order"]) + str(self.count)}
        if self.chance(0.03):
            made["name"] = self.pick(["é", "x-y", "1a", "a.b.X%d" % self.count, "int"])
        if self.chance(0.4):
            made["namespace"] = self.pick(["a.b", "c", "a.b", ""])
        if self.chance(0.15):
            made["doc"] = self.pick(TEXTS)
        if self.chance(0.1):
            made["aliases"] = self.pick([["Old"], ["x.Old", "Older"]])
        return made

    def define(self, schema):
        """Keeps a named type, by its full name."""
        name, space = schema["name"], schema.get("namespace", self.space)
        full = name if "." in name or not space else space + "." + name
        self.types[full] = schema
        return full

    def avro_enum(self, depth):
        symbols = self.some(SYMBOLS, 1, 4) if self.chance(0.97) else self.some(SYMBOLS + ODD_SYMBOLS, 0, 5)
        schema = {"type": "enum", **self.avro_name(), "symbols": symbols}
        if self.chance(0.3) and symbols:
            schema["default"] = self.pick(symbols)
        self.define(schema)
        return self.with_props(schema, 0.3)

    def avro_fixed(self, depth):
        schema = {"type": "fixed", **self.avro_name(), "size": self.pick([0, 1, 4, 12])}
        self.define(schema)
        return self.with_props(schema, 0.2)

    def avro_array(self, depth):
        return self.with_props({"type": "array", "items": self.avro_schema(depth)}, 0.2)

    def avro_map(self, depth):
        return self.with_props({"type": "map", "values": self.avro_schema(depth)}, 0.2)

    def avro_entries(self, depth):
        record = {"type": "record", **self.avro_name()}
        self.count += 1
        if self.chance(0.4):
            record = {"type": "record", "name": "MapEntry", "namespace": AVRO[:-1]}
            if AVRO + "MapEntry" in self.types:
                return AVRO + "MapEntry"
        else:
            record["connect.internal.type"] = "MapEntry"
        key = self.avro_schema(0, False)
        # AvroData does not read entries whose keys are texts that must be there.
        if self.kind(key) in ("string", "enum") and self.chance(0.9):
            key = self.pick(["int", "long", ["null", "string"], {"type": "int", "logicalType": "date"}])
        fields = [{"name": "key", "type": key}, {"name": "value", "type": self.avro_schema(depth)}]
        if self.chance(0.05):
            fields.reverse()
        if self.chance(0.03):
            fields.append({"name": "x", "type": "int"})
        if self.chance(0.03):
            fields[0]["name"] = "k"
        record["fields"] = fields
        self.define(record)
        array = self.with_props({"type": "array", "items": record}, 0.2)
        if self.chance(0.3):
            array["connect.name"] = "m.Map%d" % self.count
        return array

    def avro_union(self, depth):
        if self.chance(0.55):
            branches = ["null", self.avro_schema(depth, False)]
            if self.chance(0.3):
                branches.reverse()
            return branches
        branches, seen = [], set()
        for _ in range(self.random.randint(0 if self.chance(0.1) else 1, 4)):
            branch = "null" if self.chance(0.2) else self.avro_schema(depth, False)
            kind = self.kind(branch)
            key = kind if kind not in ("record", "enum", "fixed") else json.dumps(branch)
            if key not in seen or self.chance(0.02):
                seen.add(key)
                branches.append(branch)
        return branches

    def avro_record(self, depth):
        record = {"type": "record", **self.avro_name()}
        outer = self.space
        full = self.define(record)
        if self.chance(0.97):
            del self.types[full]
        self.space = full.rpartition(".")[0] or None
        record["fields"] = []
        names = self.some(GOOD_FIELDS, 0 if self.chance(0.1) else 1, 5)
        if self.chance(0.04):
            names += self.some(ODD_FIELDS, 1, 1)
        for name in names:
            field = {"name": name, "type": self.avro_schema(depth)}
            if self.chance(0.4):
                try:
                    field["default"] = self.avro_default(field["type"])
                except KeyError:
                    pass
            if self.chance(0.15):
                field["doc"] = self.pick(TEXTS)
            if self.chance(0.08):
                field["aliases"] = ["z"]
            if self.chance(0.05):
                field["order"] = "ignore"
            record["fields"].append(field)
        self.space = outer
        if full not in self.types:
            self.types[full] = record
        return self.with_props(record, 0.25)

    def with_props(self, schema, part=0.35, name=None):
        """The schema, with what Avro does not define."""
        if self.chance(1 - part):
            return schema
        made = schema
        if self.chance(0.3):
            made["connect.doc"] = self.pick(TEXTS) if self.chance(0.95) else 5
        if self.chance(0.25):
            made["connect.version"] = self.pick([1, 1, 2, 7, 0, -1]) if self.chance(0.9) else self.pick(["x", 1.5, 2**40, None])
        if self.chance(0.3):
            made["connect.parameters"] = {"p": "q", **({"io.x": "é"} if self.chance(0.3) else {})} if self.chance(0.9) else self.pick([{"p": 1}, [], "x", {}, {"p": None}])
        if self.chance(0.3):
            made["connect.name"] = (name or self.name()) if self.chance(0.95) else self.pick([5, "", None])
        if self.chance(0.3):
            made["avro.x"] = self.pick(["t", 5, 1.5, True, {"a": [1, "b"]}, [1], 1e20])
        if self.chance(0.1):
            made["other"] = {"a": 1}
        if self.chance(0.35):
            try:
                made["connect.default"] = self.avro_default(schema, True)
            except KeyError:
                pass
        return made

    def kind(self, schema):
        if isinstance(schema, list):
            return "union"
        kind = schema if isinstance(schema, str) else schema["type"]
        return self.types[kind]["type"] if kind in self.types else kind

    def avro_default(self, schema, connect=False, depth=0):
        """The JSON of a default, which mostly fits."""
        self.part()
        if depth > 6:
            raise KeyError
        if self.chance(0.04):
            return self.pick([None, True, 5, 1.5, "x", [], {}, 2**40, [1], "é"])
        if isinstance(schema, list):
            if not schema:
                return None
            return self.avro_default(schema[0] if self.chance(0.9) else self.pick(schema), connect, depth + 1)
        if isinstance(schema, str) and schema in self.types:
            schema = self.types[schema]
        kind = schema if isinstance(schema, str) else schema["type"]
        inner = lambda part: self.avro_default(part, connect, depth + 1)
        if kind == "record":
            fields = schema["fields"]
            return {field["name"]: inner(field["type"]) for field in fields if "default" not in field or self.chance(0.6)}
        if kind == "array":
            if isinstance(schema["items"], dict) and "MapEntry" in json.dumps(schema["items"]) and connect and schema["items"]["type"] == "record":
                return [[inner(field["type"]) for field in schema["items"]["fields"]] for _ in range(self.pick([0, 1, 2]))]
            return [inner(schema["items"]) for _ in range(self.pick([0, 0, 1, 2]))]
        if kind == "map":
            return {self.pick(["k", "l", "é"]): inner(schema["values"]) for _ in range(self.pick([0, 0, 1, 2]))}
        if kind == "enum":
            return self.pick(schema["symbols"] or ["A"])
        if kind == "fixed":
            return "".join(chr(self.random.randint(0, 255)) for _ in range(schema["size"]))
        if kind == "bytes":
            return self.pick(["", "\u00ff\u0001", "a", "\u0000"])
        if kind == "null":
            return None
        if kind == "boolean":
            return self.chance(0.5)
        if kind == "int":
            return self.pick([0, 1, -1, 7, 100, 300, 86399999, 2147483647, -2147483648])
        if kind == "long":
            return self.pick([0, -1, 7, 2**31, 2**63 - 1, -2**63, 2**53 + 1])
        if kind in ("float", "double"):
            return self.pick([0, 1.5, -0.0, 0.1, 1e10, 1e300, 3, "NaN", "Infinity", 5e-324, 16777217])
        return self.pick(STRINGS)

    def avro_bytes(self, schema, space, depth=0):
        """A value in Avro's binary encoding."""
        self.part()
        if isinstance(schema, list):
            if not schema:
                return b""
            place = self.random.randrange(len(schema))
            # A value that holds itself has to end.
            if depth > 8 and "null" in schema:
                place = schema.index("null")
            return zigzag(place) + self.avro_bytes(schema[place], space, depth + 1)
        if isinstance(schema, str) and schema in self.types:
            schema = self.types[schema]
        kind = schema if isinstance(schema, str) else schema["type"]
        inner = lambda part: self.avro_bytes(part, space, depth + 1)
        logical = None if isinstance(schema, str) else schema.get("logicalType")
        if kind == "record":
            return b"".join(inner(field["type"]) for field in schema["fields"])
        if kind in ("array", "map"):
            count = 0 if depth > 8 else self.pick([0, 1, 1, 2])
            key = (lambda: text(self.pick(["k", "l", "", "é"]))) if kind == "map" else lambda: b""
            part = schema["values" if kind == "map" else "items"]
            block = b"".join(key() + inner(part) for _ in range(count))
            return (zigzag(count) + block if count else b"") + b"\0"
        if kind == "enum":
            return zigzag(self.random.randrange(max(1, len(schema["symbols"]))))
        if kind == "fixed":
            return bytes(self.random.randint(0, 255) for _ in range(schema["size"]))
        if kind == "bytes":
            value = self.pick([b"\0", b"\xff", b"\4\xd2", b"\x80\0\1"] + ([] if logical == "decimal" else [b""]))
            return zigzag(len(value)) + value
        if kind == "null":
            return b""
        if kind == "boolean":
            return self.pick([b"\0", b"\1"])
        if kind == "int":
            if str(logical).lower() == "time-millis":
                return zigzag(self.random.randint(0, 86399999))
            if str(logical).lower() == "date":
                return zigzag(self.random.randint(-800000, 2932896))
            return zigzag(self.pick([0, -1, 7, 127, 128, 300, 40000, 2**31 - 1, -2**31]))
        if kind == "long":
            return zigzag(self.moment() if str(logical).lower() == "timestamp-millis" else self.pick([0, -1, 7, 2**31, 2**63 - 1, -2**63]))
        if kind == "float":
            return struct.pack("<f", float(self.pick(FLOATS32)))
        if kind == "double":
            return struct.pack("<d", float(self.pick(FLOATS)))
        return text(self.pick(STRINGS))


def zigzag(value):
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    rest &= 2**64 - 1
    while rest >= 0x80:
        out.append(rest & 0x7f | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def text(value):
    value = value.encode()
    return zigzag(len(value)) + value
