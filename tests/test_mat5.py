import numpy as np
import pytest
import scipy.io

from ssgan.data import mat5

NUMBERS = np.arange(24).reshape(2, 3, 4)


def accept(dtype, shape):
    pass


def written(folder, *, compressed, **arrays):
    scipy.io.savemat(folder / "file.mat", arrays, do_compression=compressed)
    return folder / "file.mat"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_it_agrees_with_scipy(tmp_path, dtype, compressed):
    arrays = {"X": NUMBERS.astype(dtype), "y": np.array([[7]], dtype), "large": np.ones((300, 500), dtype)}
    path = written(tmp_path, compressed=compressed, skipped=NUMBERS, words="text", **arrays)
    found, expected = mat5.read(path, dict.fromkeys(arrays, accept)), scipy.io.loadmat(path)
    assert found.keys() == arrays.keys()
    for name in arrays:
        np.testing.assert_array_equal(found[name], expected[name], strict=True)


def test_the_check_is_asked_before_the_numbers_are_read(tmp_path):
    path = written(tmp_path, compressed=False, X=NUMBERS)
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    def refuse(dtype, shape):
        assert dtype == np.int64 and shape == (2, 3, 4)
        raise ValueError("not welcome")

    with pytest.raises(ValueError, match="not welcome"):
        mat5.read(path, {"X": refuse})


def test_an_array_twice_is_refused(tmp_path):
    path = written(tmp_path, compressed=True, X=NUMBERS)
    content = path.read_bytes()
    path.write_bytes(content + content[128:])
    with pytest.raises(ValueError, match="holds X twice"):
        mat5.read(path, {"X": accept})


def test_a_flipped_bit_in_compressed_numbers_is_noticed(tmp_path):
    path = written(tmp_path, compressed=True, X=np.random.default_rng(0).integers(0, 256, (9, 999), np.uint8))
    content = bytearray(path.read_bytes())
    content[4000] ^= 1
    path.write_bytes(content)
    with pytest.raises(Exception, match="incorrect data check|invalid|cut short"):
        mat5.read(path, {"X": accept})


def test_many_variables_are_refused(tmp_path):
    path = written(tmp_path, compressed=False, X=NUMBERS)
    content = path.read_bytes()
    path.write_bytes(content + content[128:].replace(b"X", b"Z") * 64)
    with pytest.raises(ValueError, match="holds (Z twice|more than 64 variables)"):
        mat5.read(path, {"X": accept})
