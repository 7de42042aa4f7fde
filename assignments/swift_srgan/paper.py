"""The numbers of the paper's tables, as they stand there but for the slip that their notes name."""

from types import MappingProxyType

# Table I, images per part. 3,669 is the paper's total and right.
TABLE_I = (("train", "800 (DIV2K) + 2650 (Flickr2K)", 3450), ("validation", "100", 100),
           ("test", "100 + 5 (Set5) + 14 (Set14)", 119))
TABLE_I_TOTAL = 3669

# Table II, {(set, model): (PSNR in dB, SSIM)}. The paper's second row "Set5, ESRGAN" is Set14's.
TABLE_II = MappingProxyType({
    ("Set5", "esrgan"): (32.7, 0.9011), ("Set5", "srgan"): (29.40, 0.8501), ("Set5", "swift_srgan"): (25.13, 0.7940),
    ("Set14", "esrgan"): (28.7, 0.7917), ("Set14", "srgan"): (26.02, 0.7397),
    ("Set14", "swift_srgan"): (23.29, 0.7012)})

# Table III, {(input height, model): ms per frame}. Its text names a Tesla K80 for these times; training was on a Tesla
# P100.
TABLE_III = MappingProxyType({
    (270, "srgan"): 812.0, (270, "esrgan"): 974.0, (270, "swift_srgan"): 5.605,
    (540, "srgan"): 1210.0, (540, "esrgan"): 1330.0, (540, "swift_srgan"): 16.18})
PAPER_GPU = "Tesla K80"
FRAMES = MappingProxyType({270: ("270p to 1080p", 480), 540: ("540p to 4K", 960)})  # input height: name, input width

NAMES = MappingProxyType({"swift_srgan": "Swift-SRGAN", "srgan": "SRGAN", "esrgan": "ESRGAN", "bicubic": "bicubic"})

# The authors' weights by the protocol of image_metrics at x4, {set: (Y PSNR, Y SSIM)}: what stands beside the paper's
# table.
PUBLISHED_WEIGHTS = MappingProxyType({"Set5": (30.01, 0.8495), "Set14": (27.37, 0.7442)})
MEASURED_ELSEWHERE = frozenset({"Set14"})  # of these: no copy of it was at hand for the kit
SRGAN_PARAMETERS = 1_549_462  # of its generator at x4: "one-eighth the size" is 1 / 7.7
