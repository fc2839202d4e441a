"""`SSGAN` as a Keras model: saving, `evaluate`, `fit`, `compile`, callbacks; and what it refuses, in which words."""

import copy
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan import terms
from ssgan.errors import UsageError
from ssgan.gan import SSGAN
from ssgan.inputs import _hidden
from ssgan.models import Discriminator, Generator, architectures
from tests.test_golden import tiny

ROWS, SHAPE, CLASSES = 12, (16, 16, 1), 3
IMAGES = np.random.RandomState(0).randint(0, 256, (ROWS, *SHAPE)).astype(np.uint8)
LABELS = np.arange(ROWS) % CLASSES
MASK = np.arange(ROWS) < 6
HIDDEN = np.where(MASK, LABELS, -1)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setitem(architectures.ARCHITECTURES, "small", tiny)


def untrained() -> SSGAN:
    keras.utils.set_random_seed(3)
    return SSGAN(Discriminator(CLASSES), Generator(SHAPE, width=1, latent_dim=4))


def make_gan(d_rate=0.1, g_rate=0.2, **options) -> SSGAN:
    """A compiled model whose steps are not traced, which is quicker for the few that a test takes."""
    gan = untrained()
    options = {"generated_batch": 4, "run_eagerly": True, **options}
    gan.compile(keras.optimizers.SGD(d_rate), keras.optimizers.SGD(g_rate), **options)
    return gan


def weights(gan):
    return [variable.numpy() for variable in gan.weights if "seed" not in variable.path]


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def fitted(*data, **options):
    gan = make_gan()
    gan.fit(*data, batch_size=ROWS, shuffle=False, verbose=0, **options)
    return weights(gan)


# Saving


def test_a_gan_that_is_not_compiled_is_saved_and_loaded(tmp_path):
    path = tmp_path / "gan.keras"
    make_gan().save(path)
    gan = keras.models.load_model(path, compile=False)
    for name in (path, tmp_path / "never_compiled.keras"):
        gan.save(name)
        loaded = keras.models.load_model(name)
        assert not loaded.compiled
        assert_equal(weights(loaded), weights(gan))
        gan = untrained()
    assert_equal(weights(copy.deepcopy(gan)), weights(gan))


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_save_that_fails_leaves_the_file_as_it_was(as_path, tmp_path, monkeypatch):
    gan, path = make_gan(), tmp_path / "gan.keras"
    gan.save(as_path(path))
    before = path.read_bytes()

    def fail():
        raise AttributeError("on purpose")

    monkeypatch.setattr(gan, "get_config", fail)
    with pytest.raises(AttributeError, match="on purpose"):
        gan.save(as_path(path))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_how_keras_runs_it_survives_saving(tmp_path):
    make_gan(run_eagerly=True, steps_per_execution=2).save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.run_eagerly and loaded.steps_per_execution == 2 and not loaded.jit_compile


def test_the_optimizer_that_callbacks_find_is_not_saved_again(tmp_path):
    gan, path = make_gan(), tmp_path / "gan.keras"
    assert gan.optimizer is gan.d_optimizer
    gan.save(path)
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as content, h5py.File(content) as saved:
        assert {"d_optimizer", "g_optimizer"} <= set(saved) and "optimizer" not in saved
    loaded = keras.models.load_model(path)
    assert loaded.optimizer is loaded.d_optimizer


# Labels and masks


@pytest.mark.parametrize("form", [lambda y: y[:, None], lambda y: y.astype(float), lambda y: y.astype(np.uint8)])
@pytest.mark.parametrize("eagerly", [True, False])
def test_evaluate_takes_a_label_per_image_in_any_form(form, eagerly):
    gan = make_gan(run_eagerly=eagerly)
    gan.initialize_from_data(IMAGES)
    labels = form(gan.predict(IMAGES, verbose=0).argmax(axis=-1))
    assert len(set(labels.ravel())) > 1  # else all labels beside all predictions would show no error, either
    for data in ((IMAGES, labels), (tf.data.Dataset.from_tensors((IMAGES, labels)),)):
        assert gan.evaluate(*data, verbose=0, return_dict=True)["error"] == 0


def test_evaluate_weighs_the_images_as_it_is_told_to():
    gan = make_gan()
    wrong = gan.predict(IMAGES, verbose=0).argmax(axis=-1) != LABELS
    masked = gan.evaluate(tf.data.Dataset.from_tensors((IMAGES, HIDDEN, MASK)), verbose=0, return_dict=True)
    assert masked["error"] == pytest.approx(wrong[MASK].mean())
    weighted = np.arange(ROWS) / 10.0
    found = gan.evaluate(IMAGES, LABELS, sample_weight=weighted, verbose=0, return_dict=True)
    assert found["error"] == pytest.approx(np.average(wrong, weights=weighted))


BAD_LABELS = [
    (keras.utils.to_categorical(LABELS), r"labels have the shape \(.*, 3\); .* labels.argmax\(axis=-1\)"),
    (LABELS + 1, r"labels hold 3; expected whole numbers from 0 to 2: labels - 1 where they begin at 1"),
    (LABELS - 5, "labels hold -[345]; expected whole numbers from 0 to 2"),
    (LABELS + 0.5, r"labels hold \d\.5; expected whole numbers from 0 to 2"),
    (np.where(LABELS == 0, np.nan, 1.0), "labels hold nan; expected whole numbers from 0 to 2"),
]


@pytest.mark.parametrize(("labels", "message"), BAD_LABELS)
@pytest.mark.parametrize("eagerly", [True, False])
def test_labels_that_are_no_class_numbers_are_refused_in_one_line(labels, message, eagerly):
    gan = make_gan(run_eagerly=eagerly)
    before = weights(gan)
    calls = [
        lambda: gan.evaluate(IMAGES[:3], labels[:3], verbose=0),
        lambda: gan.evaluate(tf.data.Dataset.from_tensors((IMAGES, labels)), verbose=0),
        lambda: gan.fit(IMAGES, labels, batch_size=ROWS, verbose=0),
        lambda: gan.fit(IMAGES, labels, sample_weight=np.ones(ROWS), verbose=0),
    ]
    for call in calls if eagerly else calls[:1]:
        with pytest.raises(UsageError, match=message) as raised:
            call()
        assert "\n" not in str(raised.value)
    assert_equal(weights(gan), before)


def test_a_traced_step_learns_nothing_from_them():
    gan = make_gan(run_eagerly=False)
    before = [variable.numpy() for variable in gan.discriminator.trainable_variables]
    for _ in range(3):
        with pytest.raises(UsageError, match="^labels hold 3; expected whole numbers from 0 to 2: .*"):
            gan.fit(IMAGES, LABELS + 1, batch_size=ROWS, verbose=0)
    assert_equal([variable.numpy() for variable in gan.discriminator.trainable_variables], before)


def test_evaluate_asks_for_the_label_of_every_image():
    with pytest.raises(UsageError, match="labels to evaluate hold -1, a hidden label: leave these"):
        make_gan().evaluate(IMAGES, HIDDEN, verbose=0)


def test_one_hidden_label_alone_makes_no_unlabelled_rows():
    for labels, expected in (([0, 1, -1], [1, 1, 1]), ([0, -1, -1], [0, 1, 1]), ([0, 1, 2], [1, 1, 1])):
        np.testing.assert_array_equal(_hidden(tf.constant(labels)), np.array(expected, bool))


def test_a_label_of_minus_one_is_hidden():
    expected = fitted(IMAGES, LABELS, sample_weight=MASK)
    for labels in (HIDDEN, HIDDEN.astype(np.float32), HIDDEN[:, None]):
        assert_equal(fitted(IMAGES, labels), expected)


@pytest.mark.parametrize("mask", [MASK.astype(int), MASK.astype(float), MASK[:, None]])
def test_a_label_mask_of_zeros_and_ones_is_a_label_mask(mask):
    assert_equal(fitted(IMAGES, LABELS, sample_weight=mask), fitted(IMAGES, LABELS, sample_weight=MASK))


def test_weights_are_no_label_mask():
    gan = make_gan()
    for call, message in (
        (lambda: gan.fit(IMAGES, LABELS, sample_weight=MASK / 2, verbose=0), r"label_mask holds 0\.5; expected"),
        (lambda: gan.fit(IMAGES, LABELS, class_weight={0: 2.0}, verbose=0), "class_weight"),
        (lambda: gan.fit(IMAGES, verbose=0), r"there are no labels; expected \(images, labels, label_mask\)"),
        (lambda: gan.evaluate(IMAGES, verbose=0), "there are no labels; expected"),
        (
            lambda: gan.evaluate(tf.data.Dataset.from_tensors((IMAGES, LABELS.astype(str))), verbose=0),
            "labels are string; expected whole numbers",
        ),
    ):
        with pytest.raises(UsageError, match=message):
            call()


# Images


@pytest.mark.parametrize("shape", [(16, 16, 3), (8, 8, 1), (16, 16)])
def test_images_of_another_shape_are_refused_in_one_line(shape):
    images = np.zeros((ROWS, *shape), np.uint8)
    gan = make_gan()
    for call in (
        lambda: gan.fit(images, LABELS, batch_size=ROWS, verbose=0),
        lambda: gan.evaluate(images, LABELS, verbose=0),
        lambda: gan.predict(images, verbose=0),
        lambda: gan(images),
        lambda: gan.initialize_from_data(images),
    ):
        with pytest.raises(UsageError, match=r"images have the shape .*; expected \(batch, 16, 16, 1\)") as raised:
            call()
        assert "\n" not in str(raised.value)


def test_images_whose_shape_is_known_late_are_looked_at_then():
    only = tf.data.experimental.assert_cardinality(1)

    def batches(shape):
        spec = (tf.TensorSpec(None, tf.uint8), tf.TensorSpec([None], tf.int32))
        batch = (np.zeros((ROWS, *shape), np.uint8), LABELS)
        return tf.data.Dataset.from_generator(lambda: iter([batch]), output_signature=spec).apply(only)

    gan = make_gan(run_eagerly=False)
    gan.evaluate(batches(SHAPE), verbose=0)
    with pytest.raises((UsageError, tf.errors.InvalidArgumentError), match=r"\[12,8,8,1\] is not compatible"):
        gan.evaluate(batches((8, 8, 1)), verbose=0)


def test_images_in_0_to_1_draw_a_warning():
    gan, images = make_gan(), IMAGES / np.float32(255)
    for call in (
        lambda: gan.fit(images, LABELS, batch_size=ROWS, verbose=0),
        lambda: gan.evaluate(images, LABELS, verbose=0),
        lambda: gan.predict(images, verbose=0),
        lambda: gan.initialize_from_data(tf.constant(images)),
    ):
        with pytest.warns(UserWarning, match=r"images are from 0 to 1; expected pixels in 0\.\.255") as warned:
            call()
        assert warned[0].filename == __file__


# Batches


@pytest.mark.parametrize("rows", [ROWS, 4])
def test_alternating_updates_of_a_batch_whose_size_is_known_late(rows):
    gan = make_gan(run_eagerly=False, updates="alternating")
    data = tf.data.Dataset.from_tensor_slices((IMAGES, HIDDEN)).batch(rows)  # (None, ...): the last may have fewer
    if rows == ROWS:
        gan.fit(data, shuffle=False, verbose=0)
        assert int(gan.g_optimizer.iterations) == 1 and all(np.isfinite(w).all() for w in weights(gan))
    else:
        with pytest.raises(UsageError, match="a batch has 4 rows, and generated_batch=4 of them are the generator's"):
            gan.fit(data, shuffle=False, verbose=0)


def test_endless_batches_need_a_length_of_the_epoch():
    gan = make_gan()
    endless = tf.data.Dataset.from_tensors((IMAGES, LABELS, MASK)).repeat()
    with pytest.raises(UsageError, match="the batches have no end; .* steps_per_epoch="):
        gan.fit(endless, verbose=0)
    gan.fit(endless, steps_per_epoch=2, epochs=2, shuffle=False, verbose=0)
    assert int(gan.steps_done) == 4


def test_roles_are_taken_from_whatever_hands_them_over():
    batch = {"labeled": IMAGES[:6], "labels": LABELS[:6], "unlabeled": IMAGES[6:]}
    ends = []
    for train in (
        lambda gan: gan.fit(tf.data.Dataset.from_tensors(batch), shuffle=False, verbose=0),
        lambda gan: gan.train_on_batch(batch),
        lambda gan: gan.fit(((batch,) for _ in range(1)), steps_per_epoch=1, shuffle=False, verbose=0),
    ):
        gan = make_gan()
        train(gan)
        ends.append(weights(gan))
    assert_equal(ends[1], ends[0])
    assert_equal(ends[2], ends[0])


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"labelled": IMAGES, "labels": LABELS}, "a batch holds labelled; expected some of labeled, labels, unlabeled"),
        ({"labeled": IMAGES}, "a batch holds labeled; expected labeled with labels, or unlabeled, or all three"),
        ({"generator": IMAGES}, "a batch holds generator; expected labeled with labels"),
        ({"labeled": IMAGES, "labels": LABELS, "unlabeled": IMAGES[:, :8]}, r"images have the shape \(12, 8, 16, 1\)"),
        ({"labeled": IMAGES, "labels": LABELS + 1}, "labels hold 3; expected whole numbers from 0 to 2"),
    ],
)
def test_batches_of_other_roles_are_refused(batch, message):
    gan = make_gan()
    with pytest.raises(UsageError, match=message):
        gan.train_on_batch(batch)


def test_alternating_updates_need_images_of_the_generators_own():
    with pytest.raises(
        UsageError, match="a batch holds no images for the generator; alternating updates need mixed_batches"
    ):
        make_gan(updates="alternating").train_on_batch({"labeled": IMAGES, "labels": LABELS, "unlabeled": IMAGES})


@pytest.mark.parametrize("eagerly", [True, False])
def test_steps_on_the_labels_alone_need_a_label(eagerly):
    gan = make_gan(unlabeled_start=2, run_eagerly=eagerly)
    with pytest.raises(UsageError, match="a batch shows no label; until unlabeled_start every batch has to show some"):
        gan.fit(IMAGES, np.full(ROWS, -1), verbose=0)
    with pytest.raises(UsageError, match="a batch shows no label"):
        gan.train_on_batch({"unlabeled": IMAGES})


def test_a_step_for_which_no_term_has_images_is_refused():
    gan = make_gan(d_terms=[terms.Adversarial()], gan_every=2)
    gan.train_on_batch(IMAGES, HIDDEN)
    with pytest.raises(UsageError, match="no images for any term of d_loss: adversarial needs real, generated"):
        gan.train_on_batch(IMAGES, HIDDEN)


# Compile


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"updates": "both"}, "updates=both: expected one of alternating, simultaneous"),
        ({"augment": "flip"}, "augment=flip: expected one of photo, natural, color, affine, none"),
        ({"flip": "both"}, "flip=both: expected one of auto, yes, no"),
        ({"flip": "auto"}, "flip=auto: expected yes or no here; ssgan.augment.resolve_flip says which"),
        ({"generated_batch": -3}, "generated_batch=-3: expected 1 to 10000"),
        ({"generated_batch": 2.5}, "generated_batch=2.5: expected int"),
        ({"gan_every": 0}, "gan_every=0: expected 1 to 1000"),
        ({"d_steps": True}, "d_steps=True: expected int"),
        ({"d_terms": terms.Supervised()}, "d_terms=.*: expected a list of terms such as"),
        ({"g_terms": [terms.FeatureMatching, "l1"]}, "g_terms=.*: expected a list of terms such as"),
        (
            {"d_terms": [terms.Supervised(), terms.Supervised(2.0)]},
            "supervised, supervised, .*; expected names that differ",
        ),
        ({"unlabeled_start": 0.3}, "unlabeled_start=0.3: expected a number of steps, an integer from 0 on"),
        ({"unlabeled_start": -1}, "unlabeled_start=-1: expected a number of steps"),
        ({"loss": "mse"}, "loss='mse': SSGAN has its own"),
        ({"metrics": ["accuracy"]}, r"metrics=\['accuracy'\]: SSGAN has its own"),
        ({"optimizer": "adam"}, "optimizer='adam': .* d_optimizer=, g_optimizer=, d_terms="),
        ({"d_optimizer": None}, "d_optimizer=None: .* d_optimizer= and g_optimizer="),
        ({"d_optimizer": keras.optimizers.SGD(use_ema=True)}, "d_optimizer has use_ema=True: SSGAN keeps its own"),
    ],
)
def test_bad_options_are_refused_by_compile(options, message):
    gan = untrained()
    with pytest.raises(UsageError, match=message):
        gan.compile(**{"d_optimizer": "sgd", "g_optimizer": "sgd", **options})
    assert not gan.compiled


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: terms.Adversarial(label_smoothing=7), "Adversarial: label_smoothing=7: expected 0.0 to 0.5"),
        (lambda: terms.Adversarial(-1.0), "Adversarial: weight=-1.0: expected 0.0 to 1000.0"),
        (lambda: terms.FeatureMatching(distance="l7"), "FeatureMatching: distance=l7: expected one of l1, squared"),
        (lambda: terms.PseudoLabels(float("nan")), "PseudoLabels: weight=nan: expected 0.0 to 1000.0"),
        (lambda: terms.PseudoLabels(threshold=95), "PseudoLabels: threshold=95: expected 0.0 to 1.0"),
        (lambda: terms.VirtualAdversarial(float("inf")), "VirtualAdversarial: weight=inf: expected"),
        (lambda: terms.VirtualAdversarial(radius=0.0), "VirtualAdversarial: radius=0.0: expected"),
        (lambda: terms.Supervised("1"), "Supervised: weight='1': expected float"),
    ],
)
def test_bad_arguments_are_refused_by_the_terms(make, message):
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize("ema_decay", [-0.1, 1.5, float("nan")])
def test_a_bad_decay_is_refused(ema_decay):
    with pytest.raises(UsageError, match="ema_decay=.*: expected 0.0 to 0.999999"):
        SSGAN(Discriminator(CLASSES), Generator(SHAPE, width=1, latent_dim=4), ema_decay=ema_decay)


def test_optimizers_by_name_but_one_for_each_network():
    gan = untrained()
    gan.compile("adam", "sgd")
    assert isinstance(gan.d_optimizer, keras.optimizers.Adam) and isinstance(gan.g_optimizer, keras.optimizers.SGD)
    gan.compile("adam", "adam")
    assert gan.d_optimizer is not gan.g_optimizer
    shared = keras.optimizers.Adam()
    with pytest.raises(UsageError, match="d_optimizer and g_optimizer are one; expected one for each network"):
        gan.compile(shared, shared)


# Callbacks


def test_the_callbacks_of_keras_work_in_fit(tmp_path):
    gan = make_gan()
    validation = (IMAGES, LABELS[:, None])
    history = gan.fit(
        tf.data.Dataset.from_tensors((IMAGES, LABELS, MASK)).repeat(2),
        epochs=9,
        shuffle=False,
        verbose=0,
        validation_data=validation,
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch else 0.05),
            keras.callbacks.ReduceLROnPlateau("val_error", mode="min", patience=1, factor=0.5, min_delta=1.0),
            keras.callbacks.EarlyStopping("val_error", mode="min", patience=3, min_delta=1.0),
            keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_error", mode="min", save_best_only=True),
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        ],
    ).history
    assert history["learning_rate"] == pytest.approx([0.05, 0.05, 0.025, 0.0125])
    assert float(gan.d_optimizer.learning_rate) == pytest.approx(0.00625)
    assert set(history) == {*gan.train_metrics, "loss", "val_error", "val_raw_error", "learning_rate"}
    assert (tmp_path / "log.csv").read_text().count("\n") == 5
    best = keras.models.load_model(tmp_path / "best.keras")
    assert best.evaluate(*validation, verbose=0, return_dict=True)["error"] == min(history["val_error"])


def test_the_rate_of_the_generator_follows_that_of_the_discriminator(tmp_path):
    gan = make_gan(d_rate=0.003, g_rate=0.001)
    gan.fit(IMAGES, LABELS, batch_size=ROWS, verbose=0)
    assert float(gan.g_optimizer.learning_rate) == np.float32(0.001)
    gan.optimizer.learning_rate = 0.3
    gan.save(tmp_path / "gan.keras")  # before the generator's next update
    for one in (gan, keras.models.load_model(tmp_path / "gan.keras")):
        one.fit(IMAGES, LABELS, batch_size=ROWS, verbose=0)
        assert float(one.g_optimizer.learning_rate) == pytest.approx(0.1)
        one.optimizer.learning_rate = 0.0
        generator = [v.numpy() for v in one.generator.trainable_variables]
        one.fit(IMAGES, LABELS, batch_size=ROWS, verbose=0)
        assert_equal([v.numpy() for v in one.generator.trainable_variables], generator)


def test_a_schedule_keeps_its_rate():
    gan = untrained()
    falling = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(falling), generated_batch=4, run_eagerly=True)
    gan.optimizer.learning_rate = 0.0
    gan.fit(IMAGES, LABELS, batch_size=ROWS, verbose=0)
    assert float(gan.g_optimizer.learning_rate) == pytest.approx(0.05)


@pytest.mark.parametrize("rates", [(np.inf, 0.1), (0.1, np.inf)])
def test_training_is_stopped_where_a_loss_is_not_a_number(rates):
    gan = make_gan(*rates)
    batches = tf.data.Dataset.from_tensors((IMAGES, LABELS, MASK)).repeat(5)
    history = gan.fit(batches, epochs=3, shuffle=False, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()]).history
    assert len(history["loss"]) == 1 and int(gan.steps_done) < 5


def test_the_loss_is_the_sum_of_both():
    logs = make_gan().fit(IMAGES, LABELS, batch_size=ROWS, verbose=0).history
    assert logs["loss"][0] == pytest.approx(logs["d_loss"][0] + logs["g_loss"][0])


def test_keras_says_itself_that_there_is_no_average_to_swap():
    with pytest.raises(ValueError, match="SwapEMAWeights must be used when"):
        make_gan().fit(IMAGES, LABELS, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)])
