"""Weights: read without unpickling, converted by name.

files.py                                safetensors, and the checksum of a set of weights
torch_weights.py, pdparams.py           what PyTorch and Paddle write; pickle_reader.py reads the pickle inside
convert.py                              `weights FILE --model NAME`; efficientformer_v2_weights.py,
                                        efficientnet_lite_weights.py and super_resolution_weights.py know the names
                                        of others
zoo.py                                  networks by name with given weights
perceptual.py                           MobileNetV2's features as a content loss
"""
