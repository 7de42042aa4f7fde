"""Networks, one file each: paper and differences first, then tables, then modules bottom-up.

resnet.py, mobilenet_v2.py     classifiers, efficientnet_lite.py too; paddleclas_zoo.py: any backbone of PaddleClas
efficientformer_v2.py          the backbone of the faces; face_attributes.py puts seven heads on it (face_regions.py)
swift_srgan.py                 generator and discriminator; srgan.py, esrgan.py: the two it is measured against
glasses_cnn.py, mlp.py         small networks
lpips.py                       a perceptual distance
parts.py                       head and backbone of any classifier
description.py                 what must be known of a network to use it; catalogue.py: all networks by name
"""
