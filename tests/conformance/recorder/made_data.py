"""Made-up schemas, values and records, in the notation of the cases; make_cases.py uses them."""

import random

STRINGS = ["", "a", "héllo", "42", "-1", " 7", "7 ", "+5", "300", "1.5", "1e3", "1E400", "NaN", "Infinity", "-Infinity", "true", "TRUE", "True ", "false",
           "yes", "0x1F", "0x1p3", "1_000", "9223372036854775808", "-9223372036854775808", "-128", "128", "32768", "2147483648", "1.7976931348623157E308", "4.9E-324", "-0", "-0.0",
           "2024-02-29", "2024-02-30", "2024-02-29 12:34:56", "2024-02-29T12:34:56.789Z", "1.0d", "1f", ".5", "5.", "1e", "--1", "+", "a.b", "null", "x" * 40, "😀", "a\"b\\c", "\u0001\t\n", "\u2028", "3.4028236e38", "1e-46", "00012", "1,2"]
INTS = {
    "int8": [0, 1, -1, 127, -128, 42],
    "int16": [0, 1, -1, 300, 32767, -32768],
    "int32": [0, 1, -1, 300, 70000, 2147483647, -2147483648, 16777217],
    "int64": [0, 1, -1, 300, 1700000000123, 9223372036854775807, -9223372036854775808, 2**53 + 1, 9223372036854775000],
}
FLOATS = [0.0, -0.0, 1.0, -1.5, 300.7, 1e7, 9999999.0, 1e-3, 9.99e-4, 1e-5, 1.23456789012345e10, 1e20, -1e20, 3.4e38, 2147483648.5, "NaN", "Infinity", "-Infinity", 0.1, 123456.789, 5e-324, 1.7976931348623157e308, 9.223372036854775807e18, -129.0, 127.9, 65536.0]
FLOATS32 = [0.0, -0.0, 1.0, -1.5, 300.75, 1e7, 9999999.0, 0.0009765625, 1e10, 1e20, "NaN", "Infinity", "-Infinity", 0.5, 16777216.0, 1.401298464324817e-45, 3.4028234663852886e38]
DECIMALS = ["0", "0.00", "1.50", "-12.345", "123456789012345678901234567890.12", "1E+3", "0.0000001", "-0.00000001", "1E-10", "9223372036854775808", "2147483648.9", "1E+30"]
BIGINTS = ["0", "-1", "9223372036854775808", "123456789012345678901234567890", "255"]
DATES = [0, 86400000, 1709164800000, -86400000, 1483401600000, -12219292800000, -12219379200000, -62135596800000, 253402214400000]
TIMES = [0, 1, 86399999, 45296789]
STAMPS = [0, 1, -1, 1483425001864, 1709210096789, 253402300799999, -62135596800000, 951782400000, -12219292800000, -12219292800001, -62167219200001, -99999999999999, 4102444800000,
          -62135769600000, -62135769600001, 253402300800000, 8640000000000000]
SCALARS = ["boolean", "int8", "int16", "int32", "int64", "float32", "float64", "string", "bytes"]
LOGICAL = ["date", "time", "timestamp", "decimal(2)", "decimal(0)", "decimal(-2)", "decimal(9)"]
NAMES = ["a", "b", "c", "id", "x.y", "name", "é", "", "a.b", "b`c", "A", "$", "order id", "😀"]
FIELD_NAMES = [name for name in NAMES if name]  # a schema has no field without a name
BASE64 = ["", "AAEC/w==", "aGk=", "Pj8/Pg==", "AA=="]


class Data:
    """Makes schemas and values from one row of random numbers."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, options):
        return self.random.choice(options)

    def chance(self, part):
        return self.random.random() < part

    def some(self, options, least=1, most=3):
        return self.random.sample(options, min(len(options), self.random.randint(least, most)))

    def moment(self):
        """Milliseconds since the epoch, of any year that is likely and some that are not."""
        if self.chance(0.5):
            return self.pick(STAMPS)
        return self.random.randint(*self.pick([(0, 4102444800000), (-62135769600000, 253402300800000), (-12250000000000, -12200000000000), (-10**14, 10**14), (-10**10, 10**10), (-2**55, 2**55)]))

    def scalar(self, kind):
        """The value of a type, as under a schema."""
        if kind == "boolean":
            return self.chance(0.5)
        if kind in INTS:
            return self.pick(INTS[kind]) if self.chance(0.8) else self.random.randint(min(INTS[kind]), max(INTS[kind]))
        if kind == "float32":
            return self.pick(FLOATS32)
        if kind == "float64":
            return self.pick(FLOATS) if self.chance(0.9) else float("%.12g" % (self.random.uniform(-1, 1) * 10 ** self.random.randint(-12, 15)))  # Java 17 writes some others with digits too many
        if kind == "string":
            return self.pick(STRINGS)
        if kind == "bytes":
            return self.pick(BASE64)
        if kind == "date":
            return self.pick(DATES) if self.chance(0.8) else self.random.randint(-800000, 2932896) * 86400000
        if kind == "time":
            return self.pick(TIMES) if self.chance(0.8) else self.random.randint(0, 86399999)
        if kind == "timestamp":
            return self.moment()
        return self.decimal(int(kind[8:-1]) if self.chance(0.95) else 3)

    def decimal(self, scale):
        sign, whole = self.pick(["", "-"]), self.random.randint(0, 10 ** self.random.randint(1, 25))
        if scale > 0:
            return "%s%d.%0*d" % (sign, whole, scale, self.random.randint(0, 10**scale - 1))
        return "%s%d%s" % (sign, whole, "E+%d" % -scale if scale else "")

    def tagged(self, depth=2, kinds=None):
        """A value without a schema."""
        if self.chance(0.08):
            return None
        if depth and not kinds and self.chance(0.25):
            way = self.random.random()
            if way < 0.1:
                keys = {self.pick(["int8", "int64", "boolean", "string"]): 1 for _ in range(2)}
                return {"pairs": [[{key: self.scalar(key)}, self.tagged(depth - 1)] for key in keys]}
            if way < 0.5:
                return {"map": {name: self.tagged(depth - 1) for name in self.some(NAMES, 0, 3)}}
            return {"list": [self.tagged(depth - 1) for _ in range(self.random.randint(0, 3))]}
        kind = self.pick(kinds or SCALARS + ["string", "int64", "date", "decimal", "bigint"])
        if kind in ("date", "time", "timestamp"):
            return {"date": self.moment() if kind != "time" else self.scalar(kind)}
        if kind == "decimal":
            return {"decimal": self.pick(DECIMALS)}
        if kind == "bigint":
            return {"bigint": self.pick(BIGINTS)}
        return {kind: self.scalar(kind)}

    def schema(self, depth=2, kinds=None):
        """A schema, and a value under it."""
        kind = self.pick(kinds or SCALARS + LOGICAL[:5] + (["struct", "array", "map"] if depth else []))
        if kind == "struct":
            return self.struct(depth - 1)
        if kind in ("array", "map"):
            inner = (lambda: self.schema(depth - 1)[0]) if self.chance(0.4) else (lambda: self.schema(0, SCALARS)[0])
            if kind == "array":
                schema = {"type": "array", "items": inner()}
            else:
                keys = "string" if self.chance(0.7) else self.schema(0, ["int32", "int64", "boolean", "string", "float64"])[0]
                schema = {"type": "map", "keys": keys, "values": inner()}
            if self.chance(0.15):
                schema["default"] = self.under(schema)
            return self.finished(schema)
        if self.chance(0.5):
            optional = self.chance(0.5)
            value = None if optional and self.chance(0.25) else self.scalar(kind)
            return kind + ("?" if optional else ""), value
        schema = {"type": kind}
        if self.chance(0.3):
            schema["doc"] = "what it is"
        if self.chance(0.5):
            schema["default"] = self.scalar(kind)
        if self.chance(0.1):
            schema["parameters"] = {"p": "q", "": "é"}
        return self.finished(schema)

    def finished(self, schema):
        """The schema, which may become optional and get a name, and a value."""
        if self.chance(0.4):
            schema["optional"] = True
        if self.chance(0.2) and schema["type"] not in LOGICAL:
            schema["name"] = "of." + schema["type"]
            if self.chance(0.5):
                schema["version"] = 3
        return schema, self.under(schema)

    def under(self, schema):
        """A value under a schema."""
        kind = schema if isinstance(schema, str) else schema["type"]
        optional = kind.endswith("?") or (not isinstance(schema, str) and schema.get("optional"))
        if optional and self.chance(0.25):
            return None
        if kind == "array":
            return [self.under(schema["items"]) for _ in range(self.random.randint(0, 3))]
        if kind == "map":
            if schema["keys"] == "string":
                return {name: self.under(schema["values"]) for name in self.some(NAMES, 0, 3)}
            keys = schema["keys"]
            return [[key, self.under(schema["values"])] for key in {self.scalar((keys if isinstance(keys, str) else keys["type"]).rstrip("?")): 1 for _ in range(self.random.randint(0, 2))}]
        if kind == "struct":
            return {name: self.under(of) for name, of in schema["fields"]}
        return self.scalar(kind.rstrip("?"))

    def struct(self, depth=1, names=None):
        fields, values = [], {}
        for name in names or self.some(FIELD_NAMES, 0 if self.chance(0.05) else 1, 5):
            schema, value = self.schema(depth)
            fields.append([name, schema])
            has_default = isinstance(schema, dict) and "default" in schema
            values[name] = None if has_default and self.chance(0.15) else value
        schema = {"type": "struct", "fields": fields}
        if self.chance(0.3):
            schema["name"] = "shop.Order"
        if self.chance(0.15):
            schema["version"] = 1
        if self.chance(0.15):
            schema["doc"] = "an order"
        if self.chance(0.1):
            schema["parameters"] = {"p": "q"}
        if self.chance(0.1):
            schema["default"] = self.under(dict(schema))
        if self.chance(0.25):
            schema["optional"] = True
            if self.chance(0.3):
                values = None
        return schema, values

    def side(self, record, side, container=0.85, kinds=None):
        """Gives a record a key or value."""
        if self.chance(0.5):
            if self.chance(container):
                schema, value = self.struct(2 if self.chance(0.4) else 1)
            else:
                schema, value = self.schema(1, kinds)
            record[side + "_schema"] = schema
            record[side] = value
        else:
            record[side + "_schema"] = None
            if self.chance(container):
                record[side] = {"map": {name: self.tagged() for name in self.some(NAMES, 0, 5)}}
            else:
                value = self.tagged(2, kinds)
                # As a whole, maps whose keys are no texts are none of a transform's.
                record[side] = {"list": [value]} if value and "pairs" in value else value

    def record(self, side, **more):
        record = {"topic": self.pick(["test", "a-topic", "a.b", "orders$1", "x\\y", "db.table_9"]), "partition": self.pick([0, 3])}
        if self.chance(0.35):
            record["offset"] = self.pick([0, 41, 9223372036854775807])
        elif self.chance(0.3):
            record["partition"] = None
        if self.chance(0.6):
            record["timestamp"] = self.pick([0, 1483425001864, 1709210096789, 253402300799999])
        self.side(record, side, **more)
        other = "key" if side == "value" else "value"
        if self.chance(0.25):
            self.side(record, other, container=0.4)
        if self.chance(0.05):
            record[side] = None
        if self.chance(0.3):
            record["headers"] = []
            for _ in range(self.random.randint(1, 4)):
                schema, value = self.schema(1) if self.chance(0.7) else (None, self.tagged(1))
                record["headers"].append({"key": self.pick(["h1", "h2", "trace"]), "schema": schema, "value": value})
        return record

    def members(self, record, side):
        """The names of the fields that are there."""
        schema = record.get(side + "_schema")
        if isinstance(schema, dict) and "fields" in schema:
            return [field[0] for field in schema["fields"]]
        value = record.get(side)
        if isinstance(value, dict) and "map" in value:
            return list(value["map"])
        return []

    def fields(self, record, side, least=1, most=3):
        """Names of fields, mostly of those that are there."""
        names = self.members(record, side) or NAMES
        names = [name if self.chance(0.9) else self.pick(NAMES) for name in self.some(names, least, most)]
        if names and self.chance(0.07):
            names.append(names[0])
        return names
