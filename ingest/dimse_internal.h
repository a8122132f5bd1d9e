/* Shared by the C++ files of ingest over DCMTK; for ingest/dimse*.cc only. */
#ifndef LETHE_INGEST_DIMSE_INTERNAL_H
#define LETHE_INGEST_DIMSE_INTERNAL_H

#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/dcmlayer.h"
#include "dcmtk/dcmnet/dcmtrans.h"
#include "dcmtk/dcmnet/dimse.h"

#include "ingest/dimse.h"
#include "ingest/dimse_scu.h"

#include <exception>
#include <memory>
#include <new>
#include <string>

namespace lethe_dimse {

/* Nothing of C++ leaves through the C interface. */
template <typename Body> lethe_status guard(lethe_error *error, Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory in the DICOM network");
    } catch (const std::exception &) {
        return lethe_fail(error, LETHE_INTERNAL, "unexpected exception in the DICOM network");
    } catch (...) {
        return lethe_fail(error, LETHE_INTERNAL, "unknown exception in the DICOM network");
    }
}

/* DCMTK's condition as ours. Its texts name states and codes of the protocol, no attribute values. */
lethe_status fail(lethe_error *error, const OFCondition &condition, const char *doing);

/* Switch off DCMTK's logging and its name look-ups; idempotent. */
void quiet();

/* TCP without Nagle's algorithm on our side, and without delayed acknowledgements, which would make a peer that leaves it on wait 40 ms per instance.
 */
class QuickLayer : public DcmTransportLayer {
  public:
    DcmTransportConnection *createConnection(DcmNativeSocketType socket, OFBool secure) override;
};

/* Answers an asynchronous operations window that the peer offers (ingest/dimse_window.cc); everything else goes through `inner` (borrowed). */
class WindowLayer : public DcmTransportLayer {
  public:
    explicit WindowLayer(DcmTransportLayer *inner) : inner_(inner) {}
    DcmTransportConnection *createConnection(DcmNativeSocketType socket, OFBool secure) override;

  private:
    DcmTransportLayer *inner_;
};

/* A secure layer for the provider's side, BCP 195 (non-downgrading: TLS 1.2 and 1.3). */
lethe_status make_tls_layer(const lethe_dimse_tls &tls, std::unique_ptr<DcmTransportLayer> &layer, lethe_error *error);

/* The same for the side that asks: the peer must show a certificate of one of `authorities`. */
lethe_status make_tls_client_layer(const lethe_scu_options &options, std::unique_ptr<DcmTransportLayer> &layer, lethe_error *error);

/* SHA-256 of the peer's certificate (DER) in hex; empty without one. */
std::string peer_certificate(T_ASC_Association *association);

/* Hands data set bytes on as they come. Always claims to have taken them: the peer's data set must be read to its end before an answer. */
class Tap : public DcmConsumer {
  public:
    Tap(const lethe_dimse_handler *handler, unsigned stall_seconds) : handler_(handler), stall_seconds_(stall_seconds) {}
    OFBool good() const override { return OFTrue; }
    OFCondition status() const override { return EC_Normal; }
    OFBool isFlushed() const override { return OFTrue; }
    offile_off_t avail() const override { return 1 << 30; }
    offile_off_t write(const void *bytes, offile_off_t size) override;
    void flush() override {}
    uint64_t bytes() const { return bytes_; }

  private:
    const lethe_dimse_handler *handler_;
    unsigned stall_seconds_;
    uint64_t bytes_ = 0, rewarded_ = 0;
};

class TapStream : public DcmOutputStream {
  public:
    explicit TapStream(Tap *tap) : DcmOutputStream(tap) {}
};

/* The data set of a commitment's N-EVENT-REPORT; *all tells whether every reference is committed. */
OFCondition fill_report(DcmDataset &report, const char *transaction_uid, const lethe_dimse_reference *references, size_t count, bool *all);

/* Answer a storage commitment request (N-ACTION). The result is told by the handler's `report` when it takes that over, else on the same association.
 */
lethe_status commit(T_ASC_Association *association, T_ASC_PresentationContextID context, const T_DIMSE_N_ActionRQ &request,
                    const lethe_dimse_handler *handler, int timeout, lethe_error *error);

} // namespace lethe_dimse

#endif
