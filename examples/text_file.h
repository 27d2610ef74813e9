/* Files of text that appear whole or not at all. */
#ifndef TEXT_FILE_H
#define TEXT_FILE_H

/* Writes text and a line's end beside path and renames it there, or into what is no file, such as a pipe.
 * 0 or an exit status. */
int write_text_file(const char *path, const char *text);

/* Whether a file could be written there, to be asked before long work. 0 or an exit status. */
int check_text_file(const char *path);

#endif
