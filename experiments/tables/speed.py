"""Tables of times."""

import statistics
from typing import Any

from experiments.common import results
from experiments.tables.parts import RESULTS, markdown, result


def _step(net: str, tool: str, digits: int = 2) -> str:
    """Returns the seconds of a step: the median of the rounds' medians."""
    return f"{statistics.median(_comparison(net)['tools'][tool]['median_seconds']):.{digits}f}"


def _ratio(net: str, tools: str, *, bold: bool = False) -> str:
    found = _comparison(net)["ratios"][tools]
    median = f"**{found['median']:.2f}**" if bold else f"{found['median']:.2f}"
    return f"{median} ({found['min']:.2f}-{found['max']:.2f})"


def _comparison(net: str) -> dict[str, Any]:
    return result("bench")["comparisons"][net]


def _gflop(net: str, updates: str) -> float:
    return _comparison(net)["gflop"][f"--updates={updates}"]


def step_times() -> str:
    """A step of the paper's net beside the same step in other tools."""
    net, ours, simple = "paper_svhn", "ssgan alternating", "ssgan simultaneous"
    torch16, torch32 = "PyTorch bfloat16 channels_last", "PyTorch float32 channels_last"
    like = f"{_ratio(net, f'{torch16} / {simple}')} / "  # in bfloat16, and both in float32
    rows = [
        ["**ssgan**, alternating updates, as the peers; bfloat16", _step(net, ours), "", ""],
        ["the same, float32", _step(net, f"{ours} float32"), "", ""],
        [
            *("PyTorch 2.13, bfloat16, channels_last (its best here)", _step(net, torch16)),
            *(_ratio(net, f"{torch16} / {ours}", bold=True), ""),
        ],
        [
            *("PyTorch 2.13, float32, channels_last", _step(net, torch32), _ratio(net, f"{torch32} / {ours}")),
            _ratio(net, f"{torch32} / {ours} float32", bold=True),
        ],
        [
            *("LAMDA-SSL 1.0.2, float32", _step(net, "LAMDA-SSL"), _ratio(net, f"LAMDA-SSL / {ours}")),
            _ratio(net, f"LAMDA-SSL / {ours} float32", bold=True),
        ],
        [
            f"**ssgan**, simultaneous updates, bfloat16; {_gflop(net, 'simultaneous'):.0f} GFLOP",
            *(_step(net, simple), "", ""),
        ],
        ["the same, float32", _step(net, f"{simple} float32"), "", ""],
        [
            *("PyTorch, bfloat16 / float32, against that", "", like.removesuffix(" / ")),
            _ratio(net, f"{torch32} / {simple} float32"),
        ],
        [
            *("LAMDA-SSL, float32, against that", "", _ratio(net, f"LAMDA-SSL / {simple}")),
            _ratio(net, f"LAMDA-SSL / {simple} float32"),
        ],
    ]
    work = f"`{net}`: D on 100 + 100 + 100 images, G on 100 + 100; {_gflop(net, 'alternating'):.0f} GFLOP"
    columns = ["s/step", "time / that of ssgan, bfloat16", "like for like: ssgan in float32, too"]
    return markdown([work, *columns], rows)


def nets() -> str:
    """A step of each net beside its convolutions alone and one large matrix product."""
    article, against = "article", "TensorFlow 2 / ssgan simultaneous"
    of_article = (
        f"the article's step in TensorFlow 2, float32: {_ratio(article, against)} times ssgan's; with ssgan in "
        f"float32, too: {_ratio(article, f'{against} float32')}"
    )
    default = "`small`, the default recipe of version 0.1 where the GAN takes part, in every fourth step"
    rows = []
    for title, net, updates, digits, peer in (
        ("`paper_svhn`, alternating", "paper_svhn", "alternating", 2, "see above"),
        ("`paper_cifar`, alternating", "paper_cifar", "alternating", 2, ""),
        ("`article`, simultaneous", article, "simultaneous", 3, of_article),
        (default, "small", "simultaneous", 3, ""),
    ):
        tool, found = f"ssgan {updates}", _comparison(net)
        seconds = statistics.median(found["tools"][tool]["median_seconds"])
        share = _gflop(net, updates) / seconds / found["peak_gflop_per_second"]
        alone = found["ratios"][f"{tool} / convolutions alone"]["median"]
        rows.append([title, f"{seconds:.{digits}f}", f"{alone:.2f}", f"{100 * share:.0f} %", peer])
    columns = ["ssgan, s/step", "step / its convolutions alone", "share of a matrix product's speed", "peer"]
    return markdown(["net and updates, bfloat16", *columns], rows)


_CHANGES = {  # what is compared, from the side of ssgan as it is
    "Keras' Dropout": "dropout of its own, not Keras'",
    "Keras' BatchNormalization": "batch norm of its own, not Keras'",
    "bias by +": "bias added by the convolution's operation, not by `+`",
    "LeakyReLU's gradient from its output": "gradient of LeakyReLU from its output",
    "strided weight gradients by taps": "gradient of strided kernels tap by tap",
    "ten steps in an execution": "ten steps in an execution",
    "XLA": "XLA",
}


def variants() -> str:
    """What each change of the training step saves, or would save."""
    rows = [
        [
            *(f"`{net}`", _CHANGES[name], "yes" if found["kept"] else "no", _share(found["gain"])),
            ", ".join(map(_share, found["gains"])),
        ]
        for net, measured in result("variants").items()
        for name, found in measured["variants"].items()
    ]
    return markdown(["net", "change", "in ssgan", "saves, share of a step (median)", "by round"], rows)


def _share(gain: float) -> str:
    return f"{round(100 * gain)} %"


_RUNTIMES = {  # ways to run the classifier, by format; Keras' own last
    "onnx": {"onnx": "ONNX Runtime"},
    "openvino": {"openvino": "OpenVINO"},
    "litert": {"litert": "LiteRT"},
    "saved_model": {"saved_model": "SavedModel, in TensorFlow"},
    "keras": {
        "predict_on_batch": "Keras, `predict_on_batch`",
        "call": "Keras, `classifier(images)`",
        "predict": "Keras, `predict`",
    },
}


def exports() -> str:
    """The classifier in each format: size, difference from Keras, time to load and to classify."""
    found = result("exports")
    rows = []
    for name, ways in _RUNTIMES.items():
        of = found["formats"][name]
        for way, title in ways.items():
            times = of["milliseconds"][way]
            off = "" if name == "keras" else f"{of['largest_difference']:.0e}"
            facts = [f"{of['bytes'] / 1e6:.1f} MB", off, f"{of['load_seconds']:.1f} s", f"{of['peak_mib']:.0f} MiB"]
            rows.append([title, f"{times['one']:.1f} ms", f"{times['many']:.0f} ms", *facts])
    columns = ["one image", f"{found['count']} images", "files", "largest difference", "loaded in", "memory"]
    return markdown(["run by", *columns], rows)


def labelling() -> str:
    """How soon the labelling page answers, and chooses."""
    return labelling_table(results.read(RESULTS / "labelling_speed.json"))


def labelling_table(found: dict[str, Any]) -> str:
    """Returns the table of a results file, which may be empty."""
    if not found:
        return "Nothing is measured yet."
    page, choosing = found["page"], found["choosing"]
    rows = [
        ["from a key to the next picture, median of {:,}".format(page["keys"]), f"{page['median_ms']:.0f} ms"],
        ["the same, 95 of 100", f"{page['quantile_95_ms']:.0f} ms"],
        [f"memory of the server with {page['pictures']:,} pictures", f"{page['anonymous_mib']} MiB"],
        [f"what {choosing['pictures']:,} pictures look like, once at the start", f"{choosing['embed_seconds']:.1f} s"],
        *(
            [f"choosing 50 typical ones of them, after {labels} labels", f"{choosing[name]:.1f} s"]
            for labels in (0, 100, 400)
            if (name := f"typical_seconds_{labels}_labels") in choosing
        ),
        ["choosing 50 uncertain ones of 20,000 that a run has looked at", f"{choosing['uncertain_seconds']:.2f} s"],
    ]
    hardware = found["hardware"]
    return f"{markdown(('what', 'takes'), rows)}\n\nSynthetic photographs of 500x400 pixels; {hardware['processor']}."
