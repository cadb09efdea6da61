"""Random Avro schemas with values, which fastavro writes and reads.

    random_avro.py make SEED COUNT   prints {"schema": ..., "messages": [hex ...]}, a schema a line; "odd": true, where a Connect
                                     name is none of Avro
    random_avro.py compare           standard input: {"schema", "message", "written_schema", "written"} a line; prints what differs
"""

import io
import json
import random
import sys

import fastavro
R = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
P = lambda x: R.random() < x
class Gen:
    def __init__(s): s.n = 0; s.named = []
    def name(s):
        s.n += 1; return f"N{s.n}"
    def prim(s): return R.choice(["boolean", "int", "long", "float", "double", "bytes", "string"])
    def schema(s, d=3, union=True, avoid=()):
        k = R.choice(["p"] * 4 + ["logical"] * 3 + ["enum", "fixed"] + (["record", "array", "map", "union", "entries"] * 2 if d else []))
        if k == "union" and not union: k = "record"
        if union and s.named and P(.08): return R.choice(s.named)
        if k == "p":
            p = s.prim(); x = {"type": p} if P(.2) else p
            if isinstance(x, dict) and P(.5): x["connect.doc"] = "d"
            if p == "int" and P(.3): x = {"type": "int", "connect.type": R.choice(["int8", "int16"])}
            return x
        if k == "logical":
            return R.choice([{"type": "int", "logicalType": "date"}, {"type": "int", "logicalType": "time-millis"}, {"type": "long", "logicalType": "time-micros"}, {"type": "long", "logicalType": "timestamp-millis"}, {"type": "long", "logicalType": "timestamp-micros"},
              {"type": "long", "logicalType": "local-timestamp-millis"}, {"type": "long", "logicalType": "local-timestamp-micros"}, {"type": "bytes", "logicalType": "decimal", "precision": R.choice([9, 20, 64]), "scale": R.choice([0, 2, 5])},
              {"type": "fixed", "name": s.name(), "size": 12, "logicalType": "decimal", "precision": 20, "scale": 3}, {"type": "string", "logicalType": "uuid"}])
        if k == "enum": return {"type": "enum", "name": s.name(), "symbols": R.sample(["A", "B", "C", "D"], R.randint(1, 4)), **({"namespace": "e.f"} if P(.4) else {}), **({"doc": "ed"} if P(.2) else {}), **({"aliases": ["Old"+str(s.n)]} if P(.2) else {})}
        if k == "fixed": return {"type": "fixed", "name": s.name(), "size": R.randint(0, 5), **({"namespace": "e.f"} if P(.4) else {})}
        if k == "array": return {"type": "array", "items": s.schema(d - 1)}
        if k == "map": return {"type": "map", "values": s.schema(d - 1)}
        if k == "entries":
            return {"type": "array", "connect.name": "m." + s.name(), "items": {"type": "record", "name": s.name(), "connect.internal.type": "MapEntry", "fields": [{"name": "key", "type": R.choice(["int", "long", "boolean", ["null", "string"]])}, {"name": "value", "type": s.schema(d - 1)}]}}
        if k == "union":
            if P(.5):
                x = s.schema(d - 1, False); return R.choice([["null", x], [x, "null"]])
            out, seen = [], set()
            for _ in range(R.randint(1, 4)):
                b = R.choice([lambda: "null", lambda: s.schema(d - 1, False), lambda: s.schema(d - 1, False)])()
                t = b if isinstance(b, str) else b["type"]; key = t if t not in ("record", "enum", "fixed") else "decimal" if "logicalType" in b else b["name"]
                # Entries are an array, and may become a map.
                keys = {"array", "map"} if not isinstance(b, str) and "MapEntry" in json.dumps(b.get("items")) else {key}
                if keys & seen: continue
                seen |= keys; out.append(b)
            return out if out != ["null"] else ["null", "int"]
        r = {"type": "record", "name": s.name(), "fields": []}
        if P(.5): r["namespace"] = R.choice(["a.b", "c"])
        if P(.2): r["doc"] = "rd"
        if P(.1): r["connect.version"] = 3
        if P(.1): r["connect.parameters"] = {"p": "q"}
        if P(.2): r["connect.name"] = R.choice(["other.Name%d", "odd name.a-b %d", "1st.%dnd", "é.ü%%/%d"]) % s.n
        for i in range(R.randint(0, 5)):
            f = {"name": f"f{i}", "type": s.schema(d - 1)}
            if P(.4):
                x = default(f["type"])
                if x is not NOTHING: f["default"] = x
            if P(.2): f["doc"] = "fd"
            if P(.1): f["aliases"] = ["z"]
            r["fields"].append(f)
        if "namespace" in r: s.named.append(r["namespace"] + "." + r["name"])
        return r
NOTHING = object()
def default(t):
    if isinstance(t, list): return default(t[0]) if t else NOTHING
    k = t if isinstance(t, str) else t["type"]
    return {"null": None, "boolean": True, "int": 7, "long": 7, "float": 1.5, "double": 1.5, "string": "d\u00e9", "bytes": "\u00ff\u0001", "array": [], "map": {}}.get(k, t["symbols"][0] if k == "enum" else NOTHING)
def value(t):
    if isinstance(t, list):
        b = R.choice(t); x = value(b)
        if isinstance(b, dict) and b["type"] in ("record", "enum", "fixed"): return (full(b), x)
        return (b if isinstance(b, str) else b["type"], x) if b != "null" else None
    k = t if isinstance(t, str) else t["type"]; lt = None if isinstance(t, str) else t.get("logicalType")
    if k == "int":
        if lt == "time-millis": return R.randint(0, 86399999)
        if isinstance(t, dict) and t.get("connect.type") == "int8": return R.randint(-128, 127)
        if isinstance(t, dict) and t.get("connect.type") == "int16": return R.randint(-32768, 32767)
        if lt == "date": return R.randint(-100000, 100000)
        return R.choice([0, -1, 2**31 - 1, -2**31, R.randint(-999, 999)])
    if k == "long": return R.choice([0, -1, 2**63 - 1, -2**63, R.randint(-10**12, 10**12)])
    if k in ("float", "double"): return R.choice([0.0, -1.5, 1e10, 0.5])
    if k == "boolean": return P(.5)
    if k == "string": return R.choice(["", "é", "x" * 70, "a\0b"])
    if k == "bytes":
        if lt == "decimal": return R.choice([b"\0", b"\x04\xd2", b"\xff", b"\x80" + b"\1" * 6])
        return R.choice([b"", b"\xff\0", b"z" * 70])
    if k == "fixed":
        return bytes(R.randrange(256) for _ in range(t["size"]))
    if k == "enum": return R.choice(t["symbols"])
    if k == "array":
        out = [value(t["items"]) for _ in range(R.randint(0, 3))]
        if isinstance(t["items"], dict) and t["items"].get("connect.internal.type"):
            out = list({repr(x["key"]): x for x in out}.values())
        return out
    if k == "map": return {R.choice(["a", "b", ""]): value(t["values"]) for _ in range(R.randint(0, 3))}
    # An Avro map, which these entries may become, has no null as a key.
    if k == "record": return {f["name"]: R.choice(["", "k", "é"]) if f["type"] == ["null", "string"] and "connect.internal.type" in t else value(f["type"]) for f in t["fields"]}
    if k == "null": return None
    return value(TYPES[k])
NS = {}
TYPES = {}
def full(b): return NS[b["name"]]
def names(t, ns=None):
    if isinstance(t, list): [names(x, ns) for x in t]; return
    if isinstance(t, str): return
    if t["type"] in ("record", "enum", "fixed"):
        n = t.get("namespace", ns); NS[t["name"]] = f"{n}.{t['name']}" if n else t["name"]
        TYPES[NS[t["name"]]] = t
        for f in t.get("fields", []): names(f["type"], n)
    for k in ("items", "values"):
        if k in t: names(t[k], ns)
def plain(t):
    """without logical types, so that fastavro takes raw numbers and bytes"""
    if isinstance(t, list): return [plain(x) for x in t]
    if isinstance(t, dict): return {k: plain(v) if k in ("type", "items", "values", "fields") else v for k, v in t.items() if k != "logicalType"}
    return t
def make(count):
    for _ in range(count):
        t = Gen().schema(3)
        NS.clear(); TYPES.clear(); names(t)
        if not defined(t, set()): continue
        p = fastavro.parse_schema(plain(t))
        messages = []
        for _ in range(4):
            v = value(t)
            if v is None: continue
            if is_bytes(t): messages.append(v.hex()); continue
            b = io.BytesIO(); fastavro.schemaless_writer(b, p, v); messages.append(b.getvalue().hex())
        odd = {"odd": True} if has_odd_name(t) else {}
        print(json.dumps({"schema": t, "messages": messages, **odd}))


def has_odd_name(t):
    """Whether a Connect name is none that Avro may have."""
    name = t.get("connect.name", "") if isinstance(t, dict) else ""
    parts = t if isinstance(t, list) else t.values() if isinstance(t, dict) else []
    return any(c in name for c in " -/%") or name.startswith("1st") or any([has_odd_name(part) for part in parts])


def defined(t, known):
    """Whether each name that is used was defined before."""
    if isinstance(t, list): return all([defined(x, known) for x in t])
    if isinstance(t, str): return "." not in t or t in known
    if t["type"] in ("record", "enum", "fixed"): known.add(NS[t["name"]])
    parts = [f["type"] for f in t.get("fields", [])] + [t[k] for k in ("items", "values") if k in t]
    return all([defined(x, known) for x in parts])


def is_bytes(t):
    return t == "bytes" or (isinstance(t, dict) and t["type"] == "bytes")


def read(schema, message):
    """A value as it is compared: maps, records and arrays of entries as pairs in order."""
    if is_bytes(schema): return message
    b = io.BytesIO(bytes.fromhex(message))
    v = fastavro.schemaless_reader(b, fastavro.parse_schema(plain(schema)))
    assert not b.read(), "bytes are left"
    return v.hex() if isinstance(v, bytes) else plain_value(v)


def plain_value(v):
    if isinstance(v, dict): return [[k, plain_value(x)] for k, x in sorted(v.items())]
    if isinstance(v, list):
        if all(isinstance(x, dict) and set(x) == {"key", "value"} for x in v):
            return sorted([[plain_value(x["key"]), plain_value(x["value"])] for x in v], key=lambda x: str(x[0]))
        return [plain_value(x) for x in v]
    return v


def compare():
    for line in sys.stdin:
        c = json.loads(line)
        try:
            given, found = read(c["schema"], c["message"]), read(c["written_schema"], c["written"])
        except Exception as error:
            given, found = None, repr(error)
        if repr(given) != repr(found):
            print(json.dumps({**c, "given": repr(given), "found": repr(found)}))


if __name__ == "__main__":
    make(int(sys.argv[3])) if sys.argv[1] == "make" else compare()
