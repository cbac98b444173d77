"""The coded concepts of the DICOM SEG and SR.

Each code was looked up in the dictionaries that pydicom generates from DICOM PS3.16; a test
compares them. What is not there: LOINC's name for a chest CT; the texture classes, for which the
DICOM standard has no terms: name and values are those of the DICOM version of LIDC-IDRI's
readings (Fedorov et al., Medical Physics 47:5953-5965, 2020, doi:10.1002/mp.14445); RadElement's
pulmonary nodule (RDES195, radelement.org), whose size is the average diameter in mm; and the
private concepts of Nodulus, which the SR identifies as private.
"""

from __future__ import annotations

from pydicom.sr.coding import Code

from nodulus.app.result import (
    CalcificationName,
    CharacteristicName,
    LobeName,
    SideName,
    TextureName,
)

ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")
ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
NODULE = Code("27925004", "SCT", "Nodule")
LUNG = Code("39607008", "SCT", "Lung")
UPPER_LOBE = Code("45653009", "SCT", "Upper lobe of lung")
MIDDLE_LOBE = Code("72481006", "SCT", "Middle lobe of right lung")
LOWER_LOBE = Code("90572001", "SCT", "Lower lobe of lung")
LOBE_CODES: dict[LobeName, Code] = {
    "upper": UPPER_LOBE,
    "middle": MIDDLE_LOBE,
    "lower": LOWER_LOBE,
}
LEFT = Code("7771000", "SCT", "Left")
RIGHT = Code("24028007", "SCT", "Right")
AI_FAMILY = Code("123110", "DCM", "Artificial Intelligence")

VOLUME = Code("118565006", "SCT", "Volume")
LONG_AXIS = Code("103339001", "SCT", "Long axis")
SHORT_AXIS = Code("103340004", "SCT", "Short axis")
ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
MEAN = Code("373098007", "SCT", "Mean")
STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
MINIMUM = Code("255605001", "SCT", "Minimum")
MAXIMUM = Code("56851009", "SCT", "Maximum")
CERTAINTY_OF_FINDING = Code("111012", "DCM", "Certainty of Finding")
PROBABILITY_OF_CANCER = Code("111047", "DCM", "Probability of cancer")

CUBIC_MILLIMETER = Code("mm3", "UCUM", "cubic millimeter")
MILLIMETER = Code("mm", "UCUM", "mm")
HOUNSFIELD_UNIT = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
PERCENT = Code("%", "UCUM", "Percent")

SUMMARY_OF_DETECTIONS = Code("111064", "DCM", "Summary of Detections")
WITHOUT_FINDINGS = Code("111241", "DCM", "All algorithms succeeded; without findings")
OF_INTEREST = Code("113000", "DCM", "Of Interest")
COMMENT = Code("121106", "DCM", "Comment")
YES = Code("373066001", "SCT", "Yes")
NO = Code("373067005", "SCT", "No")
UNDETERMINED = Code("373068000", "SCT", "Undetermined")

CT_CHEST = Code("24627-2", "LN", "CT Chest")

TEXTURE = Code("C41144", "NCIt", "Texture")
TEXTURES: dict[TextureName, Code] = {
    "solid": Code("RID50151", "RADLEX", "solid pulmonary nodule"),
    "part-solid": Code("RID50152", "RADLEX", "part-solid pulmonary nodule"),
    "ground-glass": Code("RID50153", "RADLEX", "non-solid pulmonary nodule"),
}
SOLID_COMPONENT = Code("RID50154", "RADLEX", "Solid component of part-solid pulmonary nodule")
CUBIC_CENTIMETER = Code("cm3", "UCUM", "cubic centimeter")

MEAN_DIAMETER = Code("RDE1302", "RADELEMENT", "Size")
SOLID_MEAN_DIAMETER = Code("RDE1303", "RADELEMENT", "Solid component size")

PRIVATE_SCHEME = "99NODULUS"
PRIVATE_SCHEME_NAME = "Nodulus private codes"
SUSPICIOUS = Code(
    "suspicious", PRIVATE_SCHEME, "Probability of cancer at or over its operating point"
)
SOLID_VOLUME = Code("solid-volume", PRIVATE_SCHEME, "Volume of the solid component")
SOLID_LONG_AXIS = Code("solid-long-axis", PRIVATE_SCHEME, "Long axis of the solid component")

CHARACTERISTICS: dict[CharacteristicName, Code] = {
    "texture": Code("rated-solid", PRIVATE_SCHEME, "Solid, as readers would rate it"),
    "spiculation": Code("rated-spiculated", PRIVATE_SCHEME, "Spiculated, as readers would rate it"),
    "margin": Code("rated-sharp", PRIVATE_SCHEME, "Sharp margin, as readers would rate it"),
    "calcification": Code("rated-calcified", PRIVATE_SCHEME, "Calcified, as readers would rate it"),
}
LOW_ATTENUATION_SHARE = Code(
    "low-attenuation-share", PRIVATE_SCHEME, "Share of the aerated lungs below -950 HU"
)
CALCIFICATION = Code("calcification", PRIVATE_SCHEME, "Calcification by Hounsfield units")
CALCIFICATIONS: dict[CalcificationName, Code] = {
    "none": Code("calcification-none", PRIVATE_SCHEME, "None"),
    "complete": Code("calcification-complete", PRIVATE_SCHEME, "Complete"),
    "central": Code("calcification-central", PRIVATE_SCHEME, "Central"),
    "concentric": Code("calcification-concentric", PRIVATE_SCHEME, "Concentric ring"),
    "other": Code("calcification-other", PRIVATE_SCHEME, "Other pattern"),
}
FAT_SHARE = Code("fat-share", PRIVATE_SCHEME, "Share of the core with the density of fat")
CAVITY_VOLUME = Code("cavity-volume", PRIVATE_SCHEME, "Volume of enclosed air")
PLEURA_DISTANCE = Code("pleura-distance", PRIVATE_SCHEME, "Distance to the surface of the lung")
JUXTAPLEURAL = Code("juxtapleural", PRIVATE_SCHEME, "Touches the surface of the lung")
READER_DECISION = Code("reader-decision", PRIVATE_SCHEME, "Reader's decision on the finding")
CONFIRMED = Code("confirmed", PRIVATE_SCHEME, "Confirmed by the reader")
CHANGED = Code("changed", PRIVATE_SCHEME, "Confirmed by the reader with changes")
ADDED = Code("added", PRIVATE_SCHEME, "Added by the reader")
UNSURE = Code("82334004", "SCT", "Indeterminate")
REJECTED = Code("rejected", PRIVATE_SCHEME, "Rejected by the reader: not a nodule")
REJECTION_REASON = Code("rejection-reason", PRIVATE_SCHEME, "What it is instead of a nodule")
MALIGNANCY_RATING = Code(
    "malignancy-rating", PRIVATE_SCHEME, "Reader's malignancy rating, 1 to 5 (LIDC-IDRI)"
)
FOLLOW_UP_STATE = Code("follow-up-state", PRIVATE_SCHEME, "What became of the nodule")
LARGER = Code("15454001", "SCT", "Increase in size")
SMALLER = Code("19776001", "SCT", "Decrease in size")
NO_PROVEN_CHANGE = Code("no-proven-change", PRIVATE_SCHEME, "No proven change")
NEW = Code("new", PRIVATE_SCHEME, "New: no candidate at its place on the prior scan")
DROPPED_BEFORE = Code(
    "below-threshold-before", PRIVATE_SCHEME, "Below the detection threshold on the prior scan"
)
DROPPED_NOW = Code(
    "below-threshold-now", PRIVATE_SCHEME, "Below the detection threshold on the current scan"
)
NOT_FOUND = Code("not-found", PRIVATE_SCHEME, "Not found on the current scan")
MERGED = Code("merged", PRIVATE_SCHEME, "Its place lies in another finding of the current scan")
AMBIGUOUS_MATCH = Code("ambiguous-match", PRIVATE_SCHEME, "Another match is nearly as good")
VOLUME_CHANGE = Code("volume-change", PRIVATE_SCHEME, "Change of the volume since the prior scan")
MEAN_DIAMETER_CHANGE = Code(
    "mean-diameter-change", PRIVATE_SCHEME, "Change of the mean diameter since the prior scan"
)
DOUBLING_TIME = Code("volume-doubling-time", PRIVATE_SCHEME, "Volume doubling time")
MAY_NOT_GROW = Code(
    "interval-holds-no-growth", PRIVATE_SCHEME, "The doubling time's 95 % interval holds no growth"
)
BASELINE = Code("121079", "DCM", "Baseline")
DAY = Code("d", "UCUM", "day")
NO_UNITS = Code("1", "UCUM", "no units")
VESSEL = Code("59820001", "SCT", "Blood Vessel")
SCAR = Code("12402003", "SCT", "Scar tissue")
LYMPH_NODE = Code("59441001", "SCT", "Lymph Node")
ARTEFACT = Code("111207", "DCM", "Image artifact(s)")
ATELECTASIS = Code("atelectasis", PRIVATE_SCHEME, "Atelectasis")
PLEURA = Code("3120008", "SCT", "Pleura")
INFECTION = Code("infection", PRIVATE_SCHEME, "Infection")
MOTION = Code("motion", PRIVATE_SCHEME, "Motion artefact")
OTHER = Code("other", PRIVATE_SCHEME, "Something else")


def region_code(lobe: LobeName | None) -> Code:
    """Give the code of a lobe of the lung (PS3.16, CID 6170), the lung's where it is not known."""
    return LUNG if lobe is None else LOBE_CODES[lobe]


def laterality_code(side: SideName | None) -> Code | None:
    """Give the code of a side of the patient, None where it is not known."""
    return None if side is None else (LEFT if side == "left" else RIGHT)
