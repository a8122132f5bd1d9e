/* People who do not exist: names from lists of common European names, combined at random; numbers in the right shapes, with right keys. */
#include "testdata/draft.h"
#include "testdata/random.h"

#include <stdio.h>
#include <string.h>

typedef struct surname {
    const char *text;
    lethe_draft_charset charset; /* one that can write it; ASCII with accents elsewhere in the file: a wrong character set, on purpose */
} surname;

static const surname families[] = {
    {"Lefèvre", CHARSET_LATIN_1},
    {"Dubois-Martinière", CHARSET_LATIN_1},
    {"de La Tour d'Aigues", CHARSET_LATIN_1},
    {"Grégoire", CHARSET_LATIN_1},
    {"Fouquet", CHARSET_LATIN_1},
    {"Bénard", CHARSET_UTF_8},
    {"N'Guessan", CHARSET_LATIN_1},
    {"Châtelain", CHARSET_UTF_8},
    {"Kowalczyk", CHARSET_LATIN_2},
    {"Wiśniewski", CHARSET_LATIN_2},
    {"Łukasiewicz", CHARSET_EXTENSIONS},
    {"Dvořáček", CHARSET_LATIN_2},
    {"Müller-Lüdenscheidt", CHARSET_LATIN_1},
    {"van der Meulen", CHARSET_LATIN_1},
    {"O'Shaughnessy", CHARSET_LATIN_1},
    {"Fernández Ibáñez", CHARSET_LATIN_1},
    {"Gonçalves da Cunha", CHARSET_UTF_8},
    {"Papadópoulos", CHARSET_UTF_8},
    {"Παπαδόπουλος", CHARSET_GREEK},
    {"Иванова", CHARSET_CYRILLIC},
    {"Yamazaki", CHARSET_JAPANESE},
    {"Le Goff", CHARSET_LATIN_1},
    {"Kerleroux", CHARSET_LATIN_1},
    {"Rousselière", CHARSET_EXTENSIONS},
    {"Bouchard", CHARSET_LATIN_1},
    {"Özdemir", CHARSET_UTF_8},
    {"Håkansson", CHARSET_LATIN_1},
    {"Thibaudeau", CHARSET_ASCII},
    {"Vasseur", CHARSET_LATIN_1},
    {"Quéméneur", CHARSET_UTF_8},
    {"D'Hondt", CHARSET_LATIN_1},
    {"Peyronnet", CHARSET_LATIN_1},
};
static const char *const men[] = {"Étienne",   "François", "Jean-Baptiste", "Loïc",     "Gaël",    "Raphaël",
                                  "Kazimierz", "Jürgen",   "Théophile",     "Aurélien", "Joaquim", "Mathurin"};
static const char *const women[] = {"Hélène",    "Marie-Josèphe", "Zoé",    "Anaïs",   "Gwenaëlle", "Bérénice",
                                    "Agnieszka", "Ingeborg",      "Solène", "Eugénie", "Clémence",  "Fatoumata"};
static const char *const doctors[] = {"Delacroix-Vernet", "Haddadène", "Boisrobert", "Marchesseau", "Tessandier", "Verhaeghe",
                                      "Castelnau",        "Ouedraogo", "Lindqvist",  "Sapowicz",    "Guyomarch",  "Estournel"};
static const char *const doctor_given[] = {"Paul", "Odile", "Karim", "Irène", "Benoît", "Sabine", "Armelle", "Didier"};
static const char *const streets[] = {"rue des Acacias",   "avenue Gambetta",   "boulevard Voltaire",
                                      "impasse du Lavoir", "chemin des Vignes", "quai de la Fosse"};
typedef struct town {
    const char *postcode, *name, *department;
} town;
static const town towns[] = {{"69003", "Lyon", "69"},   {"44000", "Nantes", "44"}, {"29200", "Brest", "29"},      {"20000", "Ajaccio", "2A"},
                             {"20200", "Bastia", "2B"}, {"59800", "Lille", "59"},  {"67000", "Strasbourg", "67"}, {"33000", "Bordeaux", "33"}};
static const char *const hospitals[] = {"CHU Saint-Rémy", "Hôpital Notre-Dame des Grèves", "Clinique des Quatre Vents",
                                        "Centre hospitalier de Montfaucon"};
static const char *const wards[] = {"Urologie B4", "Sénologie", "Médecine 2", "HDJ 3e étage"};

#define PICK(list, random) (list)[lethe_random_below(random, (uint32_t)(sizeof(list) / sizeof *(list)))]

/* 15 digits: sex, year, month, department (2A, 2B for Corsica), commune, order, key = 97 - number mod 97, with 2A as 19 and 2B as 18. */
static void make_nir(lethe_person *p, const char *department, lethe_random *random) {
    unsigned commune = 1 + lethe_random_below(random, 300), order = 1 + lethe_random_below(random, 900);
    const char *digits = strcmp(department, "2A") == 0 ? "19" : strcmp(department, "2B") == 0 ? "18" : department;
    char number[24], whole[40];
    (void)snprintf(number, sizeof number, "%c%02u%02u%.2s%03u%03u", p->sex == 'M' ? '1' : '2', p->birth_year % 100, p->birth_month, digits, commune,
                   order);
    unsigned long long value = 0;
    for (const char *at = number; *at != '\0'; at++) value = value * 10 + (unsigned)(*at - '0');
    (void)snprintf(whole, sizeof whole, "%c%02u%02u%.2s%03u%03u%02u", p->sex == 'M' ? '1' : '2', p->birth_year % 100, p->birth_month, department,
                   commune, order, (unsigned)(97 - value % 97));
    (void)snprintf(p->nir, sizeof p->nir, "%.15s", whole);
}

static void make_doctor(char *family, size_t family_size, char *pn, size_t pn_size, lethe_random *random) {
    (void)snprintf(family, family_size, "%s", PICK(doctors, random));
    (void)snprintf(pn, pn_size, "%s^%s^^Dr", family, PICK(doctor_given, random));
}

static void make_names(lethe_person *p, lethe_random *random) {
    const surname *chosen = &PICK(families, random);
    p->charset = (unsigned)chosen->charset;
    (void)snprintf(p->family, sizeof p->family, "%s", chosen->text);
    (void)snprintf(p->given, sizeof p->given, "%s", p->sex == 'M' ? PICK(men, random) : PICK(women, random));
    if (chosen->charset == CHARSET_GREEK) (void)snprintf(p->given, sizeof p->given, "%s", p->sex == 'M' ? "Γεώργιος" : "Ελένη");
    if (chosen->charset == CHARSET_CYRILLIC) p->sex = 'F', (void)snprintf(p->given, sizeof p->given, "Екатерина");
    if (chosen->charset == CHARSET_JAPANESE) (void)snprintf(p->given, sizeof p->given, "%s", p->sex == 'M' ? "Haruto" : "Misaki");
    (void)snprintf(p->birth_name, sizeof p->birth_name, "%s", p->sex == 'F' && lethe_random_below(random, 2) == 0 ? "Tarragon-Belisle" : p->family);
    if (chosen->charset == CHARSET_JAPANESE)
        (void)snprintf(p->pn, sizeof p->pn, "%s^%s=山崎^%s=やまざき^%s", p->family, p->given, p->sex == 'M' ? "陽翔" : "美咲",
                       p->sex == 'M' ? "はると" : "みさき");
    else (void)snprintf(p->pn, sizeof p->pn, "%s^%s", p->family, p->given);
}

/* LEFEVRE from Lefèvre; "" when a letter is not Latin. */
static void make_plain(const char *text, char *out, size_t size) {
    static const struct {
        const char *from;
        char to;
    } letters[] = {{"à", 'A'}, {"á", 'A'}, {"â", 'A'}, {"å", 'A'}, {"ä", 'A'}, {"ç", 'C'}, {"č", 'C'}, {"é", 'E'}, {"è", 'E'},
                   {"ê", 'E'}, {"ë", 'E'}, {"ï", 'I'}, {"î", 'I'}, {"ñ", 'N'}, {"ô", 'O'}, {"ó", 'O'}, {"ö", 'O'}, {"Ö", 'O'},
                   {"É", 'E'}, {"ř", 'R'}, {"ś", 'S'}, {"ü", 'U'}, {"û", 'U'}, {"ł", 'L'}, {"Ł", 'L'}};
    size_t used = 0;
    while (*text != '\0' && used + 1 < size) {
        if ((unsigned char)*text < 0x80) {
            out[used++] = (char)(*text >= 'a' && *text <= 'z' ? *text - 32 : *text);
            text++;
            continue;
        }
        size_t i = 0;
        while (i < sizeof letters / sizeof *letters && strncmp(text, letters[i].from, strlen(letters[i].from)) != 0) i++;
        if (i == sizeof letters / sizeof *letters) {
            used = 0;
            break;
        }
        out[used++] = letters[i].to;
        text += strlen(letters[i].from);
    }
    out[used] = '\0';
}

void lethe_person_invent(uint64_t seed, unsigned index, lethe_person *person) {
    *person = (lethe_person){0};
    lethe_person *p = person;
    lethe_random random;
    lethe_random_seed(&random, seed, 1000003u + index);
    p->sex = lethe_random_below(&random, 2) == 0 ? 'M' : 'F';
    make_names(p, &random);
    p->birth_year = 1934 + lethe_random_below(&random, 62);
    p->birth_month = 1 + lethe_random_below(&random, 12);
    p->birth_day = 1 + lethe_random_below(&random, 28);
    (void)snprintf(p->birth_da, sizeof p->birth_da, "%04u%02u%02u", p->birth_year % 10000, p->birth_month % 100, p->birth_day % 100);
    /* The index in the middle keeps IDs distinct. */
    (void)snprintf(p->patient_id, sizeof p->patient_id, "%c%05u%03u", index % 3 == 0 ? '8' : 'H', index % 100000, lethe_random_below(&random, 1000));
    const town *where = &PICK(towns, &random);
    make_nir(p, where->department, &random);
    (void)snprintf(p->issuer, sizeof p->issuer, "%s", index % 4 == 0 ? "IPP-MONTFAUCON" : "");
    (void)snprintf(p->phone, sizeof p->phone, "06 %02u %02u %02u %02u", 10 + lethe_random_below(&random, 89), 10 + lethe_random_below(&random, 89),
                   10 + lethe_random_below(&random, 89), 10 + lethe_random_below(&random, 89));
    make_plain(p->family, p->plain_family, sizeof p->plain_family);
    make_plain(p->given, p->plain_given, sizeof p->plain_given);
    (void)snprintf(p->phone_abroad, sizeof p->phone_abroad, "+33 %s", p->phone + 1);
    static const char *const relatives[] = {"Bellehumeur", "Desrosiers", "Tournemine", "Kozlowski", "Archambault"};
    (void)snprintf(p->relative, sizeof p->relative, "%s", relatives[index % 5]);
    (void)snprintf(p->email, sizeof p->email, "patient%u.%u@courriel.example", index, lethe_random_below(&random, 10000));
    (void)snprintf(p->street, sizeof p->street, "%u %s", 1 + lethe_random_below(&random, 180), PICK(streets, &random));
    (void)snprintf(p->postcode, sizeof p->postcode, "%s", where->postcode);
    (void)snprintf(p->town, sizeof p->town, "%s", where->name);
    (void)snprintf(p->hospital, sizeof p->hospital, "%s", PICK(hospitals, &random));
    (void)snprintf(p->department, sizeof p->department, "Imagerie médicale");
    (void)snprintf(p->ward, sizeof p->ward, "%s", PICK(wards, &random));
    make_doctor(p->referring_family, sizeof p->referring_family, p->referring_pn, sizeof p->referring_pn, &random);
    make_doctor(p->performing_family, sizeof p->performing_family, p->performing_pn, sizeof p->performing_pn, &random);
    make_doctor(p->operator_family, sizeof p->operator_family, p->operator_pn, sizeof p->operator_pn, &random);
    /* RPPS: 11 digits, the last by Luhn. */
    char rpps[12];
    (void)snprintf(rpps, sizeof rpps, "10%08u", lethe_random_below(&random, 100000000));
    unsigned sum = 0;
    for (int i = 9; i >= 0; i--) {
        unsigned digit = (unsigned)(rpps[i] - '0') * ((9 - i) % 2 == 0 ? 2u : 1u);
        sum += digit > 9 ? digit - 9 : digit;
    }
    (void)snprintf(p->referring_rpps, sizeof p->referring_rpps, "%.10s%u", rpps, (10 - sum % 10) % 10);
}
