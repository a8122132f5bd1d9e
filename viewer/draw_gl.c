#include "viewer/draw_gl.h"

#include "core/memory.h"

#include <epoxy/gl.h>
#include <string.h>

typedef struct program {
    GLuint id;
    GLint viewport, texture, uniforms[20];
} program;

enum {
    U_PLACE,
    U_MATRIX,
    U_CENTRE,
    U_MIDDLE,
    U_SIZE,
    U_LINEAR,
    U_RESCALE,
    U_WINDOW,
    U_FUNCTION,
    U_INVERT,
    U_PADDING,
    U_OPACITY,
    U_MAP,
    U_OUTLINE,
    U_PALETTE,
    U_TABLE,
    U_TABLE_RANGE,
    U_COUNT
};

enum { PROGRAM_GREY, PROGRAM_FLOAT, PROGRAM_COLOUR, PROGRAM_LABELS, PROGRAM_UI, PROGRAMS };

struct lethe_draw {
    program programs[PROGRAMS];
    GLuint empty_array, ui_array, ui_vertices, ui_indices, palette;
    GLint maximum;
    int width, height;
    double pixel_scale;
    size_t texture_bytes;
    unsigned errors;
    char renderer[128];
};

/* A quad from gl_VertexID: image rectangle through the camera to the window. */
static const char picture_vertex[] = "#version 330 core\n"
                                     "uniform vec2 viewport;\nuniform vec4 place;\nuniform mat2 matrix;\nuniform vec2 centre;\nuniform vec2 middle;\n"
                                     "out vec2 at;\n"
                                     "void main() {\n"
                                     "  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));\n"
                                     "  vec2 screen = middle + matrix * (place.xy + corner * place.zw - centre);\n"
                                     "  at = corner;\n"
                                     "  gl_Position = vec4(screen.x / viewport.x * 2.0 - 1.0, 1.0 - screen.y / viewport.y * 2.0, 0.0, 1.0);\n"
                                     "}\n";

/* Stored value -> modality LUT -> VOI window (PS3.3 C.11.2.1.2, C.11.2.1.3) -> grey. Interpolation is done on values, never on greys. */
static const char grey_fragment[] =
    "in vec2 at;\nout vec4 colour;\nuniform SAMPLER image;\nuniform vec2 size;\nuniform bool linear_filter;\nuniform vec3 rescale;\nuniform vec2 "
    "window;\n"
    "uniform int function;\nuniform bool invert;\nuniform vec3 padding;\nuniform float opacity;\nuniform int map;\n"
    "uniform sampler2D table;\nuniform vec3 table_range;\n"
    "float entry(int i) { int w = int(table_range.z); return texelFetch(table, ivec2(i % w, i / w), 0).r; }\n"
    "float stored(ivec2 p) { return float(texelFetch(image, clamp(p, ivec2(0), ivec2(size) - 1), 0).r) + rescale.z; }\n"
    "void main() {\n"
    "  vec2 p = at * size;\n"
    "  float v;\n"
    "  float raw = stored(ivec2(floor(p)));\n"
    "  if (linear_filter) {\n"
    "    vec2 q = p - 0.5; vec2 f = fract(q); ivec2 i = ivec2(floor(q));\n"
    "    v = mix(mix(stored(i), stored(i + ivec2(1, 0)), f.x), mix(stored(i + ivec2(0, 1)), stored(i + ivec2(1, 1)), f.x), f.y);\n"
    "  } else v = raw;\n"
    "  if (map == 3) { if (raw == 0.0) discard; colour = vec4(1.0, 0.86, 0.35, opacity); return; }\n"
    "  if (map == 4) { if (raw == 0.0) discard; colour = vec4(vec3(window.x), 1.0); return; }\n"
    "  if (padding.z > 0.5 && raw >= padding.x && raw <= padding.y) { colour = vec4(0.0, 0.0, 0.0, opacity); return; }\n"
    "  float m = v * rescale.x + rescale.y;\n"
    "  float g;\n"
    "  if (function == 0) g = window.y <= 1.0 ? step(window.x - 0.5, m) : (m - (window.x - 0.5)) / (window.y - 1.0) + 0.5;\n"
    "  else if (function == 1) g = (m - window.x) / max(window.y, 1e-6) + 0.5;\n"
    "  else if (function == 3) {\n"
    "    float last = table_range.y - 1.0, x = clamp(m - table_range.x, 0.0, last); int i = int(x);\n"
    "    g = mix(entry(i), entry(min(i + 1, int(last))), x - float(i));\n"
    "  }\n"
    "  else g = 1.0 / (1.0 + exp(-4.0 * (m - window.x) / max(window.y, 1e-6)));\n"
    "  g = clamp(g, 0.0, 1.0);\n"
    "  if (invert) g = 1.0 - g;\n"
    "  vec3 c = vec3(g);\n"
    "  if (map == 1) c = clamp(vec3(g * 3.0, g * 3.0 - 1.0, g * 3.0 - 2.0), 0.0, 1.0);\n"
    "  if (map == 2) c = g < 0.5 ? mix(vec3(0.23, 0.30, 0.75), vec3(0.87), g * 2.0) : mix(vec3(0.87), vec3(0.71, 0.02, 0.15), g * 2.0 - 1.0);\n"
    "  colour = vec4(c, map == 1 ? opacity * min(1.0, g * 4.0) : opacity);\n"
    "}\n";

static const char colour_fragment[] =
    "in vec2 at;\nout vec4 colour;\nuniform sampler2D image;\nuniform vec2 size;\nuniform bool linear_filter;\nuniform bool invert;\nuniform float "
    "opacity;\nuniform vec2 window;\n"
    "void main() {\n"
    "  vec4 c = linear_filter ? texture(image, at) : texelFetch(image, clamp(ivec2(floor(at * size)), ivec2(0), ivec2(size) - 1), 0);\n"
    "  vec3 g = clamp((c.rgb * 255.0 - window.x) / max(window.y, 1.0) + 0.5, 0.0, 1.0);\n"
    "  colour = vec4(invert ? 1.0 - g : g, c.a * opacity);\n"
    "}\n";

static const char labels_fragment[] =
    "in vec2 at;\nout vec4 colour;\nuniform usampler2D image;\nuniform sampler2D palette;\nuniform vec2 size;\nuniform float opacity;\nuniform bool "
    "outline;\n"
    "uint label(ivec2 p) { return texelFetch(image, clamp(p, ivec2(0), ivec2(size) - 1), 0).r; }\n"
    "void main() {\n"
    "  ivec2 p = ivec2(floor(at * size));\n"
    "  uint l = label(p);\n"
    "  if (l == 0u) discard;\n"
    "  vec4 c = texelFetch(palette, ivec2(int(l), 0), 0);\n"
    "  bool border = label(p + ivec2(1, 0)) != l || label(p - ivec2(1, 0)) != l || label(p + ivec2(0, 1)) != l || label(p - ivec2(0, 1)) != l;\n"
    "  if (outline && !border) discard;\n"
    "  colour = vec4(c.rgb, c.a * (border ? min(1.0, opacity * 2.0) : opacity));\n"
    "}\n";

static const char ui_vertex[] = "#version 330 core\n"
                                "layout(location = 0) in vec2 position;\nlayout(location = 1) in vec2 uv;\nlayout(location = 2) in vec4 "
                                "tint;\nuniform vec2 viewport;\nout vec2 at;\nout vec4 shade;\n"
                                "void main() { at = uv; shade = tint; gl_Position = vec4(position.x / viewport.x * 2.0 - 1.0, 1.0 - position.y / "
                                "viewport.y * 2.0, 0.0, 1.0); }\n";
static const char ui_fragment[] =
    "in vec2 at;\nin vec4 shade;\nout vec4 colour;\nuniform sampler2D image;\nvoid main() { colour = shade * texture(image, at); }\n";

static GLuint compile(GLenum kind, const char *head, const char *body) {
    const char *parts[2] = {head, body};
    GLuint shader = glCreateShader(kind);
    glShaderSource(shader, 2, parts, NULL);
    glCompileShader(shader);
    GLint good = 0;
    glGetShaderiv(shader, GL_COMPILE_STATUS, &good);
    if (good) return shader;
    glDeleteShader(shader);
    return 0;
}

static bool link_program(program *out, const char *vertex, const char *head, const char *fragment) {
    static const char *const names[U_COUNT] = {"place",   "matrix",  "centre",   "middle", "size",       "linear_filter",
                                               "rescale", "window",  "function", "invert", "padding",    "opacity",
                                               "map",     "outline", "palette",  "table",  "table_range"};
    GLuint v = compile(GL_VERTEX_SHADER, "", vertex), f = compile(GL_FRAGMENT_SHADER, head, fragment);
    GLint good = 0;
    if (v && f) {
        out->id = glCreateProgram();
        glAttachShader(out->id, v);
        glAttachShader(out->id, f);
        glLinkProgram(out->id);
        glGetProgramiv(out->id, GL_LINK_STATUS, &good);
    }
    if (v) glDeleteShader(v);
    if (f) glDeleteShader(f);
    if (!good) return false;
    out->viewport = glGetUniformLocation(out->id, "viewport");
    out->texture = glGetUniformLocation(out->id, "image");
    for (int i = 0; i < U_COUNT; i++) out->uniforms[i] = glGetUniformLocation(out->id, names[i]);
    return true;
}

static void create_ui_arrays(lethe_draw *draw) {
    glGenVertexArrays(1, &draw->empty_array);
    glGenVertexArrays(1, &draw->ui_array);
    glGenBuffers(1, &draw->ui_vertices);
    glGenBuffers(1, &draw->ui_indices);
    glBindVertexArray(draw->ui_array);
    glBindBuffer(GL_ARRAY_BUFFER, draw->ui_vertices);
    glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, draw->ui_indices);
    for (GLuint i = 0; i < 3; i++) glEnableVertexAttribArray(i);
    glVertexAttribPointer(0, 2, GL_FLOAT, GL_FALSE, sizeof(lethe_ui_vertex), (void *)offsetof(lethe_ui_vertex, x));
    glVertexAttribPointer(1, 2, GL_FLOAT, GL_FALSE, sizeof(lethe_ui_vertex), (void *)offsetof(lethe_ui_vertex, u));
    glVertexAttribPointer(2, 4, GL_UNSIGNED_BYTE, GL_TRUE, sizeof(lethe_ui_vertex), (void *)offsetof(lethe_ui_vertex, colour));
    glGenTextures(1, &draw->palette);
}

lethe_status lethe_draw_create(lethe_draw **out, lethe_error *error) {
    *out = NULL;
    if (epoxy_gl_version() < 33) return lethe_fail(error, LETHE_UNSUPPORTED, "OpenGL 3.3 is needed");
    lethe_draw *draw = lethe_alloc_array(1, sizeof *draw);
    if (!draw) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    static const char version[] = "#version 330 core\n";
    bool good = link_program(&draw->programs[PROGRAM_GREY], picture_vertex, "#version 330 core\n#define SAMPLER usampler2D\n", grey_fragment) &&
                link_program(&draw->programs[PROGRAM_FLOAT], picture_vertex, "#version 330 core\n#define SAMPLER sampler2D\n", grey_fragment) &&
                link_program(&draw->programs[PROGRAM_COLOUR], picture_vertex, version, colour_fragment) &&
                link_program(&draw->programs[PROGRAM_LABELS], picture_vertex, version, labels_fragment) &&
                link_program(&draw->programs[PROGRAM_UI], ui_vertex, version, ui_fragment);
    if (!good) {
        lethe_free(draw);
        return lethe_fail(error, LETHE_UNSUPPORTED, "the graphics driver does not take the shaders");
    }
    create_ui_arrays(draw);
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &draw->maximum);
    const char *renderer = (const char *)glGetString(GL_RENDERER);
    (void)strncpy(draw->renderer, renderer ? renderer : "", sizeof draw->renderer - 1);
    *out = draw;
    return LETHE_OK;
}

void lethe_draw_destroy(lethe_draw *draw) {
    if (!draw) return;
    for (int i = 0; i < PROGRAMS; i++) glDeleteProgram(draw->programs[i].id);
    glDeleteVertexArrays(1, &draw->empty_array);
    glDeleteVertexArrays(1, &draw->ui_array);
    glDeleteBuffers(1, &draw->ui_vertices);
    glDeleteBuffers(1, &draw->ui_indices);
    glDeleteTextures(1, &draw->palette);
    lethe_free(draw);
}

size_t lethe_texture_bytes(const lethe_texture *texture) {
    static const size_t each[] = {0, 2, 4, 4, 1};
    return (size_t)texture->width * texture->height * each[texture->kind];
}

size_t lethe_draw_texture_bytes(const lethe_draw *draw) { return draw->texture_bytes; }

static lethe_status create_texture(lethe_draw *draw, lethe_texture_kind kind, uint32_t width, uint32_t height, const void *pixels, lethe_texture *out,
                                   lethe_error *error) {
    static const struct {
        GLint internal;
        GLenum format, type;
    } forms[] = {{0, 0, 0},
                 {GL_R16UI, GL_RED_INTEGER, GL_UNSIGNED_SHORT},
                 {GL_R32F, GL_RED, GL_FLOAT},
                 {GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE},
                 {GL_R8UI, GL_RED_INTEGER, GL_UNSIGNED_BYTE}};
    *out = (lethe_texture){.kind = LETHE_TEXTURE_NONE};
    if (width == 0 || height == 0 || width > (uint32_t)draw->maximum || height > (uint32_t)draw->maximum)
        return lethe_fail(error, LETHE_LIMIT, "an image of %u x %u does not fit the graphics card (%d)", width, height, draw->maximum);
    *out = (lethe_texture){.kind = kind, .width = width, .height = height};
    glGenTextures(1, &out->id);
    glBindTexture(GL_TEXTURE_2D, out->id);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
    GLint filter = kind == LETHE_TEXTURE_COLOUR ? GL_LINEAR : GL_NEAREST;
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, filter);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, filter);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    glTexImage2D(GL_TEXTURE_2D, 0, forms[kind].internal, (GLsizei)width, (GLsizei)height, 0, forms[kind].format, forms[kind].type, pixels);
    draw->texture_bytes += lethe_texture_bytes(out);
    return LETHE_OK;
}

/* Bytes, and signed values moved by 32768, to unsigned 16 bits; 32-bit samples to float. */
static lethe_status load_grey(lethe_draw *draw, const lethe_image *image, lethe_texture *out, lethe_error *error) {
    size_t count = (size_t)image->columns * image->rows;
    if (image->bytes_per_sample == 4) {
        float *values = lethe_alloc_array(count, sizeof *values);
        if (!values) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        for (size_t i = 0; i < count; i++) {
            uint32_t raw;
            memcpy(&raw, image->pixels + i * 4, 4);
            values[i] = image->is_signed ? (float)(int32_t)raw : (float)raw;
        }
        lethe_status status = create_texture(draw, LETHE_TEXTURE_FLOAT, image->columns, image->rows, values, out, error);
        lethe_free(values);
        return status;
    }
    if (image->bytes_per_sample == 2 && !image->is_signed)
        return create_texture(draw, LETHE_TEXTURE_GREY, image->columns, image->rows, image->pixels, out, error);
    uint16_t *values = lethe_alloc_array(count, sizeof *values);
    if (!values) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (image->bytes_per_sample == 2) {
        const uint16_t *from = (const uint16_t *)(const void *)image->pixels;
        for (size_t i = 0; i < count; i++) values[i] = from[i] ^ 0x8000u;
    } else if (image->is_signed) {
        for (size_t i = 0; i < count; i++) values[i] = (uint16_t)((int8_t)image->pixels[i] + 32768);
    } else {
        for (size_t i = 0; i < count; i++) values[i] = image->pixels[i];
    }
    lethe_status status = create_texture(draw, LETHE_TEXTURE_GREY, image->columns, image->rows, values, out, error);
    if (image->is_signed) out->bias = -32768;
    lethe_free(values);
    return status;
}

lethe_status lethe_texture_load(lethe_draw *draw, const lethe_image *image, lethe_texture *out, lethe_error *error) {
    *out = (lethe_texture){.kind = LETHE_TEXTURE_NONE};
    if (image->samples == 1) return load_grey(draw, image, out, error);
    if (image->bytes_per_sample != 1) return lethe_fail(error, LETHE_UNSUPPORTED, "colour of more than 8 bits a sample");
    if (image->samples == 4) return create_texture(draw, LETHE_TEXTURE_COLOUR, image->columns, image->rows, image->pixels, out, error);
    size_t count = (size_t)image->columns * image->rows;
    uint8_t *rgba = lethe_alloc_array(count, 4);
    if (!rgba) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        memcpy(rgba + i * 4, image->pixels + i * 3, 3);
        rgba[i * 4 + 3] = 255;
    }
    lethe_status status = create_texture(draw, LETHE_TEXTURE_COLOUR, image->columns, image->rows, rgba, out, error);
    lethe_free(rgba);
    return status;
}

lethe_status lethe_texture_load_float(lethe_draw *draw, const float *values, uint32_t width, uint32_t height, lethe_texture *out,
                                      lethe_error *error) {
    return create_texture(draw, LETHE_TEXTURE_FLOAT, width, height, values, out, error);
}

lethe_status lethe_texture_load_table(lethe_draw *draw, const uint16_t *values, uint32_t entries, unsigned bits, lethe_texture *out,
                                      lethe_error *error) {
    *out = (lethe_texture){.kind = LETHE_TEXTURE_NONE};
    uint32_t width = entries < 1024 ? entries : 1024, rows = width ? (entries + width - 1) / width : 0;
    float *scaled = lethe_alloc_array((size_t)width * rows + 1, sizeof *scaled);
    if (!scaled) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; i < entries; i++) scaled[i] = (float)values[i] / (float)((1u << bits) - 1);
    lethe_status status = create_texture(draw, LETHE_TEXTURE_FLOAT, width, rows, scaled, out, error);
    lethe_free(scaled);
    return status;
}

lethe_status lethe_texture_load_labels(lethe_draw *draw, const uint8_t *labels, uint32_t width, uint32_t height, lethe_texture *out,
                                       lethe_error *error) {
    return create_texture(draw, LETHE_TEXTURE_LABELS, width, height, labels, out, error);
}

void lethe_texture_update_labels(lethe_draw *draw, const lethe_texture *texture, const uint8_t *labels, uint32_t stride, uint32_t x, uint32_t y,
                                 uint32_t width, uint32_t height) {
    (void)draw;
    if (texture->kind != LETHE_TEXTURE_LABELS || width == 0 || height == 0) return;
    glBindTexture(GL_TEXTURE_2D, texture->id);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, (GLint)stride);
    glTexSubImage2D(GL_TEXTURE_2D, 0, (GLint)x, (GLint)y, (GLsizei)width, (GLsizei)height, GL_RED_INTEGER, GL_UNSIGNED_BYTE,
                    labels + (size_t)y * stride + x);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
}

void lethe_texture_update_float(lethe_draw *draw, const lethe_texture *texture, const float *values) {
    (void)draw;
    if (texture->kind != LETHE_TEXTURE_FLOAT) return;
    glBindTexture(GL_TEXTURE_2D, texture->id);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, (GLsizei)texture->width, (GLsizei)texture->height, GL_RED, GL_FLOAT, values);
}

void lethe_texture_drop(lethe_draw *draw, lethe_texture *texture) {
    if (texture->kind == LETHE_TEXTURE_NONE) return;
    draw->texture_bytes -= lethe_texture_bytes(texture);
    glDeleteTextures(1, &texture->id);
    *texture = (lethe_texture){.kind = LETHE_TEXTURE_NONE};
}

void lethe_draw_begin(lethe_draw *draw, int width, int height, double pixel_scale, uint32_t clear) {
    draw->width = width;
    draw->height = height;
    draw->pixel_scale = pixel_scale;
    glDisable(GL_SCISSOR_TEST);
    glDisable(GL_DEPTH_TEST);
    glDisable(GL_CULL_FACE);
    glEnable(GL_BLEND);
    glBlendFuncSeparate(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA, GL_ONE, GL_ONE_MINUS_SRC_ALPHA);
    glViewport(0, 0, (GLsizei)(width * pixel_scale), (GLsizei)(height * pixel_scale));
    glClearColor((float)(clear >> 16 & 255) / 255.0f, (float)(clear >> 8 & 255) / 255.0f, (float)(clear & 255) / 255.0f, 1.0f);
    glClear(GL_COLOR_BUFFER_BIT);
}

static void scissor(const lethe_draw *draw, double x0, double y0, double x1, double y1) {
    double s = draw->pixel_scale;
    if (x1 < x0) x1 = x0;
    if (y1 < y0) y1 = y0;
    glScissor((GLint)(x0 * s), (GLint)((draw->height - y1) * s), (GLsizei)((x1 - x0) * s), (GLsizei)((y1 - y0) * s));
}

static void set_picture_uniforms(const program *p, const lethe_picture *picture) {
    const lethe_camera *camera = picture->camera;
    const lethe_texture *texture = picture->texture;
    double xx, xy, yx, yy;
    lethe_camera_matrix(camera, &xx, &xy, &yx, &yy);
    const float matrix[4] = {(float)xx, (float)xy, (float)yx, (float)yy};
    glUniform4f(p->uniforms[U_PLACE], (float)(picture->place.x - camera->centre.x), (float)(picture->place.y - camera->centre.y),
                (float)picture->place.width, (float)picture->place.height);
    glUniformMatrix2fv(p->uniforms[U_MATRIX], 1, GL_FALSE, matrix);
    glUniform2f(p->uniforms[U_CENTRE], 0.0f, 0.0f); /* taken off above, in double: level 0 of a slide needs more than 24 bits */
    glUniform2f(p->uniforms[U_MIDDLE], (float)(camera->viewport.x + camera->viewport.width / 2),
                (float)(camera->viewport.y + camera->viewport.height / 2));
    glUniform2f(p->uniforms[U_SIZE], (float)texture->width, (float)texture->height);
    glUniform1i(p->uniforms[U_LINEAR], picture->linear);
    glUniform3f(p->uniforms[U_RESCALE], (float)picture->slope, (float)picture->intercept, (float)texture->bias);
    glUniform2f(p->uniforms[U_WINDOW], (float)picture->centre, (float)picture->width);
    glUniform1i(p->uniforms[U_FUNCTION], picture->function);
    glUniform1i(p->uniforms[U_INVERT], picture->invert);
    glUniform3f(p->uniforms[U_PADDING], (float)picture->padding_low, (float)picture->padding_high, picture->has_padding ? 1.0f : 0.0f);
    glUniform1f(p->uniforms[U_OPACITY], picture->opacity > 0 ? (float)picture->opacity : 1.0f);
    glUniform1i(p->uniforms[U_MAP], picture->colour_map);
    glUniform1i(p->uniforms[U_OUTLINE], picture->outline);
    glUniform1i(p->uniforms[U_PALETTE], 1);
    glUniform1i(p->uniforms[U_TABLE], 2);
    if (picture->table)
        glUniform3f(p->uniforms[U_TABLE_RANGE], (float)picture->table_first, (float)picture->table_entries, (float)picture->table->width);
}

void lethe_draw_picture(lethe_draw *draw, const lethe_picture *picture) {
    static const int which[] = {-1, PROGRAM_GREY, PROGRAM_FLOAT, PROGRAM_COLOUR, PROGRAM_LABELS};
    if (picture->texture->kind == LETHE_TEXTURE_NONE) return;
    const program *p = &draw->programs[which[picture->texture->kind]];
    const lethe_rect *v = &picture->camera->viewport;
    glUseProgram(p->id);
    glEnable(GL_SCISSOR_TEST);
    scissor(draw, v->x, v->y, v->x + v->width, v->y + v->height);
    glUniform2f(p->viewport, (float)draw->width, (float)draw->height);
    glUniform1i(p->texture, 0);
    set_picture_uniforms(p, picture);
    if (picture->palette && picture->texture->kind == LETHE_TEXTURE_LABELS) {
        glActiveTexture(GL_TEXTURE1);
        glBindTexture(GL_TEXTURE_2D, draw->palette);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
        glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
        glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, 256, 1, 0, GL_RGBA, GL_UNSIGNED_BYTE, picture->palette);
    }
    if (picture->table) {
        glActiveTexture(GL_TEXTURE2);
        glBindTexture(GL_TEXTURE_2D, picture->table->id);
    }
    glActiveTexture(GL_TEXTURE0);
    glBindTexture(GL_TEXTURE_2D, picture->texture->id);
    glBindVertexArray(draw->empty_array);
    glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
    glDisable(GL_SCISSOR_TEST);
}

void lethe_draw_ui(lethe_draw *draw, const lethe_ui_output *output) {
    const program *p = &draw->programs[PROGRAM_UI];
    glUseProgram(p->id);
    glUniform2f(p->viewport, (float)draw->width, (float)draw->height);
    glUniform1i(p->texture, 0);
    glActiveTexture(GL_TEXTURE0);
    glBindVertexArray(draw->ui_array);
    glBindBuffer(GL_ARRAY_BUFFER, draw->ui_vertices);
    glEnable(GL_SCISSOR_TEST);
    for (unsigned n = 0; n < output->list_count; n++) {
        lethe_ui_list list = lethe_ui_output_list(output, n);
        glBufferData(GL_ARRAY_BUFFER, (GLsizeiptr)(list.vertex_count * sizeof(lethe_ui_vertex)), list.vertices, GL_STREAM_DRAW);
        glBufferData(GL_ELEMENT_ARRAY_BUFFER, (GLsizeiptr)(list.index_count * sizeof(uint16_t)), list.indices, GL_STREAM_DRAW);
        for (unsigned c = 0; c < list.command_count; c++) {
            lethe_ui_command command = lethe_ui_output_command(output, n, c);
            scissor(draw, (double)command.clip[0], (double)command.clip[1], (double)command.clip[2], (double)command.clip[3]);
            glBindTexture(GL_TEXTURE_2D, command.texture);
            glDrawElementsBaseVertex(GL_TRIANGLES, (GLsizei)command.count, GL_UNSIGNED_SHORT,
                                     (void *)(uintptr_t)(command.index_offset * sizeof(uint16_t)), (GLint)command.vertex_offset);
        }
    }
    glDisable(GL_SCISSOR_TEST);
    while (glGetError() != GL_NO_ERROR) draw->errors++;
}

lethe_status lethe_draw_read(lethe_draw *draw, lethe_image *out, lethe_error *error) {
    *out = (lethe_image){.columns = (uint32_t)(draw->width * draw->pixel_scale),
                         .rows = (uint32_t)(draw->height * draw->pixel_scale),
                         .samples = 3,
                         .bytes_per_sample = 1,
                         .bits_stored = 8,
                         .photometric = LETHE_RGB};
    lethe_status status = lethe_image_allocate(out, error);
    if (status) return status;
    size_t row = (size_t)out->columns * 3;
    uint8_t *line = lethe_alloc(row);
    if (!line) {
        lethe_image_release(out);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    glPixelStorei(GL_PACK_ALIGNMENT, 1);
    glReadPixels(0, 0, (GLsizei)out->columns, (GLsizei)out->rows, GL_RGB, GL_UNSIGNED_BYTE, out->pixels);
    for (uint32_t y = 0; y < out->rows / 2; y++) { /* GL counts rows from below */
        uint8_t *a = out->pixels + y * row, *b = out->pixels + (out->rows - 1 - y) * row;
        memcpy(line, a, row);
        memcpy(a, b, row);
        memcpy(b, line, row);
    }
    lethe_free(line);
    return LETHE_OK;
}

unsigned lethe_draw_errors(lethe_draw *draw) { return draw->errors; }

const char *lethe_draw_renderer(const lethe_draw *draw) { return draw->renderer; }

void lethe_draw_finish(lethe_draw *draw) {
    (void)draw;
    glFinish();
}
