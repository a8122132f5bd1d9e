#!/usr/bin/python3
"""Objects in which somebody hid a person where few look: overlays, curves, labels, documents, file meta, waveforms, ROI names, segments, report texts, private blocks,
numbers and tables. `make FOLDER` writes them; `check FOLDER MANIFEST PROFILE` searches what was released for every part of the person, in any case, accents or none, UTF-16,
and reads what was to stay. Everybody here is invented."""
import json
import os
import struct
import sys
import unicodedata
import warnings

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

warnings.simplefilter("ignore")
CT, MR, SR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.88.33"


def with_key(body):
    return body + "%02d" % (97 - int(body.replace("2A", "19").replace("2B", "18")) % 97)


NIR, NIR_2A = with_key("2570829132417"), with_key("257082A004217")
SECRETS = ["Vandermeersch", "Oulevay", "Ghislaine", "Éléonore", "Tchékémian", "Korrigans", "Sarzeau", NIR, NIR_2A, "71604418", "ZK20881736", "02 97 41 55 08", "0297415508",
           "02.97.41.55.08", "ghis.oulevay", "Kerlann", "Océane", "19570823", "23/08/1957", "23 août 1957", "23.8.57", "56370", "06 12 34 56 78", "Gaëlle", "6/11/18", "Goaziou", "Quistorp"]


def item(**values):
    d = Dataset()
    for name, value in values.items():
        setattr(d, name, value)
    return d


def code(value, scheme, meaning):
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


class Writer:
    def __init__(self, folder):
        self.folder, self.count = folder, 0
        os.makedirs(folder)

    def base(self, sop_class, modality, pixels=True):
        self.count += 1
        d = item(SpecificCharacterSet="ISO_IR 192", SOPClassUID=sop_class, SOPInstanceUID="2.25.91%d" % self.count, StudyInstanceUID="2.25.90", SeriesInstanceUID="2.25.92%d" % self.count,
                 StudyDate="20181106", ContentDate="20181106", StudyTime="231500", ContentTime="000312.5", Modality=modality, Manufacturer="SIEMENS",
                 PatientName="Vandermeersch-Oulevay^Ghislaine^Éléonore", PatientID="71604418", PatientBirthDate="19570823", PatientSex="F", ReferringPhysicianName="Tchékémian^Aram",
                 AccessionNumber="ZK20881736", StudyID="S1", SeriesNumber="1", InstanceNumber="1", InstitutionName="Polyclinique Kerlann-Océane",
                 PatientAddress="14 venelle des Korrigans 56370 Sarzeau", PatientTelephoneNumbers="02 97 41 55 08", StudyDescription="IRM PROSTATE T2 TSE AX")
        if pixels:
            for name, value in dict(Rows=8, Columns=8, BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2",
                                    PixelData=bytes(64)).items():
                setattr(d, name, value)
        return d

    def save(self, name, d, meta=None, preamble=bytes(128)):
        m = FileMetaDataset()
        m.MediaStorageSOPClassUID, m.MediaStorageSOPInstanceUID = d.SOPClassUID, d.SOPInstanceUID
        m.TransferSyntaxUID, m.ImplementationClassUID = "1.2.840.10008.1.2.1", "1.2.3.4"
        for tag, vr, value in meta or []:
            m.add_new(tag, vr, value)
        f = FileDataset(None, d, file_meta=m, preamble=preamble)
        f.is_little_endian, f.is_implicit_VR = True, False
        f.save_as(os.path.join(self.folder, name + ".dcm"), write_like_original=True)


def planes_and_curves(w):
    for kind in "GR":
        d = w.base(MR, "MR")
        for group in (0x6000, 0x6002, 0x601E):
            for number, vr, value in ((0x10, "US", 8), (0x11, "US", 8), (0x40, "CS", kind), (0x50, "SS", [1, 1]), (0x100, "US", 1), (0x102, "US", 0), (0x22, "LO", "ROI prostate Dr Tchékémian"),
                                      (0x1500, "LO", "Lésion T2 Ghislaine 23/08/1957"), (0x3000, "OW", bytes(8)), (0x4000, "LT", "overlay comment Oulevay"), (0x1301, "IS", "71604418")):
                d.add_new((group, number), vr, value)
        w.save("overlay_" + kind, d)
    d = w.base(MR, "MR")
    for group in (0x5000, 0x501E):
        for number, vr, value in ((0x05, "US", 2), (0x10, "US", 2), (0x20, "CS", "ECG"), (0x22, "LO", "curve Oulevay"), (0x2500, "LO", "Ghislaine label"), (0x103, "US", 0),
                                  (0x3000, "OW", b"GHISLAINE OULEVAY ")):
            d.add_new((group, number), vr, value)
    w.save("curve", d)
    d = w.base("1.2.840.10008.5.1.4.1.1.11.1", "PR", False)
    d.ContentLabel, d.ContentDescription, d.ContentCreatorName = "GHISLAINE_OULEV", "Mesures prostate Mme Oulevay", "Tchékémian^Aram"
    d.PresentationCreationDate, d.PresentationCreationTime, d.PresentationLUTShape = "20181107", "001122", "IDENTITY"
    d.GraphicLayerSequence = [item(GraphicLayer="TCHEKEMIAN", GraphicLayerOrder="1", GraphicLayerDescription="Calque du Dr Tchékémian")]
    d.GraphicAnnotationSequence = [item(GraphicLayer="TCHEKEMIAN", TextObjectSequence=[item(UnformattedTextValue="Mme VANDERMEERSCH\r\nkyste 12 mm\r\nné(e) le 23/08/1957", AnchorPoint=[1.0, 2.0],
                                                                                           AnchorPointAnnotationUnits="PIXEL", AnchorPointVisibility="N")])]
    w.save("gsps", d)


TEXTS = [("Vu ce jour Oulevay-Vandermeersch Ghislaine, prostate 45 ml", "Vu ce jour, prostate 45 ml"), ("Patiente " + unicodedata.normalize("NFD", "Éléonore") + " adressée pour PI-RADS 4",
                                                                                                       "Patiente adressée pour PI-RADS 4"),
         ("GVO : suivi PSA 4,5 ng/ml", "suivi PSA 4,5 ng/ml"), ("vandermeersch oulevay, lésion du lobe gauche", "lésion du lobe gauche"), ("OULEVAYGHISLAINE T2", "T2"),
         ("ghislaine_oulevay_t2_tse", "t2_tse"), ("Van der Meersch, utérus antéversé", "utérus antéversé"), ("Vandermersch prostate", "prostate"), ("ＧＨＩＳＬＡＩＮＥ aorte", "aorte"),
         ("Gh\u200bislaine pancréas", "pancréas"), ("Tchekemian/Aram : rein", "rein"), ("Docteur A.T. rate", "rate"), ("Son mari, M. Thierry Vandermeersch, rappelle", "Son mari, rappelle"),
         ("sa fille Gaëlle (06 12 34 56 78) rappelle", "sa fille rappelle"), ("adressée par son médecin traitant le Dr Le Goaziou (Vannes)", "adressée par son médecin traitant"),
         ("n° de sécu : 2 57 08 29 132 417 " + NIR[-2:] + " PSA normal", None), ("IPP:71-60-44-18 foie normal", "foie normal"), ("23.8.57 foie normal", "foie normal"),
         ("IRM du 6/11/18 : stable", None), ("born Aug 23 57, stable disease", "stable disease")]
FILLER = "Examen de la prostate en coupes axiales T2 TSE, diffusion b 1000, perfusion sans artefact. PI-RADS 3. "
LONG = (FILLER * 300 + "Mme Ghislaine OULEVAY, née le 23 août 1957, demeurant 14 venelle des Korrigans 56370 Sarzeau. " + FILLER * 300 + "Signé : Aram TCHÉKÉMIAN. NIR " + NIR +
        ". Tél. 02.97.41.55.08. " + FILLER * 300 + "NIR 2 57 08 2A 004 217 " + NIR_2A[-2:])


def reports(w):
    d = w.base(SR, "SR", False)
    d.ValueType, d.ContinuityOfContent, d.CompletionFlag, d.VerificationFlag = "CONTAINER", "SEPARATE", "COMPLETE", "VERIFIED"
    d.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic Imaging Report")]
    # Of somebody whom nothing else names.
    d.CodingSchemeIdentificationSequence = [item(CodingSchemeDesignator="99KERLANN", CodingSchemeResponsibleOrganization="Schichtdicke 3 mm Herr Dr. Quistorp / Thorax de face"),
                                            item(CodingSchemeDesignator="99KERL2", CodingSchemeExternalID="Mme Quistorp, scanner")]
    d.VerifyingObserverSequence = [item(VerifyingOrganization="Kerlann-Océane radiologie", VerificationDateTime="20181106235959.123+0100", VerifyingObserverName="Tchékémian^Aram",
                                        VerifyingObserverIdentificationCodeSequence=[code("10003456788", "RPPS", "Dr Aram Tchékémian")])]

    def content(kind, concept, meaning, **value):
        return item(RelationshipType="CONTAINS", ValueType=kind, ConceptNameCodeSequence=[code(concept, "DCM", meaning)], **value)

    d.ContentSequence = [content("TEXT", "121071", "Finding", TextValue=text) for text in [LONG] + [pair[0] for pair in TEXTS]] + [
        content("PNAME", "121008", "Person Observer Name", PersonName="Tchékémian^Aram"), content("DATE", "121031", "Subject Birth Date", Date="19570823"),
        content("DATE", "111060", "Study Date", Date="20181106"), content("TEXT", "121029", "Subject Name", TextValue="Ghislaine Oulevay"),
        content("TEXT", "121030", "Subject ID", TextValue="QW-127745"), content("TEXT", "121009", "Person Observer's Organization Name", TextValue="Imagerie du Port"),
        content("UIDREF", "121012", "Device Observer UID", UID="1.2.3.71604418.5"), content("DATETIME", "111526", "DateTime Started", DateTime="20181231235959.5+0500"),
        content("CODE", "121071", "Finding", ConceptCodeSequence=[code("OULEVAY1", "99KERLANN", "Lésion de Mme Oulevay")]),
        content("TEXT", "121071", "Finding", TextValue="fiche QW-127745, confiée à Imagerie du Port, foie normal"),
        content("TEXT", "121071", "Finding", TextValue="rate normale", ManufacturerModelName="Logiciel de Marion Kerjean")]
    w.save("report", d)
    d = w.base("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", False)
    channel = item(ChannelLabel="Lead I Oulevay", WaveformBitsStored=16, ChannelSourceSequence=[code("2:1", "MDC", "Lead I Ghislaine")])
    wave = item(WaveformOriginality="ORIGINAL", NumberOfWaveformChannels=1, NumberOfWaveformSamples=4, SamplingFrequency="500", MultiplexGroupLabel="RHYTHM Dr Tchékémian",
                ChannelDefinitionSequence=[channel], WaveformBitsAllocated=16, WaveformSampleInterpretation="SS")
    wave.add_new((0x5400, 0x1010), "OW", bytes(range(8)))
    d.WaveformSequence = [wave]
    d.WaveformAnnotationSequence = [item(UnformattedTextValue="ECG Mme OULEVAY rythme sinusal", AnnotationGroupNumber=1),
                                    item(ConceptNameCodeSequence=[code("121071", "DCM", "Finding")], ConceptCodeSequence=[code("G", "99", "Ghislaine sinus rhythm")])]
    w.save("waveform", d)


ROIS = [("Prostate", "Prostate"), ("PTV_OULEVAY", "PTV"), ("GTV Ghislaine", "GTV"), ("Vessie_Tchékémian_2018-11-06", None), ("CTVn1 gauche", "CTVn1 gauche"), ("FemHead_L", "FemHead_L"),
        ("Dr Aram vésicules séminales", "vésicules séminales"), ("prostate_oulevay_ghislaine_70Gy", "prostate_70Gy")]


def regions(w):
    d = w.base("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", False)
    d.StructureSetLabel, d.StructureSetName, d.StructureSetDescription = "OULEVAY_PROST", "Plan Ghislaine V1", "Contours Dr Tchékémian prostate"
    d.StructureSetDate, d.StructureSetTime, d.ApprovalStatus = "20181106", "235900", "UNAPPROVED"
    d.StructureSetROISequence = [item(ROINumber=str(i), ReferencedFrameOfReferenceUID="1.2.3", ROIName=name, ROIDescription=name, ROIGenerationAlgorithm="MANUAL",
                                      ROIGenerationDescription="by A. Tchékémian") for i, (name, _) in enumerate(ROIS)]
    d.ROIContourSequence = [item(ReferencedROINumber="0", ContourSequence=[item(ContourGeometricType="POINT", NumberOfContourPoints="1", ContourData=["1", "2.5", "71604418"])])]
    d.RTROIObservationsSequence = [item(ObservationNumber=str(i), ReferencedROINumber=str(i), ROIObservationLabel=name[:16], RTROIInterpretedType="PTV", ROIInterpreter="Tchékémian^Aram")
                                   for i, (name, _) in enumerate(ROIS)]
    w.save("structures", d)
    d = w.base("1.2.840.10008.5.1.4.1.1.66.4", "SEG")
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelData, d.NumberOfFrames = 1, 1, 0, bytes(8), "1"
    d.ContentLabel, d.ContentDescription, d.ContentCreatorName, d.SegmentationType = "SEG_OULEVAY", "Segmentation Ghislaine prostate", "Tchékémian^Aram", "BINARY"
    d.SegmentSequence = [item(SegmentNumber=i, SegmentLabel=name, SegmentDescription="seg " + name, SegmentAlgorithmType="AUTOMATIC", SegmentAlgorithmName=name.replace("Marion Kerjean", "") + " net v2",
                              TrackingID="oulevay-lesion-%d" % i, TrackingUID="2.25.77%d" % i, SegmentedPropertyCategoryCodeSequence=[code("T", "SRT", "Tissue")],
                              SegmentedPropertyTypeCodeSequence=[code("T", "SRT", "Prostate")]) for i, name in enumerate(("Prostate", "Lésion Oulevay", "Tchékémian zone", "Lésion Marion Kerjean"))]
    w.save("segments", d)


def private_data(w):
    def block(d, group, number, creator, elements):
        d.add_new((group, number), "LO", creator)
        for element, vr, value in elements:
            d.add_new((group, number << 8 | element), vr, value)

    d = w.base(MR, "MR")
    for number in (0x10, 0x5A, 0xFF):  # the same block three times, once with a space behind its creator
        block(d, 0x0019, number, "SIEMENS MR HEADER" + (" " if number == 0xFF else ""),
              [(0x0C, "IS", "800"), (0x0D, "CS", "OULEVAY"), (0x0E, "FD", [0.1, 0.2, 0.3]), (0x0B, "DS", "71604418"), (0x11, "SH", "Ghislaine")])
    block(d, 0x0043, 0x10, "GEMS_PARM_01", [(0x27, "SH", "Oulevay/1.0:1"), (0x39, "IS", ["1000", "8", "0", "0"])])
    block(d, 0x0029, 0x10, "SIEMENS CSA HEADER", [(0x10, "OB", b"SV10\4\3\2\1Ghislaine Oulevay ")])
    block(d, 0x0033, 0x10, "OULEVAY GHISLAINE", [(0x10, "LO", "x")])
    d.add_new((0x0037, 0x1010), "LO", "Ghislaine Oulevay, no creator")
    deep = item(ReferencedSOPClassUID=MR, ReferencedSOPInstanceUID="1.2.3.4")
    block(deep, 0x0019, 0x22, "SIEMENS MR HEADER", [(0x0C, "IS", "50"), (0x0D, "CS", "TCHEKEMIAN")])
    nested = item(ReferencedSOPClassUID=MR, ReferencedSOPInstanceUID="1.2.3.5", ReferencedImageSequence=[deep])
    block(nested, 0x0019, 0xFF, "SIEMENS MR HEADER", [(0x0C, "IS", "1000"), (0x11, "SH", "Oulevay")])
    d.ReferencedImageSequence = [nested]
    d.add_new((0x0021, 0x0000), "UL", 20)
    d.add_new((0x0008, 0x0000), "UL", 20)
    d.add_new((0xFFFC, 0xFFFC), "OB", b"Ghislaine Oulevay 19570823" + bytes(10))
    w.save("private", d)
    d = w.base(MR, "MR")
    block(d, 0x0035, 0x10, "CREATOR ", [(0x10, "LO", "T2")])
    w.save("creator", d)
    path = os.path.join(w.folder, "creator.dcm")
    with open(path, "rb") as f:
        data = f.read()
    with open(path, "wb") as f:  # Latin-1 in an object that says UTF-8
        f.write(data.replace(b"CREATOR ", b"Oc\xe9ane K"))


def carriers(w):
    d = w.base(CT, "CT")
    words = b"GHISLAINE OULEVAY VANDERMEERSCH "
    d.PhotometricInterpretation = "PALETTE COLOR"
    for number in (0x1101, 0x1102, 0x1103):
        d.add_new((0x0028, number), "US", [16, 0, 16])
        d.add_new((0x0028, number + 0x100), "OW", words)
    table = item(LUTDescriptor=[16, 0, 16], LUTExplanation="LUT Oulevay abdomen")
    table.add_new((0x0028, 0x3006), "OW", words)
    d.VOILUTSequence = [table]
    d.add_new((0x0028, 0x2000), "OB", bytes(36) + b"acsp" + bytes(88) + b"desc Ghislaine Oulevay")
    d.ImagePositionPatient, d.AcquisitionNumber, d.SliceThickness = ["71604418", "-12.5", "1"], "71604418", "5"
    d.ImageType, d.BodyPartExamined, d.StationName = ["ORIGINAL", "PRIMARY", "GHISLAINE", "AXIAL"], "OULEVAY", "KERLANNCT1"
    d.ProtocolName, d.FilterType, d.ContrastBolusAgent = "Abdo Mme Oulevay 5mm B30f", "Océane", "Iomeron 350 Mme Oulevay"
    d.SeriesDescription = "TAP 5mm B30f OULEVAY G 71604418 Kerlann"
    d.StudyDescription = "TDM TAP Mme VANDERMEERSCH-OULEVAY DDN 23/08/1957 Dr TCHEKEMIAN"
    d.ImageComments = "Coupe 5 mm\r\nOULEVAY G.\r\nreconstruction B30f"
    for tag, vr, value in (((0x0008, 0x0055), "AE", "OULEVAYAE"), ((0x0008, 0x1190), "UR", "http://kerlann/71604418"), ((0x0010, 0x2160), "SH", "Bretonne Ghislaine"),
                           ((0x0010, 0x2180), "SH", "Notaire à Sarzeau"), ((0x0008, 0x0119), "UC", "71604418-long"), ((0x0008, 0x0120), "UR", "urn:oid:1.2.71604418"),
                           ((0x0040, 0x1400), "LT", "Appeler le 02 97 41 55 08 après TDM")):
        d.add_new(tag, vr, value)
    d.IconImageSequence = [item(Rows=8, Columns=8, BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2",
                                PixelData=words.ljust(64, b"\0"))]
    w.save("carriers", d)
    d = w.base(CT, "CT")
    unknown = [((2, number), "UN", b"OULEVAY ") for number in (0x33, 0x35, 0x36, 0x42)]
    w.save("meta", d, [((2, 0x13), "SH", "OULEVAY"), ((2, 0x16), "AE", "KERLANN_PACS"), ((2, 0x17), "AE", "GHISLAINE"), ((2, 0x18), "AE", "OULEVAY"), ((2, 0x26), "UR", "dicom://kerlann/oulevay"),
                       ((2, 0x28), "UR", "dicom://kerlann/oulevay"), ((2, 0x31), "OB", b"GHISLAINE "), ((2, 0x32), "UI", "1.2.3.71604418"), ((2, 0x100), "UI", "1.2.3.71604418"),
                       ((2, 0x102), "OB", b"Ghislaine Oulevay ")] + unknown, b"II*\0Ghislaine OULEVAY 23/08/1957".ljust(128, b"\0"))


def documents(w):
    cda = "<?xml version='1.0' encoding='%s'?><ClinicalDocument><name>%s</name></ClinicalDocument>"
    part = bytes(80) + struct.pack("<I", 1) + struct.pack("<12fH", *([0.0] * 12), 0)
    cases = {
        "released-cda": ("2", "text/XML", (cda % ("utf-8", "Compte rendu &#224; lire")).encode()),
        "quarantined-cda": ("2", "text/XML", (cda % ("utf-8", "Ghislaine")).encode()),
        "quarantined-cda-wide": ("2", "text/XML", (cda % ("utf-16", "Oulevay")).encode("utf-16")),
        "quarantined-cda-references": ("2", "text/XML", (cda % ("utf-8", "".join("&#x%x;" % ord(c) for c in "Vandermeersch"))).encode()),
        "quarantined-cda-markup": ("2", "text/XML", (cda % ("utf-8", "Oul<b>evay</b>")).encode()),
        "quarantined-cda-named": ("2", "text/XML", (cda % ("utf-8", "Tch&eacute;k&eacute;mian")).encode()),
        "review-cda-entities": ("2", "text/XML", b"<!DOCTYPE a [<!ENTITY x 'Oul'>]><a>&x;evay</a>"),
        "review-cda-base64": ("2", "text/XML", b'<text mediaType="application/pdf" representation="B64">JVBERi0xLjQK</text>'),
        "review-cda-encoding": ("2", "text/XML", (cda % ("shift_jis", "x")).encode()),
        "review-cda-cyrillic": ("2", "text/XML", (cda % ("windows-1251", "\u0413\u0438\u0441\u043b\u0435\u043d")).encode("cp1251")),
        "review-cda-slavic": ("2", "text/XML", (cda % ("iso-8859-2", "\u0141\u00f3d\u017a")).encode("iso8859-2")),
        "review-cda-undeclared": ("2", "text/XML", "<a>\u041c\u0430\u0440\u0444\u0430</a>".encode("cp1251")),
        "review-cda-late": ("2", "text/XML", b"<?xml version='1.0'" + b" " * 300 + b"encoding='utf-7'?><a>x</a>"),
        "released-cda-latin": ("2", "text/XML", (cda % ("ISO-8859-1", "Compte rendu \u00e0 lire")).encode("latin-1")),
        "quarantined-cda-windows": ("2", "text/XML", (cda % ("windows-1252", "Compte rendu, Tch\u00e9k\u00e9mian")).encode("cp1252")),
        "quarantined-cda-spaces": ("2", "text/XML", (cda % ("utf-8", "x&nbsp;Tch&eacute;k&eacute;mian&nbsp;x")).encode()),
        "review-archive": ("2", "application/zip", b"PK\3\4" + bytes(60)),
        "review-rtf": ("2", "text/rtf", b"{\\rtf1 Oul\\'65vay}"),
        "released-stl": ("3", "model/stl", part),
        "quarantined-stl": ("3", "model/stl", b"solid oulevay ghislaine".ljust(80) + part[80:]),
        "released-obj": ("4", "model/obj", b"# part\nv 0 0 0\n"),
        "quarantined-obj": ("4", "model/obj", "# Tchékémian\nv 0 0 0\n".encode()),
        "quarantined-mtl": ("5", "model/mtl", b"newmtl skin\nmap_Kd C:/Users/tchekemian/x.png\n"),
    }
    for name, (kind, mime, payload) in cases.items():
        d = w.base("1.2.840.10008.5.1.4.1.1.104." + kind, "DOC", False)
        d.DocumentTitle, d.MIMETypeOfEncapsulatedDocument, d.BurnedInAnnotation, d.ConversionType = "Modele Ghislaine OULEVAY prostate", mime, "YES", "WSD"
        d.ConceptNameCodeSequence = [code("18748-4", "LN", "Compte rendu Mme Oulevay")]
        d.EncapsulatedDocument = payload + bytes(len(payload) % 2)
        w.save(name, d)


def fold(text):
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()


def leaks(data):
    readings = [data.lower()] + [fold(data.decode(encoding, "ignore")).encode() for encoding in ("utf-8", "latin-1")]
    for secret in SECRETS:
        for form in (fold(secret).encode(), fold(secret).encode("utf-16-le"), fold(secret).encode("utf-16-be")):
            if any(form in reading for reading in readings):
                yield secret


def check(folder, manifest, profile):
    wrong = []

    def expect(what, found, wanted):
        if found != wanted:
            wrong.append("%s: found %r, wanted %r" % (what, found, wanted))

    with open(manifest, encoding="utf-8") as lines:
        entries = {entry["source"]: entry for entry in map(json.loads, lines)}
    for source, entry in entries.items():
        outcome = source.split("-")[0] if "-" in source else "released"
        if entry["outcome"] != outcome:
            wrong.append("%s: %s, because of %s" % (source, entry["outcome"], entry["reason"]))
        if entry["output"]:
            with open(os.path.join(folder, entry["output"]), "rb") as f:
                wrong += ["%s: %s is left" % (source, secret) for secret in leaks(f.read())]

    def output(name):
        return dcmread(os.path.join(folder, entries[name + ".dcm"]["output"]))

    report = output("report")
    expect("a report keeps its shape", len(report.ContentSequence), len(TEXTS) + 12)
    if profile == "challenge":
        expect("what names a product within a report", [word in report.ContentSequence[-1].ManufacturerModelName for word in ("Marion", "Kerjean")], [False, False])
    if profile != "basic":
        for part, (before, after) in zip(report.ContentSequence[1:], TEXTS):
            if after is not None:
                expect(before, part.TextValue, after)
        for filler in (FILLER.strip(" ."), "PI-RADS 3"):
            expect("a text of 100 kB keeps its findings", report.ContentSequence[0].TextValue.count(filler), LONG.count(filler))
        rest = report.ContentSequence[len(TEXTS) + 1:]
        expect("an observer's organization, a subject's ID", [rest[4].TextValue, rest[5].TextValue], ["ANONYMIZED", "ANONYMIZED"])
        expect("what such items told goes from other texts", rest[9].TextValue.replace(", confiée", ""), "fiche, foie normal")
        expect("the mark-up of a document's title", output("released-stl").ConceptNameCodeSequence[0].CodeMeaning, "Compte rendu")
        for part, (before, after) in zip(output("structures").StructureSetROISequence, ROIS):
            if after is not None:
                expect(before, part.ROIName, after)
        expect("a label of a segment", [s.SegmentLabel for s in output("segments").SegmentSequence], ["Prostate", "Lésion", "zone", "Lésion"])
        d = output("carriers")
        expect("a description", d.StudyDescription, "TDM TAP")
        expect("a description", d.SeriesDescription, "TAP 5mm B30f")
        expect("a comment of several lines", d.ImageComments, "Coupe 5 mm\r\nreconstruction B30f")
    expect("a birth date in a report", report.ContentSequence[len(TEXTS) + 2].Date, "19000101")
    expect("a position keeps its three numbers", list(output("carriers").ImagePositionPatient), [0, -12.5, 1])
    expect("a contour keeps its numbers", list(output("structures").ROIContourSequence[0].ContourSequence[0].ContourData), [1, 2.5, 0])
    expect("places of Image Type", list(output("carriers").ImageType), ["ORIGINAL", "PRIMARY", "OTHER", "AXIAL"])
    expect("the kind of a document", output("released-obj").MIMETypeOfEncapsulatedDocument, "model/obj")
    if profile == "research":
        study, at_birth = output("report").StudyDate, report.ContentSequence[len(TEXTS) + 3].Date
        expect("the day of the study in a report", at_birth, study)
        d = output("overlay_R")
        expect("the label of a region", [d[0x6000, 0x22].value, d[0x601E, 0x1500].value], ["ROI prostate", "Lésion T2"])
        d = output("private")
        for number in (0x10, 0x5A, 0xFF):
            expect("b-value and direction of block %02x" % number, [d[0x19, number << 8 | 0x0C].value, list(d[0x19, number << 8 | 0x0E].value)], [800, [0.1, 0.2, 0.3]])
        inner = d.ReferencedImageSequence[0]
        expect("nested b-values", [inner[0x19, 0xFF0C].value, inner.ReferencedImageSequence[0][0x19, 0x220C].value], [1000, 50])
    else:
        expect("private elements", [e.tag for d in map(output, ("private", "creator")) for e in d if e.tag.is_private], [])
    for line in wrong:
        print("FAILED:", profile, line)
    return bool(wrong)


def main():
    if sys.argv[1] == "make":
        w = Writer(sys.argv[2])
        for part in (planes_and_curves, reports, regions, private_data, carriers, documents):
            part(w)
        return 0
    return check(*sys.argv[2:5])


sys.exit(main())
