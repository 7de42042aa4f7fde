"""Trained networks at work.

export.py       a network as Paddle Inference and ONNX files with a card, compared with where it came from
folding.py      BatchNorm folded into convolutions
predictor.py    the fastest engine for an exported network; openvino_engine.py: OpenVINO, one of them
int8.py         8 bits; judged.py: which engines in fewer bits keep the accuracy
tiling.py       large pictures in tiles without seams; refining.py: eight views and back-projection
"""
