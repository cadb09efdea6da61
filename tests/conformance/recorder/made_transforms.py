"""Made-up cases of transforms and predicates."""

import re

from made_converters import LITERALS
from made_data import NAMES, STRINGS

PATTERNS = ["yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSSX", "yyyyMMdd", "dd/MM/yy", "MMM d, yyyy", "EEE, d MMM yyyy HH:mm:ss Z",
            "hh:mm a", "HH:mm:ss.SSS", "yyyy-DDD", "yy", "MMMM", "EEEE", "yyyy.MM.dd G", "k:mm", "K:mm a", "u", "F", "w", "W", "''yyyy''", "z", "XXX", "yyyyy", "M", "S", "SSSSSS",
            "yyyyMMddHHmmssSSS", "yyyy-MM-dd'T'HH:mm:ssXXX", "YYYY-'W'ww-u", "yyyy-MM-dd HH:mm:ss.SSSSSS", "d.M.y", "LLLL y", "h a", "EEE MMM dd HH:mm:ss zzz yyyy", "yyyy-MM W F", "G y", "D y", "yyyy MM", "HH"]
SEPARATORS = ["-", "/", " ", ":", ".", ", ", "'T'", "", "''", "é", "'o''c'"]
LETTERS = "GyyyyYMMMMLwWDddddFEuaHHHkKhmmmsssSSSzZX"
WORDS = {"G": ["AD", "BC", "ad"], "E": ["Mon", "Tuesday", "sun", "Thu"], "a": ["AM", "PM", "pm"], "z": ["UTC", "GMT", "PST", "GMT+01:00", "CET", "Europe/Berlin"],
         "Z": ["+0000", "-0730", "+01:00", "UTC", "Z"], "X": ["Z", "+01", "-0230", "+05:30", "+0530"]}
MONTHS = ["Jan", "Feb", "march", "April", "May", "June", "Jul", "sept", "December", "Dec"]
SIDED = ["Cast", "MaskField", "TimestampConverter", "Flatten", "HeaderFrom", "HoistField", "SetSchemaMetadata", "ExtractField", "InsertField", "ReplaceField"]
REGEXES = ["(.*)", "a(.*)", "([a-z]+)[.-](.*)", "te?st", "(?<n>[a-z]+).*", "(?i)TEST", "([^.]+)\\.([^.]+)", "\\w+", "(\\w)(\\w)(\\w)(.*)", "(a|t)(.*)", ".*?", "(.+?)-(.+)",
           "[a-z&&[^x]]+", "\\Qa.b\\E", "\\p{Alpha}+(.*)", "\\p{Lower}+", "^(.*)$", "(?:db\\.)?(\\w*)", "x\\\\y", "orders\\$(\\d+)", "(t)?(.*)", "[\\w.]{2,}", "\\bt.*", "()(.*)", "(?s).*", "(?x) t e s t", "[[:alpha:]]+", "a{2}", "\\D+(\\d)", "(", "[", "a{", "*", "\\", "(?<n>a)(?<n>b)",
           "[^\\w]", ".{3,7}", "\\x74est", "\\u0074est", "[a-f[m-z]]*", "\\S+", "test\\z", "\\Atest", "test\\Z", "\\h*test", "tes[\\Qt\\E]", "\\P{Upper}+", "[\\p{Digit}a-z]+", "\\R?test"]
REPLACEMENTS = ["$1-x", "y", "$2.$1", "x$0", "${n}", "${n}-$1", "\\$1", "\\\\", "\\x", "$", "a\\", "$10", "$11", "${x}", "${", "${n", "$a", "", "$1$2$3", "a b", "${1}", "$01", "é$0", "\\é", "$0$0"]


class Transforms:
    """A mixture for a maker of data."""

    def pattern(self):
        if self.chance(0.5):
            return self.pick(PATTERNS)
        parts = []
        for _ in range(self.random.randint(1, 5)):
            parts.append(self.pick(LETTERS) * self.pick([1, 1, 2, 2, 3, 4, 5]))
            parts.append(self.pick(SEPARATORS))
        pattern = "".join(parts)
        return pattern if self.chance(0.97) else pattern + self.pick(["'", "b", "T", "'x"])

    def date_text(self, pattern):
        """A text that mostly fits a pattern."""
        parts = []
        for run in re.findall(r"'[^']*'|([a-zA-Z])\1*|.", pattern) and [match.group() for match in re.finditer(r"'[^']*'|([a-zA-Z])\1*|.", pattern, re.S)]:
            letter, count = run[0], len(run)
            if letter == "'":
                parts.append(run[1:-1] or "'")
            elif not letter.isascii() or not letter.isalpha():
                parts.append(run)
            elif letter in WORDS:
                parts.append(self.pick(WORDS[letter]))
            elif letter in "ML" and count > 2:
                parts.append(self.pick(MONTHS))
            else:
                number = self.pick([0, 1, 2, 5, 11, 12, 13, 24, 29, 31, 59, 99, 366, 1582, 1970, 2024]) if letter not in "yY" else self.pick([0, 1, 24, 70, 99, 1000, 1582, 1600, 1970, 2024, 12345])
                parts.append(("%0*d" % (count, number)) if self.chance(0.85) else self.pick([str(number), "-" + str(number), " " + str(number), "+1", "x"]))
        text = "".join(parts)
        return text if self.chance(0.9) else self.pick([text + "x", text[:-1], " " + text, text + " ", text[1:]])

    def path(self, record, side):
        """A path of syntax V2 to what is there, or nearly."""
        steps, schema, value = [], record.get(side + "_schema"), record.get(side)
        while True:
            if isinstance(schema, dict) and schema.get("fields"):
                name, schema = self.pick(schema["fields"])
            elif schema is None and isinstance(value, dict) and value.get("map"):
                name = self.pick(list(value["map"]))
                value = value["map"][name]
            else:
                break
            steps.append(name)
            if self.chance(0.25):
                break
        if self.chance(0.2):
            steps.insert(self.random.randint(0, len(steps)), self.pick(NAMES))
        steps = steps or [self.pick(NAMES)]
        path = ".".join("`%s`" % step if ("." in step or "`" in step) and self.chance(0.9) or self.chance(0.1) else step for step in steps)
        if self.chance(0.08):
            path = self.pick(["`" + path, path + "`", path + ".", "." + path, path.replace(".", ".."), "`a\\`.b`.c", "`a`b`.c", "``", "", "`a.b"])
        return path

    def smt(self):
        name = self.pick(["Cast"] * 4 + ["MaskField"] * 2 + ["TimestampConverter"] * 5 + ["Flatten"] * 3 + ["HeaderFrom"] * 2 + ["InsertHeader"] * 2 + ["ExtractField"] * 3 + ["InsertField", "ReplaceField", "ValueToKey", "SetSchemaMetadata", "RegexRouter"] * 2
                         + ["DropHeaders", "HoistField", "TimestampRouter", "Filter", "TopicNameMatches", "HasHeaderKey", "RecordIsTombstone"])
        sided = name in SIDED
        key = sided and self.chance(0.2)
        side = "key" if key else "value"
        record = self.record(side)
        config = getattr(self, "smt_" + name)(record, side)
        if name in ("Cast", "MaskField", "TimestampConverter", "HeaderFrom", "ExtractField", "InsertField", "ReplaceField", "ValueToKey", "SetSchemaMetadata") and self.chance(0.35):
            config["replace.null.with.default"] = self.pick(["true", "false", "false", "FALSE", " true ", "no"] if self.chance(0.1) else ["true", "false"])
        if config and self.chance(0.01):
            del config[self.pick(list(config))]
        if name in ("TopicNameMatches", "HasHeaderKey", "RecordIsTombstone"):
            name = "predicates." + name
        return {"smt": name + (("$Key" if key else "$Value") if sided else ""), "config": config, "input": record}

    def refill(self, record, side, **more):
        for part in (side, side + "_schema"):
            record.pop(part, None)
        self.side(record, side, **more)

    def smt_Cast(self, record, side):
        types = ["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"]
        kind = lambda: self.pick(types) if self.chance(0.97) else self.pick(["bytes", "INT8", "String", "struct", "int", "", "map", "float", " int8 "])
        if self.chance(0.3):
            self.refill(record, side, container=0.05)
            return {"spec": kind()}
        spec = ",".join(f"{field}:{kind()}" for field in self.fields(record, side))
        return {"spec": spec if self.chance(0.95) else self.pick([spec + ",", "int8," + spec, spec + ":x", " " + spec.replace(":", " : ") + " ", "", ":int8", "a:", "a:int8,,b:int8", "::"])}

    def smt_MaskField(self, record, side):
        config = {"fields": ",".join(self.fields(record, side))}
        if self.chance(0.5):
            config["replacement"] = "7" if "bigint" in str(record) else self.pick(["***", "7", "1.5", "300", "x y", "-1", "true", "", " ", "1e3", "NaN", "99999999999", " 5", "0x1F"])
        return config

    def smt_TimestampConverter(self, record, side):
        config = {"target.type": self.pick(["string", "unix", "Date", "Time", "Timestamp"] if self.chance(0.98) else ["date", "", "Unix"])}
        pattern = self.pattern()
        if self.chance(0.85) or config["target.type"] == "string":
            config["format"] = pattern if self.chance(0.98) else self.pick(["", " ", "bad"])
        if self.chance(0.5):
            config["unix.precision"] = self.pick(["nanoseconds", "microseconds", "milliseconds", "seconds"] if self.chance(0.98) else ["hours", ""])
        kind = self.pick(["string", "string", "int64", "timestamp", "date", "time", "int32"])
        if config["target.type"] == "string" and kind == "string" and any(letter in pattern for letter in "zZX"):
            kind = "int64"  # a SimpleDateFormat keeps the zone that it has read for what it prints
        text = self.date_text(pattern)
        bare = lambda: {"string": text} if kind == "string" else {"date": self.moment()} if kind in ("timestamp", "date", "time") else {kind: self.scalar(kind)}
        typed = lambda: text if kind == "string" else self.scalar(kind)
        if self.chance(0.5):
            if self.chance(0.5):
                record[side + "_schema"] = kind + self.pick(["", "?"])
                record[side] = typed()
            else:
                record[side + "_schema"], record[side] = None, bare()
            return config
        config["field"] = (self.fields(record, side, 1, 1) or ["a"])[0]
        if self.chance(0.7) and record.get(side):
            schema = record.get(side + "_schema")
            if isinstance(schema, dict) and "fields" in schema:
                for field in schema["fields"]:
                    if field[0] == config["field"]:
                        field[1] = self.pick([kind, kind + "?", {"type": kind, "default": typed()}, {"type": kind, "default": typed(), "optional": True}])
                        schema.pop("default", None)
                        record[side][field[0]] = typed() if isinstance(field[1], str) and field[1][-1] != "?" or self.chance(0.7) else None
            elif schema is None and "map" in record[side]:
                record[side]["map"][config["field"]] = bare()
        return config

    def smt_Flatten(self, record, side):
        return {"delimiter": self.pick(["_", "", "::", " ", "."])} if self.chance(0.5) else {}

    def smt_HeaderFrom(self, record, side):
        fields = self.fields(record, side)
        headers = [self.pick([f"h-{field}", "h1", "same"]) for field in fields]
        if self.chance(0.03):
            headers = headers[1:] or ["a", "b"]
        return {"fields": ",".join(fields), "headers": ",".join(headers), "operation": self.pick(["move", "copy"] if self.chance(0.97) else ["MOVE", "Copy", "drop", ""])}

    def smt_InsertHeader(self, record, side):
        return {"header": self.pick(["h", "h1", "", " h "]), "value.literal": self.literal() if self.chance(0.7) else self.pick(STRINGS + LITERALS)}

    def smt_DropHeaders(self, record, side):
        return {"headers": ",".join(self.some(["h1", "h2", "none", "trace", ""]))}

    def smt_HoistField(self, record, side):
        return {"field": self.pick(NAMES)}

    def smt_SetSchemaMetadata(self, record, side):
        if self.chance(0.4):
            self.refill(record, side, container=0.3)
        config = {}
        if self.chance(0.7):
            config["schema.name"] = self.pick(["new.Name", "", " x "])
        if self.chance(0.6):
            config["schema.version"] = self.pick(["1", "7", "-1"] if self.chance(0.95) else ["x", "", " 3 ", "1.0", "2147483648"])
        return config

    def smt_TimestampRouter(self, record, side):
        config = {}
        if self.chance(0.7):
            config["timestamp.format"] = self.pattern()
        if self.chance(0.7):
            config["topic.format"] = self.pick(["${topic}_${timestamp}", "x-${timestamp}", "${timestamp}", "${topic}", "$topic-${timestamp}-${timestamp}", "$[topic]", "", "${TOPIC}", "\\${topic}"])
        return config

    def smt_ExtractField(self, record, side):
        if self.chance(0.3):
            return {"field": (self.fields(record, side, 1, 1) or ["a"])[0]}
        return {"field": self.path(record, side), "field.syntax.version": self.pick(["V2"] * 12 + ["v2", "V1", "V3", ""])}

    def smt_InsertField(self, record, side):
        config = {}
        for field in self.some(["topic.field", "partition.field", "offset.field", "timestamp.field", "static.field"], 1, 3):
            config[field] = self.pick(["t", "a", "id", "", "?", "a?b", "é"]) + self.pick(["", "?", "!", "?!", "!?"])
        if "static.field" in config and self.chance(0.9) or self.chance(0.05):
            config["static.value"] = self.pick(["s", "", "5", " x"])
        if self.chance(0.03):
            config = {}
        return config

    def smt_ReplaceField(self, record, side):
        config = {}
        if self.chance(0.5):
            config["exclude"] = ",".join(self.fields(record, side))
        if self.chance(0.3):
            config["include"] = ",".join(self.fields(record, side))
        if self.chance(0.6):
            to = lambda field: self.pick([field + "2", "same", self.pick(NAMES), "a"])
            config["renames"] = ",".join(f"{field}:{to(field)}" for field in self.fields(record, side))
        if self.chance(0.03):
            config["renames"] = self.pick(["a", "a:b:c", ":", "a:", ":b", "a:b,a:c", "a:b,c", " a : b "])
        return config

    def smt_ValueToKey(self, record, side):
        return {"fields": ",".join(self.fields(record, "value"))}

    def smt_RegexRouter(self, record, side):
        return {"regex": self.pick(REGEXES), "replacement": self.pick(REPLACEMENTS)}

    def smt_Filter(self, record, side):
        return {}

    def smt_TopicNameMatches(self, record, side):
        return {"pattern": self.pick(REGEXES)}

    def smt_HasHeaderKey(self, record, side):
        return {"name": self.pick(["h1", "h2", "trace", "none", ""])}

    def smt_RecordIsTombstone(self, record, side):
        return {}
