"""Made-up cases of converters."""

import base64
import json

from made_data import BASE64, LOGICAL, NAMES, SCALARS, STRINGS

LITERALS = ["[1,2,3]", "[1,\"a\"]", "{\"a\":1}", "12:34:56.789Z", "2024-02-29T12:34:56.789Z", "[]", "{}", "\"q\"", "1.0", "1e5", "[1.5,2]", "[1,2,300]", "{\"a\":1,\"b\":2}", "[2024-02-29]", "\"q\\\"x\"", "{\"a\":[1,2]}", "[[1],[2]]", "[true,false]", "-1.50", ".5", "5.",
            "[1,]", "[,1]", "[1,,2]", "{a:1}", "{\"a\":1,}", "{\"a\"}", "{1:2}", "{1:2,3:400}", "[null]", "[null,1]", "{\"a\":null}", "[1,2", "1,2]", "[", "]", "{", "}", ":", ",", "\"", "\\", "\"a", "a\"", "\\\"a", "a:b", "a,b", " [1] ", "[ 1 , 2 ]", "{ \"a\" : 1 }", "\"\"", "[\"\"]", "[\"a\",\"b\"]",
            "2024-02-29T12:34:56.789+0100", "2024-02-29T12:34:56.789+01:00", "2024-02-29T12:34:56Z", "2024-13-01", "0001-01-01", "1582-10-10", "-001-01-01", "12:34:56Z", "12:34:56.789+01:00", "25:00:00.000Z", "[12:34:56.789Z]", "{\"a\":12:34:56.789Z}", "2024-02-29T12\\:34\\:56.789Z", "12\\:34\\:56.789Z", "10000-01-01", "2024-2-9",
            "[1,2.5]", "[1,true]", "[127,128,40000]", "{\"a\":1,\"b\":\"c\"}", "[{},{}]", "[[],[]]", "[[1],[\"a\"]]", "[{\"a\":1},{\"b\":2}]", "null", "NULL", "[null,null]", "true", "True", "FALSE", "[TRUE]", "1e400", "0x10", "1d", "1f", "1L", "1E-400", "00", "007", "+7", "123456789012345678901234567890", "1.0000000000000000000000001", "{{}:1}", "{[1]:2}", "{\"a\":1,\"a\":2}", "[1]]", "{}}", "[1] x", "{\"a\":1} x", "{:}", "{,}", "[:]", "NaN", "-Infinity", "[NaN]"]
TOKENS = ["[", "]", "{", "}", ",", ":", "\"", "\\", " ", "\t", "a", "1", "-", ".", "null", "true", "false", "\"b\"", "\"a\"", "1.5", "300", "70000", "9999999999", "2024-02-29", "12:34:56.789Z", "e5", "é", "\n", "\u00a0"]
NUMBERS = ["0", "-0", "1", "-1", "127", "128", "300", "32768", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1.0", "1.5", "-0.0", "1e3", "1E+3", "1e-7", "1e400", "1e-400", "123456789012345678901234567890", "0.1", "3.4028236e38", "1.7976931348623157e308", "2.50", "1e19", "4.9e-324", "100.00", "16777217.0", "0e5", "0.000", "1e22", "9007199254740993", "9007199254740993.0", "1E-2147483647"]
WRONG_NUMBERS = ["01", "+1", ".5", "5.", "1e", "-", "NaN", "Infinity", "0x10", "1_0", "--1", "1.e5", "1e+", "-a", "tru", "nul", "True", "'a'", "undefined", "1a"]
TYPE_NAMES = {"float32": "float", "float64": "double"}
CONNECT = "org.apache.kafka.connect.data."


class Raw(str):
    """JSON text as it is."""


class Converters:
    """A mixture for a maker of data."""

    def literal(self, depth=2):
        """A text as `Values` writes and reads it, sometimes broken."""
        if self.chance(0.15):
            text = "".join(self.pick(TOKENS) for _ in range(self.random.randint(1, 9)))
        else:
            text = self.literal_part(depth)
        if self.chance(0.15) and text:
            at = self.random.randint(0, len(text))
            text = text[:at] + (self.pick(TOKENS) if self.chance(0.5) else "") + text[at + self.pick([0, 1]):]
        return text

    def literal_part(self, depth):
        space = lambda: self.pick([" ", "\t", "  "]) if self.chance(0.08) else ""
        if depth and self.chance(0.5):
            count = self.random.randint(0, 3)
            like = self.pick([None, None, "number", "string"])
            element = lambda: self.literal_part(depth - 1) if like is None else self.pick(NUMBERS) if like == "number" else json.dumps(self.pick(STRINGS), ensure_ascii=False)
            if self.chance(0.5):
                return "[" + ",".join(space() + element() + space() for _ in range(count)) + "]"
            key = lambda: json.dumps(self.pick(NAMES), ensure_ascii=False) if self.chance(0.8) else self.literal_part(0)
            return "{" + ",".join(space() + key() + space() + ":" + space() + element() + space() for _ in range(count)) + "}"
        return self.pick([lambda: self.pick(NUMBERS), lambda: self.pick(WRONG_NUMBERS), lambda: self.pick(STRINGS), lambda: json.dumps(self.pick(STRINGS), ensure_ascii=False), lambda: self.pick(["true", "false", "null"]), self.iso, lambda: self.pick(LITERALS)])()

    def iso(self):
        date = "%s-%s-%s" % (self.pick(["2024", "0000", "0001", "1582", "1500", "9999", "1970"]), self.pick(["01", "02", "10", "12", "13", "00"]), self.pick(["01", "04", "10", "15", "29", "31", "32"]))
        time = "%s:%s:%s.%s" % (self.pick(["00", "12", "23", "24"]), self.pick(["00", "59", "60"]), self.pick(["00", "59", "60"]), self.pick(["000", "789", "999"]))
        zone = self.pick(["Z", "Z", "Z", "+0000", "-0730", "+01:00", "+01", "z", ""])
        return self.pick([date, time + zone, date + "T" + time + zone, (date + "T" + time + zone).replace(":", "\\:")])

    def converter(self):
        package = "org.apache.kafka.connect."
        name = self.pick(["json.JsonConverter"] * 12 + ["storage.StringConverter"] * 3 + ["storage.SimpleHeaderConverter"] * 5 + ["converters.IntegerConverter", "converters.LongConverter", "converters.DoubleConverter", "converters.FloatConverter", "converters.ShortConverter", "converters.BooleanConverter", "converters.ByteArrayConverter"])
        case = {"converter": package + name, "config": {}}
        if "Header" in name or self.chance(0.05):
            case["header"] = True
        case["dir"] = self.pick(["from", "to"])
        if "Json" in name:
            self.json_case(case)
        elif "String" in name:
            self.string_case(case)
        elif case["dir"] == "to":
            if "Header" in name:
                case["text"] = self.literal() if self.chance(0.99) else None
            else:
                length = self.pick([0, 1, 2, 4, 8, self.random.randint(0, 9)])
                case["bytes_b64"] = base64.b64encode(bytes(self.pick([0, 1, 127, 128, 255, self.random.randint(0, 255)]) for _ in range(length))).decode()
                if self.chance(0.05):
                    del case["bytes_b64"]
        else:
            own = {"Integer": "int32", "Long": "int64", "Double": "float64", "Float": "float32", "Short": "int16", "Boolean": "boolean", "ByteArray": "bytes"}
            kinds = [kind for prefix, kind in own.items() if name.startswith("converters." + prefix)]
            kinds = kinds if kinds and self.chance(0.8) else None
            case["schema"], case["value"] = self.schema(2, kinds) if self.chance(0.6) else (None, self.tagged(2, kinds))
        return case

    def string_case(self, case):
        if self.chance(0.4):
            case["config"]["converter.encoding"] = self.pick(["UTF-8", "utf8", "ISO-8859-1", "latin1", "US-ASCII", "ascii", " UTF-8 "])
        if case["dir"] == "to":
            case["bytes_b64"] = base64.b64encode(self.pick([self.pick(STRINGS).encode(), bytes(self.random.randint(0, 255) for _ in range(self.random.randint(0, 6))), self.broken_utf8()])).decode()
            return
        # It writes the addresses of byte arrays.
        kinds = [kind for kind in SCALARS if kind != "bytes"] + LOGICAL
        case["schema"], case["value"] = self.schema(0, kinds) if self.chance(0.5) else (None, self.tagged(2, None if self.chance(0.3) else kinds[:8] + ["date", "decimal", "bigint"]))

    def broken_utf8(self):
        parts = [b"\xc3", b"\xa9", b"\xe2\x82", b"\xac", b"\xf0\x9f\x98", b"\x80", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5", b"\xff", b"a", b"\xe0\x80", b"\xf4\x90\x80\x80", "é".encode(), "😀".encode(), b"\xf0\x8f\xbf"]
        return b"".join(self.pick(parts) for _ in range(self.random.randint(1, 4)))

    def json_case(self, case):
        config = case["config"]
        config["schemas.enable"] = self.pick(["true", "false"])
        if self.chance(0.4):
            config["decimal.format"] = self.pick(["NUMERIC", "NUMERIC", "base64", "numeric", "BASE64"] if self.chance(0.98) else ["x", ""])
        if self.chance(0.3):
            config["replace.null.with.default"] = self.pick(["false", "true"])
        if case["dir"] == "from":
            case["schema"], case["value"] = self.schema(3) if self.chance(0.75) else (None, self.tagged(3))
            return
        schema, value = self.schema(3)
        envelope = {"schema": self.json_schema(schema), "payload": self.payload(schema, value, case)}
        if self.chance(0.1):
            config["schema.content"] = self.pick(["", self.text(envelope["schema"]), self.broken(self.text(envelope["schema"]))])
            case["text"] = self.text(envelope["payload"] if self.chance(0.7) else envelope)
        elif config["schemas.enable"] == "true":
            for _ in range(self.pick([0, 0, 0, 1, 1, 2])):
                self.mutate(envelope)
            case["text"] = self.text(envelope)
        else:
            case["text"] = self.text(self.json(3))
        if self.chance(0.2):
            case["text"] = self.broken(case["text"])
        if self.chance(0.02):
            del case["text"]

    def json_schema(self, schema):
        """The schema of the cases as that of an envelope."""
        if isinstance(schema, str):
            schema = {"type": schema}
        kind = schema["type"]
        made = {"optional": kind.endswith("?") or bool(schema.get("optional"))}
        if not made["optional"] and self.chance(0.3):
            del made["optional"]
        kind = kind.rstrip("?")
        for part in ("name", "version", "doc", "parameters"):
            if part in schema:
                made[part] = schema[part]
        if kind in ("date", "time", "timestamp"):
            made.update(name=CONNECT + kind.capitalize(), version=1)
            made["type"] = "int64" if kind == "timestamp" else "int32"
        elif kind.startswith("decimal"):
            made.update(name=CONNECT + "Decimal", version=1, type="bytes", parameters={"scale": kind[8:-1], **({"connect.decimal.precision": "9"} if self.chance(0.2) else {})})
        else:
            made["type"] = TYPE_NAMES.get(kind, kind)
        if kind == "array":
            made["items"] = self.json_schema(schema["items"])
        if kind == "map":
            made["keys"], made["values"] = self.json_schema(schema["keys"]), self.json_schema(schema["values"])
        if kind == "struct":
            made["fields"] = [{**self.json_schema(of), "field": name} for name, of in schema["fields"]]
        if "default" in schema:
            made["default"] = self.payload(schema, schema["default"], {})
        parts = list(made.items())
        if self.chance(0.3):
            self.random.shuffle(parts)
        return dict(parts)

    def payload(self, schema, value, case):
        kind = (schema if isinstance(schema, str) else schema["type"]).rstrip("?")
        if value is None:
            return None
        if kind == "array":
            return [self.payload(schema["items"], element, case) for element in value]
        if kind == "map":
            if isinstance(value, dict):
                return {key: self.payload(schema["values"], element, case) for key, element in value.items()}
            return [[self.payload(schema["keys"], key, case), self.payload(schema["values"], element, case)] for key, element in value]
        if kind == "struct":
            return {name: self.payload(of, value.get(name), case) for name, of in schema["fields"] if value.get(name) is not None or self.chance(0.7)}
        if kind == "date":
            return value // 86400000
        if kind.startswith("decimal"):
            if self.chance(0.5):
                return Raw(self.pick([value, *NUMBERS]))
            return self.pick(BASE64)
        if kind in ("float32", "float64") and self.chance(0.5) or kind.startswith("int") and self.chance(0.1):
            return Raw(self.pick(NUMBERS))
        if self.chance(0.03):
            return self.json(1)
        return value

    def json(self, depth):
        if depth and self.chance(0.6):
            if self.chance(0.6):
                return {self.pick(NAMES): self.json(depth - 1) for _ in range(self.random.randint(0, 3))}
            return [self.json(depth - 1) for _ in range(self.random.randint(0, 3))]
        return self.pick([None, True, False, "a", "é", "", Raw(self.pick(NUMBERS)), Raw(self.pick(NUMBERS)), self.pick(STRINGS), self.pick(BASE64)])

    def nodes(self, json, found=None):
        """All objects and arrays."""
        found = [] if found is None else found
        if isinstance(json, (dict, list)):
            found.append(json)
            for inner in json.values() if isinstance(json, dict) else json:
                self.nodes(inner, found)
        return found

    def mutate(self, envelope):
        """Changes one thing somewhere."""
        node = self.pick(self.nodes(envelope))
        values = [None, True, "x", "", 1, -1, Raw("1.5"), [], {}, "string", "int32", "struct", "bytes", "2", Raw("1e3"), [None], {"a": 1}, CONNECT + "Date", CONNECT + "Decimal", CONNECT + "Timestamp", {"type": "string"}, Raw("99999999999")]
        if isinstance(node, list):
            way = self.random.randint(0, 2)
            if way == 0 or not node:
                node.insert(self.random.randint(0, len(node)), self.pick(values))
            elif way == 1:
                node[self.random.randrange(len(node))] = self.pick(values)
            else:
                del node[self.random.randrange(len(node))]
            return
        key = self.pick(list(node)) if node else "a"
        way = self.random.randint(0, 3)
        if way == 0:
            node[key] = self.pick(values)
        elif way == 1:
            node.pop(key, None)
        elif way == 2:
            node[self.pick(["type", "optional", "default", "name", "version", "parameters", "doc", "fields", "field", "items", "keys", "values", "schema", "payload", "other"])] = self.pick(values)
        else:
            node[key] = {"type": node.get(key)}

    def text(self, json):
        """JSON as text, with white space, escapes and repeated names now and then."""
        space = lambda: self.pick([" ", "\n", "\t", "\r", "  "]) if self.chance(0.02) else ""
        if isinstance(json, Raw):
            return json
        if isinstance(json, dict):
            members = list(json.items())
            if members and self.chance(0.01):
                members.append((members[0][0], self.pick([None, 1, "x"])))
            return "{" + ",".join(space() + self.quoted(key) + space() + ":" + space() + self.text(value) + space() for key, value in members) + "}"
        if isinstance(json, list):
            return "[" + ",".join(space() + self.text(value) + space() for value in json) + "]"
        if isinstance(json, str):
            return self.quoted(json)
        if json is None or isinstance(json, bool):
            return {None: "null", True: "true", False: "false"}[json]
        return str(json)

    def quoted(self, text):
        import json

        quoted = json.dumps(text, ensure_ascii=self.chance(0.3))
        if self.chance(0.02) and text:
            quoted = '"' + "".join("\\u%04x" % ord(char) if ord(char) < 65536 else char for char in text) + '"'
        return quoted

    def broken(self, text):
        """A text with something wrong in it, mostly."""
        at = self.random.randint(0, len(text))
        return self.pick([
            lambda: text[:at],
            lambda: text[:at] + text[at + 1:],
            lambda: text[:at] + self.pick(["\"", "{", "}", "[", "]", ",", ":", "\\", "0", "-", ".", "e", " ", "\u0000", "\n", "é", "\ufeff", "/", "/**/", "#", "'", "\\u00e9", "\\x", "\\u12"]) + text[at:],
            lambda: text.replace("1", self.pick(WRONG_NUMBERS), 1),
            lambda: self.pick(["", " ", "\ufeff" + text, " " + text, "\n" + text + "\n", "//x\n" + text, "/* x */" + text, "null"]),
            lambda: text.replace("null", self.pick(["NaN", "None", "nul", "nulll", "Null"]), 1),
            lambda: text.replace(",", ",,", 1),
            lambda: text.replace("}", ",}", 1),
            lambda: text.replace("\"", "'"),
        ])()
