#!/usr/bin/env python3
"""Makes up cases of transforms and converters, the same for the same seed; record.sh records them, record-avro.sh those of
Avro.

    make_cases.py smt COUNT [SEED]       | record.sh > FOLDER/smt-cases.jsonl
    make_cases.py converter COUNT [SEED] | record.sh > FOLDER/converter-cases.jsonl
    make_cases.py avro COUNT [SEED]      | record-avro.sh > FOLDER/avro-cases.jsonl
    make_cases.py avro-back < FOLDER/avro-cases.jsonl     cases that read what these wrote
    make_cases.py avro-sample BYTES < FOLDER/avro-cases.jsonl     so many bytes of them, with as much as can be of what they have
"""

import json
import re
import sys

from made_avro import Avro
from made_converters import Converters
from made_data import Data
from made_transforms import Transforms


class Maker(Transforms, Converters, Avro, Data):
    pass


def sample(lines, size):
    """Recorded cases that together have many words and pairs of word and setting, the shorter ones first."""
    known, chosen, left = set(), [], size
    for line in sorted(lines, key=len):
        case = json.loads(line)
        made = json.dumps([case.get(part) for part in ("schema", "avro_schema")])
        error = re.sub(r"\d+", "", case["expect"].get("error", {}).get("message", ""))[:40]
        words = set(re.findall(r"[a-z][a-z0-9.]+", made)) | {error}
        new = {(case["avro"], word, setting) for word in words for setting in [None, *case["config"]]} - known
        if len(new) >= 3 and len(line.encode()) <= left:
            known |= new
            left -= len(line.encode())
            chosen.append(line)
    return chosen


def main():
    what = sys.argv[1]
    if what == "avro-sample":
        for line in sample(sys.stdin.readlines(), int(sys.argv[2])):
            print(line, end="")
        return
    if what == "avro-back":
        maker = Maker(1)
        for line in sys.stdin:
            case = maker.avro_back(json.loads(line))
            if case:
                print(json.dumps(case, ensure_ascii=False))
        return
    maker = Maker(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    make = {"smt": maker.smt, "converter": maker.converter, "avro": maker.avro_case}[what]
    for number in range(int(sys.argv[2])):
        print(json.dumps({"id": f"made-{number}", **make()}, ensure_ascii=False))


if __name__ == "__main__":
    main()
