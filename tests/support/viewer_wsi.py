"""Makes a whole-slide image as DICOM: viewer_wsi.py FOLDER. Two levels of 1,024 x 768 and 512 x 384 pixels in tiles of 256 (TILED_FULL, not compressed), 0.5 um a pixel.
Level 0: the tile of column c and row r is all (40 + 50 c, 60 + 60 r, 150), but for a square of 32 pixels of pure blue at (608, 352). The coarse level is level 0 at half the size."""
import os
import sys

import numpy
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

WSI = "1.2.840.10008.5.1.4.1.1.77.1.6"
WIDTH, HEIGHT, TILE = 1024, 768, 256
STUDY, SERIES, FRAME = (generate_uid(entropy_srcs=["viewer wsi", what]) for what in ("study", "series", "frame"))


def pixels():
    image = numpy.zeros((HEIGHT, WIDTH, 3), numpy.uint8)
    for r in range(HEIGHT // TILE):
        for c in range(WIDTH // TILE):
            image[r * TILE:(r + 1) * TILE, c * TILE:(c + 1) * TILE] = (40 + 50 * c, 60 + 60 * r, 150)
    image[352:384, 608:640] = (0, 0, 255)
    return image


def tiles(image):
    rows, columns = -(-image.shape[0] // TILE), -(-image.shape[1] // TILE)
    padded = numpy.full((rows * TILE, columns * TILE, 3), 255, numpy.uint8)
    padded[:image.shape[0], :image.shape[1]] = image
    return [padded[r * TILE:(r + 1) * TILE, c * TILE:(c + 1) * TILE] for r in range(rows) for c in range(columns)]


def write(folder, number, image, um):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = WSI
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["viewer wsi", str(number)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = os.path.join(folder, f"level{number}.dcm")
    d = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = True, False
    d.SOPClassUID, d.SOPInstanceUID = WSI, meta.MediaStorageSOPInstanceUID
    d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "Invented^Wsi", "WSI-1", "19500101", "F"
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = STUDY, SERIES, FRAME
    d.StudyDate = d.ContentDate = "20240301"
    d.StudyTime = d.ContentTime = "101500"
    d.StudyID, d.AccessionNumber, d.ReferringPhysicianName = "", "", ""
    d.Modality, d.SeriesNumber, d.InstanceNumber = "SM", 1, number + 1
    d.Manufacturer, d.ManufacturerModelName, d.DeviceSerialNumber, d.SoftwareVersions = "Lethe", "Phantom", "1", "1"
    d.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"] if number == 0 else ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    frames = tiles(image)
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PlanarConfiguration = 3, "RGB", 0
    d.Rows = d.Columns = TILE
    d.NumberOfFrames = len(frames)
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 8, 8, 7, 0
    d.BurnedInAnnotation, d.LossyImageCompression, d.SpecimenLabelInImage = "NO", "00", "NO"
    d.VolumetricProperties, d.PositionReferenceIndicator = "VOLUME", "SLIDE_CORNER"
    d.ImagedVolumeWidth, d.ImagedVolumeHeight, d.ImagedVolumeDepth = image.shape[1] * um / 1000, image.shape[0] * um / 1000, 0.001
    d.TotalPixelMatrixColumns, d.TotalPixelMatrixRows, d.TotalPixelMatrixFocalPlanes = image.shape[1], image.shape[0], 1
    d.NumberOfOpticalPaths = 1
    d.FocusMethod, d.ExtendedDepthOfField, d.AcquisitionDateTime = "AUTO", "NO", "20240301101500"
    d.DimensionOrganizationType = "TILED_FULL"
    d.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = 10, 20
    d.TotalPixelMatrixOriginSequence = Sequence([origin])
    measures, shared, optical = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [um / 1000, um / 1000], 0.001
    shared.PixelMeasuresSequence = Sequence([measures])
    d.SharedFunctionalGroupsSequence = Sequence([shared])
    optical.OpticalPathIdentifier = "1"
    d.OpticalPathSequence = Sequence([optical])
    d.PixelData = b"".join(t.tobytes() for t in frames)
    d.save_as(path, write_like_original=False)


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
full = pixels()
half = full.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3)).astype(numpy.uint8)
write(folder, 0, full, 0.5)
write(folder, 1, half, 1.0)
