"""Lossless compression of images by a trained model: a file that gives the images back exactly."""

from flowplay.codec.coder import ImageCodec, codec_of
from flowplay.codec.container import CodecError
from flowplay.codec.npy import read_images, write_images

__all__ = ["CodecError", "ImageCodec", "codec_of", "read_images", "write_images"]
