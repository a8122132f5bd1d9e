/* Texts as somebody would write them who wants a patient to be found: people, places, numbers and dates that the object does not tell, in six
 * languages. */
#include "deid/text/text.h"
#include "tests/unit/deid/text_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add(bench *now, lethe_identifier_kind kind, const char *text) { OK(lethe_identifiers_add(now->ids, kind, text, strlen(text), NULL)); }

typedef struct row {
    const char *before, *after;
} row;

static void expect(bench *now, const row *rows, size_t count, lethe_text_mode first, lethe_text_mode last) {
    bool good = true;
    for (size_t at = 0; at < count; at++) {
        for (int mode = (int)first; mode <= (int)last; mode++) {
            lethe_buffer_clear(&now->out);
            OK(lethe_text_clean(now->cleaner, rows[at].before, strlen(rows[at].before), (lethe_text_mode)mode, &now->out, NULL, NULL));
            if (strcmp(lethe_buffer_text(&now->out), rows[at].after) == 0) continue;
            print_error("mode %d: [%s] gave [%s], not [%s]\n", mode, rows[at].before, lethe_buffer_text(&now->out), rows[at].after);
            good = false;
        }
    }
    assert_true(good);
}
#define EXPECT(rows, first, last) expect(*state, rows, sizeof rows / sizeof *rows, first, last)

static void people(void **state) {
    static const row rows[] = {
        {"IRM PROSTATE DUPONTjean T2", "IRM PROSTATE T2"},
        {"JeanDUPONT IRM genou", "IRM genou"},
        {"IRM genou, Dr. F. Z. Bouazza", "IRM genou"},
        {"vis L4-L5, Pr Guivarc'h", "vis L4-L5"},
        {"Cabinet du Dr Lozac\xE2\x80\x99hmeur", "Cabinet"},
        {"Dr. Threlkeld's patient", "patient"},
        {"Dr A Patel CT", "CT"},
        {"IRM Mme L.G. genou", "IRM genou"},
        {"MRT Frau G-K Knie", "MRT Knie"},
        {"TDM TAP Mme De La Fontaine née Le Bihan", "TDM TAP"},
        {"CT CHEST tech: JD", "CT CHEST tech"},
        {"CT CHEST performed by KL", "CT CHEST performed"},
        {"MRT Knie Herr von der Leyen", "MRT Knie"},
        {"RM rodilla Sr. García López", "RM rodilla"},
        {"CT Mevr. de Vries", "CT"},
    };
    EXPECT(rows, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    static const row kept[] = {
        {"read by CT", "read by CT"},     {"Tech: T2", "Tech: T2"}, {"performed by US", "performed by US"},
        {"operator: MR", "operator: MR"}, {"IRM lu", "IRM lu"},
    };
    EXPECT(kept, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
}

static void places(void **state) {
    static const row rows[] = {
        {"IRM Chambre 214 lit 2", "IRM"},
        {"CT CHEST Room 12B", "CT CHEST"},
        {"MRT Kopf Zimmer 12", "MRT Kopf"},
        {"IRM CHU de Nantes", "IRM"},
        {"TDM TAP Hopital Saint-Antoine", "TDM TAP"},
        {"CT HEAD Mount Sinai Hospital", "CT HEAD"},
        {"CT outside study Cuthbert Medical Center", "CT outside study"},
        {"MRT Praxis, Bad Oeynhausen", "MRT Praxis"},
        {"CT HEAD, London SW1A 2AA", "CT HEAD"},
        {"CT HEAD Springfield, IL 62704", "CT HEAD"},
        {"RM rodilla Calle Mayor 5", "RM rodilla"},
        {"RM ginocchio Via Roma 12", "RM ginocchio"},
        {"IRM 12 av. du Général de Gaulle", "IRM"},
        {"IRM née à Quimper", "IRM"},
        {"habite Moëlan-sur-Mer, toux", "habite, toux"},
        {"Ref: 2018/11/0047 urgent", "urgent"},
    };
    EXPECT(rows, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    static const row kept[] = {
        {"4 CH view", "4 CH view"},
        {"PET 6 bed", "PET 6 bed"},
        {"bed 2 of 6", "bed 2 of 6"},
        {"RM genou 3", "RM genou 3"},
        {"Port chambre implantable 12", "Port chambre implantable 12"},
        {"Examen clinique", "Examen clinique"},
        {"HOPITAL DE JOUR", "HOPITAL DE JOUR"},
        {"Via femoral 5F", "Via femoral 5F"},
        {"S1 2ND", "S1 2ND"},
        {"L5 S1", "L5 S1"},
        {"Outpatient clinic", "Outpatient clinic"},
    };
    EXPECT(kept, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
}

static void numbers(void **state) {
    static const row rows[] = {
        {"CT HEAD NHS 943 476 5919", "CT HEAD"}, /* the example of the NHS Data Dictionary: its check digit is right */
        {"CT HEAD 943 476 5919", "CT HEAD"},
        {"MRT KVNR A123456780", "MRT"},
        {"RM DNI 12345678Z", "RM"},
        {"RM CPF 123.456.789-09", "RM"},
        {"CT BSN 123456782", "CT"},
        {"CT ACC:US-22-4711 HEAD", "CT HEAD"},
        {"CT pager 555-1234", "CT"},
        {"CT, Tel +49 (0)5731 / 42 18 77", "CT, Tel"},
        {"Study ID WM-2019-00471 CT", "Study CT"},
        {"IRM NIR 1850578006084 36", "IRM"},
        {"IRM IPP n°8003417 genou", "IRM IPP n° genou"},
    };
    EXPECT(rows, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    static const row kept[] = {
        {"EXT rotation 15", "EXT rotation 15"},         {"ext 30", "ext 30"}, {"CNS lymphoma 3", "CNS lymphoma 3"}, {"AVS 120", "AVS 120"},
        {"943 476 5918 voxels", "943 476 5918 voxels"}, /* a wrong check digit, and no word of what it is */
    };
    EXPECT(kept, LETHE_TEXT_RESEARCH, LETHE_TEXT_RESEARCH);
}

static void dates(void **state) {
    static const row rows[] = {
        {"IRM 12 mars 61", "IRM"},
        {"IRM 12 mars genou", "IRM genou"},
        {"IRM le 3 mai, genou", "IRM, genou"},
        {"CT 12th of March 1961 HEAD", "CT HEAD"},
        {"CT March 12, '61 HEAD", "CT HEAD"},
        {"MRT 12. März 61", "MRT"},
        {"RM 12 de marzo de 1961", "RM"},
        {"RM 12 de março de 1961", "RM"},
        {"CT geboren 12 maart 1961", "CT"},
        {"RM 5 ott 1961", "RM"},
        {"CT *26 f¨¦vrier 1936", "CT"},
        {"CT 2 f\xEF\xBF\xBDvrier 2018", "CT"}, /* a letter that was lost */
        {"CT DOB 1961 HEAD", "CT HEAD"},
        {"CT born in 1961", "CT"},
    };
    EXPECT(rows, LETHE_TEXT_STRICT, LETHE_TEXT_STRICT);
    static const row kept[] = {{"T2 MARS 3 mm", "T2 MARS 3 mm"}, {"2 mar 20 mm", "2 mar 20 mm"}, {"OCT 3D", "OCT 3D"}};
    EXPECT(kept, LETHE_TEXT_RESEARCH, LETHE_TEXT_RESEARCH);
    /* Shifted by 1,000 days where nothing says that it is about a birth; the month of the patient's birth goes. */
    bench *now = *state;
    add(now, LETHE_ID_DATE, "19610312");
    lethe_text_cleaner_set_shift(now->cleaner, -1000);
    static const row shifted[] = {
        {"CT 12 mars 2019", "CT 15 juin 2016"},
        {"CT 12th of March 2019", "CT 15th of June 2016"},
        {"CT 12 mars 19", "CT 15 juin 16"},
        {"CT 12 maart 2019", "CT 15 juni 2016"},
        {"CT mars 1961", "CT"},
    };
    EXPECT(shifted, LETHE_TEXT_RESEARCH, LETHE_TEXT_RESEARCH);
    lethe_text_cleaner_set_shift(now->cleaner, 0);
}

/* A family name stays beside the thing that is called by it, and only there. */
static void names_of_things(void **state) {
    bench *now = *state;
    static const row rows[] = {
        {"Dr Baker, kyste", "kyste"},
        {"CT Gary Cooper", "CT"},
        {"IRM COOPER", "IRM"},
        {"IRM SMITH", "IRM"},
        {"Mme Hodgkin IRM", "IRM"},
        {"Anna Baker cyst", "cyst"},
        {"CT Robert Bennett fracture", "CT fracture"},
        {"Mary Jones hernia", "hernia"},
        {"Baker cyst", "Baker cyst"},
        {"Bennett fracture", "Bennett fracture"},
        {"Charcot-Marie-Tooth disease", "Charcot-Marie-Tooth disease"},
        {"syndrome de Kallmann", "syndrome de Kallmann"},
        {"maladie d'Erdheim", "maladie d'Erdheim"},
        {"Morison libre, Douglas libre", "Morison libre, Douglas libre"},
        {"wash-out, LI-RADS 5", "wash-out, LI-RADS 5"},
        {"classification de Sanders", "classification de Sanders"},
        {"la maladie de Monique", "la maladie"},
        {"CR signé Kermoal", "CR signé"},
        {"CR signe Kermoal", "CR signe"},
        {"IRM vue, Marie", "IRM vue"},
        {"CT Sanders", "CT"},
        {"CT Crowe", "CT"},
    };
    EXPECT(rows, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    add(now, LETHE_ID_NAME, "Muller^Anne");
    add(now, LETHE_ID_NAME, "Fleischner^Max");
    static const row known[] = {{"CT MULLER T2", "CT T2"}, {"Fleischner 4", "4"}};
    EXPECT(known, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
}

/* A maker's word goes when somebody is called so, but not where a maker is meant (adr/0305). */
static void names_of_makers(void **state) {
    bench *now = *state;
    static const row nobody[] = {{"IRM CANON T2", "IRM CANON T2"}, {"Philips SENSE coil", "Philips SENSE coil"}};
    EXPECT(nobody, LETHE_TEXT_STRICT, LETHE_TEXT_PRODUCT);
    add(now, LETHE_ID_NAME, "Canon^Jeanne");
    add(now, LETHE_ID_STAFF, "Leica^Tom");
    add(now, LETHE_ID_STAFF, "Philips^Service");
    add(now, LETHE_ID_STAFF, "SIEMENS");
    add(now, LETHE_ID_INSTITUTION, "Klinik Bruker");
    add(now, LETHE_ID_INSTITUTION, "Hologic Medical Systems");
    static const row gone[] = {
        {"IRM CANON T2", "IRM T2"},      {"T2 TSE canon", "T2 TSE"},     {"IRM genou, Leica", "IRM genou"}, {"Canon_T2_TSE", "T2_TSE"},
        {"Bruker MRT Knie", "MRT Knie"}, {"Canon Leica genou", "genou"}, {"CANON JEANNE T2", "T2"},
    };
    EXPECT(gone, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    static const row kept[] = {
        {"Canon Medical Systems", "Canon Medical Systems"},
        {"Canon Aquilion 5 mm", "Canon Aquilion 5 mm"},
        {"LEICA BIOSYSTEMS 20x", "LEICA BIOSYSTEMS 20x"},
        {"Philips Ingenia", "Philips Ingenia"},
        {"Philips T2", "Philips T2"},
        {"SIEMENS T1 MPRAGE", "SIEMENS T1 MPRAGE"},
        {"Hologic 3D", "Hologic 3D"},
    };
    EXPECT(kept, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    static const row made[] = {{"Canon", "Canon"}, {"Leica SP8", "Leica SP8"}}; /* Manufacturer, its model */
    EXPECT(made, LETHE_TEXT_PRODUCT, LETHE_TEXT_PRODUCT);
}

/* Short forms of a name that the object tells, relatives, and what is left of a masked name. */
static void short_forms(void **state) {
    bench *now = *state;
    add(now, LETHE_ID_NAME, "Vandermeersch-Oulevay^Ghislaine^Éléonore");
    add(now, LETHE_ID_STAFF, "Tchékémian^Aram");
    add(now, LETHE_ID_NAME, "de La Tour d'Aigues^Clémence"); /* "aigues" is a word of medicine */
    static const row rows[] = {
        {"PSA normal, Mme de La Tour d'Aigues, genou", "PSA normal, genou"},
        {"de La Tour d'Aigues Clémence, genou", "genou"},
        {"GVO : bilan", "bilan"},
        {"V.O.G. kyste rénal", "kyste rénal"},
        {"G. V.-O. genou", "genou"},
        {"TAP 5mm B30f OULEVAY G 71604418", "TAP 5mm B30f"},
        {"OULEVAY G, genou", "genou"},
        {"G OULEVAY", ""},
        {"Mme V***-O*** hernie", "hernie"},
        {"Patiente Éle\xCC\x81onore", "Patiente"}, /* the accent by itself, as NFD writes it */
        {"ＧＨＩＳＬＡＩＮＥ aorte", "aorte"},
        {"Gh\xE2\x80\x8Bislaine rate", "rate"},
        {"sa fille Gaëlle (06 12 34 56 78) rappelle", "sa fille rappelle"},
        {"sa mère Yvonne rappelle", "sa mère rappelle"},
        {"his wife Siobhán called", "his wife called"},
        {"contact / poste 4417", "contact"},
        {"né le 6.11.18", ""},
        {"Kniegelenk am 6.11.18", "Kniegelenk"},
        {"IRM du 6/11/18 : stable", "IRM stable"},
        {"born Aug 23 57", ""},
    };
    EXPECT(rows, LETHE_TEXT_STRICT, LETHE_TEXT_STRICT);
    static const row kept[] = {
        {"GENOU G", "GENOU G"},
        {"T1 G OULEVAY", "T1 G"},
        {"syngo 6.11.18", "syngo 6.11.18"},
        {"5/10/15 min", "5/10/15 min"},
        {"FemHead_L", "FemHead_L"},
        {"SpinalCord_PRV", "SpinalCord_PRV"},
        {"PTV_5600", "PTV_5600"},
        {"Glnd_Submand_R", "Glnd_Submand_R"},
        {"Bowel_Bag", "Bowel_Bag"},
        {"A_LAD", "A_LAD"},
        {"Musc_Constrict_S", "Musc_Constrict_S"},
        {"OpticNrv_PRV3_L", "OpticNrv_PRV3_L"},
        {"zRing_PTV", "zRing_PTV"},
        {"Lungs-GTV", "Lungs-GTV"},
        {"CTVn1 gauche", "CTVn1 gauche"},
    };
    EXPECT(kept, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
}

/* "Marin", "Neveu", "Ring": words that stay, but not where the object tells a person of that name, and not beside a title or a name. */
static void names_of_words(void **state) {
    bench *now = *state;
    static const row nobody[] = {
        {"marin, chute", "marin, chute"}, {"T2 ring artifact", "T2 ring artifact"}, {"genou, Dr Paul Marin", "genou"}, {"genou, Anne Sage", "genou"}};
    EXPECT(nobody, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    add(now, LETHE_ID_NAME, "MARIN^Carina");
    add(now, LETHE_ID_NAME, "NEVEU^Paul");
    static const row told[] = {{"IRM GENOU MARIN", "IRM GENOU"}, {"Neveu_T2_TSE", "T2_TSE"}, {"CT Carina", "CT"}};
    EXPECT(told, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
}

/* Latin letters without a base letter in the blocks of Western Europe: horns, hooks, the schwa, tones of Pinyin. */
static void other_latin_letters(void **state) {
    bench *now = *state;
    static const row unknown[] = {{"CT Phương", "CT"}, {"CT Trương", "CT"}, {"CT Ɓaƙo", "CT"}, {"MRT Əliyev", "MRT"}};
    EXPECT(unknown, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    add(now, LETHE_ID_NAME, "Tran^Phuong");
    add(now, LETHE_ID_NAME, "Əliyev^Günay");
    static const row told[] = {{"CT PHƯƠNG T2", "CT T2"}, {"CT ELIYEV T2", "CT T2"}, {"CT əliyev T2", "CT T2"}};
    EXPECT(told, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
}

/* In a script in which no name of the patient is known, a word may be the name. */
static void scripts(void **state) {
    bench *now = *state;
    add(now, LETHE_ID_NAME, "Yamada^Tarou");
    static const row unknown[] = {{"山田太郎 CT", "CT"}, {"김철수 MRI", "MRI"}, {"محمد علي CT", "CT"},
                                  {"יוסף כהן CT", "CT"}, {"CT Иваненко", "CT"}, {"CT ΠΑΠΠΑΣ", "CT"}};
    EXPECT(unknown, LETHE_TEXT_STRICT, LETHE_TEXT_RESEARCH);
    static const row signs[] = {{"3 µm, Δ β", "3 µm, Δ β"}};
    EXPECT(signs, LETHE_TEXT_RESEARCH, LETHE_TEXT_RESEARCH);
    add(now, LETHE_ID_NAME, "Кузнецов^Аркадий");
    static const row known[] = {{"МРТ Кузнецов", "МРТ"}, {"КТ грудной клетки", "КТ грудной клетки"}, {"김철수 MRI", "MRI"}};
    EXPECT(known, LETHE_TEXT_RESEARCH, LETHE_TEXT_RESEARCH);
    add(now, LETHE_ID_NAME, "???^??"); /* a name of which no letter is left: in what script it was nobody knows */
    static const row lost[] = {{"КТ грудной клетки 3 mm", "3 mm"}};
    EXPECT(lost, LETHE_TEXT_RESEARCH, LETHE_TEXT_RESEARCH);
}

/* What names a device or a program keeps its own numbers. */
static void products(void **state) {
    bench *now = *state;
    add(now, LETHE_ID_NAME, "KERVADEC^Anne");
    add(now, LETHE_ID_NUMBER, "453561821951");
    static const row rows[] = {
        {"https://github.com/example/segmenter.git", "https://github.com/example/segmenter.git"},
        {"4100296", "4100296"},
        {"Workbench Kxqv 3.1", "Workbench Kxqv 3.1"},
        {"syngo MR E11 for Windows", "syngo MR E11 for Windows"},
        {"453561821951 rev", "rev"},
        {"3.2 Dr Lefèvre", "3.2"},
        {"3.2 KERVADEC", "3.2"},
        {"3.2 185057800608491", "3.2"},
        {"3.2 12/03/2019", "3.2"},
    };
    EXPECT(rows, LETHE_TEXT_PRODUCT, LETHE_TEXT_PRODUCT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(people, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_of_things, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_of_makers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(short_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scripts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(products, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_of_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_latin_letters, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
