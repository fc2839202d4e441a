"""What `import ssgan` does: little, but Keras knows the classes then, and editors the names."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path

import keras

import ssgan
from experiments.robustness import readers
from ssgan import registration, terms

ROOT = Path(__file__).parent.parent


def test_keras_loads_a_gan_whichever_of_the_two_is_imported_first(tmp_path):
    readers.make_gan(tmp_path)
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
    of_terms = {f"ssgan>{name}" for name in terms.__all__ if issubclass(type(getattr(terms, name)), type)}
    own = {name for name in registered if name.startswith("ssgan>")}
    assert homes.keys() == own - of_terms and own - homes.keys()  # terms come with the model that has them
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


def test_the_wheel_holds_every_package_and_the_recipes(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("ssgan-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    kinds = (".py", ".html", ".css", ".js")
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "ssgan").rglob("*") if path.suffix in kinds}
    assert found <= {str(path.relative_to(tmp_path / "installed")) for path in (tmp_path / "installed").rglob("*")}
    script = "from ssgan.options import recipes; print(recipes._folder(), *recipes.names())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    folder, *names = shown.stdout.split()
    assert folder == str(tmp_path / "installed" / "ssgan" / "configs"), shown.stderr
    assert names == sorted(path.stem for path in (ROOT / "configs").glob("*.cfg"))
