"""Super-resolution with Swift-SRGAN: python assignments/swift_srgan/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help).
"""

import sys

from assignments.common.splits import Splits
from assignments.common.work import Work
from assignments.swift_srgan.settings import SuperResolutionSettings

EXPORTED = (128, 128)  # height and width that an exported generator takes: a tile


class SwiftSRGAN(Work):
    """A generator, alone or against a discriminator; its answers are whole enlarged images, measured one by one."""

    settings, value_range, drawn, labelled = SuperResolutionSettings, (0.0, 1.0), "textures", False
    experiments = (("speed.py", "--quick"),)

    def splits(self, settings):
        from assignments.swift_srgan.image_sets import find_sets
        from data_tools.packed.packed_images import PackedImages, join
        from paddle_models.trainer.progress import say

        sets = find_sets(settings)
        say(f"data: {sets.path} ({sets.origin}); " + "; ".join(
            f"{part} {', '.join(f'{images.name} {len(images)}' for images in getattr(sets, part))}"
            for part in ("training", "validation", "test")))
        for note in sets.notes:
            say(f"  {note}")
        training, validation, test = ([PackedImages.open(images) for images in part]
                                      for part in (sets.training, sets.validation, sets.test))
        chosen_on = ", ".join(images.name for images in sets.validation)
        return Splits(join(training), join(validation), join(test), found=sets,
                      more={images.name: store for images, store in zip(sets.test, test)},
                      chosen_on=chosen_on + ("" if settings.validation_sets else ", held out"))

    def searched(self):
        from functools import partial

        from assignments.common.settings import preset_settings
        from assignments.swift_srgan.image_sets import find_place

        names = dict.fromkeys(each.train_sets[0] for each in preset_settings(self) if not each.data)
        return {f"super-resolution {name}:": partial(find_place, name) for name in names}

    def network(self, settings, classes):
        from assignments.swift_srgan.generators import build_generator

        return build_generator(settings)

    def task(self, settings, network, classes, training=None):
        from paddle_models.networks.swift_srgan import SwiftDiscriminator
        from paddle_models.tasks.adversarial import LossWeights
        from paddle_models.tasks.super_resolution_task import AdversarialTask, SuperResolutionTask
        from paddle_models.weights.perceptual import MobileNetFeatures

        if not settings.adversarial:
            return SuperResolutionTask(network, settings.pixel_loss)
        weights = LossWeights(settings.pixel_weight, settings.pixel_loss, settings.content_weight,
                              settings.adversarial_weight, settings.adversarial_loss, settings.variation_weight)
        features = MobileNetFeatures(settings.content_weights) if settings.content_weight else None
        return AdversarialTask(network, SwiftDiscriminator(), weights, features, settings.discriminator_rate)

    def batches(self, settings, splits):
        from paddle_models.trainer.crop_data import CropData

        return CropData(splits.training, splits.chooser, settings.crop, settings.scale, batch_size=settings.batch_size,
                        seed=settings.seed, workers=settings.workers, crops_per_image=settings.crops_per_image,
                        largest=settings.largest, skip_small=True, noise=settings.noise)

    def describe(self, settings):
        return f"{settings.model} x{settings.scale}"

    def train(self, settings, run, device, resume):
        from assignments.swift_srgan import artifacts

        splits = self.splits(settings)
        return artifacts.write(run, settings, splits, self.fit(settings, splits, run, device, resume))

    def score(self, predictions):
        """Means over each test set."""
        return {key.replace("/", "_"): float(values.mean()) for key, values in predictions.items()
                if values.dtype.kind == "f"}

    def baseline(self, predictions):
        """The better of two enlargements without a network: Pillow's bicubic, and Paddle's, on which `residual` builds;
        predictions: of the second."""
        scores = self.score(predictions)
        bicubic = {name: name.rpartition("_bicubic_") for name in scores}
        plain = {f"{place}_{kind}": scores[name] for name, (place, found, kind) in bicubic.items() if found}
        return {name: max(value, scores[name]) for name, value in plain.items()}

    def rubric(self, data, usual):
        return "rubric_drawn.yaml" if data == "sample" else super().rubric(data, usual)

    def prepare(self, data):
        from assignments.swift_srgan.image_sets import graded_sets
        from data_tools.packed.packed_images import PackedImages

        for images in graded_sets(self.settings(data=data)).test:
            PackedImages.open(images)

    def ground(self, data):
        from assignments.common import judging
        from assignments.swift_srgan.image_sets import graded_sets
        from assignments.swift_srgan.measuring import METRICS  # imported here once for all whose processes are forked

        sets = graded_sets(self.settings(data=data))
        names = [f"{images.name}_{kind}{name}" for images in sets.test for kind in ("", "bicubic_") for name in METRICS]
        return judging.ground(sets.origin, names, *sets.test)

    def judge(self, run, data):
        from assignments.common import judging
        from assignments.swift_srgan import artifacts, measuring
        from assignments.swift_srgan.image_sets import graded_sets
        from data_tools.errors import BadFile
        from data_tools.packed.packed_images import PackedImages
        from reports.grading.graded_work import Judged

        settings = judging.submitted_settings(run, self, data=data)
        if settings.scale not in {each.scale for each in judging.preset_settings(self)}:
            raise BadFile("bad-file", f"config.yaml: setting scale: {settings.scale} is graded in no preset")
        sets = graded_sets(settings)
        generator = judging.best_network(self, settings, run, "generator")

        def pack(**how):
            return {images.name: PackedImages.open(images, **how) for images in sets.test}

        with judging.packed(pack) as tests:
            predictions = measuring.measured(generator, tests, settings.scale)
            untouched = measuring.measured(measuring.Untouched(settings.scale), tests, settings.scale)
        count = sum(map(len, sets.test))
        return Judged(self.score(predictions), count, sets.origin, predictions, artifacts.drawn_signs(run),
                      self.baseline(untouched))

    def input_shape(self, settings):
        return 3, *EXPORTED

    def released(self, settings):
        return {"model": settings.model, "scale": str(settings.scale), "residual": str(settings.residual).lower(),
                "value_range": "0..1"}


WORK = SwiftSRGAN()
main = WORK.main

if __name__ == "__main__":
    sys.exit(main())
