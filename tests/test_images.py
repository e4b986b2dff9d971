"""The marker walk: webcam pictures pass, hostile and broken files are refused before decoding."""

from __future__ import annotations

import os
import struct
import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.images import BadImage, check_jpeg, decode
from tests import pictures

CODES = {"not_jpeg", "truncated", "too_large", "too_many_scans", "unsupported"}
FACE = pictures.face_jpeg()
PROGRESSIVE = pictures.jpeg(pictures.portrait(), progressive=True)


def refusal(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        check_jpeg(data)
    assert caught.value.words.endswith(".") and len(caught.value.words) > 20
    return caught.value.code


def quickest_ms(data: bytes) -> float:
    def once() -> float:
        started = time.perf_counter()
        refusal(data)
        return (time.perf_counter() - started) * 1000

    return min(once() for _ in range(5))


def after_magic(extra: bytes, data: bytes = FACE) -> bytes:
    return data[:2] + extra + data[2:]


def test_webcam_picture_passes():
    shape = check_jpeg(FACE)
    assert (shape.width, shape.height, shape.scans, shape.components) == (320, 240, 1, 3)


def test_progressive_picture_passes_with_its_scans_counted():
    shape = check_jpeg(PROGRESSIVE)
    assert (shape.width, shape.height) == (320, 240)
    assert 1 < shape.scans <= 16


def test_grey_picture_passes():
    assert check_jpeg(pictures.jpeg(pictures.wall()[..., 0])).components == 1


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (640, 480)])
def test_largest_sizes_pass_either_way_round(width, height):
    assert check_jpeg(pictures.wall_jpeg(width, height)).width == width


@pytest.mark.parametrize(("width", "height"), [(1281, 720), (1280, 721), (960, 960), (721, 1280)])
def test_larger_sizes_are_refused(width, height):
    assert refusal(pictures.wall_jpeg(width, height)) == "too_large"


def test_tiny_picture_is_refused():
    assert refusal(pictures.wall_jpeg(8, 8)) == "unsupported"


def test_small_file_claiming_20000_square_is_refused_at_once():
    bomb = pictures.claiming(FACE, 20_000, 20_000)
    assert refusal(bomb) == "too_large"
    assert quickest_ms(bomb) < 5


def test_five_thousand_scans_are_refused_at_once():
    bomb = pictures.many_scans_jpeg(5000)
    assert 48_000 < len(bomb) < 66_000
    assert refusal(bomb) == "too_many_scans"
    assert quickest_ms(bomb) < 5


@pytest.mark.parametrize(
    "body", [b"\xff" * 64_000, b"\xff\x00" * 32_000, b"\xff\xd0" * 32_000, b"\xff\xff\x00" * 21_000]
)
def test_data_made_of_marker_bytes_is_walked_at_once(body):
    start = FACE.index(b"\xff\xda")
    unended = FACE[: start + 14] + body
    assert refusal(unended) == "truncated"
    assert quickest_ms(unended) < 5


def test_thousands_of_empty_segments_are_refused_at_once():
    bomb = after_magic(b"\xff\xe0\x00\x02" * 16_000)
    assert refusal(bomb) == "unsupported"
    assert quickest_ms(bomb) < 5


@pytest.mark.parametrize("data", [b"", b"\xff", b"GIF89a" + b"\0" * 100, b"\x89PNG\r\n\x1a\n" * 9])
def test_other_files_are_not_jpeg(data):
    assert refusal(data) == "not_jpeg"


@pytest.mark.parametrize("kept", [3, 20, 150, 400, 2000, len(FACE) - 2, len(FACE) - 1])
def test_cut_off_files_are_truncated(kept):
    assert refusal(FACE[:kept]) == "truncated"


def test_file_without_picture_data_is_truncated():
    assert refusal(b"\xff\xd8\xff\xd9") == "truncated"


def test_thumbnail_inside_exif_is_skipped_by_its_length():
    thumbnail = pictures.claiming(pictures.wall_jpeg(64, 64), 20_000, 20_000)
    data = after_magic(pictures.segment(0xE1, b"Exif\0\0" + thumbnail))
    assert check_jpeg(data).width == 320


def test_fill_bytes_before_a_marker_are_skipped():
    assert check_jpeg(after_magic(b"\xff" * 50)).width == 320


def test_restart_markers_inside_the_data_are_no_segments():
    done, data = cv2.imencode(".jpg", pictures.portrait(), [cv2.IMWRITE_JPEG_RST_INTERVAL, 4])
    assert done and b"\xff\xd3" in data.tobytes()
    assert check_jpeg(data.tobytes()).scans == 1


@pytest.mark.parametrize("length", [0, 1])
def test_segment_shorter_than_its_own_length_is_refused(length):
    assert refusal(after_magic(struct.pack(">HH", 0xFFE0, length))) == "not_jpeg"


def test_second_frame_header_is_refused():
    start = FACE.index(b"\xff\xc0")
    header = FACE[start : start + 19]
    assert refusal(FACE[:start] + header + FACE[start:]) == "unsupported"


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_lossless_and_arithmetic_jpeg_are_refused(marker):
    assert refusal(FACE.replace(b"\xff\xc0", bytes((0xFF, marker)), 1)) == "unsupported"


def test_four_components_and_twelve_bits_are_refused():
    start = FACE.index(b"\xff\xc0")
    cmyk = pictures.segment(0xC0, struct.pack(">BHHB", 8, 240, 320, 4) + b"\x01\x11\x00" * 4)
    assert refusal(FACE[:start] + cmyk + FACE[start + 19 :]) == "unsupported"
    assert refusal(FACE[: start + 4] + b"\x0c" + FACE[start + 5 :]) == "unsupported"


def test_picture_data_before_the_frame_header_is_refused():
    start = FACE.index(b"\xff\xc0")
    assert refusal(FACE[:start] + FACE[start + 19 :]) == "not_jpeg"


def test_decoding_gives_blue_green_red_bytes():
    picture = decode(FACE)
    assert picture.shape == (240, 320, 3)
    assert picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - pictures.portrait()).mean() < 4


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((640, 480), (320, 240)), ((1280, 720), (640, 360)), ((640, 360), (640, 360))],
)
def test_large_pictures_are_halved_while_decoding(size, decoded):
    height, width = decode(pictures.wall_jpeg(*size)).shape[:2]
    assert (width, height) == decoded


def test_orientation_in_exif_is_ignored():
    rotate = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    assert decode(after_magic(pictures.segment(0xE1, rotate))).shape == (240, 320, 3)


def test_decoder_refuses_large_pictures_too():
    assert int(os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"]) <= 1280 * 1280


@settings(max_examples=300, deadline=None)
@given(
    base=st.sampled_from([FACE, PROGRESSIVE]),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12
    ),
    in_headers=st.booleans(),
    kept=st.floats(0.05, 1),
)
def test_any_change_of_bytes_is_read_or_refused(base, changes, in_headers, kept):
    data = bytearray(base)
    reach = 700 if in_headers else len(data)
    for place, value in changes:
        data[int(place * reach)] = value
    if kept < 0.5:
        data = data[: int(kept * 2 * len(data))]
    try:
        assert decode(bytes(data)).ndim == 3
    except BadImage as refused:
        assert refused.code in CODES


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    for start in (b"", b"\xff\xd8\xff"):
        with pytest.raises(BadImage):
            check_jpeg(start + data)
