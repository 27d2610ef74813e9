#!/bin/sh
# comments.sh HEADER: the header with its comments as Doxygen wants them: the first one is about the file, one
# after code is about that code, and what stands in them is plain text. A comment before several declarations
# without a blank line between them is about each; what all handles and option structs have in common, and the
# headers therefore do not repeat, is said here.
sed -E '
1s|^/\* |/** @file\n * |
s|^( *)/\* |\1/** |
s|([^ /*].*[^ /*]) +/\* |\1 /**< |
s|^( *size_t struct_size;)$|\1 /**< size of the struct as the caller knows it */|
s|^( *size_t n_[a-z_]+;)$|\1 /**< how many there are */|
s|^( *void \*([a-z]+_)?user;)$|\1 /**< handed on as it is */|
s|^( *flowbd3_progress_function progress;)$|\1 /**< default NULL */|' "$1" | awk '
function say(text) { print "/** " text " */" }
/^\/\*\*/ && !/@file/ { comment = ""; reading = 1 }
reading { comment = comment $0 "\n"; if (/\*\/$/) { reading = 0; fresh = 1 } print; next }
/^$/ { comment = ""; fresh = 0 }
!fresh && /^typedef struct flowbd3_[a-z_]*options \{/ { say("Options; 0 is the default of every member but struct_size.") }
!fresh && /^#define FLOWBD3_[A-Z_]*_INIT/ { say("All members at their defaults.") }
!fresh && /^#define FLOWBD3_API_/ { say("Part of the version of the interface.") }
/^FLOWBD3_API/ && !fresh {
    if (/_init\(/) say("Sets the struct, of which the caller knows size bytes, to its defaults. Errors: ARGUMENT.")
    else if (/_destroy\(/) say("Gives the handle back and writes NULL. NULL-safe.")
    else if (comment != "") printf "%s", comment
}
{ print }
/;$/ || /^#define/ || /^typedef/ { fresh = 0 }'
