"""Invent an oblique MR series of five slices in a project's released/ folder, and its catalogue entries. Arguments: the project folder."""
import datetime
import math
import os
import sqlite3
import sys

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

ROWS, COLUMNS, SLICES = 48, 64, 5
a, b = math.radians(20), math.radians(-35)
ROW = np.array([math.cos(a), math.sin(a), 0.0])
COLUMN = np.array([-math.sin(a) * math.cos(b), math.cos(a) * math.cos(b), math.sin(b)])
NORMAL = np.cross(ROW, COLUMN)
ORIGIN = np.array([-30.0, 12.5, 40.25])
ROW_SPACING, COLUMN_SPACING, STEP = 0.9, 0.7, 3.5
MR = "1.2.840.10008.5.1.4.1.1.4"


def value(x, y, z):
    return 10 * x + y + 100 * z - 500


def main(project):
    store = sqlite3.connect(project + "/released/catalogue.db")
    for z in [3, 0, 4, 1, 2]:  # instance numbers do not follow space
        ds = Dataset()
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        ds.SOPClassUID, ds.SOPInstanceUID = MR, "2.25.30%d" % z
        ds.StudyDate = ds.SeriesDate = ds.ContentDate = "20250102"
        ds.StudyTime = ds.ContentTime = "101500"
        ds.AccessionNumber, ds.Modality, ds.Manufacturer, ds.ReferringPhysicianName = "", "MR", "Invented", ""
        ds.PatientName = ds.PatientID = "P-A"
        ds.PatientBirthDate, ds.PatientSex = "", "M"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "2.25.100", "2.25.200", "2.25.400"
        ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", 3, (z * 3) % 5 + 1
        ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions, ds.MRAcquisitionType = "SE", "NONE", "", "2D"
        ds.EchoTime, ds.EchoTrainLength, ds.RepetitionTime = 90, 1, 3000
        ds.ImagePositionPatient = ["%.10g" % v for v in ORIGIN + NORMAL * STEP * z]
        ds.ImageOrientationPatient = ["%.10g" % v for v in (*ROW, *COLUMN)]
        ds.PixelSpacing, ds.SliceThickness = [ROW_SPACING, COLUMN_SPACING], 3
        ds.PositionReferenceIndicator = ""
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = ROWS, COLUMNS, 16, 16, 15, 1
        y, x = np.mgrid[0:ROWS, 0:COLUMNS]
        ds.PixelData = value(x, y, z).astype("<i2").tobytes()
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MR, ds.SOPInstanceUID
        meta.ImplementationClassUID = "2.25.1"
        path = "P-A/2.25.100/2.25.200/%s.dcm" % ds.SOPInstanceUID
        full = os.path.join(project, "released", path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        out = FileDataset(full, ds, file_meta=meta, preamble=b"\0" * 128)
        out.is_little_endian, out.is_implicit_VR = True, False
        out.save_as(full, write_like_original=False)
        store.execute(
            "INSERT INTO entry VALUES(?,'dicom','P-A','2.25.100','2.25.200',?,'MR',?,'t2','prostate','PROSTATE','20250102','Invented','M1','M','060Y','','',3,?,?,?,1,'')",
            (path, ds.SOPInstanceUID, MR, int(ds.InstanceNumber), ROWS, COLUMNS))
    store.commit()


if __name__ == "__main__":
    main(sys.argv[1])
