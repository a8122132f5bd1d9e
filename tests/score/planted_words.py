"""Words for plant.py: invented people, and descriptions as departments and machines write them. All invented."""
import re
import unicodedata

FAMILIES = ["Kervadec", "Lefèvre", "Müller-Lüdenscheid", "d'Harcourt-Vézelay", "Châteauneuf", "Nguyễn-Thị", "O'Flannagan", "Øvergård", "Benabdelkrim", "Quéméneur", "Le Goaziou", "de La Touche",
            "van den Boschaert", "Grosjeannot", "Vandecasteele", "Zylberstejn", "Etchegoyhen", "Weißenborn", "Łukaszewski", "Çelebioğlu", "Iñárritu", "Guéguen", "Saint-Yrieix", "Rakotomalala",
            "Papadopoulou", "Fernandes da Rocha", "Abdoulkarim", "Desmarchelier", "Huysmans", "Tchernychevski", "Bourguignat", "Szczepaniak", "Dupontel", "Kowalczyk", "Mbemba", "Boissonnat"]
COMMON_FAMILIES = ["Rose", "Blanc", "Petit", "Mai", "April", "Legrand", "Long", "Court", "Leg", "Marchand", "Head", "Lung", "Gross", "Klein", "Bell", "Day"]
GIVEN_F = ["Anne-Sophie", "Gwenaëlle", "Marie-Thérèse", "Aïcha", "Clémence", "Eléonore", "Brunehilde", "Solveig", "Ségolène", "Maëlys", "Hélène", "Zoé"]
GIVEN_M = ["Jean-Baptiste", "François-Xavier", "Théophile", "Björn", "Anatole", "Gaëtan", "Loïc", "Wolfgang", "Mohamed", "José", "Kévin", "Ézéchiel"]
COMMON_GIVEN = ["Rose", "April", "Iris", "Clara", "Max", "Mark", "Grace", "Violette"]
PHYSICIANS = ["Tréhorenteuc", "Vandenbroucke", "Quillévéré", "Schreckenbach", "Pellissier", "Oyarzabal", "Bonnefous", "Le Mappian", "Haddadou", "Kärcherling"]
TITLES_F = ["Mme", "Mme.", "MME", "Mlle", "Madame", "Mrs", "Frau", "Melle"]
TITLES_M = ["M.", "Mr", "Monsieur", "Mr.", "Herr", "MONSIEUR"]
STREETS = ["rue des Martyrs", "avenue Gambetta", "bd Voltaire", "rue du Général Leclerc", "impasse des Lilas", "place Bellecour", "chemin des Vignes", "allée Cassiopée"]
TOWNS = [("35000", "RENNES"), ("59000", "LILLE"), ("20090", "AJACCIO"), ("75013", "PARIS"), ("44100", "NANTES"), ("13008", "MARSEILLE"), ("97400", "SAINT-DENIS"), ("67000", "STRASBOURG")]
HOSPITALS = ["CHU de Kerbihan", "Clinique Sainte-Ursuline", "Hôpital Bretonnec", "Klinikum Oberwaldau", "Polyclinique des Alizés", "Centre Léon-Grimault"]
FRENCH = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"]
ENGLISH = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
GERMAN = ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"]
OTHER_SCRIPTS = {"cyrillic": [("Иваненкова", "Татьяна"), ("Кузнецов", "Аркадий")], "greek": [("Παπαδόπουλος", "Νικόλαος"), ("Αγγελοπούλου", "Μαρία")],
                 "chinese": [("王小", "东明"), ("欧阳", "慧敏")], "japanese": [("山田", "太郎"), ("長谷川", "明美")], "korean": [("김희", "중현"), ("박서", "연지")], "any": [("山田", "太郎"), ("Иваненкова", "Татьяна")]}

# What has to stay, whole, whatever stands beside it.
PHRASES = """IRM PROSTATE T2 TSE AX|IRM prostate multiparamétrique|Prostate T2 sagittal|Séquence de diffusion prostate b 1400|IRM pelvienne sans et avec injection|ADC prostate
Mammographie bilatérale|Mammographie de dépistage|MLO droit|CC gauche agrandi|Tomosynthèse sein gauche|Echographie mammaire bilatérale|Microbiopsie sein droit|Cytoponction ganglion axillaire
Scanner thoraco-abdomino-pelvien|TDM cérébrale sans injection|Angioscanner des troncs supra-aortiques|Scanner des sinus|Uroscanner temps tardif|TDM thorax inspiration|Coupes fines parenchyme
IRM du genou gauche|IRM lombaire sagittal T1|IRM hypophysaire dynamique|IRM cérébrale 3D FLAIR|Angio IRM TOF polygone de Willis|IRM hépatique temps portal|IRM cardiaque ciné petit axe
Echographie abdominale|Echographie rénale et vésicale|Echo doppler veineux des membres inférieurs|Echographie pelvienne endovaginale|Echographie thyroïdienne|Doppler des artères rénales
Radiographie du thorax de face|Radio bassin face|Rachis lombaire de profil|Cliché de cheville|Panoramique dentaire|ASP debout|Lame colorée HES|Coloration PAS|Biopsie cutanée HES 20x
Suivi de nodule pulmonaire|Bilan d'extension|Recherche de métastases osseuses|Contrôle post opératoire|Douleur abdominale|Céphalées depuis trois semaines|Lombalgie chronique|Suspicion de fracture
PROSTATE MRI T2 AXIAL|MRI BRAIN WITHOUT CONTRAST|MR LUMBAR SPINE|CT CHEST WITH CONTRAST|CT ABDOMEN PELVIS PORTAL VENOUS|CT HEAD AXIAL 5 mm|Screening mammogram bilateral|R MLO spot compression
US RENAL BILATERAL|US THYROID|Ultrasound guided biopsy|Chest PA and lateral|XR KNEE 2 VIEWS|PET CT skull base to mid thigh|FDG whole body|Bone scan delayed|Cardiac cine short axis|Perfusion rest
Left ventricle four chamber|Dose report|Scout|3 plane localizer|Coronal reformat|Sagittal MPR bone|Axial thin lung|MIP coronal|Post contrast T1 fat sat|DWI b 800|ADC map|SWI axial|MPRAGE sagittal
Liver lesion follow up|Rule out pulmonary embolism|History of breast cancer|Right upper quadrant pain|Whole slide image H&E stain|Core needle biopsy prostate left apex|Gleason 3+4|BI-RADS 4
MRT Prostata T2 axial|MRT Schädel nativ|CT Thorax mit Kontrastmittel|CT Abdomen portalvenös|Mammographie beidseits|Sonographie Abdomen|Sonographie Schilddrüse|Röntgen Thorax pa|Knie rechts seitlich
LWS sagittal T2|HWS transversal|Schichtdicke 3 mm|Weichteilfenster|Knochenfenster coronar|Verlaufskontrolle nach Operation|Verdacht auf Lungenembolie|Kopfschmerzen|Prostatakarzinom
t2_tse_tra_p2|ep2d_diff_b50_400_800_tra|t1_vibe_dixon_tra_bh|Thorax 1.0 B30f|AbdRoutine 5.0 B30f|HeadRoutine|AX T1 FSE|SAG T2 FRFSE|COR STIR|3D T1 MPRAGE|AX DWI ASSET|FLAIR longTR|sT2W_TSE
PET WB|AC CT 3.75|CTAC|NAC|TRANSMISSION|Topogram 0.6 T20s|CARE Bolus|Monitoring|PreMonitoring|VRT colored|Lung 1.0 Bl57|SMARTPREP|Flow quantification|Calcium score|R2 star|T1 map|T2 mapping
Patient en décubitus dorsal|Acquisition en apnée|Injection de gadolinium 15 ml|Produit de contraste iodé 350 mg|Aiguille 14 G|Coupe sagittale|Reconstruction osseuse|Filtre parenchyme|Artéfact métallique"""
PHRASES = [phrase for line in PHRASES.split("\n") for phrase in line.split("|")]
SHORT = ["T2", "AX", "SAG", "COR", "CT", "MLO", "CC", "STIR", "ADC", "b50", "LAO", "RL"]
# One value by the standard, or not a place for free text: codes' values, versions, labels that the checks of the IOD look at.
ONE_VALUE = {0x00080104, 0x00081030, 0x0008103E, 0x00400254, 0x00321060, 0x00400007}
NO_TEXT = {0x00080100, 0x00080102, 0x00080103, 0x00080119, 0x00080120, 0x0040DB00, 0x00080070, 0x00081090, 0x00280301, 0x00281054, 0x0040A30A, 0x00420013}
EXTRA_TEXTS = [(0x00081030, "LO"), (0x0008103E, "LO"), (0x00181030, "LO"), (0x00204000, "LT"), (0x00104000, "LT"), (0x001021B0, "LT"), (0x00321060, "LO"), (0x00082111, "ST"), (0x00180010, "LO"),
               (0x00181400, "LO"), (0x00321030, "LO"), (0x00081080, "LO"), (0x00102000, "LO"), (0x00102110, "LO"), (0x00102180, "SH"), (0x00209158, "LT"), (0x00400254, "LO"), (0x00400280, "ST"),
               (0x00401400, "LT"), (0x00402400, "LT"), (0x00184000, "LT"), (0x40080300, "ST"), (0x00324000, "LT"), (0x00380500, "LO"), (0x00181250, "SH"), (0x00180024, "SH"), (0x00281055, "LO"),
               (0x00189424, "LT"), (0x00400310, "ST"), (0x00401002, "LO"), (0x00102299, "LO"), (0x0040A160, "UT")]
# group, creator, last byte, VR, a clean value. From PS3.15 Table E.3.10-1.
SAFE_PRIVATE = [(0x0019, "GEMS_ACQU_01", 0x9E, "LO", "efgre3d"), (0x0043, "GEMS_PARM_01", 0x27, "SH", "0.984:1"), (0x2001, "Philips Imaging DD 001", 0x04, "CS", "O"), (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "800"),
                (0x0019, "SIEMENS MR HEADER", 0x0D, "CS", "DIRECTIONAL"), (0x7E01, "HOLOGIC, Inc.", 0x01, "LO", "1.2"), (0x7E01, "HOLOGIC, Inc.", 0x02, "SH", "JPEG"), (0x0099, "NQHeader", 0x20, "SH", "mm"),
                (0x0119, "SIEMENS Ultrasound SC2000", 0x13, "IS", "24"), (0x7053, "Philips PET Private Group", 0x00, "DS", "0.000567"), (0x0019, "GEMS_ACQU_01", 0x23, "DS", "39.375"),
                (0x00E1, "ELSCINT1", 0x21, "DS", "512.4"), (0x01F1, "ELSCINT1", 0x26, "DS", "0.938")]
# Content items that tell who or where: Person and Device Observer names, organizations, serial numbers, locations; accession, subject and specimen numbers and names.
WHO = {"111700", "111705", "113870", "113871", "113872", "113873", "121008", "121009", "121013", "121016", "121017", "121020", "121021", "121022", "121029", "121030", "121031", "121036",
       "121040", "121041", "121043", "121148", "121434", "128774"}
# Other people in other places: even seeds plant these, so that no list of the program can have been made for one set.
OTHERS = {
    "FAMILIES": ["Robichaux-Delacourt", "Ó Súilleabháin", "Wójcikowska", "Gruška", "Szentgyörgyi", "Karahasanoğlu", "Trần-Quốc", "Ramírez de Arellano", "Bjørnstjerne",
                 "van 't Hoff", "Zu Löwenstein", "Mc Gillicuddy", "Abou-Jaoudé", "Ben Haddou", "El Khattabi", "Ouedraogo", "Rasoanaivo", "Kouyaté", "Gonçalves Teixeira",
                 "Della Valle", "Di Benedetto", "Schönfelder", "Pfannkuchen", "Hérisson", "Tanguy-Le-Roux", "Lemoigne", "Guillemette", "Bataillard", "Peyrelongue",
                 "Iraçabal", "Ustaritz", "Kieffer-Lutz", "Muller", "Lhermenault", "Coatanéa", "Stéphanopoli", "Vercruysse", "Debruyne", "Okonkwo", "Adebayo",
                 "Fitzwilliam-Darcy", "Throckmorton", "Quackenbush"],
    "COMMON_FAMILIES": ["Baker", "Cooper", "Hunter", "White", "Short", "Strong", "Noir", "Leblanc", "Roux", "Temple", "Sellier", "Angle", "Field", "Scholl", "Weiss",
                        "Roth", "Stark", "Winter", "Sommer", "Mars", "August", "Coil", "Grant", "Foot"],
    "GIVEN_F": ["Marie-Caroline", "Thuỳ Linh", "Agnieszka", "Ysé", "Noémie", "Françoise", "Sólveig", "Ümmühan", "Begoña", "Inês", "Giuseppina", "Kathleen"],
    "GIVEN_M": ["Jean-Noël", "Pierre-Yves", "Dagobert", "Håkon", "Čestmír", "João", "Iñaki", "Mamadou", "Abdel-Karim", "Séraphin", "Jérémie", "Günther"],
    "COMMON_GIVEN": ["Victor", "Angel", "Max", "Pascal", "Florence", "Prudence", "Hope", "Art"],
    "PHYSICIANS": ["Delépine", "Quatrevaux", "Wintzenrieth", "Lacoste-Bourgeois", "Nakamura", "Al-Hashimi", "O'Shaughnessy", "Schäuffele", "Pereira", "Tchoumi"],
    "STREETS": ["rue de l'Abbé-Grégoire", "boulevard Saint-Michel", "quai de Valmy", "allée des Charmes", "route de Vannes", "place du Marché", "cours Mirabeau",
                "square Montholon"],
    "TOWNS": [("29200", "BREST"), ("31000", "TOULOUSE"), ("20200", "BASTIA"), ("69003", "LYON"), ("33000", "BORDEAUX"), ("06000", "NICE"), ("97200", "FORT-DE-FRANCE"),
              ("68100", "MULHOUSE")],
    "HOSPITALS": ["CHRU de Sainte-Bénigne", "Clinique du Val Fleuri", "Hôpital Les Mûriers", "Städtisches Krankenhaus Rabenau", "St Columba's Hospital",
                  "Institut Marcelin-Roux"],
}


def use_others():
    globals().update(OTHERS)


def plain(text):
    folded = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return folded.replace("ß", "ss").replace("Ø", "O").replace("ø", "o").replace("Ł", "L").replace("ł", "l").replace("ı", "i")


def tokens(text):
    return set(re.findall(r"[a-z0-9]+", plain(text).lower()))
