"""Lines and branches of the library and the programs that tests reached, a table by room.

coverage.py BUILD [--unreached]    BUILD was compiled by clang with -fprofile-instr-generate -fcoverage-mapping, its tests
                                   ran with LLVM_PROFILE_FILE=BUILD/profiles/%4m.profraw. --unreached: the lines instead
"""

import collections
import json
import os
import pathlib
import subprocess
import sys


def report_on(build):
    """What llvm-cov says of the shared library and the programs."""
    merged = build / "coverage.profdata"
    subprocess.run(["llvm-profdata", "merge", "-sparse", "-o", merged, *sorted(build.glob("profiles/*.profraw"))], check=True)
    binaries = sorted(path for path in build.glob("lib/libflowbd3.so.*") if path.is_file())
    binaries += sorted(path for path in build.glob("examples/flowbd3-*") if path.is_file())
    objects = [argument for path in binaries[1:] for argument in ("-object", path)]
    # Functions of the kernels have one name in several variants, of which it then takes one and says so.
    text = subprocess.run(["llvm-cov", "export", "-instr-profile", merged, binaries[0], *objects], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return json.loads(text)["data"][0]["files"]


def room_of(name):
    """lib/ROOM or examples; None elsewhere."""
    parts = pathlib.Path(name).parts
    return "/".join(parts[:2]) if parts[0] == "lib" else parts[0] if parts[0] == "examples" else None


def print_table(files):
    rooms = collections.defaultdict(lambda: [0] * 4)
    for name, file in files.items():
        lines, branches = file["summary"]["lines"], file["summary"]["branches"]
        for key in (room_of(name), "all"):
            counts = (lines["count"], lines["covered"], branches["count"], branches["covered"])
            rooms[key] = [a + b for a, b in zip(rooms[key], counts)]
    print(f"{'':16}{'lines':>8}{'reached':>10}{'branches':>10}{'reached':>10}")
    for room in sorted(rooms, key=lambda room: (room == "all", room)):
        lines, hit, branches, taken = rooms[room]
        print(f"{room:16}{lines:8}{hit / max(lines, 1):10.1%}{branches:10}{taken / max(branches, 1):10.1%}")


def print_unreached(files):
    for name, file in sorted(files.items()):
        text = pathlib.Path(name).read_text().splitlines()
        # A segment is line, column, count, whether it counts, whether it begins a region, whether it is a gap.
        for segment, end in zip(file["segments"], file["segments"][1:]):
            if segment[3] and segment[2] == 0 and not segment[5]:
                last = end[0] if end[0] > segment[0] else segment[0]
                print(f"{name}:{segment[0]}-{last}: {text[segment[0] - 1].strip()}")


def main():
    build = pathlib.Path(sys.argv[1])
    files = {os.path.relpath(file["filename"]): file for file in report_on(build)}
    files = {name: file for name, file in files.items() if room_of(name) and file["summary"]["lines"]["count"] > 0}
    reached = {room_of(name) for name, file in files.items() if file["summary"]["lines"]["covered"] > 0}
    files = {name: file for name, file in files.items() if room_of(name) in reached}  # what was tested at all
    if not files:
        sys.exit("coverage.py: nothing was counted")
    if "--unreached" in sys.argv:
        print_unreached(files)
    else:
        print_table(files)


main()
