"""What `import ssgan` does: little, but Keras knows the classes then, and editors the names."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import fuzz_readers
import keras

import ssgan
from ssgan import registration


def test_keras_loads_a_gan_whichever_of_the_two_is_imported_first(tmp_path):
    fuzz_readers.make_gan(tmp_path)
    script = """
import sys
import ssgan
assert not {"tensorflow", "keras"} & sys.modules.keys()
import keras
assert "ssgan.gan" not in sys.modules
assert keras.models.load_model("gan.keras").compiled

for name in [name for name in sys.modules if name.partition(".")[0] == "ssgan"]:
    del sys.modules[name]
keras.saving.get_custom_objects().clear()
import ssgan
saved = {"module": "x", "class_name": "x", "registered_name": "ssgan>Generator", "config": {"image_shape": (16, 16, 1)}}
assert type(keras.saving.deserialize_keras_object(saved)) is ssgan.Generator
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_keras_is_told_of_every_class_and_where_it_is():
    for module in pkgutil.walk_packages(ssgan.__path__, "ssgan."):
        importlib.import_module(module.name)
    registered = keras.saving.get_custom_objects()
    homes = {f"ssgan>{name}": importlib.import_module(f"ssgan.{home}") for name, home in registration.HOME.items()}
    assert homes.keys() == {name for name in registered if name.startswith("ssgan>")}
    for name, home in homes.items():
        assert getattr(home, name.removeprefix("ssgan>")) is registered[name]


def test_editors_see_the_names_that_are_imported_on_first_use():
    tree = ast.parse(Path(ssgan.__file__).read_text())
    found = {
        (alias.asname, node.module)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert found == {(name, f"ssgan.{home}") for name, home in ssgan._HOME.items()}
    assert all(callable(getattr(ssgan, name)) for name in ssgan.__all__)
    assert (Path(ssgan.__file__).parent / "py.typed").is_file()
