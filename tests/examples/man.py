"""The manual pages of the programs against what --help says.

man.py write PROGRAMS PAGE...      writes synopsis and options of the pages anew; the rest is written by hand
man.py compare PROGRAMS PAGE...    fails where they differ, and where groff or lexgrog has something to say

PROGRAMS is the folder of the built programs, a page examples/flowbd3-NAME.1.
"""

import pathlib
import re
import shutil
import subprocess
import sys

BEGIN = '.\\" From --help (tests/examples/man.py).\n'
END = '.\\" End of --help.\n'


def escaped(text):
    """Text as roff prints it: minus signs that can be copied, no escapes, no requests."""
    return re.sub(r"^(['.])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"), flags=re.M)


def help_of(program):
    """The words behind the name on the line of usage, and (name, argument, help) of every option."""
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    usage, _, listed = text.partition("\n\n")
    usage = usage.splitlines()[0].removeprefix("Usage: ").partition(" ")[2]
    options = []
    for line in listed.splitlines():
        option = re.match(r"  (-\?, |    )--([a-z0-9-]+)(?:=(\S+))?(?:\s+(.*))?$", line)
        if option:
            short, name, argument, words = option.groups(default="")
            options.append([short.rstrip(", "), name, argument, [words]])
        elif line.strip() and options and line.startswith(" "):
            options[-1][3].append(line.strip())
    return usage, [(short, name, argument, " ".join(filter(None, words))) for short, name, argument, words in options]


def option(short, name, argument, words):
    head = f".BI {escaped('--' + name)}= \"{escaped(argument)}\"" if argument else f".B {escaped('--' + name)}"
    if short:
        head = f".BR {escaped(short)} \", \" {escaped('--' + name)}"
    return f".TP\n{head}\n{escaped(words)}\n"


def sections(program):
    usage, options = help_of(program)
    return (BEGIN + f".SH SYNOPSIS\n.B {escaped(program.name)}\n{escaped(usage)}\n" + END,
            BEGIN + ".SH OPTIONS\n" + "".join(option(*o) for o in options) + END)


def renewed(page, programs):
    """The page with synopsis and options as --help has them."""
    text = page.read_text()
    parts = re.split(f"({re.escape(BEGIN)}.*?{re.escape(END)})", text, flags=re.S)
    if len(parts) != 5:
        sys.exit(f"{page}: expected two sections from --help")
    parts[1], parts[3] = sections(programs / page.stem)
    return "".join(parts)


def complaints(page):
    """What the tools that are there have to say about a page."""
    commands = [["groff", "-man", "-Tutf8", "-ww", "-z", page], ["lexgrog", page]]
    for command in commands:
        if shutil.which(command[0]):
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode != 0 or run.stderr:
                yield f"{command[0]}: {run.stderr.strip()}{run.stdout.strip()}"


def main():
    verb, programs, pages = sys.argv[1], pathlib.Path(sys.argv[2]), [pathlib.Path(name) for name in sys.argv[3:]]
    wrong = []
    for page in pages:
        text = renewed(page, programs)
        if verb == "write":
            page.write_text(text)
        elif text != page.read_text():
            wrong.append(f"{page} is not what --help says: meson compile man-pages")
        wrong += [f"{page}: {complaint}" for complaint in complaints(page)]
    described = {page.stem for page in pages}
    wrong += [f"{program.name}: no page" for program in sorted(programs.glob("flowbd3-*"))
              if program.is_file() and program.name not in described]
    sys.exit("\n".join(wrong) or None)


main()
