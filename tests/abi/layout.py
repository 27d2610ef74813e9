"""Writes tests/abi/layout.c from the description of the interface and its headers:

    python3 tests/abi/layout.py tests/abi/flowbd3-1.abi tests/abi/1.0/flowbd3/flowbd3.h >tests/abi/layout.c
"""

import re
import sys
import xml.etree.ElementTree as tree

HEAD = """/* Where the members of public structs lie in 1.0 on 64-bit machines, how large those are that do not grow, and what the
 * enumerators are numbered: that it compiles is the test. Written by tests/abi/layout.py; members that came later are not in it. */
#include <flowbd3/flowbd3.h>

#include <stddef.h>

#if defined(__LP64__)
#define LIES(type, member, at) _Static_assert(offsetof(type, member) == (at), #type "." #member)
#define HOLDS(type, size)      _Static_assert(sizeof(type) == (size), #type)
#else
#define LIES(type, member, at) _Static_assert(offsetof(type, member) <= (at), #type "." #member)
#define HOLDS(type, size)      _Static_assert(sizeof(type) <= (size), #type)
#endif
#define IS(name, value) _Static_assert((name) == (value), #name)
"""


def structs_of(interface):
    """Name, size, and members with their offsets, in bytes."""
    for struct in tree.parse(interface).iter("class-decl"):
        name, size = struct.get("name", ""), struct.get("size-in-bits")
        if name.startswith("flowbd3_") and size:
            members = [(member.find("var-decl").get("name"), int(member.get("layout-offset-in-bits")) // 8)
                       for member in struct.iter("data-member")]
            yield name, int(size) // 8, members


def enumerators_of(header):
    with open(header, encoding="utf-8") as text:
        without_comments = re.sub(r"/\*.*?\*/", "", text.read(), flags=re.S)
    yield from re.findall(r"(FLOWBD3_[A-Z0-9_]+)\s*=\s*(-?\d+)\b", without_comments)
    for name, value in re.findall(r"X\((\w+), (-?\d+), \"", without_comments):
        yield "FLOWBD3_" + name, value


print(HEAD)
for name, size, members in sorted(structs_of(sys.argv[1])):
    for member, offset in members:
        print(f"LIES({name}, {member}, {offset});")
    if members[0][0] != "struct_size":
        print(f"HOLDS({name}, {size});")
print()
for path in sys.argv[2:]:
    for enumerator in enumerators_of(path):
        print("IS(%s, %s);" % enumerator)
print("\nint main(void) {\n    return 0;\n}")
