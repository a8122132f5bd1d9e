/* Storage Commitment Push Model as provider (PS3.4 Annex J): N-ACTION is answered, then N-EVENT-REPORT tells the result. */
#include "ingest/dimse_internal.h"

#include <cstring>
#include <memory>
#include <vector>

namespace lethe_dimse {

namespace {

enum { REQUEST_ACTION = 1, EVENT_ALL_COMMITTED = 1, EVENT_SOME_FAILED = 2, MAX_REFERENCES = 100000 };

void read_references(DcmDataset &request, std::vector<lethe_dimse_reference> &references) {
    DcmItem *item = nullptr;
    for (long i = 0; i < MAX_REFERENCES && request.findAndGetSequenceItem(DCM_ReferencedSOPSequence, item, i).good(); i++) {
        lethe_dimse_reference reference;
        std::memset(&reference, 0, sizeof reference);
        OFString text;
        if (item->findAndGetOFString(DCM_ReferencedSOPClassUID, text).good())
            OFStandard::strlcpy(reference.sop_class, text.c_str(), sizeof reference.sop_class);
        if (item->findAndGetOFString(DCM_ReferencedSOPInstanceUID, text).good())
            OFStandard::strlcpy(reference.sop_instance, text.c_str(), sizeof reference.sop_instance);
        reference.failure = LETHE_DIMSE_NO_SUCH_INSTANCE;
        references.push_back(reference);
    }
}

OFCondition put_reference(DcmItem &report, const DcmTagKey &sequence, const lethe_dimse_reference &reference) {
    DcmItem *item = nullptr;
    OFCondition condition = report.findOrCreateSequenceItem(sequence, item, -2);
    if (condition.good()) condition = item->putAndInsertString(DCM_ReferencedSOPClassUID, reference.sop_class);
    if (condition.good()) condition = item->putAndInsertString(DCM_ReferencedSOPInstanceUID, reference.sop_instance);
    if (condition.good() && !reference.committed) condition = item->putAndInsertUint16(DCM_FailureReason, reference.failure);
    return condition;
}

OFCondition send_report(T_ASC_Association *association, T_ASC_PresentationContextID context, DcmDataset &report, bool all, int timeout) {
    T_DIMSE_Message message;
    std::memset(&message, 0, sizeof message);
    message.CommandField = DIMSE_N_EVENT_REPORT_RQ;
    T_DIMSE_N_EventReportRQ &event = message.msg.NEventReportRQ;
    event.MessageID = association->nextMsgID++;
    OFStandard::strlcpy(event.AffectedSOPClassUID, UID_StorageCommitmentPushModelSOPClass, sizeof event.AffectedSOPClassUID);
    OFStandard::strlcpy(event.AffectedSOPInstanceUID, UID_StorageCommitmentPushModelSOPInstance, sizeof event.AffectedSOPInstanceUID);
    event.EventTypeID = all ? EVENT_ALL_COMMITTED : EVENT_SOME_FAILED;
    event.DataSetType = DIMSE_DATASET_PRESENT;
    OFCondition condition = DIMSE_sendMessageUsingMemoryData(association, context, &message, nullptr, &report, nullptr, nullptr);
    if (condition.bad()) return condition;
    T_ASC_PresentationContextID answered = 0;
    std::memset(&message, 0, sizeof message);
    condition = DIMSE_receiveCommand(association, DIMSE_NONBLOCKING, timeout, &answered, &message, nullptr);
    if (condition.good() && message.CommandField != DIMSE_N_EVENT_REPORT_RSP) condition = DIMSE_BADCOMMANDTYPE;
    return condition;
}

} // namespace

OFCondition fill_report(DcmDataset &report, const char *transaction_uid, const lethe_dimse_reference *references, size_t count, bool *all) {
    *all = true;
    OFCondition condition = report.putAndInsertString(DCM_TransactionUID, transaction_uid);
    for (size_t i = 0; condition.good() && i < count; i++) {
        *all = *all && references[i].committed;
        condition = put_reference(report, references[i].committed ? DCM_ReferencedSOPSequence : DCM_FailedSOPSequence, references[i]);
    }
    return condition;
}

lethe_status commit(T_ASC_Association *association, T_ASC_PresentationContextID context, const T_DIMSE_N_ActionRQ &request,
                    const lethe_dimse_handler *handler, int timeout, lethe_error *error) {
    DcmDataset *received = nullptr;
    T_ASC_PresentationContextID data_context = context;
    OFCondition condition = EC_Normal;
    if (request.DataSetType != DIMSE_DATASET_NULL)
        condition = DIMSE_receiveDataSetInMemory(association, DIMSE_NONBLOCKING, timeout, &data_context, &received, nullptr, nullptr);
    std::unique_ptr<DcmDataset> owned(received);
    if (condition.bad()) return fail(error, condition, "the commitment request broke off");

    std::vector<lethe_dimse_reference> references;
    OFString transaction;
    bool understood = request.ActionTypeID == REQUEST_ACTION && owned != nullptr &&
                      std::strcmp(request.RequestedSOPClassUID, UID_StorageCommitmentPushModelSOPClass) == 0 &&
                      owned->findAndGetOFString(DCM_TransactionUID, transaction).good() && !transaction.empty();
    if (understood) read_references(*owned, references);
    understood = understood && !references.empty();

    /* What is to be reported later is kept before the request is answered. */
    bool later = false;
    if (understood) {
        handler->commitment(handler->context, references.data(), references.size());
        later = handler->report(handler->context, transaction.c_str(), references.data(), references.size());
    }

    T_DIMSE_Message message;
    std::memset(&message, 0, sizeof message);
    message.CommandField = DIMSE_N_ACTION_RSP;
    T_DIMSE_N_ActionRSP &response = message.msg.NActionRSP;
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.DimseStatus = understood ? LETHE_DIMSE_SUCCESS : LETHE_DIMSE_PROCESSING_FAILURE;
    response.DataSetType = DIMSE_DATASET_NULL;
    OFStandard::strlcpy(response.AffectedSOPClassUID, request.RequestedSOPClassUID, sizeof response.AffectedSOPClassUID);
    OFStandard::strlcpy(response.AffectedSOPInstanceUID, request.RequestedSOPInstanceUID, sizeof response.AffectedSOPInstanceUID);
    response.ActionTypeID = request.ActionTypeID;
    response.opts = O_NACTION_AFFECTEDSOPCLASSUID | O_NACTION_AFFECTEDSOPINSTANCEUID | O_NACTION_ACTIONTYPEID;
    condition = DIMSE_sendMessageUsingMemoryData(association, context, &message, nullptr, nullptr, nullptr, nullptr);
    if (condition.bad()) return fail(error, condition, "cannot answer a commitment request");
    if (!understood || later) return LETHE_OK;
    DcmDataset report;
    bool all = true;
    condition = fill_report(report, transaction.c_str(), references.data(), references.size(), &all);
    if (condition.good()) condition = send_report(association, context, report, all, timeout);
    return condition.good() ? LETHE_OK : fail(error, condition, "cannot report a commitment");
}

} // namespace lethe_dimse
