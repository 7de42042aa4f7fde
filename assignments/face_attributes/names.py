"""Names of attributes and regions for figures, tables and pictures, in both languages."""

from pathlib import Path

from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.language import show

REGION_NAMES = {  # in the order of the heads
    "whole_face": ("Whole face", "整体面部"), "hair": ("Hair", "头发"),
    "eyes": ("Eyes", "眼部"), "nose": ("Nose", "鼻部"),
    "lips_and_chin": ("Lips and chin", "嘴唇与下巴"), "cheeks_and_ears": ("Cheeks and ears", "脸颊与耳部"),
    "neck": ("Neck", "颈部"),
}
CHINESE_NAMES = {
    "Attractive": "有魅力", "Blurry": "图像模糊", "Chubby": "圆胖", "Heavy_Makeup": "浓妆", "Male": "男性",
    "Oval_Face": "鹅蛋脸", "Pale_Skin": "肤色苍白", "Smiling": "微笑", "Young": "年轻", "Bald": "秃顶", "Bangs": "刘海",
    "Black_Hair": "黑发", "Blond_Hair": "金发", "Brown_Hair": "棕发", "Gray_Hair": "灰白发",
    "Receding_Hairline": "发际线后移",
    "Straight_Hair": "直发", "Wavy_Hair": "卷发", "Wearing_Hat": "戴帽子", "Arched_Eyebrows": "弯眉",
    "Bags_Under_Eyes": "眼袋", "Bushy_Eyebrows": "浓眉", "Eyeglasses": "眼镜", "Narrow_Eyes": "细长眼",
    "Big_Nose": "大鼻子",
    "Pointy_Nose": "尖鼻子", "5_o_Clock_Shadow": "胡茬", "Big_Lips": "厚嘴唇", "Double_Chin": "双下巴",
    "Goatee": "山羊胡",
    "Mouth_Slightly_Open": "嘴微张", "Mustache": "小胡子", "No_Beard": "无胡须", "Sideburns": "鬓角",
    "Wearing_Lipstick": "涂口红", "High_Cheekbones": "高颧骨", "Rosy_Cheeks": "红润脸颊", "Wearing_Earrings": "戴耳环",
    "Wearing_Necklace": "戴项链", "Wearing_Necktie": "戴领带",
}


def label_names(language: str) -> tuple[tuple[str, ...], Path | None]:
    """The names of all attributes, in their order, as they are written into pictures, and the font for them: None for
    one with Latin letters. Where no font has Chinese, it is said and the names are English."""
    from reports.figures.fonts import find_cjk_font

    font = find_cjk_font() if language == "zh" else None
    if language == "zh" and font is None:
        show("notice: no Chinese font found, names are in English; install one (on Debian or Ubuntu: apt install "
             "fonts-wqy-microhei) or name its file in KIT_CJK_FONT")
    return tuple(CHINESE_NAMES[name] if font else name for name in ATTRIBUTES), font


def attribute_name(attribute: str, chinese: bool = False) -> str:
    """"Wearing_Hat" as "Wearing hat" or 戴帽子."""
    return CHINESE_NAMES[attribute] if chinese else attribute.replace("_o_", " o'").replace("_", " ").capitalize()


def region_name(region: str, chinese: bool = False) -> str:
    """"lips_and_chin" as "Lips and chin" or 嘴唇与下巴."""
    return REGION_NAMES[region][chinese]

