"""DICOM and NIfTI files made up for the tests."""

import gzip

import numpy as np


def dicom(path, pixels, compress=None, preamble=True, **tags):
    """A DICOM file of pixels ([frames,] H, W[, 3]), with these tags added or (None) taken away."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    pixels = np.asarray(pixels)
    colour = pixels.shape[-1] == 3 and pixels.ndim > 2
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.SamplesPerPixel, data.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        data.PlanarConfiguration = 0
    frames = pixels.shape[: pixels.ndim - 2 - colour]
    if frames:
        data.NumberOfFrames = frames[0]
    data.Rows, data.Columns = pixels.shape[len(frames) : len(frames) + 2]
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    data["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    for name, value in tags.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    if compress is not None:
        data.compress(compress)
    data.save_as(path, enforce_file_format=preamble, **({} if preamble else {"implicit_vr": False, "little_endian": True}))
    return path


def nifti(path, volume, affine=None, **header):
    """A NIfTI volume (X, Y, Z); header fields are set as they are, true or not."""
    import nibabel

    image = nibabel.Nifti1Image(volume, np.eye(4) if affine is None else affine)
    data = bytearray(image.to_bytes())
    if header:
        changed = nibabel.Nifti1Header(bytes(data[:348]), check=False)
        for name, value in header.items():
            changed[name] = value
        data[:348] = changed.binaryblock
    path.write_bytes(gzip.compress(bytes(data)) if path.name.endswith(".gz") else bytes(data))
    return path
