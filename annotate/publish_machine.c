/* Descriptions for machines: MLCommons Croissant 1.1 (context: its appendix 1) and HealthDCAT-AP. What the organiser did not say is left out or
 * called "not stated", never made up. */
#include "annotate/publish_machine.h"

#include "annotate/text_out.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *media_type(const char *path) {
    static const struct {
        const char *suffix, *type;
    } types[] = {{".json", "application/json"}, {".geojson", "application/geo+json"},
                 {".csv", "text/csv"},          {".png", "image/png"},
                 {".dcm", "application/dicom"}, {".nii.gz", "application/gzip"},
                 {".xml", "application/xml"},   {".md", "text/markdown"},
                 {".yaml", "application/yaml"}, {".txt", "text/plain"},
                 {".svs", "image/tiff"},        {".tif", "image/tiff"},
                 {".tar", "application/x-tar"}, {".svg", "image/svg+xml"},
                 {".zip", "application/zip"},   {".jpg", "image/jpeg"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (lethe_text_ends(path, types[i].suffix)) return types[i].type;
    return "application/octet-stream";
}

static lethe_status put_pair(lethe_buffer *out, const char *key, const char *text, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, ",\n \"%s\":", key);
    return status == LETHE_OK ? lethe_json_string(out, text, error) : status;
}

/* A record set per CSV of classifications: Croissant's reader can load it. */
static lethe_status put_record_set(const lethe_dataset *d, const char *file, lethe_buffer *out, bool first, lethe_error *error) {
    static const char *const fixed[] = {"image", "path", "patient", "study_uid", "series_uid", "modality"};
    lethe_status status = lethe_buffer_printf(
        out, error, "%s\n  {\"@type\":\"cr:RecordSet\",\"@id\":\"records/%s\",\"name\":\"records of %s\",\"field\":[", first ? "" : ",", file, file);
    size_t labels = d->schema == NULL ? 0 : d->schema->labels_count;
    for (size_t i = 0, n = 0; status == LETHE_OK && i < 6 + labels; i++) {
        if (i >= 6 && d->schema->labels[i - 6].level == LETHE_LEVEL_REGION) continue;
        const char *column = i < 6 ? fixed[i] : d->schema->labels[i - 6].question.name;
        status = lethe_buffer_printf(
            out, error,
            "%s{\"@type\":\"cr:Field\",\"@id\":\"records/%s/"
            "%s\",\"name\":\"%s\",\"dataType\":\"sc:Text\",\"source\":{\"fileObject\":{\"@id\":\"%s\"},\"extract\":{\"column\":\"%s\"}}}",
            n++ == 0 ? "" : ",", file, column, column, file, column);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "]}", error) : status;
}

static const char croissant_context[] =
    "{\"@context\":{\"@language\":\"en\",\"@vocab\":\"http://schema.org/\",\"sc\":\"http://schema.org/\",\"cr\":\"http://mlcommons.org/croissant/\","
    "\"rai\":\"http://mlcommons.org/croissant/RAI/\",\"dct\":\"http://purl.org/dc/terms/"
    "\",\"annotation\":\"cr:annotation\",\"arrayShape\":\"cr:arrayShape\","
    "\"citeAs\":\"cr:citeAs\",\"column\":\"cr:column\",\"conformsTo\":\"dct:conformsTo\",\"containedIn\":\"cr:containedIn\","
    "\"data\":{\"@id\":\"cr:data\",\"@type\":\"@json\"},\"dataType\":{\"@id\":\"cr:dataType\",\"@type\":\"@vocab\"},"
    "\"equivalentProperty\":\"cr:equivalentProperty\",\"examples\":{\"@id\":\"cr:examples\",\"@type\":\"@json\"},\"excludes\":\"cr:excludes\","
    "\"extract\":\"cr:extract\",\"field\":\"cr:field\",\"fileProperty\":\"cr:fileProperty\",\"fileObject\":\"cr:fileObject\",\"fileSet\":\"cr:"
    "fileSet\","
    "\"format\":\"cr:format\",\"includes\":\"cr:includes\",\"isArray\":\"cr:isArray\",\"isLiveDataset\":\"cr:isLiveDataset\",\"jsonPath\":\"cr:"
    "jsonPath\","
    "\"key\":\"cr:key\",\"md5\":\"cr:md5\",\"parentField\":\"cr:parentField\",\"recordSet\":\"cr:recordSet\",\"references\":\"cr:references\","
    "\"regex\":\"cr:regex\",\"readLines\":\"cr:readLines\",\"sdVersion\":\"cr:sdVersion\",\"separator\":\"cr:separator\",\"source\":\"cr:source\","
    "\"subField\":\"cr:subField\",\"transform\":\"cr:transform\",\"unArchive\":\"cr:unArchive\",\"value\":\"cr:value\"},\n"
    " \"@type\":\"sc:Dataset\",\n \"conformsTo\":\"http://mlcommons.org/croissant/1.1\"";

static const char *description_of(const lethe_publication *p, const lethe_publish_facts *f) {
    return p->description != NULL ? p->description : f->title;
}
static const char *creator_of(const lethe_publication *p) { return p->creator != NULL ? p->creator : "not stated"; }

/* A page that describes the set, or a name that only says which snapshot it is. */
static lethe_status put_url(const lethe_dataset *d, const lethe_publication *p, const char *key, lethe_buffer *out, lethe_error *error) {
    char name[300];
    (void)snprintf(name, sizeof name, "urn:lethe:snapshot:%.200s", d->snapshot_name);
    return put_pair(out, key, p->url != NULL ? p->url : name, error);
}

/* "CC-BY-4.0" as the address of its text in the SPDX list; an address as it is; anything else as a work with a name. */
static lethe_status put_licence(const char *licence, lethe_buffer *out, lethe_error *error) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+";
    if (strncmp(licence, "https://", 8) == 0 || strncmp(licence, "http://", 7) == 0) return put_pair(out, "license", licence, error);
    if (licence[strspn(licence, plain)] == '\0' && strpbrk(licence, "0123456789") != NULL)
        return lethe_buffer_printf(out, error, ",\n \"license\":\"https://spdx.org/licenses/%s.html\"", licence);
    lethe_status status = lethe_buffer_append_text(out, ",\n \"license\":{\"@type\":\"sc:CreativeWork\",\"name\":", error);
    if (status == LETHE_OK) status = lethe_json_string(out, licence, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "}", error) : status;
}

static lethe_status put_file_object(const lethe_package_file *file, bool first, lethe_buffer *out, lethe_error *error) {
    lethe_status status =
        lethe_buffer_append_text(out, first ? "\n  {\"@type\":\"cr:FileObject\",\"@id\":" : ",\n  {\"@type\":\"cr:FileObject\",\"@id\":", error);
    for (int k = 0; status == LETHE_OK && k < 3; k++) {
        if (k > 0) status = lethe_buffer_append_text(out, k == 1 ? ",\"name\":" : ",\"contentUrl\":", error);
        if (status == LETHE_OK) status = lethe_json_string(out, file->path, error);
    }
    if (status != LETHE_OK) return status;
    return lethe_buffer_printf(out, error, ",\"contentSize\":\"%llu B\",\"encodingFormat\":\"%s\",\"sha256\":\"%s\"}",
                               (unsigned long long)file->size_bytes, media_type(file->path), file->sha256);
}

static lethe_status write_croissant(lethe_dataset *d, const lethe_publication *p, const lethe_publish_facts *f, lethe_error *error) {
    size_t count, sets = 0;
    const lethe_package_file *files = lethe_package_files(d->package, &count);
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 32);
    lethe_status status = lethe_buffer_append_text(&out, croissant_context, error);
    if (status == LETHE_OK) status = put_pair(&out, "name", f->title, error);
    if (status == LETHE_OK) status = put_pair(&out, "description", description_of(p, f), error);
    if (status == LETHE_OK) status = put_licence(f->licence, &out, error);
    if (status == LETHE_OK) status = put_url(d, p, "url", &out, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, ",\n \"creator\":{\"@type\":\"sc:Organization\",\"name\":", error);
    if (status == LETHE_OK) status = lethe_json_string(&out, creator_of(p), error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "}", error);
    if (status == LETHE_OK) status = put_pair(&out, "datePublished", f->date, error);
    if (status == LETHE_OK) status = put_pair(&out, "version", d->snapshot_name, error);
    if (status == LETHE_OK)
        status = put_pair(&out, "rai:personalSensitiveInformation", "De-identified medical images; pseudonymous patients.", error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, ",\n \"distribution\":[", error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = put_file_object(&files[i], i == 0, &out, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "],\n \"recordSet\":[", error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++)
        if (lethe_text_ends(files[i].path, "labels_wide.csv")) status = put_record_set(d, files[i].path, &out, sets++ == 0, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "]}\n", error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, "croissant.json", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

/* --- HealthDCAT-AP --- */

static lethe_status put_agent(lethe_buffer *out, const char *key, const char *type, const char *property, const char *name, lethe_error *error) {
    if (name == NULL) return LETHE_OK;
    lethe_status status = lethe_buffer_printf(out, error, ",\n \"%s\":{\"@type\":\"%s\",\"%s\":", key, type, property);
    if (status == LETHE_OK) status = lethe_json_string(out, name, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "}", error) : status;
}

/* An address stands for itself; anything else is the label of a thing of this type. */
static lethe_status put_concept(lethe_buffer *out, const char *key, const char *type, const char *property, const char *name, lethe_error *error) {
    if (name == NULL || (strncmp(name, "https://", 8) != 0 && strncmp(name, "http://", 7) != 0))
        return put_agent(out, key, type, property, name, error);
    lethe_status status = lethe_buffer_printf(out, error, ",\n \"%s\":{\"@id\":", key);
    if (status == LETHE_OK) status = lethe_json_string(out, name, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "}", error) : status;
}

static lethe_status write_dcat(lethe_dataset *d, const lethe_publication *p, const lethe_publish_facts *f, lethe_error *error) {
    static const char context[] =
        "{\"@context\":{\"dcat\":\"http://www.w3.org/ns/dcat#\",\"dct\":\"http://purl.org/dc/terms/\",\"foaf\":\"http://xmlns.com/foaf/0.1/\","
        "\"vcard\":\"http://www.w3.org/2006/vcard/ns#\",\"rdfs\":\"http://www.w3.org/2000/01/rdf-schema#\",\"xsd\":\"http://www.w3.org/2001/"
        "XMLSchema#\","
        "\"healthdcatap\":\"http://healthdataportal.eu/ns/health#\",\"dpv\":\"https://w3id.org/dpv#\",\"skos\":\"http://www.w3.org/2004/02/skos/"
        "core#\",\"dcatap\":\"http://data.europa.eu/r5r/\"},\n "
        "\"@type\":\"dcat:Dataset\"";
    lethe_buffer out;
    lethe_buffer_init(&out, 1 << 22);
    lethe_status status = lethe_buffer_append_text(&out, context, error);
    if (status == LETHE_OK) status = put_url(d, p, "@id", &out, error);
    if (status == LETHE_OK) status = put_url(d, p, "dct:identifier", &out, error);
    if (status == LETHE_OK) status = put_pair(&out, "dct:title", f->title, error);
    if (status == LETHE_OK) status = put_pair(&out, "dct:description", description_of(p, f), error);
    if (status == LETHE_OK) status = put_pair(&out, "dcat:keyword", f->modalities[0] == '\0' ? "medical images" : f->modalities, error);
    if (status == LETHE_OK) status = put_agent(&out, "dct:publisher", "foaf:Agent", "foaf:name", creator_of(p), error);
    if (status == LETHE_OK)
        status = put_agent(&out, "dcat:contactPoint", "vcard:Kind",
                           strchr(p->contact == NULL ? "" : p->contact, '@') != NULL ? "vcard:hasEmail" : "vcard:fn", p->contact, error);
    if (status == LETHE_OK) status = put_agent(&out, "healthdcatap:hdab", "foaf:Agent", "foaf:name", p->access_body, error);
    if (status == LETHE_OK) status = put_concept(&out, "healthdcatap:healthCategory", "skos:Concept", "skos:prefLabel", p->health_category, error);
    if (status == LETHE_OK) status = put_concept(&out, "dct:spatial", "dct:Location", "rdfs:label", p->spatial, error);
    if (status == LETHE_OK) status = put_agent(&out, "dct:rights", "dct:RightsStatement", "rdfs:label", f->licence, error);
    if (status == LETHE_OK)
        status = put_agent(&out, "dct:provenance", "dct:ProvenanceStatement", "rdfs:label",
                           "Images of care, de-identified and audited before they were labelled; dates are shifted, patients are pseudonyms.", error);
    if (status == LETHE_OK) status = lethe_buffer_printf(&out, error, ",\n \"dct:issued\":{\"@type\":\"xsd:date\",\"@value\":\"%s\"}", f->date);
    if (status == LETHE_OK)
        status =
            lethe_buffer_printf(&out, error,
                                ",\n \"dct:accessRights\":{\"@id\":\"http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC\"},\n "
                                "\"dct:type\":{\"@id\":\"http://publications.europa.eu/resource/authority/dataset-type/PERSONAL_DATA\"},\n "
                                "\"dcat:theme\":{\"@id\":\"http://publications.europa.eu/resource/authority/data-theme/HEAL\"},\n "
                                "\"dcatap:applicableLegislation\":{\"@id\":\"http://data.europa.eu/eli/reg/2025/327/oj\"},\n "
                                "\"dpv:hasPersonalData\":{\"@id\":\"https://w3id.org/dpv/pd#MedicalHealth\"},\n "
                                "\"healthdcatap:numberOfRecords\":{\"@type\":\"xsd:nonNegativeInteger\",\"@value\":\"%zu\"},\n "
                                "\"healthdcatap:numberOfUniqueIndividuals\":{\"@type\":\"xsd:nonNegativeInteger\",\"@value\":\"%zu\"}",
                                f->images, f->patients);
    if (status == LETHE_OK && !isnan(f->youngest))
        status = lethe_buffer_printf(&out, error,
                                     ",\n \"healthdcatap:minTypicalAge\":{\"@type\":\"xsd:nonNegativeInteger\",\"@value\":\"%g\"},\n "
                                     "\"healthdcatap:maxTypicalAge\":{\"@type\":\"xsd:nonNegativeInteger\",\"@value\":\"%g\"}",
                                     f->youngest, f->oldest);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "}\n", error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, "healthdcat.jsonld", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

lethe_status lethe_publish_machine(lethe_dataset *d, const lethe_publication *p, const lethe_publish_facts *f, lethe_error *error) {
    lethe_status status = write_croissant(d, p, f, error);
    return status == LETHE_OK ? write_dcat(d, p, f, error) : status;
}
