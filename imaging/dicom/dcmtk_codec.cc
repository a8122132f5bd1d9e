#include "imaging/dicom/dcmtk_codec.h"

#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpeg/djencode.h"
#include "dcmtk/dcmjpeg/djrplol.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/dcmjpls/djencode.h"
#include "dcmtk/dcmjpls/djrparam.h"
#include "dcmtk/oflog/oflog.h"

#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>

namespace {

void register_once() {
    static std::once_flag once;
    std::call_once(once, [] {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        DJDecoderRegistration::registerCodecs(EDC_never, EUC_never, EPC_colorByPixel);
        DJEncoderRegistration::registerCodecs(ECC_lossyRGB, EUC_never);
        DJLSDecoderRegistration::registerCodecs(EJLSUC_never, EJLSPC_colorByPixel);
        DJLSEncoderRegistration::registerCodecs(0, 0, 0, 0, OFFalse, 0, OFTrue, EJLSUC_never);
    });
}

template <typename Work> lethe_status guard(lethe_error *error, Work work) {
    try {
        return work();
    } catch (const std::bad_alloc &) {
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory in a frame codec");
    } catch (const std::exception &) {
        return lethe_fail(error, LETHE_INTERNAL, "a frame codec threw");
    } catch (...) {
        return lethe_fail(error, LETHE_INTERNAL, "a frame codec threw");
    }
}

/* The attributes by which DCMTK's codecs are driven. */
OFCondition describe(DcmDataset &dataset, const lethe_dcmtk_frame &frame) {
    OFCondition result = dataset.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(frame.columns));
    if (result.good()) result = dataset.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(frame.rows));
    if (result.good()) result = dataset.putAndInsertUint16(DCM_SamplesPerPixel, frame.samples);
    if (result.good()) result = dataset.putAndInsertUint16(DCM_BitsAllocated, frame.bits_allocated);
    if (result.good()) result = dataset.putAndInsertUint16(DCM_BitsStored, frame.bits_stored);
    if (result.good()) result = dataset.putAndInsertUint16(DCM_HighBit, static_cast<Uint16>(frame.bits_stored - 1));
    if (result.good()) result = dataset.putAndInsertUint16(DCM_PixelRepresentation, frame.is_signed ? 1 : 0);
    if (result.good()) result = dataset.putAndInsertString(DCM_PhotometricInterpretation, frame.photometric);
    if (result.good() && frame.samples > 1) result = dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0);
    if (result.good()) result = dataset.putAndInsertString(DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
    if (result.good()) result = dataset.putAndInsertString(DCM_SOPInstanceUID, "2.25.1");
    if (result.good()) result = dataset.putAndInsertString(DCM_NumberOfFrames, "1");
    return result;
}

template <typename Word> void interleave(const Word *planes, Word *out, size_t pixels, size_t samples) {
    for (size_t c = 0; c < samples; c++)
        for (size_t i = 0; i < pixels; i++) out[i * samples + c] = planes[c * pixels + i];
}

lethe_status copy_out(DcmDataset &dataset, const lethe_dcmtk_frame &frame, uint8_t *out, size_t out_size, lethe_error *error) {
    Uint16 planar = 0;
    (void)dataset.findAndGetUint16(DCM_PlanarConfiguration, planar);
    Uint16 allocated = 0;
    (void)dataset.findAndGetUint16(DCM_BitsAllocated, allocated);
    const size_t pixels = static_cast<size_t>(frame.columns) * frame.rows;
    const bool planes = frame.samples > 1 && planar == 1;
    unsigned long count = 0;
    if (allocated == 8 && frame.bits_allocated == 8) {
        const Uint8 *values = nullptr;
        if (dataset.findAndGetUint8Array(DCM_PixelData, values, &count).bad() || values == nullptr || count < out_size)
            return lethe_fail(error, LETHE_MALFORMED, "frame decodes to too few samples");
        if (planes) interleave(values, out, pixels, frame.samples);
        else std::memcpy(out, values, out_size);
        return LETHE_OK;
    }
    const Uint16 *values = nullptr;
    if (allocated != 16 || frame.bits_allocated != 16) return lethe_fail(error, LETHE_UNSUPPORTED, "frame decodes to %u bits", allocated);
    if (dataset.findAndGetUint16Array(DCM_PixelData, values, &count).bad() || values == nullptr || count < out_size / 2)
        return lethe_fail(error, LETHE_MALFORMED, "frame decodes to too few samples");
    if (planes) interleave(values, reinterpret_cast<Uint16 *>(out), pixels, frame.samples);
    else std::memcpy(out, values, out_size);
    return LETHE_OK;
}

lethe_status decode(const char *syntax, const lethe_dcmtk_frame &frame, const uint8_t *bytes, size_t size, uint8_t *out, size_t out_size,
                    lethe_error *error) {
    const E_TransferSyntax xfer = DcmXfer(syntax).getXfer();
    DcmDataset dataset;
    if (describe(dataset, frame).bad()) return lethe_fail(error, LETHE_INTERNAL, "cannot set up a frame codec");
    auto *pixel = new DcmPixelData(DCM_PixelData);
    auto *sequence = new DcmPixelSequence(DCM_PixelSequenceTag);
    auto *table = new DcmPixelItem(DCM_PixelItemTag);
    auto *item = new DcmPixelItem(DCM_PixelItemTag);
    OFCondition result = sequence->insert(table);
    if (result.good()) result = sequence->insert(item);
    if (result.good()) {
        /* Odd fragments: a padding byte behind the codestream harms no decoder. */
        std::unique_ptr<Uint8[]> even(new Uint8[size + 1]);
        std::memcpy(even.get(), bytes, size);
        even[size] = 0;
        result = item->putUint8Array(even.get(), static_cast<unsigned long>(size + (size & 1)));
    }
    pixel->putOriginalRepresentation(xfer, nullptr, sequence);
    if (result.good()) result = dataset.insert(pixel);
    else delete pixel;
    if (result.good()) result = dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
    if (result.bad()) return lethe_fail(error, LETHE_MALFORMED, "damaged frame (codec code %04x:%04x)", result.module(), result.code());
    return copy_out(dataset, frame, out, out_size, error);
}

lethe_status encode(const char *syntax, const lethe_dcmtk_frame &frame, const uint8_t *samples, size_t size, lethe_buffer *out, lethe_error *error) {
    E_TransferSyntax xfer = DcmXfer(syntax).getXfer();
    if (xfer == EXS_JPEGLSLossy) xfer = EXS_JPEGLSLossless; /* NEAR = 0 is a valid stream of both syntaxes */
    const DJ_RPLossless jpeg(1, 0);
    const DJ_RPLossless jpeg_sv1;
    const DJLSRepresentationParameter jpegls(0, OFTrue);
    const DcmRepresentationParameter *parameter = nullptr;
    if (xfer == EXS_JPEGProcess14SV1) parameter = &jpeg_sv1;
    else if (xfer == EXS_JPEGProcess14) parameter = &jpeg;
    else if (xfer == EXS_JPEGLSLossless) parameter = &jpegls;
    else return lethe_fail(error, LETHE_UNSUPPORTED, "no lossless encoder for this transfer syntax");
    DcmDataset dataset;
    OFCondition result = describe(dataset, frame);
    if (result.good())
        result = frame.bits_allocated == 8 ? dataset.putAndInsertUint8Array(DCM_PixelData, samples, static_cast<unsigned long>(size))
                                           : dataset.putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16 *>(samples),
                                                                             static_cast<unsigned long>(size / 2));
    if (result.good()) result = dataset.chooseRepresentation(xfer, parameter);
    DcmElement *element = nullptr;
    if (result.good()) result = dataset.findAndGetElement(DCM_PixelData, element);
    DcmPixelSequence *sequence = nullptr;
    auto *pixel = dynamic_cast<DcmPixelData *>(element);
    if (result.good() && pixel != nullptr) result = pixel->getEncapsulatedRepresentation(xfer, parameter, sequence);
    if (result.bad() || sequence == nullptr)
        return lethe_fail(error, LETHE_INTERNAL, "cannot encode a frame (codec code %04x:%04x)", result.module(), result.code());
    for (unsigned long i = 1; i < sequence->card(); i++) {
        DcmPixelItem *item = nullptr;
        Uint8 *bytes = nullptr;
        if (sequence->getItem(item, i).bad() || item->getUint8Array(bytes).bad() || bytes == nullptr)
            return lethe_fail(error, LETHE_INTERNAL, "cannot take an encoded frame");
        const lethe_status status = lethe_buffer_append(out, bytes, item->getLength(), error);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

} // namespace

lethe_status lethe_dcmtk_decode(const char *syntax, const lethe_dcmtk_frame *frame, const uint8_t *bytes, size_t size, uint8_t *out, size_t out_size,
                                lethe_error *error) {
    return guard(error, [&] {
        register_once();
        return decode(syntax, *frame, bytes, size, out, out_size, error);
    });
}

lethe_status lethe_dcmtk_encode(const char *syntax, const lethe_dcmtk_frame *frame, const uint8_t *samples, size_t size, lethe_buffer *out,
                                lethe_error *error) {
    return guard(error, [&] {
        register_once();
        return encode(syntax, *frame, samples, size, out, error);
    });
}
