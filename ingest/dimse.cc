/* The provider side of ingest/dimse.h. */
#include "ingest/dimse_internal.h"

#include "dcmtk/dcmnet/diutil.h"
#include "dcmtk/oflog/oflog.h"

#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace lethe_dimse {

namespace {

class QuickConnection : public DcmTCPConnection {
  public:
    explicit QuickConnection(DcmNativeSocketType socket) : DcmTCPConnection(socket) {
        int on = 1;
        (void)setsockopt(getSocket(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ssize_t read(void *buffer, size_t size) override {
        ssize_t got = DcmTCPConnection::read(buffer, size);
        int on = 1; /* the kernel forgets it again by itself */
        if (got > 0) (void)setsockopt(getSocket(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        return got;
    }
};

} // namespace

DcmTransportConnection *QuickLayer::createConnection(DcmNativeSocketType socket, OFBool secure) {
    return secure ? nullptr : new QuickConnection(socket);
}

lethe_status fail(lethe_error *error, const OFCondition &condition, const char *doing) {
    return lethe_fail(error, LETHE_NETWORK, "%s: %s (%04x:%04x)", doing, condition.text(), condition.module(), condition.code());
}

void quiet() {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    dcmDisableGethostbyaddr.set(OFTrue);
}

offile_off_t Tap::write(const void *bytes, offile_off_t size) {
    if (size <= 0) return 0;
    handler_->store_data(handler_->context, bytes, static_cast<size_t>(size));
    bytes_ += static_cast<uint64_t>(size);
    /* A peer that drips one byte at a time earns no new deadline. */
    if (bytes_ - rewarded_ >= 65536) {
        rewarded_ = bytes_;
        handler_->deadline(handler_->context, stall_seconds_);
    }
    return size;
}

namespace {

/* An association that is dropped and freed on every way out. */
class Provider {
  public:
    Provider(int socket, const lethe_dimse_options *options, const lethe_dimse_handler *handler, lethe_dimse_summary *summary)
        : socket_(socket), options_(*options), handler_(handler), summary_(summary) {
        if (options_.idle_seconds == 0) options_.idle_seconds = 300;
        if (options_.stall_seconds == 0) options_.stall_seconds = 60;
        if (options_.max_pdu_bytes == 0) options_.max_pdu_bytes = ASC_MAXIMUMPDUSIZE;
    }
    ~Provider() {
        if (association_ != nullptr) {
            (void)ASC_dropSCPAssociation(association_, 1);
            (void)ASC_destroyAssociation(&association_);
        } else {
            (void)close(socket_);
        }
        /* The listening socket and the connection are one here: it is closed already. */
        dcmExternalSocketHandle.set(DCMNET_INVALID_SOCKET);
        if (network_ != nullptr) (void)ASC_dropNetwork(&network_);
    }
    Provider(const Provider &) = delete;
    Provider &operator=(const Provider &) = delete;

    lethe_status run(lethe_error *error);

  private:
    lethe_status receive(lethe_error *error);
    lethe_status negotiate(lethe_error *error);
    lethe_status serve(lethe_error *error);
    lethe_status answer(T_ASC_PresentationContextID context, T_DIMSE_Message &message, lethe_error *error);
    lethe_status store(T_ASC_PresentationContextID context, T_DIMSE_C_StoreRQ &request, lethe_error *error);
    bool is_storage(const char *uid) const;

    int socket_;
    lethe_dimse_options options_;
    const lethe_dimse_handler *handler_;
    lethe_dimse_summary *summary_;
    QuickLayer plain_layer_;
    std::unique_ptr<DcmTransportLayer> tls_layer_, window_layer_;
    T_ASC_Network *network_ = nullptr;
    T_ASC_Association *association_ = nullptr;
};

lethe_status Provider::receive(lethe_error *error) {
    dcmExternalSocketHandle.set(socket_);
    handler_->deadline(handler_->context, options_.stall_seconds);
    int timeout = static_cast<int>(options_.stall_seconds);
    if (options_.tls != nullptr) {
        int on = 1;
        (void)setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        lethe_status status = make_tls_layer(*options_.tls, tls_layer_, error);
        if (status != LETHE_OK) return status;
    }
    window_layer_.reset(new WindowLayer(tls_layer_ != nullptr ? tls_layer_.get() : &plain_layer_));
    DcmTransportLayer *layer = window_layer_.get();
    OFCondition condition = ASC_initializeNetwork(NET_ACCEPTOR, 0, timeout, &network_);
    if (condition.good()) condition = ASC_setTransportLayer(network_, layer, 0);
    if (condition.good())
        condition = ASC_receiveAssociation(network_, &association_, static_cast<long>(options_.max_pdu_bytes), nullptr, nullptr,
                                           options_.tls != nullptr, DUL_NOBLOCK, timeout);
    if (condition.bad()) return fail(error, condition, "no association");
    return LETHE_OK;
}

bool Provider::is_storage(const char *uid) const {
    static const char *const prefixes[] = {"1.2.840.10008.5.1.4.1.1.", "1.2.840.10008.5.1.4.34.7", "1.2.840.10008.5.1.4.34.10"};
    static const char *const queries[] = {"1.2.840.10008.5.1.4.1.2."}; /* Query/Retrieve is no storage, whatever its prefix */
    for (const char *query : queries)
        if (std::strncmp(uid, query, std::strlen(query)) == 0) return false;
    for (const char *prefix : prefixes)
        if (std::strncmp(uid, prefix, std::strlen(prefix)) == 0) return true;
    if (dcmIsaStorageSOPClassUID(uid)) return true;
    return handler_->accepts_class(handler_->context, uid);
}

lethe_status Provider::negotiate(lethe_error *error) {
    DIC_AE calling = "", called = "";
    (void)ASC_getAPTitles(association_->params, calling, sizeof calling, called, sizeof called, nullptr, 0);
    OFStandard::strlcpy(summary_->calling_aet, calling, sizeof summary_->calling_aet);
    OFStandard::strlcpy(summary_->called_aet, called, sizeof summary_->called_aet);
    char application[DUL_LEN_NAME + 1] = "";
    (void)ASC_getApplicationContextName(association_->params, application, sizeof application);
    bool dicom = std::strcmp(application, UID_StandardApplicationContext) == 0;
    /* A title of spaces alone names nobody (PS3.8 9.3.2), and cannot be given back in an answer. */
    lethe_dimse_verdict verdict = !dicom || calling[0] == '\0'
                                      ? LETHE_DIMSE_REJECT_CALLING
                                      : handler_->associate(handler_->context, calling, called, peer_certificate(association_).c_str());
    if (verdict != LETHE_DIMSE_ACCEPT) {
        T_ASC_RejectParameters rejection = {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED};
        if (!dicom) rejection.reason = ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED;
        if (verdict == LETHE_DIMSE_REJECT_CALLED) rejection.reason = ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED;
        if (verdict == LETHE_DIMSE_REJECT_BUSY)
            rejection = {ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED, ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED};
        (void)ASC_rejectAssociation(association_, &rejection);
        return lethe_fail(error, LETHE_DENIED, "association rejected");
    }
    for (int i = 0; i < ASC_countPresentationContexts(association_->params); i++) {
        T_ASC_PresentationContext context;
        if (ASC_getPresentationContext(association_->params, i, &context).bad()) continue;
        bool wanted = std::strcmp(context.abstractSyntax, UID_VerificationSOPClass) == 0 ||
                      std::strcmp(context.abstractSyntax, UID_StorageCommitmentPushModelSOPClass) == 0 || is_storage(context.abstractSyntax);
        /* As sent: the peer's first choice. */
        if (wanted && context.transferSyntaxCount > 0)
            (void)ASC_acceptPresentationContext(association_->params, context.presentationContextID, context.proposedTransferSyntaxes[0]);
        else
            (void)ASC_refusePresentationContext(association_->params, context.presentationContextID,
                                                wanted ? ASC_P_TRANSFERSYNTAXESNOTSUPPORTED : ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
    }
    OFCondition condition = ASC_acknowledgeAssociation(association_);
    return condition.good() ? LETHE_OK : fail(error, condition, "cannot acknowledge the association");
}

lethe_status Provider::store(T_ASC_PresentationContextID id, T_DIMSE_C_StoreRQ &request, lethe_error *error) {
    T_ASC_PresentationContext context;
    OFCondition condition = ASC_findAcceptedPresentationContext(association_->params, id, &context);
    if (condition.bad()) return fail(error, condition, "instance on an unknown presentation context");
    lethe_dimse_store store = {summary_->calling_aet, summary_->called_aet, request.AffectedSOPClassUID, request.AffectedSOPInstanceUID,
                               context.acceptedTransferSyntax};
    uint16_t refused = handler_->store_begin(handler_->context, &store);
    Tap tap(handler_, options_.stall_seconds);
    TapStream stream(&tap);
    T_ASC_PresentationContextID data_id = id;
    handler_->deadline(handler_->context, options_.stall_seconds);
    condition =
        DIMSE_receiveDataSetInFile(association_, DIMSE_NONBLOCKING, static_cast<int>(options_.stall_seconds), &data_id, &stream, nullptr, nullptr);
    /* From here on it is our time, not the peer's. */
    handler_->deadline(handler_->context, 0);
    uint16_t status = handler_->store_end(handler_->context, condition.good());
    if (condition.bad()) return fail(error, condition, "the data set broke off");
    if (refused != LETHE_DIMSE_SUCCESS) status = refused;

    T_DIMSE_C_StoreRSP response;
    std::memset(&response, 0, sizeof response);
    response.DimseStatus = status;
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.DataSetType = DIMSE_DATASET_NULL;
    OFStandard::strlcpy(response.AffectedSOPClassUID, request.AffectedSOPClassUID, sizeof response.AffectedSOPClassUID);
    OFStandard::strlcpy(response.AffectedSOPInstanceUID, request.AffectedSOPInstanceUID, sizeof response.AffectedSOPInstanceUID);
    response.opts = O_STORE_AFFECTEDSOPCLASSUID | O_STORE_AFFECTEDSOPINSTANCEUID;
    if (request.opts & O_STORE_RQ_BLANK_PADDING) response.opts |= O_STORE_RSP_BLANK_PADDING;
    if (dcmPeerRequiresExactUIDCopy.get()) response.opts |= O_STORE_PEER_REQUIRES_EXACT_UID_COPY;
    handler_->deadline(handler_->context, options_.stall_seconds);
    condition = DIMSE_sendStoreResponse(association_, id, &request, &response, nullptr);
    if (condition.bad()) return fail(error, condition, "cannot answer a C-STORE");
    if (status == LETHE_DIMSE_SUCCESS) {
        summary_->instances++;
        summary_->bytes += tap.bytes();
    }
    return LETHE_OK;
}

lethe_status Provider::answer(T_ASC_PresentationContextID context, T_DIMSE_Message &message, lethe_error *error) {
    switch (message.CommandField) {
    case DIMSE_C_ECHO_RQ: {
        OFCondition condition = DIMSE_sendEchoResponse(association_, context, &message.msg.CEchoRQ, STATUS_Success, nullptr);
        return condition.good() ? LETHE_OK : fail(error, condition, "cannot answer a C-ECHO");
    }
    case DIMSE_C_STORE_RQ: return store(context, message.msg.CStoreRQ, error);
    case DIMSE_N_ACTION_RQ: return commit(association_, context, message.msg.NActionRQ, handler_, static_cast<int>(options_.stall_seconds), error);
    default: return lethe_fail(error, LETHE_NETWORK, "request of unexpected kind %04x", static_cast<unsigned>(message.CommandField));
    }
}

lethe_status Provider::serve(lethe_error *error) {
    for (unsigned idle = 0;;) {
        handler_->deadline(handler_->context, 0);
        if (handler_->stopping(handler_->context)) return lethe_fail(error, LETHE_NETWORK, "the receiver is stopping");
        if (!ASC_dataWaiting(association_, 1)) {
            /* Also true of a closed connection: reading tells them apart. */
            if (++idle >= options_.idle_seconds) return lethe_fail(error, LETHE_NETWORK, "idle for too long");
            continue;
        }
        idle = 0;
        handler_->deadline(handler_->context, options_.stall_seconds);
        T_ASC_PresentationContextID context = 0;
        T_DIMSE_Message message;
        std::memset(&message, 0, sizeof message);
        OFCondition condition =
            DIMSE_receiveCommand(association_, DIMSE_NONBLOCKING, static_cast<int>(options_.stall_seconds), &context, &message, nullptr);
        if (condition == DUL_PEERREQUESTEDRELEASE) {
            summary_->released = true;
            (void)ASC_acknowledgeRelease(association_);
            return LETHE_OK;
        }
        if (condition == DUL_PEERABORTEDASSOCIATION) return lethe_fail(error, LETHE_NETWORK, "the peer aborted");
        if (condition.bad()) return fail(error, condition, "no request");
        lethe_status status = answer(context, message, error);
        if (status != LETHE_OK) return status;
    }
}

lethe_status Provider::run(lethe_error *error) {
    lethe_status status = receive(error);
    if (status != LETHE_OK) return status;
    status = negotiate(error);
    if (status == LETHE_DENIED) return status;
    if (status == LETHE_OK) status = serve(error);
    if (status != LETHE_OK) (void)ASC_abortAssociation(association_);
    return status;
}

} // namespace
} // namespace lethe_dimse

extern "C" lethe_status lethe_dimse_prepare(lethe_error *error) {
    return lethe_dimse::guard(error, [&] {
        lethe_dimse::quiet();
        dcmDataDict.rdlock(); /* the first lock loads it */
        dcmDataDict.rdunlock();
        return LETHE_OK;
    });
}

extern "C" lethe_status lethe_dimse_serve(int socket, const lethe_dimse_options *options, const lethe_dimse_handler *handler,
                                          lethe_dimse_summary *summary, lethe_error *error) {
    std::memset(summary, 0, sizeof *summary);
    return lethe_dimse::guard(error, [&] {
        lethe_dimse::quiet();
        lethe_dimse::Provider provider(socket, options, handler, summary);
        return provider.run(error);
    });
}
