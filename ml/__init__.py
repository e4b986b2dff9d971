"""Faces and expressions: what is known of images, and nothing of Django."""

import os

# OpenCV reads its limit once, when it loads, so it stands before anything here can import cv2.
# The marker walk in ml.images is the real gate; this is the second lock on the same door.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1280 * 1280))
