#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes vectors.json and vectors.h, which hold what the text files hold. README.md describes all three.

If a name, a packet or an answer differs from those in the vectors.json that is there, the version is raised by one.

usage: formats.py          writes both files
       formats.py --check  writes nothing, and fails if one of them is not what would be written
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
LONGEST_NAME = 127
LICENSE = "MIT OR Apache-2.0"
SETS = [f"ipv{ip}-{profile}" for profile in ("netfilter", "tcp-stack") for ip in (4, 6)]


def read(name):
    """The comment of a text file, and its vectors: name, offender, "reset" or "silence", reply or reason."""
    license_line, comment, *lines = (HERE / f"{name}.txt").read_text("ascii").splitlines()
    if license_line != f"# SPDX-License-Identifier: {LICENSE}" or not comment.startswith("# "):
        sys.exit(f"formats.py: {name}.txt: the first two lines are not the licence and a comment")
    vectors = []
    for line in lines:
        parts = line.split(" ")
        answer = r"[0-9a-f]+" if parts[2:3] == ["reset"] else r"[A-Za-z]+"
        if len(parts) != 4 or parts[2] not in ("reset", "silence") or not re.fullmatch(answer, parts[3]) \
                or len(parts[0]) > LONGEST_NAME:
            sys.exit(f"formats.py: {name}.txt: not a vector: {line}")
        bytes.fromhex(parts[1])
        vectors.append(parts)
    return comment[2:].removesuffix(" README.md describes the format."), vectors


def vectors_of(document):
    """Without the comments: who answered belongs to no version."""
    return {each["name"]: each["vectors"] for each in document["sets"]}


def version_of(sets):
    """One more than vectors.json has, if its vectors differ from these."""
    path = HERE / "vectors.json"
    if not path.exists():
        return 1
    try:
        written = json.loads(path.read_text("ascii"))
        is_same = vectors_of(written) == vectors_of(json.loads(as_json(0, sets)))
        return written["version"] + (0 if is_same else 1)
    except (ValueError, KeyError) as problem:
        sys.exit(f"formats.py: vectors.json cannot be read, and the version comes from it: restore it first: {problem!r}")


def as_json(version, sets):
    """One vector a line, so that a difference between two versions can be read."""
    blocks = []
    for name, (comment, vectors) in sets.items():
        ip, profile = name.split("-", 1)
        lines = [f'{{"name":"{n}","offender":"{o}","{kind}":"{answer}"}}' for n, o, kind, answer in vectors]
        blocks.append(f'{{"name":"{name}","ip":{ip[3:]},"profile":"{profile}","comment":"{comment}","vectors":[\n'
                      + ",\n".join(lines) + "\n]}")
    return f'{{"format":1,"version":{version},"license":"{LICENSE}","sets":[\n' + ",\n".join(blocks) + "\n]}\n"


def as_header(version, sets):
    """Each packet is one array, also where several vectors have it."""
    packets = {}
    arrays = []
    for name, (comment, vectors) in sets.items():
        rows = []
        for vector, offender, kind, answer in vectors:
            for packet in (offender, answer) if kind == "reset" else (offender,):
                packets.setdefault(packet, f"tcp_reset_packet_{len(packets)}")
            reset = f"{packets[answer]}, {len(answer) // 2}, 0" if kind == "reset" else f'0, 0, "{answer}"'
            rows.append(f'{{"{vector}", {packets[offender]}, {len(offender) // 2}, {reset}}},')
        symbol = "tcp_reset_vectors_" + name.replace("-", "_")
        arrays.append(f"/* {comment} */\nstatic const struct tcp_reset_vector {symbol}[{len(rows)}] = {{\n"
                      + "\n".join(rows) + "\n};\n")
    table = "".join(f'{{"{name}", tcp_reset_vectors_{name.replace("-", "_")}, {len(vectors)}}},\n'
                    for name, (_, vectors) in sets.items())
    bytes_of = "".join(f"static const uint8_t {symbol}[] = {{{','.join(map(str, bytes.fromhex(packet)))}}};\n"
                       for packet, symbol in packets.items())
    return HEADER.replace("@", str(version)) + bytes_of + "\n" + "\n".join(arrays) + TABLE.replace("@", table)


HEADER = f"/* SPDX-License-Identifier: {LICENSE} */" + """
/* Offending packets and their resets. Written by formats.py from the text files: README.md describes them. */
#ifndef TCP_RESET_VECTORS_H
#define TCP_RESET_VECTORS_H

#include <stdint.h>

#define TCP_RESET_VECTORS_VERSION @

struct tcp_reset_vector {
    const char *name;
    const uint8_t *offender;
    uint16_t offender_len;
    const uint8_t *reset; /* null: the offender gets no reset */
    uint16_t reset_len;
    const char *silence; /* why not, or null */
};

struct tcp_reset_vector_set {
    const char *name;
    const struct tcp_reset_vector *vectors;
    uint16_t count;
};

"""
TABLE = """
static const struct tcp_reset_vector_set tcp_reset_vector_sets[4] = {
@};

#endif
"""


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    sets = {name: read(name) for name in SETS}
    count, version = sum(len(vectors) for _, vectors in sets.values()), version_of(sets)
    for name, text in (("vectors.json", as_json(version, sets)), ("vectors.h", as_header(version, sets))):
        path = HERE / name
        if sys.argv[1:] == []:
            path.write_text(text, "ascii")
        elif not path.exists() or path.read_text("ascii") != text:
            sys.exit(f"formats.py: {name} is not what the text files hold: run testdata/vectors/formats.py")
        print(f"{name}: version {version}, {count} vectors in {len(sets)} sets")


if __name__ == "__main__":
    main()
