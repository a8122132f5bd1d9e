#include "imaging/dicom/bytes.h"
#include "imaging/dicom/edit.h"
#include "imaging/dicom/encode_internal.h"

#include <string.h>

static uint8_t padding_of(lethe_vr vr) {
    switch (vr) {
    case LETHE_VR_AE:
    case LETHE_VR_AS:
    case LETHE_VR_CS:
    case LETHE_VR_DA:
    case LETHE_VR_DS:
    case LETHE_VR_DT:
    case LETHE_VR_IS:
    case LETHE_VR_LO:
    case LETHE_VR_LT:
    case LETHE_VR_PN:
    case LETHE_VR_SH:
    case LETHE_VR_ST:
    case LETHE_VR_TM:
    case LETHE_VR_UC:
    case LETHE_VR_UR:
    case LETHE_VR_UT: return ' ';
    default: return 0;
    }
}

static lethe_status too_long(lethe_tag tag, lethe_error *error) {
    return lethe_fail(error, LETHE_LIMIT, "(%04X,%04X): the value is too long for its value representation", lethe_tag_group(tag),
                      lethe_tag_element(tag));
}

uint8_t lethe_dicom_padding(lethe_vr vr) { return padding_of(vr); }

bool lethe_dicom_length_fits(lethe_dicom_encoding encoding, lethe_vr vr, uint64_t size) {
    uint64_t padded = size + (size & 1);
    return padded <= (encoding.explicit_vr && !lethe_vr_is_long(vr) ? 0xFFFEu : 0xFFFFFFFEu);
}

size_t lethe_dicom_put_header(uint8_t out[12], lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, uint32_t length) {
    bool big = encoding.big_endian;
    lethe_put16(out, lethe_tag_group(tag), big);
    lethe_put16(out + 2, lethe_tag_element(tag), big);
    if (!encoding.explicit_vr || lethe_tag_group(tag) == 0xFFFE) {
        lethe_put32(out + 4, length, big);
        return 8;
    }
    out[4] = (uint8_t)(vr >> 8);
    out[5] = (uint8_t)vr;
    if (!lethe_vr_is_long(vr)) {
        lethe_put16(out + 6, (uint16_t)length, big);
        return 8;
    }
    out[6] = out[7] = 0;
    lethe_put32(out + 8, length, big);
    return 12;
}

static lethe_status append_header(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, uint32_t length, lethe_error *error) {
    uint8_t head[12];
    size_t size = lethe_dicom_put_header(head, encoding, tag, vr, length);
    return lethe_buffer_append(out, head, size, error);
}

lethe_status lethe_dicom_encode(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, const void *value, size_t size,
                                lethe_error *error) {
    if (!lethe_dicom_length_fits(encoding, vr, size)) return too_long(tag, error);
    lethe_status status = append_header(out, encoding, tag, vr, (uint32_t)(size + (size & 1)), error);
    if (status == LETHE_OK) status = lethe_buffer_append(out, value, size, error);
    if (status == LETHE_OK && (size & 1) != 0) {
        uint8_t padding = padding_of(vr);
        status = lethe_buffer_append(out, &padding, 1, error);
    }
    return status;
}

lethe_status lethe_dicom_encode_text(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, lethe_vr vr, const char *text,
                                     lethe_error *error) {
    return lethe_dicom_encode(out, encoding, tag, vr, text, strlen(text), error);
}

lethe_status lethe_dicom_encode_sequence_begin(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, lethe_error *error) {
    return append_header(out, encoding, tag, LETHE_VR_SQ, UINT32_MAX, error);
}

lethe_status lethe_dicom_encode_sequence_end(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_error *error) {
    return append_header(out, encoding, LETHE_TAG(0xFFFE, 0xE0DD), LETHE_VR_NONE, 0, error);
}

lethe_status lethe_dicom_encode_item_begin(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_error *error) {
    return append_header(out, encoding, LETHE_TAG(0xFFFE, 0xE000), LETHE_VR_NONE, UINT32_MAX, error);
}

lethe_status lethe_dicom_encode_item_end(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_error *error) {
    return append_header(out, encoding, LETHE_TAG(0xFFFE, 0xE00D), LETHE_VR_NONE, 0, error);
}

lethe_status lethe_dicom_encode_us(lethe_buffer *out, lethe_dicom_encoding encoding, lethe_tag tag, uint16_t value, lethe_error *error) {
    uint8_t bytes[2];
    lethe_put16(bytes, value, encoding.big_endian);
    return lethe_dicom_encode(out, encoding, tag, LETHE_VR_US, bytes, sizeof bytes, error);
}

lethe_status lethe_dicom_encode_file_head(lethe_buffer *out, const char *sop_class, const char *sop_instance, const char *transfer_syntax,
                                          lethe_error *error) {
    static const lethe_dicom_encoding encoding = {true, false};
    static const uint8_t version[2] = {0, 1};
    uint8_t preamble[132] = {0};
    memcpy(preamble + 128, "DICM", 4);
    lethe_status status = lethe_buffer_append(out, preamble, sizeof preamble, error);
    size_t group_length = out->size;
    uint8_t length[4] = {0};
    if (status == LETHE_OK) status = lethe_dicom_encode(out, encoding, LETHE_TAG(2, 0), LETHE_VR_UL, length, sizeof length, error);
    size_t start = out->size;
    if (status == LETHE_OK) status = lethe_dicom_encode(out, encoding, LETHE_TAG(2, 1), LETHE_VR_OB, version, sizeof version, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, encoding, LETHE_TAG(2, 2), LETHE_VR_UI, sop_class, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, encoding, LETHE_TAG(2, 3), LETHE_VR_UI, sop_instance, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, encoding, LETHE_TAG(2, 0x10), LETHE_VR_UI, transfer_syntax, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, encoding, LETHE_TAG(2, 0x12), LETHE_VR_UI, LETHE_IMPLEMENTATION_CLASS_UID, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, encoding, LETHE_TAG(2, 0x13), LETHE_VR_SH, LETHE_IMPLEMENTATION_VERSION, error);
    if (status == LETHE_OK) lethe_put32(out->bytes + group_length + 8, (uint32_t)(out->size - start), false);
    return status;
}
