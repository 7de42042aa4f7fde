"""Images decoded once.

arrays.py            what a store is, and one made of anybody's own arrays
store.py             images of one size in one uint8 file that is memory mapped; joined.py: several as one
packed_images.py     images of any size, of which pieces are cut
records.py           TFRecord shards read back as a store
record_files.py      a packed folder: its shards and its manifest
record_packing.py    packing in parallel, on from where it was interrupted; pack_worker.py is one of its processes
pack_sizes.py        sets packed at several sizes, and what that brings
tfrecord.py          TFRecord files of tf.train.Example, without TensorFlow
"""
