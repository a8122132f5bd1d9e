/* ingest/dimse_scu.h on DCMTK's DcmSCU. */
#include "ingest/dimse_scu.h"

#include "ingest/dimse_internal.h"

#include "dcmtk/dcmnet/scu.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

/* DcmSCU takes a transport layer only from its own kind. */
class Requestor : public DcmSCU {
  public:
    using DcmSCU::useSecureConnection;
};

struct lethe_scu {
    std::unique_ptr<DcmTransportLayer> layer; /* outlives the association */
    Requestor scu;
    lethe_scu_options options;
    std::string find_class, transfer_syntax, sop_class;
};

using lethe_dimse::fail;
using lethe_dimse::guard;

namespace {

const char *const query_class[] = {"", UID_FINDStudyRootQueryRetrieveInformationModel, UID_GETStudyRootQueryRetrieveInformationModel,
                                   UID_MOVEStudyRootQueryRetrieveInformationModel};

OFList<OFString> plain_syntaxes() {
    OFList<OFString> list;
    list.push_back(UID_LittleEndianExplicitTransferSyntax);
    list.push_back(UID_LittleEndianImplicitTransferSyntax);
    return list;
}

/* For C-GET: what a peer may have stored; it chooses. */
OFList<OFString> storage_syntaxes() {
    static const char *const compressed[] = {
        UID_JPEGProcess14SV1TransferSyntax, UID_JPEG2000LosslessOnlyTransferSyntax, UID_JPEGLSLosslessTransferSyntax, UID_JPEG2000TransferSyntax,
        UID_JPEGProcess1TransferSyntax,     UID_JPEGProcess2_4TransferSyntax,       UID_RLELosslessTransferSyntax};
    OFList<OFString> list = plain_syntaxes();
    for (const char *syntax : compressed) list.push_back(syntax);
    return list;
}

OFCondition propose(lethe_scu &self) {
    DcmSCU &scu = self.scu;
    const lethe_scu_options &options = self.options;
    if (options.purpose == LETHE_SCU_ECHO) return scu.addPresentationContext(UID_VerificationSOPClass, plain_syntaxes());
    if (options.purpose == LETHE_SCU_COMMIT)
        return scu.addPresentationContext(UID_StorageCommitmentPushModelSOPClass, plain_syntaxes(), ASC_SC_ROLE_SCP);
    if (options.purpose == LETHE_SCU_STORE) {
        OFList<OFString> syntaxes;
        syntaxes.push_back(self.transfer_syntax.c_str());
        return scu.addPresentationContext(self.sop_class.c_str(), syntaxes);
    }
    OFCondition condition = scu.addPresentationContext(query_class[options.purpose], plain_syntaxes());
    if (options.purpose != LETHE_SCU_GET) return condition;
    const OFList<OFString> syntaxes = storage_syntaxes();
    for (int i = 0; condition.good() && i < numberOfDcmLongSCUStorageSOPClassUIDs && i < 120; i++)
        condition = scu.addPresentationContext(dcmLongSCUStorageSOPClassUIDs[i], syntaxes, ASC_SC_ROLE_SCP);
    return condition;
}

OFCondition put_text(DcmItem &item, uint32_t tag, const char *value) {
    return item.putAndInsertString(DcmTag(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff)), value);
}

OFCondition retrieve_keys(DcmDataset &query, const char *study, const char *series, const char *instance) {
    OFCondition condition = query.putAndInsertString(DCM_QueryRetrieveLevel, instance != nullptr ? "IMAGE" : "SERIES");
    if (condition.good()) condition = query.putAndInsertString(DCM_StudyInstanceUID, study);
    if (condition.good()) condition = query.putAndInsertString(DCM_SeriesInstanceUID, series);
    if (condition.good() && instance != nullptr) condition = query.putAndInsertString(DCM_SOPInstanceUID, instance);
    return condition;
}

template <typename Response> class Responses {
  public:
    ~Responses() {
        while (!list.empty()) {
            delete list.front();
            list.pop_front();
        }
    }
    OFList<Response *> list;
};

void sum_up(const Responses<RetrieveResponse> &responses, lethe_scu_retrieved *result) {
    for (OFListConstIterator(RetrieveResponse *) at = responses.list.begin(); at != responses.list.end(); ++at) {
        const RetrieveResponse *response = *at;
        result->completed = response->m_numberOfCompletedSubops;
        result->failed = response->m_numberOfFailedSubops;
        result->warnings = response->m_numberOfWarningSubops;
        result->status = response->m_status;
    }
}

T_ASC_PresentationContextID context_of(lethe_scu *scu, const char *uid) { return scu->scu.findPresentationContextID(uid, ""); }

} // namespace

extern "C" lethe_status lethe_scu_open(const lethe_scu_options *options, lethe_scu **out, lethe_error *error) {
    *out = nullptr;
    return guard(error, [&] {
        lethe_dimse::quiet();
        std::unique_ptr<lethe_scu> self(new lethe_scu);
        self->options = *options;
        self->sop_class = options->sop_class == nullptr ? "" : options->sop_class;
        self->transfer_syntax = options->transfer_syntax == nullptr ? "" : options->transfer_syntax;
        unsigned timeout = options->timeout_seconds == 0 ? 60 : options->timeout_seconds;
        DcmSCU &scu = self->scu;
        scu.setAETitle(options->our_aet);
        scu.setPeerHostName(options->host);
        scu.setPeerAETitle(options->aet);
        scu.setPeerPort(options->port);
        scu.setDIMSEBlockingMode(DIMSE_NONBLOCKING);
        scu.setDIMSETimeout(timeout);
        scu.setACSETimeout(timeout);
        scu.setConnectionTimeout(static_cast<Sint32>(timeout));
        scu.setVerbosePCMode(OFFalse);
        OFCondition condition = propose(*self);
        if (condition.good()) condition = scu.initNetwork();
        if (condition.good() && options->tls) {
            lethe_status status = lethe_dimse::make_tls_client_layer(*options, self->layer, error);
            if (status != LETHE_OK) return status;
            condition = self->scu.useSecureConnection(self->layer.get());
        }
        if (condition.good()) condition = scu.negotiateAssociation();
        if (condition.bad()) return fail(error, condition, "no association with the peer");
        *out = self.release();
        return LETHE_OK;
    });
}

extern "C" void lethe_scu_close(lethe_scu *scu) {
    if (scu == nullptr) return;
    (void)guard(nullptr, [&] {
        if (scu->scu.isConnected()) (void)scu->scu.releaseAssociation();
        delete scu;
        return LETHE_OK;
    });
}

extern "C" lethe_status lethe_scu_echo(lethe_scu *scu, lethe_error *error) {
    return guard(error, [&] {
        OFCondition condition = scu->scu.sendECHORequest(0);
        return condition.good() ? LETHE_OK : fail(error, condition, "no answer to C-ECHO");
    });
}

extern "C" lethe_status lethe_scu_find(lethe_scu *scu, const char *level, const lethe_scu_key *keys, size_t count, lethe_scu_answer_fn answer,
                                       void *context, size_t *answers, lethe_error *error) {
    if (answers != nullptr) *answers = 0;
    if (count > LETHE_SCU_MAX_KEYS) return lethe_fail(error, LETHE_INTERNAL, "too many keys in a query");
    return guard(error, [&] {
        DcmDataset query;
        OFCondition condition = query.putAndInsertString(DCM_QueryRetrieveLevel, level);
        for (size_t i = 0; condition.good() && i < count; i++) condition = put_text(query, keys[i].tag, keys[i].value);
        Responses<QRResponse> responses;
        if (condition.good()) condition = scu->scu.sendFINDRequest(context_of(scu, query_class[LETHE_SCU_FIND]), &query, &responses.list);
        if (condition.bad()) return fail(error, condition, "the query failed");
        size_t told = 0;
        for (OFListIterator(QRResponse *) at = responses.list.begin(); at != responses.list.end(); ++at) {
            QRResponse *response = *at;
            if ((response->m_status & 0xff00) == 0xa700) return lethe_fail(error, LETHE_LIMIT, "the peer has too many answers");
            if (response->m_status != 0 && (response->m_status & 0xff00) != 0xff00 && response->m_status != 0xb000)
                return lethe_fail(error, LETHE_NETWORK, "the peer answered the query with status %04x", static_cast<unsigned>(response->m_status));
            if (response->m_dataset == nullptr) continue;
            OFString texts[LETHE_SCU_MAX_KEYS];
            const char *values[LETHE_SCU_MAX_KEYS];
            for (size_t i = 0; i < count; i++) {
                (void)response->m_dataset->findAndGetOFStringArray(
                    DcmTagKey(static_cast<Uint16>(keys[i].tag >> 16), static_cast<Uint16>(keys[i].tag & 0xffff)), texts[i]);
                values[i] = texts[i].c_str();
            }
            told++;
            lethe_status status = answer(context, values, error);
            if (status != LETHE_OK) return status;
        }
        if (answers != nullptr) *answers = told;
        return LETHE_OK;
    });
}

extern "C" lethe_status lethe_scu_get(lethe_scu *scu, const char *study, const char *series, const char *instance, const char *folder,
                                      lethe_scu_retrieved *result, lethe_error *error) {
    std::memset(result, 0, sizeof *result);
    return guard(error, [&] {
        DcmDataset query;
        Responses<RetrieveResponse> responses;
        scu->scu.setStorageMode(DCMSCU_STORAGE_BIT_PRESERVING);
        scu->scu.setStorageDir(folder);
        OFCondition condition = retrieve_keys(query, study, series, instance);
        if (condition.good()) condition = scu->scu.sendCGETRequest(context_of(scu, query_class[LETHE_SCU_GET]), &query, &responses.list);
        if (condition.bad()) return fail(error, condition, "C-GET failed");
        sum_up(responses, result);
        return LETHE_OK;
    });
}

extern "C" lethe_status lethe_scu_move(lethe_scu *scu, const char *study, const char *series, const char *instance, const char *destination,
                                       lethe_scu_retrieved *result, lethe_error *error) {
    std::memset(result, 0, sizeof *result);
    return guard(error, [&] {
        DcmDataset query;
        Responses<RetrieveResponse> responses;
        OFCondition condition = retrieve_keys(query, study, series, instance);
        if (condition.good())
            condition = scu->scu.sendMOVERequest(context_of(scu, query_class[LETHE_SCU_MOVE]), destination, &query, &responses.list);
        if (condition.bad()) return fail(error, condition, "C-MOVE failed");
        sum_up(responses, result);
        return LETHE_OK;
    });
}

extern "C" lethe_status lethe_scu_store(lethe_scu *scu, const char *path, uint16_t *status, lethe_error *error) {
    return guard(error, [&] {
        Uint16 answered = 0xffff;
        T_ASC_PresentationContextID id = scu->scu.findPresentationContextID(scu->sop_class.c_str(), scu->transfer_syntax.c_str());
        OFCondition condition = scu->scu.sendSTORERequest(id, path, nullptr, answered);
        *status = answered;
        return condition.good() ? LETHE_OK : fail(error, condition, "C-STORE failed");
    });
}

extern "C" lethe_status lethe_scu_report(lethe_scu *scu, const char *transaction_uid, const lethe_dimse_reference *references, size_t count,
                                         lethe_error *error) {
    return guard(error, [&] {
        DcmDataset report;
        bool all = true;
        Uint16 answered = 0xffff;
        OFCondition condition = lethe_dimse::fill_report(report, transaction_uid, references, count, &all);
        T_ASC_PresentationContextID id = scu->scu.findPresentationContextID(UID_StorageCommitmentPushModelSOPClass, "", ASC_SC_ROLE_SCP);
        if (condition.good())
            condition =
                scu->scu.sendEVENTREPORTRequest(id, UID_StorageCommitmentPushModelSOPInstance, static_cast<Uint16>(all ? 1 : 2), &report, answered);
        if (condition.bad()) return fail(error, condition, "the commitment report failed");
        return answered == 0
                   ? LETHE_OK
                   : lethe_fail(error, LETHE_NETWORK, "the peer answered the commitment report with status %04x", static_cast<unsigned>(answered));
    });
}
