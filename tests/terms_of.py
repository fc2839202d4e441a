"""Terms by the names and values of the options, as the command line makes them."""

from ssgan import terms


def terms_of(
    *,
    gan_weight=1.0,
    label_smoothing=0.0,
    feature_matching_weight=1.0,
    feature_matching="l1",
    generated_class_weight=0.0,
    mode_seeking_weight=0.0,
    pseudo_label_weight=0.0,
    pseudo_label_threshold=0.95,
    vat_weight=0.0,
    vat_radius=0.05,
    generated_labels=0.0,
    generated_labels_start=0,
) -> dict[str, list[terms.Term]]:
    """Returns `d_terms` and `g_terms` for `SSGAN.compile`."""
    d_terms = [
        terms.Supervised(),
        terms.Adversarial(gan_weight, label_smoothing=label_smoothing),
        terms.PseudoLabels(pseudo_label_weight, threshold=pseudo_label_threshold),
        terms.VirtualAdversarial(vat_weight, radius=vat_radius),
        terms.GeneratedLabels(generated_labels, threshold=pseudo_label_threshold, start=generated_labels_start),
    ]
    g_terms = [
        terms.FeatureMatching(feature_matching_weight, distance=feature_matching),
        terms.GeneratedClass(generated_class_weight),
        terms.ModeSeeking(mode_seeking_weight),
    ]
    return {
        "d_terms": [term for term in d_terms if term.weight],
        "g_terms": [term for term in g_terms if term.weight and gan_weight],
    }


OPTIONS = tuple(terms_of.__kwdefaults__)


def split(options: dict) -> dict:
    """Returns the options of `SSGAN.compile`, those of terms replaced by the terms."""
    of_terms = {name: value for name, value in options.items() if name in OPTIONS}
    return {**terms_of(**of_terms), **{name: value for name, value in options.items() if name not in OPTIONS}}
