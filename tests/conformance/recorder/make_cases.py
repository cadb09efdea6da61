#!/usr/bin/env python3
"""Makes up cases of transforms and converters, the same for the same seed; record.sh records them.

    make_cases.py smt COUNT [SEED]       | record.sh > FOLDER/smt-cases.jsonl
    make_cases.py converter COUNT [SEED] | record.sh > FOLDER/converter-cases.jsonl
"""

import json
import sys

from made_converters import Converters
from made_data import Data
from made_transforms import Transforms


class Maker(Transforms, Converters, Data):
    pass


def main():
    what, count = sys.argv[1], int(sys.argv[2])
    maker = Maker(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    for number in range(count):
        case = maker.smt() if what == "smt" else maker.converter()
        print(json.dumps({"id": f"made-{number}", **case}, ensure_ascii=False))


if __name__ == "__main__":
    main()
