"""Makes a DICOM slide with planted identifiers, and checks what became of it. Usage: slides_dicom.py make FOLDER ANSWERS | check IN OUT MANIFEST"""
import json
import os
import random
import sys

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

WSI = "1.2.840.10008.5.1.4.1.1.77.1.6"
SECRETS = {"PatientName": "Quillfeather^Ottoline", "PatientID": "MRN-7741902", "AccessionNumber": "S23-88123", "container": "SLIDE-S23-88123-A1",
           "specimen": "SPEC-S23-88123-A", "issuer": "Hospital Marrowfen", "step": "Technician Brackwater", "label": "Quillfeather O. 1951",
           "barcode": "BC-55120-7788", "serial": "SS-449120", "operator": "Pendergast^Ilse", "title": "Quillfeather skin excision"}


def code(value, scheme, meaning):
    d = Dataset()
    d.CodeValue, d.CodingSchemeDesignator, d.CodeMeaning = value, scheme, meaning
    return d


def specimen():
    d = Dataset()
    d.SpecimenIdentifier = SECRETS["specimen"]
    d.SpecimenUID = generate_uid(entropy_srcs=["specimen"])
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = SECRETS["issuer"]
    d.IssuerOfTheSpecimenIdentifierSequence = Sequence([issuer])
    d.SpecimenShortDescription = SECRETS["title"]
    d.SpecimenDetailedDescription = "taken by " + SECRETS["step"]
    step = Dataset()
    item = Dataset()
    item.ValueType = "TEXT"
    item.ConceptNameCodeSequence = Sequence([code("121041", "DCM", "Specimen Identifier")])
    item.TextValue = SECRETS["specimen"]
    step.SpecimenPreparationStepContentItemSequence = Sequence([item])
    d.SpecimenPreparationSequence = Sequence([step])
    return d


def instance(folder, name, kind, level, frames, first, total, concatenation=None, part=None):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = WSI, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[name])
    d = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    d.is_little_endian, d.is_implicit_VR = True, False
    d.SOPClassUID, d.SOPInstanceUID = WSI, meta.MediaStorageSOPInstanceUID
    d.StudyInstanceUID, d.SeriesInstanceUID = generate_uid(entropy_srcs=["st"]), generate_uid(entropy_srcs=["se"])
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = generate_uid(entropy_srcs=["fr"]), "SLIDE_CORNER"
    d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = SECRETS["PatientName"], SECRETS["PatientID"], "19510312", "F"
    d.AccessionNumber, d.StudyID, d.StudyDate, d.StudyTime = SECRETS["AccessionNumber"], "ST1", "20230414", "101112"
    d.StudyDescription = SECRETS["title"]
    d.Modality, d.SeriesNumber, d.InstanceNumber = "SM", 1, level + 1
    d.ContentDate, d.ContentTime, d.AcquisitionDateTime = "20230414", "101112", "20230414101112"
    d.Manufacturer, d.ManufacturerModelName, d.DeviceSerialNumber, d.SoftwareVersions = "Invented", "Scan1", SECRETS["serial"], "1.0"
    d.OperatorsName, d.ReferringPhysicianName = SECRETS["operator"], SECRETS["operator"]
    d.ImageType = ["ORIGINAL" if level == 0 else "DERIVED", "PRIMARY", kind, "NONE" if level == 0 else "RESAMPLED"]
    d.ContainerIdentifier = SECRETS["container"]
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = SECRETS["issuer"]
    d.IssuerOfTheContainerIdentifierSequence = Sequence([issuer])
    d.ContainerTypeCodeSequence = Sequence([code("433466003", "SCT", "Microscope slide")])
    d.SpecimenDescriptionSequence = Sequence([specimen()])
    d.AcquisitionContextSequence = Sequence([])
    d.BurnedInAnnotation, d.SpecimenLabelInImage = ("YES", "YES") if kind in ("LABEL", "OVERVIEW") else ("NO", "NO")
    if kind == "LABEL":
        d.LabelText, d.BarcodeValue = SECRETS["label"], SECRETS["barcode"]
    d.VolumetricProperties, d.FocusMethod, d.ExtendedDepthOfField = "VOLUME", "AUTO", "NO"
    d.LossyImageCompression, d.PresentationLUTShape = "00", "IDENTITY"
    d.Rows = d.Columns = 32
    d.TotalPixelMatrixRows = d.TotalPixelMatrixColumns = total
    d.TotalPixelMatrixFocalPlanes, d.DimensionOrganizationType = 1, "TILED_FULL"
    d.ImagedVolumeWidth = d.ImagedVolumeHeight = 0.5
    d.ImagedVolumeDepth = 0.001
    d.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = 20.0, 40.0
    d.TotalPixelMatrixOriginSequence = Sequence([origin])
    optical = Dataset()
    optical.OpticalPathIdentifier = "1"
    optical.ObjectiveLensPower = 20.0
    optical.IlluminationTypeCodeSequence = Sequence([code("111744", "DCM", "Brightfield illumination")])
    optical.IlluminationColorCodeSequence = Sequence([code("11744", "DCM", "Full Spectrum")])
    d.OpticalPathSequence = Sequence([optical])
    d.NumberOfOpticalPaths = 1
    measures = Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.0005 * 2 ** level] * 2, 0.001
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    d.SharedFunctionalGroupsSequence = Sequence([shared])
    organisation = Dataset()
    organisation.DimensionOrganizationUID = generate_uid(entropy_srcs=["dim"])
    d.DimensionOrganizationSequence = Sequence([organisation])
    if concatenation:
        d.ConcatenationUID, d.SOPInstanceUIDOfConcatenationSource = concatenation, generate_uid(entropy_srcs=["source"])
        d.InConcatenationNumber, d.InConcatenationTotalNumber, d.ConcatenationFrameOffsetNumber = part, 2, first
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PlanarConfiguration = 3, "RGB", 0
    d.BitsAllocated = d.BitsStored = 8
    d.HighBit, d.PixelRepresentation, d.NumberOfFrames = 7, 0, frames
    d.PixelData = random.Random(name).randbytes(frames * 32 * 32 * 3)
    d.save_as(os.path.join(folder, name), write_like_original=False)


def make(folder, answers):
    os.makedirs(folder)
    both = generate_uid(entropy_srcs=["concatenation"])
    instance(folder, "v0a.dcm", "VOLUME", 0, 10, 0, 128, both, 1)
    instance(folder, "v0b.dcm", "VOLUME", 0, 6, 10, 128, both, 2)
    instance(folder, "v1.dcm", "VOLUME", 1, 4, 0, 64)
    instance(folder, "thumb.dcm", "THUMBNAIL", 2, 1, 0, 32)
    instance(folder, "label.dcm", "LABEL", 0, 1, 0, 32)
    instance(folder, "over.dcm", "OVERVIEW", 0, 1, 0, 32)
    with open(answers, "w", encoding="utf-8") as stream:
        for value in list(SECRETS.values()) + ["Quillfeather", "Ottoline", "Brackwater", "Marrowfen", "Pendergast"]:
            stream.write(json.dumps({"action": "bytes_absent", "value": value}) + "\n")


def check(source, output, manifest):
    rows = {row["source"]: row for row in map(json.loads, open(manifest, encoding="utf-8"))}
    kept = {}
    for name, row in rows.items():
        if name in ("label.dcm", "over.dcm"):
            if row["outcome"] != "dropped":
                sys.exit(f"FAIL: {name} was {row['outcome']}")
            continue
        if row["outcome"] != "released":
            sys.exit(f"FAIL: {name} was {row['outcome']}: {row['reason']}")
        kept[name] = pydicom.dcmread(os.path.join(output, row["output"]))
    if set(kept) != {"v0a.dcm", "v0b.dcm", "v1.dcm", "thumb.dcm"}:
        sys.exit(f"FAIL: released {sorted(kept)}")
    for name, after in kept.items():
        before = pydicom.dcmread(os.path.join(source, name))
        if before.PixelData != after.PixelData:
            sys.exit(f"FAIL: frames of {name} changed")
        for keyword in ("ImageType", "Rows", "TotalPixelMatrixColumns", "NumberOfFrames", "DimensionOrganizationType", "ImageOrientationSlide",
                        "ImagedVolumeWidth", "SpecimenLabelInImage"):
            if before[keyword].value != after[keyword].value:
                sys.exit(f"FAIL: {keyword} of {name} changed")
        if before.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing != \
                after.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing:
            sys.exit(f"FAIL: the scale of {name} changed")
        if after.OpticalPathSequence[0].ObjectiveLensPower != 20.0:
            sys.exit(f"FAIL: the objective of {name} is gone")
        if not after.SpecimenDescriptionSequence or after.SpecimenDescriptionSequence[0].SpecimenUID == before.SpecimenDescriptionSequence[0].SpecimenUID:
            sys.exit(f"FAIL: the specimen of {name}")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"):
        if len({str(d[keyword].value) for d in kept.values()}) != 1:
            sys.exit(f"FAIL: {keyword} no longer joins the instances")
    if len({d.SpecimenDescriptionSequence[0].SpecimenUID for d in kept.values()}) != 1 or len({d.ContainerIdentifier for d in kept.values()}) != 1:
        sys.exit("FAIL: specimen or container no longer join the instances")
    a, b = kept["v0a.dcm"], kept["v0b.dcm"]
    if a.ConcatenationUID != b.ConcatenationUID or (a.InConcatenationNumber, b.InConcatenationNumber) != (1, 2) or b.ConcatenationFrameOffsetNumber != 10:
        sys.exit("FAIL: the concatenation is broken")
    print(len(kept), "instances of one slide")


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
