"""The seven face regions of the course report 000 and their attributes; without Paddle, for quick figures."""

import numpy as np

from data_tools.drawing.attributes import ATTRIBUTES

REGIONS = {  # region -> its attributes, in the order of the heads
    "whole_face": ("Attractive", "Blurry", "Chubby", "Heavy_Makeup", "Male", "Oval_Face", "Pale_Skin", "Smiling",
                   "Young"),
    "hair": ("Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Receding_Hairline",
             "Straight_Hair", "Wavy_Hair", "Wearing_Hat"),
    "eyes": ("Arched_Eyebrows", "Bags_Under_Eyes", "Bushy_Eyebrows", "Eyeglasses", "Narrow_Eyes"),
    "nose": ("Big_Nose", "Pointy_Nose"),
    "lips_and_chin": ("5_o_Clock_Shadow", "Big_Lips", "Double_Chin", "Goatee", "Mouth_Slightly_Open", "Mustache",
                      "No_Beard", "Sideburns", "Wearing_Lipstick"),
    "cheeks_and_ears": ("High_Cheekbones", "Rosy_Cheeks", "Wearing_Earrings"),
    "neck": ("Wearing_Necklace", "Wearing_Necktie"),
}
HEAD_ORDER = tuple(attribute for attributes in REGIONS.values() for attribute in attributes)  # NEW_ATTRIBUTES
HEAD_TO_LABEL = np.array([HEAD_ORDER.index(attribute) for attribute in ATTRIBUTES])
LABEL_TO_HEAD = np.array([ATTRIBUTES.index(attribute) for attribute in HEAD_ORDER])  # the report's MAPPING
