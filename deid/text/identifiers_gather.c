/* Which attributes tell who: by value representation (PN) and by tag. PS3.15 Table E.1-1 names most of them. */
#include "core/memory.h"
#include "deid/text/identifiers_internal.h"
#include "imaging/dicom/charset.h"

#include <string.h>

enum { LONGEST_VALUE_BYTES = 4096 };

typedef struct source {
    uint32_t tag;
    lethe_identifier_kind kind;
} source;

/* By tag, ascending. */
static const source sources[] = {
    {0x00080050, LETHE_ID_NUMBER},      /* AccessionNumber */
    {0x00080080, LETHE_ID_INSTITUTION}, /* InstitutionName */
    {0x00080081, LETHE_ID_ADDRESS},     /* InstitutionAddress */
    {0x00080092, LETHE_ID_ADDRESS},     /* ReferringPhysicianAddress */
    {0x00080094, LETHE_ID_CONTACT},     /* ReferringPhysicianTelephoneNumbers */
    {0x00081010, LETHE_ID_DEVICE},      /* StationName */
    {0x00081040, LETHE_ID_INSTITUTION}, /* InstitutionalDepartmentName */
    {0x00100012, LETHE_ID_NAME},        /* NameToUse */
    {0x00100020, LETHE_ID_NUMBER},      /* PatientID */
    {0x00100021, LETHE_ID_INSTITUTION}, /* IssuerOfPatientID */
    {0x00100030, LETHE_ID_DATE},        /* PatientBirthDate */
    {0x00100033, LETHE_ID_DATE},        /* PatientBirthDateInAlternativeCalendar */
    {0x00101000, LETHE_ID_NUMBER},      /* OtherPatientIDs */
    {0x00101040, LETHE_ID_ADDRESS},     /* PatientAddress */
    {0x00101050, LETHE_ID_NUMBER},      /* InsurancePlanIdentification */
    {0x00101090, LETHE_ID_NUMBER},      /* MedicalRecordLocator */
    {0x00102150, LETHE_ID_ADDRESS},     /* CountryOfResidence */
    {0x00102152, LETHE_ID_ADDRESS},     /* RegionOfResidence */
    {0x00102154, LETHE_ID_CONTACT},     /* PatientTelephoneNumbers */
    {0x00102155, LETHE_ID_CONTACT},     /* PatientTelecomInformation */
    {0x00181000, LETHE_ID_DEVICE},      /* DeviceSerialNumber */
    {0x00181004, LETHE_ID_DEVICE},      /* PlateID */
    {0x00181005, LETHE_ID_DEVICE},      /* GeneratorID */
    {0x00181007, LETHE_ID_DEVICE},      /* CassetteID */
    {0x00181008, LETHE_ID_DEVICE},      /* GantryID */
    {0x00200010, LETHE_ID_NUMBER},      /* StudyID */
    {0x00321020, LETHE_ID_INSTITUTION}, /* ScheduledStudyLocation */
    {0x00380010, LETHE_ID_NUMBER},      /* AdmissionID */
    {0x00380060, LETHE_ID_NUMBER},      /* ServiceEpisodeID */
    {0x00380300, LETHE_ID_INSTITUTION}, /* CurrentPatientLocation */
    {0x00380400, LETHE_ID_INSTITUTION}, /* PatientInstitutionResidence */
    {0x00400009, LETHE_ID_NUMBER},      /* ScheduledProcedureStepID */
    {0x00400010, LETHE_ID_DEVICE},      /* ScheduledStationName */
    {0x00400242, LETHE_ID_DEVICE},      /* PerformedStationName */
    {0x00400253, LETHE_ID_NUMBER},      /* PerformedProcedureStepID */
    {0x00400512, LETHE_ID_NUMBER},      /* ContainerIdentifier */
    {0x00400551, LETHE_ID_NUMBER},      /* SpecimenIdentifier */
    {0x00401001, LETHE_ID_NUMBER},      /* RequestedProcedureID */
    {0x00401102, LETHE_ID_ADDRESS},     /* PersonAddress */
    {0x00401103, LETHE_ID_CONTACT},     /* PersonTelephoneNumbers */
    {0x00401104, LETHE_ID_CONTACT},     /* PersonTelecomInformation */
    {0x00402008, LETHE_ID_STAFF},       /* OrderEnteredBy */
    {0x00402016, LETHE_ID_NUMBER},      /* PlacerOrderNumberImagingServiceRequest */
    {0x00402017, LETHE_ID_NUMBER},      /* FillerOrderNumberImagingServiceRequest */
};

static bool find_source(lethe_tag tag, lethe_identifier_kind *kind) {
    size_t low = 0, high = sizeof sources / sizeof sources[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sources[middle].tag == tag) {
            *kind = sources[middle].kind;
            return true;
        }
        if (sources[middle].tag < tag) low = middle + 1;
        else high = middle;
    }
    return false;
}

/* Names of the patient and of relatives; all other names are staff. */
static bool is_patient_name(lethe_tag tag) {
    switch (tag) {
    case 0x00100010: /* PatientName */
    case 0x00101001: /* OtherPatientNames */
    case 0x00101005: /* PatientBirthName */
    case 0x00101060: /* PatientMotherBirthName */
    case 0x00102297: /* ResponsiblePerson */ return true;
    default: return false;
    }
}

typedef struct gathering {
    lethe_identifier_fn tell;
    void *context;
    lethe_charset *charset;
    const lethe_dicom_item *charset_item;
    lethe_buffer utf8;
    lethe_status status;
    lethe_error *error;
} gathering;

static lethe_status decode(gathering *gather, const lethe_dicom_element *element, size_t size) {
    if (gather->charset == NULL || gather->charset_item != element->parent) {
        char terms[129];
        lethe_charset_destroy(gather->charset);
        gather->charset = NULL;
        lethe_status status = lethe_charset_create(lethe_charset_governing(element->parent, terms), &gather->charset, gather->error);
        if (status != LETHE_OK) return status;
        gather->charset_item = element->parent;
    }
    lethe_buffer_clear(&gather->utf8);
    return lethe_charset_decode(gather->charset, element->value, size, element->vr == LETHE_VR_NONE ? LETHE_VR_PN : element->vr, &gather->utf8, NULL,
                                gather->error);
}

static lethe_status take(gathering *gather, const lethe_dicom_element *element, lethe_identifier_kind kind) {
    size_t size = element->value_bytes < LONGEST_VALUE_BYTES ? (size_t)element->value_bytes : LONGEST_VALUE_BYTES;
    while (size != 0 && (element->value[size - 1] == ' ' || element->value[size - 1] == 0)) size--;
    if (size == 0) return LETHE_OK;
    lethe_status status = decode(gather, element, size);
    const char *at = lethe_buffer_text(&gather->utf8), *end = at + gather->utf8.size;
    bool is_name = kind == LETHE_ID_NAME || kind == LETHE_ID_STAFF;
    while (status == LETHE_OK && at < end) {
        /* Values, and of names the component groups (alphabetic, ideographic, phonetic). */
        const char *stop = at;
        while (stop < end && *stop != '\\' && !(is_name && *stop == '=')) stop++;
        if (stop != at) status = gather->tell(gather->context, kind, at, (size_t)(stop - at), gather->error);
        at = stop + 1;
    }
    return status;
}

/* The meaning of a code inside these says who or where, not what. */
static bool find_code_source(const lethe_dicom_element *element, lethe_identifier_kind *kind) {
    const lethe_dicom_element *sequence = element->parent->parent;
    if (element->tag != LETHE_TAG(0x0008, 0x0104) || sequence == NULL) return false;
    switch (sequence->tag) {
    case 0x00401101: *kind = LETHE_ID_STAFF; return true;       /* PersonIdentificationCodeSequence */
    case 0x00080082:                                            /* InstitutionCodeSequence */
    case 0x00081041: *kind = LETHE_ID_INSTITUTION; return true; /* InstitutionalDepartmentTypeCodeSequence */
    default: return false;
    }
}

/* Content items (PS3.16 TID 1002 to 1009, 1020) whose value says who, where or on which device, by the code of their concept (DCM). */
bool lethe_content_tells_who(const lethe_dicom_element *element, lethe_identifier_kind *kind) {
    static const struct {
        const char *code;
        lethe_identifier_kind kind;
    } concepts[] = {
        {"111700", LETHE_ID_NUMBER},      /* Specimen Container Identifier */
        {"111705", LETHE_ID_NUMBER},      /* Parent Specimen Identifier */
        {"113870", LETHE_ID_STAFF},       /* Person Name */
        {"113871", LETHE_ID_NUMBER},      /* Person ID */
        {"113872", LETHE_ID_INSTITUTION}, /* Person ID Issuer */
        {"113873", LETHE_ID_INSTITUTION}, /* Organization Name */
        {"121008", LETHE_ID_STAFF},       /* Person Observer Name */
        {"121009", LETHE_ID_INSTITUTION}, /* Person Observer's Organization Name */
        {"121013", LETHE_ID_DEVICE},      /* Device Observer Name */
        {"121016", LETHE_ID_DEVICE},      /* Device Observer Serial Number */
        {"121017", LETHE_ID_INSTITUTION}, /* Device Observer Physical Location During Observation */
        {"121020", LETHE_ID_NUMBER},      /* Placer Number */
        {"121021", LETHE_ID_NUMBER},      /* Filler Number */
        {"121022", LETHE_ID_NUMBER},      /* Accession Number */
        {"121029", LETHE_ID_NAME},        /* Subject Name */
        {"121030", LETHE_ID_NUMBER},      /* Subject ID */
        {"121031", LETHE_ID_DATE},        /* Subject Birth Date */
        {"121036", LETHE_ID_NAME},        /* Mother of fetus */
        {"121040", LETHE_ID_NUMBER},      /* Specimen Accession Number */
        {"121041", LETHE_ID_NUMBER},      /* Specimen Identifier */
        {"121043", LETHE_ID_NUMBER},      /* Slide Identifier */
        {"121148", LETHE_ID_DEVICE},      /* Unit Serial Identifier */
        {"121434", LETHE_ID_INSTITUTION}, /* Service Delivery Location */
        {"128774", LETHE_ID_STAFF},       /* Person Observer's Login Name */
    };
    bool value = element->tag == LETHE_TAG(0x0040, 0xA160) || element->tag == LETHE_TAG(0x0040, 0xA123) ||
                 element->tag == LETHE_TAG(0x0040, 0xA121) || element->tag == LETHE_TAG(0x0040, 0xA120);
    const lethe_dicom_element *concept = value ? lethe_dicom_find(element->parent, LETHE_TAG(0x0040, 0xA043)) : NULL;
    if (concept == NULL || concept->form != LETHE_DICOM_SEQUENCE || concept->items == NULL) return false;
    char code[17] = "", scheme[17] = "";
    (void)lethe_dicom_text(concept->items, LETHE_TAG(0x0008, 0x0100), 0, code, sizeof code);
    (void)lethe_dicom_text(concept->items, LETHE_TAG(0x0008, 0x0102), 0, scheme, sizeof scheme);
    for (size_t row = 0; row < sizeof concepts / sizeof *concepts && strcmp(scheme, "DCM") == 0; row++) {
        if (strcmp(concepts[row].code, code) != 0) continue;
        *kind = concepts[row].kind;
        return true;
    }
    return false;
}

static bool gather_element(void *context, const lethe_dicom_element *element) {
    gathering *gather = context;
    if (element->form != LETHE_DICOM_LEAF || element->value_bytes == 0) return true;
    lethe_identifier_kind kind;
    lethe_vr vr = element->vr;
    if (vr == LETHE_VR_UN) vr = lethe_dictionary_vr(element->tag, element->private_creator);
    if (lethe_content_tells_who(element, &kind)) {
        if (kind == LETHE_ID_DATE ? vr != LETHE_VR_DA && vr != LETHE_VR_DT : vr != LETHE_VR_PN && !lethe_vr_is_text(vr)) return true;
    } else if (vr == LETHE_VR_PN) kind = is_patient_name(element->tag) ? LETHE_ID_NAME : LETHE_ID_STAFF;
    else if (find_code_source(element, &kind)) vr = LETHE_VR_LO;
    else if (!find_source(element->tag, &kind) || kind == LETHE_ID_UID) return true;
    else if (!lethe_vr_is_text(vr) && vr != LETHE_VR_DA && vr != LETHE_VR_AE && vr != LETHE_VR_CS && vr != LETHE_VR_NONE) return true;
    gather->status = take(gather, element, kind);
    return gather->status == LETHE_OK;
}

static lethe_status add_told(void *context, lethe_identifier_kind kind, const char *utf8, size_t size, lethe_error *error) {
    return lethe_identifiers_add(context, kind, utf8, size, error);
}

lethe_status lethe_identifiers_gather(lethe_identifiers *identifiers, const lethe_dicom_dataset *dataset, lethe_error *error) {
    return lethe_identifiers_list(dataset, add_told, identifiers, error);
}

lethe_status lethe_identifiers_list(const lethe_dicom_dataset *dataset, lethe_identifier_fn tell, void *context, lethe_error *error) {
    gathering gather = {.tell = tell, .context = context, .error = error};
    lethe_buffer_init(&gather.utf8, 4 * LONGEST_VALUE_BYTES);
    lethe_dicom_visit(dataset->root, gather_element, &gather);
    lethe_charset_destroy(gather.charset);
    if (gather.utf8.bytes != NULL) lethe_wipe(gather.utf8.bytes, gather.utf8.size);
    lethe_buffer_release(&gather.utf8);
    return gather.status;
}
