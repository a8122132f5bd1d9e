/* What becomes of an element: structure, own rules, Table E.1-1, and a default by VR (docs/deid.md). */
#include "deid/attributes_internal.h"
#include "deid/private.h"
#include "deid/values.h"

#include <string.h>

static const char *explain(const walk *w, const char *format, const char *a, const char *b, const char *fallback) {
    if (!w->job->explain) return fallback;
    char *text = lethe_arena_printf(w->job->dataset->arena, "%s%s%s", format, a, b);
    return text != NULL ? text : fallback;
}

/* --- deciding --- */

static bool is_class_uid(lethe_tag tag) {
    switch (tag) {
    case LETHE_TAG(0x0000, 0x0002):
    case LETHE_TAG(0x0000, 0x0003):
    case LETHE_TAG(0x0002, 0x0002):
    case LETHE_TAG(0x0002, 0x0010):
    case LETHE_TAG(0x0008, 0x0016):
    case LETHE_TAG(0x0008, 0x001A):
    case LETHE_TAG(0x0008, 0x001B):
    case LETHE_TAG(0x0008, 0x0062):
    case LETHE_TAG(0x0008, 0x1150):
    case LETHE_TAG(0x0008, 0x115A):
    case LETHE_TAG(0x0004, 0x1510):
    case LETHE_TAG(0x0004, 0x1512):
    case LETHE_TAG(0x0008, 0x010C):
    case LETHE_TAG(0x0008, 0x0117):
    case LETHE_TAG(0x0008, 0x0118):
    case LETHE_TAG(0x0008, 0x010D):
    case LETHE_TAG(0x0400, 0x0010):
    case LETHE_TAG(0x0400, 0x0510):
    case LETHE_TAG(0x0008, 0x3002): return true;
    default: return false;
    }
}

static bool is_code_part(lethe_tag tag) {
    return (tag >= LETHE_TAG(0x0008, 0x0100) && tag <= LETHE_TAG(0x0008, 0x0123)) || tag == LETHE_TAG(0x0040, 0xDB00);
}

/* What people write about a code: its meaning, the name of its scheme, who is responsible for it, where it is described. */
static bool is_code_text(lethe_tag tag) {
    return tag == LETHE_TAG(0x0008, 0x0104) || tag == LETHE_TAG(0x0008, 0x0114) || tag == LETHE_TAG(0x0008, 0x0115) ||
           tag == LETHE_TAG(0x0008, 0x0116) || tag == LETHE_TAG(0x0008, 0x0122);
}

lethe_action lethe_decide_date(uint32_t options) {
    if ((options & LETHE_OPTION_MODIFIED_DATES) != 0) return LETHE_ACTION_SHIFT;
    return (options & LETHE_OPTION_FULL_DATES) != 0 ? LETHE_ACTION_KEEP : LETHE_ACTION_DUMMY;
}

void lethe_decide_by_table(const walk *w, const lethe_annex_row *row, lethe_vr vr, lethe_tag parent, lethe_tag tag, decision *d) {
    uint32_t cleaned = row->cleaned_by & w->options, kept = row->kept_by & w->options;
    d->identity = (row->cleaned_by & LETHE_OPTION_DESCRIPTORS) == 0;
    if (cleaned != 0) {
        d->action = is_date_vr(vr)      ? LETHE_ACTION_SHIFT
                    : vr == LETHE_VR_AE ? LETHE_ACTION_TOKEN
                    : vr == LETHE_VR_UI ? LETHE_ACTION_UID
                                        : LETHE_ACTION_CLEAN;
        d->clean = LETHE_CLEAN_FULL;
        d->children = INSIDE_CLEAN;
        d->reason = explain(w, "PS3.15 Table E.1-1: C by ",
                            (cleaned & LETHE_OPTION_MODIFIED_DATES) != 0 ? "Retain Longitudinal, Modified Dates (E.3.6)"
                            : (cleaned & LETHE_OPTION_DESCRIPTORS) != 0  ? "Clean Descriptors (E.3.5)"
                            : (cleaned & LETHE_OPTION_STRUCTURED) != 0   ? "Clean Structured Content (E.3.4)"
                            : (cleaned & LETHE_OPTION_GRAPHICS) != 0     ? "Clean Graphics (E.3.3)"
                                                                         : "Retain Patient Characteristics or Device Identity (E.3.7, E.3.8)",
                            "", "PS3.15 Table E.1-1: C");
        /* A cleaned code or number has nothing to clean; dates by code version are strings such as "20100101". */
        return;
    }
    if (kept != 0) {
        d->action = LETHE_ACTION_KEEP;
        d->by_option = true;
        d->reason = explain(w, "PS3.15 Table E.1-1: K by ",
                            (kept & LETHE_OPTION_UIDS) != 0          ? "Retain UIDs (E.3.9)"
                            : (kept & LETHE_OPTION_DEVICE) != 0      ? "Retain Device Identity (E.3.8)"
                            : (kept & LETHE_OPTION_INSTITUTION) != 0 ? "Retain Institution Identity (E.3.11)"
                            : (kept & LETHE_OPTION_PATIENT) != 0     ? "Retain Patient Characteristics (E.3.7)"
                                                                     : "Retain Longitudinal, Full Dates (E.3.6)",
                            "", "PS3.15 Table E.1-1: K");
        return;
    }
    lethe_annex_action resolved = lethe_annex_e_resolve(row->basic, lethe_iod_type_of(w->iod, parent, tag), true);
    static const lethe_action actions[] = {
        [LETHE_ANNEX_K] = LETHE_ACTION_KEEP,  [LETHE_ANNEX_X] = LETHE_ACTION_REMOVE, [LETHE_ANNEX_Z] = LETHE_ACTION_EMPTY,
        [LETHE_ANNEX_D] = LETHE_ACTION_DUMMY, [LETHE_ANNEX_C] = LETHE_ACTION_CLEAN,  [LETHE_ANNEX_U] = LETHE_ACTION_UID};
    d->action = (size_t)resolved < sizeof actions / sizeof *actions ? actions[resolved] : LETHE_ACTION_REMOVE;
    d->children = tag == LETHE_TAG(0x0040, 0xA730) || tag == LETHE_TAG(0x0070, 0x0001) ? INSIDE_CONTENT : INSIDE_DUMMY;
    if (resolved == LETHE_ANNEX_U) d->children = INSIDE_NOTHING;
    const char *from = lethe_annex_action_name(row->basic);
    d->reason = row->basic == resolved || row->basic == LETHE_ANNEX_XZU ? explain(w, "PS3.15 Table E.1-1: ", from, "", "PS3.15 Table E.1-1")
                                                                        : explain(w, "PS3.15 Table E.1-1: ", from,
                                                                                  resolved == LETHE_ANNEX_X   ? " is X by its Type"
                                                                                  : resolved == LETHE_ANNEX_Z ? " is Z by its Type"
                                                                                                              : " is D by its Type",
                                                                                  "PS3.15 Table E.1-1, resolved by Type");
}

/* Who made a device or a program, and which: numbers and dates in these are of the product. */
static bool names_product(lethe_tag tag) {
    switch (tag) {
    case LETHE_TAG(0x0008, 0x0070): /* Manufacturer */
    case LETHE_TAG(0x0008, 0x1090): /* ManufacturerModelName */
    case LETHE_TAG(0x0018, 0x1016): /* SecondaryCaptureDeviceManufacturer, ...ModelName, ...SoftwareVersions */
    case LETHE_TAG(0x0018, 0x1018):
    case LETHE_TAG(0x0018, 0x1019):
    case LETHE_TAG(0x0018, 0x101A): /* HardcopyDeviceSoftwareVersion */
    case LETHE_TAG(0x0018, 0x101B): /* HardcopyDeviceManufacturerModelName */
    case LETHE_TAG(0x0018, 0x1020): /* SoftwareVersions */
    case LETHE_TAG(0x0066, 0x0031): /* AlgorithmVersion */
    case LETHE_TAG(0x0066, 0x0036): /* AlgorithmName */ return true;
    default: return false;
    }
}

/* What a person writes about this patient, though no row of the table names it: labels of findings and regions, titles, comments. */
static bool is_typed_by_people(lethe_tag tag) {
    switch (tag) {
    case LETHE_TAG(0x0018, 0x003A): /* InterventionDescription */
    case LETHE_TAG(0x0018, 0x9900): /* ReferenceLocationLabel, ...Description */
    case LETHE_TAG(0x0018, 0x9901):
    case LETHE_TAG(0x0018, 0x9908): /* PotentialReasonsForProcedure */
    case LETHE_TAG(0x0018, 0x991A): /* InstructionPerformanceComment */
    case LETHE_TAG(0x0022, 0x112C): /* CalculationComment */
    case LETHE_TAG(0x0024, 0x0044): /* CommentsOnPatientPerformanceOfVisualField */
    case LETHE_TAG(0x0028, 0x6022): /* FrameOfInterestDescription */
    case LETHE_TAG(0x0040, 0x0400): /* CommentsOnTheScheduledProcedureStep */
    case LETHE_TAG(0x0040, 0x0556): /* AcquisitionContextDescription */
    case LETHE_TAG(0x0040, 0xA160): /* TextValue, outside of a sequence that is cleaned */
    case LETHE_TAG(0x0040, 0xA492): /* CompletionFlagDescription */
    case LETHE_TAG(0x0042, 0x0010): /* DocumentTitle */
    case LETHE_TAG(0x0044, 0x0003): /* ApprovalStatusFurtherDescription */
    case LETHE_TAG(0x0044, 0x0011): /* SubstanceAdministrationNotes */
    case LETHE_TAG(0x0044, 0x0106): /* AssertionComments */
    case LETHE_TAG(0x0062, 0x0005): /* SegmentLabel, SegmentDescription */
    case LETHE_TAG(0x0062, 0x0006):
    case LETHE_TAG(0x0066, 0x0004): /* SurfaceComments */
    case LETHE_TAG(0x0066, 0x0106): /* TrackSetLabel, TrackSetDescription */
    case LETHE_TAG(0x0066, 0x0107):
    case LETHE_TAG(0x0070, 0x0006): /* UnformattedTextValue */
    case LETHE_TAG(0x0070, 0x0068): /* GraphicLayerDescription */
    case LETHE_TAG(0x0070, 0x0081): /* ContentDescription */
    case LETHE_TAG(0x0070, 0x0207): /* GraphicGroupLabel, GraphicGroupDescription */
    case LETHE_TAG(0x0070, 0x0208):
    case LETHE_TAG(0x0070, 0x030F): /* FiducialDescription */
    case LETHE_TAG(0x0074, 0x1006): /* ProcedureStepProgressDescription */
    case LETHE_TAG(0x0074, 0x1204): /* ProcedureStepLabel */
    case LETHE_TAG(0x0074, 0x1238): /* ReasonForCancellation */
    case LETHE_TAG(0x0082, 0x0003): /* AssessmentSummaryDescription */
    case LETHE_TAG(0x0082, 0x000A): /* ObservationDescription */
    case LETHE_TAG(0x0082, 0x0023): /* AssessmentLabel */
    case LETHE_TAG(0x0100, 0x0424): /* SOPAuthorizationComment */
    case LETHE_TAG(0x3002, 0x0002): /* RTImageLabel, RTImageDescription */
    case LETHE_TAG(0x3002, 0x0004):
    case LETHE_TAG(0x3004, 0x0006): /* DoseComment */
    case LETHE_TAG(0x3006, 0x00C8): /* FrameOfReferenceTransformationComment */
    case LETHE_TAG(0x3008, 0x0066): /* OverrideReason */
    case LETHE_TAG(0x3008, 0x0202): /* TreatmentStatusComment */
    case LETHE_TAG(0x300A, 0x0183): /* PatientSetupLabel */
    case LETHE_TAG(0x300A, 0x0402): /* SetupImageComment */
    case LETHE_TAG(0x300A, 0x0730): /* TreatmentTerminationDescription */ return true;
    default: /* labels of overlay planes that stay */
        return (tag & 0xFF00FFFFu) == LETHE_TAG(0x6000, 0x0022) || (tag & 0xFF00FFFFu) == LETHE_TAG(0x6000, 0x1500);
    }
}

/* The text of a content item "Tracking Identifier" (112039, DCM; PS3.16 TID 1501): a key that programs give to a finding, random letters mostly. */
static bool is_tracking_identifier(const lethe_dicom_element *element) {
    if (element->tag != LETHE_TAG(0x0040, 0xA160)) return false;
    const lethe_dicom_element *concept = lethe_dicom_find(element->parent, LETHE_TAG(0x0040, 0xA043));
    if (concept == NULL || concept->form != LETHE_DICOM_SEQUENCE || concept->items == NULL) return false;
    char code[17] = "", scheme[17] = "";
    (void)lethe_dicom_text(concept->items, LETHE_TAG(0x0008, 0x0100), 0, code, sizeof code);
    (void)lethe_dicom_text(concept->items, LETHE_TAG(0x0008, 0x0102), 0, scheme, sizeof scheme);
    return strcmp(code, "112039") == 0 && strcmp(scheme, "DCM") == 0;
}

void lethe_decide_by_vr(const walk *w, const lethe_dicom_element *element, lethe_vr vr, inside where, decision *d) {
    lethe_tag tag = element->tag;
    bool text = lethe_vr_is_text(vr) && vr != LETHE_VR_PN, code = is_code_part(tag);
    d->children = where;
    d->clean = LETHE_CLEAN_IDENTIFIERS;
    d->identity = true;
    d->action = LETHE_ACTION_KEEP;
    d->reason = "not in Table E.1-1: kept";
    if (vr == LETHE_VR_PN) {
        d->action = where == INSIDE_DUMMY || where == INSIDE_CONTENT ? LETHE_ACTION_DUMMY : LETHE_ACTION_EMPTY;
        d->reason = "person name outside Table E.1-1";
    } else if (is_date_vr(vr)) {
        d->action = lethe_decide_date(w->options);
        d->reason = "date or time outside Table E.1-1";
    } else if (vr == LETHE_VR_UI) {
        d->action = is_class_uid(tag) ? LETHE_ACTION_KEEP : (w->options & LETHE_OPTION_UIDS) != 0 ? LETHE_ACTION_KEEP : LETHE_ACTION_UID;
        d->reason = d->action == LETHE_ACTION_UID ? "UID outside Table E.1-1: mapped" : d->reason;
    } else if (vr == LETHE_VR_UR || vr == LETHE_VR_AE) {
        d->action = code ? LETHE_ACTION_KEEP : LETHE_ACTION_DUMMY;
        d->reason = code ? d->reason : "address of a system outside Table E.1-1";
    } else if (where == INSIDE_DUMMY && text) {
        d->action = LETHE_ACTION_DUMMY;
        d->reason = "inside a sequence that becomes a dummy";
    } else if (where == INSIDE_CONTENT && text && !code) {
        d->action = LETHE_ACTION_DUMMY;
        d->reason = "text of a content tree: PS3.15 Table E.1-1, D of the enclosing sequence";
    } else if (code && !is_code_text(tag)) {
        d->reason = "part of a code: kept unless it is a known identifier";
    } else if (text) {
        d->action = LETHE_ACTION_CLEAN;
        d->clean = where == INSIDE_CLEAN && !code ? LETHE_CLEAN_FULL : LETHE_CLEAN_IDENTIFIERS;
        bool palette = strncmp(w->sop_class, "1.2.840.10008.5.1.4.39.", 23) == 0; /* colour palettes describe themselves, nobody */
        if ((w->options & LETHE_OPTION_DESCRIPTORS) != 0 && is_typed_by_people(tag) && !palette) d->clean = LETHE_CLEAN_FULL;
        if (names_product(tag) && !(lethe_profile_allow_list(w->job->profile) && where == INSIDE_CLEAN)) d->clean = LETHE_CLEAN_PRODUCT;
        if (is_tracking_identifier(element) && lethe_profile_text(w->job->profile) != LETHE_TEXT_STRICT) d->clean = LETHE_CLEAN_IDENTIFIERS;
        d->reason = "not in Table E.1-1: kept, searched for identifiers";
        if (lethe_profile_allow_list(w->job->profile) && !code && where != INSIDE_CLEAN && !lethe_attribute_is_listed(tag)) {
            d->action = LETHE_ACTION_DUMMY;
            d->reason = "text outside the allow-list of the profile";
        }
    }
}

/* The patient's own birth date, where it is not the day of the study: shifted it would still tell the age to the day. */
static bool is_birth_date(const walk *w, const lethe_dicom_element *element) {
    char own[33] = "", birth[17] = "", study[17] = "";
    const lethe_dicom_item *root = w->job->dataset->root;
    if (!lethe_dicom_element_text(element, 0, own, sizeof own) || !lethe_dicom_text(root, LETHE_TAG(0x0010, 0x0030), 0, birth, sizeof birth))
        return false;
    (void)lethe_dicom_text(root, LETHE_TAG(0x0008, 0x0020), 0, study, sizeof study);
    return strlen(birth) == 8 && strncmp(own, birth, 8) == 0 && strcmp(birth, study) != 0;
}

bool lethe_decide_content(const walk *w, const lethe_dicom_element *element, decision *d) {
    if (lethe_tag_group(element->tag) != 0x0040 || element->form != LETHE_DICOM_LEAF) return false;
    lethe_identifier_kind kind = LETHE_ID_NAME;
    bool dated = element->tag == LETHE_TAG(0x0040, 0xA121) || element->tag == LETHE_TAG(0x0040, 0xA120);
    if (!lethe_content_tells_who(element, &kind)) {
        if (!dated || (w->options & (LETHE_OPTION_MODIFIED_DATES | LETHE_OPTION_FULL_DATES)) == 0 || !is_birth_date(w, element)) return false;
        kind = LETHE_ID_DATE;
    }
    if (kind == LETHE_ID_DEVICE && (w->options & LETHE_OPTION_DEVICE) != 0) return false;
    if (kind == LETHE_ID_INSTITUTION && (w->options & LETHE_OPTION_INSTITUTION) != 0) return false;
    *d = (decision){.action = LETHE_ACTION_DUMMY, .reason = "content item that tells who or where (PS3.15 E.3.4)", .identity = true};
    return true;
}

void lethe_decide_by_rule(const lethe_rule *rule, inside where, decision *d) {
    *d = (decision){.action = rule->action, .clean = LETHE_CLEAN_FULL, .reason = rule->label, .value = rule->value, .identity = true};
    d->trusted = rule->action == LETHE_ACTION_KEEP;
    d->children = rule->action == LETHE_ACTION_DUMMY ? INSIDE_DUMMY : rule->action == LETHE_ACTION_CLEAN ? INSIDE_CLEAN : where;
}

bool lethe_decide_graphics(walk *w, const lethe_dicom_element *element, decision *d) {
    uint16_t group = lethe_tag_group(element->tag);
    if ((group & 0xFF00) == 0x5000) {
        *d = (decision){.action = LETHE_ACTION_REMOVE, .reason = "PS3.15 Table E.1-1: curves, X"};
        return true;
    }
    if ((group & 0xFF00) != 0x6000) return false;
    int64_t bits = 1;
    if (lethe_dicom_find(element->parent, LETHE_TAG(group, 0x3000)) == NULL && lethe_dicom_int(element->parent, LETHE_TAG(group, 0x0100), 0, &bits) &&
        bits > 1)
        w->job->unsafe_graphics = true;
    char type[17] = "";
    (void)lethe_dicom_text(element->parent, LETHE_TAG(group, 0x0040), 0, type, sizeof type);
    bool region = strcmp(type, "R") == 0 && (w->options & LETHE_OPTION_GRAPHICS) != 0 && lethe_profile_keep_overlays(w->job->profile) &&
                  lethe_dicom_find(element->parent, LETHE_TAG(group, 0x3000)) != NULL;
    if (!region || lethe_tag_element(element->tag) == 0x4000) {
        *d = (decision){.action = LETHE_ACTION_REMOVE, .reason = "PS3.15 Table E.1-1: overlay plane, X", .identity = true};
        return true;
    }
    if (lethe_tag_element(element->tag) != 0x3000) return false;
    *d = (decision){.action = LETHE_ACTION_KEEP, .reason = "Clean Graphics (E.3.3): overlay plane of a region of interest"};
    return true;
}

bool lethe_decide_is_statement(lethe_tag tag) { return (tag >= 0x00120062u && tag <= 0x00120064u) || tag == 0x00280303u; }

/* Pixels where no reader looks for them (retired groups 7Fxx and coefficients, items), and tables of frames that are not there: nobody can say what
 * they hold. NULL: not of that kind. */
static const char *misplaced_pixels(const walk *w, const lethe_dicom_element *element) {
    uint16_t group = lethe_tag_group(element->tag), number = lethe_tag_element(element->tag);
    if ((group & 0xFF01) != 0x7F00) return NULL;
    if (group != 0x7FE0 || number >= 0x0020) return "pixel data of a retired kind";
    if (element->parent != w->job->dataset->root) return "pixel data inside of a sequence";
    if (number <= 0x0003 && !w->job->dataset->encapsulated) return "offset table without frames";
    return NULL;
}

/* An attribute that is newer than the dictionary, in explicit VR: numbers that fit it, dates and UIDs go the way of all that the table does not name.
 * What can hold a word goes, sequences too, and under an allow-list everything. */
static bool may_stay_unknown(const walk *w, const lethe_dicom_element *element) {
    if (element->form != LETHE_DICOM_LEAF || lethe_profile_allow_list(w->job->profile)) return false;
    size_t digits = 0, size = (size_t)element->value_bytes;
    switch (element->vr) {
    case LETHE_VR_FD:
    case LETHE_VR_FL:
    case LETHE_VR_US:
    case LETHE_VR_SS:
    case LETHE_VR_DA:
    case LETHE_VR_DT:
    case LETHE_VR_TM:
    case LETHE_VR_UI: return size <= 4096 && lethe_value_fits(element->vr, element->value, size);
    case LETHE_VR_DS:
    case LETHE_VR_IS:
        if (size > 4096 || !lethe_value_fits(element->vr, element->value, size)) return false;
        for (size_t i = 0; i < size && digits < 5; i++) digits = element->value[i] >= '0' && element->value[i] <= '9' ? digits + 1 : 0;
        return digits < 5;
    default: return false;
    }
}

bool lethe_decide_structural(const walk *w, const lethe_dicom_element *element, const lethe_dictionary_entry *entry, decision *d) {
    uint16_t group = lethe_tag_group(element->tag);
    const char *reason = NULL;
    if (group == 0x0000) reason = "command element outside a message";
    else if (group == 0x0002) reason = "file meta element inside the data set";
    else if (lethe_tag_element(element->tag) == 0x0000) reason = "group length (PS3.5 7.2: retired)";
    else if (group == 0xFFFC || group == 0xFFFA) reason = "PS3.15 Table E.1-1: padding and digital signatures, X";
    else if ((group & 1) != 0 && (group <= 0x0008 || group == 0xFFFF)) reason = "group number that PS3.5 7.8 forbids";
    else if (element->tag == LETHE_TAG(0x0400, 0x0500)) reason = "encrypted attributes of an earlier de-identification: nobody can look into them";
    else if (entry == NULL && !lethe_tag_is_private(element->tag) && !may_stay_unknown(w, element))
        reason = "not in the data dictionary (PS3.6): removed";
    else reason = misplaced_pixels(w, element);
    if (reason == NULL) return false;
    *d = (decision){.action = LETHE_ACTION_REMOVE, .reason = reason};
    return true;
}
