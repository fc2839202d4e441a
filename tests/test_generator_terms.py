"""The losses of the generator that look at classes and at pairs of images, against numbers by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssgan
from ssgan import terms
from ssgan.errors import UsageError
from ssgan.inputs import Batch
from ssgan.options import Config
from ssgan.options.combinations import OF_GAN
from ssgan.options.flags import parse_flags
from ssgan.training import build
from tests.test_gan import make_batch, make_gan, step
from tests.test_losses import gradient

LOGITS = np.array([[2.0, 0.0, -1.0], [-3.0, 1.0, 0.5], [0.0, 0.0, 0.0]], np.float32)


def test_the_loss_of_the_class_is_real_and_of_this_class():
    classes = np.array([0, 2, 1])
    exponentials = np.exp(np.float64(LOGITS))
    p_real = exponentials.sum(axis=1) / (1 + exponentials.sum(axis=1))
    p_class = exponentials[np.arange(3), classes] / exponentials.sum(axis=1)
    expected = -(np.log(p_real) + np.log(p_class)).mean()
    assert terms.generated_class_loss(LOGITS, classes).numpy() == pytest.approx(expected, rel=1e-6)
    assert terms.generated_class_loss(LOGITS[:1], [0]).numpy() == pytest.approx(
        np.log(1 + np.exp(2) + 1 + np.exp(-1)) - 2
    )
    p = exponentials / (1 + exponentials.sum(axis=1, keepdims=True))
    found = gradient(lambda logits: terms.generated_class_loss(logits, classes), LOGITS)
    np.testing.assert_allclose(found, (p - np.eye(3)[classes]) / 3, rtol=1e-5, atol=1e-7)


def test_the_loss_of_the_class_of_extreme_and_of_bfloat16_logits():
    assert terms.generated_class_loss([[1000.0, -1000.0]], [0]).numpy() == 0
    assert terms.generated_class_loss([[1000.0, -1000.0]], [1]).numpy() == pytest.approx(2000)
    assert terms.generated_class_loss([[-1000.0, -1000.0]], [1]).numpy() == pytest.approx(1000)
    coarse = tf.cast(LOGITS, tf.bfloat16)
    value = terms.generated_class_loss(coarse, [0, 2, 1])
    assert value.dtype == tf.float32
    assert value.numpy() == terms.generated_class_loss(tf.cast(coarse, tf.float32), [0, 2, 1]).numpy()


def test_mode_seeking_by_hand():
    images = np.array([0.1, 0.5, 0.4, -0.3, 0.9], np.float32).reshape(5, 1, 1, 1) * np.ones((1, 2, 2, 1), np.float32)
    noise = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 1.0], [0.5, 0.0], [9.0, 9.0]], np.float32)
    # |0.1 - 0.4| and |0.5 + 0.3|; (1 + 0 + 0 + 0.5) / 4; the fifth has no partner
    expected = 1 / (0.55 / 0.375 + 1e-3)
    assert terms.mode_seeking_loss(images, noise).numpy() == pytest.approx(expected, rel=1e-6)
    found = gradient(lambda pixels: terms.mode_seeking_loss(pixels, noise), images)
    by_pixel = -(expected**2) / 0.375 * np.sign([-0.3, 0.8, 0.3, -0.8, 0.0]) / 8
    np.testing.assert_allclose(found, by_pixel.reshape(5, 1, 1, 1) * np.ones((1, 2, 2, 1)), rtol=1e-5)


def test_mode_seeking_has_an_end_and_needs_a_pair():
    same = tf.ones([4, 2, 2, 1])
    noise = tf.random.stateless_uniform([4, 3], [1, 2])
    assert terms.mode_seeking_loss(same, noise).numpy() == pytest.approx(1000)
    with pytest.raises(UsageError, match="mode seeking with 1 generated image; expected at least 2"):
        terms.mode_seeking_loss(same[:1], noise[:1])


def test_feature_matching_within_classes_by_hand():
    real, real_classes = np.array([[1.0, 2.0], [3.0, 0.0], [5.0, 5.0], [9.0, 9.0]], np.float32), [0, 0, 2, -1]
    generated, classes = np.array([[0.0, 0.0], [2.0, 4.0], [1.0, 1.0]], np.float32), [2, 0, 1]

    # class 0: means (2, 1) and (2, 4); class 2: (5, 5) and (0, 0); class 1 has no real image
    def loss(features):
        return terms.class_feature_matching_loss(real, real_classes, features, classes, num_classes=3)

    assert loss(generated).numpy() == pytest.approx((1.5 + 5) / 2)
    np.testing.assert_allclose(gradient(loss, generated), np.array([[-1, -1], [0, 1], [0, 0]]) / 4)
    nothing = terms.class_feature_matching_loss(real, [-1] * 4, generated, classes, num_classes=3)
    assert nothing.numpy() == 0


def test_no_gradient_flows_into_the_real_features():
    def loss(real):
        return terms.class_feature_matching_loss(real, [0, 1], tf.ones([2, 3]), [0, 1], num_classes=2)

    values = tf.zeros([2, 3])
    with tf.GradientTape() as tape:
        tape.watch(values)
        value = loss(values)
    assert value.numpy() == 1
    assert tape.gradient(value, values) is None


def conditional_gan(**options) -> ssgan.SSGAN:
    discriminator = ssgan.Discriminator(3)
    generator = ssgan.Generator((16, 16, 1), width=2, latent_dim=4, num_classes=3)
    gan = ssgan.SSGAN(discriminator, generator)
    gan.compile(keras.optimizers.Adam(1e-3, 0.5), keras.optimizers.Adam(1e-3, 0.5), **{"generated_batch": 6, **options})
    return gan


@pytest.mark.parametrize("count", [2, 5, 6])
def test_the_rows_of_a_pair_have_one_class(count):
    gan = conditional_gan(generated_batch=count)
    seen = set()
    for _ in range(20):
        classes = gan.classes().numpy()
        half = count // 2
        assert classes.shape == (count,)
        np.testing.assert_array_equal(classes[:half], classes[half : 2 * half])
        seen |= set(classes.tolist())
    assert seen == {0, 1, 2}


def test_a_conditional_generator_is_trained_by_all_its_terms():
    every = [
        terms.FeatureMatching(),
        terms.ClassFeatureMatching(threshold=0.0),
        terms.GeneratedClass(),
        terms.ModeSeeking(0.3),
    ]
    gan = conditional_gan(g_terms=every, gan_views="weak", shift=1, augment="color")
    before = [variable.numpy() for variable in gan.generator.trainable_variables]
    logs = step(gan, make_batch())
    weights = {term.name: term.weight for term in every}
    assert float(logs["g_loss"]) == pytest.approx(sum(weight * float(logs[name]) for name, weight in weights.items()))
    assert all(float(logs[name]) > 0 for name in weights)
    assert 0 <= float(logs["generated_accuracy"]) <= 1
    moved = [
        np.abs(now.numpy() - then).max() for now, then in zip(gan.generator.trainable_variables, before, strict=True)
    ]
    assert min(moved) > 0


@pytest.mark.parametrize("term", [terms.GeneratedClass(), terms.ClassFeatureMatching()])
def test_terms_of_classes_need_a_conditional_generator(term):
    with pytest.raises(UsageError, match=f"{type(term).__name__} needs a conditional generator"):
        make_gan(g_terms=[term])


def test_the_options_make_the_terms():
    assert [term.name for term in build.g_terms(Config())] == ["feature_matching", "generated_class", "mode_seeking"]
    plain = build.g_terms(Config(conditional=False, mode_seeking_weight=0))
    assert [term.name for term in plain] == ["feature_matching"]
    options = {"class_feature_matching_weight": 0.5, "generated_class_weight": 2.0, "mode_seeking_weight": 0.3}
    found = build.g_terms(Config(conditional=True, feature_matching_weight=0.7, pseudo_label_threshold=0.8, **options))
    names = ["feature_matching", "class_feature_matching", "generated_class", "mode_seeking"]
    assert [(term.name, term.weight) for term in found] == list(zip(names, (0.7, 0.5, 2.0, 0.3), strict=True))
    assert found[1].threshold == 0.8
    assert build.g_terms(Config(gan_weight=0)) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"conditional": True, "generated_class_weight": 0}, "nothing would tell the generator"),
        (
            {"conditional": False, "feature_matching_weight": 0},
            "--feature_matching_weight=0, --adversarial_weight=0: the generator would",
        ),
        ({"labels": 0, "feature_matching_weight": 0, "mode_seeking_weight": 0.3}, "the generator would learn nothing"),
        ({"objective": "gan_saturating"}, "it differs from gan in the generator's side alone"),
        ({"labels": 0, "vat_weight": 1}, "--vat_weight=1 and --labels=0: without labels there are no predictions"),
        ({"labels": 0, "consistency_term_weight": 1}, "there are no predictions to hold steady"),
        (
            {"conditional": False, "class_feature_matching_weight": 1},
            "--class_feature_matching_weight=1 without --conditional",
        ),
        ({"mode_seeking_weight": 0.3, "generated_batch": 1}, "compares two generated images; take 2 or more"),
        ({"minibatch_features": 9, "generated_batch": 1}, "it compares the images of a batch; take 2 or more of each"),
        ({"minibatch_features": 9, "unlabeled_batch": 1}, "it compares the images of a batch; take 2 or more of each"),
        ({"minibatch_features": 9, "r2_weight": 1}, "--r2_weight=1 and --minibatch_features=9: the former needs"),
        ({"gradient_penalty_weight": 1, "arch": "article"}, "--gradient_penalty_weight=1 and --arch=article: it needs"),
        ({"consistency_term_weight": 1, "arch": "article"}, "its second pass would have other statistics"),
        ({"normalization": "spectral", "arch": "article"}, "its batch norm would undo it; take another --arch"),
        ({"generator": "self_modulated", "generator_normalization": "virtual"}, "its modulation is part of its batch"),
        (
            {"label_smoothing": 0.1, "objective": "hinge"},
            "--label_smoothing=0.1 and --objective=hinge: its target is no",
        ),
        ({"objective": "wasserstein"}, "--objective=wasserstein has no minimum unless the slope"),
    ],
)
def test_senseless_combinations_are_refused(options, told):
    with pytest.raises(UsageError, match=told):
        Config(**options)


def test_without_labels_a_generator_is_told_no_class():
    assert Config(labels=10).conditional
    assert not Config(labels=0, conditional=True).conditional


def test_the_options_make_the_generator():
    options = Config(
        labels=3,
        conditional=True,
        generator="resize",
        generator_normalization="virtual",
        latent="normal",
        latent_dim=7,
        generator_width=2,
        precision="float32",
    )
    generator = build.build(options, image_shape=(16, 16, 1), num_classes=3, steps=1).generator
    found = {
        name: generator.get_config()[name] for name in ("design", "normalization", "latent", "latent_dim", "width")
    }
    assert found == {"design": "resize", "normalization": "virtual", "latent": "normal", "latent_dim": 7, "width": 2}
    assert generator.num_classes == 3


def test_minibatch_discrimination_moves_the_logits_of_real_and_of_no_class():
    rows = terms.Rows(
        images=None, logits=tf.constant(LOGITS), features=None, generated_logits=tf.constant([1.0, 0.0, -2.0])
    )
    moved = LOGITS - np.array([[1.0], [0.0], [-2.0]], np.float32)
    np.testing.assert_allclose(rows.relative_logits, moved)
    np.testing.assert_allclose(rows.gan_logits, np.log(np.exp(np.float64(moved)).sum(axis=1)), rtol=1e-6)
    np.testing.assert_allclose(tf.nn.softmax(rows.relative_logits), tf.nn.softmax(rows.logits), rtol=1e-6)
    # of the K + 1 classes, "generated" has the logit g
    explicit = np.concatenate([LOGITS, [[1.0], [0.0], [-2.0]]], axis=1)
    p_real = 1 - (np.exp(explicit) / np.exp(explicit).sum(axis=1, keepdims=True))[:, -1]
    np.testing.assert_allclose(tf.sigmoid(rows.gan_logits), p_real, rtol=1e-5)


@pytest.mark.parametrize("gan_views", ["weak", "strong"])
def test_minibatch_discrimination_has_part_in_the_steps_of_the_gan(gan_views):
    generator = ssgan.Generator((16, 16, 1), width=2, latent_dim=4, num_classes=3)
    gan = ssgan.SSGAN(ssgan.Discriminator(3, arch="tiny", minibatch_features=5), generator)
    gan.compile(
        keras.optimizers.SGD(0.1),
        keras.optimizers.SGD(0.1),
        g_terms=[terms.GeneratedClass()],
        gan_views=gan_views,
        gan_every=2,
        generated_batch=4,
    )
    gan.discriminator.generated.kernel.assign(np.ones((5, 1)))
    images, labels, _ = make_batch()
    found = gan.discriminate(
        Batch(labeled=images[:3], labels=labels[:3], unlabeled=images[3:]), gan.draw(), gan.d_terms
    )
    for part in (found.real, found.generated):
        expected = gan.discriminator.generated_logits(part.features)
        assert float(tf.reduce_min(expected)) > 0
        np.testing.assert_allclose(part.generated_logits, expected, rtol=1e-5)
        np.testing.assert_allclose(part.gan_logits, terms.gan_logits(part.logits) - expected, rtol=1e-4, atol=1e-5)
    before = [variable.numpy() for variable in gan.discriminator.minibatch.trainable_variables]
    step(gan, make_batch())
    after = [variable.numpy() for variable in gan.discriminator.minibatch.trainable_variables]
    step(gan, make_batch())  # a step without the GAN
    assert np.abs(after[0] - before[0]).max() > 0
    np.testing.assert_array_equal(gan.discriminator.minibatch.projection, after[0])


PLAIN = {"arch": "tiny", "precision": "float32"}


def test_a_gradient_penalty_allows_wasserstein():
    options = {"objective": "wasserstein", "adversarial_weight": 1.0, "feature_matching_weight": 0.0}
    config = Config(gradient_penalty_weight=10.0, **options, **PLAIN)
    gan = build.build(config, image_shape=(16, 16, 1), num_classes=3, steps=1)
    found = {term.name: term for term in [*gan.d_terms, *gan.g_terms]}
    assert found["adversarial"].objective == found["generator_adversarial"].objective == "wasserstein"


@pytest.mark.parametrize("other", [{"r1_weight": 1.0}, {"normalization": "spectral"}])
def test_what_leaves_the_gain_of_the_logits_free_does_not_allow_wasserstein(other):
    with pytest.raises(UsageError, match="wasserstein has no minimum .* add --gradient_penalty_weight=10"):
        Config(objective="wasserstein", **other)


def test_compile_refuses_wasserstein_without_a_bound():
    with pytest.raises(UsageError, match="wasserstein has no minimum"):
        make_gan(d_terms=[terms.Supervised(), terms.Adversarial(objective="wasserstein")])
    with pytest.raises(UsageError, match="wasserstein has no minimum"):  # a penalty of no weight is none
        make_gan(d_terms=[terms.Supervised(), terms.Adversarial(objective="wasserstein"), terms.GradientPenalty(0.0)])


def test_a_term_of_the_other_network_is_refused():
    with pytest.raises(UsageError, match="Adversarial is a term of the discriminator, and was given to the generator"):
        make_gan(d_terms=[terms.Supervised()], g_terms=[terms.Adversarial()])
    with pytest.raises(UsageError, match="ModeSeeking is a term of the generator, and was given to the discriminator"):
        make_gan(d_terms=[terms.Supervised(), terms.ModeSeeking()])


def test_where_images_are_encoded_every_objective_begins_in_the_middle():
    codes = tf.constant([[0.2, -0.1, 0.3]]) - tf.reduce_logsumexp(
        tf.constant([[0.2, -0.1, 0.3]]), axis=1, keepdims=True
    )
    game = terms.OBJECTIVES["hinge"]
    encoder = ssgan.Discriminator(3, arch="tiny", encoding=5)
    assert float(game.scores(codes, encoder)[0]) == pytest.approx(0, abs=1e-6)  # a code whose mean is 0
    assert float(game.scores(tf.zeros([1, 3]), ssgan.Discriminator(3, arch="tiny"))[0]) == pytest.approx(0, abs=1e-6)


KINDS = [one for one in vars(terms).values() if isinstance(one, type) and issubclass(one, terms.Term)]


@pytest.mark.parametrize("kind", [one for one in KINDS if hasattr(one, "name")], ids=lambda kind: kind.__name__)
def test_a_saved_term_comes_back_with_its_arguments(kind):
    usual, others = kind(), {"objective": "hinge", "distance": "squared", "norm": "sign"}
    arguments = {name: others.get(name, 7 if type(getattr(usual, name)) is int else 0.25) for name in kind.options}
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kind(**arguments)))
    assert type(again) is kind and again.get_config() == arguments


@pytest.mark.parametrize("objective", terms.OBJECTIVES)
def test_every_objective_is_an_option_and_the_terms_by_hand(objective):
    config = Config(objective=objective, gradient_penalty_weight=1.0, adversarial_weight=1.0)
    assert config.objective == objective
    game = terms.OBJECTIVES[objective]
    of_none = {"images": None, "features": None}
    rows = terms.Rows(logits=tf.constant(LOGITS), **of_none)
    drawn = terms.Generated(
        logits=tf.constant(LOGITS[::-1] / 2), drawn=None, strong=None, noise=None, classes=None, **of_none
    )
    passes = terms.Passes(real=rows, generated=drawn, seeds=None)
    weights = [np.exp(one) for one in (LOGITS, LOGITS[::-1] / 2)]
    if objective == "ipm":
        u_real, u_generated = (np.sum(one * np.log(one), axis=1) / one.sum(axis=1) for one in weights)
    else:
        u_real, u_generated = (np.log(one.sum(axis=1)) - (0.0 if game.is_log_ratio else np.log(3)) for one in weights)
    expected = 0.5 * (np.mean(game.real(u_real)) + np.mean(game.generated(u_generated)))
    term = terms.Adversarial(objective=objective)
    assert term(passes, None).numpy() == pytest.approx(expected, rel=1e-5)
    assert len(term.figures(passes)) == len(term.watched) == (2 if game.is_log_ratio else 0)
    of_generator = terms.GeneratorAdversarial(objective=objective)(passes, None).numpy()
    assert of_generator == pytest.approx(np.mean(game.generator(u_generated)), rel=1e-5)


def test_the_options_make_the_terms_of_the_discriminator():
    weights = {
        "r1_weight": 0.1,
        "r2_weight": 0.2,
        "gradient_penalty_weight": 0.3,
        "historical_averaging_weight": 0.4,
        "pseudo_label_weight": 0.5,
        "vat_weight": 0.6,
        "adversarial_examples_weight": 0.7,
        "consistency_term_weight": 0.8,
    }
    options = {"gan_weight": 0.3, "adversarial_weight": 0.9, "vat_radius": 0.2, "adversarial_examples_norm": "sign"}
    config = Config(**options, **weights)
    found = {term.name: term for term in build.d_terms(config, steps=10)}
    names = ["r1", "r2", "gradient_penalty", "historical_averaging", "pseudo_labels"]
    names += ["virtual_adversarial", "adversarial_examples", "consistency_term"]
    in_proportion = 0.5 * 0.3  # to the loss of the GAN, half of R + F, times its weight
    expected = [in_proportion * 0.1, in_proportion * 0.2, in_proportion * 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    assert [found[name].weight for name in names] == pytest.approx(expected)
    assert (found["adversarial_examples"].radius, found["adversarial_examples"].norm) == (0.2, "sign")
    of_generator = {term.name: term.weight for term in build.g_terms(config)}
    expected = {"generator_adversarial": 0.9, "generator_historical_averaging": 0.4, "feature_matching": 1.0}
    assert of_generator == expected | {"generated_class": 1.0, "mode_seeking": 0.3}


def test_generated_images_are_labelled_where_the_discriminator_agrees():
    classes, counts = np.array([0, 0, 1]), np.array([True, False, True])
    log_p = np.log(np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True))
    expected = -(log_p[0, 0] + log_p[2, 1]) / 3
    assert terms.generated_label_loss(LOGITS, classes, counts).numpy() == pytest.approx(expected, rel=1e-6)
    found = gradient(lambda logits: terms.generated_label_loss(logits, classes, counts), LOGITS)
    by_hand = counts[:, None] * (np.exp(log_p) - np.eye(3)[classes]) / 3
    np.testing.assert_allclose(found, by_hand, rtol=1e-5, atol=1e-7)
    p = np.exp(log_p)[np.arange(3), classes]  # 0.84, 0.01, 1/3
    assert (
        terms.is_of_class(LOGITS, classes, threshold=0.3).numpy().tolist() == (p >= 0.3).tolist() == [True, False, True]
    )
    assert terms.is_of_class(LOGITS, classes, threshold=p[0] + 1e-3).numpy().tolist() == [False, False, False]


def test_generated_labels_begin_late_and_are_refused_where_there_are_none():
    config = Config(conditional=True, generated_labels=0.3, generated_labels_start=0.25, pseudo_label_threshold=0.7)
    (found,) = [term for term in build.d_terms(config, steps=200) if term.name == "generated_labels"]
    assert (found.weight, found.threshold, found.start) == (0.3, 0.7, 50)
    with pytest.raises(UsageError, match="--generated_labels=0.3 without --conditional: the generator draws no"):
        Config(conditional=False, generated_labels=0.3)
    with pytest.raises(UsageError, match="--generated_labels=0.3 and --labels=0: without labels there are no classes"):
        Config(labels=0, generated_labels=0.3)
    with pytest.raises(UsageError, match="--generated_labels=0.3 and --arch=article: its second pass"):
        Config(generated_labels=0.3, conditional=True, arch="article")
    with pytest.raises(UsageError, match="GeneratedLabels needs a conditional generator"):
        make_gan(d_terms=[terms.Supervised(), terms.Adversarial(), terms.GeneratedLabels()])
    generator = ssgan.Generator((16, 16, 1), width=2, num_classes=3)
    with pytest.raises(UsageError, match="GeneratedLabels passes the generated images once more, and batch norm"):
        terms.GeneratedLabels().check(ssgan.Discriminator(3, arch="article"), generator, [])


def test_any_recipe_goes_without_a_generator():
    of_gan = dict.fromkeys(OF_GAN, 0.3)
    of_gan |= {"minibatch_features": 9, "objective": "wasserstein", "label_smoothing": 0.1}
    of_gan |= {"generator": "self_modulated", "generator_normalization": "virtual"}
    assert of_gan.keys() == set(OF_GAN)
    config = Config(gan_weight=0, latent="normal", vat_weight=1, **of_gan)
    assert config == Config(gan_weight=0, latent="normal", vat_weight=1) and not config.conditional
    assert [term.name for term in build.d_terms(config, steps=9)] == [
        "supervised",
        "pseudo_labels",
        "virtual_adversarial",
    ]
    given = parse_flags(Config, ["train", "--recipe=mnist_100", "--gan_weight=0"], usage="")
    assert given.gan_weight == 0 and not given.conditional and given.vat_weight == 1
