"""Lines and branches that tests reached, a table by room.

coverage.py FILE.json    a summary of gcovr (--json-summary) or of llvm-cov (export -summary-only)
"""

import collections
import json
import pathlib
import sys


def counts(path):
    """(file, lines, lines reached, branches, branches reached) of every file."""
    summary = json.loads(pathlib.Path(path).read_text())
    if "data" in summary:
        for entry in summary["data"][0]["files"]:
            lines, branches = entry["summary"]["lines"], entry["summary"]["branches"]
            yield entry["filename"], lines["count"], lines["covered"], branches["count"], branches["covered"]
    else:
        for entry in summary["files"]:
            yield (entry["filename"], entry["line_total"], entry["line_covered"], entry["branch_total"],
                   entry["branch_covered"])


def room_of(name):
    """lib/ROOM or examples; None elsewhere."""
    path = pathlib.Path(name)
    path = path.relative_to(pathlib.Path.cwd()) if path.is_absolute() and path.is_relative_to(pathlib.Path.cwd()) else path
    parts = path.parts
    if parts[0] == "lib":
        return "/".join(parts[:2])
    return "examples" if parts[0] == "examples" else None


def main():
    rooms = collections.defaultdict(lambda: [0] * 4)
    for name, *numbers in counts(sys.argv[1]):
        room = room_of(name)
        for key in [room, "all"] if room else []:
            rooms[key] = [a + b for a, b in zip(rooms[key], numbers)]
    if not rooms:
        sys.exit("coverage.py: nothing was counted")
    print(f"{'':16}{'lines':>8}{'reached':>10}{'branches':>10}{'reached':>10}")
    for room in sorted(rooms, key=lambda room: (room == "all", room)):
        lines, hit, branches, taken = rooms[room]
        print(f"{room:16}{lines:8}{hit / max(lines, 1):10.1%}{branches:10}{taken / max(branches, 1):10.1%}")


main()
