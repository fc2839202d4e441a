"""Anybody's own pictures: a folder, or a folder and a file of labels, as a `ssgan.data.Source`."""

from ssgan.data.own.decode import Preparation, read_picture
from ssgan.data.own.folder import ALL_IMAGES, Folder, choose_preparation, find
from ssgan.data.own.images import OwnImages, load
from ssgan.data.own.opening import Unreadable

__all__ = [
    "ALL_IMAGES",
    "Folder",
    "OwnImages",
    "Preparation",
    "Unreadable",
    "choose_preparation",
    "find",
    "load",
    "read_picture",
]
