#include "plots_canvas.h"

#include <plplot/plplot.h>

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const colour colour_ink = {38, 38, 38, 1.0};
const colour colour_grey = {105, 105, 105, 1.0};
const colour colour_axis = {120, 120, 120, 1.0};
const colour colour_grid = {228, 228, 228, 1.0};
const colour colour_missing = {236, 236, 236, 1.0};
const colour colour_real = {31, 119, 180, 1.0};
const colour colour_real_fill = {31, 119, 180, 0.40};
const colour colour_generated = {240, 120, 10, 1.0};
const colour colour_generated_fill = {255, 127, 14, 0.36};
const colour colour_training = {128, 92, 168, 1.0};
const colour colour_validation = {34, 139, 84, 1.0};

/* PLplot's handlers take no pointer of the caller's, and its fatal one must not return. */
static struct {
    double height;
    double scale; /* device pixels of one pixel */
    jmp_buf exit;
    char message[100];
    PLINT code; /* where PLplot puts its errors, which it prints otherwise */
    char text[1024];
} canvas;

static void on_abort(PLCHAR_VECTOR text) {
    if (canvas.message[0] == '\0')
        snprintf(canvas.message, sizeof canvas.message, "PLplot: %s", text);
}

static int on_exit_request(PLCHAR_VECTOR text) {
    on_abort(text);
    longjmp(canvas.exit, 1);
}

/* For the current stream of PLplot. */
static void catch_errors(void) {
    canvas.message[0] = '\0';
    plsabort(on_abort);
    plsexit(on_exit_request);
    plsError(&canvas.code, canvas.text);
}

static bool has_driver(const char *name) {
    enum { most = 256 };
    static PLCHAR_VECTOR menu[most], device[most];
    PLCHAR_VECTOR *menus = menu, *devices = device;
    int count = most;
    catch_errors();
    if (setjmp(canvas.exit) != 0)
        return false;
    plgDevs(&menus, &devices, &count);
    for (int i = 0; i < count; i++)
        if (strcmp(device[i], name) == 0)
            return true;
    return false;
}

bool plots_available(void) {
    return has_driver("pngcairo") && has_driver("svgcairo");
}

static const char ellipsis[] = "\u2026";

/* Font size over the height that PLplot is given, measured. */
static const double font_size = 1.04;

static int failed(char message[256], const char *path, const char *why) {
    snprintf(message, 256, "%.150s: %s", path, why);
    return -1;
}

/* The driver for path, or NULL. */
static const char *driver_of(const char *path) {
    const char *ending = strrchr(path, '.');
    if (ending != NULL && strcmp(ending, ".png") == 0)
        return "pngcairo";
    if (ending != NULL && strcmp(ending, ".svg") == 0)
        return "svgcairo";
    return NULL;
}

typedef struct surface {
    const char *driver;
    int width, height;
    double scale; /* device pixels of one pixel */
    bool transparent;
} surface;

/* PLplot writes to memory: it would ask on the terminal for another name when a file cannot be opened, and
 * would not tell when it cannot be written. It closes file. */
static int draw_to(FILE *file, const surface *s, void (*draw)(const void *data), const void *data) {
    PLINT stream = 0;
    canvas.height = s->height;
    canvas.scale = s->scale;
    if (setjmp(canvas.exit) != 0)
        return -1;
    plmkstrm(&stream);
    catch_errors();
    plsdev(s->driver);
    plsfile(file);
    plspage(0.0, 0.0, (PLINT)(s->scale * s->width), (PLINT)(s->scale * s->height), 0, 0);
    plscmap0a((PLINT[]){255, 0}, (PLINT[]){255, 0}, (PLINT[]){255, 0},
              (PLFLT[]){s->transparent ? 0.0 : 1.0, 1.0}, 2);
    plinit();
    pladv(0);
    plvpor(0.0, 1.0, 0.0, 1.0);
    plwind(0.0, s->width, 0.0, s->height);
    draw(data);
    plend1();
    return canvas.message[0] == '\0' ? 0 : -1;
}

/* Writes beside path and renames. */
static int write_file(const char *path, const char *bytes, size_t size, char message[256]) {
    size_t room = strlen(path) + sizeof ".tmp";
    char *beside = malloc(room);
    if (beside == NULL)
        return failed(message, path, "out of memory");
    snprintf(beside, room, "%s.tmp", path);
    FILE *file = fopen(beside, "wb");
    bool good = file != NULL && fwrite(bytes, 1, size, file) == size;
    int error = errno;
    if (file != NULL && fclose(file) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && rename(beside, path) != 0) {
        good = false;
        error = errno;
    }
    if (!good && file != NULL)
        unlink(beside);
    free(beside);
    return good ? 0 : failed(message, path, strerror(error));
}

/* path stands for the picture in messages. *bytes is to be freed. */
static int draw_bytes(char **bytes, size_t *size, const char *path, const surface *s,
                      void (*draw)(const void *data), const void *data, char message[256]) {
    if (!has_driver(s->driver))
        return failed(message, path, "PLplot has no Cairo driver here (package plplot-driver-cairo)");
    FILE *file = open_memstream(bytes, size);
    if (file == NULL)
        return failed(message, path, "out of memory");
    if (draw_to(file, s, draw, data) != 0)
        return failed(message, path, canvas.message);
    return *size > 0 ? 0 : failed(message, path, "PLplot drew nothing");
}

int draw_picture(const char *path, int width, int height, void (*draw)(const void *data), const void *data,
                 char message[256]) {
    surface s = {driver_of(path), width, height, 1.0, false};
    if (s.driver == NULL)
        return failed(message, path, "a picture's name ends in .png or .svg");
    char *bytes = NULL;
    size_t size = 0;
    int result = draw_bytes(&bytes, &size, path, &s, draw, data, message);
    if (result == 0)
        result = write_file(path, bytes, size, message);
    free(bytes);
    return result;
}

int draw_image(plot_image *image, double scale, int width, int height, void (*draw)(const void *data),
               const void *data, char message[256]) {
    bool vector = scale == 0.0;
    surface s = {vector ? "svgcairo" : "pngcairo", width, height, vector ? 1.0 : scale, true};
    *image = (plot_image){.type = vector ? "image/svg+xml" : "image/png", .width = width, .height = height};
    int result = draw_bytes(&image->bytes, &image->size, "a picture", &s, draw, data, message);
    if (result != 0)
        release_image(image);
    return result;
}

void release_image(plot_image *image) {
    free(image->bytes);
    *image = (plot_image){0};
}

/* ---- drawing ----------------------------------------------------------------------------------- */

static void set_colour(colour c) {
    plscol0a(1, c.red, c.green, c.blue, c.alpha);
    plcol0(1);
}

void draw_rectangle(double left, double top, double right, double bottom, colour c) {
    double x[] = {left, right, right, left};
    double y[] = {canvas.height - top, canvas.height - top, canvas.height - bottom, canvas.height - bottom};
    set_colour(c);
    plwidth(0.0);
    plfill(4, x, y);
}

void draw_line(double x0, double y0, double x1, double y1, double width, colour c) {
    set_colour(c);
    plwidth(width * canvas.scale);
    pljoin(x0, canvas.height - y0, x1, canvas.height - y1);
}

void draw_frame(double left, double top, double right, double bottom, colour c) {
    draw_lines(5, (double[]){left, right, right, left, left}, (double[]){top, top, bottom, bottom, top}, 1.0,
               c);
}

/* In pieces, so that no memory is needed to turn y round. */
void draw_lines(size_t n, const double *x, const double *y, double width, colour c) {
    enum { piece = 256 };
    double flipped[piece];
    set_colour(c);
    plwidth(width * canvas.scale);
    for (size_t first = 0; first + 1 < n; first += piece - 1) {
        size_t count = n - first < piece ? n - first : piece;
        for (size_t i = 0; i < count; i++)
            flipped[i] = canvas.height - y[first + i];
        plline((PLINT)count, x + first, flipped);
    }
}

void draw_polygon(size_t n, const double *x, const double *y, colour c) {
    enum { most = 256 };
    double flipped[most];
    PLINT corners = n < most ? (PLINT)n : most;
    for (PLINT i = 0; i < corners; i++)
        flipped[i] = canvas.height - y[i];
    set_colour(c);
    plwidth(0.0);
    plfill(corners, x, flipped);
}

void draw_dot(double x, double y, double radius, colour c) {
    enum { corners = 16 };
    double xs[corners], ys[corners];
    for (int i = 0; i < corners; i++) {
        double angle = 2.0 * M_PI * i / corners;
        xs[i] = x + radius * cos(angle);
        ys[i] = canvas.height - y + radius * sin(angle);
    }
    set_colour(c);
    plwidth(0.0);
    plfill(corners, xs, ys);
}

/* ---- text -------------------------------------------------------------------------------------- */

/* '#' begins PLplot's escapes; two of them print one. */
static void write_text(double x, double y, double size, double justification, double angle, colour c,
                       const char *text) {
    char escaped[512];
    size_t n = 0;
    for (; *text != '\0' && n + 3 < sizeof escaped; text++) {
        escaped[n++] = *text;
        if (*text == '#')
            escaped[n++] = '#';
    }
    escaped[n] = '\0';
    /* Height of a character in millimetres at PLplot's 90 dots per inch. */
    plschr(canvas.scale * size * 25.4 / 90.0, 1.0);
    set_colour(c);
    double radians = angle * M_PI / 180.0;
    plptex(x, canvas.height - y, cos(radians), sin(radians), justification, escaped);
}

void draw_text(double x, double y, double size, double justification, colour c, const char *text) {
    write_text(x, y, size, justification, 0.0, c, text);
}

void draw_turned(double x, double y, double size, double justification, double angle, colour c,
                 const char *text) {
    write_text(x, y, size, justification, angle, c, text);
}

void draw_bold(double x, double y, double size, double justification, colour c, const char *text) {
    plsfont(PL_FCI_SANS, PL_FCI_UPRIGHT, PL_FCI_BOLD);
    write_text(x, y, size, justification, 0.0, c, text);
    plsfont(PL_FCI_SANS, PL_FCI_UPRIGHT, PL_FCI_MEDIUM);
}

/* Of the printable ASCII characters, in hundredths of the font size, as in DejaVu Sans; narrower fonts leave
 * a little more room. */
static const unsigned char character_width[95] = {
    32, 40, 46, 84, 64, 95, 78, 28, 39,  39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 78, 75, 30, 30, 66, 56, 86, 75, 79,
    60, 79, 70, 64, 61, 73, 68, 99, 69,  61, 69, 39, 34, 39, 84, 50, 50, 61, 64, 55, 64, 62, 35, 64,
    63, 28, 28, 58, 28, 97, 63, 61, 64,  64, 41, 52, 39, 63, 59, 82, 59, 59, 53, 64, 34, 64, 84};

/* Bytes of the UTF-8 character at text, and its width in hundredths. */
static size_t measure_character(const char *text, double *width) {
    unsigned char first = (unsigned char)text[0];
    if (first < 0x80) {
        *width = first >= 32 && first < 127 ? character_width[first - 32] : 0;
        return 1;
    }
    *width = first < 0xe1 ? 70 : 100;
    size_t n = 1;
    while (((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

double text_width(const char *text, double size) {
    double sum = 0.0, width;
    for (; *text != '\0'; sum += width)
        text += measure_character(text, &width);
    return sum * size * font_size / 100.0;
}

/* Bytes at the beginning of text that are no wider than width. */
static size_t head_within(const char *text, double size, double width) {
    size_t used = 0;
    double w;
    while (text[used] != '\0') {
        size_t n = measure_character(text + used, &w);
        width -= w * size * font_size / 100.0;
        if (width < 0.0)
            break;
        used += n;
    }
    return used;
}

/* The longest end of text that is no wider than width. */
static const char *tail_within(const char *text, double size, double width) {
    double w;
    while (*text != '\0' && text_width(text, size) > width)
        text += measure_character(text, &w);
    return text;
}

/* The middle goes: names often differ at their end. */
void fit_text(char *out, size_t room, const char *text, double size, double width) {
    if (text_width(text, size) <= width && strlen(text) < room) {
        snprintf(out, room, "%s", text);
        return;
    }
    double left = fmax(width - text_width(ellipsis, size), 0.0);
    size_t head = head_within(text, size, 0.6 * left);
    const char *tail = tail_within(text + head, size, 0.4 * left);
    if (head + strlen(tail) + sizeof ellipsis > room)
        head = 0, tail = "";
    snprintf(out, room, "%.*s%s%s", (int)head, text, ellipsis, tail);
}
