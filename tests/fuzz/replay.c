/* Runs a fuzz target over every file of the directories named, so that what a fuzzer once found stays tested
 * by plain compilers. With -Dfuzzing=enabled libFuzzer stands in its place (docs/fuzzing.md). */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        return -1;
    long size = ftell(file);
    uint8_t *data = size >= 0 ? malloc((size_t)size + (size == 0)) : NULL;
    rewind(file);
    int failed = data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size;
    if (!failed)
        (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    (void)fclose(file);
    return failed ? -1 : 0;
}

static int replay_directory(const char *path) {
    DIR *directory = opendir(path);
    int files = 0;
    if (directory == NULL)
        return -1;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char name[PATH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (replay_file(name) != 0) {
            (void)fprintf(stderr, "cannot read %s\n", name);
            files = -1;
            break;
        }
        files++;
    }
    (void)closedir(directory);
    return files;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        int files = replay_directory(argv[i]);
        if (files <= 0) {
            (void)fprintf(stderr, "no inputs in %s\n", argv[i]);
            return EXIT_FAILURE;
        }
        (void)printf("%d inputs of %s\n", files, argv[i]);
    }
    return EXIT_SUCCESS;
}
